package accounts_test

import (
	"encoding/json"
	"testing"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/clientapi/httpapi"
)

// FuzzSignedKeys looks for objects that break the library which verifies them.
// None of what it can come upon is signed by the key.
func FuzzSignedKeys(f *testing.F) {
	const public = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE"
	f.Add(`{"n":1.5e300,"signatures":{"@a.b*:c":{"ed25519:a|#@\\":"AAAA"}}}`, "@a.b*:c", "ed25519:a|#@\\", public)
	f.Add(`{"signatures":{"@a:b":{"ed25519:x":""}},"unsigned":[]}`, "@a:b", "ed25519:x", "short")
	f.Fuzz(func(t *testing.T, raw, user, key, public string) {
		object, err := httpapi.Object([]byte(raw))
		if err != nil {
			return
		}
		valid, err := accounts.HandleSigned(json.RawMessage(object), id.UserID(user), id.KeyID(key), public)
		if err != nil || valid {
			t.Errorf("got %v, %v, want false and no error", valid, err)
		}
	})
}
