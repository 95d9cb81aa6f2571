package refusal

// spanishProvisioning holds the es sentences of what provisioning refuses.
var spanishProvisioning = map[string]string{
	"A key has either a secret (HS256) or, in jwk, a public key of the kind that its alg needs.": "Una clave tiene un secreto (HS256) o, en jwk, una clave pública del tipo que exige su alg.",
	"A newer version of this is known already. Nothing was changed.":                             "Ya se conoce una versión más nueva de esto. No se ha cambiado nada.",
	"A version is a whole number from 1 to 9007199254740991.":                                    "Una versión es un número entero de 1 a 9007199254740991.",
	"An availability must be online, busy or offline.":                                           "La disponibilidad debe ser online, busy u offline.",
	"An operation of a bulk is PUT or DELETE, on users/ID or teams/ID.":                          "Una operación por lotes es PUT o DELETE, sobre users/ID o teams/ID.",
	"Please give the account a server_name: the server has no base domain to make one of.":       "Indique el server_name de la cuenta: el servidor no tiene un dominio base para formarlo.",
	"The ID of a user or a team has 1 to 64 of a-z, A-Z, 0-9, ., _ and -.":                       "El ID de un usuario o de un equipo tiene de 1 a 64 caracteres entre a-z, A-Z, 0-9, ., _ y -.",
	"The field %s cannot be changed.":                                                            "El campo %s no se puede cambiar.",
	"The field %s is missing.":                                                                   "Falta el campo %s.",
	"The field %s may have at most %d bytes.":                                                    "El campo %s puede tener como máximo %d bytes.",
	"The field %s may have at most %d entries.":                                                  "El campo %s puede tener como máximo %d elementos.",
	"The field %s must be a language tag, such as pt-BR.":                                        "El campo %s debe ser un código de idioma, como pt-BR.",
	"The field %s must be an address that begins with one of: %s.":                               "El campo %s debe ser una dirección que empiece por uno de estos: %s.",
	"The field %s must be an e-mail address.":                                                    "El campo %s debe ser una dirección de correo electrónico.",
	"The field %s must be an object.":                                                            "El campo %s debe ser un objeto.",
	"The field %s must be one of: %s.":                                                           "El campo %s debe ser uno de estos: %s.",
	"The field %s must be the name of a time zone, such as America/Sao_Paulo.":                   "El campo %s debe ser el nombre de una zona horaria, como America/Sao_Paulo.",
	"The field %s must not be empty.":                                                            "El campo %s no puede estar vacío.",
	"The localpart of a user cannot be changed: it is part of the user ID.":                      "El localpart de un usuario no se puede cambiar: forma parte del ID del usuario.",
	"The parameter %s must be what \"next\" of the page before says.":                            "El parámetro %s debe ser lo que dice \"next\" de la página anterior.",
	"The secret of a key must have at least %d bytes.":                                           "El secreto de una clave debe tener al menos %d bytes.",
	"The server name of an account cannot be changed: user IDs and room addresses contain it.":   "El nombre de servidor de una cuenta no se puede cambiar: está en los ID de usuarios y en las direcciones de salas.",
	"This team does not exist.":                                                                  "Este equipo no existe.",
	"This user is locked out at the moment.":                                                     "Este usuario está bloqueado en este momento.",
}
