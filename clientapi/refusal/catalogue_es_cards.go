package refusal

// spanishCards holds the es sentences of what is refused of share cards.
var spanishCards = map[string]string{
	"A comment can have %d bytes at most.": "Un comentario puede tener %d bytes como máximo.",
	"An item has a type of a-z, 0-9 and _ with 64 characters at most, and an ID of a-z, A-Z, 0-9, ., _, ~, : and - with 128.": "Un elemento tiene un tipo de 64 caracteres como máximo de a-z, 0-9 y _, y un ID de 128 como máximo de a-z, A-Z, 0-9, ., _, ~, : y -.",
	"The system that knows this item cannot be reached.":                                                                      "No se puede acceder al sistema que conoce este elemento.",
	"The system that knows this item has answered with something that cannot be shown.":                                       "El sistema que conoce este elemento respondió con algo que no se puede mostrar.",
	"The system that knows this item has not answered in time.":                                                               "El sistema que conoce este elemento no respondió a tiempo.",
	"The system that knows this item has refused to answer.":                                                                  "El sistema que conoce este elemento se negó a responder.",
	"This account has no system that knows items to be shared.":                                                               "Esta cuenta no tiene un sistema que conozca elementos para compartir.",
	"This item does not exist, or you may not see it.":                                                                        "Este elemento no existe, o no puedes verlo.",
	"You cannot share items: the system that knows them does not know you.":                                                   "No puedes compartir elementos: el sistema que los conoce no te conoce.",
	"Your role in the system that knows this item is a custom one, so it cannot be told from here what you may see.":          "Tu rol en el sistema que conoce este elemento es personalizado, así que desde aquí no se puede saber qué puedes ver.",
	"Name one colleague to share this with, in dm_user_id.":                                                                   "Indica en dm_user_id un colega con quien compartir esto.",
}
