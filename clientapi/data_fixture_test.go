package clientapi_test

import (
	"crypto/rand"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/tidwall/gjson"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/login"
	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi"
	"github.com/conversalabs/internalchat/rooms"
)

// dataFixture is a server of the smaller chapters, with Ana, Bia and, in another
// account, Eve.
type dataFixture struct {
	*keyFixture
	data      *accounts.Data
	presences *accounts.Presences
	// replace turns USER in paths, bodies and answers into Ana, and what else a
	// test names.
	replace *strings.Replacer
}

func newDataFixture(t *testing.T) *dataFixture {
	t.Helper()
	f := &dataFixture{keyFixture: newKeyFixture(t)}
	f.name()
	limits := accounts.DataLimits{Types: 3, Tags: 2, Pushers: 2, Bytes: 100, LargeBytes: 200}
	f.data = accounts.NewData(f.store, time.Now, limits)
	f.presences = accounts.NewPresences(f.store, func() time.Time { return time.Unix(1_700_000_000, 0) }, 0)
	logins := login.New(login.Options{Accounts: accounts.New(accounts.Options{Store: f.store, Now: time.Now, Random: rand.Reader})})
	clientapi.DataRoutes(f.API, f.data, f.presences, f.rooms, f, logins, "https://chat.acme.test")
	return f
}

// name makes words stand for values, in pairs.
func (f *dataFixture) name(pairs ...string) {
	f.replace = strings.NewReplacer(append([]string{"USER", string(keyAna)}, pairs...)...)
}

// step is one request, Ana's unless said otherwise, and what must come of it.
type step struct {
	as           string // the user's name
	method, path string // under /_matrix/client/v3, unless the path has it all
	body         string
	status       int
	want         string // the answer, or the errcode of a refusal; "*": any
}

// play sends requests one after the other.
func (f *dataFixture) play(steps ...step) {
	f.t.Helper()
	for _, s := range steps {
		code, answer := f.send(s)
		got := answer.Raw
		if code >= 400 {
			got = answer.Get("errcode").Str
		}
		if want := f.replace.Replace(s.want); code != s.status || got != want && want != "*" {
			f.t.Errorf("%s %s %s %.80s: got %d %s, want %d %s", s.as, s.method, s.path, s.body, code, answer.Raw, s.status, want)
		}
	}
}

// read gives an answer that must be 200.
func (f *dataFixture) read(s step) gjson.Result {
	f.t.Helper()
	code, answer := f.send(s)
	if code != http.StatusOK {
		f.t.Fatalf("%s %s: got %d %s, want 200", s.method, s.path, code, answer.Raw)
	}
	return answer
}

func (f *dataFixture) send(s step) (int, gjson.Result) {
	path := f.replace.Replace(s.path)
	if !strings.HasPrefix(path, "/_matrix") && !strings.HasPrefix(path, "/.well-known") {
		path = "/_matrix/client/v3" + path
	}
	r := httptest.NewRequestWithContext(f.t.Context(), s.method, path, strings.NewReader(f.replace.Replace(s.body)))
	switch s.as {
	case "":
		r.Header.Set("Authorization", "Bearer ana/PHONE")
	case nobody:
	default:
		r.Header.Set("Authorization", "Bearer "+s.as+"/PHONE")
	}
	w := httptest.NewRecorder()
	f.ServeHTTP(w, r)
	return w.Code, gjson.ParseBytes(w.Body.Bytes())
}

func caller(user id.UserID) tenant.Caller {
	return tenant.Caller{Account: "acme", Server: "acme.test", User: user, Device: "PHONE"}
}

// mustRoom makes a public room of Ana's.
func (f *dataFixture) mustRoom() id.RoomID {
	f.t.Helper()
	room, _, err := f.rooms.Create(f.t.Context(), caller(keyAna), rooms.Creation{Preset: "public_chat"})
	if err != nil {
		f.t.Fatalf("create room: %v", err)
	}
	return room
}

// mustSay sends a message of Ana's.
func (f *dataFixture) mustSay(room id.RoomID, content string) id.EventID {
	f.t.Helper()
	sent, err := f.rooms.Send(f.t.Context(), caller(keyAna), rooms.Message{Room: room, Type: "m.room.message", Content: []byte(content)})
	if err != nil {
		f.t.Fatalf("send: %v", err)
	}
	return sent
}

const (
	get    = http.MethodGet
	put    = http.MethodPut
	post   = http.MethodPost
	remove = http.MethodDelete
	nobody = "nobody" // sends no token
)
