package accounts

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	jsonv2 "github.com/go-json-experiment/json"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/storage/stream"
)

// NoteType is the account data of a room that holds a user's [Note] on it. Nobody
// else is ever shown it.
const NoteType = "br.com.conversalabs.note"

// Note is what a user has noted for themselves on a room.
type Note struct {
	Body     string `json:"body"`
	Updated  int64  `json:"updated_ts"`          // ms; set by the server
	RemindAt int64  `json:"remind_at,omitempty"` // ms; 0: never
}

// Reminder is a note that wants to be remembered.
type Reminder struct {
	Account tenant.ID
	User    id.UserID
	Room    id.RoomID
	Due     int64 // ms
}

// NoteStore keeps notes, which are account data, and when they are to be remembered.
type NoteStore interface {
	// ChangeNote is [DataStore.ChangeData] of a note. In the same act the room's
	// reminder becomes one at remindAt (ms): 0 is none, and nil leaves it as it is.
	ChangeNote(ctx context.Context, caller tenant.Caller, at stream.Item, change func([]byte) (content []byte, remindAt *int64, err error)) error
	// NextReminders gives those reminders of all accounts that are due first, in
	// order.
	NextReminders(ctx context.Context, limit int) ([]Reminder, error)
	// RingReminder removes a reminder and, if its user is active and in the room, has
	// their bell ring, both in one act. A reminder that is not there does nothing.
	RingReminder(ctx context.Context, reminder Reminder) error
}

var (
	errNote     = refusal.BadJSON("A note is an object with body, a text, and perhaps remind_at, a time in milliseconds.")
	errRemindAt = refusal.Invalid("The time to be reminded at must be in the future.")
	errNoNote   = refusal.NotFound("You have no note on this room.")
)

// Note gives a user's note on a room, M_NOT_FOUND when there is none.
func (d *Data) Note(ctx context.Context, account tenant.ID, user id.UserID, room id.RoomID) (json.RawMessage, error) {
	content, err := d.store.Item(ctx, account, stream.AccountData, user, room, NoteType)
	if err == nil && content == nil {
		err = errNoNote
	}
	return content, err
}

// SetNote replaces the caller's note on a room. Of content body and remind_at are
// kept, which must be in the future or what it was before; {} removes the note.
func (d *Data) SetNote(ctx context.Context, caller tenant.Caller, room id.RoomID, content json.RawMessage) error {
	if err := d.checkAccountData(room, NoteType, content); err != nil {
		return err
	}
	var said struct {
		Body     *string `json:"body"`
		RemindAt *int64  `json:"remind_at"`
	}
	if jsonv2.Unmarshal(content, &said) != nil {
		return errNote
	}
	var keys map[string]json.RawMessage
	if jsonv2.Unmarshal(content, &keys) == nil && len(keys) == 0 {
		return d.DeleteNote(ctx, caller, room)
	}
	if said.Body == nil || said.RemindAt != nil && (*said.RemindAt <= 0 || *said.RemindAt >= 1<<53) {
		return errNote
	}
	note := Note{Body: *said.Body, Updated: d.now().UnixMilli()}
	if said.RemindAt != nil {
		note.RemindAt = *said.RemindAt
	}
	item := noteItem(caller.User, room)
	if err := d.checkTypes(ctx, caller, item); err != nil {
		return err
	}
	return d.changeNote(ctx, caller, room, func(before []byte) ([]byte, *int64, error) {
		remindAt := &note.RemindAt
		var old Note
		switch {
		case len(before) > 0 && json.Unmarshal(before, &old) == nil && old.RemindAt == note.RemindAt:
			remindAt = nil // it may have rung already
		case note.RemindAt != 0 && note.RemindAt <= d.now().UnixMilli():
			return nil, nil, errRemindAt
		}
		after, err := json.Marshal(note)
		if err != nil {
			return nil, nil, fmt.Errorf("encode note: %w", err)
		}
		return after, remindAt, nil
	})
}

// DeleteNote removes the caller's note on a room, if there is one.
func (d *Data) DeleteNote(ctx context.Context, caller tenant.Caller, room id.RoomID) error {
	never := int64(0)
	return d.changeNote(ctx, caller, room, func([]byte) ([]byte, *int64, error) { return nil, &never, nil })
}

func noteItem(user id.UserID, room id.RoomID) stream.Item {
	return stream.Item{Kind: stream.AccountData, User: user, Room: room, Key: NoteType}
}

func (d *Data) changeNote(ctx context.Context, caller tenant.Caller, room id.RoomID, change func([]byte) ([]byte, *int64, error)) error {
	err := d.store.ChangeNote(ctx, caller, noteItem(caller.User, room), change)
	if err == nil {
		select {
		case d.sooner <- struct{}{}:
		default:
		}
	}
	return err
}

const (
	// lookForReminders is how often the timer looks for what other nodes were told:
	// one that was killed reminds nobody any more.
	lookForReminders = 5 * time.Second
	// reminderPage is how many due reminders the timer takes at once.
	reminderPage = 200
)

// RunReminders has bells ring for due reminders until ctx ends. alarm is time.After;
// report gets what failed, which is tried again.
func (d *Data) RunReminders(ctx context.Context, alarm func(time.Duration) <-chan time.Time, report func(error)) {
	for {
		next, err := d.RingDue(ctx)
		wait := lookForReminders
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			report(err)
		case !next.IsZero():
			wait = min(wait, max(next.Sub(d.now()), 0))
		}
		select {
		case <-ctx.Done():
			return
		case <-d.sooner:
		case <-alarm(wait):
		}
	}
}

// RingDue has bells ring for all reminders whose time has come, and gives when the
// next one's comes, zero if there is none. Any number of nodes may do so at once: each
// reminder rings once.
func (d *Data) RingDue(ctx context.Context) (next time.Time, err error) {
	for {
		due, err := d.store.NextReminders(ctx, reminderPage)
		if err != nil {
			return time.Time{}, err
		}
		var failed []error
		for _, r := range due {
			if r.Due > d.now().UnixMilli() {
				return time.UnixMilli(r.Due), errors.Join(failed...)
			}
			if err := d.store.RingReminder(ctx, r); err != nil {
				failed = append(failed, fmt.Errorf("remind %s of account %s: %w", r.User, r.Account, err))
			}
		}
		if len(due) < reminderPage || len(failed) > 0 || ctx.Err() != nil {
			return time.Time{}, errors.Join(failed...)
		}
	}
}
