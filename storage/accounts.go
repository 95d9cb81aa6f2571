package storage

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/stream"
)

const (
	insertServerNameSQL = `INSERT INTO server_names (server_name, account) VALUES ($1, $2)`

	insertAccountSQL = `
		INSERT INTO accounts (account, server_name, settings, epoch, identity, created) VALUES ($1, $2, $3, 1, $4, $5)`

	genesisSQL = `INSERT INTO groups (account, prev_head, head, prev_mark, mark) VALUES ($1, -1, 0, NULL, $2)`
)

// CreateAccount implements accounts.AccountStore. It is no act, because there is
// no stream yet: it begins one.
func (s *Store) CreateAccount(ctx context.Context, account accounts.Account) error {
	settings, err := json.Marshal(account.Settings)
	if err != nil {
		return fmt.Errorf("encode settings: %w", err)
	}
	identity, err := s.db.Identity(ctx)
	if err != nil {
		return fmt.Errorf("read identity: %w", err)
	}
	b := &sqldb.Batch{}
	b.Add(insertServerNameSQL, account.ServerName, account.ID)
	b.Add(insertAccountSQL, account.ID, account.ServerName, settings, identity, account.Created)
	b.Add(genesisSQL, account.ID, mark())
	err = s.db.Commit(ctx, b)
	var violation *sqldb.Violation
	switch {
	case errors.As(err, &violation) && violation.Statement == 0:
		return accounts.ErrServerNameInUse
	case errors.As(err, &violation):
		return accounts.ErrAccountInUse
	case err != nil:
		return fmt.Errorf("create account: %w", err)
	}
	return nil
}

const accountsSQL = `SELECT account, server_name, settings, created FROM accounts`

func scanAccount(r sqldb.Row) (accounts.Account, error) {
	var account accounts.Account
	var settings []byte
	if err := r.Scan(&account.ID, &account.ServerName, &settings, &account.Created); err != nil {
		return account, err
	}
	if err := json.Unmarshal(settings, &account.Settings); err != nil {
		return account, fmt.Errorf("settings of account %s: %w", account.ID, err)
	}
	return account, nil
}

// Account implements accounts.AccountStore.
func (s *Store) Account(ctx context.Context, account tenant.ID) (*accounts.Account, error) {
	found, ok, err := sqldb.One(ctx, s.db, scanAccount, accountsSQL+` WHERE account = $1`, account)
	if err != nil {
		return nil, fmt.Errorf("read account: %w", err)
	}
	if !ok {
		return nil, nil
	}
	return &found, nil
}

// AccountByServerName implements accounts.AccountStore.
func (s *Store) AccountByServerName(ctx context.Context, name string) (tenant.ID, error) {
	account, _, err := sqldb.One(ctx, s.db, sqldb.Value[tenant.ID],
		`SELECT account FROM server_names WHERE server_name = $1`, name)
	if err != nil {
		return "", fmt.Errorf("read server name: %w", err)
	}
	return account, nil
}

// Accounts implements accounts.AccountStore.
func (s *Store) Accounts(ctx context.Context) ([]accounts.Account, error) {
	all, err := sqldb.All(ctx, s.db, scanAccount, accountsSQL+` ORDER BY account`)
	if err != nil {
		return nil, fmt.Errorf("read accounts: %w", err)
	}
	return all, nil
}

const changeSettingsSQL = `UPDATE accounts SET settings = $2 WHERE account = $1`

// ChangeAccount implements accounts.AccountStore.
func (s *Store) ChangeAccount(ctx context.Context, caller tenant.Caller, change func(*accounts.Settings) error) error {
	return s.lone(ctx, caller, func(t *tx) error {
		account, err := s.Account(t.ctx, caller.Account)
		if err != nil {
			return err
		}
		if account == nil {
			return errNoAccount
		}
		before, err := json.Marshal(account.Settings)
		if err != nil {
			return fmt.Errorf("encode settings: %w", err)
		}
		off, level := account.Settings.PresenceOff, account.Settings.DefaultLevel
		if err := change(&account.Settings); err != nil {
			return err
		}
		if account.Settings.PresenceOff != off {
			if err := t.switchPresence(!off); err != nil {
				return err
			}
		}
		settings, err := json.Marshal(account.Settings)
		if err != nil {
			return fmt.Errorf("encode settings: %w", err)
		}
		t.exec(changeSettingsSQL, caller.Account, settings)
		changed := stream.Item{Kind: stream.SettingsChanged, Content: settings}
		if account.Settings.DefaultLevel != level {
			changed.Key = stream.LevelChanged
		}
		t.Put(changed)
		return t.audit(accounts.AccountChanged, "", map[string]any{"fields": changedFields(before, settings)})
	})
}

// changedFields names the settings that differ: their values may be secrets.
func changedFields(before, after []byte) []string {
	var was, is map[string]json.RawMessage
	if json.Unmarshal(before, &was) != nil || json.Unmarshal(after, &is) != nil {
		return nil // both were made by Marshal
	}
	names := []string{}
	for name := range is {
		if !bytes.Equal(was[name], is[name]) {
			names = append(names, name)
		}
	}
	for name := range was {
		if _, kept := is[name]; !kept {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

const (
	epochSQL = `SELECT epoch, identity FROM accounts WHERE account = $1`

	raiseEpochSQL = `UPDATE accounts SET epoch = epoch + 1, identity = $3 WHERE account = $1 AND identity = $2`
)

// epoch gives the account's epoch. It raises it first when this database is not
// the one the epoch was given in: after a restore or a failover, positions may
// stand for something else than what clients have seen.
func (s *Store) epoch(ctx context.Context, account tenant.ID) (int64, error) {
	identity, err := s.db.Identity(ctx)
	if err != nil {
		return 0, fmt.Errorf("read identity: %w", err)
	}
	epoch, known, err := s.readEpoch(ctx, account)
	if err != nil || known == identity {
		return epoch, err
	}
	b := &sqldb.Batch{}
	b.Add(raiseEpochSQL, account, known, identity)
	if err := s.db.Commit(ctx, b); err != nil {
		return 0, fmt.Errorf("raise epoch: %w", err)
	}
	// Another node may have raised it instead: then this one has changed nothing.
	epoch, _, err = s.readEpoch(ctx, account)
	return epoch, err
}

func (s *Store) readEpoch(ctx context.Context, account tenant.ID) (epoch int64, identity string, err error) {
	found := false
	err = s.db.Query(ctx, epochSQL, []any{account}, func(r sqldb.Row) error {
		found = true
		return r.Scan(&epoch, &identity)
	})
	if err != nil {
		return 0, "", fmt.Errorf("read epoch: %w", err)
	}
	if !found {
		return 0, "", errNoAccount
	}
	return epoch, identity, nil
}
