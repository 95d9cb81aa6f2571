package clientapi

import (
	"bytes"
	"fmt"
	"html/template"
	"net/http"

	"github.com/conversalabs/internalchat/clientapi/httpapi"
	"github.com/conversalabs/internalchat/clientapi/refusal"
)

// decision is the page where people enter the code of a device (Link), sign in, or
// decide (User is set).
type decision struct {
	Words            oauthWords
	Action           string // where the form goes
	Seal             string
	Wrong            string // sentence
	Client, Host     string // what the client calls itself, and whose it is
	Unproven         bool   // the client alone says whose it is
	Target           string // the client's address, to which the form leads on
	Link             bool
	Code             string // of a device
	User             string
	Password         bool
	Elsewhere        string // address
	Language         string
	Style, FormStyle template.CSS
}

const formStyle = `label{display:block;margin-top:1rem}input{font:inherit;width:100%;box-sizing:border-box;padding:.5rem}` +
	`button{font:inherit;padding:.5rem 1rem;margin:1rem .5rem 0 0}[role=alert]{border-left:.3rem solid #b00020;padding-left:.7rem}`

var consentTemplate = template.Must(template.New("consent").Parse(`<!DOCTYPE html>
<html lang="{{.Language}}">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{{.Words.Title}}</title><style>{{.Style}}</style><style>{{.FormStyle}}</style></head>
<body>
<main>
<h1>{{.Words.Title}}</h1>
{{with .Wrong}}<p role="alert">{{.}}</p>
{{end}}{{if .Link}}<p>{{.Words.EnterCode}}</p>
<form method="post" action="{{.Action}}">
<label for="user_code">{{.Words.Code}}</label>
<input id="user_code" name="user_code" value="{{.Code}}" required maxlength="20" autocomplete="off" autocapitalize="characters" spellcheck="false">
<button type="submit">{{.Words.Continue}}</button>
</form>
{{else}}<p>{{.Words.Asks}} {{with .Client}}<strong><bdi>{{.}}</bdi></strong> {{end}}({{.Host}})</p>
{{if .Unproven}}<p>{{.Words.Unproven}}</p>
{{end}}{{with .Code}}<p>{{$.Words.Compare}} <strong>{{.}}</strong></p>
{{end}}{{if .User}}<p>{{.Words.As}} <strong>{{.User}}</strong></p>
<ul><li>{{.Words.Read}}</li><li>{{.Words.Write}}</li><li>{{.Words.Until}}</li></ul>
{{end}}<p>{{.Words.Beware}}</p>
<form method="post" action="{{.Action}}">
<input type="hidden" name="seal" value="{{.Seal}}">
{{if .User}}<button type="submit" name="do" value="allow">{{.Words.Allow}}</button>
{{else if .Password}}<label for="user">{{.Words.UserName}}</label>
<input id="user" name="user" required autocomplete="username" autocapitalize="none" spellcheck="false">
<label for="password">{{.Words.Password}}</label>
<input id="password" name="password" type="password" required autocomplete="current-password">
<button type="submit" name="do" value="sign-in">{{.Words.SignIn}}</button>
{{end}}<button type="submit" name="do" value="deny" formnovalidate>{{.Words.Deny}}</button>
</form>
{{if and .Elsewhere (not .User)}}<p><a href="{{.Elsewhere}}">{{.Words.Elsewhere}}</a></p>
{{end}}{{end}}</main>
</body>
</html>
`))

// reply makes the answer of a page. Nothing runs on it, nobody may frame it, and its
// form leads to this server and on to the client alone.
func (p decision) reply(r *httpapi.Request) (any, error) {
	p.Language, p.Style, p.FormStyle = refusal.Language(r.Header.Get("Accept-Language")), pageStyle, formStyle
	var text bytes.Buffer
	if err := consentTemplate.Execute(&text, p); err != nil {
		return nil, fmt.Errorf("make page: %w", err)
	}
	targets := "'self'"
	if p.Target != "" {
		targets += " " + formTarget(p.Target)
	}
	header := http.Header{}
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Content-Language", p.Language)
	header.Set("Content-Security-Policy", fmt.Sprintf("default-src 'none'; style-src '%s' '%s'; base-uri 'none'; form-action %s; frame-ancestors 'none'",
		digest(pageStyle), digest(formStyle), targets))
	header.Set("X-Frame-Options", "DENY")
	return httpapi.Reply{Header: header, Body: text.Bytes()}, nil
}

// oauthWords are what these pages say in one language.
type oauthWords struct {
	Title, Asks, Unproven, As                       string
	Read, Write, Until, Beware                      string
	UserName, Password, SignIn, Elsewhere           string
	Allow, Deny, EnterCode, Code, Compare, Continue string
}

func oauthWordsFor(r *httpapi.Request) oauthWords {
	return oauthPageWords[refusal.Language(r.Header.Get("Accept-Language"))]
}

var oauthPageWords = map[string]oauthWords{
	"en": {
		Title: "Sign in", Asks: "You are about to sign in to this client:", As: "You are signed in as",
		Unproven: "Only the client itself says that this is its name; nobody has checked it.",
		Read:     "It will read your messages and your profile.",
		Write:    "It will write, and change things, in your name.",
		Until:    "It can do so until you sign out in it.",
		Beware:   "Go on only if you began this yourself, and trust this client.",
		UserName: "User name", Password: "Password", SignIn: "Sign in", Elsewhere: "Sign in with your organisation",
		Allow: "Allow", Deny: "Cancel", EnterCode: "Enter the code that your device shows.", Code: "Code",
		Compare: "Your device must show this code:", Continue: "Continue",
	},
	"pt-BR": {
		Title: "Entrar", Asks: "Você está prestes a entrar neste cliente:", As: "Você entrou como",
		Unproven: "Só o próprio cliente diz que este é o nome dele; ninguém o verificou.",
		Read:     "Ele lerá suas mensagens e seu perfil.",
		Write:    "Ele escreverá e mudará coisas em seu nome.",
		Until:    "Ele poderá fazer isso até você sair nele.",
		Beware:   "Continue apenas se você mesmo começou isto e confia neste cliente.",
		UserName: "Nome de usuário", Password: "Senha", SignIn: "Entrar", Elsewhere: "Entrar com a sua organização",
		Allow: "Permitir", Deny: "Cancelar", EnterCode: "Digite o código que o seu dispositivo mostra.", Code: "Código",
		Compare: "O seu dispositivo deve mostrar este código:", Continue: "Continuar",
	},
	"es": {
		Title: "Iniciar sesión", Asks: "Está a punto de iniciar sesión en este cliente:", As: "Ha iniciado sesión como",
		Unproven: "Solo el propio cliente dice que este es su nombre; nadie lo ha comprobado.",
		Read:     "Leerá sus mensajes y su perfil.",
		Write:    "Escribirá y cambiará cosas en su nombre.",
		Until:    "Podrá hacerlo hasta que usted cierre la sesión en él.",
		Beware:   "Continúe solo si usted mismo ha empezado esto y confía en este cliente.",
		UserName: "Nombre de usuario", Password: "Contraseña", SignIn: "Iniciar sesión", Elsewhere: "Iniciar sesión con su organización",
		Allow: "Permitir", Deny: "Cancelar", EnterCode: "Introduzca el código que muestra su dispositivo.", Code: "Código",
		Compare: "Su dispositivo debe mostrar este código:", Continue: "Continuar",
	},
}
