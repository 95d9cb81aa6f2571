package refusal

// portugueseCards holds the pt-BR sentences of what is refused of share cards.
var portugueseCards = map[string]string{
	"A comment can have %d bytes at most.": "Um comentário pode ter no máximo %d bytes.",
	"An item has a type of a-z, 0-9 and _ with 64 characters at most, and an ID of a-z, A-Z, 0-9, ., _, ~, : and - with 128.": "Um item tem um tipo com no máximo 64 caracteres de a-z, 0-9 e _, e um ID com no máximo 128 de a-z, A-Z, 0-9, ., _, ~, : e -.",
	"The system that knows this item cannot be reached.":                                                                      "O sistema que conhece este item não pode ser acessado.",
	"The system that knows this item has answered with something that cannot be shown.":                                       "O sistema que conhece este item respondeu com algo que não pode ser mostrado.",
	"The system that knows this item has not answered in time.":                                                               "O sistema que conhece este item não respondeu a tempo.",
	"The system that knows this item has refused to answer.":                                                                  "O sistema que conhece este item se recusou a responder.",
	"This account has no system that knows items to be shared.":                                                               "Esta conta não tem um sistema que conheça itens para compartilhar.",
	"This item does not exist, or you may not see it.":                                                                        "Este item não existe, ou você não pode vê-lo.",
	"You cannot share items: the system that knows them does not know you.":                                                   "Você não pode compartilhar itens: o sistema que os conhece não conhece você.",
	"Your role in the system that knows this item is a custom one, so it cannot be told from here what you may see.":          "Seu papel no sistema que conhece este item é personalizado, por isso não é possível saber daqui o que você pode ver.",
	"Name one colleague to share this with, in dm_user_id.":                                                                   "Indique em dm_user_id um colega com quem compartilhar isto.",
}
