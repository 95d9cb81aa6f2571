package clientapi_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/tidwall/gjson"
	"maunium.net/go/mautrix/crypto/canonicaljson"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi"
	"github.com/conversalabs/internalchat/clientapi/httpapi"
	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/storage"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/sqldb/sqltest"
)

const (
	keyAna = id.UserID("@ana:acme.test")
	keyBia = id.UserID("@bia:acme.test")
	keyEve = id.UserID("@eve:other.test")
)

// keyFixture is a server of keys alone, with two users of one account and one
// of another. A token is a user's and a device's name: "ana/PHONE".
type keyFixture struct {
	*httpapi.API
	t     *testing.T
	db    *sqldb.DB
	store *storage.Store
	rooms *rooms.Service
}

func newKeyFixture(t *testing.T) *keyFixture {
	t.Helper()
	f := openKeyFixture(t, sqltest.SQLite(t))
	for account, users := range map[tenant.ID][]id.UserID{"acme": {keyAna, keyBia}, "other": {keyEve}} {
		if err := f.store.CreateAccount(t.Context(), accounts.Account{ID: account, ServerName: users[0].Homeserver()}); err != nil {
			t.Fatal(err)
		}
		for _, user := range users {
			first := &accounts.NewSession{User: user, Device: "PHONE", DisplayName: user.Localpart() + "'s phone", Token: string(user), MaxDevices: 9}
			if err := f.store.CreateUser(t.Context(), tenant.Caller{Account: account}, accounts.User{ID: user, Role: tenant.Agent}, "", first); err != nil {
				t.Fatal(err)
			}
		}
	}
	return f
}

// openKeyFixture starts a server on a database that may have all of it already.
func openKeyFixture(t *testing.T, db *sqldb.DB) *keyFixture {
	t.Helper()
	log := logrus.New()
	log.SetOutput(io.Discard)
	now := func() time.Time { return time.Unix(1_700_000_000, 0) }
	f := &keyFixture{t: t, db: db, store: storage.Open(storage.Options{DB: db, Log: log, Now: now})}
	t.Cleanup(f.store.Close)
	limits := rooms.Limits{MembersPerRoom: 10, RoomsPerUser: 10}
	f.rooms = rooms.New(rooms.Options{Store: f.store, Policies: f, Now: now, Random: rand.Reader, Limits: limits})
	f.API = httpapi.New(httpapi.Options{Auth: f, Log: log, Random: rand.Reader, Now: now})
	clientapi.KeyRoutes(f.API, accounts.NewKeys(f.store), f.rooms, func(auth json.RawMessage) error {
		if string(auth) == `"it is me"` {
			return nil
		}
		return refusal.New(http.StatusUnauthorized, "", "").With("flows", []string{})
	})
	return f
}

func (f *keyFixture) Authenticate(ctx context.Context, token string, _ bool) (tenant.Caller, error) {
	user, device, _ := strings.Cut(token, "/")
	caller := tenant.Caller{Account: "acme", Server: "acme.test", Device: id.DeviceID(device)}
	if user == "eve" {
		caller.Account, caller.Server = "other", "other.test"
	}
	caller.User = id.NewUserID(user, caller.Server)
	return caller, f.store.Current(ctx, caller.Account)
}

func (f *keyFixture) Host(context.Context, string) (tenant.ID, string, error) {
	return "acme", "acme.test", nil
}

func (f *keyFixture) Current(ctx context.Context, account tenant.ID) error {
	return f.store.Current(ctx, account)
}

func (f *keyFixture) RoomPolicy(context.Context, tenant.ID) (rooms.Policy, error) {
	return rooms.MatrixPolicy, nil
}

// ask sends a request: under /_matrix/client/v3, unless the path is a whole one.
func (f *keyFixture) ask(token, method, path, body string) (int, gjson.Result) {
	f.t.Helper()
	if !strings.HasPrefix(path, "/_matrix/") {
		path = "/_matrix/client/v3" + path
	}
	r := httptest.NewRequestWithContext(f.t.Context(), method, path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+token)
	w := httptest.NewRecorder()
	f.ServeHTTP(w, r)
	return w.Code, gjson.ParseBytes(w.Body.Bytes())
}

// mustPost demands 200 and gives the answer.
func (f *keyFixture) mustPost(token, path, body string) gjson.Result {
	f.t.Helper()
	return f.must(token, http.MethodPost, path, body)
}

func (f *keyFixture) must(token, method, path, body string) gjson.Result {
	f.t.Helper()
	code, answer := f.ask(token, method, path, body)
	if code != http.StatusOK {
		f.t.Fatalf("%s %s: got %d %s, want 200", method, path, code, answer.Raw)
	}
	return answer
}

// mustRefuse demands a status and an error code.
func (f *keyFixture) mustRefuse(token, method, path, body string, status int, errcode string) {
	f.t.Helper()
	code, answer := f.ask(token, method, path, body)
	if code != status || answer.Get("errcode").Str != errcode {
		f.t.Errorf("%s %s %.60s: got %d %s, want %d %s", method, path, body, code, answer.Raw, status, errcode)
	}
}

// token gives where a user's /sync is.
func (f *keyFixture) token(account tenant.ID) string {
	f.t.Helper()
	var token string
	err := f.store.View(f.t.Context(), account, func(v rooms.View) error {
		token = streamToken(v)
		return nil
	})
	if err != nil {
		f.t.Fatal(err)
	}
	return token
}

// signer is an Ed25519 key by its name.
type signer struct {
	name    string
	private ed25519.PrivateKey
}

// newSigner makes a key; without a name it is named by itself.
func newSigner(t *testing.T, name string) signer {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if name == "" {
		name = base64.RawStdEncoding.EncodeToString(public)
	}
	return signer{name, private}
}

func (s signer) public() string {
	return base64.RawStdEncoding.EncodeToString(s.private.Public().(ed25519.PublicKey))
}

type object = map[string]any

// sign gives the object with a signature, and only that.
func (s signer) sign(t *testing.T, user id.UserID, o object) object {
	t.Helper()
	signed := object{}
	for key, value := range o {
		if key != "signatures" && key != "unsigned" {
			signed[key] = value
		}
	}
	text, err := canonicaljson.Marshal(signed)
	if err != nil {
		t.Fatal(err)
	}
	signature := base64.RawStdEncoding.EncodeToString(ed25519.Sign(s.private, text))
	signed["signatures"] = object{string(user): object{"ed25519:" + s.name: signature}}
	return signed
}

// crossSigning makes the object of a cross-signing key.
func (s signer) crossSigning(user id.UserID, usage string) object {
	return object{"user_id": user, "usage": []string{usage}, "keys": object{"ed25519:" + s.public(): s.public()}}
}

// device makes a device's keys, signed by itself.
func (s signer) device(t *testing.T, user id.UserID) object {
	return s.sign(t, user, object{
		"user_id": user, "device_id": s.name, "algorithms": []string{"m.olm.v1.curve25519-aes-sha2"},
		"keys": object{"ed25519:" + s.name: s.public(), "curve25519:" + s.name: "c"},
	})
}

func text(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
