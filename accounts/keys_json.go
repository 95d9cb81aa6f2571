package accounts

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"maunium.net/go/mautrix/crypto/signatures"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/clientapi/refusal"
)

// maxKeyJSON is how large a published key may be, in bytes.
const maxKeyJSON = 64 << 10

// signedKeys is what of a device's or a cross-signing key's object is looked at.
// The object itself is kept as it came, because the signatures cover all of it.
type signedKeys struct {
	User       id.UserID                         `json:"user_id"`
	Device     id.DeviceID                       `json:"device_id"`
	Algorithms []string                          `json:"algorithms"`
	Usage      []string                          `json:"usage"`
	Keys       map[id.KeyID]string               `json:"keys"`
	Signatures map[id.UserID]map[id.KeyID]string `json:"signatures"`

	raw json.RawMessage
}

// parseSigned reads such an object. Another shape is 400 M_BAD_JSON.
func parseSigned(raw json.RawMessage) (*signedKeys, error) {
	if len(raw) > maxKeyJSON {
		return nil, refusal.TooLarge("A key may have at most %d bytes.", maxKeyJSON)
	}
	s := &signedKeys{raw: raw}
	if len(raw) == 0 || raw[0] != '{' || jsonv2.Unmarshal(raw, s) != nil {
		return nil, refusal.BadJSON("A key has not the shape that the specification gives it.")
	}
	return s, nil
}

// absent tells whether an optional object was left out.
func absent(raw json.RawMessage) bool { return len(raw) == 0 || string(raw) == "null" }

// signedBy gives the object with these signatures in place of its own, and
// without what servers add.
func (s *signedKeys) signedBy(all map[id.UserID]map[id.KeyID]string) ([]byte, error) {
	object, err := members(s.raw)
	if err != nil {
		return nil, err
	}
	delete(object, "unsigned")
	delete(object, "signatures")
	if len(all) > 0 {
		if object["signatures"], err = jsonv2.Marshal(all, jsonv2.Deterministic(true)); err != nil {
			return nil, fmt.Errorf("write signatures: %w", err)
		}
	}
	return jsonv2.Marshal(object, jsonv2.Deterministic(true))
}

// own gives the signatures by the object's owner.
func (s *signedKeys) own() map[id.KeyID]string { return s.Signatures[s.User] }

// same tells whether two objects are equal but for their signatures.
func (s *signedKeys) same(other *signedKeys) bool {
	mine, err := s.signedBy(nil)
	if err != nil {
		return false
	}
	theirs, err := other.signedBy(nil)
	return err == nil && sameJSON(mine, theirs)
}

// verify tells whether the object has a valid signature of this user by this
// Ed25519 key.
func (s *signedKeys) verify(user id.UserID, key id.KeyID, public string) bool {
	name, ok := strings.CutPrefix(string(key), "ed25519:")
	if !ok || !isEd25519(public) {
		return false
	}
	valid, err := signatures.VerifySignatureJSON(s.raw, user, name, id.Ed25519(public))
	return err == nil && valid
}

// isEd25519 tells whether this can be a public key. The library panics at
// others.
func isEd25519(public string) bool {
	decoded, err := base64.RawStdEncoding.DecodeString(public)
	return err == nil && len(decoded) == 32
}

// members gives an object's members as they stand.
func members(raw []byte) (map[string]jsontext.Value, error) {
	var object map[string]jsontext.Value
	if err := jsonv2.Unmarshal(raw, &object); err != nil {
		return nil, fmt.Errorf("read stored object: %w", err)
	}
	return object, nil
}

// sameJSON tells whether two texts say the same.
func sameJSON(x, y []byte) bool {
	if bytes.Equal(x, y) {
		return true
	}
	a, b := jsontext.Value(bytes.Clone(x)), jsontext.Value(bytes.Clone(y))
	return a.Canonicalize() == nil && b.Canonicalize() == nil && bytes.Equal(a, b)
}
