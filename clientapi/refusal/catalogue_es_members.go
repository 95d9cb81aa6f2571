package refusal

// spanishMembers holds the es sentences of who manages channels and their members.
var spanishMembers = map[string]string{
	"A reason can have %d bytes at most.":                                                                       "Un motivo puede tener %d bytes como máximo.",
	"A channel needs a name.":                                                                                   "Un canal necesita un nombre.",
	"A role is owner, admin or member; in announcement channels also poster.":                                   "Un rol es owner, admin o member; en canales de anuncios, también poster.",
	"Only a person can own a channel.":                                                                          "Solo una persona puede ser dueña de un canal.",
	"Only an owner of this channel, or an administrator of the account, can do this.":                           "Solo un dueño de este canal, o un administrador de la cuenta, puede hacerlo.",
	"Only announcement channels can be mandatory.":                                                              "Solo los canales de anuncios pueden ser obligatorios.",
	"Only who is authorised to post can write in this channel. You can read it and react.":                      "Solo quien está autorizado a publicar puede escribir en este canal. Puedes leerlo y reaccionar.",
	"The picture of a channel must be an mxc:// address of at most 255 bytes.":                                  "La imagen de un canal debe ser una dirección mxc:// de 255 bytes como máximo.",
	"The request must name a user by their user ID.":                                                            "La petición debe indicar un usuario por su ID.",
	"This confirmation is not good, or no longer. Ask for a new one by a request without it.":                   "Esta confirmación no es válida, o ha dejado de serlo. Pide una nueva con una petición sin ella.",
	"This room has no owners, admins and members. Its power levels say who may do what.":                        "Esta sala no tiene dueños, administradores ni miembros. Sus niveles de poder dicen quién puede hacer qué.",
	"To change roles in this channel you need to be its owner or admin, or an administrator of the account.":    "Para cambiar roles en este canal debes ser su dueño o administrador, o administrador de la cuenta.",
	"To do this in this channel you need to be its owner or admin.":                                             "Para hacer esto en este canal debes ser su dueño o administrador.",
	"To remove people from this channel you need to be its owner or admin, or an administrator of the account.": "Para quitar personas de este canal debes ser su dueño o administrador, o administrador de la cuenta.",
}
