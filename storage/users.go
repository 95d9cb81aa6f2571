package storage

import (
	"context"
	"encoding/json"
	"fmt"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/stream"
)

const userColumns = `u.user_id, u.role, u.password, u.deactivated, u.locked, u.suspended, u.created,
	u.external, u.version, u.record`

// scanUser reads userColumns, and behind them what more is given.
func scanUser(r sqldb.Row, more ...any) (accounts.User, error) {
	var u accounts.User
	var record []byte
	into := []any{
		&u.ID, &u.Role, &u.Password, &u.Deactivated, &u.Locked, &u.Suspended, &u.Created, &u.External, &u.Version, &record,
	}
	if err := r.Scan(append(into, more...)...); err != nil {
		return u, err
	}
	return u, readRecord(&u, record)
}

// readRecord reads what ConversaLabs says of a user.
func readRecord(u *accounts.User, record []byte) error {
	if record == nil {
		return nil
	}
	u.Record = &accounts.Record{}
	if err := json.Unmarshal(record, u.Record); err != nil {
		return fmt.Errorf("record of user %s: %w", u.ID, err)
	}
	return nil
}

// judge finds out, by the account's settings, whether a user is locked out and in
// which language they are spoken to.
func judge(u *accounts.User, settings []byte) (locale string, err error) {
	var s accounts.Settings
	if err := json.Unmarshal(settings, &s); err != nil {
		return "", fmt.Errorf("settings of an account: %w", err)
	}
	u.Lock = s.LockOf(u)
	if u.Record != nil && u.Record.Locale != "" {
		return u.Record.Locale, nil
	}
	return s.Locale, nil
}

const userSQL = `
	SELECT ` + userColumns + `, a.settings FROM users u JOIN accounts a ON a.account = u.account WHERE u.account = $1`

// scanJudged reads what userSQL selects.
func scanJudged(r sqldb.Row) (accounts.User, error) {
	var settings []byte
	u, err := scanUser(r, &settings)
	if err != nil {
		return u, err
	}
	_, err = judge(&u, settings)
	return u, err
}

func readUser(ctx context.Context, q sqldb.Querier, account tenant.ID, user id.UserID) (accounts.User, bool, error) {
	return readOneUser(ctx, q, userSQL+` AND u.user_id = $2`, account, user)
}

// readUsers gives those of the users who exist.
func readUsers(ctx context.Context, q sqldb.Querier, account tenant.ID, wanted []id.UserID) ([]accounts.User, error) {
	found, err := sqldb.All(ctx, q, scanJudged, userSQL+` AND u.user_id = ANY($2)`, account, texts(wanted))
	if err != nil {
		return nil, fmt.Errorf("read users: %w", err)
	}
	return found, nil
}

func readOneUser(ctx context.Context, q sqldb.Querier, sql string, args ...any) (accounts.User, bool, error) {
	u, found, err := sqldb.One(ctx, q, scanJudged, sql, args...)
	if err != nil {
		return u, false, fmt.Errorf("read user: %w", err)
	}
	return u, found, nil
}

// UserByExternal implements accounts.UserStore.
func (s *Store) UserByExternal(ctx context.Context, account tenant.ID, external string) (*accounts.User, error) {
	u, found, err := readOneUser(ctx, s.db, userSQL+` AND u.external = $2 AND u.external <> ''`, account, external)
	if err != nil || !found {
		return nil, err
	}
	return &u, nil
}

// User implements accounts.UserStore.
func (s *Store) User(ctx context.Context, account tenant.ID, user id.UserID) (*accounts.User, error) {
	u, found, err := readUser(ctx, s.db, account, user)
	if err != nil || !found {
		return nil, err
	}
	return &u, nil
}

// Users implements accounts.UserStore.
func (s *Store) Users(ctx context.Context, account tenant.ID) ([]accounts.User, error) {
	all, err := sqldb.All(ctx, s.db, func(r sqldb.Row) (accounts.User, error) { return scanUser(r) },
		`SELECT `+userColumns+` FROM users u WHERE u.account = $1 ORDER BY u.user_id`, account)
	if err != nil {
		return nil, fmt.Errorf("read users: %w", err)
	}
	return all, nil
}

const insertUserSQL = `
	INSERT INTO users (account, user_id, role, password, deactivated, created) VALUES ($1, $2, $3, $4, FALSE, $5)`

// CreateUser implements accounts.UserStore.
func (s *Store) CreateUser(ctx context.Context, caller tenant.Caller, user accounts.User, displayName string, first *accounts.NewSession) error {
	return s.lone(ctx, caller, func(t *tx) error {
		existing, err := t.user(user.ID)
		if err != nil {
			return err
		}
		if existing != nil {
			return accounts.ErrUserInUse
		}
		if err := t.checkUserExclusive(user.ID); err != nil {
			return err
		}
		t.exec(insertUserSQL, caller.Account, user.ID, user.Role, user.Password, user.Created)
		t.Put(stream.Item{Kind: stream.UserChanged, User: user.ID})
		if err := t.audit(accounts.UserCreated, string(user.ID), map[string]any{"role": user.Role}); err != nil {
			return err
		}
		if displayName != "" {
			name, err := json.Marshal(displayName)
			if err != nil {
				return fmt.Errorf("encode display name: %w", err)
			}
			t.Put(stream.Item{Kind: stream.Profile, User: user.ID, Key: "displayname", Content: name})
		}
		if first == nil {
			return nil
		}
		return t.startSession(*first)
	})
}

const setPasswordSQL = `UPDATE users SET password = $3 WHERE account = $1 AND user_id = $2`

// SetPassword implements accounts.UserStore.
func (s *Store) SetPassword(ctx context.Context, caller tenant.Caller, user id.UserID, hash string, endOthers bool) error {
	return s.lone(ctx, caller, func(t *tx) error {
		existing, err := t.user(user)
		if err != nil {
			return err
		}
		if existing == nil {
			return accounts.ErrNoUser
		}
		t.exec(setPasswordSQL, caller.Account, user, hash)
		t.dropProofs(user)
		t.Put(stream.Item{Kind: stream.UserChanged, User: user})
		if err := t.audit(accounts.PasswordChanged, string(user), nil); err != nil || !endOthers {
			return err
		}
		return t.endDevices(user, func(device id.DeviceID) bool {
			return caller.User != user || device != caller.Device
		})
	})
}

const deactivateSQL = `UPDATE users SET deactivated = TRUE WHERE account = $1 AND user_id = $2`

// Deactivate implements accounts.UserStore. The password stays: who knows it is
// told, at login, that the user was deactivated; who does not learns nothing.
func (s *Store) Deactivate(ctx context.Context, caller tenant.Caller, user id.UserID) error {
	return s.lone(ctx, caller, func(t *tx) error {
		existing, err := t.user(user)
		if err != nil {
			return err
		}
		if existing == nil {
			return accounts.ErrNoUser
		}
		if existing.Deactivated {
			return nil
		}
		return t.deactivate(user)
	})
}

func (t *tx) deactivate(user id.UserID) error {
	account := t.group.account.id
	t.exec(deactivateSQL, account, user)
	t.dropProofs(user)
	t.Put(stream.Item{Kind: stream.UserChanged, User: user})
	if err := t.audit(accounts.UserDeactivated, string(user), nil); err != nil {
		return err
	}
	return t.endDevices(user, everyDevice)
}
