package refusal

// spanish holds the es sentences by their English originals.
var spanish = map[string]string{
	"Your session has ended. Please sign in again.": "Tu sesión ha terminado. Vuelve a iniciar sesión.",

	"Only an administrator of the account may do this.":                                                           "Solo un administrador de la cuenta puede hacer esto.",
	"Please sign in first: this request has no access token.":                                                     "Inicia sesión primero: esta solicitud no tiene un token de acceso.",
	"Something went wrong on the server. Please try again later.":                                                 "Algo salió mal en el servidor. Inténtalo de nuevo más tarde.",
	"The address of this request has characters that are not valid UTF-8 text.":                                   "La dirección de esta solicitud tiene caracteres que no son texto UTF-8 válido.",
	"The address of this request is too long.":                                                                    "La dirección de esta solicitud es demasiado larga.",
	"The parameter %s must be \"true\" or \"false\".":                                                             "El parámetro %s debe ser \"true\" o \"false\".",
	"The parameter %s must be a whole number that is not negative.":                                               "El parámetro %s debe ser un número entero no negativo.",
	"The parameter %s must be one of: %s.":                                                                        "El parámetro %s debe ser uno de estos: %s.",
	"The parameters of this request are not valid UTF-8 text in URL encoding.":                                    "Los parámetros de esta solicitud no son texto UTF-8 válido en codificación de URL.",
	"The request contains the NUL character (\\u0000), which is not permitted in texts.":                          "La solicitud contiene el carácter NUL (\\u0000), que no está permitido en los textos.",
	"The request ended before all of it had arrived. Please try again.":                                           "La solicitud terminó antes de llegar completa. Inténtalo de nuevo.",
	"The request has a value of the wrong type at %s.":                                                            "La solicitud tiene un valor del tipo equivocado en %s.",
	"The request has a value of the wrong type.":                                                                  "La solicitud tiene un valor del tipo equivocado.",
	"The request has too many levels of JSON in each other: at most 100 are permitted.":                           "La solicitud tiene demasiados niveles de JSON anidado: se permiten como máximo 100.",
	"The request is not valid JSON: it must be UTF-8, without duplicate keys and without anything after its end.": "La solicitud no es JSON válido: debe ser UTF-8, sin claves repetidas y sin nada después del final.",
	"The request must be a JSON object.":                                                                          "La solicitud debe ser un objeto JSON.",
	"The request took too long to arrive. Please try again.":                                                      "La solicitud tardó demasiado en llegar. Inténtalo de nuevo.",
	"The request was ended before it could be answered. Please try again.":                                        "La solicitud se interrumpió antes de ser respondida. Inténtalo de nuevo.",
	"This address does not take %s requests.":                                                                     "Esta dirección no acepta solicitudes %s.",
	"This request is too large: at most %d bytes are permitted.":                                                  "Esta solicitud es demasiado grande: se permiten como máximo %d bytes.",
	"This server does not federate.":                                                                              "Este servidor no participa en la federación.",
	"This server does not know the requested address.":                                                            "Este servidor no conoce la dirección solicitada.",
	"Too many requests. Please try again in %d s.":                                                                "Demasiadas solicitudes. Inténtalo de nuevo en %d s.",
}
