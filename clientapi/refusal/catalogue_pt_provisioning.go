package refusal

// portugueseProvisioning holds the pt-BR sentences of what provisioning refuses.
var portugueseProvisioning = map[string]string{
	"A key has either a secret (HS256) or, in jwk, a public key of the kind that its alg needs.": "Uma chave tem um segredo (HS256) ou, em jwk, uma chave pública do tipo que o alg exige.",
	"A newer version of this is known already. Nothing was changed.":                             "Já se conhece uma versão mais nova disto. Nada foi alterado.",
	"A version is a whole number from 1 to 9007199254740991.":                                    "Uma versão é um número inteiro de 1 a 9007199254740991.",
	"An availability must be online, busy or offline.":                                           "A disponibilidade deve ser online, busy ou offline.",
	"An operation of a bulk is PUT or DELETE, on users/ID or teams/ID.":                          "Uma operação em lote é PUT ou DELETE, em users/ID ou teams/ID.",
	"Please give the account a server_name: the server has no base domain to make one of.":       "Informe o server_name da conta: o servidor não tem um domínio base para formá-lo.",
	"The ID of a user or a team has 1 to 64 of a-z, A-Z, 0-9, ., _ and -.":                       "O ID de um usuário ou de uma equipe tem de 1 a 64 caracteres entre a-z, A-Z, 0-9, ., _ e -.",
	"The field %s cannot be changed.":                                                            "O campo %s não pode ser alterado.",
	"The field %s is missing.":                                                                   "Falta o campo %s.",
	"The field %s may have at most %d bytes.":                                                    "O campo %s pode ter no máximo %d bytes.",
	"The field %s may have at most %d entries.":                                                  "O campo %s pode ter no máximo %d itens.",
	"The field %s must be a language tag, such as pt-BR.":                                        "O campo %s deve ser um código de idioma, como pt-BR.",
	"The field %s must be an address that begins with one of: %s.":                               "O campo %s deve ser um endereço que começa com um destes: %s.",
	"The field %s must be an e-mail address.":                                                    "O campo %s deve ser um endereço de e-mail.",
	"The field %s must be an object.":                                                            "O campo %s deve ser um objeto.",
	"The field %s must be one of: %s.":                                                           "O campo %s deve ser um destes: %s.",
	"The field %s must be the name of a time zone, such as America/Sao_Paulo.":                   "O campo %s deve ser o nome de um fuso horário, como America/Sao_Paulo.",
	"The field %s must not be empty.":                                                            "O campo %s não pode ficar vazio.",
	"The localpart of a user cannot be changed: it is part of the user ID.":                      "O localpart de um usuário não pode ser alterado: faz parte do ID do usuário.",
	"The parameter %s must be what \"next\" of the page before says.":                            "O parâmetro %s deve ser o que \"next\" da página anterior diz.",
	"The secret of a key must have at least %d bytes.":                                           "O segredo de uma chave deve ter no mínimo %d bytes.",
	"The server name of an account cannot be changed: user IDs and room addresses contain it.":   "O nome de servidor de uma conta não pode ser alterado: está nos IDs de usuários e nos endereços de salas.",
	"This team does not exist.":                                                                  "Esta equipe não existe.",
	"This user is locked out at the moment.":                                                     "Este usuário está bloqueado no momento.",
}
