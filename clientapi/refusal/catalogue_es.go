package refusal

// spanish holds the es sentences by their English originals.
var spanish = map[string]string{
	"Your session has ended. Please sign in again.": "Tu sesión ha terminado. Vuelve a iniciar sesión.",
}
