package provisioning_test

import (
	"bytes"
	"crypto/rand"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alexedwards/argon2id"
	"github.com/sirupsen/logrus"
	"github.com/tidwall/gjson"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/login"
	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi"
	"github.com/conversalabs/internalchat/clientapi/httpapi"
	"github.com/conversalabs/internalchat/clientapi/longpoll"
	"github.com/conversalabs/internalchat/clientapi/provisioning"
	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/storage"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/sqldb/sqltest"
)

// house is a server with the account acme, made by provisioning, and machine
// tokens for all accounts and for acme alone.
type house struct {
	*httpapi.API
	t        testing.TB
	accounts *accounts.Service
	store    *storage.Store
	clock    *atomic.Int64 // ms
	log      *bytes.Buffer // everything that was logged
	all, one string        // machine tokens
}

// each runs a test on both databases.
func each(t *testing.T, f func(*testing.T, *house)) {
	t.Helper()
	t.Parallel()
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) { f(t, newHouse(t, db)) })
}

func newHouse(t testing.TB, db *sqldb.DB) *house {
	t.Helper()
	h := &house{t: t, clock: &atomic.Int64{}, log: &bytes.Buffer{}}
	h.clock.Store(1_700_000_000_000)
	now := func() time.Time { return time.UnixMilli(h.clock.Load()) }
	log := logrus.New()
	log.SetOutput(h.log)
	log.SetLevel(logrus.DebugLevel)
	h.store = storage.Open(storage.Options{DB: db, Log: log, Now: now})
	t.Cleanup(h.store.Close)
	h.accounts = accounts.New(accounts.Options{Store: h.store, Now: now, Random: rand.Reader})
	data := accounts.NewData(h.store, time.Now, accounts.DataLimits{})
	presences := accounts.NewPresences(h.store, now, 0)
	h.API = httpapi.New(httpapi.Options{Auth: h.accounts, Machines: h.accounts.Machine, Log: log, Now: now, Random: rand.Reader})
	provisioning.New(provisioning.Options{Accounts: h.accounts, Presences: presences, BaseDomain: "chat.test"}).Routes(h.API)
	clientapi.New(clientapi.Options{
		Accounts: h.accounts, Data: data, Presences: presences, Now: now, Keys: accounts.NewKeys(h.store),
		Login: login.New(login.Options{
			Accounts: h.accounts, Random: rand.Reader,
			Hashing: &argon2id.Params{Memory: 64, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 32},
		}),
		Rooms: rooms.New(rooms.Options{Store: h.store, Now: now, Random: rand.Reader}),
		Sync:  &longpoll.Service{},
	}).Routes(h.API)
	var err error
	for name, token := range map[tenant.ID]*string{tenant.All: &h.all, "acme": &h.one} {
		if *token, err = h.accounts.CreateMachineToken(t.Context(), "m"+strings.Trim(string(name), "*"), name); err != nil {
			t.Fatal(err)
		}
	}
	h.must(http.MethodPut, "", `{"name":"Acme","enabled":true,"version":1}`)
	return h
}

// send sends a request to any path.
func (h *house) send(token, method, path, body string) (int, string) {
	h.t.Helper()
	r := httptest.NewRequestWithContext(h.t.Context(), method, path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	answer := w.Body.String()
	if strings.HasPrefix(path, "/_conversalabs/") {
		mustKeep(h.t, r, body, w)
	}
	return w.Code, answer
}

const acme = "/_conversalabs/v1/accounts/acme"

// ask sends a request about acme, to a path below it.
func (h *house) ask(method, path, body string) (int, gjson.Result) {
	h.t.Helper()
	code, answer := h.send(h.all, method, acme+path, body)
	return code, gjson.Parse(answer)
}

// must is ask where the answer must be 200.
func (h *house) must(method, path, body string) gjson.Result {
	h.t.Helper()
	code, answer := h.ask(method, path, body)
	if code != http.StatusOK {
		h.t.Fatalf("%s %s %s: got %d %s, want 200", method, path, body, code, answer.Raw)
	}
	return answer
}

// mustRefuse demands a refusal that has these words in its sentence.
func (h *house) mustRefuse(method, path, body string, status int, code, words string) gjson.Result {
	h.t.Helper()
	got, answer := h.ask(method, path, body)
	if got != status || answer.Get("errcode").Str != code || !strings.Contains(answer.Get("error").Str, words) {
		h.t.Errorf("%s %s %.200s: got %d %s, want %d %s with %q", method, path, body, got, answer.Raw, status, code, words)
	}
	return answer
}

// userJSON is the representation of an agent, with changes in it.
func userJSON(version int, changes ...string) string {
	return with(`{"display_name":"Ana Lima","role":"agent","internal_chat":true,"active":true}`, append(changes, "version", itoa(version))...)
}

// client sends a request of a user's to /_matrix/client/v3.
func (h *house) client(token, method, path, body string) (int, gjson.Result) {
	h.t.Helper()
	code, answer := h.send(token, method, "/_matrix/client/v3"+path, body)
	return code, gjson.Parse(answer)
}

// mustLogIn signs a user in by a login token of theirs.
func (h *house) mustLogIn(user string) gjson.Result {
	h.t.Helper()
	token := h.must(http.MethodPost, "/users/"+user+"/login_token", "").Get("login_token").Str
	code, in := h.client("", http.MethodPost, "/login", `{"type":"m.login.token","token":"`+token+`","refresh_token":true}`)
	if code != http.StatusOK {
		h.t.Fatalf("login of %s: got %d %s", user, code, in.Raw)
	}
	return in
}

// mustWhoami demands what a session is answered: a status and an errcode.
func (h *house) mustWhoami(token string, status int, code, reason string) {
	h.t.Helper()
	got, answer := h.client(token, http.MethodGet, "/account/whoami", "")
	if got != status || answer.Get("errcode").Str != code || answer.Get(`br\.com\.conversalabs\.reason`).Str != reason {
		h.t.Errorf("got %d %s, want %d %s %s", got, answer.Raw, status, code, reason)
	}
}

// head is how far the account's stream has come.
func (h *house) head() (head int64) {
	h.t.Helper()
	err := h.store.View(h.t.Context(), "acme", func(v rooms.View) error {
		head = int64(v.Head())
		return nil
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return head
}
