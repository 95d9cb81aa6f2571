package refusal

// spanishServices holds the es sentences of what is refused of application services.
var spanishServices = map[string]string{
	"An application service must say whom it registers: the request has no \"username\".": "Un application service debe decir a quién registra: la solicitud no tiene \"username\".",
	"Another application service has this as_token already.":                              "Otro application service ya tiene este as_token.",
	"Only an application service may do this, with its own as_token.":                     "Solo un application service puede hacer esto, con su propio as_token.",
	"The account has an application service of this ID already.":                          "La cuenta ya tiene un application service con este ID.",
	"The account has no application service of this ID.":                                  "La cuenta no tiene ningún application service con este ID.",
	"The application service cannot be reached.":                                          "No se puede alcanzar el application service.",
	"The application service has answered with the status %d.":                            "El application service ha respondido con el estado %d.",
	"The application service has not answered in time.":                                   "El application service no ha respondido a tiempo.",
	"The application service has not registered this user.":                               "El application service no ha registrado a este usuario.",
	"The application service may not act as this user.":                                   "El application service no puede actuar como este usuario.",
	"The registration of this application service has no url.":                            "El registro de este application service no tiene url.",
	"The time of an event is given in milliseconds, below 2^53.":                          "La hora de un evento se indica en milisegundos, por debajo de 2^53.",
	"This as_token is not that of the application service to be pinged.":                  "Este as_token no es el del application service que se quiere probar.",
	"This is not the as_token of an application service.":                                 "Este no es el as_token de un application service.",
	"This name is in none of the application service's namespaces.":                       "Este nombre no está en ninguno de los namespaces del application service.",
	"This name is set aside for an application service.":                                  "Este nombre está reservado para un application service.",
	"This user has no device with this ID.":                                               "Este usuario no tiene ningún dispositivo con este ID.",
}
