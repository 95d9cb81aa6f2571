package clientapi

import (
	"crypto/subtle"
	"net"
	"net/http"
	"net/url"
	"strings"

	"maunium.net/go/mautrix"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/login"
	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/httpapi"
)

// callbackPath is where people come back from a page elsewhere.
const callbackPath = "/_matrix/client/unstable/br.com.conversalabs/v1/sso/callback"

// ssoRoutes registers section "SSO client login/authentication" of the client-server
// specification and the fallback of user-interactive authentication. People see what
// these routes answer, so their refusals are pages.
func (s *Server) ssoRoutes(api *httpapi.API) {
	limit := httpapi.Limit(httpapi.LoginAddress)
	api.Client(http.MethodGet, "/login/sso/redirect", api.Open(paged(s.ssoRedirect), limit))
	api.Client(http.MethodGet, "/login/sso/redirect/{idpId}", api.Open(paged(s.ssoRedirectTo), limit))
	api.Client(http.MethodGet, "/auth/{type}/fallback/web", api.Open(paged(s.authFallback), limit))
	api.Handle(http.MethodGet, callbackPath, api.Open(paged(s.ssoCallback)))
}

// ssoRedirect handles GET /_matrix/client/v3/login/sso/redirect: where there are
// several pages for signing in, people choose.
func (s *Server) ssoRedirect(r *httpapi.Request) (any, error) {
	providers, err := s.login.Providers(r.Context(), r.Account)
	if err != nil {
		return nil, err
	}
	switch len(providers) {
	case 0:
		return nil, login.ErrNoProvider
	case 1:
		return s.departForLogin(r, providers[0].ID)
	}
	say := wordsFor(r)
	chosen := page{Title: say.signIn, Text: []string{say.choose}}
	for _, p := range providers {
		to := url.URL{Path: strings.TrimSuffix(r.URL.Path, "/") + "/" + p.ID, RawQuery: r.URL.RawQuery}
		chosen.Links = append(chosen.Links, link{Label: p.Name, URL: to.String()})
	}
	return chosen.reply(r, http.StatusOK)
}

// ssoRedirectTo handles GET /_matrix/client/v3/login/sso/redirect/{idpId}.
func (s *Server) ssoRedirectTo(r *httpapi.Request) (any, error) {
	return s.departForLogin(r, r.Var("idpId"))
}

func (s *Server) departForLogin(r *httpapi.Request, provider string) (any, error) {
	action, err := r.Choice("action", "", "login", "register")
	if err != nil {
		return nil, err
	}
	return s.depart(r, r.Account, login.Trip{Provider: provider, Return: r.Query("redirectUrl"), Action: action})
}

// depart sends a browser to a page elsewhere. A cookie of its own for each trip binds
// what comes back to the browser.
func (s *Server) depart(r *httpapi.Request, account tenant.ID, trip login.Trip) (any, error) {
	base := s.base(r)
	trip.Callback = base + callbackPath
	to, err := s.login.Depart(r.Context(), account, trip)
	if err != nil {
		return nil, err
	}
	answer := sendTo(to.URL)
	cookie := tripCookie(base, to.State) //nolint:gosec // tripCookie sets what it must
	cookie.Value, cookie.MaxAge = to.Browser, int(accounts.JourneyLife.Seconds())
	answer.Header.Set("Set-Cookie", cookie.String())
	return answer, nil
}

func sendTo(address string) httpapi.Reply {
	return httpapi.Reply{Status: http.StatusFound, Header: http.Header{"Location": {address}}}
}

// tripCookie is the cookie of one trip, without its value.
func tripCookie(base, state string) *http.Cookie {
	c := &http.Cookie{ //nolint:gosec // Secure wherever the address is, so that a server without https can be tried
		Name: "ic_sso_" + accounts.Hash(state)[:16], Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode,
		Secure: strings.HasPrefix(base, "https://"),
	}
	if c.Secure {
		// Then no other host, and no page without https, can have put it there.
		c.Name = "__Host-" + c.Name
	}
	return c
}

// base is the address under which the browser reaches this server now: the account's
// own host, or else the public one.
func (s *Server) base(r *httpapi.Request) string {
	host := strings.ToLower(r.Host)
	bare := host
	if name, _, err := net.SplitHostPort(host); err == nil {
		bare = name
	}
	public, err := url.Parse(s.publicURL)
	if s.publicURL != "" && err == nil && (public.Host == host || host != r.Server && bare != r.Server) {
		return s.publicURL
	}
	if r.TLS != nil || err == nil && public.Scheme == "https" {
		return "https://" + host
	}
	return "http://" + host
}

// ssoCallback handles GET callbackPath: people come back with a state, and the token
// of their account's page or the code of its provider.
func (s *Server) ssoCallback(r *httpapi.Request) (any, error) {
	base := s.base(r)
	cookie := tripCookie(base, r.Query("state")) //nolint:gosec // tripCookie sets what it must
	arrival := login.Arrival{State: r.Query("state"), Token: r.Query("token"), Code: r.Query("code"), IP: r.ClientIP()}
	if kept, err := r.Cookie(cookie.Name); err == nil {
		arrival.Browser = kept.Value
	}
	arrived, err := s.login.Arrive(r.Context(), arrival)
	if err != nil {
		return nil, err
	}
	answer, err := arrivedPage(r, arrived, arrived.Known || arrived.Origin == base)
	if err != nil {
		return nil, err
	}
	cookie.MaxAge = -1
	answer.Header.Set("Set-Cookie", cookie.String())
	return answer, nil
}

// arrivedPage sends people on to their client. Those whose client nobody knows see
// first where they go: whoever made them click a link would else get into their
// account (section "SSO client login/authentication", "Security considerations").
func arrivedPage(r *httpapi.Request, arrived *login.Arrived, known bool) (httpapi.Reply, error) {
	say := wordsFor(r)
	switch {
	case arrived.Return == "":
		return page{Title: say.confirmed, Text: []string{say.goBack}, Done: true}.reply(r, http.StatusOK)
	case known:
		return sendTo(arrived.Return), nil
	}
	return page{
		Title: say.signIn, Text: []string{say.asks(arrived.Origin, arrived.User.ID), say.beware},
		Links: []link{{Label: say.proceed, URL: arrived.Return}},
	}.reply(r, http.StatusOK)
}

// authFallback handles GET /_matrix/client/v3/auth/{type}/fallback/web for
// m.login.sso: a client has opened it so that its user confirms a request. They see
// what this is about before they go anywhere: only the links of this page, in the
// browser that it was shown in, lead on. A page elsewhere can make neither.
func (s *Server) authFallback(r *httpapi.Request) (any, error) {
	if mautrix.AuthType(r.Var("type")) != mautrix.AuthTypeSSO {
		return nil, login.ErrNoProvider
	}
	session := r.Query("session")
	account, providers, hash, err := s.login.Asked(r.Context(), session)
	if err != nil {
		return nil, err
	}
	seal := sealCookie(s.base(r), session) //nolint:gosec // sealCookie sets what it must
	if kept, err := r.Cookie(seal.Name); err == nil {
		seal.Value = kept.Value
	}
	if chosen := r.Query("idp"); chosen != "" && isSealed(seal.Value, r.Query("seal")) {
		return s.depart(r, account, login.Trip{Provider: chosen, Session: hash})
	}
	if seal.Value, err = s.login.Secret(); err != nil {
		return nil, err
	}
	say := wordsFor(r)
	choose := page{Title: say.confirm, Text: []string{say.confirmWhy, say.beware}}
	for _, p := range providers {
		to := url.URL{Path: r.URL.Path, RawQuery: url.Values{"session": {session}, "idp": {p.ID}, "seal": {sealOf(seal.Value)}}.Encode()}
		choose.Links = append(choose.Links, link{Label: p.Name, URL: to.String()})
	}
	answer, err := choose.reply(r, http.StatusOK)
	if err != nil {
		return nil, err
	}
	answer.Header.Set("Set-Cookie", seal.String())
	return answer, nil
}

// sealCookie is the cookie in which a browser keeps the secret of the page of one
// confirmation, without its value. No page elsewhere can have it sent.
func sealCookie(base, session string) *http.Cookie {
	c := tripCookie(base, session) //nolint:gosec // tripCookie sets what it must
	c.SameSite, c.MaxAge = http.SameSiteStrictMode, int(accounts.JourneyLife.Seconds())
	return c
}

// sealOf is what the links of a page carry, by the secret that the browser keeps.
func sealOf(secret string) string { return accounts.Hash("confirm\n" + secret) }

func isSealed(secret, seal string) bool {
	return secret != "" && subtle.ConstantTimeCompare([]byte(seal), []byte(sealOf(secret))) == 1
}
