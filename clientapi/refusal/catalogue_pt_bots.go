package refusal

// portugueseBots holds the pt-BR sentences of what is refused of bots.
var portugueseBots = map[string]string{
	"A token is good for at most 100 rooms, each named by its ID, or for all.":       "Um token vale para no máximo 100 salas, cada uma indicada pelo seu ID, ou para todas.",
	"A token needs a name of at most 256 bytes, so that it can be told from others.": "Um token precisa de um nome de no máximo 256 bytes, para se distinguir dos outros.",
	"There is no such bot.":       "Este bot não existe.",
	"This bot has no such token.": "Este bot não tem esse token.",
	"This token is good for some rooms only, and not for this request.": "Este token vale apenas para algumas salas e não para esta requisição.",
}
