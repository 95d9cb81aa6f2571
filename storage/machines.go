package storage

import (
	"context"
	"errors"
	"fmt"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/storage/sqldb"
)

const insertMachineTokenSQL = `INSERT INTO machine_tokens (token, name, scope, created) VALUES ($1, $2, $3, $4)`

// CreateMachineToken implements accounts.MachineStore.
func (s *Store) CreateMachineToken(ctx context.Context, token accounts.MachineToken) error {
	b := &sqldb.Batch{}
	b.Add(insertMachineTokenSQL, token.Token, token.Name, token.Scope, token.Created)
	if err := s.auditMachineToken(ctx, b, accounts.TokenCreated, token.Name, token.Scope); err != nil {
		return err
	}
	err := s.db.Commit(ctx, b)
	if violation := (*sqldb.Violation)(nil); errors.As(err, &violation) {
		return accounts.ErrMachineNameInUse
	}
	if err != nil {
		return fmt.Errorf("create machine token: %w", err)
	}
	return nil
}

// auditMachineToken tells it in every account that the token is good for.
func (s *Store) auditMachineToken(ctx context.Context, b *sqldb.Batch, action accounts.Action, name string, scope tenant.ID) error {
	concerned := []accounts.Account{{ID: scope}}
	if scope == tenant.All {
		var err error
		if concerned, err = s.Accounts(ctx); err != nil {
			return err
		}
	}
	for _, account := range concerned {
		args, err := s.auditArgs(account.ID, accounts.AuditEntry{
			Action: action, Actor: tenant.Caller{Machine: accounts.CommandLine}.Actor(),
			Details: map[string]any{"kind": "machine", "name": name, "scope": scope},
		})
		if err != nil {
			return err
		}
		b.Add(insertAuditSQL, args...)
	}
	return nil
}

const machineTokensSQL = `SELECT token, name, scope, created FROM machine_tokens`

func scanMachineToken(r sqldb.Row) (accounts.MachineToken, error) {
	var t accounts.MachineToken
	err := r.Scan(&t.Token, &t.Name, &t.Scope, &t.Created)
	return t, err
}

// MachineToken implements accounts.MachineStore.
func (s *Store) MachineToken(ctx context.Context, token string) (*accounts.MachineToken, error) {
	found, ok, err := sqldb.One(ctx, s.db, scanMachineToken, machineTokensSQL+` WHERE token = $1`, token)
	if err != nil {
		return nil, fmt.Errorf("read machine token: %w", err)
	}
	if !ok {
		return nil, nil
	}
	return &found, nil
}

// MachineTokens implements accounts.MachineStore.
func (s *Store) MachineTokens(ctx context.Context) ([]accounts.MachineToken, error) {
	all, err := sqldb.All(ctx, s.db, scanMachineToken, machineTokensSQL+` ORDER BY name`)
	if err != nil {
		return nil, fmt.Errorf("read machine tokens: %w", err)
	}
	return all, nil
}

const (
	machineScopeSQL = `SELECT scope FROM machine_tokens WHERE name = $1`

	deleteMachineTokenSQL = `DELETE FROM machine_tokens WHERE name = $1`
)

// RevokeMachineToken implements accounts.MachineStore.
func (s *Store) RevokeMachineToken(ctx context.Context, name string) error {
	scope, found, err := sqldb.One(ctx, s.db, sqldb.Value[tenant.ID], machineScopeSQL, name)
	if err != nil {
		return fmt.Errorf("read machine token: %w", err)
	}
	if !found {
		return accounts.ErrNoMachineToken
	}
	b := &sqldb.Batch{}
	b.Add(deleteMachineTokenSQL, name)
	if err := s.auditMachineToken(ctx, b, accounts.TokenRevoked, name, scope); err != nil {
		return err
	}
	if err := s.db.Commit(ctx, b); err != nil {
		return fmt.Errorf("revoke machine token: %w", err)
	}
	return nil
}
