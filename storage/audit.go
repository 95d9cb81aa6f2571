package storage

import (
	"context"
	"encoding/json"
	"fmt"
	"math"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/storage/sqldb"
)

const insertAuditSQL = `
	INSERT INTO audit (account, entry, time, action, actor, user_id, target, address, details)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`

// audit makes it part of the act that its caller did something to a target.
// details are JSON.
func (t *tx) audit(action accounts.Action, target string, details map[string]any) error {
	caller := t.act.caller
	return t.auditAs(accounts.AuditEntry{
		Action: action, Actor: caller.Actor(), User: caller.For(), Target: target, Address: caller.Address, Details: details,
	})
}

// Audit implements rooms.Tx.
func (t *tx) Audit(action rooms.Action, target string, details map[string]any) error {
	return t.audit(accounts.Action(action), target, details)
}

func (t *tx) auditAs(entry accounts.AuditEntry) error {
	args, err := t.group.account.store.auditArgs(t.group.account.id, entry)
	if err != nil {
		return err
	}
	t.exec(insertAuditSQL, args...)
	return nil
}

// auditArgs gives an entry its ID and time.
func (s *Store) auditArgs(account tenant.ID, e accounts.AuditEntry) ([]any, error) {
	details := []byte("{}")
	if len(e.Details) > 0 {
		var err error
		if details, err = json.Marshal(e.Details); err != nil {
			return nil, fmt.Errorf("encode audit details: %w", err)
		}
	}
	now := s.now().UnixMilli()
	entry := fmt.Sprintf("%012x%016x", now, mark()&math.MaxInt64)
	return []any{account, entry, now, string(e.Action), e.Actor, e.User, e.Target, e.Address, details}, nil
}

// Record implements accounts.AuditStore.
func (s *Store) Record(ctx context.Context, account tenant.ID, entry accounts.AuditEntry) error {
	args, err := s.auditArgs(account, entry)
	if err != nil {
		return err
	}
	b := &sqldb.Batch{}
	b.Add(insertAuditSQL, args...)
	if err := s.db.Commit(ctx, b); err != nil {
		return fmt.Errorf("record in the audit: %w", err)
	}
	return nil
}

const auditSQL = `
	SELECT entry, time, action, actor, user_id, target, address, details FROM audit
	WHERE account = $1 AND entry >= $2 AND entry < $3 AND (action = $4 OR $4 = '') AND (actor = $5 OR $5 = '')
		AND (target = $6 OR $6 = '')
	ORDER BY entry DESC LIMIT $7`

// Audit implements accounts.AuditStore.
func (s *Store) Audit(ctx context.Context, account tenant.ID, q accounts.AuditQuery) ([]accounts.AuditEntry, error) {
	// IDs begin with the time, so that they bound it.
	since, until := fmt.Sprintf("%012x", max(q.Since, 0)), "g"
	if q.Until > 0 {
		until = fmt.Sprintf("%012x", q.Until)
	}
	if q.Before != "" {
		until = min(until, q.Before)
	}
	all, err := sqldb.All(ctx, s.db, func(r sqldb.Row) (accounts.AuditEntry, error) {
		var e accounts.AuditEntry
		var details []byte
		if err := r.Scan(&e.ID, &e.Time, &e.Action, &e.Actor, &e.User, &e.Target, &e.Address, &details); err != nil {
			return e, err
		}
		return e, json.Unmarshal(details, &e.Details)
	}, auditSQL, account, since, until, string(q.Action), q.Actor, q.Target, q.Limit)
	if err != nil {
		return nil, fmt.Errorf("read audit: %w", err)
	}
	return all, nil
}
