package event

import (
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/storage/stream"
)

// Event is one event of a room.
type Event struct {
	ID        id.EventID
	Room      id.RoomID
	Sender    id.UserID
	Type      string
	StateKey  *string // nil: not a state event
	Timestamp int64   // origin_server_ts, milliseconds
	Depth     int64
	Content   []byte     // canonical JSON
	Redacts   id.EventID // of m.room.redaction, wherever the room version keeps it
	// Relation is what the event is to another one; state events have none.
	Relation Relation
	// JSON is the event as it is stored: canonical JSON in the format of its room
	// version, with auth_events, prev_events and hashes.
	JSON []byte
	// Client is the event as clients read it, as an open JSON object: it stops
	// before the closing brace, and has no unsigned.
	Client []byte
	// Position is the event's place in its account's stream, 0 before it has one.
	Position stream.Position
	// RedactedBy is the redaction that emptied this event, or "".
	RedactedBy id.EventID
	// Device and Transaction are the sender's device and the transaction ID the
	// event was sent with, or ""; unsigned.transaction_id is for that device alone.
	Device      id.DeviceID
	Transaction string
	// Delay is the delay ID of an event that was scheduled to be sent (MSC4140), or
	// "": for its sender alone.
	Delay string
}

// State is a room's state that an event is built on and judged by.
type State interface {
	// Event gives the state event of this type and state key, or nil.
	Event(eventType, stateKey string) *Event
	// PowerLevels gives the room's power levels, parsed (see [ParsePowerLevels]).
	// Implementations parse once and keep the value until it changes.
	PowerLevels() *PowerLevels
}
