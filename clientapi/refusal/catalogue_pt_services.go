package refusal

// portugueseServices holds the pt-BR sentences of what is refused of application services.
var portugueseServices = map[string]string{
	"An application service must say whom it registers: the request has no \"username\".": "Um application service precisa dizer quem registra: a requisição não tem \"username\".",
	"Another application service has this as_token already.":                              "Outro application service já tem este as_token.",
	"Only an application service may do this, with its own as_token.":                     "Somente um application service pode fazer isto, com o seu próprio as_token.",
	"The account has an application service of this ID already.":                          "A conta já tem um application service com este ID.",
	"The account has no application service of this ID.":                                  "A conta não tem nenhum application service com este ID.",
	"The application service cannot be reached.":                                          "Não foi possível alcançar o application service.",
	"The application service has answered with the status %d.":                            "O application service respondeu com o status %d.",
	"The application service has not answered in time.":                                   "O application service não respondeu a tempo.",
	"The application service has not registered this user.":                               "O application service não registrou este usuário.",
	"The application service may not act as this user.":                                   "O application service não pode agir como este usuário.",
	"The registration of this application service has no url.":                            "O registro deste application service não tem url.",
	"The time of an event is given in milliseconds, below 2^53.":                          "A hora de um evento é dada em milissegundos, abaixo de 2^53.",
	"This as_token is not that of the application service to be pinged.":                  "Este as_token não é o do application service a ser testado.",
	"This is not the as_token of an application service.":                                 "Este não é o as_token de um application service.",
	"This name is in none of the application service's namespaces.":                       "Este nome não está em nenhum dos namespaces do application service.",
	"This name is set aside for an application service.":                                  "Este nome está reservado para um application service.",
	"This user has no device with this ID.":                                               "Este usuário não tem nenhum dispositivo com este ID.",
}
