package refusal

// portugueseMembers holds the pt-BR sentences of who manages channels and their members.
var portugueseMembers = map[string]string{
	"A reason can have %d bytes at most.":                                                                       "Um motivo pode ter no máximo %d bytes.",
	"A channel needs a name.":                                                                                   "Um canal precisa de um nome.",
	"A role is owner, admin or member; in announcement channels also poster.":                                   "Um papel é owner, admin ou member; em canais de anúncios, também poster.",
	"Only a person can own a channel.":                                                                          "Só uma pessoa pode ser dona de um canal.",
	"Only an owner of this channel, or an administrator of the account, can do this.":                           "Só um dono deste canal, ou um administrador da conta, pode fazer isso.",
	"Only announcement channels can be mandatory.":                                                              "Só canais de anúncios podem ser obrigatórios.",
	"Only who is authorised to post can write in this channel. You can read it and react.":                      "Só quem tem autorização para publicar pode escrever neste canal. Você pode ler e reagir.",
	"The picture of a channel must be an mxc:// address of at most 255 bytes.":                                  "A imagem de um canal precisa ser um endereço mxc:// de no máximo 255 bytes.",
	"The request must name a user by their user ID.":                                                            "A requisição precisa indicar um usuário pelo seu ID.",
	"This confirmation is not good, or no longer. Ask for a new one by a request without it.":                   "Esta confirmação não é válida, ou deixou de ser. Peça uma nova com uma requisição sem ela.",
	"This room has no owners, admins and members. Its power levels say who may do what.":                        "Esta sala não tem donos, administradores e membros. Seus níveis de poder dizem quem pode fazer o quê.",
	"To change roles in this channel you need to be its owner or admin, or an administrator of the account.":    "Para mudar papéis neste canal, você precisa ser dono ou administrador dele, ou administrador da conta.",
	"To do this in this channel you need to be its owner or admin.":                                             "Para fazer isso neste canal, você precisa ser dono ou administrador dele.",
	"To remove people from this channel you need to be its owner or admin, or an administrator of the account.": "Para remover pessoas deste canal, você precisa ser dono ou administrador dele, ou administrador da conta.",
}
