package accounts

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"strings"

	jsonv2 "github.com/go-json-experiment/json"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/storage/stream"
)

// maxSignatures is how many keys one request may sign.
const maxSignatures = 1000

// signedPrefix begins the keys of the items that hold what a user has signed of
// other people's keys; the signed user follows.
const signedPrefix = "signed|"

// signedUser tells whose master key the item's user has signed in it.
func signedUser(item stream.Item) (id.UserID, bool) {
	user, ok := strings.CutPrefix(item.Key, signedPrefix)
	return id.UserID(user), ok && item.Kind == stream.CrossSigning
}

// viewerSignatures are a user's signatures of another user's master key.
type viewerSignatures struct {
	Key        id.KeyID            `json:"key"`
	Signatures map[id.KeyID]string `json:"signatures"`
}

// SignedKeys are signed objects by their owners and key IDs.
type SignedKeys map[id.UserID]map[string]json.RawMessage

// SignatureFailures say what was wrong with which of them.
type SignatureFailures map[id.UserID]map[string]*refusal.Refusal

// UploadSignatures adds the caller's signatures to keys that are there: those of
// the self-signing key to own devices, those of own devices to the own master
// key, and those of the user-signing key to other users' master keys. Each is
// verified; what fails is told and the rest is kept.
func (k *Keys) UploadSignatures(ctx context.Context, caller tenant.Caller, uploaded SignedKeys) (SignatureFailures, error) {
	n := 0
	for _, keys := range uploaded {
		n += len(keys)
	}
	if n > maxSignatures {
		return nil, refusal.TooLarge("At most %d keys can be signed at once.", maxSignatures)
	}
	var failures SignatureFailures
	err := k.store.ActOnKeys(ctx, KeyAct{Caller: caller, Do: func(tx KeyTx) error {
		failures = SignatureFailures{}
		s := signing{tx: tx, caller: caller.User}
		for user, keys := range uploaded {
			for key, raw := range keys {
				err := s.add(user, key, raw)
				refused := refusal.As(err)
				if err != nil && refused == nil {
					return err
				}
				if refused != nil {
					if failures[user] == nil {
						failures[user] = map[string]*refusal.Refusal{}
					}
					failures[user][key] = refused
				}
			}
		}
		return nil
	}})
	return failures, err
}

// signing is one act of a user who signs keys.
type signing struct {
	tx     KeyTx
	caller id.UserID
}

var errNoKey = refusal.NotFound("There is no such key to sign.")

func (s signing) add(user id.UserID, key string, raw json.RawMessage) error {
	signed, err := parseSigned(raw)
	if err != nil {
		return err
	}
	if user != s.caller {
		return s.addOther(user, key, signed)
	}
	device, err := storedKeys(s.tx, stream.DeviceKeys, user, key)
	if err != nil {
		return err
	}
	if device != nil {
		return s.addDevice(device, signed)
	}
	return s.addMaster(key, signed)
}

// addDevice adds the self-signing key's signature to a device.
func (s signing) addDevice(device, signed *signedKeys) error {
	selfSigning, err := storedKeys(s.tx, stream.CrossSigning, s.caller, selfSigningKey)
	if err != nil {
		return err
	}
	if selfSigning == nil {
		return errNoKey
	}
	keyID, public := selfSigning.public()
	if !device.same(signed) || !signed.verify(s.caller, keyID, public) {
		return errSignature()
	}
	return s.merge(stream.DeviceKeys, string(device.Device), device, map[id.KeyID]string{keyID: signed.own()[keyID]})
}

// addMaster adds devices' signatures to the own master key.
func (s signing) addMaster(key string, signed *signedKeys) error {
	master, err := storedKeys(s.tx, stream.CrossSigning, s.caller, masterKey)
	if err != nil {
		return err
	}
	if master == nil || !master.isNamed(key) {
		return errNoKey
	}
	valid := map[id.KeyID]string{}
	for keyID, signature := range signed.own() {
		if master.own()[keyID] == signature {
			valid[keyID] = signature // came along; its device may be gone by now
			continue
		}
		_, name := keyID.Parse()
		device, err := storedKeys(s.tx, stream.DeviceKeys, s.caller, name)
		if err != nil {
			return err
		}
		if device == nil || !signed.verify(s.caller, keyID, device.Keys[keyID]) {
			return errSignature()
		}
		valid[keyID] = signature
	}
	if len(valid) == 0 || !master.same(signed) {
		return errSignature()
	}
	return s.merge(stream.CrossSigning, masterKey, master, valid)
}

// isNamed tells whether this is the name of the object's one key.
func (s *signedKeys) isNamed(name string) bool {
	_, public := s.public()
	return public == name
}

func (s signing) merge(kind stream.Kind, key string, stored *signedKeys, valid map[id.KeyID]string) error {
	own := maps.Clone(stored.own())
	if own == nil {
		own = map[id.KeyID]string{}
	}
	maps.Copy(own, valid)
	return putSigned(s.tx, kind, key, stored, stored, own)
}

// addOther keeps the user-signing key's signature of another user's master key.
// Only the caller's devices hear of it.
func (s signing) addOther(user id.UserID, key string, signed *signedKeys) error {
	master, err := storedKeys(s.tx, stream.CrossSigning, user, masterKey)
	if err != nil {
		return err
	}
	if master == nil || !master.isNamed(key) {
		return errNoKey
	}
	userSigning, err := storedKeys(s.tx, stream.CrossSigning, s.caller, userSigningKey)
	if err != nil {
		return err
	}
	if userSigning == nil {
		return errNoKey
	}
	signer, public := userSigning.public()
	if !master.same(signed) || !signed.verify(s.caller, signer, public) {
		return errSignature()
	}
	masterID, _ := master.public()
	content, err := jsonv2.Marshal(viewerSignatures{
		Key: masterID, Signatures: map[id.KeyID]string{signer: signed.Signatures[s.caller][signer]},
	})
	if err != nil {
		return fmt.Errorf("write signatures: %w", err)
	}
	s.tx.Put(stream.Item{Kind: stream.CrossSigning, User: s.caller, Key: signedPrefix + string(user), Content: content})
	s.tx.Put(stream.Item{Kind: stream.DeviceList, User: s.caller, Key: string(user), Content: present})
	return nil
}
