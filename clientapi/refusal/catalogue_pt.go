package refusal

// portuguese holds the pt-BR sentences by their English originals.
var portuguese = map[string]string{
	"Your session has ended. Please sign in again.": "Sua sessão terminou. Entre novamente.",

	"Only an administrator of the account may do this.":                                                           "Somente um administrador da conta pode fazer isto.",
	"Please sign in first: this request has no access token.":                                                     "Entre primeiro: esta requisição não tem um token de acesso.",
	"Something went wrong on the server. Please try again later.":                                                 "Algo deu errado no servidor. Tente novamente mais tarde.",
	"The address of this request has characters that are not valid UTF-8 text.":                                   "O endereço desta requisição tem caracteres que não são texto UTF-8 válido.",
	"The address of this request is too long.":                                                                    "O endereço desta requisição é longo demais.",
	"The parameter %s must be \"true\" or \"false\".":                                                             "O parâmetro %s deve ser \"true\" ou \"false\".",
	"The parameter %s must be a whole number that is not negative.":                                               "O parâmetro %s deve ser um número inteiro não negativo.",
	"The parameter %s must be one of: %s.":                                                                        "O parâmetro %s deve ser um destes: %s.",
	"The parameters of this request are not valid UTF-8 text in URL encoding.":                                    "Os parâmetros desta requisição não são texto UTF-8 válido em codificação de URL.",
	"The request contains the NUL character (\\u0000), which is not permitted in texts.":                          "A requisição contém o caractere NUL (\\u0000), que não é permitido em textos.",
	"The request ended before all of it had arrived. Please try again.":                                           "A requisição terminou antes de chegar por inteiro. Tente novamente.",
	"The request has a value of the wrong type at %s.":                                                            "A requisição tem um valor do tipo errado em %s.",
	"The request has a value of the wrong type.":                                                                  "A requisição tem um valor do tipo errado.",
	"The request has too many levels of JSON in each other: at most 100 are permitted.":                           "A requisição tem níveis demais de JSON aninhado: são permitidos no máximo 100.",
	"The request is not valid JSON: it must be UTF-8, without duplicate keys and without anything after its end.": "A requisição não é JSON válido: deve ser UTF-8, sem chaves repetidas e sem nada depois do fim.",
	"The request must be a JSON object.":                                                                          "A requisição deve ser um objeto JSON.",
	"The request took too long to arrive. Please try again.":                                                      "A requisição demorou demais para chegar. Tente novamente.",
	"The request was ended before it could be answered. Please try again.":                                        "A requisição foi encerrada antes de ser respondida. Tente novamente.",
	"This address does not take %s requests.":                                                                     "Este endereço não aceita requisições %s.",
	"This request is too large: at most %d bytes are permitted.":                                                  "Esta requisição é grande demais: são permitidos no máximo %d bytes.",
	"This server does not federate.":                                                                              "Este servidor não participa de federação.",
	"This server does not know the requested address.":                                                            "Este servidor não conhece o endereço solicitado.",
	"Too many requests. Please try again in %d s.":                                                                "Requisições demais. Tente novamente em %d s.",
}
