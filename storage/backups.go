package storage

import (
	"context"
	"fmt"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/storage/sqldb"
)

const backupSQL = `
	SELECT b.version, b.algorithm, b.auth_data, b.etag, (
		SELECT COUNT(*) FROM backed_up_keys k WHERE k.account = b.account AND k.user_id = b.user_id AND k.version = b.version
	) FROM key_backups b
	WHERE b.account = $1 AND b.user_id = $2 AND (b.version = $3 OR $3 = 0) AND NOT b.deleted
	ORDER BY b.version DESC LIMIT 1`

func readBackup(ctx context.Context, q sqldb.Querier, account tenant.ID, user id.UserID, version accounts.BackupVersion) (*accounts.Backup, error) {
	backup, found, err := sqldb.One(ctx, q, func(r sqldb.Row) (*accounts.Backup, error) {
		var b accounts.Backup
		var authData []byte
		err := r.Scan(&b.Version, &b.Algorithm, &authData, &b.ETag, &b.Count)
		b.AuthData = authData
		return &b, err
	}, backupSQL, account, user, version)
	if err != nil {
		return nil, fmt.Errorf("read backup: %w", err)
	}
	if !found {
		return nil, nil
	}
	return backup, nil
}

// Backup implements accounts.KeyStore.
func (s *Store) Backup(ctx context.Context, account tenant.ID, user id.UserID, version accounts.BackupVersion) (*accounts.Backup, error) {
	return readBackup(ctx, s.db, account, user, version)
}

const backedUpKeysSQL = `
	SELECT room, session, json FROM backed_up_keys
	WHERE account = $1 AND user_id = $2 AND version = $3 AND (room = $4 OR $4 = '') AND (session = $5 OR $5 = '')
	ORDER BY room, session`

func scanBackedUpKey(r sqldb.Row) (accounts.BackedUpKey, error) {
	var k accounts.BackedUpKey
	err := r.Scan(&k.Room, &k.Session, &k.JSON)
	return k, err
}

// BackedUpKeys implements accounts.KeyStore.
func (s *Store) BackedUpKeys(ctx context.Context, account tenant.ID, user id.UserID, version accounts.BackupVersion, room id.RoomID, session id.SessionID) ([]accounts.BackedUpKey, error) {
	return sqldb.All(ctx, s.db, scanBackedUpKey, backedUpKeysSQL, account, user, version, room, session)
}

const lastBackupSQL = `SELECT COALESCE(MAX(version), 0) FROM key_backups WHERE account = $1 AND user_id = $2`

// LastBackup implements accounts.BackupTx.
func (t *tx) LastBackup(user id.UserID) (accounts.BackupVersion, error) {
	q, err := t.querier()
	if err != nil {
		return 0, err
	}
	last, _, err := sqldb.One(t.ctx, q, sqldb.Value[accounts.BackupVersion], lastBackupSQL, t.group.account.id, user)
	return last, err
}

// Backup implements accounts.BackupTx.
func (t *tx) Backup(user id.UserID, version accounts.BackupVersion) (*accounts.Backup, error) {
	q, err := t.querier()
	if err != nil {
		return nil, err
	}
	return readBackup(t.ctx, q, t.group.account.id, user, version)
}

const keepBackupSQL = `
	INSERT INTO key_backups (account, user_id, version, algorithm, auth_data, etag, deleted) VALUES ($1, $2, $3, $4, $5, $6, FALSE)
	ON CONFLICT (account, user_id, version)
	DO UPDATE SET algorithm = excluded.algorithm, auth_data = excluded.auth_data, etag = excluded.etag`

// KeepBackup implements accounts.BackupTx.
func (t *tx) KeepBackup(user id.UserID, b *accounts.Backup) {
	t.exec(keepBackupSQL, t.group.account.id, user, b.Version, b.Algorithm, []byte(b.AuthData), b.ETag)
}

const deleteBackupSQL = `
	UPDATE key_backups SET deleted = TRUE, auth_data = $4 WHERE account = $1 AND user_id = $2 AND version = $3`

// DropBackup implements accounts.BackupTx.
func (t *tx) DropBackup(user id.UserID, version accounts.BackupVersion) {
	t.exec(deleteBackupSQL, t.group.account.id, user, version, []byte("{}"))
	t.DropBackedUp(user, version, "", "")
}

const backedUpKeySQL = `
	SELECT room, session, json FROM backed_up_keys
	WHERE account = $1 AND user_id = $2 AND version = $3 AND room = $4 AND session = $5`

// BackedUp implements accounts.BackupTx.
func (t *tx) BackedUp(user id.UserID, version accounts.BackupVersion, sessions []accounts.BackedUpKey) ([]accounts.BackedUpKey, error) {
	q, err := t.querier()
	if err != nil {
		return nil, err
	}
	args := make([][]any, len(sessions))
	for i, s := range sessions {
		args[i] = []any{t.group.account.id, user, version, s.Room, s.Session}
	}
	var stored []accounts.BackedUpKey
	err = q.QueryMany(t.ctx, backedUpKeySQL, args, func(_ int, r sqldb.Row) error {
		key, err := scanBackedUpKey(r)
		stored = append(stored, key)
		return err
	})
	return stored, err
}

const keepBackedUpSQL = `
	INSERT INTO backed_up_keys (account, user_id, version, room, session, json) VALUES ($1, $2, $3, $4, $5, $6)
	ON CONFLICT (account, user_id, version, room, session) DO UPDATE SET json = excluded.json`

// KeepBackedUp implements accounts.BackupTx.
func (t *tx) KeepBackedUp(user id.UserID, version accounts.BackupVersion, keys []accounts.BackedUpKey) {
	for _, key := range keys {
		t.exec(keepBackedUpSQL, t.group.account.id, user, version, key.Room, key.Session, key.JSON)
	}
}

const dropBackedUpSQL = `
	DELETE FROM backed_up_keys
	WHERE account = $1 AND user_id = $2 AND version = $3 AND (room = $4 OR $4 = '') AND (session = $5 OR $5 = '')`

// DropBackedUp implements accounts.BackupTx.
func (t *tx) DropBackedUp(user id.UserID, version accounts.BackupVersion, room id.RoomID, session id.SessionID) {
	t.exec(dropBackedUpSQL, t.group.account.id, user, version, room, session)
}
