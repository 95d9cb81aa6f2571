package mediaapi_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/tidwall/gjson"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/httpapi"
	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/mediaapi"
	"github.com/conversalabs/internalchat/mediaapi/media"
	"github.com/conversalabs/internalchat/storage"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/sqldb/sqltest"
)

func TestMain(m *testing.M) { sqltest.Main(m) }

const (
	v1 = "/_matrix/client/v1/media"
	v3 = "/_matrix/media/v3"
)

// fixture is a server of two accounts: acme.test with Ana and Bia, other.test with Eve.
// The token of a user is their name.
type fixture struct {
	t       *testing.T
	url     string
	store   *storage.Store
	disk    *media.Disk
	media   *media.Service
	mediaTo mediaapi.Options

	mu    sync.Mutex // guards the rest
	now   time.Time
	rules media.Rules
	sees  map[string]bool // "user reference"
}

func (f *fixture) clock() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.now
}

func (f *fixture) pass(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.now = f.now.Add(d)
}

// rule changes what media are held to.
func (f *fixture) rule(change func(*media.Rules)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(&f.rules)
}

// Sees implements media.Sight.
func (f *fixture) Sees(_ context.Context, caller tenant.Caller, link media.Link) (bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.sees[string(caller.User)+" "+link.Reference], nil
}

var callers = map[string]tenant.Caller{
	"ana":  {Account: "acme", Server: "acme.test", User: "@ana:acme.test", Role: tenant.Agent},
	"bia":  {Account: "acme", Server: "acme.test", User: "@bia:acme.test", Role: tenant.Agent},
	"gag":  {Account: "acme", Server: "acme.test", User: "@gag:acme.test", Role: tenant.Agent, Suspended: true},
	"bot":  {Account: "acme", Server: "acme.test", User: "@bot:acme.test", Role: tenant.Bot, Rooms: "!a:acme.test"},
	"eve":  {Account: "other", Server: "other.test", User: "@eve:other.test", Role: tenant.Administrator},
	"late": {Account: "acme", Server: "acme.test", User: "@late:acme.test", Role: tenant.Agent},
}

// doors implements httpapi.Authenticator.
type doors struct{}

func (doors) Authenticate(_ context.Context, token string, _ bool) (tenant.Caller, error) {
	if caller, known := callers[token]; known {
		return caller, nil
	}
	return tenant.Caller{}, refusal.UnknownToken(false)
}

func (doors) Host(context.Context, string) (tenant.ID, string, error) {
	return "acme", "acme.test", nil
}
func (doors) Current(context.Context, tenant.ID) error { return nil }

// option changes what a fixture is made of.
type option func(*fixture, *media.Options)

func newFixture(t *testing.T, db *sqldb.DB, options ...option) *fixture {
	t.Helper()
	log := logrus.New()
	log.SetOutput(io.Discard)
	f := &fixture{
		t: t, now: time.Now(), disk: media.NewDisk(t.TempDir()), sees: map[string]bool{},
		rules: media.Rules{UploadBytes: 20 << 20, UserBytes: 5 << 30},
	}
	f.store = storage.Open(storage.Options{DB: db, Log: log, Now: f.clock})
	t.Cleanup(f.store.Close)
	o := media.Options{
		Store: f.store, Blobs: f.disk, Sight: f, Now: f.clock, Random: rand.Reader, PendingMax: 3,
		Rules: func(context.Context, tenant.ID) (media.Rules, error) {
			f.mu.Lock()
			defer f.mu.Unlock()
			return f.rules, nil
		},
	}
	f.mediaTo.Now, f.mediaTo.ThumbnailTime = f.clock, time.Minute // tests may run on slow machines
	for _, change := range options {
		change(f, &o)
	}
	f.media = media.New(o)
	f.mediaTo.Media = f.media
	api := httpapi.New(httpapi.Options{Auth: doors{}, Log: log, Now: f.clock, Random: rand.Reader})
	mediaapi.New(f.mediaTo).Routes(api)
	server := httptest.NewServer(api)
	t.Cleanup(server.Close)
	f.url = server.URL
	return f
}

// answer is what came back, read.
type answer struct {
	*http.Response
	body []byte
}

func (a answer) code() string { return gjson.GetBytes(a.body, "errcode").Str }

// ask sends a request. headers are pairs.
func (f *fixture) ask(as, method, path string, body io.Reader, headers ...string) answer {
	f.t.Helper()
	r, err := http.NewRequestWithContext(f.t.Context(), method, f.url+path, body)
	if err != nil {
		f.t.Fatal(err)
	}
	if as != "" {
		r.Header.Set("Authorization", "Bearer "+as)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w, err := http.DefaultClient.Do(r)
	if err != nil {
		f.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer w.Body.Close()
	read, err := io.ReadAll(w.Body)
	if err != nil {
		f.t.Fatalf("%s %s: %v", method, path, err)
	}
	return answer{w, read}
}

// get asks for a piece of media, named by a path like "/download/acme.test/ID".
func (f *fixture) get(as, path string, headers ...string) answer {
	f.t.Helper()
	return f.ask(as, http.MethodGet, v1+path, nil, headers...)
}

// mustUpload uploads and gives "server/ID".
func (f *fixture) mustUpload(as, kind, query string, content []byte) string {
	f.t.Helper()
	a := f.ask(as, http.MethodPost, v3+"/upload"+query, bytes.NewReader(content), "Content-Type", kind)
	uri, found := strings.CutPrefix(gjson.GetBytes(a.body, "content_uri").Str, "mxc://")
	if a.StatusCode != http.StatusOK || !found {
		f.t.Fatalf("upload: got %d %s, want 200", a.StatusCode, a.body)
	}
	return uri
}

// mustRefuse demands a status and an error code.
func (f *fixture) mustRefuse(a answer, status int, code string) {
	f.t.Helper()
	if a.StatusCode != status || a.code() != code {
		f.t.Errorf("%s %s: got %d %s, want %d %s", a.Request.Method, a.Request.URL.Path, a.StatusCode, a.body, status, code)
	}
}

// mustGive demands a content.
func (f *fixture) mustGive(a answer, want []byte) {
	f.t.Helper()
	if a.StatusCode != http.StatusOK || !bytes.Equal(a.body, want) {
		f.t.Errorf("%s %s: got %d and %d bytes, want 200 and %d", a.Request.Method, a.Request.URL.Path, a.StatusCode, len(a.body), len(want))
	}
}

// blobs lists what lies in the store, by account.
func (f *fixture) blobs() map[tenant.ID][]media.Key {
	f.t.Helper()
	all := map[tenant.ID][]media.Key{}
	err := f.media.Blobs.List(f.t.Context(), func(s media.Stored) error {
		all[s.Account] = append(all[s.Account], s.Key)
		return nil
	})
	if err != nil {
		f.t.Fatal(err)
	}
	return all
}

func (f *fixture) link(uri string, kind media.Kind, reference string) media.Link {
	f.t.Helper()
	_, name, _ := strings.Cut(uri, "/")
	l := media.Link{Media: media.ID(name), Kind: kind, Room: "!a:acme.test", Reference: reference}
	if err := f.store.LinkMedia(f.t.Context(), "acme", l); err != nil {
		f.t.Fatal(err)
	}
	return l
}

func (f *fixture) usage(user id.UserID) (byUser, byAccount int64) {
	f.t.Helper()
	byUser, byAccount, err := f.store.MediaUsage(f.t.Context(), "acme", user)
	if err != nil {
		f.t.Fatal(err)
	}
	return byUser, byAccount
}
