package event

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"strconv"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/clientapi/refusal"
)

// The event types that have rules of their own.
const (
	typeAliases          = "m.room.aliases"
	typeCreate           = "m.room.create"
	typeEncrypted        = "m.room.encrypted"
	typeJoinRules        = "m.room.join_rules"
	typeMember           = "m.room.member"
	typePowerLevels      = "m.room.power_levels"
	typeRedaction        = "m.room.redaction"
	typeThirdPartyInvite = "m.room.third_party_invite"
)

// Draft is an event before it has an ID.
type Draft struct {
	Room     id.RoomID // "" for an m.room.create of version 12, whose hash names the room
	Sender   id.UserID
	Type     string
	StateKey *string // nil: not a state event
	// Content is a JSON object that was strictly decoded already; Build keeps of it
	// what [Content] gives.
	Content json.RawMessage
	// Card is a share card that the server puts into the content ([CardKey]), or nil.
	Card json.RawMessage
	// Redacts is the event that an m.room.redaction names. Build moves it to
	// where the room version keeps it; "" takes it from the content.
	Redacts   id.EventID
	Timestamp int64  // origin_server_ts, milliseconds
	Prev      *Event // the room's last event, nil for the create event
	// Random names events of room version 2, whose IDs are not hashes; nil is
	// crypto/rand.
	Random io.Reader
}

// Build makes the event: canonical content, auth_events from state, content
// hash and ID. It refuses what no event can be: 413 M_TOO_LARGE over
// [MaxBytes] or [MaxIDBytes], 400 for malformed IDs and for content that
// [Canonical] refuses. It does not ask whether the sender may send it: see
// [Authorise]. State may be nil for a create event.
func Build(v id.RoomVersion, d Draft, state State) (*Event, error) {
	r := versions[v]
	if r == nil {
		return nil, fmt.Errorf("build %s: room version %q is not supported", d.Type, v)
	}
	content, err := Content(d.Content)
	if err != nil {
		return nil, err
	}
	if !isObject(content) {
		return nil, refusal.BadJSON("The content of an event must be a JSON object.")
	}
	if d.Card != nil {
		if content, err = withCard(content, d.Card); err != nil {
			return nil, err
		}
	}
	if content, err = r.nameRedacted(&d, content); err != nil {
		return nil, err
	}
	if err := r.checkDraft(&d); err != nil {
		return nil, err
	}
	e := &Event{
		Room: d.Room, Sender: d.Sender, Type: d.Type,
		Timestamp: d.Timestamp, Depth: 1, Redacts: d.Redacts,
	}
	if d.StateKey != nil {
		e.StateKey = new(*d.StateKey)
	}
	if d.Prev != nil {
		e.Depth = d.Prev.Depth + 1
	}
	if r.hashID == nil {
		if e.ID, err = randomID(&d); err != nil {
			return nil, err
		}
	}
	r.write(e, content, r.authEvents(&d, content, state), d.Prev)
	if len(e.JSON) > MaxBytes {
		return nil, refusal.TooLarge("This event is larger than %d bytes.", MaxBytes)
	}
	e.complete(r)
	return e, nil
}

// checkDraft refuses what is no event in any room.
func (r *rules) checkDraft(d *Draft) error {
	switch {
	case len(d.Type) > MaxIDBytes, d.StateKey != nil && len(*d.StateKey) > MaxIDBytes,
		len(d.Sender) > MaxIDBytes, len(d.Room) > MaxIDBytes:
		return refusal.TooLarge("Event types, state keys and IDs cannot be longer than %d bytes.", MaxIDBytes)
	case d.Type == "" || !printable(d.Type):
		return refusal.Invalid("An event needs a type.")
	case d.StateKey != nil && !storable(*d.StateKey):
		return refusal.Invalid("The state key of this event is not valid text.")
	case !ValidUserID(d.Sender):
		return refusal.Invalid("%s is not a user ID.", string(d.Sender))
	case d.Timestamp < 0 || d.Timestamp > maxInteger:
		return refusal.Invalid("The time of this event is out of range.")
	}
	valid := validServerRoomID(d.Room)
	if r.creatorsRule {
		valid = validHashedRoomID(d.Room)
		if d.Type == typeCreate && d.Prev == nil {
			valid = d.Room == ""
		}
	}
	if !valid {
		return refusal.Invalid("%s is not the ID of a room of version %s.", string(d.Room), string(r.version))
	}
	return nil
}

// nameRedacted finds what a redaction redacts, and gives its content with that
// name, or without it, as the room version wants it. Other events redact nothing.
func (r *rules) nameRedacted(d *Draft, content []byte) ([]byte, error) {
	if d.Type != typeRedaction {
		d.Redacts = ""
		return content, nil
	}
	named := lookup(content, "redacts")
	if d.Redacts == "" {
		redacts, _ := text(named)
		d.Redacts = id.EventID(redacts)
	}
	if !ValidEventID(d.Redacts) {
		return nil, refusal.Invalid("A redaction must name the event that it redacts.")
	}
	if r.redactsInContent {
		return put(content, "redacts", appendText(nil, string(d.Redacts))), nil
	}
	return put(content, "redacts", nil), nil
}

// authEvents picks the state that justifies the event, as the room version's
// authorisation rules list it.
func (r *rules) authEvents(d *Draft, content []byte, state State) []*Event {
	if d.Type == typeCreate || state == nil {
		return nil
	}
	events := make([]*Event, 0, 6)
	add := func(eventType, stateKey string) {
		e := state.Event(eventType, stateKey)
		if e == nil {
			return
		}
		for _, have := range events {
			if have.ID == e.ID {
				return
			}
		}
		events = append(events, e)
	}
	if !r.creatorsRule {
		add(typeCreate, "")
	}
	if d.Type == typeMember {
		switch membership, _ := text(lookup(content, "membership")); membership {
		case "join", "invite", "knock":
			add(typeJoinRules, "")
		}
	}
	add(typePowerLevels, "")
	add(typeMember, string(d.Sender))
	if d.Type == typeMember && d.StateKey != nil {
		add(typeMember, *d.StateKey)
		if via, ok := text(lookup(content, authorisedVia)); ok && r.restricted {
			add(typeMember, via)
		}
	}
	return events
}

// hashBytes is the length of a SHA-256 hash in unpadded base64.
const hashBytes = 43

// write fills in JSON, Content and, where it is a hash, ID.
func (r *rules) write(e *Event, content []byte, auth []*Event, prev *Event) {
	out := append(make([]byte, 0, len(content)+1024), `{"auth_events":`...)
	out = r.appendReferences(out, auth)
	out = append(out, `,"content":`...)
	contentStart := len(out)
	out = append(out, content...)
	contentEnd := len(out)
	out = append(out, `,"depth":`...)
	out = strconv.AppendInt(out, e.Depth, 10)
	if r.hashID == nil {
		out = append(out, `,"event_id":`...)
		out = appendText(out, string(e.ID))
	}
	hashesStart := len(out)
	out = append(out, `,"hashes":{"sha256":"`...)
	hashAt := len(out)
	out = append(out, make([]byte, hashBytes)...)
	out = append(out, `"}`...)
	hashesEnd := len(out)
	out = append(out, `,"origin_server_ts":`...)
	out = strconv.AppendInt(out, e.Timestamp, 10)
	out = append(out, `,"prev_events":`...)
	if prev == nil {
		out = append(out, '[', ']')
	} else {
		out = r.appendReferences(out, []*Event{prev})
	}
	redactsStart := len(out)
	if e.Redacts != "" && !r.redactsInContent {
		out = append(out, `,"redacts":`...)
		out = appendText(out, string(e.Redacts))
	}
	redactsEnd := len(out)
	out = appendTail(out, e)

	// The content hash covers everything but the hashes, the ID everything that
	// a redaction leaves.
	base64.RawStdEncoding.Encode(out[hashAt:], hash(out[:hashesStart], out[hashesEnd:]))
	if r.hashID != nil {
		kept := r.redactContent(nil, e.Type, content)
		sum := hash(out[:contentStart], kept, out[contentEnd:redactsStart], out[redactsEnd:])
		e.ID = id.EventID("$" + r.hashID.EncodeToString(sum))
	}
	e.JSON = out
	e.Content = out[contentStart:contentEnd:contentEnd]
}

// appendTail appends the last keys of an event, and the closing brace.
func appendTail(out []byte, e *Event) []byte {
	if e.Room != "" {
		out = append(out, `,"room_id":`...)
		out = appendText(out, string(e.Room))
	}
	out = append(out, `,"sender":`...)
	out = appendText(out, string(e.Sender))
	if e.StateKey != nil {
		out = append(out, `,"state_key":`...)
		out = appendText(out, *e.StateKey)
	}
	out = append(out, `,"type":`...)
	out = appendText(out, e.Type)
	return append(out, '}')
}

// appendReferences appends the events as auth_events and prev_events name them:
// by ID, in version 2 by ID and hash.
func (r *rules) appendReferences(out []byte, events []*Event) []byte {
	out = append(out, '[')
	for i, e := range events {
		if i > 0 {
			out = append(out, ',')
		}
		if r.hashID != nil {
			out = appendText(out, string(e.ID))
			continue
		}
		sum := r.referenceHash(e.Type, e.JSON)
		out = append(out, '[')
		out = appendText(out, string(e.ID))
		out = append(out, `,{"sha256":"`...)
		out = base64.RawStdEncoding.AppendEncode(out, sum[:])
		out = append(out, `"}]`...)
	}
	return append(out, ']')
}

func hash(parts ...[]byte) []byte {
	h := sha256.New()
	for _, part := range parts {
		h.Write(part)
	}
	return h.Sum(nil)
}

// randomID names an event of version 2.
func randomID(d *Draft) (id.EventID, error) {
	source := d.Random
	if source == nil {
		source = rand.Reader
	}
	var b [24]byte
	if _, err := io.ReadFull(source, b[:]); err != nil {
		return "", fmt.Errorf("name event: %w", err)
	}
	return id.EventID("$" + base64.RawURLEncoding.EncodeToString(b[:]) + ":" + d.Sender.Homeserver()), nil
}
