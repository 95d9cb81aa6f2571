package storage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/oauth"
	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/stream"
)

const sessionSQL = `
	SELECT s.token, s.user_id, s.device, s.expires, s.replaces, u.role, u.locked, u.suspended, u.record, a.settings, b.rooms, i.content
	FROM sessions s
	JOIN users u ON u.account = s.account AND u.user_id = s.user_id
	JOIN accounts a ON a.account = s.account
	LEFT JOIN bot_tokens b ON b.account = s.account AND b.user_id = s.user_id AND b.device = s.device
	LEFT JOIN items i ON i.account = s.account AND i.kind = $3 AND i.user_id = s.user_id AND i.room = '' AND i.key = $4
	WHERE s.account = $1 AND s.token = $2 AND NOT u.deactivated`

func readSession(ctx context.Context, q sqldb.Querier, account tenant.ID, token string) (*accounts.Session, error) {
	session, found, err := sqldb.One(ctx, q, func(r sqldb.Row) (*accounts.Session, error) {
		var s accounts.Session
		var u accounts.User
		var record, settings, preferences []byte
		var rooms *tenant.Rooms
		err := r.Scan(&s.Token, &s.User, &s.Device, &s.Expires, &s.Replaces, &u.Role, &u.Locked, &u.Suspended, &record, &settings, &rooms, &preferences)
		if err != nil {
			return nil, err
		}
		if err := readRecord(&u, record); err != nil {
			return nil, err
		}
		s.Locale, err = judge(&u, settings)
		if err != nil {
			return nil, err
		}
		if chosen, err := accounts.ReadPreferences(preferences); err == nil && chosen.Locale != "" {
			s.Locale = chosen.Locale
		}
		if rooms != nil {
			s.Rooms = *rooms
		}
		s.Role, s.Permissions, s.Lock, s.Suspended = u.Role, u.Permissions(), u.Lock, u.Suspended
		return &s, nil
	}, sessionSQL, account, token, int64(stream.AccountData), accounts.PreferencesType)
	if err != nil {
		return nil, fmt.Errorf("read session: %w", err)
	}
	if !found {
		return nil, nil
	}
	return session, nil
}

// Session implements accounts.SessionStore.
func (s *Store) Session(ctx context.Context, account tenant.ID, token string) (*accounts.Session, error) {
	a, err := s.account(ctx, account)
	if err != nil {
		return nil, refuseUnknownAccount(err)
	}
	return a.session(ctx, token)
}

// StartSession implements accounts.SessionStore.
func (s *Store) StartSession(ctx context.Context, account tenant.ID, session accounts.NewSession) error {
	return s.lone(ctx, server(account), func(t *tx) error {
		if err := t.checkProof(session); err != nil {
			return err
		}
		return t.startSession(session)
	})
}

// checkProof tells whether the user may still sign in with what they proved.
func (t *tx) checkProof(session accounts.NewSession) error {
	u, err := t.user(session.User)
	switch {
	case err != nil:
		return err
	case u == nil:
		return accounts.ErrLogin
	case u.Deactivated:
		return accounts.ErrDeactivated
	case u.Lock != "":
		return refusal.UserLocked(string(u.Lock))
	case session.Password != "" && session.Password != u.Password:
		return accounts.ErrLogin
	case session.Once != nil:
		return t.spend(*session.Once, session.Now)
	case session.Grant != "":
		return t.useGrant(session)
	case session.LoginToken == "":
		return nil
	}
	token, err := t.group.account.store.LoginToken(t.ctx, t.group.account.id, session.LoginToken)
	if err != nil {
		return err
	}
	if token == nil || session.Now >= token.Expires {
		return accounts.ErrLoginToken
	}
	t.exec(dropLoginTokenSQL, t.group.account.id, session.LoginToken)
	if err := t.spend(onceOf(token), session.Now); !errors.Is(err, accounts.ErrLogin) {
		return err
	}
	return accounts.ErrLoginToken // taken since it was read
}

const (
	insertDeviceSQL = `
		INSERT INTO devices (account, user_id, device, display_name, last_seen_ip, last_seen, user_agent)
		VALUES ($1, $2, $3, $4, $5, $6, $7)`

	deviceClientSQL = `UPDATE devices SET client = $4 WHERE account = $1 AND user_id = $2 AND device = $3`

	endSessionsSQL = `DELETE FROM sessions WHERE account = $1 AND user_id = $2 AND device = ANY($3)`

	endRefreshTokensSQL = `DELETE FROM refresh_tokens WHERE account = $1 AND user_id = $2 AND device = ANY($3)`

	insertSessionSQL = `
		INSERT INTO sessions (account, token, user_id, device, expires, replaces) VALUES ($1, $2, $3, $4, $5, $6)`

	insertRefreshTokenSQL = `
		INSERT INTO refresh_tokens (account, token, user_id, device, session, spent) VALUES ($1, $2, $3, $4, $5, 0)`
)

// startSession begins a session of a user who may have it.
func (t *tx) startSession(n accounts.NewSession) error {
	if err := t.beginSession(n); err != nil {
		return err
	}
	return t.auditAs(accounts.AuditEntry{
		Action: accounts.LoginGranted, Actor: string(n.User), Target: string(n.User), Address: n.IP,
		Details: map[string]any{"device_id": n.Device},
	})
}

// beginSession is startSession without a word in the audit.
func (t *tx) beginSession(n accounts.NewSession) error {
	q, err := t.querier()
	if err != nil {
		return err
	}
	account := t.group.account.id
	webhook, err := t.isWebhook(n.User)
	if err != nil {
		return err
	}
	if webhook {
		return accounts.ErrLogin // whatever password it may have been given
	}
	if err := t.checkNotReserved(n.User, n.Device); err != nil {
		return err
	}
	devices, err := readDevices(t.ctx, q, account, n.User)
	if err != nil {
		return err
	}
	known := false
	for _, d := range devices {
		known = known || d.ID == n.Device
	}
	switch {
	case known:
		// The device's earlier tokens are in hands that have been replaced.
		device := []string{string(n.Device)}
		t.exec(endSessionsSQL, account, n.User, device)
		t.exec(endRefreshTokensSQL, account, n.User, device)
		t.exec(seeDeviceSQL, account, n.User, n.Device, n.IP, n.Now, n.UserAgent)
	case len(devices) >= n.MaxDevices:
		return accounts.ErrTooManyDevices
	default:
		t.exec(insertDeviceSQL, account, n.User, n.Device, n.DisplayName, n.IP, n.Now, n.UserAgent)
	}
	t.exec(deviceClientSQL, account, n.User, n.Device, n.Client)
	t.exec(insertSessionSQL, account, n.Token, n.User, n.Device, n.Expires, "")
	if n.Refresh != "" {
		t.exec(insertRefreshTokenSQL, account, n.Refresh, n.User, n.Device, n.Token)
	}
	t.Put(stream.Item{Kind: stream.SessionChanged, User: n.User, Key: string(n.Device)})
	return nil
}

// checkNotReserved refuses a device ID that is the user's cross-signing key's:
// the two share one space of key IDs.
func (t *tx) checkNotReserved(user id.UserID, device id.DeviceID) error {
	items, err := t.group.account.store.Items(t.ctx, t.group.account.id,
		stream.ItemQuery{Kinds: []stream.Kind{stream.CrossSigning}, User: user})
	if err != nil {
		return fmt.Errorf("read cross-signing keys: %w", err)
	}
	for _, item := range items {
		var key struct {
			Keys map[string]json.RawMessage `json:"keys"`
		}
		if len(item.Content) == 0 || json.Unmarshal(item.Content, &key) != nil {
			continue
		}
		if _, taken := key.Keys["ed25519:"+string(device)]; taken {
			return accounts.ErrDeviceReserved
		}
	}
	return nil
}

const (
	loginTokenSQL = `SELECT token, user_id, expires FROM login_tokens WHERE account = $1 AND token = $2`

	insertLoginTokenSQL = `INSERT INTO login_tokens (account, token, user_id, expires) VALUES ($1, $2, $3, $4)`

	dropLoginTokenSQL = `DELETE FROM login_tokens WHERE account = $1 AND token = $2`

	dropLoginTokensSQL = `DELETE FROM login_tokens WHERE account = $1 AND user_id = $2`

	purgeLoginTokensSQL = `DELETE FROM login_tokens WHERE account = $1 AND expires <= $2`
)

// dropProofs removes what would let a user in, or a client in their name, without
// another proof: login tokens, and what has been granted but not fetched yet.
func (t *tx) dropProofs(user id.UserID) {
	t.exec(dropLoginTokensSQL, t.group.account.id, user)
	t.exec(dropGrantsSQL, t.group.account.id, user, oauth.Used)
}

// onceOf is what shows that a login token is spent.
func onceOf(token *accounts.LoginToken) accounts.Once {
	return accounts.Once{Token: token.Token, Until: token.Expires}
}

// KeepLoginToken implements accounts.SessionStore. It is no act: nothing is told
// of it, and using it up is one. Tokens that have expired go with it.
func (s *Store) KeepLoginToken(ctx context.Context, account tenant.ID, token accounts.LoginToken, once *accounts.Once) error {
	b := &sqldb.Batch{}
	if once != nil {
		s.spend(b, account, *once)
	}
	b.Add(purgeLoginTokensSQL, account, s.now().UnixMilli())
	b.Add(insertLoginTokenSQL, account, token.Token, token.User, token.Expires)
	return s.commitOnce(ctx, b)
}

const (
	takeLoginTokenSQL = `DELETE FROM login_tokens WHERE account = $1 AND token = $2 AND expires > $3`

	holderSQL = `
		SELECT user_id, device FROM sessions WHERE account = $1 AND token = $2
		UNION ALL SELECT user_id, device FROM refresh_tokens WHERE account = $1 AND token = $2`
)

// TakeLoginToken implements accounts.SessionStore. It is no act, so that an act may have
// read the token too: only one of the two can note that it is spent.
func (s *Store) TakeLoginToken(ctx context.Context, account tenant.ID, token string) (id.UserID, error) {
	kept, err := s.LoginToken(ctx, account, token)
	if err != nil || kept == nil {
		return "", err
	}
	b := &sqldb.Batch{}
	b.Add(takeLoginTokenSQL, account, token, s.now().UnixMilli())
	s.spend(b, account, onceOf(kept))
	err = s.commitOnce(ctx, b)
	if errors.Is(err, accounts.ErrLogin) || err == nil && b.Affected(0) == 0 {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	return kept.User, nil
}

// Holder implements accounts.SessionStore.
func (s *Store) Holder(ctx context.Context, account tenant.ID, token string) (user id.UserID, device id.DeviceID, err error) {
	_, _, err = sqldb.One(ctx, s.db, func(r sqldb.Row) (bool, error) {
		return true, r.Scan(&user, &device)
	}, holderSQL, account, token)
	if err != nil {
		return "", "", fmt.Errorf("read holder of token: %w", err)
	}
	return user, device, nil
}

// LoginToken implements accounts.SessionStore.
func (s *Store) LoginToken(ctx context.Context, account tenant.ID, token string) (*accounts.LoginToken, error) {
	found, ok, err := sqldb.One(ctx, s.db, func(r sqldb.Row) (*accounts.LoginToken, error) {
		var l accounts.LoginToken
		return &l, r.Scan(&l.Token, &l.User, &l.Expires)
	}, loginTokenSQL, account, token)
	if err != nil {
		return nil, fmt.Errorf("read login token: %w", err)
	}
	if !ok {
		return nil, nil
	}
	return found, nil
}
