package storage

import (
	"context"
	"fmt"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/storage/sqldb"
)

const acksSQL = `SELECT user_id, time, by_event FROM acknowledgements WHERE account = $1 AND event_id = $2`

func scanAck(r sqldb.Row) (rooms.Acknowledgement, error) {
	var a rooms.Acknowledgement
	err := r.Scan(&a.User, &a.Time, &a.By)
	return a, err
}

// Acknowledgements implements rooms.AckStore.
func (s *Store) Acknowledgements(ctx context.Context, account tenant.ID, eventID id.EventID) ([]rooms.Acknowledgement, error) {
	all, err := sqldb.All(ctx, s.db, scanAck, acksSQL+` ORDER BY user_id`, account, eventID)
	if err != nil {
		return nil, fmt.Errorf("read acknowledgements: %w", err)
	}
	return all, nil
}

const nextAckRemindersSQL = `SELECT account, event_id, next FROM ack_reminders ORDER BY next, account LIMIT $1`

// NextAckReminders implements rooms.AckStore.
func (s *Store) NextAckReminders(ctx context.Context, limit int) ([]rooms.DueAckReminder, error) {
	next, err := sqldb.All(ctx, s.db, func(r sqldb.Row) (rooms.DueAckReminder, error) {
		var d rooms.DueAckReminder
		err := r.Scan(&d.Account, &d.Event, &d.Next)
		return d, err
	}, nextAckRemindersSQL, limit)
	if err != nil {
		return nil, fmt.Errorf("read who is reminded next: %w", err)
	}
	return next, nil
}

// Acknowledged implements rooms.AckTx.
func (t *tx) Acknowledged(eventID id.EventID, user id.UserID) (*rooms.Acknowledgement, error) {
	q, err := t.querier()
	if err != nil {
		return nil, err
	}
	a, found, err := sqldb.One(t.ctx, q, scanAck, acksSQL+` AND user_id = $3`, t.group.account.id, eventID, user)
	if err != nil {
		return nil, fmt.Errorf("read acknowledgement: %w", err)
	}
	if !found {
		return nil, nil
	}
	return &a, nil
}

// AcknowledgedBy implements rooms.AckTx.
func (t *tx) AcknowledgedBy(eventID id.EventID, users []id.UserID) (map[id.UserID]bool, error) {
	q, err := t.querier()
	if err != nil {
		return nil, err
	}
	found, err := sqldb.All(t.ctx, q, scanAck, acksSQL+` AND user_id = ANY($3)`, t.group.account.id, eventID, texts(users))
	if err != nil {
		return nil, fmt.Errorf("read acknowledgements: %w", err)
	}
	given := make(map[id.UserID]bool, len(found))
	for _, a := range found {
		given[a.User] = true
	}
	return given, nil
}

const acknowledgeSQL = `
	INSERT INTO acknowledgements (account, event_id, user_id, room, time, by_event) VALUES ($1, $2, $3, $4, $5, $6)
	ON CONFLICT (account, event_id, user_id) DO UPDATE SET by_event = excluded.by_event`

// Acknowledge implements rooms.AckTx.
func (t *tx) Acknowledge(room id.RoomID, eventID id.EventID, a rooms.Acknowledgement) {
	t.exec(acknowledgeSQL, t.group.account.id, eventID, a.User, room, a.Time, a.By)
}

const ackReminderSQL = `SELECT room, event_id, due, next, after FROM ack_reminders WHERE account = $1 AND event_id = $2`

// AckReminder implements rooms.AckTx.
func (t *tx) AckReminder(eventID id.EventID) (*rooms.AckReminder, error) {
	q, err := t.querier()
	if err != nil {
		return nil, err
	}
	r, found, err := sqldb.One(t.ctx, q, func(row sqldb.Row) (rooms.AckReminder, error) {
		var r rooms.AckReminder
		err := row.Scan(&r.Room, &r.Event, &r.Due, &r.Next, &r.After)
		return r, err
	}, ackReminderSQL, t.group.account.id, eventID)
	if err != nil {
		return nil, fmt.Errorf("read reminder: %w", err)
	}
	if !found {
		return nil, nil
	}
	return &r, nil
}

const (
	forgetAckReminderSQL = `DELETE FROM ack_reminders WHERE account = $1 AND event_id = $2`

	keepAckReminderSQL = `
		INSERT INTO ack_reminders (account, event_id, room, due, next, after) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (account, event_id) DO UPDATE SET next = excluded.next, after = excluded.after`
)

// KeepAckReminder implements rooms.AckTx.
func (t *tx) KeepAckReminder(r rooms.AckReminder) {
	if r.Next == 0 {
		t.exec(forgetAckReminderSQL, t.group.account.id, r.Event)
		return
	}
	t.exec(keepAckReminderSQL, t.group.account.id, r.Event, r.Room, r.Due, r.Next, r.After)
}
