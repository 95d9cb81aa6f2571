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

const userColumns = `user_id, role, password, deactivated, locked, suspended, created`

func scanUser(r sqldb.Row) (accounts.User, error) {
	var u accounts.User
	err := r.Scan(&u.ID, &u.Role, &u.Password, &u.Deactivated, &u.Locked, &u.Suspended, &u.Created)
	return u, err
}

const userSQL = `SELECT ` + userColumns + ` FROM users WHERE account = $1 AND user_id = $2`

func readUser(ctx context.Context, q sqldb.Querier, account tenant.ID, user id.UserID) (accounts.User, bool, error) {
	u, found, err := sqldb.One(ctx, q, scanUser, userSQL, account, user)
	if err != nil {
		return u, false, fmt.Errorf("read user: %w", err)
	}
	return u, found, nil
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
	all, err := sqldb.All(ctx, s.db, scanUser,
		`SELECT `+userColumns+` FROM users WHERE account = $1 ORDER BY user_id`, account)
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
		t.exec(insertUserSQL, caller.Account, user.ID, user.Role, user.Password, user.Created)
		t.Put(stream.Item{Kind: stream.UserChanged, User: user.ID})
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
		t.exec(dropLoginTokensSQL, caller.Account, user)
		t.Put(stream.Item{Kind: stream.UserChanged, User: user})
		if !endOthers {
			return nil
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
		t.exec(deactivateSQL, caller.Account, user)
		t.exec(dropLoginTokensSQL, caller.Account, user)
		t.Put(stream.Item{Kind: stream.UserChanged, User: user})
		return t.endDevices(user, func(id.DeviceID) bool { return true })
	})
}
