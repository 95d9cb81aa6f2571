package refusal

// spanishLevels are the sentences of notification levels and mutes, in es.
var spanishLevels = map[string]string{
	"The level must be one of: everything, mentions, nothing, default.":     "El nivel debe ser uno de estos: everything, mentions, nothing, default.",
	"The time at which the mute ends must lie ahead.":                       "El momento en que termina el silencio debe estar en el futuro.",
	"A time at which the mute ends can be given only together with a mute.": "El momento en que termina el silencio solo puede indicarse junto con el silencio.",
}
