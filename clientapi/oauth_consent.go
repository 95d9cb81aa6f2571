package clientapi

import (
	"net/http"
	"net/url"

	"maunium.net/go/mautrix"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/login"
	"github.com/conversalabs/internalchat/accounts/oauth"
	"github.com/conversalabs/internalchat/clientapi/httpapi"
	"github.com/conversalabs/internalchat/clientapi/refusal"
)

// consentRoutes registers the pages where people sign in and decide about a client.
func (s *Server) consentRoutes(api *httpapi.API) {
	handle := func(method, path string, h httpapi.Handler, o ...httpapi.Option) {
		api.Handle(method, path, api.Open(paged(s.withOAuth(h)), o...))
	}
	handle(http.MethodGet, oauth.ConsentPath, s.consentPage)
	handle(http.MethodPost, oauth.ConsentPath, s.consent)
	handle(http.MethodGet, oauth.LinkPath, s.linkPage)
	handle(http.MethodPost, oauth.LinkPath, s.link, httpapi.Limit(httpapi.OAuth))
}

// visit gives the visit that a browser is on: its grant's name is in the address, its
// secret in a cookie.
func (s *Server) visit(r *httpapi.Request) oauth.Visit {
	v := oauth.Visit{Account: r.Account, Name: r.Query("request")}
	if cookie, err := r.Cookie(oauth.Cookie(s.base(r), v.Name, "").Name); err == nil {
		v.Browser = cookie.Value
	}
	return v
}

// consentPath is the address of a visit's page, on this server.
func consentPath(v oauth.Visit) string {
	return oauth.ConsentPath + "?" + url.Values{"request": {v.Name}}.Encode()
}

// consentPage handles GET oauth.ConsentPath: the page where people sign in, or, when
// they have, decide. They also come back here from a page elsewhere, with a login token.
func (s *Server) consentPage(r *httpapi.Request) (any, error) {
	v := s.visit(r)
	if token := r.Query("loginToken"); token != "" {
		if _, _, err := s.oauth.Look(r.Context(), v); err != nil {
			return nil, err
		}
		user, err := s.accounts.TakeLoginToken(r.Context(), r.Account, token)
		if err != nil {
			return nil, err
		}
		if err := s.oauth.SignIn(r.Context(), v, user, ""); err != nil {
			return nil, err
		}
		return seeOther(consentPath(v)), nil // so that the token is not in the browser's history
	}
	return s.showConsent(r, v, "")
}

// showConsent shows the page of a visit, with a sentence of what went wrong.
func (s *Server) showConsent(r *httpapi.Request, v oauth.Visit, wrong string) (any, error) {
	grant, client, err := s.oauth.Look(r.Context(), v)
	if err != nil {
		return nil, err
	}
	p := decision{
		Words: oauthWordsFor(r), Action: consentPath(v), Seal: v.Seal(), Wrong: wrong,
		Client: client.Name, Host: client.Host(), Unproven: !grant.Asked.Proves(), Target: grant.Asked.Redirect,
	}
	if grant.Asked.Redirect == "" {
		p.Code = v.Name
	}
	if grant.User != "" {
		p.User = string(grant.User)
		return p.reply(r)
	}
	ways, err := s.waysIn(r.Context(), r.Account)
	if err != nil {
		return nil, err
	}
	p.Password = ways.passwords
	if ways.elsewhere {
		p.Elsewhere = ssoStart(s.base(r) + consentPath(v))
	}
	return p.reply(r)
}

// ssoStart gives the address where signing in on a page elsewhere begins, from which
// people come back with a login token (section "SSO client login/authentication").
func ssoStart(back string) string {
	return "/_matrix/client/v3/login/sso/redirect?" + url.Values{"redirectUrl": {back}}.Encode()
}

// consent handles POST oauth.ConsentPath: the buttons of the page.
func (s *Server) consent(r *httpapi.Request) (any, error) {
	form, err := r.Form()
	if err != nil {
		return nil, err
	}
	v := s.visit(r)
	if err := v.Sealed(form.Get("seal")); err != nil {
		return nil, err
	}
	switch form.Get("do") {
	case "sign-in":
		return s.signInHere(r, v, form)
	case "allow", "deny":
		to, err := s.oauth.Decide(r.Context(), v, form.Get("do") == "allow")
		if err != nil {
			return nil, err
		}
		return s.decided(r, v, to)
	}
	return nil, oauth.ErrForged
}

// signInHere checks a password. What is wrong with it is said on the same page.
func (s *Server) signInHere(r *httpapi.Request, v oauth.Visit, form url.Values) (any, error) {
	account, user, err := s.login.Password(r.Context(), login.Request{
		Account: r.Account, Server: r.Server, Type: mautrix.AuthTypePassword, User: form.Get("user"), Password: form.Get("password"),
		SignIn: accounts.SignIn{IP: r.ClientIP(), UserAgent: r.UserAgent()},
	})
	if err == nil && account != r.Account {
		err = accounts.ErrLogin // somebody of another account, who cannot sign in here
	}
	if refused := refusal.As(err); refused != nil {
		sentence, _ := refused.In(r.Header.Get("Accept-Language"))
		return s.showConsent(r, v, sentence)
	}
	if err != nil {
		return nil, err
	}
	if err := s.oauth.SignIn(r.Context(), v, user.ID, user.Password); err != nil {
		return nil, err
	}
	return seeOther(consentPath(v)), nil
}

// decided sends people on to their client, or tells those with a device that it goes on
// there.
func (s *Server) decided(r *httpapi.Request, v oauth.Visit, to string) (any, error) {
	cookie := oauth.Cookie(s.base(r), v.Name, "") //nolint:gosec // as oauth.Cookie makes it
	cookie.MaxAge = -1
	answer := seeOther(to)
	if to == "" {
		say := wordsFor(r)
		var err error
		if answer, err = (page{Title: say.confirmed, Text: []string{say.goBack}}).reply(r, http.StatusOK); err != nil {
			return nil, err
		}
	}
	answer.Header.Set("Set-Cookie", cookie.String())
	return answer, nil
}

// linkPage handles GET oauth.LinkPath: people enter the code that a device shows.
func (s *Server) linkPage(r *httpapi.Request) (any, error) {
	return decision{Words: oauthWordsFor(r), Action: oauth.LinkPath, Link: true, Code: r.Query("user_code")}.reply(r)
}

// link handles POST oauth.LinkPath. It changes nothing but which browser may decide.
func (s *Server) link(r *httpapi.Request) (any, error) {
	// No seal protects this form: nobody has a secret here yet.
	if from := r.Header.Get("Sec-Fetch-Site"); from != "" && from != "same-origin" {
		return nil, oauth.ErrForged
	}
	form, err := r.Form()
	if err != nil {
		return nil, err
	}
	v, err := s.oauth.Enter(r.Context(), r.Account, form.Get("user_code"))
	if err != nil {
		return nil, err
	}
	answer := seeOther(consentPath(*v))
	answer.Header.Set("Set-Cookie", oauth.Cookie(s.base(r), v.Name, v.Browser).String())
	return answer, nil
}

// seeOther sends a browser on after a form.
func seeOther(address string) httpapi.Reply {
	return httpapi.Reply{Status: http.StatusSeeOther, Header: http.Header{"Location": {address}}}
}
