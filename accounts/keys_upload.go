package accounts

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/storage/stream"
)

// maxOneTimeKeys is how many one-time keys a device may have at a time.
const maxOneTimeKeys = 1000

// maxOneTimeKeyJSON is how large one of them may be, in bytes.
const maxOneTimeKeyJSON = 8 << 10

// KeyUpload is what a device publishes; each part may be absent.
type KeyUpload struct {
	DeviceKeys   json.RawMessage              `json:"device_keys"`
	OneTimeKeys  map[id.KeyID]json.RawMessage `json:"one_time_keys"`
	FallbackKeys map[id.KeyID]json.RawMessage `json:"fallback_keys"`
}

// Upload keeps what the caller's device publishes. Foreign and malformed keys,
// and another key under an ID that is taken, are 400.
func (k *Keys) Upload(ctx context.Context, caller tenant.Caller, upload KeyUpload) error {
	if caller.Device == "" {
		return errNoDevice
	}
	var device *signedKeys
	if !absent(upload.DeviceKeys) {
		var err error
		if device, err = parseDeviceKeys(caller, upload.DeviceKeys); err != nil {
			return err
		}
	}
	oneTime, err := parseOneTimeKeys(upload.OneTimeKeys)
	if err != nil {
		return err
	}
	fallback, err := parseOneTimeKeys(upload.FallbackKeys)
	if err != nil {
		return err
	}
	if device == nil && len(oneTime) == 0 && len(fallback) == 0 {
		return nil
	}
	return k.store.ActOnKeys(ctx, KeyAct{Caller: caller, Do: func(tx KeyTx) error {
		if device != nil {
			if err := keepDeviceKeys(tx, device); err != nil {
				return err
			}
		}
		return keepOneTimeKeys(tx, caller, oneTime, fallback)
	}})
}

func parseDeviceKeys(caller tenant.Caller, raw json.RawMessage) (*signedKeys, error) {
	s, err := parseSigned(raw)
	if err != nil {
		return nil, err
	}
	if s.User != caller.User || s.Device != caller.Device {
		return nil, refusal.Invalid("The device keys name another user or device than the one that is signed in.")
	}
	if s.Algorithms == nil || len(s.Keys) == 0 {
		return nil, refusal.BadJSON("The device keys need both \"algorithms\" and \"keys\".")
	}
	for keyID := range s.Keys {
		if _, name, ok := strings.Cut(string(keyID), ":"); !ok || name != string(caller.Device) {
			return nil, refusal.BadJSON("The names of a device's keys must be an algorithm, a colon and the device ID.")
		}
	}
	return s, nil
}

// keepDeviceKeys stores a device's keys. The same keys once more keep the
// signatures that they have been given meanwhile.
func keepDeviceKeys(tx KeyTx, device *signedKeys) error {
	stored, err := storedKeys(tx, stream.DeviceKeys, device.User, string(device.Device))
	if err != nil {
		return err
	}
	own := maps.Clone(device.own())
	if stored != nil && stored.same(device) {
		own = maps.Clone(stored.own())
		if own == nil {
			own = map[id.KeyID]string{}
		}
		maps.Copy(own, device.own())
	}
	return putSigned(tx, stream.DeviceKeys, string(device.Device), stored, device, own)
}

// storedKeys gives a stored object, or nil.
func storedKeys(tx KeyTx, kind stream.Kind, user id.UserID, key string) (*signedKeys, error) {
	content, err := tx.Item(kind, user, "", key)
	if err != nil || len(content) == 0 {
		return nil, err
	}
	return parseSigned(content)
}

// putSigned stores an object with its owner's signatures, unless it is there
// just so.
func putSigned(tx KeyTx, kind stream.Kind, key string, stored, object *signedKeys, own map[id.KeyID]string) error {
	var all map[id.UserID]map[id.KeyID]string
	if len(own) > 0 {
		all = map[id.UserID]map[id.KeyID]string{object.User: own}
	}
	content, err := object.signedBy(all)
	if err != nil {
		return err
	}
	if len(content) > maxKeyJSON {
		return refusal.TooLarge("A key may have at most %d bytes.", maxKeyJSON)
	}
	if stored != nil && sameJSON(stored.raw, content) {
		return nil
	}
	tx.Put(stream.Item{Kind: kind, User: object.User, Key: key, Content: content})
	keysChanged(tx, object.User)
	return nil
}

// parseOneTimeKeys checks the shapes of one-time or fallback keys and gives them
// in the order of their IDs.
func parseOneTimeKeys(uploaded map[id.KeyID]json.RawMessage) ([]OneTimeKey, error) {
	if len(uploaded) > maxOneTimeKeys {
		return nil, refusal.TooLarge("A device may have at most %d one-time keys.", maxOneTimeKeys)
	}
	keys := make([]OneTimeKey, 0, len(uploaded))
	for _, keyID := range slices.Sorted(maps.Keys(uploaded)) {
		algorithm, name, _ := strings.Cut(string(keyID), ":")
		if algorithm == "" || name == "" || len(keyID) > 255 {
			return nil, refusal.BadJSON("The name of a one-time key must be an algorithm, a colon and an ID, at most 255 bytes together.")
		}
		raw := uploaded[keyID]
		if len(raw) > maxOneTimeKeyJSON {
			return nil, refusal.TooLarge("A key may have at most %d bytes.", maxOneTimeKeyJSON)
		}
		if raw[0] != '{' && raw[0] != '"' {
			return nil, refusal.BadJSON("A one-time key must be an object or a text.")
		}
		keys = append(keys, OneTimeKey{ID: keyID, JSON: raw})
	}
	return keys, nil
}

func keepOneTimeKeys(tx KeyTx, caller tenant.Caller, oneTime, fallback []OneTimeKey) error {
	if len(oneTime) > 0 {
		stored, err := tx.OneTimeKeys(caller.User, caller.Device)
		if err != nil {
			return err
		}
		if oneTime, err = unknownKeys(stored, oneTime); err != nil {
			return err
		}
		if len(stored)+len(oneTime) > maxOneTimeKeys {
			return refusal.TooLarge("A device may have at most %d one-time keys.", maxOneTimeKeys)
		}
	}
	if len(fallback) > 0 {
		// The same fallback key again stays used, if it is.
		stored, err := tx.FallbackKeys(caller.User, caller.Device)
		if err != nil {
			return err
		}
		fallback = slices.DeleteFunc(slices.Clone(fallback), func(k OneTimeKey) bool {
			return slices.ContainsFunc(stored, func(s OneTimeKey) bool { return s.ID == k.ID && sameJSON(s.JSON, k.JSON) })
		})
	}
	if len(oneTime) == 0 && len(fallback) == 0 {
		return nil
	}
	tx.KeepOneTimeKeys(caller.User, caller.Device, oneTime)
	tx.KeepFallbackKeys(caller.User, caller.Device, fallback)
	tx.Put(stream.Item{Kind: stream.OneTimeKeys, User: caller.User, Key: string(caller.Device), Content: present})
	return nil
}

// unknownKeys leaves out what is stored already, and refuses another key under a
// stored one's ID.
func unknownKeys(stored, uploaded []OneTimeKey) ([]OneTimeKey, error) {
	known := make(map[id.KeyID][]byte, len(stored))
	for _, key := range stored {
		known[key.ID] = key.JSON
	}
	var unknown []OneTimeKey
	for _, key := range uploaded {
		text, found := known[key.ID]
		switch {
		case !found:
			unknown = append(unknown, key)
		case !sameJSON(text, key.JSON):
			return nil, refusal.Invalid("Another one-time key with the ID %s is already there.", key.ID)
		}
	}
	return unknown, nil
}
