package refusal

// spanishOnboarding holds the es sentences of what is refused of default channels, teams,
// the account's space, its emoji and what channels look like.
var spanishOnboarding = map[string]string{
	"A channel has either a picture (avatar_url) or an icon with a colour (icon and color).":                                                          "Un canal tiene o una imagen (avatar_url) o un icono con un color (icon y color).",
	"A colour is # and six hexadecimal digits, like #2563EB.":                                                                                         "Un color es # y seis dígitos hexadecimales, como #2563EB.",
	"A direct message looks like the other person and is between two people alone.":                                                                   "Un mensaje directo se muestra como la otra persona y es solo entre dos personas.",
	"An account can have %d emoji at most. Remove one first.":                                                                                         "Una cuenta puede tener como máximo %d emojis. Elimina uno primero.",
	"Emoji belong to the account's space, and this account has none. It can be switched on in ConversaLabs.":                                          "Los emojis pertenecen al espacio de la cuenta, y esta cuenta no tiene uno. Se puede activar en ConversaLabs.",
	"Everybody of the team is in this space, and nobody can leave it.":                                                                                "Todo el equipo está en este espacio, y nadie puede salir de él.",
	"Only a public channel can be one that everybody new is in: announcements have everybody anyway, and who is in a private channel its admins say.": "Solo un canal público puede ser uno en el que entra quien llega: los anuncios ya tienen a todos, y quién está en un canal privado lo deciden sus administradores.",
	"Only public and private channels can follow a team.":                                                                                             "Solo los canales públicos y privados pueden seguir a un equipo.",
	"Please say by default whether people who are new are to be in this channel.":                                                                     "Indica en default si quien llega debe estar en este canal.",
	"The name of an emoji has 1 to 100 letters, digits, - and _.":                                                                                     "El nombre de un emoji tiene de 1 a 100 letras, dígitos, - y _.",
	"The picture of an emoji must be an mxc:// address of at most 255 bytes.":                                                                         "La imagen de un emoji debe ser una dirección mxc:// de 255 bytes como máximo.",
	"There is no such channel.": "Este canal no existe.",
	"There is no such emoji.":   "Este emoji no existe.",
	"There is no such icon. The list of all icons tells which there are.":                           "Este icono no existe. La lista de todos los iconos dice cuáles hay.",
	"This server cannot paint icons.":                                                               "Este servidor no puede dibujar iconos.",
	"To change this channel you need to be its owner or admin, or an administrator of the account.": "Para cambiar este canal debes ser su propietario o administrador, o administrador de la cuenta.",
	"What an emoji shows must be said in at most %d bytes.":                                         "Lo que muestra un emoji debe decirse en %d bytes como máximo.",
	"This tells that somebody came into the channel by a team, and cannot be removed.":              "Esto dice que alguien entró en el canal por un equipo, y no se puede eliminar.",
}
