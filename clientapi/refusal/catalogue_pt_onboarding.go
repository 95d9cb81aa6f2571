package refusal

// portugueseOnboarding holds the pt-BR sentences of what is refused of default channels, teams,
// the account's space, its emoji and what channels look like.
var portugueseOnboarding = map[string]string{
	"A channel has either a picture (avatar_url) or an icon with a colour (icon and color).":                                                          "Um canal tem ou uma imagem (avatar_url) ou um ícone com uma cor (icon e color).",
	"A colour is # and six hexadecimal digits, like #2563EB.":                                                                                         "Uma cor é # e seis dígitos hexadecimais, como #2563EB.",
	"A direct message looks like the other person and is between two people alone.":                                                                   "Uma mensagem direta aparece como a outra pessoa e é só entre duas pessoas.",
	"An account can have %d emoji at most. Remove one first.":                                                                                         "Uma conta pode ter no máximo %d emojis. Remova um primeiro.",
	"Emoji belong to the account's space, and this account has none. It can be switched on in ConversaLabs.":                                          "Os emojis pertencem ao espaço da conta, e esta conta não tem um. Ele pode ser ligado na ConversaLabs.",
	"Everybody of the team is in this space, and nobody can leave it.":                                                                                "Todos da equipe estão neste espaço, e ninguém pode sair dele.",
	"Only a public channel can be one that everybody new is in: announcements have everybody anyway, and who is in a private channel its admins say.": "Só um canal público pode ser um em que todo novato já entra: os avisos já têm todos, e quem está num canal privado seus administradores decidem.",
	"Only public and private channels can follow a team.":                                                                                             "Só canais públicos e privados podem seguir uma equipe.",
	"Please say by default whether people who are new are to be in this channel.":                                                                     "Diga em default se quem é novo deve estar neste canal.",
	"The name of an emoji has 1 to 100 letters, digits, - and _.":                                                                                     "O nome de um emoji tem de 1 a 100 letras, dígitos, - e _.",
	"The picture of an emoji must be an mxc:// address of at most 255 bytes.":                                                                         "A imagem de um emoji precisa ser um endereço mxc:// de no máximo 255 bytes.",
	"There is no such channel.": "Este canal não existe.",
	"There is no such emoji.":   "Este emoji não existe.",
	"There is no such icon. The list of all icons tells which there are.":                           "Este ícone não existe. A lista de todos os ícones diz quais há.",
	"This server cannot paint icons.":                                                               "Este servidor não pode desenhar ícones.",
	"To change this channel you need to be its owner or admin, or an administrator of the account.": "Para mudar este canal você precisa ser dono ou administrador dele, ou administrador da conta.",
	"What an emoji shows must be said in at most %d bytes.":                                         "O que um emoji mostra precisa ser dito em no máximo %d bytes.",
	"This tells that somebody came into the channel by a team, and cannot be removed.":              "Isto diz que alguém entrou no canal por uma equipe, e não pode ser removido.",
}
