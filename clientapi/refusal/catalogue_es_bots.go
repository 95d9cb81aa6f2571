package refusal

// spanishBots holds the es sentences of what is refused of bots.
var spanishBots = map[string]string{
	"A token is good for at most 100 rooms, each named by its ID, or for all.":       "Un token sirve para 100 salas como máximo, cada una indicada por su ID, o para todas.",
	"A token needs a name of at most 256 bytes, so that it can be told from others.": "Un token necesita un nombre de 256 bytes como máximo, para distinguirlo de los demás.",
	"There is no such bot.":       "Este bot no existe.",
	"This bot has no such token.": "Este bot no tiene ese token.",
	"This token is good for some rooms only, and not for this request.": "Este token sirve solo para algunas salas y no para esta solicitud.",
}
