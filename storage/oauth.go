package storage

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/oauth"
	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/storage/sqldb"
)

const (
	keepOAuthClientSQL = `
		INSERT INTO oauth_clients (account, client, metadata, used) VALUES ($1, $2, $3, $4)
		ON CONFLICT (account, client) DO UPDATE SET used = excluded.used`

	// Those that devices are signed in with stay.
	purgeOAuthClientsSQL = `
		DELETE FROM oauth_clients WHERE account = $1 AND used < $2 AND client NOT IN (
			SELECT client FROM devices WHERE account = $1)`

	oauthClientSQL = `SELECT metadata FROM oauth_clients WHERE account = $1 AND client = $2`
)

// KeepClient implements oauth.Store.
func (s *Store) KeepClient(ctx context.Context, account tenant.ID, client oauth.Client, now, old int64) error {
	metadata, err := json.Marshal(client.Metadata)
	if err != nil {
		return fmt.Errorf("encode client: %w", err)
	}
	b := &sqldb.Batch{}
	b.Add(purgeOAuthClientsSQL, account, old)
	b.Add(keepOAuthClientSQL, account, client.ID, metadata, now)
	if err := s.db.Commit(ctx, b); err != nil {
		return fmt.Errorf("keep client: %w", err)
	}
	return nil
}

// Client implements oauth.Store.
func (s *Store) Client(ctx context.Context, account tenant.ID, client string) (*oauth.Client, error) {
	metadata, found, err := sqldb.One(ctx, s.db, sqldb.Value[[]byte], oauthClientSQL, account, client)
	if err != nil {
		return nil, fmt.Errorf("read client: %w", err)
	}
	if !found {
		return nil, nil
	}
	c := &oauth.Client{ID: client}
	if err := json.Unmarshal(metadata, &c.Metadata); err != nil {
		return nil, fmt.Errorf("decode client: %w", err)
	}
	return c, nil
}

const (
	purgeGrantsSQL = `DELETE FROM oauth_grants WHERE account = $1 AND expires < $2`

	insertGrantSQL = `
		INSERT INTO oauth_grants (account, id, client, code, stage, browser, user_id, password, asked, polled, pace, expires)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`

	grantsSQL = `
		SELECT id, client, code, stage, browser, user_id, password, asked, polled, pace, expires
		FROM oauth_grants WHERE account = $1`

	changeGrantSQL = `
		UPDATE oauth_grants SET code = $6, stage = $7, browser = $8, user_id = $9, password = $10, expires = $11
		WHERE account = $1 AND id = $2 AND stage = $3 AND browser = $4 AND user_id = $5`

	paceGrantSQL = `UPDATE oauth_grants SET polled = $3, pace = $4 WHERE account = $1 AND id = $2`

	// Used ones stay: by them who comes with a code again is known.
	dropGrantsSQL = `DELETE FROM oauth_grants WHERE account = $1 AND user_id = $2 AND stage <> $3`

	useGrantSQL = `UPDATE oauth_grants SET stage = $3, expires = $4 WHERE account = $1 AND code = $2`
)

// KeepGrant implements oauth.Store.
func (s *Store) KeepGrant(ctx context.Context, account tenant.ID, g oauth.Grant, old int64) error {
	asked, err := json.Marshal(g.Asked)
	if err != nil {
		return fmt.Errorf("encode grant: %w", err)
	}
	b := &sqldb.Batch{}
	b.Add(purgeGrantsSQL, account, old)
	b.Add(insertGrantSQL, account, g.ID, g.Client, g.Code, g.Stage, g.Browser, g.User, g.Password, asked, g.Polled, g.Pace, g.Expires)
	if err := s.db.Commit(ctx, b); err != nil {
		return fmt.Errorf("keep grant: %w", err)
	}
	return nil
}

// Grant implements oauth.Store.
func (s *Store) Grant(ctx context.Context, account tenant.ID, id string) (*oauth.Grant, error) {
	return readGrant(ctx, s.db, grantsSQL+` AND id = $2`, account, id)
}

// GrantByCode implements oauth.Store.
func (s *Store) GrantByCode(ctx context.Context, account tenant.ID, code string) (*oauth.Grant, error) {
	return readGrant(ctx, s.db, grantsSQL+` AND code = $2 AND code <> ''`, account, code)
}

func readGrant(ctx context.Context, q sqldb.Querier, sql string, account tenant.ID, key string) (*oauth.Grant, error) {
	grant, found, err := sqldb.One(ctx, q, func(r sqldb.Row) (*oauth.Grant, error) {
		var g oauth.Grant
		var asked []byte
		err := r.Scan(&g.ID, &g.Client, &g.Code, &g.Stage, &g.Browser, &g.User, &g.Password, &asked, &g.Polled, &g.Pace, &g.Expires)
		if err != nil {
			return nil, err
		}
		return &g, json.Unmarshal(asked, &g.Asked)
	}, sql, account, key)
	if err != nil {
		return nil, fmt.Errorf("read grant: %w", err)
	}
	if !found {
		return nil, nil
	}
	return grant, nil
}

// ChangeGrant implements oauth.Store.
func (s *Store) ChangeGrant(ctx context.Context, account tenant.ID, was, is oauth.Grant) (bool, error) {
	b := &sqldb.Batch{}
	b.Add(changeGrantSQL, account, was.ID, was.Stage, was.Browser, was.User, is.Code, is.Stage, is.Browser, is.User, is.Password, is.Expires)
	if err := s.db.Commit(ctx, b); err != nil {
		return false, fmt.Errorf("change grant: %w", err)
	}
	return b.Affected(0) > 0, nil
}

// PaceGrant implements oauth.Store.
func (s *Store) PaceGrant(ctx context.Context, account tenant.ID, id string, polled, pace int64) error {
	b := &sqldb.Batch{}
	b.Add(paceGrantSQL, account, id, polled, pace)
	if err := s.db.Commit(ctx, b); err != nil {
		return fmt.Errorf("pace grant: %w", err)
	}
	return nil
}

// useGrant uses up what a user has granted, or is accounts.ErrGrant. It stays for a
// while, so that who comes with the code again is known.
func (t *tx) useGrant(session accounts.NewSession) error {
	q, err := t.querier()
	if err != nil {
		return err
	}
	account := t.group.account.id
	grant, err := readGrant(t.ctx, q, grantsSQL+` AND code = $2`, account, session.Grant)
	if err != nil {
		return err
	}
	if grant == nil || grant.Stage != oauth.Granted || session.Now >= grant.Expires ||
		grant.User != session.User || grant.Client != session.Client {
		return accounts.ErrGrant
	}
	t.exec(useGrantSQL, account, session.Grant, oauth.Used, session.Now+oauth.UsedKept.Milliseconds())
	return nil
}
