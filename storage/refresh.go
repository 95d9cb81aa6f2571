package storage

import (
	"context"
	"fmt"
	"time"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/stream"
)

// spentKept is how long a spent refresh token is remembered, so that its use can
// be told from that of one that never was.
const spentKept = 30 * 24 * time.Hour

type refreshRow struct {
	user    id.UserID
	device  id.DeviceID
	client  string
	session string
	spent   int64
}

const (
	refreshTokenSQL = `
		SELECT t.user_id, t.device, d.client, t.session, t.spent FROM refresh_tokens t
		JOIN devices d ON d.account = t.account AND d.user_id = t.user_id AND d.device = t.device
		WHERE t.account = $1 AND t.token = $2`

	// What was given for this refresh token before and never used.
	dropUnusedTokensSQL = `
		DELETE FROM refresh_tokens WHERE account = $1 AND user_id = $2 AND device = $3 AND session IN (
			SELECT token FROM sessions WHERE account = $1 AND user_id = $2 AND device = $3 AND replaces = $4)`

	dropUnusedSessionsSQL = `
		DELETE FROM sessions WHERE account = $1 AND user_id = $2 AND device = $3 AND replaces = $4`

	purgeRefreshTokensSQL = `
		DELETE FROM refresh_tokens WHERE account = $1 AND user_id = $2 AND device = $3 AND spent > 0 AND spent < $4`
)

// Refresh implements accounts.SessionStore.
func (s *Store) Refresh(ctx context.Context, account tenant.ID, rotation accounts.Rotation) (*accounts.Session, error) {
	var begun *accounts.Session
	err := s.lone(ctx, server(account), func(t *tx) (err error) {
		begun, err = t.refresh(rotation)
		return err
	})
	if err != nil {
		return nil, err
	}
	if begun == nil {
		return nil, refusal.UnknownToken(true)
	}
	return begun, nil
}

// refresh gives nil where the token has been spent: ending the family is an act
// that is accepted.
func (t *tx) refresh(rotation accounts.Rotation) (*accounts.Session, error) {
	q, err := t.querier()
	if err != nil {
		return nil, err
	}
	account := t.group.account.id
	row, found, err := sqldb.One(t.ctx, q, func(r sqldb.Row) (refreshRow, error) {
		var row refreshRow
		err := r.Scan(&row.user, &row.device, &row.client, &row.session, &row.spent)
		return row, err
	}, refreshTokenSQL, account, rotation.Refresh)
	if err != nil {
		return nil, fmt.Errorf("read refresh token: %w", err)
	}
	if !found || row.client != rotation.Client {
		return nil, refusal.UnknownToken(false)
	}
	if u, err := t.user(row.user); err != nil {
		return nil, err
	} else if u != nil && u.Lock != "" {
		return nil, refusal.UserLocked(string(u.Lock)) // the token stays good for when they come back
	}
	t.Put(stream.Item{Kind: stream.SessionChanged, User: row.user, Key: string(row.device)})
	if row.spent > 0 {
		device := []string{string(row.device)}
		t.exec(endSessionsSQL, account, row.user, device)
		t.exec(endRefreshTokensSQL, account, row.user, device)
		return nil, nil
	}
	// The refresh token is itself what another one was given for: using it is the
	// first use that ends the other.
	current, err := readSession(t.ctx, q, account, row.session)
	if err != nil {
		return nil, err
	}
	if current != nil && current.Replaces != "" {
		t.settle(current, rotation.Now)
	}
	t.exec(dropUnusedTokensSQL, account, row.user, row.device, rotation.Refresh)
	t.exec(dropUnusedSessionsSQL, account, row.user, row.device, rotation.Refresh)
	t.exec(purgeRefreshTokensSQL, account, row.user, row.device, rotation.Now-spentKept.Milliseconds())
	begun := &accounts.Session{
		Token: rotation.Token, User: row.user, Device: row.device,
		Expires: rotation.Expires, Replaces: rotation.Refresh,
	}
	t.exec(insertSessionSQL, account, begun.Token, begun.User, begun.Device, begun.Expires, begun.Replaces)
	t.exec(insertRefreshTokenSQL, account, rotation.NewRefresh, begun.User, begun.Device, begun.Token)
	return begun, nil
}

// Settle implements accounts.SessionStore.
func (s *Store) Settle(ctx context.Context, account tenant.ID, token string, now int64) error {
	return s.lone(ctx, server(account), func(t *tx) error {
		q, err := t.querier()
		if err != nil {
			return err
		}
		session, err := readSession(t.ctx, q, account, token)
		if err != nil || session == nil || session.Replaces == "" {
			return err
		}
		t.settle(session, now)
		t.Put(stream.Item{Kind: stream.SessionChanged, User: session.User, Key: string(session.Device)})
		return nil
	})
}

const (
	endReplacedSQL = `
		DELETE FROM sessions WHERE account = $1 AND token IN (
			SELECT session FROM refresh_tokens WHERE account = $1 AND token = $2)`

	spendSQL = `UPDATE refresh_tokens SET spent = $3 WHERE account = $1 AND token = $2 AND spent = 0`

	settledSQL = `UPDATE sessions SET replaces = '' WHERE account = $1 AND token = $2`
)

// settle ends what a session replaces: the session before and its refresh token.
func (t *tx) settle(session *accounts.Session, now int64) {
	account := t.group.account.id
	t.exec(endReplacedSQL, account, session.Replaces)
	t.exec(spendSQL, account, session.Replaces, now)
	t.exec(settledSQL, account, session.Token)
}
