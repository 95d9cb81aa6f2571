package refusal

// portugueseOAuth holds the pt-BR sentences of what is refused on the way through OAuth.
var portugueseOAuth = map[string]string{
	"This permission has expired or was used before. Please sign in again.":                                                        "Esta permissão expirou ou já foi usada. Entre novamente.",
	"This sign-in took too long, was decided already, or began in another browser. Please begin again in your client.":             "Esta entrada demorou demais, já foi decidida ou começou em outro navegador. Comece novamente no seu cliente.",
	"There is no device with this code, or it has waited too long. Please look at the code again.":                                 "Não há nenhum dispositivo com este código, ou ele esperou demais. Confira o código novamente.",
	"This page does not come from where it should. Please begin again in your client.":                                             "Esta página não vem de onde deveria. Comece novamente no seu cliente.",
	"The request is not a form in URL encoding whose fields are UTF-8 text and come once.":                                         "A requisição não é um formulário em codificação de URL cujos campos sejam texto UTF-8 e apareçam uma única vez.",
	"Clients do not sign in by OAuth here.":                                                                                        "Aqui os clientes não entram por OAuth.",
	"Your client has asked for something that this server does not permit, so nobody can sign in with it. Please tell its makers.": "O seu cliente pediu algo que este servidor não permite, por isso ninguém pode entrar com ele. Avise quem o fez.",
}
