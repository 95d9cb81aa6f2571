package event

import (
	"bytes"

	"maunium.net/go/mautrix/id"
)

// The kinds of relations that have rules of their own.
const (
	Annotation  = "m.annotation" // a reaction
	Reference   = "m.reference"
	Replacement = "m.replace" // an edit
	Thread      = "m.thread"
)

// Relation is what an event says of another one in m.relates_to (section
// "Forming relationships between events"). The zero value says nothing.
type Relation struct {
	Type   string // rel_type
	Parent id.EventID
	Key    string // of an annotation; "" when it has none
}

// relation reads the relation of an event's content. What has not the shape of
// one is none: an event may say anything.
func relation(content []byte) Relation {
	// Most events have none, and this is asked of every event that is read.
	if !bytes.Contains(content, []byte(`"m.relates_to"`)) {
		return Relation{}
	}
	relates := lookup(content, "m.relates_to")
	kind, _ := text(lookup(relates, "rel_type"))
	parent, _ := text(lookup(relates, "event_id"))
	if kind == "" || len(kind) > MaxIDBytes || !printable(kind) || !ValidEventID(id.EventID(parent)) {
		return Relation{}
	}
	r := Relation{Type: kind, Parent: id.EventID(parent)}
	if kind == Annotation {
		r.Key, _ = text(lookup(relates, "key"))
	}
	return r
}

// Replaces tells whether this event is a valid replacement of another (section
// "Validity of replacement events"), as far as these two tell.
func (e *Event) Replaces(original *Event) bool {
	if e.Relation.Type != Replacement || e.Relation.Parent != original.ID || e.Room != original.Room {
		return false
	}
	if e.Sender != original.Sender || e.Type != original.Type || original.StateKey != nil {
		return false
	}
	if original.RedactedBy != "" || original.Relation.Type == Replacement {
		return false
	}
	return e.Type == typeEncrypted || isObject(lookup(e.Content, "m.new_content"))
}
