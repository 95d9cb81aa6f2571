package rooms

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/tidwall/gjson"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/rooms/event"
	"github.com/conversalabs/internalchat/storage/stream"
)

// errNotHere is the refusal for a room one is not in. An unknown room, and one
// of another account, get the same.
func errNotHere() error { return refusal.Forbidden("You are not in this room.") }

// writing is an act at work on one room.
type writing struct {
	tx     Tx
	room   *Room
	now    int64 // ms
	limits Limits
}

func (s *Service) writing(tx Tx, room *Room) *writing {
	return &writing{tx: tx, room: room, now: s.timestamp(), limits: s.limits}
}

// open takes a room for an act. A room that does not exist is refused as one
// that the caller is not in.
func (s *Service) open(tx Tx, room id.RoomID) (*writing, error) {
	if !event.ValidRoomID(room) {
		return nil, errNotHere()
	}
	r, err := tx.Room(room)
	if err != nil {
		return nil, err
	}
	if r == nil {
		return nil, errNotHere()
	}
	return s.writing(tx, r), nil
}

// part is what differs from event to event.
type part struct {
	sender   id.UserID
	kind     string
	stateKey *string
	content  json.RawMessage
	card     json.RawMessage // see [Service.Share]; nil: none
	target   *event.Event    // what a redaction redacts
	edits    *history        // what a message edits, if it is an edit of the sender's own
	asks     *AckReminder    // when it is asked again for an acknowledgement, if at all
	served   bool            // said by the server itself: see [writing.serve]
}

// append builds an event, asks whether it may be, by the rules of the room's kind and
// by the specification's, and appends it.
func (w *writing) append(p part) (*event.Event, error) {
	if err := w.limits.check(p); err != nil {
		return nil, err
	}
	p, err := w.rule(p)
	if err != nil {
		return nil, err
	}
	if p, err = w.address(p); err != nil {
		return nil, err
	}
	draft := event.Draft{
		Room: w.room.ID, Sender: p.sender, Type: p.kind, StateKey: p.stateKey,
		Content: p.content, Card: p.card, Timestamp: w.now, Prev: w.room.Last(),
	}
	if p.target != nil {
		draft.Redacts = p.target.ID
	}
	e, err := event.Build(w.room.Version, draft, w.room)
	if err != nil {
		return nil, err
	}
	if err := w.authorise(e, p); err != nil {
		return nil, err
	}
	if err := w.checkAnnotation(e); err != nil {
		return nil, err
	}
	w.remindOf(e, p.asks)
	if err := w.tx.Append(e); err != nil {
		return nil, err
	}
	return e, w.followAvatar(p)
}

func (w *writing) authorise(e *event.Event, p part) error {
	if p.served {
		return event.AuthoriseServer(w.room.Version, e, p.target, w.room)
	}
	return event.Authorise(w.room.Version, e, p.target, w.room)
}

// checkAnnotation refuses to say twice what an annotation says once.
func (w *writing) checkAnnotation(e *event.Event) error {
	if e.Relation.Type != event.Annotation {
		return nil
	}
	twice, err := w.tx.Annotated(e)
	if err == nil && twice {
		return refusal.New(http.StatusBadRequest, "M_DUPLICATE_ANNOTATION", "You have reacted to this message with the same reaction already.")
	}
	return err
}

// setState appends a state event unless it would change nothing; then it gives
// the event that is there. A second m.room.create is refused even so.
func (w *writing) setState(sender id.UserID, kind, stateKey string, content json.RawMessage) (*event.Event, error) {
	if current := w.room.Event(kind, stateKey); current != nil && current.Sender == sender && kind != "m.room.create" {
		kept, err := event.Content(content)
		if err != nil {
			return nil, err
		}
		if string(kept) == string(current.Content) {
			return current, nil
		}
	}
	return w.append(part{sender: sender, kind: kind, stateKey: &stateKey, content: content})
}

// act runs an act of the caller without a transaction and forgets its event ID.
func (s *Service) act(ctx context.Context, caller tenant.Caller, do func(Tx) error) error {
	_, err := s.store.Act(ctx, Act{Caller: caller, Do: func(tx Tx) (id.EventID, error) { return "", do(tx) }})
	return err
}

// suspendedAct is act for what a suspended user may do too.
func (s *Service) suspendedAct(ctx context.Context, caller tenant.Caller, do func(Tx) error) error {
	_, err := s.store.Act(ctx, Act{
		Caller: caller, Suspended: true, Do: func(tx Tx) (id.EventID, error) { return "", do(tx) },
	})
	return err
}

// loneAct is act for acts that look things up in the database.
func (s *Service) loneAct(ctx context.Context, caller tenant.Caller, do func(Tx) error) error {
	_, err := s.store.Act(ctx, Act{Caller: caller, Lone: true, Do: func(tx Tx) (id.EventID, error) { return "", do(tx) }})
	return err
}

// object is a JSON object whose values stay as they are.
type object map[string]json.RawMessage

// with sets a key to a value that always can be JSON.
func (o object) with(key string, value any) object {
	encoded, err := json.Marshal(value)
	if err != nil {
		panic(fmt.Sprintf("rooms: %s: %v", key, err)) // only our own types come here
	}
	o[key] = encoded
	return o
}

func (o object) bytes() json.RawMessage {
	encoded, err := json.Marshal(o)
	if err != nil {
		panic(fmt.Sprintf("rooms: object: %v", err)) // values are valid JSON
	}
	return encoded
}

// profileFields are what a member event carries of a profile.
var profileFields = []string{"displayname", "avatar_url"}

// putProfile adds a user's display name and avatar to a member event's content,
// unless it has others, which are for this room alone. Only in a lone act.
func putProfile(tx Tx, user id.UserID, content object) error {
	for _, field := range profileFields {
		value, err := tx.Item(stream.Profile, user, "", field)
		if err != nil {
			return err
		}
		if value != nil && content[field] == nil {
			content[field] = value
		}
	}
	return nil
}

// check refuses a name or topic that is too long to be shown anywhere.
func (l Limits) check(p part) error {
	var field string
	var most int
	switch {
	case p.stateKey == nil:
		return nil
	case p.kind == "m.room.name":
		field, most = "name", l.NameBytes
	case p.kind == "m.room.topic":
		field, most = "topic", l.TopicBytes
	default:
		return nil
	}
	if size := len(gjson.GetBytes(p.content, field).String()); size > most {
		return refusal.TooLarge("The %s of a room can have %d bytes at most; this one has %d.", field, most, size)
	}
	return nil
}
