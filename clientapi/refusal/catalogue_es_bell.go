package refusal

// spanishBell holds the es sentences of what is refused of the bell, of personal notes
// and of preferences.
var spanishBell = map[string]string{
	"A note is an object with body, a text, and perhaps remind_at, a time in milliseconds.":                                                                                           "Una nota es un objeto con body, un texto, y quizás remind_at, un momento en milisegundos.",
	"Notification preferences are an object that has, under mention, direct_message and announcement, objects with bell, email and push, each true or false.":                         "Las preferencias de notificación son un objeto que tiene, en mention, direct_message y announcement, objetos con bell, email y push, cada uno true o false.",
	"Quiet hours are an object with start and end as HH:MM, which differ, and perhaps days, a list of mon, tue, wed, thu, fri, sat and sun, and timezone, such as America/Sao_Paulo.": "El horario de silencio es un objeto con start y end en formato HH:MM, distintos entre sí, y quizás days, una lista de mon, tue, wed, thu, fri, sat y sun, y timezone, como America/Sao_Paulo.",
	"Say either up_to or id, the ID of an entry of the bell.":                                                                                                                         "Indique up_to o id, el ID de una entrada de la campana.",
	"The locale must be a language tag, such as pt-BR.":                                                                                                                               "El locale debe ser un código de idioma, como pt-BR.",
	"The send key must be enter or ctrl_enter.":                                                                                                                                       "La tecla de envío debe ser enter o ctrl_enter.",
	"The time to be reminded at must be in the future.":                                                                                                                               "El momento del recordatorio debe estar en el futuro.",
	"This is not the ID of an entry of the bell.":                                                                                                                                     "Este no es el ID de una entrada de la campana.",
	"You have no note on this room.":                                                                                                                                                  "No tiene ninguna nota en esta sala.",
}
