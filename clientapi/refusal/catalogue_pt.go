package refusal

// portuguese holds the pt-BR sentences by their English originals.
var portuguese = map[string]string{
	"Your session has ended. Please sign in again.": "Sua sessão terminou. Entre novamente.",
}
