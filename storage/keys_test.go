package storage_test

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sirupsen/logrus"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/storage"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/sqldb/sqltest"
	"github.com/conversalabs/internalchat/storage/stream"
)

const (
	keyAccount = tenant.ID("acme")
	keyUser    = id.UserID("@ana:acme.example")
	signed     = id.KeyAlgorithmSignedCurve25519
)

// phone is the device that all of these tests are about.
var phone = tenant.Caller{Account: keyAccount, User: keyUser, Device: "PHONE"}

func keyStore(t *testing.T, db *sqldb.DB) *storage.Store {
	t.Helper()
	log := logrus.New()
	log.SetOutput(io.Discard)
	s := storage.Open(storage.Options{DB: db, Log: log, Now: func() time.Time { return time.Unix(1_700_000_000, 0) }})
	t.Cleanup(s.Close)
	return s
}

// keyStores gives two nodes on one database that has a user with two devices.
func keyStores(t *testing.T, db *sqldb.DB) (one, two *storage.Store) {
	t.Helper()
	one, two = keyStore(t, db), keyStore(t, db)
	if err := one.CreateAccount(t.Context(), accounts.Account{ID: keyAccount, ServerName: "acme.example"}); err != nil {
		t.Fatal(err)
	}
	user := accounts.User{ID: keyUser, Role: tenant.Agent}
	first := &accounts.NewSession{User: keyUser, Device: "PHONE", Token: "t1", MaxDevices: 9}
	if err := one.CreateUser(t.Context(), tenant.Caller{Account: keyAccount}, user, "", first); err != nil {
		t.Fatal(err)
	}
	second := accounts.NewSession{User: keyUser, Device: "LAPTOP", Token: "t2", MaxDevices: 9}
	if err := one.StartSession(t.Context(), keyAccount, second); err != nil {
		t.Fatal(err)
	}
	return one, two
}

func mustUpload(t *testing.T, s *storage.Store, upload accounts.KeyUpload) {
	t.Helper()
	if err := accounts.NewKeys(s).Upload(t.Context(), phone, upload); err != nil {
		t.Fatalf("upload: %v", err)
	}
}

// oneTime makes one-time keys of these names.
func oneTime(names ...string) map[id.KeyID]json.RawMessage {
	keys := map[id.KeyID]json.RawMessage{}
	for _, name := range names {
		keys[id.NewKeyID(signed, name)] = json.RawMessage(fmt.Sprintf(`{"key":%q}`, name))
	}
	return keys
}

// mustClaim claims one key and gives its ID, or "".
func mustClaim(t *testing.T, s *storage.Store) id.KeyID {
	t.Helper()
	claimed, err := accounts.NewKeys(s).Claim(t.Context(), phone, map[id.UserID]map[id.DeviceID]id.KeyAlgorithm{
		keyUser: {"PHONE": signed, "NOWHERE": signed}, "@nobody:acme.example": {"X": signed},
	})
	if err != nil {
		t.Fatalf("claim: %v", err)
	}
	if len(claimed) == 0 {
		return ""
	}
	if len(claimed) > 1 || claimed[0].Device != "PHONE" {
		t.Fatalf("claim: got %v, want one key of the phone", claimed)
	}
	return claimed[0].ID
}

func mustCount(t *testing.T, s *storage.Store, want int, unused ...id.KeyAlgorithm) {
	t.Helper()
	counts, fallback, err := accounts.NewKeys(s).Counts(t.Context(), keyAccount, keyUser, "PHONE")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(counts, map[id.KeyAlgorithm]int{signed: want}); diff != "" {
		t.Errorf("counts (-got +want):\n%s", diff)
	}
	if diff := cmp.Diff(fallback, unused); diff != "" {
		t.Errorf("unused fallback keys (-got +want):\n%s", diff)
	}
}

func TestClaimOrder(t *testing.T) {
	t.Parallel()
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s, other := keyStores(t, db)
		mustUpload(t, s, accounts.KeyUpload{OneTimeKeys: oneTime("z")})
		mustUpload(t, s, accounts.KeyUpload{OneTimeKeys: oneTime("a", "z")})
		mustUpload(t, other, accounts.KeyUpload{
			OneTimeKeys:  oneTime("m"),
			FallbackKeys: map[id.KeyID]json.RawMessage{"signed_curve25519:f": json.RawMessage(`{"key":"f","fallback":true}`)},
		})
		mustCount(t, s, 3, signed)
		var got []id.KeyID
		for range 5 {
			got = append(got, mustClaim(t, s))
		}
		want := []id.KeyID{
			"signed_curve25519:z", "signed_curve25519:a", "signed_curve25519:m", "signed_curve25519:f", "signed_curve25519:f",
		}
		if diff := cmp.Diff(got, want); diff != "" {
			t.Errorf("claimed (-got +want):\n%s", diff)
		}
		mustCount(t, s, 0)
		mustUpload(t, s, accounts.KeyUpload{FallbackKeys: oneTime("g")})
		mustCount(t, s, 0, signed)
	})
}

func TestKeyConflict(t *testing.T) {
	t.Parallel()
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s, _ := keyStores(t, db)
		mustUpload(t, s, accounts.KeyUpload{OneTimeKeys: oneTime("a", "b")})
		mustUpload(t, s, accounts.KeyUpload{OneTimeKeys: map[id.KeyID]json.RawMessage{
			"signed_curve25519:a": json.RawMessage(`{ "key" : "a" }`),
		}})
		err := accounts.NewKeys(s).Upload(t.Context(), phone, accounts.KeyUpload{OneTimeKeys: map[id.KeyID]json.RawMessage{
			"signed_curve25519:a": json.RawMessage(`{"key":"other"}`), "signed_curve25519:c": json.RawMessage(`{"key":"c"}`),
		}})
		if !refusal.Is(err, "M_INVALID_PARAM") {
			t.Errorf("another key of the same ID: got %v, want M_INVALID_PARAM", err)
		}
		mustCount(t, s, 2)
	})
}

// TestClaimOnce lets two nodes claim at the same time.
func TestClaimOnce(t *testing.T) {
	t.Parallel()
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		one, two := keyStores(t, db)
		names := make([]string, 20)
		for i := range names {
			names[i] = fmt.Sprintf("k%02d", i)
		}
		mustUpload(t, one, accounts.KeyUpload{OneTimeKeys: oneTime(names...)})
		claimed := make([]id.KeyID, len(names))
		var claims sync.WaitGroup
		for i := range claimed {
			claims.Go(func() { claimed[i] = mustClaim(t, []*storage.Store{one, two}[i%2]) })
		}
		claims.Wait()
		slices.Sort(claimed)
		want := slices.Sorted(maps.Keys(oneTime(names...)))
		if diff := cmp.Diff(claimed, want); diff != "" {
			t.Errorf("claimed (-got +want):\n%s", diff)
		}
	})
}

func TestSendToDevice(t *testing.T) {
	t.Parallel()
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s, other := keyStores(t, db)
		send := accounts.ToDevice{
			Path: "/sendToDevice/m.test", Transaction: "1", Type: "m.test",
			Messages: accounts.Messages{
				keyUser:                {"*": json.RawMessage(`{"to":"all"}`), "LAPTOP": json.RawMessage(`{"to":"laptop"}`), "NOWHERE": json.RawMessage(`{}`)},
				"@nobody:acme.example": {"*": json.RawMessage(`{}`)},
			},
		}
		for _, node := range []*storage.Store{s, s, other} {
			if err := accounts.NewKeys(node).SendToDevice(t.Context(), phone, send); err != nil {
				t.Fatalf("send: %v", err)
			}
		}
		// A transaction that reaches nobody must not stop the account.
		nobody := accounts.ToDevice{Path: "/sendToDevice/m.test", Transaction: "2", Type: "m.test", Messages: accounts.Messages{}}
		if err := accounts.NewKeys(s).SendToDevice(t.Context(), phone, nobody); err != nil {
			t.Fatalf("send to nobody: %v", err)
		}
		mustUpload(t, other, accounts.KeyUpload{OneTimeKeys: oneTime("a")})

		type message struct{ Device, JSON string }
		got, err := sqldb.All(t.Context(), db, func(r sqldb.Row) (message, error) {
			var m message
			var text []byte
			err := r.Scan(&m.Device, &text)
			m.JSON = string(text)
			return m, err
		}, `SELECT device, json FROM to_device WHERE account = $1 AND user_id = $2 ORDER BY device`, keyAccount, keyUser)
		if err != nil {
			t.Fatal(err)
		}
		want := []message{
			{"LAPTOP", `{"content":{"to":"laptop"},"sender":"@ana:acme.example","type":"m.test"}`},
			{"PHONE", `{"content":{"to":"all"},"sender":"@ana:acme.example","type":"m.test"}`},
		}
		if diff := cmp.Diff(got, want); diff != "" {
			t.Errorf("messages (-got +want):\n%s", diff)
		}
	})
}

// TestKeysAreNews checks that what a device's /sync shows is in the stream, and
// so wakes it.
func TestKeysAreNews(t *testing.T) {
	t.Parallel()
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s, other := keyStores(t, db)
		for _, c := range []struct {
			name string
			kind stream.Kind // 0: no news
			act  func()
		}{
			{"upload", stream.OneTimeKeys, func() {
				mustUpload(t, s, accounts.KeyUpload{OneTimeKeys: oneTime("a"), FallbackKeys: oneTime("f")})
			}},
			{"the same upload", 0, func() {
				mustUpload(t, s, accounts.KeyUpload{OneTimeKeys: oneTime("a"), FallbackKeys: oneTime("f")})
			}},
			{"claim", stream.OneTimeKeys, func() { mustClaim(t, s) }},
			{"claim of the fallback", stream.OneTimeKeys, func() { mustClaim(t, s) }},
			{"claim of the used fallback", 0, func() { mustClaim(t, s) }},
			{"message", stream.ToDevice, func() {
				send := accounts.ToDevice{Type: "m.test", Messages: accounts.Messages{keyUser: {"PHONE": json.RawMessage(`{}`)}}}
				if err := accounts.NewKeys(s).SendToDevice(t.Context(), phone, send); err != nil {
					t.Fatal(err)
				}
			}},
		} {
			before := head(t, other)
			c.act()
			if got := newsSince(t, other, before); got != c.kind {
				t.Errorf("%s: got an item of kind %d, want %d", c.name, got, c.kind)
			}
		}
	})
}

func head(t *testing.T, s *storage.Store) (at stream.Position) {
	t.Helper()
	err := s.View(t.Context(), keyAccount, func(v rooms.View) error {
		at = v.Head()
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// newsSince gives the kind of the newest item for the phone, or 0.
func newsSince(t *testing.T, s *storage.Store, since stream.Position) (kind stream.Kind) {
	t.Helper()
	err := s.View(t.Context(), keyAccount, func(v rooms.View) error {
		changes, _ := v.Changes(since)
		for _, c := range changes {
			if c.Item.User == keyUser && c.Item.Key == "PHONE" {
				kind = c.Item.Kind
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return kind
}

func TestEndedDeviceHasNoKeys(t *testing.T) {
	t.Parallel()
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		s, _ := keyStores(t, db)
		mustUpload(t, s, accounts.KeyUpload{
			DeviceKeys:  json.RawMessage(`{"user_id":"@ana:acme.example","device_id":"PHONE","algorithms":[],"keys":{"ed25519:PHONE":"k"}}`),
			OneTimeKeys: oneTime("a"), FallbackKeys: oneTime("f"),
		})
		everyDevice := map[id.UserID][]id.DeviceID{keyUser: nil}
		found, err := accounts.NewKeys(s).Query(t.Context(), phone, everyDevice)
		if err != nil || len(found.Devices[keyUser]) != 1 {
			t.Fatalf("query: got %v, %v, want the phone's keys", found, err)
		}
		if err := s.EndDevices(t.Context(), tenant.Caller{Account: keyAccount}, keyUser, func(d id.DeviceID) bool { return d == "PHONE" }); err != nil {
			t.Fatal(err)
		}
		found, err = accounts.NewKeys(s).Query(t.Context(), phone, everyDevice)
		if err != nil || len(found.Devices[keyUser]) != 0 {
			t.Errorf("query: got %v, %v, want no keys", found, err)
		}
		if got := mustClaim(t, s); got != "" {
			t.Errorf("claim: got %s, want none", got)
		}
		items, err := s.Items(t.Context(), keyAccount, stream.ItemQuery{Kinds: []stream.Kind{stream.DeviceList}, User: keyUser})
		if err != nil || len(items) != 1 {
			t.Errorf("device list: got %v, %v, want one change", items, err)
		}
	})
}
