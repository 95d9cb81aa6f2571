package storage

import (
	"context"
	"fmt"
	"strings"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/stream"
)

// ActOnKeys implements accounts.KeyStore.
func (s *Store) ActOnKeys(ctx context.Context, todo accounts.KeyAct) error {
	a, err := s.account(ctx, todo.Caller.Account)
	if err != nil {
		return refuseUnknownAccount(err)
	}
	return a.submit(&act{
		caller: todo.Caller, path: todo.Path, transaction: todo.Transaction, lone: true, asks: evenSuspended,
		do: func(t *tx) (id.EventID, error) { return "", todo.Do(t) },
	})
}

const keyItemsSQL = `
	SELECT kind, user_id, room, key, position, content FROM items
	WHERE account = $1 AND kind = ANY($2) AND user_id = ANY($3) AND (kind = $4 OR user_id = $5 OR key = ANY($6))`

// publicCrossSigning are the keys of cross-signing items that others than their
// user may ask for.
var publicCrossSigning = []string{"master", "self_signing"}

// KeyItems implements accounts.KeyStore.
func (s *Store) KeyItems(ctx context.Context, account tenant.ID, viewer id.UserID, users []id.UserID) ([]stream.Item, error) {
	kinds := []int64{int64(stream.DeviceKeys), int64(stream.CrossSigning)}
	return sqldb.All(ctx, s.db, scanItem, keyItemsSQL,
		account, kinds, append(texts(users), string(viewer)), int64(stream.DeviceKeys), viewer, publicCrossSigning)
}

const deviceNamesSQL = `
	SELECT u.user_id, d.device, d.display_name FROM users u
	LEFT JOIN devices d ON d.account = u.account AND d.user_id = u.user_id
	WHERE u.account = $1 AND u.user_id = ANY($2)`

// DeviceNames implements accounts.KeyStore.
func (s *Store) DeviceNames(ctx context.Context, account tenant.ID, users []id.UserID) (map[id.UserID]map[id.DeviceID]string, error) {
	names := map[id.UserID]map[id.DeviceID]string{}
	err := s.db.Query(ctx, deviceNamesSQL, []any{account, texts(users)}, func(r sqldb.Row) error {
		var user id.UserID
		var device, name *string
		if err := r.Scan(&user, &device, &name); err != nil {
			return err
		}
		if names[user] == nil {
			names[user] = map[id.DeviceID]string{}
		}
		if device != nil {
			names[user][id.DeviceID(*device)] = *name
		}
		return nil
	})
	return names, err
}

const (
	keyCountsSQL = `
		SELECT algorithm, COUNT(*) FROM one_time_keys
		WHERE account = $1 AND user_id = $2 AND device = $3 GROUP BY algorithm`

	unusedFallbackSQL = `
		SELECT algorithm FROM fallback_keys
		WHERE account = $1 AND user_id = $2 AND device = $3 AND NOT used ORDER BY algorithm`
)

// OneTimeKeyCounts implements accounts.KeyStore.
func (s *Store) OneTimeKeyCounts(ctx context.Context, account tenant.ID, user id.UserID, device id.DeviceID) (map[id.KeyAlgorithm]int, []id.KeyAlgorithm, error) {
	counts := map[id.KeyAlgorithm]int{}
	args := []any{account, user, device}
	err := s.db.Query(ctx, keyCountsSQL, args, func(r sqldb.Row) error {
		var algorithm id.KeyAlgorithm
		var n int
		err := r.Scan(&algorithm, &n)
		counts[algorithm] = n
		return err
	})
	if err != nil {
		return nil, nil, fmt.Errorf("count one-time keys: %w", err)
	}
	unused, err := sqldb.All(ctx, s.db, sqldb.Value[id.KeyAlgorithm], unusedFallbackSQL, args...)
	if err != nil {
		return nil, nil, fmt.Errorf("read fallback keys: %w", err)
	}
	return counts, unused, nil
}

const devicesOfSQL = `SELECT user_id, device FROM devices WHERE account = $1 AND user_id = ANY($2) ORDER BY user_id, device`

// Devices implements accounts.KeyTx.
func (t *tx) Devices(users []id.UserID) (map[id.UserID][]id.DeviceID, error) {
	q, err := t.querier()
	if err != nil {
		return nil, err
	}
	devices := map[id.UserID][]id.DeviceID{}
	err = q.Query(t.ctx, devicesOfSQL, []any{t.group.account.id, texts(users)}, func(r sqldb.Row) error {
		var user id.UserID
		var device id.DeviceID
		err := r.Scan(&user, &device)
		devices[user] = append(devices[user], device)
		return err
	})
	return devices, err
}

func scanOneTimeKey(r sqldb.Row) (accounts.OneTimeKey, error) {
	var algorithm, name string
	var k accounts.OneTimeKey
	err := r.Scan(&algorithm, &name, &k.JSON)
	k.ID = id.NewKeyID(id.KeyAlgorithm(algorithm), name)
	return k, err
}

const oneTimeKeysSQL = `SELECT algorithm, key_id, json FROM one_time_keys WHERE account = $1 AND user_id = $2 AND device = $3`

// OneTimeKeys implements accounts.KeyTx.
func (t *tx) OneTimeKeys(user id.UserID, device id.DeviceID) ([]accounts.OneTimeKey, error) {
	q, err := t.querier()
	if err != nil {
		return nil, err
	}
	return sqldb.All(t.ctx, q, scanOneTimeKey, oneTimeKeysSQL, t.group.account.id, user, device)
}

const keepOneTimeKeySQL = `
	INSERT INTO one_time_keys (account, user_id, device, algorithm, key_id, position, ordinal, json)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`

// KeepOneTimeKeys implements accounts.KeyTx.
func (t *tx) KeepOneTimeKeys(user id.UserID, device id.DeviceID, keys []accounts.OneTimeKey) {
	for i, key := range keys {
		algorithm, name, _ := strings.Cut(string(key.ID), ":")
		t.exec(keepOneTimeKeySQL, t.group.account.id, user, device, algorithm, name, t.next+1, i, key.JSON)
	}
}

const fallbackKeysSQL = `SELECT algorithm, key_id, json FROM fallback_keys WHERE account = $1 AND user_id = $2 AND device = $3`

// FallbackKeys implements accounts.KeyTx.
func (t *tx) FallbackKeys(user id.UserID, device id.DeviceID) ([]accounts.OneTimeKey, error) {
	q, err := t.querier()
	if err != nil {
		return nil, err
	}
	return sqldb.All(t.ctx, q, scanOneTimeKey, fallbackKeysSQL, t.group.account.id, user, device)
}

const keepFallbackKeySQL = `
	INSERT INTO fallback_keys (account, user_id, device, algorithm, key_id, json, used) VALUES ($1, $2, $3, $4, $5, $6, FALSE)
	ON CONFLICT (account, user_id, device, algorithm)
	DO UPDATE SET key_id = excluded.key_id, json = excluded.json, used = FALSE`

// KeepFallbackKeys implements accounts.KeyTx.
func (t *tx) KeepFallbackKeys(user id.UserID, device id.DeviceID, keys []accounts.OneTimeKey) {
	for _, key := range keys {
		algorithm, name, _ := strings.Cut(string(key.ID), ":")
		t.exec(keepFallbackKeySQL, t.group.account.id, user, device, algorithm, name, key.JSON)
	}
}
