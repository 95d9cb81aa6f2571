package clientapi

import (
	"bytes"
	"fmt"
	"html/template"
	"net/http"

	"maunium.net/go/mautrix"

	"github.com/conversalabs/internalchat/accounts/login"
	"github.com/conversalabs/internalchat/clientapi/httpapi"
	"github.com/conversalabs/internalchat/clientapi/refusal"
)

// loginPageRoutes registers section "Login Fallback" of the client-server
// specification: a page that signs people in for clients that cannot.
func (s *Server) loginPageRoutes(api *httpapi.API) {
	api.Handle(http.MethodGet, "/_matrix/static/client/login/", api.Open(paged(s.loginPage)))
}

// loginPageScript signs in with what was typed, or with the token that people come back
// with from a page elsewhere, and hands the answer to the client that has opened the
// page. What the client says of its device goes along.
const loginPageScript = `(function(){` +
	`var asked=new URLSearchParams(location.search),wrong=document.getElementById("wrong"),form=document.getElementById("form"),elsewhere=document.getElementById("elsewhere");` +
	`function signIn(body){wrong.textContent="";` +
	`["device_id","initial_device_display_name"].forEach(function(k){if(asked.get(k))body[k]=asked.get(k)});` +
	`return fetch("/_matrix/client/v3/login",{method:"POST",headers:{"Content-Type":"application/json"},body:JSON.stringify(body)})` +
	`.then(function(r){return r.json().then(function(a){if(!r.ok){wrong.textContent=a.error;return}` +
	`if(window.matrixLogin&&window.matrixLogin.onLogin)window.matrixLogin.onLogin(a);else if(window.onLogin)window.onLogin(a)})})}` +
	`if(form)form.addEventListener("submit",function(e){e.preventDefault();` +
	`signIn({type:"m.login.password",identifier:{type:"m.id.user",user:form.user.value},password:form.password.value})});` +
	`if(elsewhere){var back=new URL(location.href);back.searchParams.delete("loginToken");` +
	`elsewhere.href="/_matrix/client/v3/login/sso/redirect?redirectUrl="+encodeURIComponent(back.href)}` +
	`var token=asked.get("loginToken");if(token)signIn({type:"m.login.token",token:token})})()`

var loginPageTemplate = template.Must(template.New("login").Parse(`<!DOCTYPE html>
<html lang="{{.Language}}">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{{.Words.SignIn}}</title><style>{{.Style}}</style><style>{{.FormStyle}}</style></head>
<body>
<main>
<h1>{{.Words.SignIn}}</h1>
<p role="alert" id="wrong"></p>
{{if .Password}}<form id="form" method="post">
<label for="user">{{.Words.UserName}}</label>
<input id="user" name="user" required autocomplete="username" autocapitalize="none" spellcheck="false">
<label for="password">{{.Words.Password}}</label>
<input id="password" name="password" type="password" required autocomplete="current-password">
<button type="submit">{{.Words.SignIn}}</button>
</form>
{{end}}{{if .Elsewhere}}<p><a id="elsewhere" href="/_matrix/client/v3/login/sso/redirect">{{.Words.Elsewhere}}</a></p>
{{end}}</main>
<script>{{.Script}}</script>
</body>
</html>
`))

// loginPagePolicy lets the page have its own style and script, and ask this server.
var loginPagePolicy = fmt.Sprintf("default-src 'none'; style-src '%s' '%s'; script-src '%s'; connect-src 'self'; "+
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'", digest(pageStyle), digest(formStyle), digest(loginPageScript))

// loginPage handles GET /_matrix/static/client/login/: what of it there is for the
// account that the Host names.
func (s *Server) loginPage(r *httpapi.Request) (any, error) {
	flows, err := s.login.Flows(r.Context(), r.Account)
	if err != nil {
		return nil, err
	}
	show := struct {
		Words               oauthWords
		Password, Elsewhere bool
		Language            string
		Style, FormStyle    template.CSS
		Script              template.JS
	}{Language: refusal.Language(r.Header.Get("Accept-Language")), Style: pageStyle, FormStyle: formStyle, Script: loginPageScript}
	show.Words = oauthPageWords[show.Language]
	for _, flow := range flows {
		show.Password = show.Password || flow.Type == mautrix.AuthTypePassword
		show.Elsewhere = show.Elsewhere || flow.Type == mautrix.AuthTypeSSO
	}
	if !show.Password && !show.Elsewhere {
		return nil, login.ErrNoProvider
	}
	var text bytes.Buffer
	if err := loginPageTemplate.Execute(&text, show); err != nil {
		return nil, fmt.Errorf("make page: %w", err)
	}
	header := http.Header{}
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Content-Language", show.Language)
	header.Set("Content-Security-Policy", loginPagePolicy)
	header.Set("X-Frame-Options", "DENY")
	return httpapi.Reply{Header: header, Body: text.Bytes()}, nil
}
