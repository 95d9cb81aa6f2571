package event

import (
	"encoding/json"
	"io"

	"maunium.net/go/mautrix/id"
)

// Draft is an event before it has an ID.
type Draft struct {
	Room      id.RoomID // "" for an m.room.create of version 12, whose hash names the room
	Sender    id.UserID
	Type      string
	StateKey  *string         // nil: not a state event
	Content   json.RawMessage // a JSON object, strictly decoded already
	Redacts   id.EventID      // of m.room.redaction
	Timestamp int64           // origin_server_ts, milliseconds
	Prev      *Event          // the room's last event, nil for the create event
	// Random names events of room version 2, whose IDs are not hashes; nil
	// means crypto/rand.
	Random io.Reader
}

// Build makes the event.
func Build(v id.RoomVersion, d Draft, state State) (*Event, error) { panic("not yet") }

// Parse makes an Event of stored bytes.
func Parse(v id.RoomVersion, eventID id.EventID, stored []byte) (*Event, error) { panic("not yet") }

// Redact gives the event without what its version's redaction removes.
func Redact(v id.RoomVersion, e *Event, by id.EventID) (*Event, error) { panic("not yet") }

// Authorise says whether e may be appended to a room in this state.
func Authorise(v id.RoomVersion, e, target *Event, state State) error { panic("not yet") }
