package refusal

// portugueseLogin holds the pt-BR sentences of what logins refuse.
var portugueseLogin = map[string]string{
	"A key for sign-ins needs an \"alg\" (HS256, RS256, ES256 or EdDSA) and what belongs to it: a \"secret\" of 32 bytes or more, or a public \"jwk\".": "Uma chave para entrar precisa de um \"alg\" (HS256, RS256, ES256 ou EdDSA) e do que pertence a ele: um \"secret\" de 32 bytes ou mais, ou um \"jwk\" público.",
	"Nobody signs in with a password in this account.":                                                                 "Nesta conta ninguém entra com senha.",
	"Please confirm this as the user who asks for it.":                                                                 "Confirme isto como o usuário que o pede.",
	"The parameter redirectUrl must be an address of the web or of an app.":                                            "O parâmetro redirectUrl deve ser um endereço da web ou de um aplicativo.",
	"The sign-in was cancelled, or it was refused there. Please begin again.":                                          "A entrada foi cancelada, ou foi recusada lá. Comece novamente.",
	"This account has no such way to sign in.":                                                                         "Esta conta não tem esta forma de entrar.",
	"This has to be confirmed, and you have no way to do that here: neither a password nor a sign-in of your account.": "Isto precisa ser confirmado, e você não tem como fazê-lo aqui: nem uma senha, nem uma forma de entrar da sua conta.",
	"This sign-in is not valid, or it was used before. Please sign in again.":                                          "Esta entrada não é válida ou já foi usada. Entre novamente.",
	"This sign-in took too long, or it began in another browser. Please begin again.":                                  "Esta entrada demorou demais ou começou em outro navegador. Comece novamente.",
}
