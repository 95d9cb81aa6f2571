package rooms

import (
	"context"
	"encoding/json"
	"time"

	"github.com/tidwall/gjson"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/rooms/event"
)

// An announcement may ask everybody who reads it to say that they have. The message
// has {"required": true, "due_ts"?: ms} under [AckType]; who acknowledges does so by an
// event of that type that refers to it (m.reference), or by an endpoint of the
// product's. Either is kept in a table, once for each user, and for good.

// AckType is the type of events that acknowledge, and the key of the content of messages
// that ask for it.
const AckType = "br.com.conversalabs.ack"

const (
	// remindBefore is how long before the time by which an acknowledgement is asked
	// for it is asked for again, the first time.
	remindBefore = 24 * time.Hour
	// maxAckTime is how far ahead that time may lie.
	maxAckTime = 366 * 24 * time.Hour
)

var (
	errAckDue     = refusal.Invalid("The time by which an announcement is to be acknowledged must lie ahead, and within a year.")
	errNotAsked   = refusal.Invalid("This message does not ask to be acknowledged.")
	errAcksHidden = refusal.Forbidden("Only the owner and the admins of this channel may see that.").Because("requires_channel_admin")
)

// AckAsked is what a message asks for.
type AckAsked struct {
	Required bool  `json:"required"`
	Due      int64 `json:"due_ts,omitempty"` // ms; 0: no time is set
}

// Acknowledgement says that a user has acknowledged a message.
type Acknowledgement struct {
	User id.UserID
	Time int64      // ms
	By   id.EventID // the event by which they did, or ""
}

// AckReminder says when those who have not acknowledged a message are to be asked
// again.
type AckReminder struct {
	Room  id.RoomID
	Event id.EventID
	Due   int64 // ms, by when it is asked for
	Next  int64 // ms, when to ask again
	// After is the last user who has been asked this time, "" when it begins.
	After id.UserID
}

// DueAckReminder names a reminder of an account.
type DueAckReminder struct {
	Account tenant.ID
	Event   id.EventID
	Next    int64 // ms
}

// AckStore is the part of [Store] that keeps acknowledgements.
type AckStore interface {
	// Acknowledgements gives who has acknowledged a message, by their IDs.
	Acknowledgements(ctx context.Context, account tenant.ID, eventID id.EventID) ([]Acknowledgement, error)
	// NextAckReminders gives those reminders of all accounts that are due first, in
	// order.
	NextAckReminders(ctx context.Context, limit int) ([]DueAckReminder, error)
}

// AckTx is the part of [Tx] that keeps acknowledgements. All but KeepAckReminder only in
// a lone act.
type AckTx interface {
	// Acknowledged gives how a user has acknowledged a message at this head, nil when
	// they have not.
	Acknowledged(eventID id.EventID, user id.UserID) (*Acknowledgement, error)
	// AcknowledgedBy tells which of some users have acknowledged a message at this
	// head.
	AcknowledgedBy(eventID id.EventID, users []id.UserID) (map[id.UserID]bool, error)
	// Acknowledge keeps that a user has acknowledged a message. The first time stays.
	Acknowledge(room id.RoomID, eventID id.EventID, a Acknowledgement)
	// AckReminder gives the reminder of a message at this head, or nil.
	AckReminder(eventID id.EventID) (*AckReminder, error)
	// KeepAckReminder adds a reminder, or changes its Next and After; with Next 0 it
	// is forgotten.
	KeepAckReminder(r AckReminder)
}

// askedOf reads what a content asks for, nil when it asks for nothing.
func askedOf(content []byte) *AckAsked {
	asked := gjson.GetBytes(content, `br\.com\.conversalabs\.ack`)
	if asked.Get("required").Type != gjson.True {
		return nil
	}
	return &AckAsked{Required: true, Due: asked.Get("due_ts").Int()}
}

// askedBy gives what a message asks for, nil when it asks for nothing or was redacted.
func askedBy(e *event.Event) *AckAsked {
	if e.Type != "m.room.message" || e.RedactedBy != "" || e.Relation.Type == event.Replacement {
		return nil
	}
	return askedOf(e.Content)
}

// ask holds what a message asks for to who may ask: in announcements alone, and not by
// an edit. It tells whether it has changed the content.
func (w *writing) ask(p *part, content object, isEdit bool) (changed bool, err error) {
	raw := content[AckType]
	if raw == nil {
		return false, nil
	}
	asked := askedOf(object{}.with(AckType, raw).bytes())
	if asked == nil || isEdit || p.kind != "m.room.message" || w.room.Kind() != Announcement {
		delete(content, AckType)
		return true, nil
	}
	if due := gjson.GetBytes(raw, "due_ts"); due.Exists() {
		if due.Type != gjson.Number || asked.Due <= w.now || asked.Due > w.now+maxAckTime.Milliseconds() {
			return false, errAckDue
		}
		p.asks = &AckReminder{Due: asked.Due, Next: asked.Due}
		if first := asked.Due - remindBefore.Milliseconds(); first > w.now {
			p.asks.Next = first
		}
	}
	content.with(AckType, asked)
	return true, nil
}

// keepAsked lets the new content of an edit ask for what the message has asked for, no
// more and no less, and tells whether that changes it.
func (p *part) keepAsked(content object) bool {
	var asked json.RawMessage
	if p.edits != nil {
		if raw := gjson.GetBytes(p.edits.original.Content, `br\.com\.conversalabs\.ack`).Raw; raw != "" {
			asked = json.RawMessage(raw)
		}
	}
	if string(content[AckType]) == string(asked) {
		return false
	}
	if delete(content, AckType); asked != nil {
		content[AckType] = asked
	}
	return true
}

// remindOf keeps when a message asks again.
func (w *writing) remindOf(e *event.Event, asks *AckReminder) {
	if asks != nil {
		asks.Room, asks.Event = e.Room, e.ID
		w.tx.KeepAckReminder(*asks)
	}
}

// checkAsked refuses to acknowledge what does not ask for it, or what the user may not
// see.
func (w *writing) checkAsked(user id.UserID, e *event.Event) error {
	memberships, err := w.tx.Memberships(user)
	if err != nil {
		return err
	}
	switch {
	case !w.room.Joined(user):
		return errNotHere()
	case e == nil || e.Room != w.room.ID || !VisibilityOf(w.room, memberships[w.room.ID], false).Event(e):
		return errNoEvent()
	case w.room.Channel().Archived:
		return errArchived
	case w.room.Kind() != Announcement || askedBy(e) == nil || e.Sender == user:
		return errNotAsked
	}
	person, err := w.tx.UserSucceeds(user)
	if err == nil && !person {
		err = errNotAsked
	}
	return err
}

// acknowledgeBy acknowledges a message by an event, and gives its ID: that of the first
// one, if there is one.
func (w *writing) acknowledgeBy(p part, e *event.Event) (id.EventID, error) {
	if err := w.checkAsked(p.sender, e); err != nil {
		return "", err
	}
	before, err := w.tx.Acknowledged(e.ID, p.sender)
	if err != nil {
		return "", err
	}
	if before != nil && before.By != "" {
		return before.By, nil
	}
	said, err := w.append(p)
	if err != nil {
		return "", err
	}
	w.tx.Acknowledge(w.room.ID, e.ID, Acknowledgement{User: p.sender, Time: w.now, By: said.ID})
	return said.ID, nil
}

// Acknowledge notes that the caller has acknowledged a message that asks for it, and
// gives when they did so first (ms). Who is not in the room is refused with
// M_FORBIDDEN, a message that they may not see with M_NOT_FOUND.
func (s *Service) Acknowledge(ctx context.Context, caller tenant.Caller, room id.RoomID, eventID id.EventID) (int64, error) {
	e, err := s.store.EventByID(ctx, caller.Account, eventID)
	if err != nil {
		return 0, err
	}
	var at int64
	err = s.loneAct(ctx, caller, func(tx Tx) error {
		w, err := s.open(tx, room)
		if err != nil {
			return err
		}
		if err := w.checkAsked(caller.User, e); err != nil {
			return err
		}
		before, err := tx.Acknowledged(eventID, caller.User)
		if err != nil {
			return err
		}
		if before != nil {
			at = before.Time
			return nil
		}
		at = w.now
		tx.Acknowledge(room, eventID, Acknowledgement{User: caller.User, Time: at})
		return nil
	})
	return at, err
}
