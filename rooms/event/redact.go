package event

import (
	"crypto/sha256"
	"fmt"

	"maunium.net/go/mautrix/id"
)

// Redact gives the event without everything that the redaction algorithm of its
// room version removes. ID and Position stay, RedactedBy is set, e is untouched.
func Redact(v id.RoomVersion, e *Event, by id.EventID) (*Event, error) {
	r := versions[v]
	if r == nil {
		return nil, fmt.Errorf("redact event %s: room version %q is not supported", e.ID, v)
	}
	redacted, err := Parse(v, e.ID, r.redact(e.Type, e.JSON))
	if err != nil {
		return nil, fmt.Errorf("redact event: %w", err)
	}
	redacted.Position = e.Position
	redacted.RedactedBy = by
	redacted.Device, redacted.Transaction, redacted.Delay = e.Device, e.Transaction, e.Delay
	return redacted, nil
}

// redact gives an event's JSON as a redaction leaves it.
func (r *rules) redact(eventType string, event []byte) []byte {
	out := append(make([]byte, 0, len(event)), '{')
	for key, value := range members(event) {
		if !r.keepTop[string(key)] {
			continue
		}
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(out, '"')
		out = append(out, key...)
		out = append(out, '"', ':')
		if string(key) == "content" {
			out = r.redactContent(out, eventType, value)
		} else {
			out = append(out, value...)
		}
	}
	return append(out, '}')
}

// redactContent appends what a redaction leaves of a content.
func (r *rules) redactContent(out []byte, eventType string, content []byte) []byte {
	if r.keepCreate && eventType == typeCreate {
		return append(out, content...)
	}
	keep := r.keep[eventType]
	if len(keep) == 0 {
		return append(out, '{', '}')
	}
	return only(out, content, keep)
}

// referenceHash is the hash that other events of version 2 name beside an
// event's ID, and that is the ID in later versions.
func (r *rules) referenceHash(eventType string, event []byte) [sha256.Size]byte {
	return sha256.Sum256(r.redact(eventType, event))
}
