package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/sirupsen/logrus"
	"github.com/tidwall/gjson"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/httpapi"
	"github.com/conversalabs/internalchat/config"
)

// This file stands inside the package because main cannot be imported: what is
// tested is the whole API as it is wired together.

// apiFixture is a server with the accounts home.test and other.test.
type apiFixture struct {
	*httpapi.API
	t     testing.TB
	house *house
}

func newAPIFixture(t testing.TB, environment ...string) *apiFixture {
	t.Helper()
	cfg, err := config.Load(map[string]string{"data": t.TempDir(), "server-name": "home.test", "public-url": "https://home.test", "rate-limits": "off"}, environment)
	if err != nil {
		t.Fatal(err)
	}
	log := logrus.New()
	log.SetOutput(io.Discard)
	h, err := openHouse(t.Context(), cfg, log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.close)
	unfollow, err := h.follow(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(unfollow)
	other := accounts.Account{ID: "other", ServerName: "other.test"}
	if err := h.accounts.CreateAccount(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	return &apiFixture{API: h.api(), t: t, house: h}
}

// mustUser makes an administrator and gives a token of theirs.
func (f *apiFixture) mustUser(account tenant.ID, name string, device id.DeviceID) string {
	f.t.Helper()
	in, err := f.house.accounts.Register(f.t.Context(), account,
		accounts.NewUser{Name: name, Role: tenant.Administrator, DisplayName: name}, accounts.SignIn{Device: device})
	if err != nil {
		f.t.Fatal(err)
	}
	return in.AccessToken
}

// ask sends a request to a path, of which what a client would escape is escaped.
func (f *apiFixture) ask(token, method, path, body string) (int, string) {
	f.t.Helper()
	r := httptest.NewRequestWithContext(f.t.Context(), method, path, strings.NewReader(body))
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	f.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

func (f *apiFixture) must(token, method, path, body string) gjson.Result {
	f.t.Helper()
	code, answer := f.ask(token, method, path, body)
	if code != http.StatusOK {
		f.t.Fatalf("%s %s: got %d %s, want 200", method, path, code, answer)
	}
	return gjson.Parse(answer)
}

var variable = regexp.MustCompile(`\{[^}]+\}`)

// endpoint is a row of the table.
type endpoint struct{ method, path, priority, state, word string }

func mustEndpoints(t *testing.T) (all []endpoint) {
	t.Helper()
	table, err := os.ReadFile(filepath.Join("..", "..", "clientapi", "testdata", "endpoints.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(table)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		row := append(strings.Split(strings.TrimSpace(line), "\t"), "")
		all = append(all, endpoint{row[0], row[1], row[2], row[3], row[4]})
	}
	if len(all) < 190 {
		t.Fatalf("got a table of only %d endpoints", len(all))
	}
	return all
}

// TestEndpoints walks the table of endpoints. What ought to be here must not be
// unrecognized; what is marked as missing must be, so that no row stays marked
// once it is served.
func TestEndpoints(t *testing.T) {
	t.Parallel()
	f := newAPIFixture(t)
	f.mustUser(tenant.Default, "ana", "PHONE")
	for _, e := range mustEndpoints(t) {
		// A session of its own, since some endpoints end it.
		in, err := f.house.accounts.Start(t.Context(), tenant.Default, "@ana:home.test", "", accounts.SignIn{Device: "PHONE"})
		if err != nil {
			t.Fatal(err)
		}
		path := variable.ReplaceAllStringFunc(e.path, func(name string) string {
			if name == "{userId}" {
				return url.PathEscape("@ana:home.test")
			}
			return "x"
		})
		code, answer := f.ask(in.AccessToken, e.method, path, "{}")
		errcode := gjson.Get(answer, "errcode").Str
		unrecognized := errcode == "M_UNRECOGNIZED" && (code == http.StatusNotFound || code == http.StatusMethodNotAllowed)
		switch e.state {
		case "served":
			if unrecognized || code >= 500 || errcode == "M_UNKNOWN_TOKEN" {
				t.Errorf("%s %s (%s): got %d %s, want it served", e.method, e.path, e.priority, code, answer)
			}
		case "refused":
			if unrecognized || code != http.StatusForbidden && code != http.StatusNotFound {
				t.Errorf("%s %s: got %d %s, want 403 or 404", e.method, e.path, code, answer)
			}
		case "unknown", "soon", "later":
			if !unrecognized {
				t.Errorf("%s %s is marked as %s (%s): got %d %s; mark it as served", e.method, e.path, e.state, e.word, code, answer)
			}
		default:
			t.Errorf("%s %s: there is no state %q", e.method, e.path, e.state)
		}
		wanted := e.priority == "P0" || e.priority == "P1"
		if wanted && e.state != "served" && e.word == "" {
			t.Errorf("%s %s is of priority %s: it must be served, or have a word why not yet", e.method, e.path, e.priority)
		}
	}
}
