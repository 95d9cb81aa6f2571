package accounts

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"

	jsonv2 "github.com/go-json-experiment/json"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
)

// Limits of backups.
const (
	maxBackupData = 64 << 10 // bytes of auth_data
	maxSession    = 16 << 10 // bytes of one backed up key
)

// BackupVersion numbers a user's backups of room keys, from 1 on. 0 asks for
// the newest.
type BackupVersion int64

// ParseBackupVersion reads a version as [BackupVersion.String] writes it. Of
// anything else there is no backup.
func ParseBackupVersion(s string) (BackupVersion, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 1 || strconv.FormatInt(n, 10) != s {
		return 0, errNoBackup
	}
	return BackupVersion(n), nil
}

// String writes the version for clients, to whom it is opaque.
func (v BackupVersion) String() string { return strconv.FormatInt(int64(v), 10) }

// Backup is one version of a user's backup of room keys.
type Backup struct {
	Version   BackupVersion
	Algorithm string
	AuthData  json.RawMessage
	ETag      int64 // changes with the keys in it
	Count     int64 // of keys in it; not looked at where a backup is kept
}

// BackedUpKey is the key of one session in a backup.
type BackedUpKey struct {
	Room    id.RoomID
	Session id.SessionID
	JSON    []byte
}

// BackupTx is the part of an act on keys that concerns backups.
type BackupTx interface {
	// LastBackup gives the number of the newest backup there ever was, deleted or
	// not, 0 when there was none.
	LastBackup(user id.UserID) (BackupVersion, error)
	// Backup gives a version, the newest for 0, or nil when there is none.
	Backup(user id.UserID, version BackupVersion) (*Backup, error)
	// KeepBackup writes a version, in place of what it was.
	KeepBackup(user id.UserID, backup *Backup)
	// DropBackup removes a version with the keys in it.
	DropBackup(user id.UserID, version BackupVersion)
	// BackedUp gives the keys in a version that are of the same sessions.
	BackedUp(user id.UserID, version BackupVersion, sessions []BackedUpKey) ([]BackedUpKey, error)
	// KeepBackedUp writes keys, in place of those of the same sessions.
	KeepBackedUp(user id.UserID, version BackupVersion, keys []BackedUpKey)
	// DropBackedUp removes keys: all, those of a room, or one.
	DropBackedUp(user id.UserID, version BackupVersion, room id.RoomID, session id.SessionID)
}

var errNoBackup = refusal.NotFound("There is no such backup of keys.")

// Backup gives a version of the caller's backup, the newest for 0. If there is
// none it is 404.
func (k *Keys) Backup(ctx context.Context, caller tenant.Caller, version BackupVersion) (*Backup, error) {
	backup, err := k.store.Backup(ctx, caller.Account, caller.User, version)
	if err == nil && backup == nil {
		return nil, errNoBackup
	}
	return backup, err
}

// CreateBackup begins a new version and gives its number.
func (k *Keys) CreateBackup(ctx context.Context, caller tenant.Caller, algorithm string, authData json.RawMessage) (BackupVersion, error) {
	if err := checkBackup(algorithm, authData); err != nil {
		return 0, err
	}
	var version BackupVersion
	err := k.store.ActOnKeys(ctx, KeyAct{Caller: caller, Do: func(tx KeyTx) error {
		last, err := tx.LastBackup(caller.User)
		if err != nil {
			return err
		}
		version = last + 1
		tx.KeepBackup(caller.User, &Backup{Version: version, Algorithm: algorithm, AuthData: authData})
		return nil
	}})
	return version, err
}

func checkBackup(algorithm string, authData json.RawMessage) error {
	if algorithm == "" || len(authData) == 0 || authData[0] != '{' {
		return refusal.BadJSON("A backup needs both \"algorithm\" and \"auth_data\".")
	}
	if len(algorithm) > 255 || len(authData) > maxBackupData {
		return refusal.TooLarge("The description of a backup may have at most %d bytes.", maxBackupData)
	}
	return nil
}

// UpdateBackup changes a version's auth data; the algorithm must be its own.
func (k *Keys) UpdateBackup(ctx context.Context, caller tenant.Caller, version BackupVersion, algorithm string, authData json.RawMessage) error {
	if err := checkBackup(algorithm, authData); err != nil {
		return err
	}
	return k.actOnBackup(ctx, caller, version, func(tx KeyTx, backup *Backup) error {
		if backup.Algorithm != algorithm {
			return refusal.Invalid("The algorithm of a backup cannot be changed.")
		}
		backup.AuthData = authData
		tx.KeepBackup(caller.User, backup)
		return nil
	})
}

// actOnBackup runs an act on a version that must exist.
func (k *Keys) actOnBackup(ctx context.Context, caller tenant.Caller, version BackupVersion, do func(KeyTx, *Backup) error) error {
	return k.store.ActOnKeys(ctx, KeyAct{Caller: caller, Do: func(tx KeyTx) error {
		backup, err := tx.Backup(caller.User, version)
		if err != nil {
			return err
		}
		if backup == nil {
			return errNoBackup
		}
		return do(tx, backup)
	}})
}

// DeleteBackup removes a version with the keys in it.
func (k *Keys) DeleteBackup(ctx context.Context, caller tenant.Caller, version BackupVersion) error {
	return k.actOnBackup(ctx, caller, version, func(tx KeyTx, _ *Backup) error {
		tx.DropBackup(caller.User, version)
		return nil
	})
}

// BackedUpKeys gives the keys in a version: all, those of a room, or one.
func (k *Keys) BackedUpKeys(ctx context.Context, caller tenant.Caller, version BackupVersion, room id.RoomID, session id.SessionID) ([]BackedUpKey, error) {
	if _, err := k.Backup(ctx, caller, version); err != nil {
		return nil, err
	}
	keys, err := k.store.BackedUpKeys(ctx, caller.Account, caller.User, version, room, session)
	if err == nil && session != "" && len(keys) == 0 {
		return nil, refusal.NotFound("This key is not in the backup.")
	}
	return keys, err
}

// errOldBackup refuses keys for a version that is not the newest.
func errOldBackup(current BackupVersion) error {
	return refusal.New(http.StatusForbidden, "M_WRONG_ROOM_KEYS_VERSION", "There is a newer backup of keys than this one.").
		With("current_version", current.String())
}

// BackUp puts keys into a version, which must be the newest. Of two keys of one
// session the better stays: the verified one, then the one that reaches back
// further, then the one that was forwarded less often.
func (k *Keys) BackUp(ctx context.Context, caller tenant.Caller, version BackupVersion, keys []BackedUpKey) (*Backup, error) {
	qualities := map[sessionKey]quality{}
	for _, key := range keys {
		q, err := parseQuality(key.JSON)
		if err != nil {
			return nil, err
		}
		qualities[sessionKey{key.Room, key.Session}] = q
	}
	err := k.actOnBackup(ctx, caller, version, func(tx KeyTx, backup *Backup) error {
		newest, err := tx.Backup(caller.User, 0)
		if err != nil {
			return err
		}
		if newest.Version != version {
			return errOldBackup(newest.Version)
		}
		stored, err := tx.BackedUp(caller.User, version, keys)
		if err != nil {
			return err
		}
		better, err := betterKeys(stored, keys, qualities)
		if err != nil || len(better) == 0 {
			return err
		}
		backup.ETag++
		tx.KeepBackup(caller.User, backup)
		tx.KeepBackedUp(caller.User, version, better)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return k.Backup(ctx, caller, version)
}

// DropBackedUp removes keys from a version: all, those of a room, or one.
func (k *Keys) DropBackedUp(ctx context.Context, caller tenant.Caller, version BackupVersion, room id.RoomID, session id.SessionID) (*Backup, error) {
	err := k.actOnBackup(ctx, caller, version, func(tx KeyTx, backup *Backup) error {
		backup.ETag++
		tx.KeepBackup(caller.User, backup)
		tx.DropBackedUp(caller.User, version, room, session)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return k.Backup(ctx, caller, version)
}

type sessionKey struct {
	room    id.RoomID
	session id.SessionID
}

// quality is what two keys of one session are compared by.
type quality struct {
	FirstMessageIndex *int64          `json:"first_message_index"`
	ForwardedCount    *int64          `json:"forwarded_count"`
	IsVerified        *bool           `json:"is_verified"`
	SessionData       json.RawMessage `json:"session_data"`
}

var errKeyShape = errors.New("not a backed up key")

func parseQuality(text []byte) (quality, error) {
	var q quality
	if len(text) > maxSession {
		return q, refusal.TooLarge("A backed up key may have at most %d bytes.", maxSession)
	}
	if jsonv2.Unmarshal(text, &q) != nil || q.check() != nil {
		return q, refusal.BadJSON("A backed up key has not the shape that the specification gives it.")
	}
	return q, nil
}

func (q quality) check() error {
	if q.FirstMessageIndex == nil || q.ForwardedCount == nil || q.IsVerified == nil ||
		*q.FirstMessageIndex < 0 || *q.ForwardedCount < 0 || len(q.SessionData) == 0 || q.SessionData[0] != '{' {
		return errKeyShape
	}
	return nil
}

func (q quality) betterThan(other quality) bool {
	switch {
	case *q.IsVerified != *other.IsVerified:
		return *q.IsVerified
	case *q.FirstMessageIndex != *other.FirstMessageIndex:
		return *q.FirstMessageIndex < *other.FirstMessageIndex
	default:
		return *q.ForwardedCount < *other.ForwardedCount
	}
}

// betterKeys leaves out those keys that are no better than what is stored.
func betterKeys(stored, keys []BackedUpKey, qualities map[sessionKey]quality) ([]BackedUpKey, error) {
	worse := map[sessionKey]bool{}
	for _, key := range stored {
		q, err := parseQuality(key.JSON)
		if err != nil {
			return nil, err
		}
		at := sessionKey{key.Room, key.Session}
		worse[at] = !qualities[at].betterThan(q)
	}
	var better []BackedUpKey
	for _, key := range keys {
		if !worse[sessionKey{key.Room, key.Session}] {
			better = append(better, key)
		}
	}
	return better, nil
}
