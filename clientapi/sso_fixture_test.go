package clientapi_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/oauth2-proxy/mockoidc"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/login"
	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/config/outbound"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/sqldb/sqltest"
)

const callbackPath = "/_matrix/client/unstable/br.com.conversalabs/v1/sso/callback"

// ssoServer is a server whose account has all ways to sign in, with Ana, whom
// ConversaLabs calls 42. Its clock shows the real time, as its provider's does.
type ssoServer struct {
	*testServer
	key      ed25519.PrivateKey
	provider *mockoidc.MockOIDC
	ana      *person
}

func newSSOServer(t *testing.T, db *sqldb.DB) *ssoServer {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s := &ssoServer{key: private}
	s.testServer = newTestServerOn(t, db, func(o *login.Options) {
		o.Client = outbound.New(outbound.Options{Networks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	})
	s.clock.Store(time.Now().UnixMilli())
	if s.provider, err = mockoidc.Run(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.provider.Shutdown() })
	jwk, err := json.Marshal(jose.JSONWebKey{Key: public, KeyID: "k", Algorithm: "EdDSA"})
	if err != nil {
		t.Fatal(err)
	}
	s.change(func(l *accounts.LoginSettings) {
		l.JWT = &accounts.JWTLogin{Keys: []accounts.JWTKey{{ID: "k", Algorithm: "EdDSA", JWK: jwk}}}
		l.SSO = &accounts.SSOLogin{URL: "https://app.conversalabs.test/chat?account=7"}
		l.OIDC = &accounts.OIDCLogin{
			Name: "Acme", Issuer: s.provider.Issuer(), ClientID: s.provider.ClientID, ClientSecret: s.provider.ClientSecret,
			Scopes: []string{"openid", "profile"}, UserClaim: "preferred_username",
		}
		l.Clients = []string{"https://chat.acme.test", "acme.desktop:"}
	})
	s.ana = s.mustRegister("ana")
	s.provision(s.ana, "42")
	return s
}

func (s *ssoServer) change(change func(*accounts.LoginSettings)) {
	s.t.Helper()
	err := s.accounts.ChangeAccount(s.t.Context(), tenant.Caller{Account: tenant.Default}, func(all *accounts.Settings) error {
		change(&all.Login)
		return nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

// provision gives a person an ID of ConversaLabs'.
func (s *testServer) provision(p *person, external string) {
	s.t.Helper()
	b := &sqldb.Batch{}
	b.Add(`UPDATE users SET external = $2 WHERE account = 'default' AND user_id = $1`, p.user, external)
	if err := s.db.Commit(s.t.Context(), b); err != nil {
		s.t.Fatal(err)
	}
}

// token is what ConversaLabs says of one of its users.
func (s *ssoServer) token(external string) string {
	s.t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.EdDSA, Key: s.key}, (&jose.SignerOptions{}).WithHeader("kid", "k"))
	if err != nil {
		s.t.Fatal(err)
	}
	token, err := jwt.Signed(signer).Claims(jwt.Claims{
		Subject: external, Audience: jwt.Audience{"hs1"}, ID: rand.Text(),
		Expiry: jwt.NewNumericDate(time.UnixMilli(s.clock.Load()).Add(time.Minute)),
	}).Serialize()
	if err != nil {
		s.t.Fatal(err)
	}
	return token
}

// browser keeps cookies, and stops where it leaves this machine.
type browser struct {
	*http.Client
	t testing.TB
}

func newBrowser(t testing.TB) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{t: t, Client: &http.Client{Jar: jar, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		if r.URL.Hostname() != "127.0.0.1" {
			return http.ErrUseLastResponse
		}
		return nil
	}}}
}

// open gives the last answer and its page.
func (b *browser) open(address string) (*http.Response, string) {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodGet, address, http.NoBody)
	if err != nil {
		b.t.Fatal(err)
	}
	answer, err := b.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	page, err := io.ReadAll(answer.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return answer, string(page)
}

// mustLeave demands a redirect, and gives where it leads.
func (b *browser) mustLeave(address string) *url.URL {
	b.t.Helper()
	answer, page := b.open(address)
	to, err := url.Parse(answer.Header.Get("Location"))
	if err != nil || answer.StatusCode != http.StatusFound {
		b.t.Fatalf("%s: got %d, %v, want a redirect: %s", address, answer.StatusCode, err, page)
	}
	return to
}

// mustSee demands a page, on which nothing runs but what is its own.
func (b *browser) mustSee(address string, status int, want string) string {
	b.t.Helper()
	answer, page := b.open(address)
	policy := answer.Header.Get("Content-Security-Policy")
	if answer.StatusCode != status || !strings.Contains(page, want) {
		b.t.Errorf("%s: got %d %s, want %d and %q", address, answer.StatusCode, page, status, want)
	}
	if !strings.HasPrefix(policy, "default-src 'none'") || !strings.Contains(policy, "frame-ancestors 'none'") ||
		answer.Header.Get("Referrer-Policy") != "no-referrer" || answer.Header.Get("Cache-Control") != "no-store" {
		b.t.Errorf("%s: got headers %v", address, answer.Header)
	}
	return page
}

const client = "https://chat.acme.test/#/home"

func (s *ssoServer) redirectURL(provider, client string) string {
	if provider != "" {
		provider = "/" + provider
	}
	return s.URL + "/_matrix/client/v3/login/sso/redirect" + provider + "?" + url.Values{"redirectUrl": {client}}.Encode()
}

// depart goes to the account's page, and gives the address to come back to.
func (s *ssoServer) depart(b *browser, client string) string {
	s.t.Helper()
	return s.back(b.mustLeave(s.redirectURL("conversalabs", client)))
}

// back demands that a browser is at the account's page, and gives the address to
// come back to.
func (s *ssoServer) back(at *url.URL) string {
	s.t.Helper()
	given := at.Query()
	if at.Host != "app.conversalabs.test" || given.Get("account") != "7" || given.Get("redirect_uri") != s.URL+callbackPath {
		s.t.Fatalf("got %s, want the account's page", at)
	}
	return given.Get("redirect_uri") + "?" + url.Values{"state": {given.Get("state")}}.Encode()
}

func with(address, name, value string) string {
	return address + "&" + name + "=" + url.QueryEscape(value)
}

// mustBeAna demands that a login token is Ana's, and good once.
func (s *ssoServer) mustBeAna(token string) {
	s.t.Helper()
	body := `{"type":"m.login.token","token":"` + token + `"}`
	if got := s.nobodyYet().must(post, "/login", body).Get("user_id").Str; got != s.ana.user {
		s.t.Errorf("got %s, want %s", got, s.ana.user)
	}
	s.nobodyYet().mustRefuse(post, "/login", body, http.StatusForbidden, "M_FORBIDDEN")
}

func eachSSO(t *testing.T, test func(*ssoServer)) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) { test(newSSOServer(t, db)) })
}
