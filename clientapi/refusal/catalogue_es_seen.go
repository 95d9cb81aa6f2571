package refusal

// spanishSeen holds the es sentences of what is refused of mentions and acknowledgements.
var spanishSeen = map[string]string{
	"A message that mentions teams can mention %d people at most; this one would mention %d.":    "Un mensaje que menciona equipos puede mencionar como máximo a %d personas; este mencionaría a %d.",
	"At most %d people and %d teams can be asked about at once.":                                 "Se puede preguntar como máximo por %d personas y %d equipos a la vez.",
	"Only the owner and the admins of this channel may see that.":                                "Solo el propietario y los administradores de este canal pueden ver eso.",
	"The teams that a message mentions must be a list of at most %d IDs of teams.":               "Los equipos que menciona un mensaje deben ser una lista de como máximo %d ID de equipos.",
	"The time by which an announcement is to be acknowledged must lie ahead, and within a year.": "El plazo para confirmar la lectura de un anuncio debe estar en el futuro, dentro de un año.",
	"This message does not ask to be acknowledged.":                                              "Este mensaje no pide confirmación de lectura.",
}
