package storage

import (
	"context"
	"errors"
	"fmt"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/storage/sqldb"
)

const insertMachineTokenSQL = `INSERT INTO machine_tokens (token, name, scope, created) VALUES ($1, $2, $3, $4)`

// CreateMachineToken implements accounts.MachineStore.
func (s *Store) CreateMachineToken(ctx context.Context, token accounts.MachineToken) error {
	b := &sqldb.Batch{}
	b.Add(insertMachineTokenSQL, token.Token, token.Name, token.Scope, token.Created)
	err := s.db.Commit(ctx, b)
	if violation := (*sqldb.Violation)(nil); errors.As(err, &violation) {
		return accounts.ErrMachineNameInUse
	}
	if err != nil {
		return fmt.Errorf("create machine token: %w", err)
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
	machineNameSQL = `SELECT name FROM machine_tokens WHERE name = $1`

	deleteMachineTokenSQL = `DELETE FROM machine_tokens WHERE name = $1`
)

// RevokeMachineToken implements accounts.MachineStore.
func (s *Store) RevokeMachineToken(ctx context.Context, name string) error {
	_, found, err := sqldb.One(ctx, s.db, sqldb.Value[string], machineNameSQL, name)
	if err != nil {
		return fmt.Errorf("read machine token: %w", err)
	}
	if !found {
		return accounts.ErrNoMachineToken
	}
	b := &sqldb.Batch{}
	b.Add(deleteMachineTokenSQL, name)
	if err := s.db.Commit(ctx, b); err != nil {
		return fmt.Errorf("revoke machine token: %w", err)
	}
	return nil
}
