package rooms

import (
	"bytes"
	"encoding/json"
	"strconv"
	"unicode/utf8"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/rooms/event"
)

// Reader is who an event is written for, and what belongs to it then.
type Reader struct {
	User   id.UserID
	Device id.DeviceID
	Now    int64 // ms
	// Membership is the reader's in the event's room, just behind the event; ""
	// counts as leave.
	Membership string
	// Replaced is the state event that this one replaced, if any.
	Replaced *event.Event
	// Redaction is the event that emptied this one, if the reader may see it.
	Redaction *event.Event
	// Relations is what goes into unsigned's m.relations, if anything.
	Relations json.RawMessage
	// OmitRoom leaves room_id out, as in /sync.
	OmitRoom bool
	// Federation writes the event as it is between servers, with auth_events,
	// prev_events and hashes, and without what clients alone read: the event_id of
	// most room versions. It goes before OmitRoom.
	Federation bool
}

// AppendEvent appends an event as a client reads it: the stored bytes, and
// unsigned as it is for this reader.
func AppendEvent(dst []byte, e *event.Event, r Reader) []byte {
	switch {
	case r.Federation:
		dst = append(dst, e.JSON[:len(e.JSON)-1]...) // stays open for unsigned
	case r.OmitRoom:
		dst = appendWithoutRoom(dst, e.Client)
	default:
		dst = append(dst, e.Client...)
	}
	dst = append(dst, `,"unsigned":{"age":`...)
	dst = strconv.AppendInt(dst, max(r.Now-e.Timestamp, 0), 10)
	if len(r.Relations) > 0 {
		dst = append(dst, `,"m.relations":`...)
		dst = append(dst, r.Relations...)
	}
	dst = append(dst, `,"membership":`...)
	if r.Membership == "" {
		dst = append(dst, `"leave"`...)
	} else {
		dst = AppendText(dst, r.Membership)
	}
	if e.Delay != "" && e.Sender == r.User {
		dst = append(dst, `,"delay_id":`...)
		dst = AppendText(dst, e.Delay)
		dst = append(dst, `,"org.matrix.msc4140.delay_id":`...)
		dst = AppendText(dst, e.Delay)
	}
	if r.Replaced != nil {
		dst = append(dst, `,"prev_content":`...)
		dst = append(dst, r.Replaced.Content...)
		dst = append(dst, `,"prev_sender":`...)
		dst = AppendText(dst, string(r.Replaced.Sender))
	}
	if r.Redaction != nil {
		dst = append(dst, `,"redacted_because":`...)
		dst = AppendEvent(dst, r.Redaction, Reader{
			User: r.User, Device: r.Device, Now: r.Now, Membership: r.Membership, OmitRoom: r.OmitRoom,
			Federation: r.Federation,
		})
	}
	if r.Replaced != nil {
		dst = append(dst, `,"replaces_state":`...)
		dst = AppendText(dst, string(r.Replaced.ID))
	}
	if e.Transaction != "" && e.Sender == r.User && e.Device == r.Device {
		dst = append(dst, `,"transaction_id":`...)
		dst = AppendText(dst, e.Transaction)
	}
	return append(dst, '}', '}')
}

// appendWithoutRoom appends client bytes without their room_id. The keys are
// sought from the end: what follows room_id are strings, in which no such
// sequence can stand, while content may hold anything.
func appendWithoutRoom(dst, client []byte) []byte {
	from := bytes.LastIndex(client, []byte(`,"room_id":"`))
	to := bytes.LastIndex(client, []byte(`,"sender":"`))
	if from < 0 || to < from {
		return append(dst, client...)
	}
	dst = append(dst, client[:from]...)
	return append(dst, client[to:]...)
}

// AppendStripped appends a state event as the invited and the knocking read it
// (section "Stripped state").
func AppendStripped(dst []byte, e *event.Event) []byte {
	dst = append(dst, `{"content":`...)
	dst = append(dst, e.Content...)
	dst = append(dst, `,"sender":`...)
	dst = AppendText(dst, string(e.Sender))
	dst = append(dst, `,"state_key":`...)
	dst = AppendText(dst, *e.StateKey)
	dst = append(dst, `,"type":`...)
	dst = AppendText(dst, e.Type)
	return append(dst, '}')
}

// AppendText appends a JSON string.
func AppendText(dst []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		if b := s[i]; b < ' ' || b == '"' || b == '\\' || b >= utf8.RuneSelf {
			quoted, err := json.Marshal(s)
			if err != nil {
				return append(dst, '"', '"') // strings always encode
			}
			return append(dst, quoted...)
		}
	}
	dst = append(dst, '"')
	dst = append(dst, s...)
	return append(dst, '"')
}
