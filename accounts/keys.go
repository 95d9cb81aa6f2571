package accounts

import (
	"context"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/storage/stream"
)

// Keys is what clients publish for end-to-end encryption: device keys, one-time
// and fallback keys, cross-signing keys and signatures; the messages that
// devices send each other; and the backups of room keys. The server reads none
// of it but what it must check.
type Keys struct{ store KeyStore }

// NewKeys makes the service.
func NewKeys(store KeyStore) *Keys { return &Keys{store: store} }

// KeyStore keeps keys and messages between devices.
type KeyStore interface {
	// ActOnKeys runs an act, all or nothing, alone on the state at head. It
	// returns once that is durable. What Do returns comes back as it is.
	ActOnKeys(ctx context.Context, act KeyAct) error
	// KeyItems gives the device keys and cross-signing keys of users, and the
	// viewer's signatures of other people's keys.
	KeyItems(ctx context.Context, account tenant.ID, viewer id.UserID, users []id.UserID) ([]stream.Item, error)
	// DeviceNames gives the devices, with their display names, of those among the
	// users who belong to the account.
	DeviceNames(ctx context.Context, account tenant.ID, users []id.UserID) (map[id.UserID]map[id.DeviceID]string, error)
	// OneTimeKeyCounts gives how many one-time keys of each algorithm a device has
	// left, and the algorithms whose fallback key has not been used.
	OneTimeKeyCounts(ctx context.Context, account tenant.ID, user id.UserID, device id.DeviceID) (map[id.KeyAlgorithm]int, []id.KeyAlgorithm, error)

	// Backup gives a version of a user's backup of room keys, or nil when there is
	// none.
	Backup(ctx context.Context, account tenant.ID, user id.UserID, version BackupVersion) (*Backup, error)
	// BackedUpKeys gives the keys in a version: all, those of a room, or, when
	// session is given too, one.
	BackedUpKeys(ctx context.Context, account tenant.ID, user id.UserID, version BackupVersion, room id.RoomID, session id.SessionID) ([]BackedUpKey, error)

	DehydratedStore
}

// KeyAct is one change to keys, or one request's messages to devices.
type KeyAct struct {
	Caller tenant.Caller
	// Path and Transaction make a retry do nothing. Empty: no such promise.
	Path, Transaction string
	// Do does it. It may run several times.
	Do func(KeyTx) error
}

// KeyTx is what an act on keys sees, which is the state at the head it is built
// on, and does. It sees nothing of what it does itself. Errors of its methods
// must be returned unchanged.
type KeyTx interface {
	// Item gives the content under a key, nil when there is none.
	Item(kind stream.Kind, user id.UserID, room id.RoomID, key string) ([]byte, error)
	// Put adds an item to the stream, in place of the one under its key.
	Put(item stream.Item)
	// Devices gives the devices of users.
	Devices(users []id.UserID) (map[id.UserID][]id.DeviceID, error)
	// OneTimeKeys gives all one-time keys that a device has left.
	OneTimeKeys(user id.UserID, device id.DeviceID) ([]OneTimeKey, error)
	// KeepOneTimeKeys adds new ones, to be claimed behind those there are.
	KeepOneTimeKeys(user id.UserID, device id.DeviceID, keys []OneTimeKey)
	// FallbackKeys gives a device's fallback keys, one per algorithm at most.
	FallbackKeys(user id.UserID, device id.DeviceID) ([]OneTimeKey, error)
	// KeepFallbackKeys puts unused fallback keys in the place of those of the same
	// algorithm.
	KeepFallbackKeys(user id.UserID, device id.DeviceID, keys []OneTimeKey)
	// Claim takes, for each that is wanted, the oldest one-time key away, or marks
	// the fallback key as used. Nothing must be wanted twice. What there is no key
	// for is missing in the result.
	Claim(wanted []KeyClaim) ([]ClaimedKey, error)

	BackupTx
	DeviceTx
}

// OneTimeKey is a key that another device may claim. ID is its algorithm and
// name, "signed_curve25519:AAAAHg".
type OneTimeKey struct {
	ID   id.KeyID
	JSON []byte
}

// KeyClaim asks for one key of a device.
type KeyClaim struct {
	User      id.UserID
	Device    id.DeviceID
	Algorithm id.KeyAlgorithm
}

// ClaimedKey is the answer to a claim. Changed tells whether anything of the
// device's counts has changed by it.
type ClaimedKey struct {
	KeyClaim
	OneTimeKey
	Changed bool
}

// Counts gives how many one-time keys of each algorithm a device has left, and
// the algorithms whose fallback key has not been used. The algorithm that all
// clients use is always among the counts: some take its absence for "as before".
func (k *Keys) Counts(ctx context.Context, account tenant.ID, user id.UserID, device id.DeviceID) (map[id.KeyAlgorithm]int, []id.KeyAlgorithm, error) {
	counts, unused, err := k.store.OneTimeKeyCounts(ctx, account, user, device)
	if err != nil {
		return nil, nil, err
	}
	if _, found := counts[id.KeyAlgorithmSignedCurve25519]; !found {
		counts[id.KeyAlgorithmSignedCurve25519] = 0
	}
	return counts, unused, nil
}

// errNoDevice refuses keys from a session that is no device.
var errNoDevice = refusal.Invalid("This session has no device that keys could belong to.")

// present is the content of items whose being there is all they say.
var present = []byte("{}")

// keysChanged tells everybody who shares a room with the user.
func keysChanged(tx KeyTx, user id.UserID) {
	tx.Put(stream.Item{Kind: stream.DeviceList, User: user, Content: present})
}
