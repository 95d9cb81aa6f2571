package rooms

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/tidwall/gjson"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/rooms/event"
)

// Message is an event to be sent.
type Message struct {
	Room    id.RoomID
	Type    string
	Content json.RawMessage // a JSON object
	Time    int64           // ms, the event's; 0: now
	// Path and Transaction are those of [Act].
	Path, Transaction string
}

// Send appends a message to a room and gives its event ID; a retry gives the
// first one's. An m.room.redaction that names its target in content.redacts
// redacts it (section "Sending events to a room").
func (s *Service) Send(ctx context.Context, caller tenant.Caller, m Message) (id.EventID, error) {
	s = s.at(m.Time)
	if m.Type == "m.room.redaction" {
		var content struct {
			Redacts id.EventID `json:"redacts"`
		}
		if err := json.Unmarshal(m.Content, &content); err != nil || content.Redacts == "" {
			return "", refusal.BadJSON("A redaction must name the event it redacts in redacts.")
		}
		return s.redact(ctx, caller, m, content.Redacts)
	}
	about, err := s.about(ctx, caller, m)
	if err != nil {
		return "", err
	}
	return s.store.Act(ctx, Act{
		Caller: caller, Path: m.Path, Transaction: m.Transaction, Lone: m.Type == AckType || namesTeams(m.Content),
		Do: func(tx Tx) (id.EventID, error) {
			w, err := s.open(tx, m.Room)
			if err != nil {
				return "", err
			}
			if err := s.reach(w, caller.User); err != nil {
				return "", err
			}
			said := part{sender: caller.User, kind: m.Type, content: m.Content, edits: about.edits}
			if m.Type == AckType && w.room.Kind() == Announcement {
				return w.acknowledgeBy(said, about.acknowledged)
			}
			e, err := w.append(said)
			if err != nil {
				return "", err
			}
			// Only now is it known that the sender may know of the room's events.
			if root := about.root; root != nil && root.Room == m.Room && root.Relation.Type != "" {
				return "", errNestedThread()
			}
			return e.ID, nil
		},
	})
}

// about is what a message relates to, as far as it is judged by it. It may be read
// before the act: of what it relates to it says nothing new later.
type about struct {
	root         *event.Event // at whose thread it is
	edits        *history
	acknowledged *event.Event
}

func (s *Service) about(ctx context.Context, caller tenant.Caller, m Message) (about about, err error) {
	relates := gjson.GetBytes(m.Content, `m\.relates_to`)
	target := id.EventID(relates.Get("event_id").Str)
	switch kind := relates.Get("rel_type").Str; {
	case kind == event.Thread:
		about.root, err = s.store.EventByID(ctx, caller.Account, target)
	case kind == event.Replacement:
		about.edits, err = s.editedBy(ctx, caller, m, target)
	case kind == event.Reference && m.Type == AckType:
		about.acknowledged, err = s.store.EventByID(ctx, caller.Account, target)
	}
	return about, err
}

func errNestedThread() error {
	return refusal.New(http.StatusBadRequest, "M_UNKNOWN", "A thread cannot begin at an event that relates to another one.")
}

// Redact empties an event (section "Redactions") and gives the redaction's ID.
// An event that the caller may not see is 404 M_NOT_FOUND. reason may be empty.
func (s *Service) Redact(ctx context.Context, caller tenant.Caller, m Message, target id.EventID) (id.EventID, error) {
	m.Type = "m.room.redaction"
	return s.redact(ctx, caller, m, target)
}

func (s *Service) redact(ctx context.Context, caller tenant.Caller, m Message, target id.EventID) (id.EventID, error) {
	// An event never changes its room or sender, so it may be read before the
	// act; whether the caller sees it is judged within.
	e, err := s.store.EventByID(ctx, caller.Account, target)
	if err != nil {
		return "", err
	}
	return s.store.Act(ctx, Act{
		Caller: caller, Path: m.Path, Transaction: m.Transaction,
		Suspended: e != nil && e.Sender == caller.User,
		Do: func(tx Tx) (id.EventID, error) {
			w, err := s.open(tx, m.Room)
			if err != nil {
				return "", err
			}
			if !w.room.Joined(caller.User) {
				return "", errNotHere()
			}
			if e == nil || e.Room != m.Room {
				return "", errNoEvent()
			}
			memberships, err := tx.Memberships(caller.User)
			if err != nil {
				return "", err
			}
			if !VisibilityOf(w.room, memberships[m.Room], false).Event(e) {
				return "", errNoEvent()
			}
			redaction, err := w.append(part{sender: caller.User, kind: m.Type, content: m.Content, target: e})
			if err != nil {
				return "", err
			}
			return redaction.ID, w.empty(e, redaction)
		},
	})
}

// empty takes out of an event what its redaction takes.
func (w *writing) empty(target, redaction *event.Event) error {
	redacted, err := event.Redact(w.room.Version, target, redaction.ID)
	if err == nil {
		w.tx.Redact(redacted)
	}
	return err
}

// errNoEvent is the refusal for an event that is not there, or not to be seen.
func errNoEvent() error { return refusal.NotFound("This event does not exist, or you may not see it.") }

// StateChange is a state event to be set.
type StateChange struct {
	Room     id.RoomID
	Type     string
	StateKey string
	Content  json.RawMessage // a JSON object
	Time     int64           // ms, the event's; 0: now
}

// SetState sets a state event and gives its ID. Setting what is set already
// gives the event that is there.
func (s *Service) SetState(ctx context.Context, caller tenant.Caller, c StateChange) (id.EventID, error) {
	s = s.at(c.Time)
	switch c.Type {
	case "m.room.member":
		return s.setMember(ctx, caller, c)
	case "m.room.canonical_alias":
		return s.setCanonicalAlias(ctx, caller, c)
	case "m.room.tombstone":
		return s.setTombstone(ctx, caller, c)
	}
	return s.store.Act(ctx, Act{Caller: caller, Do: func(tx Tx) (id.EventID, error) {
		return s.putState(tx, caller, c)
	}})
}

func (s *Service) putState(tx Tx, caller tenant.Caller, c StateChange) (id.EventID, error) {
	w, err := s.open(tx, c.Room)
	if err != nil {
		return "", err
	}
	if !w.room.Joined(caller.User) {
		return "", errNotHere()
	}
	e, err := w.setState(caller.User, c.Type, c.StateKey, c.Content)
	if err != nil {
		return "", err
	}
	return e.ID, nil
}
