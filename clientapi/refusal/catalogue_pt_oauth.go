package refusal

// portugueseOAuth holds the pt-BR sentences of what is refused on the way through OAuth.
var portugueseOAuth = map[string]string{
	"This permission has expired or was used before. Please sign in again.":                                            "Esta permissão expirou ou já foi usada. Entre novamente.",
	"This sign-in took too long, was decided already, or began in another browser. Please begin again in your client.": "Esta entrada demorou demais, já foi decidida ou começou em outro navegador. Comece novamente no seu cliente.",
	"There is no device with this code, or it has waited too long. Please look at the code again.":                     "Não há nenhum dispositivo com este código, ou ele esperou demais. Confira o código novamente.",
	"This page does not come from where it should. Please begin again in your client.":                                 "Esta página não vem de onde deveria. Comece novamente no seu cliente.",
}
