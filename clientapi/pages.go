package clientapi

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"html/template"
	"net/http"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/clientapi/httpapi"
	"github.com/conversalabs/internalchat/clientapi/refusal"
)

// page is what people see in a browser.
type page struct {
	Title string
	Text  []string
	Links []link
	Done  bool // tells the client that opened it that all is done
	// Language is set by reply.
	Language string
	Style    template.CSS
	Script   template.JS
}

// link leads on. Its address was checked to be one of the web or of an app.
type link struct{ Label, URL string }

// Href is the address as it stands: the template knows no schemes of apps.
func (l link) Href() template.URL { return template.URL(l.URL) } //nolint:gosec // returnable has judged its scheme

const (
	pageStyle = `body{font:1.1rem/1.5 system-ui,sans-serif;max-width:34rem;margin:3rem auto;padding:0 1rem;overflow-wrap:anywhere}` +
		`a{display:inline-block;padding:.5rem 1rem;border:1px solid;border-radius:.4rem;text-decoration:none}`

	// doneScript is what clients wait for (client-server API, "Fallback").
	doneScript = `if(window.onAuthDone){window.onAuthDone()}` +
		`else if(window.opener&&window.opener.postMessage){window.opener.postMessage("authDone","*")}`
)

var pageTemplate = template.Must(template.New("page").Parse(`<!DOCTYPE html>
<html lang="{{.Language}}">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{{.Title}}</title><style>{{.Style}}</style></head>
<body>
<h1>{{.Title}}</h1>
{{range .Text}}<p>{{.}}</p>
{{end}}{{range .Links}}<p><a href="{{.Href}}">{{.Label}}</a></p>
{{end}}{{if .Done}}<script>{{.Script}}</script>
{{end}}</body>
</html>
`))

// pagePolicy lets a page have its own style and script, and nothing else; nobody may
// frame it.
var pagePolicy = fmt.Sprintf("default-src 'none'; style-src '%s'; script-src '%s'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
	digest(pageStyle), digest(doneScript))

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

// reply makes the answer of a page.
func (p page) reply(r *httpapi.Request, status int) (httpapi.Reply, error) {
	p.Language, p.Style, p.Script = refusal.Language(r.Header.Get("Accept-Language")), pageStyle, doneScript
	var text bytes.Buffer
	if err := pageTemplate.Execute(&text, p); err != nil {
		return httpapi.Reply{}, fmt.Errorf("make page: %w", err)
	}
	header := http.Header{}
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Content-Language", p.Language)
	header.Set("Content-Security-Policy", pagePolicy)
	header.Set("X-Frame-Options", "DENY")
	return httpapi.Reply{Status: status, Header: header, Body: text.Bytes()}, nil
}

// paged turns a handler's refusals into pages.
func paged(h httpapi.Handler) httpapi.Handler {
	return func(r *httpapi.Request) (any, error) {
		answer, err := h(r)
		refused := refusal.As(err)
		if refused == nil {
			return answer, err
		}
		sentence, _ := refused.In(r.Header.Get("Accept-Language"))
		return page{Title: wordsFor(r).sorry, Text: []string{sentence}}.reply(r, refused.Status)
	}
}

// words are what pages say in one language.
type words struct {
	signIn, choose, proceed, asksFor, beware      string
	confirm, confirmWhy, confirmed, goBack, sorry string
}

// asks says that a client wants to be let in. A client is told by its origin, which
// comes last: what comes after it could be made to look like a part of it.
func (w words) asks(origin string, user id.UserID) string {
	return fmt.Sprintf(w.asksFor, user, origin)
}

func wordsFor(r *httpapi.Request) words {
	return pageWords[refusal.Language(r.Header.Get("Accept-Language"))]
}

var pageWords = map[string]words{
	"en": {
		signIn:     "Sign in",
		choose:     "How do you want to sign in?",
		proceed:    "Continue",
		asksFor:    "You are about to let this client act as %s: %s",
		beware:     "If you did not ask for this, or do not know who does, close this page.",
		confirm:    "Is it you?",
		confirmWhy: "A client of yours wants to do something that you have to confirm by signing in again.",
		confirmed:  "Thank you",
		goBack:     "You can close this window and go back to your client.",
		sorry:      "This did not work",
	},
	"pt-BR": {
		signIn:     "Entrar",
		choose:     "Como você quer entrar?",
		proceed:    "Continuar",
		asksFor:    "Você está prestes a permitir que este cliente aja como %s: %s",
		beware:     "Se você não pediu isto, ou não sabe quem pede, feche esta página.",
		confirm:    "É você?",
		confirmWhy: "Um cliente seu quer fazer algo que você precisa confirmar, entrando novamente.",
		confirmed:  "Obrigado",
		goBack:     "Você pode fechar esta janela e voltar ao seu cliente.",
		sorry:      "Isto não deu certo",
	},
	"es": {
		signIn:     "Iniciar sesión",
		choose:     "¿Cómo quiere iniciar sesión?",
		proceed:    "Continuar",
		asksFor:    "Está a punto de permitir que este cliente actúe como %s: %s",
		beware:     "Si usted no lo ha pedido, o no sabe quién lo pide, cierre esta página.",
		confirm:    "¿Es usted?",
		confirmWhy: "Un cliente suyo quiere hacer algo que debe confirmar iniciando sesión de nuevo.",
		confirmed:  "Gracias",
		goBack:     "Puede cerrar esta ventana y volver a su cliente.",
		sorry:      "Esto no ha funcionado",
	},
}
