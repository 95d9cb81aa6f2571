package event

import (
	"fmt"
	"strconv"

	"maunium.net/go/mautrix/id"
)

// Parse makes an Event of stored bytes ([Event.JSON]), which it keeps and
// trusts. Position and RedactedBy are for the caller to set.
func Parse(v id.RoomVersion, eventID id.EventID, stored []byte) (*Event, error) {
	r := versions[v]
	if r == nil {
		return nil, fmt.Errorf("parse event %s: room version %q is not supported", eventID, v)
	}
	e := &Event{ID: eventID, JSON: stored}
	for key, value := range members(stored) {
		switch string(key) {
		case "content":
			e.Content = value
		case "depth":
			e.Depth = integer(value)
		case "origin_server_ts":
			e.Timestamp = integer(value)
		case "redacts":
			redacts, _ := text(value)
			e.Redacts = id.EventID(redacts)
		case "room_id":
			room, _ := text(value)
			e.Room = id.RoomID(room)
		case "sender":
			sender, _ := text(value)
			e.Sender = id.UserID(sender)
		case "state_key":
			if key, ok := text(value); ok {
				e.StateKey = &key
			}
		case "type":
			e.Type, _ = text(value)
		}
	}
	if e.Type == "" || e.Sender == "" || e.Content == nil {
		return nil, fmt.Errorf("parse event %s: the stored bytes are no event", eventID)
	}
	e.complete(r)
	return e, nil
}

// complete derives the fields that follow from the others.
func (e *Event) complete(r *rules) {
	if e.Room == "" && r.creatorsRule && len(e.ID) > 1 {
		e.Room = id.RoomID("!" + e.ID[1:])
	}
	if r.redactsInContent && e.Type == typeRedaction {
		redacts, _ := text(lookup(e.Content, "redacts"))
		e.Redacts = id.EventID(redacts)
	}
	if e.StateKey == nil {
		e.Relation = relation(e.Content)
	}
	e.Client = e.client()
}

// client writes the event for clients. A redaction names its target both at the
// top and in its content, whatever its room version says: old clients read the
// one, new clients the other.
func (e *Event) client() []byte {
	content := e.Content
	if e.Type == typeRedaction && e.Redacts != "" {
		content = put(content, "redacts", appendText(nil, string(e.Redacts)))
	}
	size := len(content) + len(e.ID) + len(e.Redacts) + len(e.Room) + len(e.Sender) + len(e.Type) + 140
	if e.StateKey != nil {
		size += len(*e.StateKey)
	}
	out := append(make([]byte, 0, size), `{"content":`...)
	out = append(out, content...)
	out = append(out, `,"event_id":`...)
	out = appendText(out, string(e.ID))
	out = append(out, `,"origin_server_ts":`...)
	out = strconv.AppendInt(out, e.Timestamp, 10)
	if e.Redacts != "" {
		out = append(out, `,"redacts":`...)
		out = appendText(out, string(e.Redacts))
	}
	out = append(out, `,"room_id":`...)
	out = appendText(out, string(e.Room))
	out = append(out, `,"sender":`...)
	out = appendText(out, string(e.Sender))
	if e.StateKey != nil {
		out = append(out, `,"state_key":`...)
		out = appendText(out, *e.StateKey)
	}
	out = append(out, `,"type":`...)
	return appendText(out, e.Type)
}

// integer reads a canonical whole number; 0 if it is none.
func integer(value []byte) int64 {
	n, err := strconv.ParseInt(string(value), 10, 64)
	if err != nil {
		return 0
	}
	return n
}
