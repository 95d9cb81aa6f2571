package refusal

// portugueseLevels are the sentences of notification levels and mutes, in pt-BR.
var portugueseLevels = map[string]string{
	"The level must be one of: everything, mentions, nothing, default.":     "O nível deve ser um destes: everything, mentions, nothing, default.",
	"The time at which the mute ends must lie ahead.":                       "O momento em que o silêncio termina deve estar no futuro.",
	"A time at which the mute ends can be given only together with a mute.": "O momento em que o silêncio termina só pode ser informado junto com o silêncio.",
}
