package storage

import (
	"bytes"
	"context"
	"fmt"
	"strconv"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/stream"
)

const (
	putReminderSQL = `
		INSERT INTO reminders (account, user_id, room, due) VALUES ($1, $2, $3, $4)
		ON CONFLICT (account, user_id, room) DO UPDATE SET due = excluded.due`

	dropReminderSQL = `DELETE FROM reminders WHERE account = $1 AND user_id = $2 AND room = $3`

	moveReminderSQL = `UPDATE reminders SET room = $4 WHERE account = $1 AND user_id = $2 AND room = $3`
)

// ChangeNote implements accounts.NoteStore.
func (s *Store) ChangeNote(ctx context.Context, caller tenant.Caller, at stream.Item, change func([]byte) ([]byte, *int64, error)) error {
	return s.lone(ctx, caller, func(t *tx) error {
		if err := t.checkKnowsRoom(caller.User, at.Room); err != nil {
			return err
		}
		before, err := t.Item(at.Kind, at.User, at.Room, at.Key)
		if err != nil {
			return err
		}
		after, remindAt, err := change(before)
		if err != nil {
			return err
		}
		if !bytes.Equal(before, after) {
			changed := at
			changed.Content = after
			t.Put(changed)
		}
		switch {
		case remindAt == nil:
		case *remindAt == 0 && before != nil:
			t.exec(dropReminderSQL, caller.Account, at.User, at.Room)
		case *remindAt != 0:
			t.exec(putReminderSQL, caller.Account, at.User, at.Room, *remindAt)
		}
		return nil
	})
}

// MoveReminder implements rooms.BellTx.
func (t *tx) MoveReminder(user id.UserID, from, to id.RoomID) {
	t.exec(dropReminderSQL, t.group.account.id, user, to)
	t.exec(moveReminderSQL, t.group.account.id, user, from, to)
}

const nextRemindersSQL = `SELECT account, user_id, room, due FROM reminders ORDER BY due, account LIMIT $1`

// NextReminders implements accounts.NoteStore.
func (s *Store) NextReminders(ctx context.Context, limit int) ([]accounts.Reminder, error) {
	next, err := sqldb.All(ctx, s.db, func(r sqldb.Row) (d accounts.Reminder, err error) {
		return d, r.Scan(&d.Account, &d.User, &d.Room, &d.Due)
	}, nextRemindersSQL, limit)
	if err != nil {
		return nil, fmt.Errorf("read the next reminders: %w", err)
	}
	return next, nil
}

const reminderSQL = `SELECT due FROM reminders WHERE account = $1 AND user_id = $2 AND room = $3`

// RingReminder implements accounts.NoteStore.
func (s *Store) RingReminder(ctx context.Context, r accounts.Reminder) error {
	return s.lone(ctx, server(r.Account), func(t *tx) error {
		q, err := t.querier()
		if err != nil {
			return err
		}
		due, found, err := sqldb.One(ctx, q, sqldb.Value[int64], reminderSQL, r.Account, r.User, r.Room)
		if err != nil {
			return fmt.Errorf("read reminder: %w", err)
		}
		if !found || due != r.Due {
			return nil
		}
		t.exec(dropReminderSQL, r.Account, r.User, r.Room)
		active, err := t.UserActive(r.User)
		if err != nil {
			return err
		}
		room, err := t.Room(r.Room)
		if err != nil || room == nil || !active || !room.Joined(r.User) {
			return err
		}
		return t.Ring(rooms.BellEntry{
			User: r.User, Kind: rooms.BellReminder, Room: r.Room, Time: r.Due,
			Reference: string(r.Room) + "|" + strconv.FormatInt(r.Due, 10),
		})
	})
}
