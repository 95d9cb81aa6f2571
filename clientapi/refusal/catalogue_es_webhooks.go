package refusal

// spanishWebhooks holds the es sentences of what is refused of webhooks.
var spanishWebhooks = map[string]string{
	"A form for a webhook must have JSON in the field payload.":                                                      "Un formulario para un webhook debe tener JSON en el campo payload.",
	"A room can have %d webhooks at most. Delete one first.":                                                         "Una sala puede tener %d webhooks como máximo. Elimine uno primero.",
	"A webhook needs a name of at most 256 bytes, which its messages are shown with.":                                "Un webhook necesita un nombre de 256 bytes como máximo, con el que se muestran sus mensajes.",
	"A webhook takes JSON (application/json), or a form with the field payload (application/x-www-form-urlencoded).": "Un webhook acepta JSON (application/json) o un formulario con el campo payload (application/x-www-form-urlencoded).",
	"An idempotency key has 1 to 255 bytes of UTF-8 text.":                                                           "Una clave de idempotencia tiene de 1 a 255 bytes de texto UTF-8.",
	"Give html or markdown, not both.":                                                                               "Envíe html o markdown, no ambos.",
	"Messages in this room need the power level %d, and you may not give it to the webhook.":                         "Los mensajes de esta sala exigen el nivel de poder %d, y usted no puede dárselo al webhook.",
	"Only who owns this room or administers the account may manage its webhooks.":                                    "Solo quien es dueño de esta sala o administra la cuenta puede gestionar sus webhooks.",
	"The icon of a message must be an mxc:// address of at most 255 bytes.":                                          "El icono de un mensaje debe ser una dirección mxc:// de 255 bytes como máximo.",
	"The picture of a webhook must be an mxc:// address of at most 255 bytes.":                                       "La imagen de un webhook debe ser una dirección mxc:// de 255 bytes como máximo.",
	"The username of a message can have at most 256 bytes.":                                                          "El username de un mensaje puede tener 256 bytes como máximo.",
	"There is no such webhook.":                                                                                      "Este webhook no existe.",
	"This message is empty: give text, html or markdown, or blocks or attachments with something to read.":           "Este mensaje está vacío: envíe text, html o markdown, o blocks o attachments con algo para leer.",
	"This room is no longer in use, so nothing can be posted into it.":                                               "Esta sala ya no está en uso, por lo que no se puede publicar nada en ella.",
	"This webhook has been removed from its room.":                                                                   "Este webhook fue retirado de su sala.",
	"This webhook is switched off at the moment. An administrator of the account can tell you more.":                 "Este webhook está desactivado en este momento. Un administrador de la cuenta puede informarle.",
}
