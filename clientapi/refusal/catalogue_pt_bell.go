package refusal

// portugueseBell holds the pt-BR sentences of what is refused of the bell, of personal
// notes and of preferences.
var portugueseBell = map[string]string{
	"A note is an object with body, a text, and perhaps remind_at, a time in milliseconds.":                                                                                           "Uma nota é um objeto com body, um texto, e talvez remind_at, um momento em milissegundos.",
	"Notification preferences are an object that has, under mention, direct_message and announcement, objects with bell, email and push, each true or false.":                         "As preferências de notificação são um objeto que tem, em mention, direct_message e announcement, objetos com bell, email e push, cada um true ou false.",
	"Quiet hours are an object with start and end as HH:MM, which differ, and perhaps days, a list of mon, tue, wed, thu, fri, sat and sun, and timezone, such as America/Sao_Paulo.": "O horário de silêncio é um objeto com start e end no formato HH:MM, diferentes entre si, e talvez days, uma lista de mon, tue, wed, thu, fri, sat e sun, e timezone, como America/Sao_Paulo.",
	"Say either up_to or id, the ID of an entry of the bell.":                                                                                                                         "Informe up_to ou id, o ID de um item do sino.",
	"The locale must be a language tag, such as pt-BR.":                                                                                                                               "O locale precisa ser um código de idioma, como pt-BR.",
	"The send key must be enter or ctrl_enter.":                                                                                                                                       "A tecla de envio precisa ser enter ou ctrl_enter.",
	"The time to be reminded at must be in the future.":                                                                                                                               "O momento do lembrete precisa estar no futuro.",
	"This is not the ID of an entry of the bell.":                                                                                                                                     "Este não é o ID de um item do sino.",
	"You have no note on this room.":                                                                                                                                                  "Você não tem nenhuma nota nesta sala.",
}
