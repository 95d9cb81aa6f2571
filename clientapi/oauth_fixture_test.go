package clientapi_test

import (
	"context"
	"crypto/rand"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/alexedwards/argon2id"
	"github.com/sirupsen/logrus"
	"github.com/tidwall/gjson"
	"golang.org/x/oauth2"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/login"
	"github.com/conversalabs/internalchat/accounts/oauth"
	"github.com/conversalabs/internalchat/clientapi"
	"github.com/conversalabs/internalchat/clientapi/httpapi"
	"github.com/conversalabs/internalchat/storage"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/sqldb/sqltest"
)

const (
	webClient = `{"client_name":"Kitchen <b>Chat","client_uri":"https://chat.client.test/","redirect_uris":["https://chat.client.test/back?a=1"],` +
		`"grant_types":["authorization_code","refresh_token","urn:ietf:params:oauth:grant-type:device_code"],"response_types":["code"],` +
		`"token_endpoint_auth_method":"none","application_type":"web"}`
	appClient = `{"client_name":"App","client_uri":"https://client.test","redirect_uris":["test.client.app:/back","http://127.0.0.1/back"],` +
		`"grant_types":["authorization_code"],"response_types":["code"],"token_endpoint_auth_method":"none","application_type":"native"}`

	redirect  = "https://chat.client.test/back?a=1"
	apiScope  = "urn:matrix:client:api:*"
	phone     = "PHONEPHONE"
	phoneOnly = "urn:matrix:client:device:" + phone
)

// oauthServer is a server with OAuth, with Ana, and a client that has registered.
type oauthServer struct {
	*testServer
	ana      *person
	metadata gjson.Result
	client   *oauth2.Config
}

func newOAuthServer(t *testing.T, db *sqldb.DB) *oauthServer {
	t.Helper()
	house := newTestServerOn(t, db)
	s := &oauthServer{testServer: house.mustNode(""), ana: house.mustRegister("ana")}
	s.metadata = s.nobodyYet().must(get, "/_matrix/client/v1/auth_metadata", "")
	s.client = s.mustClient(webClient)
	return s
}

func eachOAuth(t *testing.T, test func(*oauthServer)) {
	t.Parallel()
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) { test(newOAuthServer(t, db)) })
}

// mustNode starts a further node of a server, with OAuth.
func (s *testServer) mustNode(publicURL string) *testServer {
	s.t.Helper()
	n := &testServer{t: s.t, db: s.db, clock: s.clock}
	now := func() time.Time { return time.UnixMilli(s.clock.Load()) }
	log := logrus.New()
	log.SetOutput(io.Discard)
	n.store = storage.Open(storage.Options{DB: s.db, Log: log, Now: now})
	s.t.Cleanup(n.store.Close)
	n.accounts = accounts.New(accounts.Options{Store: n.store, Now: now, Random: rand.Reader})
	api := httpapi.New(httpapi.Options{Auth: n.accounts, Log: log, Now: now, Random: rand.Reader})
	clientapi.New(clientapi.Options{
		Accounts: n.accounts, Keys: accounts.NewKeys(n.store), Now: now, PublicURL: publicURL,
		Login: login.New(login.Options{
			Accounts: n.accounts, Now: now, Random: rand.Reader, OpenRegistration: true,
			Hashing: &argon2id.Params{Memory: 64, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 32},
		}),
		OAuth: oauth.New(oauth.Options{Accounts: n.accounts, Store: n.store, Now: now, Random: rand.Reader}),
	}).Routes(api)
	n.Server = httptest.NewServer(api)
	s.t.Cleanup(n.Close)
	return n
}

// mustClient registers a client.
func (s *oauthServer) mustClient(said string) *oauth2.Config {
	s.t.Helper()
	status, answer := s.register(said)
	if status != http.StatusCreated {
		s.t.Fatalf("register: got %d %s, want 201", status, answer.Raw)
	}
	return &oauth2.Config{
		ClientID: answer.Get("client_id").Str, RedirectURL: answer.Get("redirect_uris.0").Str, Scopes: []string{apiScope, phoneOnly},
		Endpoint: oauth2.Endpoint{
			AuthURL: s.endpoint("authorization"), TokenURL: s.endpoint("token"),
			DeviceAuthURL: s.endpoint("device_authorization"), AuthStyle: oauth2.AuthStyleInParams,
		},
	}
}

func (s *oauthServer) register(said string) (int, gjson.Result) {
	return s.nobodyYet().ask(post, strings.TrimPrefix(s.endpoint("registration"), s.URL), said)
}

func (s *oauthServer) endpoint(name string) string { return s.metadata.Get(name + "_endpoint").Str }

// answer is what a page or an endpoint has sent.
type answer struct {
	*http.Response
	text string
	json gjson.Result
}

// post sends a form.
func (b *browser) post(address string, form url.Values) answer {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.(*testing.T).Context(), http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := b.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return answer{response, string(text), gjson.ParseBytes(text)}
}

var (
	actionPattern = regexp.MustCompile(`<form method="post" action="([^"]*)">`)
	sealPattern   = regexp.MustCompile(`name="seal" value="([^"]*)"`)
)

// press presses a button of a page, with what was typed in the form's fields in pairs.
func (s *oauthServer) press(b *browser, page, do string, typed ...string) answer {
	s.t.Helper()
	action := actionPattern.FindStringSubmatch(page)
	if action == nil {
		s.t.Fatalf("got no form: %s", page)
	}
	form := url.Values{"do": {do}}
	if seal := sealPattern.FindStringSubmatch(page); seal != nil {
		form.Set("seal", seal[1])
	}
	for i := 0; i < len(typed); i += 2 {
		form.Set(typed[i], typed[i+1])
	}
	return b.post(s.URL+html.UnescapeString(action[1]), form)
}

// mustSignIn opens a page and signs Ana in there. It gives the page where she decides.
func (s *oauthServer) mustSignIn(b *browser, address string) string {
	s.t.Helper()
	page := b.mustSee(address, http.StatusOK, `name="password"`)
	signed := s.press(b, page, "sign-in", "user", "ana", "password", testPassword)
	if signed.StatusCode != http.StatusOK || !strings.Contains(signed.text, "@ana:hs1") {
		s.t.Fatalf("sign in: got %d %s", signed.StatusCode, signed.text)
	}
	return signed.text
}

// mustAllow signs Ana in and lets the client in. It gives the parameters that the
// client gets.
func (s *oauthServer) mustAllow(client *oauth2.Config, verifier string, o ...oauth2.AuthCodeOption) (*url.URL, url.Values) {
	s.t.Helper()
	b := newBrowser(s.t)
	o = append(o, oauth2.S256ChallengeOption(verifier))
	page := s.mustSignIn(b, client.AuthCodeURL("the state", o...))
	answer := s.press(b, page, "allow")
	to, err := url.Parse(answer.Header.Get("Location"))
	if err != nil || answer.StatusCode != http.StatusSeeOther {
		s.t.Fatalf("allow: got %d %v: %s", answer.StatusCode, err, answer.text)
	}
	if to.Fragment != "" {
		got, err := url.ParseQuery(to.EscapedFragment())
		if err != nil {
			s.t.Fatal(err)
		}
		return to, got
	}
	return to, to.Query()
}

// mustGrant takes a client through all of it.
func (s *oauthServer) mustGrant(client *oauth2.Config) *oauth2.Token {
	s.t.Helper()
	verifier := oauth2.GenerateVerifier()
	_, got := s.mustAllow(client, verifier)
	token, err := client.Exchange(s.t.Context(), got.Get("code"), oauth2.VerifierOption(verifier))
	if err != nil {
		s.t.Fatal(err)
	}
	return token
}

// with gives somebody with a token.
func (s *oauthServer) with(token string) *person { return &person{s: s.testServer, token: token} }

// refresh asks for new tokens.
func (s *oauthServer) refresh(client *oauth2.Config, token string) (*oauth2.Token, error) {
	return client.TokenSource(context.WithoutCancel(s.t.Context()), &oauth2.Token{RefreshToken: token, Expiry: time.Unix(1, 0)}).Token()
}

func readAll(t testing.TB, response *http.Response) string {
	t.Helper()
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
