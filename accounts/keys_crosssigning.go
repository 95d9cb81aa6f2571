package accounts

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"slices"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/storage/stream"
)

// The cross-signing keys, as items' keys and as usages.
const (
	masterKey      = "master"
	selfSigningKey = "self_signing"
	userSigningKey = "user_signing"
)

// usages are the cross-signing keys in the order in which they are judged, so
// that an upload that is wrong twice gets the same refusal each time.
var usages = [...]string{masterKey, selfSigningKey, userSigningKey}

// ErrConfirmation says that the user must confirm who they are before their
// cross-signing keys are replaced.
var ErrConfirmation = errors.New("replacing cross-signing keys needs user-interactive authentication")

// CrossSigningUpload are the cross-signing keys of a user; each may be absent.
type CrossSigningUpload struct {
	Master      json.RawMessage `json:"master_key"`
	SelfSigning json.RawMessage `json:"self_signing_key"`
	UserSigning json.RawMessage `json:"user_signing_key"`
}

// Empty tells whether there is no key in it.
func (u CrossSigningUpload) Empty() bool {
	return absent(u.Master) && absent(u.SelfSigning) && absent(u.UserSigning)
}

func errSignature() *refusal.Refusal {
	return refusal.New(http.StatusBadRequest, "M_INVALID_SIGNATURE", "A signature is missing or is not valid.")
}

// UploadCrossSigning keeps the caller's cross-signing keys. Unless confirmed, it
// returns [ErrConfirmation] when there is a master key and the upload has any
// key that is not the one stored.
func (k *Keys) UploadCrossSigning(ctx context.Context, caller tenant.Caller, upload CrossSigningUpload, confirmed bool) error {
	keys := map[string]*signedKeys{}
	raw := map[string]json.RawMessage{
		masterKey: upload.Master, selfSigningKey: upload.SelfSigning, userSigningKey: upload.UserSigning,
	}
	for _, usage := range usages {
		if absent(raw[usage]) {
			continue
		}
		key, err := parseCrossSigningKey(caller.User, usage, raw[usage])
		if err != nil {
			return err
		}
		keys[usage] = key
	}
	return k.store.ActOnKeys(ctx, KeyAct{Caller: caller, Do: func(tx KeyTx) error {
		return keepCrossSigning(tx, caller.User, keys, confirmed)
	}})
}

func parseCrossSigningKey(user id.UserID, usage string, raw json.RawMessage) (*signedKeys, error) {
	key, err := parseSigned(raw)
	if err != nil {
		return nil, err
	}
	if key.User != user {
		return nil, refusal.Invalid("The cross-signing keys name another user than the one who is signed in.")
	}
	if !slices.Contains(key.Usage, usage) {
		return nil, refusal.BadJSON("The \"usage\" of the %s key must name it so.", usage)
	}
	keyID, public := key.public()
	if len(key.Keys) != 1 || keyID != id.NewKeyID(id.KeyAlgorithmEd25519, public) || !isEd25519(public) {
		return nil, refusal.BadJSON("A cross-signing key must have exactly one Ed25519 key, named by itself.")
	}
	return key, nil
}

// public gives the ID and the text of a cross-signing key's one public key.
func (s *signedKeys) public() (id.KeyID, string) {
	for keyID, public := range s.Keys {
		return keyID, public
	}
	return "", ""
}

func keepCrossSigning(tx KeyTx, user id.UserID, keys map[string]*signedKeys, confirmed bool) error {
	stored := map[string]*signedKeys{}
	changes := false
	for _, usage := range usages {
		key, err := storedKeys(tx, stream.CrossSigning, user, usage)
		if err != nil {
			return err
		}
		stored[usage] = key
		changes = changes || keys[usage] != nil && (key == nil || !key.samePublic(keys[usage]))
	}
	if stored[masterKey] != nil && changes && !confirmed {
		return ErrConfirmation
	}
	if err := checkCrossSigning(tx, user, keys, stored[masterKey]); err != nil {
		return err
	}
	for _, usage := range usages {
		key := keys[usage]
		if key == nil {
			continue
		}
		own := map[id.KeyID]string{}
		if old := stored[usage]; old != nil && old.same(key) {
			maps.Copy(own, old.own())
		}
		maps.Copy(own, key.own())
		if err := putSigned(tx, stream.CrossSigning, usage, stored[usage], key, own); err != nil {
			return err
		}
	}
	return nil
}

func (s *signedKeys) samePublic(other *signedKeys) bool {
	mine, _ := s.public()
	theirs, _ := other.public()
	return mine == theirs
}

// checkCrossSigning holds the keys to the master key that comes with them, or
// that is there.
func checkCrossSigning(tx KeyTx, user id.UserID, keys map[string]*signedKeys, master *signedKeys) error {
	if keys[masterKey] != nil {
		master = keys[masterKey]
	}
	if master == nil {
		return refusal.Missing("There is no master key yet: it must be uploaded with or before the other cross-signing keys.")
	}
	masterID, masterPublic := master.public()
	devices, err := tx.Devices([]id.UserID{user})
	if err != nil {
		return err
	}
	for _, usage := range usages {
		key := keys[usage]
		if key == nil {
			continue
		}
		if usage != masterKey && !key.verify(user, masterID, masterPublic) {
			return errSignature()
		}
		if _, public := key.public(); slices.Contains(devices[user], id.DeviceID(public)) {
			return refusal.Forbidden("One of the keys is called like one of your devices.")
		}
	}
	return nil
}
