package rooms

import (
	"github.com/tidwall/gjson"

	"github.com/conversalabs/internalchat/rooms/event"
	"github.com/conversalabs/internalchat/storage/stream"
)

// Outline is what a list of rooms asks of a room that it does not show.
type Outline struct {
	// Last is the position of the room's newest event, Bump that of the newest
	// one that counts as activity in a client's list (see [BumpTypes]).
	Last, Bump stream.Position
	Type       string // of m.room.create, "" for none
	Encrypted  bool
}

// BumpTypes are the events that raise a room's bump_stamp (MSC4186).
func BumpTypes() []string {
	return []string{
		"m.room.create", "m.room.message", "m.room.encrypted", "m.sticker", "m.call.invite",
		"m.poll.start", "org.matrix.msc3381.poll.start", "m.beacon_info", "org.matrix.msc3672.beacon_info",
	}
}

var bumps = func() map[string]bool {
	all := map[string]bool{}
	for _, t := range BumpTypes() {
		all[t] = true
	}
	return all
}()

// With gives the outline after one more event of the room.
func (o Outline) With(e *event.Event) Outline {
	o.Last = e.Position
	if bumps[e.Type] {
		o.Bump = e.Position
	}
	if e.StateKey == nil || *e.StateKey != "" {
		return o
	}
	switch e.Type {
	case "m.room.create":
		o.Type = RoomType(e.Content)
	case "m.room.encryption":
		o.Encrypted = true
	}
	return o
}

// RoomType gives the type that the content of m.room.create names, "" for none.
func RoomType(content []byte) string {
	if t := gjson.GetBytes(content, "type"); t.Type == gjson.String {
		return t.String()
	}
	return ""
}
