package refusal

// portugueseWebhooks holds the pt-BR sentences of what is refused of webhooks.
var portugueseWebhooks = map[string]string{
	"A form for a webhook must have JSON in the field payload.":                                                      "Um formulário para um webhook precisa ter JSON no campo payload.",
	"A room can have %d webhooks at most. Delete one first.":                                                         "Uma sala pode ter no máximo %d webhooks. Exclua um primeiro.",
	"A webhook needs a name of at most 256 bytes, which its messages are shown with.":                                "Um webhook precisa de um nome de no máximo 256 bytes, com o qual suas mensagens aparecem.",
	"A webhook takes JSON (application/json), or a form with the field payload (application/x-www-form-urlencoded).": "Um webhook aceita JSON (application/json) ou um formulário com o campo payload (application/x-www-form-urlencoded).",
	"An idempotency key has 1 to 255 bytes of UTF-8 text.":                                                           "Uma chave de idempotência tem de 1 a 255 bytes de texto UTF-8.",
	"Give html or markdown, not both.":                                                                               "Envie html ou markdown, não os dois.",
	"Messages in this room need the power level %d, and you may not give it to the webhook.":                         "As mensagens desta sala exigem o nível de poder %d, e você não pode dá-lo ao webhook.",
	"Only who owns this room or administers the account may manage its webhooks.":                                    "Só quem é dono desta sala ou administra a conta pode gerenciar seus webhooks.",
	"The icon of a message must be an mxc:// address of at most 255 bytes.":                                          "O ícone de uma mensagem precisa ser um endereço mxc:// de no máximo 255 bytes.",
	"The picture of a webhook must be an mxc:// address of at most 255 bytes.":                                       "A imagem de um webhook precisa ser um endereço mxc:// de no máximo 255 bytes.",
	"The username of a message can have at most 256 bytes.":                                                          "O username de uma mensagem pode ter no máximo 256 bytes.",
	"There is no such webhook.":                                                                                      "Este webhook não existe.",
	"This message is empty: give text, html or markdown, or blocks or attachments with something to read.":           "Esta mensagem está vazia: envie text, html ou markdown, ou blocks ou attachments com algo para ler.",
	"This room is no longer in use, so nothing can be posted into it.":                                               "Esta sala não está mais em uso, por isso nada pode ser publicado nela.",
	"This webhook has been removed from its room.":                                                                   "Este webhook foi removido da sua sala.",
	"This webhook is switched off at the moment. An administrator of the account can tell you more.":                 "Este webhook está desligado no momento. Um administrador da conta pode informar mais.",
}
