package search

import (
	"strings"

	"github.com/tidwall/gjson"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/rooms/event"
	"github.com/conversalabs/internalchat/storage/stream"
)

// keys are where the texts of events stand that are searched, by type of event.
var keys = map[string]string{
	"m.room.message": "body",
	"m.room.name":    "name",
	"m.room.topic":   "topic",
}

const redaction = "m.room.redaction"

// Types gives the types of events that change the index.
func Types() []string {
	all := []string{redaction}
	for eventType := range keys {
		all = append(all, eventType)
	}
	return all
}

// Document is one text that a message has had. A message that was edited has
// several; each counts until the next.
type Document struct {
	Source  *event.Event // says it: the message, or an edit
	Message *event.Event // is found by it
	Words   []string     // folded; never empty
}

// Change is one change to the index: a document that is added, or, where that is
// nil, an event from which everything was taken.
type Change struct {
	Added    *Document
	Redacted *event.Event
}

// Related gives the events that [Changes] needs beside these.
func Related(events []*event.Event) []id.EventID {
	var wanted []id.EventID
	for _, e := range events {
		if e.Type == redaction && e.Redacts != "" {
			wanted = append(wanted, e.Redacts)
		} else if original := edits(e); original != "" {
			wanted = append(wanted, original)
		}
	}
	return wanted
}

// Changes gives what events, in the order of the stream, change in the index.
func Changes(events []*event.Event, related map[id.EventID]*event.Event) []Change {
	var changes []Change
	for _, e := range events {
		if e.Type == redaction {
			if redacted := related[e.Redacts]; redacted != nil && redacted.RedactedBy != "" {
				changes = append(changes, Change{Redacted: redacted})
			}
			continue
		}
		if d := documentOf(e, related); d != nil {
			changes = append(changes, Change{Added: d})
		}
	}
	return changes
}

// documentOf gives what an event says, or nil. An edit that counts for nothing (of
// another's message, of an edit) says nothing.
func documentOf(e *event.Event, related map[id.EventID]*event.Event) *Document {
	if e.RedactedBy != "" || (e.Type == "m.room.message") != (e.StateKey == nil) {
		return nil
	}
	d := &Document{Source: e, Message: e}
	if original := edits(e); original != "" {
		d.Message = related[original]
		if d.Message == nil || !edited(d.Message, e) {
			return nil
		}
	}
	d.Words = Words(textOf(e))
	if len(d.Words) == 0 {
		return nil
	}
	return d
}

// edited tells whether an edit counts (section "Validity of replacement events").
func edited(message, edit *event.Event) bool {
	return message.RedactedBy == "" && message.StateKey == nil && edits(message) == "" &&
		message.Type == edit.Type && message.Room == edit.Room && message.Sender == edit.Sender &&
		message.Position < edit.Position
}

// edits gives the message that an event is an edit of, or "".
func edits(e *event.Event) id.EventID {
	if e.Type != "m.room.message" {
		return ""
	}
	relation := gjson.GetBytes(e.Content, `m\.relates_to`)
	if relation.Get("rel_type").Str != "m.replace" {
		return ""
	}
	return id.EventID(relation.Get("event_id").Str)
}

// textOf gives the text that an event says: of an edit, the new one; of a share card,
// its title and summary too.
func textOf(e *event.Event) string {
	key := keys[e.Type]
	if edits(e) != "" {
		key = `m\.new_content.` + key
	}
	text := gjson.GetBytes(e.Content, key)
	if text.Type != gjson.String {
		return ""
	}
	if card := gjson.GetBytes(e.Content, cardKey); card.Exists() && edits(e) == "" {
		return text.Str + "\n" + card.Get("title").Str + "\n" + card.Get("summary").Str
	}
	return text.Str
}

// cardKey is the path of a share card, whose words are found too.
var cardKey = strings.ReplaceAll(event.CardKey, ".", `\.`)

// Never is the position of an edit that has not been made.
const Never stream.Position = 1 << 62
