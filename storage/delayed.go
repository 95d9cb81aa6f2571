package storage

import (
	"context"
	"fmt"
	"math"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/storage/sqldb"
)

// delayedSQL begins the queries of scanDelayed.
const delayedSQL = `
	SELECT delay_id, user_id, room, type, state_key, content, delay, since, finalised, event_id, error
	FROM delayed_events WHERE account = $1 AND user_id = $2 `

func scanDelayed(r sqldb.Row) (rooms.Delayed, error) {
	var d rooms.Delayed
	err := r.Scan(&d.ID, &d.User, &d.Room, &d.Type, &d.StateKey, (*[]byte)(&d.Content), &d.Delay, &d.Since, &d.Finalised,
		&d.EventID, (*[]byte)(&d.Error))
	if len(d.Error) == 0 {
		d.Error = nil
	}
	return d, err
}

func readDelayed(ctx context.Context, q sqldb.Querier, account tenant.ID, user id.UserID, delayID string) (*rooms.Delayed, error) {
	d, found, err := sqldb.One(ctx, q, scanDelayed, delayedSQL+`AND delay_id = $3`, account, user, delayID)
	if err != nil {
		return nil, fmt.Errorf("read delayed event: %w", err)
	}
	if !found {
		return nil, nil
	}
	return &d, nil
}

// Delayed implements rooms.DelayedStore.
func (s *Store) Delayed(ctx context.Context, account tenant.ID, user id.UserID, delayID string) (*rooms.Delayed, error) {
	return readDelayed(ctx, s.db, account, user, delayID)
}

const (
	chosenDelayedSQL = delayedSQL + `
		AND due >= $3 AND due <= $4 AND ($5 = '' OR room = $5) AND ($6 = '' OR type = $6)
		AND ($7 = '' OR $7 = 'finalised' AND finalised > 0 OR $7 = CASE WHEN finalised = 0 THEN 'scheduled'
			WHEN event_id <> '' THEN 'sent' WHEN length(error) > 0 THEN 'failed' ELSE 'cancelled' END) `
	delayedForwardsSQL = chosenDelayedSQL + `
		AND (due > $8 OR (due = $8 AND delay_id > $9)) ORDER BY due, delay_id LIMIT $10`
	delayedBackwardsSQL = chosenDelayedSQL + `
		AND (due < $8 OR (due = $8 AND delay_id < $9)) ORDER BY due DESC, delay_id DESC LIMIT $10`
)

// DelayedEvents implements rooms.DelayedStore.
func (s *Store) DelayedEvents(ctx context.Context, account tenant.ID, q rooms.DelayedQuery) ([]rooms.Delayed, error) {
	page, after := delayedForwardsSQL, rooms.DelayedPlace{Due: math.MinInt64}
	if q.Backwards {
		page, after = delayedBackwardsSQL, rooms.DelayedPlace{Due: math.MaxInt64}
	}
	if q.After != nil {
		after = *q.After
	}
	all, err := sqldb.All(ctx, s.db, scanDelayed, page,
		account, q.User, q.From, q.To, q.Room, q.Type, string(q.Status), after.Due, after.ID, q.Limit)
	if err != nil {
		return nil, fmt.Errorf("read delayed events: %w", err)
	}
	return all, nil
}

const nextDelayedSQL = `
	SELECT account, user_id, delay_id, due FROM delayed_events WHERE finalised = 0
	ORDER BY due, account LIMIT $1`

// NextDelayed implements rooms.DelayedStore.
func (s *Store) NextDelayed(ctx context.Context, limit int) ([]rooms.DueDelayed, error) {
	scan := func(r sqldb.Row) (rooms.DueDelayed, error) {
		var d rooms.DueDelayed
		err := r.Scan(&d.Account, &d.User, &d.ID, &d.Due)
		return d, err
	}
	next, err := sqldb.All(ctx, s.db, scan, nextDelayedSQL, limit)
	if err != nil {
		return nil, fmt.Errorf("read what is due next: %w", err)
	}
	return next, nil
}

const finalisedBeforeSQL = `
	SELECT DISTINCT account FROM delayed_events WHERE finalised > 0 AND finalised < $1 ORDER BY account`

// FinalisedBefore implements rooms.DelayedStore.
func (s *Store) FinalisedBefore(ctx context.Context, before int64) ([]tenant.ID, error) {
	scan := func(r sqldb.Row) (account tenant.ID, err error) { return account, r.Scan(&account) }
	accounts, err := sqldb.All(ctx, s.db, scan, finalisedBeforeSQL, before)
	if err != nil {
		return nil, fmt.Errorf("read whose delayed events are to be forgotten: %w", err)
	}
	return accounts, nil
}

// Delayed implements rooms.DelayedTx.
func (t *tx) Delayed(user id.UserID, delayID string) (*rooms.Delayed, error) {
	q, err := t.querier()
	if err != nil {
		return nil, err
	}
	return readDelayed(t.ctx, q, t.group.account.id, user, delayID)
}

const scheduledSQL = `
	SELECT COUNT(*), COALESCE(MIN(due), 0) FROM delayed_events
	WHERE account = $1 AND user_id = $2 AND finalised = 0`

// Scheduled implements rooms.DelayedTx.
func (t *tx) Scheduled(user id.UserID) (count int, first int64, err error) {
	q, err := t.querier()
	if err != nil {
		return 0, 0, err
	}
	err = q.Query(t.ctx, scheduledSQL, []any{t.group.account.id, user}, func(r sqldb.Row) error {
		return r.Scan(&count, &first)
	})
	return count, first, err
}

const (
	keepDelayedSQL = `
		INSERT INTO delayed_events (account, delay_id, user_id, room, type, state_key, content, delay, since, due,
			finalised, event_id, error)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
		ON CONFLICT (account, delay_id) DO UPDATE SET since = excluded.since, due = excluded.due,
			finalised = excluded.finalised, event_id = excluded.event_id, error = excluded.error`

	surplusDelayedSQL = `
		DELETE FROM delayed_events WHERE account = $1 AND user_id = $2 AND delay_id IN (
			SELECT delay_id FROM delayed_events WHERE account = $1 AND user_id = $2 AND finalised > 0
			ORDER BY finalised DESC LIMIT 1000 OFFSET 1000)`
)

// KeepDelayed implements rooms.DelayedTx.
func (t *tx) KeepDelayed(d rooms.Delayed) {
	t.delayed = append(t.delayed, d)
	account := t.group.account.id
	failure := []byte(d.Error)
	if failure == nil {
		failure = []byte{}
	}
	t.exec(keepDelayedSQL, account, d.ID, d.User, d.Room, d.Type, d.StateKey, []byte(d.Content), d.Delay, d.Since, d.Due(),
		d.Finalised, d.EventID, failure)
	if d.Finalised != 0 {
		t.exec(surplusDelayedSQL, account, d.User)
	}
}

const forgetDelayedSQL = `DELETE FROM delayed_events WHERE account = $1 AND finalised > 0 AND finalised < $2`

// ForgetDelayed implements rooms.DelayedTx.
func (t *tx) ForgetDelayed(before int64) { t.exec(forgetDelayedSQL, t.group.account.id, before) }
