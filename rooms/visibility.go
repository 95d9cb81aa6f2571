package rooms

import (
	"encoding/json"
	"slices"

	"github.com/conversalabs/internalchat/rooms/event"
	"github.com/conversalabs/internalchat/storage/stream"
)

// visibilityChange says that history visibility became this at that position.
type visibilityChange struct {
	position   stream.Position
	visibility string
}

// historyVisibility gives the value in an m.room.history_visibility event;
// anything unknown counts as shared, as the specification says.
func historyVisibility(e *event.Event) string {
	var content struct {
		HistoryVisibility string `json:"history_visibility"`
	}
	if json.Unmarshal(e.Content, &content) != nil {
		return "shared"
	}
	switch content.HistoryVisibility {
	case "world_readable", "invited", "joined":
		return content.HistoryVisibility
	}
	return "shared"
}

// Span says that a user's membership in a room became this at that position.
type Span struct {
	Position   stream.Position
	Membership string
	ByOther    bool // of a leave: somebody else's doing
}

// Spans is a user's whole history of membership in one room, oldest first.
// Member events that change no membership (a new display name) make no span.
type Spans []Span

// With gives the history with one more member event.
func (s Spans) With(more Span) Spans {
	if s.Current() == more.Membership {
		return s
	}
	return append(slices.Clip(s), more)
}

// WithEvent is With for the user's m.room.member event.
func (s Spans) WithEvent(e *event.Event) Spans {
	membership := MembershipOf(e)
	return s.With(Span{e.Position, membership, membership == "leave" && string(e.Sender) != *e.StateKey})
}

// Kicked tells whether somebody else ended the user's stay, and nothing has come
// of it since.
func (s Spans) Kicked() bool {
	n := len(s)
	return n > 1 && s[n-1].ByOther && s[n-2].Membership == "join"
}

// Current gives the newest membership, or "".
func (s Spans) Current() string {
	if len(s) == 0 {
		return ""
	}
	return s[len(s)-1].Membership
}

// At gives the membership that held just behind this position.
func (s Spans) At(p stream.Position) string {
	for _, v := range slices.Backward(s) {
		if v.Position <= p {
			return v.Membership
		}
	}
	return ""
}

// Since gives the position from which the current membership has held.
func (s Spans) Since() stream.Position {
	if len(s) == 0 {
		return 0
	}
	return s[len(s)-1].Position
}

// Ever tells whether the user has ever been joined.
func (s Spans) Ever() bool {
	for _, span := range s {
		if span.Membership == "join" {
			return true
		}
	}
	return false
}

// Visibility answers, for one user and one room, who may see what. It is the
// only place that does.
type Visibility struct {
	spans   Spans
	history []visibilityChange
	forgot  bool
}

// VisibilityOf makes the answer of a room and a user's history in it. A room
// that the user has forgotten shows nothing but what everybody may see.
func VisibilityOf(r *Room, spans Spans, forgot bool) Visibility {
	return Visibility{spans: spans, history: r.history, forgot: forgot}
}

// Room tells whether the user may look into the room at all: its state, its
// timeline. Who has left may, up to their leave.
func (v Visibility) Room() bool {
	if v.spans.Ever() && !v.forgot {
		return true
	}
	return v.at(1<<62) == "world_readable"
}

// Until gives the position up to which the room's state and timeline are open
// to the user: no bound for members, their leave for those who left.
func (v Visibility) Until(head stream.Position) stream.Position {
	if v.spans.Current() == "join" || v.at(1<<62) == "world_readable" {
		return head
	}
	for i := len(v.spans) - 1; i > 0; i-- {
		if v.spans[i-1].Membership == "join" {
			return v.spans[i].Position
		}
	}
	return 0
}

// Event tells whether the user may see this event of the room (section "Room
// history visibility" of the client-server specification).
func (v Visibility) Event(e *event.Event) bool {
	p := e.Position
	before, after := v.at(p-1), v.at(p)
	if before == "world_readable" || after == "world_readable" {
		return true
	}
	if v.forgot {
		return false
	}
	// One sees one's own comings and goings, and the last thing seen on leaving
	// is the leave itself.
	if v.spans.At(p) == "join" || v.spans.At(p-1) == "join" {
		return true
	}
	if !v.rejoined(p) {
		return false
	}
	switch {
	case before == "shared" || after == "shared":
		return true
	case before == "invited" || after == "invited":
		return v.spans.At(p) == "invite" || v.spans.At(p-1) == "invite"
	default:
		return e.Type == "m.room.member" && e.StateKey != nil && v.spans.startsAt(p)
	}
}

// rejoined tells whether the user joined at some time behind the position.
func (v Visibility) rejoined(p stream.Position) bool {
	for _, span := range v.spans {
		if span.Membership == "join" && span.Position > p {
			return true
		}
	}
	return false
}

func (s Spans) startsAt(p stream.Position) bool {
	for _, span := range s {
		if span.Position == p {
			return true
		}
	}
	return false
}

// at gives the history visibility that held just behind a position.
func (v Visibility) at(p stream.Position) string {
	for _, v0 := range slices.Backward(v.history) {
		if v0.position <= p {
			return v0.visibility
		}
	}
	return "shared"
}
