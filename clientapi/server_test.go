package clientapi_test

import (
	"crypto/rand"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alexedwards/argon2id"
	"github.com/sirupsen/logrus"
	"github.com/tidwall/gjson"
	"maunium.net/go/mautrix"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/login"
	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi"
	"github.com/conversalabs/internalchat/clientapi/httpapi"
	"github.com/conversalabs/internalchat/storage"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/sqldb/sqltest"
)

// testServer is a server with real accounts and logins on SQLite: the default
// account is hs1, and registration is open.
type testServer struct {
	*httptest.Server
	t        *testing.T
	accounts *accounts.Service
	db       *sqldb.DB
	store    *storage.Store
	clock    *atomic.Int64 // ms
}

// newTestServer starts one, with what the changes make of the login's options.
func newTestServer(t *testing.T, changes ...func(*login.Options)) *testServer {
	t.Helper()
	return newTestServerOn(t, sqltest.SQLite(t), changes...)
}

func newTestServerOn(t *testing.T, db *sqldb.DB, changes ...func(*login.Options)) *testServer {
	t.Helper()
	s := &testServer{t: t, db: db, clock: &atomic.Int64{}}
	s.clock.Store(1_700_000_000_000)
	now := func() time.Time { return time.UnixMilli(s.clock.Load()) }
	log := logrus.New()
	log.SetOutput(io.Discard)
	s.store = storage.Open(storage.Options{DB: db, Log: log, Now: now})
	t.Cleanup(s.store.Close)
	s.accounts = accounts.New(accounts.Options{Store: s.store, Now: now, Random: rand.Reader})
	for account, name := range map[tenant.ID]string{tenant.Default: "hs1", "other": "other.test"} {
		if err := s.accounts.CreateAccount(t.Context(), accounts.Account{ID: account, ServerName: name}); err != nil {
			t.Fatal(err)
		}
	}
	api := httpapi.New(httpapi.Options{Auth: s.accounts, Log: log, Now: now, Random: rand.Reader})
	o := login.Options{
		Accounts: s.accounts, Now: now, Random: rand.Reader, OpenRegistration: true,
		Hashing: &argon2id.Params{Memory: 64, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 32},
	}
	for _, change := range changes {
		change(&o)
	}
	clientapi.New(clientapi.Options{Accounts: s.accounts, Login: login.New(o), Keys: accounts.NewKeys(s.store), Now: now}).Routes(api)
	s.Server = httptest.NewServer(api)
	t.Cleanup(s.Close)
	return s
}

// person is somebody with a token.
type person struct {
	s      *testServer
	user   string
	device string
	token  string // "": nobody yet
}

// nobodyYet has no token.
func (s *testServer) nobodyYet() *person { return &person{s: s} }

const testPassword = "sUp3rs3kr1t"

// mustRegister makes a user and their first session.
func (s *testServer) mustRegister(name string) *person {
	s.t.Helper()
	return s.person(s.nobodyYet().must(post, "/register",
		`{"username":"`+name+`","password":"`+testPassword+`","auth":{"type":"m.login.dummy"}}`))
}

// mustLogIn begins another session of a person; extra is more of the body.
func (p *person) mustLogIn(extra string) *person {
	p.s.t.Helper()
	return p.s.person(p.s.nobodyYet().must(post, "/login", loginBody(p.user, testPassword, extra)))
}

func (s *testServer) person(signedIn gjson.Result) *person {
	return &person{s, signedIn.Get("user_id").Str, signedIn.Get("device_id").Str, signedIn.Get("access_token").Str}
}

func loginBody(user, password, extra string) string {
	if extra != "" {
		extra = "," + extra
	}
	return `{"type":"m.login.password","identifier":{"type":"m.id.user","user":"` + user + `"},"password":"` + password + `"` + extra + `}`
}

// ask sends a request to /_matrix/client/v3, unless the path has it all.
func (p *person) ask(method, path, body string) (int, gjson.Result) {
	p.s.t.Helper()
	if !strings.HasPrefix(path, "/_matrix/") {
		path = "/_matrix/client/v3" + path
	}
	request, err := http.NewRequestWithContext(p.s.t.Context(), method, p.s.URL+path, strings.NewReader(body))
	if err != nil {
		p.s.t.Fatal(err)
	}
	if p.token != "" {
		request.Header.Set("Authorization", "Bearer "+p.token)
	}
	response, err := p.s.Client().Do(request)
	if err != nil {
		p.s.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		p.s.t.Fatal(err)
	}
	if !json.Valid(answer) {
		p.s.t.Fatalf("%s %s: got an answer that is not JSON: %q", method, path, answer)
	}
	return response.StatusCode, gjson.ParseBytes(answer)
}

func (p *person) must(method, path, body string) gjson.Result {
	p.s.t.Helper()
	status, answer := p.ask(method, path, body)
	if status != http.StatusOK {
		p.s.t.Fatalf("%s %s %s: got %d %s, want 200", method, path, body, status, answer.Raw)
	}
	return answer
}

func (p *person) mustRefuse(method, path, body string, status int, code string) gjson.Result {
	p.s.t.Helper()
	got, answer := p.ask(method, path, body)
	if got != status || answer.Get("errcode").Str != code {
		p.s.t.Fatalf("%s %s %s: got %d %s, want %d %s", method, path, body, got, answer.Raw, status, code)
	}
	return answer
}

// mustEnd demands that the person's token is good for nothing.
func (p *person) mustEnd() {
	p.s.t.Helper()
	answer := p.mustRefuse(get, "/account/whoami", "", http.StatusUnauthorized, "M_UNKNOWN_TOKEN")
	if answer.Get("soft_logout").Bool() {
		p.s.t.Fatalf("got %s, want no soft logout", answer.Raw)
	}
}

// client is mautrix's own, for the person.
func (p *person) client() *mautrix.Client {
	p.s.t.Helper()
	client, err := mautrix.NewClient(p.s.URL, "", p.token)
	if err != nil {
		p.s.t.Fatal(err)
	}
	return client
}
