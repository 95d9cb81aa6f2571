package refusal

// portugueseSeen holds the pt-BR sentences of what is refused of mentions and
// acknowledgements.
var portugueseSeen = map[string]string{
	"A message that mentions teams can mention %d people at most; this one would mention %d.":    "Uma mensagem que menciona equipes pode mencionar no máximo %d pessoas; esta mencionaria %d.",
	"At most %d people and %d teams can be asked about at once.":                                 "É possível perguntar por no máximo %d pessoas e %d equipes de uma vez.",
	"Only the owner and the admins of this channel may see that.":                                "Somente o proprietário e os administradores deste canal podem ver isso.",
	"The teams that a message mentions must be a list of at most %d IDs of teams.":               "As equipes que uma mensagem menciona devem ser uma lista de no máximo %d IDs de equipes.",
	"The time by which an announcement is to be acknowledged must lie ahead, and within a year.": "O prazo para confirmar a leitura de um comunicado deve estar no futuro, dentro de um ano.",
	"This message does not ask to be acknowledged.":                                              "Esta mensagem não pede confirmação de leitura.",
}
