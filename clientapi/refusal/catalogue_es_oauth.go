package refusal

// spanishOAuth holds the es sentences of what is refused on the way through OAuth.
var spanishOAuth = map[string]string{
	"This permission has expired or was used before. Please sign in again.":                                                        "Este permiso ha caducado o ya se ha usado. Vuelva a iniciar sesión.",
	"This sign-in took too long, was decided already, or began in another browser. Please begin again in your client.":             "Este inicio de sesión ha tardado demasiado, ya se ha decidido o empezó en otro navegador. Empiece de nuevo en su cliente.",
	"There is no device with this code, or it has waited too long. Please look at the code again.":                                 "No hay ningún dispositivo con este código, o ha esperado demasiado. Mire el código de nuevo.",
	"This page does not come from where it should. Please begin again in your client.":                                             "Esta página no viene de donde debería. Empiece de nuevo en su cliente.",
	"The request is not a form in URL encoding whose fields are UTF-8 text and come once.":                                         "La solicitud no es un formulario en codificación de URL cuyos campos sean texto UTF-8 y aparezcan una sola vez.",
	"Clients do not sign in by OAuth here.":                                                                                        "Aquí los clientes no inician sesión por OAuth.",
	"Your client has asked for something that this server does not permit, so nobody can sign in with it. Please tell its makers.": "Su cliente ha pedido algo que este servidor no permite, así que nadie puede iniciar sesión con él. Avise a quienes lo hacen.",
}
