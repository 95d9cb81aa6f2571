package clientapi_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/oauth2-proxy/mockoidc"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/storage/sqldb/sqltest"
)

// The whole of OpenID Connect, by a provider that checks PKCE.
func TestOIDC(t *testing.T) {
	t.Parallel()
	eachSSO(t, func(s *ssoServer) {
		b := newBrowser(s.t)
		s.provider.QueueUser(&mockoidc.MockUser{Subject: "x", PreferredUsername: "42"})
		to := b.mustLeave(s.redirectURL("oidc", client))
		if to.Host != "chat.acme.test" {
			s.t.Fatalf("got %s, want the client", to)
		}
		s.mustBeAna(to.Query().Get("loginToken"))
		s.provider.QueueUser(&mockoidc.MockUser{Subject: "42", PreferredUsername: "nobody"})
		b.mustSee(s.redirectURL("oidc", client), http.StatusForbidden, "not valid")
		s.provider.QueueUser(&mockoidc.MockUser{Subject: "42"})
		b.mustSee(s.redirectURL("oidc", client), http.StatusForbidden, "not valid")
		s.change(func(l *accounts.LoginSettings) { l.OIDC.UserClaim = "" })
		s.provider.QueueUser(&mockoidc.MockUser{Subject: "42", PreferredUsername: "nobody"})
		s.mustBeAna(b.mustLeave(s.redirectURL("oidc", client)).Query().Get("loginToken"))
	})
}

// An e-mail address is somebody's only if the provider has verified it.
func TestOIDCByAddress(t *testing.T) {
	t.Parallel()
	s := newSSOServer(t, sqltest.SQLite(t))
	s.change(func(l *accounts.LoginSettings) { l.OIDC.UserClaim, l.OIDC.Scopes = "email", []string{"email"} })
	s.provision(s.ana, "ana@acme.test")
	b := newBrowser(t)
	s.provider.QueueUser(&mockoidc.MockUser{Subject: "x", Email: "ana@acme.test"})
	b.mustSee(s.redirectURL("oidc", client), http.StatusForbidden, "not valid")
	s.provider.QueueUser(&mockoidc.MockUser{Subject: "x", Email: "ana@acme.test", EmailVerified: true})
	s.mustBeAna(b.mustLeave(s.redirectURL("oidc", client)).Query().Get("loginToken"))
}

// atProvider gives what a browser is sent to the provider with, and stops there.
func (s *ssoServer) atProvider(b *browser) url.Values {
	s.t.Helper()
	follow := b.CheckRedirect
	b.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	defer func() { b.CheckRedirect = follow }()
	return b.mustLeave(s.redirectURL("oidc", client)).Query()
}

func TestOIDCRefusals(t *testing.T) {
	t.Parallel()
	s := newSSOServer(t, sqltest.SQLite(t))
	b := newBrowser(t)
	asked := s.atProvider(b)
	if asked.Get("code_challenge_method") != "S256" || asked.Get("code_challenge") == "" || asked.Get("nonce") == "" ||
		asked.Get("scope") != "openid profile" || asked.Get("response_type") != "code" {
		t.Errorf("got %v", asked)
	}
	back := func(asked url.Values, name, value string) string {
		return with(s.URL+callbackPath+"?state="+url.QueryEscape(asked.Get("state")), name, value)
	}
	b.mustSee(back(asked, "code", "invented"), http.StatusForbidden, "not valid")
	b.mustSee(back(s.atProvider(b), "error", "access_denied"), http.StatusForbidden, "cancelled")
	// A token of the account's is no code of the provider's.
	b.mustSee(back(s.atProvider(b), "token", s.token("42")), http.StatusForbidden, "not valid")

	// A code that was made for another sign-in: its challenge or its nonce differs.
	code := func(nonce, challenge string) string {
		session, err := s.provider.SessionStore.NewSession("openid profile", nonce, &mockoidc.MockUser{PreferredUsername: "42"}, challenge, "S256")
		if err != nil {
			t.Fatal(err)
		}
		return session.SessionID
	}
	asked = s.atProvider(b)
	b.mustSee(back(asked, "code", code(asked.Get("nonce"), "other")), http.StatusForbidden, "not valid")
	asked = s.atProvider(b)
	b.mustSee(back(asked, "code", code("other", asked.Get("code_challenge"))), http.StatusForbidden, "not valid")
	asked = s.atProvider(b)
	b.mustLeave(back(asked, "code", code(asked.Get("nonce"), asked.Get("code_challenge"))))

	// The provider signs by a new key.
	asked = s.atProvider(b)
	key, err := mockoidc.RandomKeypair(2048)
	if err != nil {
		t.Fatal(err)
	}
	s.provider.Keypair = key
	b.mustLeave(back(asked, "code", code(asked.Get("nonce"), asked.Get("code_challenge"))))
}
