package clientapi

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"github.com/zitadel/oidc/v3/pkg/oidc"

	"github.com/conversalabs/internalchat/accounts/oauth"
	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/httpapi"
	"github.com/conversalabs/internalchat/clientapi/refusal"
)

// oauthRoutes registers section "OAuth 2.0 API" of the client-server specification.
// What clients ask answers as OAuth does; what people see are pages.
func (s *Server) oauthRoutes(api *httpapi.API) {
	metadata := api.Open(s.authMetadata)
	api.Versions(http.MethodGet, "/auth_metadata", metadata, "v1", "unstable/org.matrix.msc2965")
	limit := httpapi.Limit(httpapi.OAuth)
	api.Handle(http.MethodPost, oauth.RegisterPath, api.Open(s.withOAuth(s.registerClient), limit))
	api.Handle(http.MethodGet, oauth.AuthorizePath, api.Open(paged(s.withOAuth(s.authorize)), limit))
	api.Handle(http.MethodPost, oauth.TokenPath, api.Open(s.withOAuth(s.askOAuth)))
	api.Handle(http.MethodPost, oauth.DevicesPath, api.Open(s.withOAuth(s.askOAuth), limit))
	api.Handle(http.MethodPost, oauth.RevokePath, api.Open(s.withOAuth(s.revokeToken)))
	s.consentRoutes(api)
}

var errNoOAuth = refusal.New(http.StatusNotFound, "M_UNRECOGNIZED", "Clients do not sign in by OAuth here.")

// withOAuth leaves a route unrecognized where OAuth is off.
func (s *Server) withOAuth(h httpapi.Handler) httpapi.Handler {
	return func(r *httpapi.Request) (any, error) {
		if s.oauth == nil || !issues(s.base(r)) {
			return nil, errNoOAuth
		}
		return h(r)
	}
}

// issues tells whether OAuth may be spoken at an address: one with https, or on this
// machine.
func issues(base string) bool {
	u, err := url.Parse(base)
	if err != nil {
		return false
	}
	address, err := netip.ParseAddr(u.Hostname())
	return u.Scheme == "https" || u.Hostname() == "localhost" || err == nil && address.IsLoopback()
}

// authMetadata handles GET /_matrix/client/v1/auth_metadata. It tells of nothing where
// people have no way to sign in on a page.
func (s *Server) authMetadata(r *httpapi.Request) (any, error) {
	base := s.base(r)
	if s.oauth == nil || !issues(base) {
		return nil, errNoOAuth
	}
	ways, err := s.waysIn(r.Context(), r.Account)
	if err != nil {
		return nil, err
	}
	if !ways.passwords && !ways.elsewhere {
		return nil, errNoOAuth
	}
	return map[string]any{
		"issuer":                                base + "/",
		"authorization_endpoint":                base + oauth.AuthorizePath,
		"token_endpoint":                        base + oauth.TokenPath,
		"revocation_endpoint":                   base + oauth.RevokePath,
		"registration_endpoint":                 base + oauth.RegisterPath,
		"device_authorization_endpoint":         base + oauth.DevicesPath,
		"response_types_supported":              []oidc.ResponseType{oidc.ResponseTypeCode},
		"response_modes_supported":              []oidc.ResponseMode{oidc.ResponseModeQuery, oidc.ResponseModeFragment},
		"grant_types_supported":                 []oidc.GrantType{oidc.GrantTypeCode, oidc.GrantTypeRefreshToken, oidc.GrantTypeDeviceCode},
		"code_challenge_methods_supported":      []oidc.CodeChallengeMethod{oidc.CodeChallengeMethodS256},
		"token_endpoint_auth_methods_supported": []oidc.AuthMethod{oidc.AuthMethodNone},
	}, nil
}

// waysIn are the ways in which people of an account can sign in on a page.
type waysIn struct{ passwords, elsewhere bool }

func (s *Server) waysIn(ctx context.Context, account tenant.ID) (ways waysIn, err error) {
	if ways.passwords, err = s.login.Passwords(ctx, account); err != nil {
		return ways, err
	}
	providers, err := s.login.Providers(ctx, account)
	ways.elsewhere = len(providers) > 0
	return ways, err
}

// registerClient handles POST oauth.RegisterPath (client-server API, "Client
// registration").
func (s *Server) registerClient(r *httpapi.Request) (any, error) {
	var said oauth.Metadata
	if err := r.Decode(&said); err != nil {
		return nil, err
	}
	client, err := s.oauth.Register(r.Context(), r.Account, said)
	if bad := (*oauth.MetadataError)(nil); errors.As(err, &bad) {
		return httpapi.Reply{Status: http.StatusBadRequest, Body: bad}, nil
	}
	if err != nil {
		return nil, err
	}
	return httpapi.Reply{Status: http.StatusCreated, Body: client}, nil
}

func (s *Server) asking(r *httpapi.Request) oauth.Asking {
	return oauth.Asking{Account: r.Account, Base: s.base(r), IP: r.ClientIP(), UserAgent: r.UserAgent()}
}

// askOAuth handles POST oauth.TokenPath and POST oauth.DevicesPath.
func (s *Server) askOAuth(r *httpapi.Request) (any, error) {
	form, err := r.Form()
	if err != nil {
		return oauthRefusal(err), nil
	}
	ask := r.Clone(r.Context())
	ask.Form, ask.PostForm = form, form
	answer, fault := s.answerOf(r, ask)
	if fault != nil {
		r.Log().WithError(fault).Error("request failed")
	}
	return answer, nil
}

// oauthRefusal is an answer that OAuth clients understand (RFC 6749, section 5.2).
func oauthRefusal(err error) httpapi.Reply {
	sentence, _ := refusal.As(err).In("en")
	return httpapi.Reply{Status: http.StatusBadRequest, Body: oidc.ErrInvalidRequest().WithDescription("%s", sentence)}
}

// answerOf gives what the library answers, and the fault behind it if there is one.
func (s *Server) answerOf(r *httpapi.Request, ask *http.Request) (answer httpapi.Reply, fault error) {
	asking := s.asking(r)
	asking.Report = func(err error) { fault = err }
	w := &kept{header: http.Header{}, status: http.StatusOK}
	s.oauth.ServeHTTP(w, ask, asking)
	return httpapi.Reply{Status: w.status, Header: w.header, Body: w.body.Bytes()}, fault
}

// kept keeps an answer until it is looked at.
type kept struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (k *kept) Header() http.Header { return k.header }

func (k *kept) Write(b []byte) (int, error) { return k.body.Write(b) }

func (k *kept) WriteHeader(status int) { k.status = status }

var errBadAsk = refusal.Invalid("Your client has asked for something that this server does not permit, so nobody can sign in with it. Please tell its makers.")

// authorize handles GET oauth.AuthorizePath: people are sent on to the page where they
// decide, or back to their client with what is wrong. Where there is no address of the
// client's that can be trusted, they stay here.
func (s *Server) authorize(r *httpapi.Request) (any, error) {
	ask := r.Clone(r.Context())
	ask.Form, ask.PostForm = r.URL.Query(), url.Values{}
	for _, values := range ask.Form {
		if len(values) != 1 { // RFC 6749, section 3.1
			return nil, errBadAsk
		}
	}
	answer, fault := s.answerOf(r, ask)
	if fault != nil {
		return nil, fault
	}
	if answer.Status != http.StatusFound {
		return nil, errBadAsk
	}
	answer.Body = nil
	return answer, nil
}

// revokeToken handles POST oauth.RevokePath (client-server API, "Token revocation").
// Whose client asks does not matter: who has a token may end it.
func (s *Server) revokeToken(r *httpapi.Request) (any, error) {
	form, err := r.Form()
	if err != nil {
		return oauthRefusal(err), nil
	}
	if form.Get("token") == "" {
		return httpapi.Reply{Status: http.StatusBadRequest, Body: oidc.ErrInvalidRequest().WithDescription("The request has no token.")}, nil
	}
	return nil, s.oauth.Revoke(r.Context(), s.asking(r), form.Get("token"))
}

// formTarget gives the source by which a page permits its form to lead on to an
// address (Content Security Policy, "form-action").
func formTarget(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	if (u.Scheme == "https" || u.Scheme == "http") && !strings.Contains(u.Host, "[") {
		return u.Scheme + "://" + u.Host
	}
	return u.Scheme + ":" // an app's, or one that the policy has no words for
}
