package refusal

// spanishLogin holds the es sentences of what logins refuse.
var spanishLogin = map[string]string{
	"A key for sign-ins needs an \"alg\" (HS256, RS256, ES256 or EdDSA) and what belongs to it: a \"secret\" of 32 bytes or more, or a public \"jwk\".": "Una clave para iniciar sesión necesita un \"alg\" (HS256, RS256, ES256 o EdDSA) y lo que le corresponde: un \"secret\" de 32 bytes o más, o un \"jwk\" público.",
	"Nobody signs in with a password in this account.":                                                                 "En esta cuenta nadie inicia sesión con contraseña.",
	"Please confirm this as the user who asks for it.":                                                                 "Confirme esto como el usuario que lo pide.",
	"The parameter redirectUrl must be an address of the web or of an app.":                                            "El parámetro redirectUrl debe ser una dirección de la web o de una aplicación.",
	"The sign-in was cancelled, or it was refused there. Please begin again.":                                          "El inicio de sesión se ha cancelado, o se ha rechazado allí. Empiece de nuevo.",
	"This account has no such way to sign in.":                                                                         "Esta cuenta no tiene esta forma de iniciar sesión.",
	"This has to be confirmed, and you have no way to do that here: neither a password nor a sign-in of your account.": "Esto debe confirmarse, y usted no tiene cómo hacerlo aquí: ni una contraseña, ni una forma de iniciar sesión de su cuenta.",
	"This sign-in is not valid, or it was used before. Please sign in again.":                                          "Este inicio de sesión no es válido o ya se ha usado. Vuelva a iniciar sesión.",
	"This sign-in took too long, or it began in another browser. Please begin again.":                                  "Este inicio de sesión ha tardado demasiado o empezó en otro navegador. Empiece de nuevo.",
}
