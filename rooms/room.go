package rooms

import (
	"encoding/json"
	"maps"
	"slices"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/rooms/event"
	"github.com/conversalabs/internalchat/storage/stream"
)

// RecentEvents is how many of its newest events a room keeps in memory.
const RecentEvents = 32

// stateKey is what a state event replaces.
type stateKey struct{ eventType, key string }

// Room is the current state of one room, and its newest events. It is guarded
// by whoever holds it (the storage); what it gives out, events, never changes.
//
// A fork is a Room on top of another: it sees what its base has and keeps what
// is applied to it for itself. An act works on a fork.
type Room struct {
	ID      id.RoomID
	Version id.RoomVersion
	// Published tells whether the room stands in the account's public directory.
	Published bool

	base    *Room
	state   map[stateKey]*event.Event
	members map[id.UserID]*event.Event
	levels  *event.PowerLevels
	channel Channel
	last    *event.Event
	joined  int
	invited int
	recent  []*event.Event // oldest first; complete from recent[0] on
	// history holds the changes of history visibility, oldest first.
	history []visibilityChange
}

// NewRoom makes an empty room.
func NewRoom(roomID id.RoomID, version id.RoomVersion) *Room {
	return &Room{
		ID: roomID, Version: version,
		state: map[stateKey]*event.Event{}, members: map[id.UserID]*event.Event{},
		levels: event.ParsePowerLevels(version, nil, nil),
	}
}

// Fork makes a room on top of r.
func (r *Room) Fork() *Room {
	f := *r
	f.base = r
	f.state = map[stateKey]*event.Event{}
	f.members = map[id.UserID]*event.Event{}
	f.recent = nil
	f.history = slices.Clip(r.history)
	return &f
}

// Apply brings in the room's next event.
func (r *Room) Apply(e *event.Event) {
	if e.StateKey != nil {
		r.applyState(e)
	}
	r.last = e
	if r.base != nil {
		return
	}
	if len(r.recent) == 2*RecentEvents {
		r.recent = append(make([]*event.Event, 0, 2*RecentEvents), r.recent[RecentEvents:]...)
	}
	r.recent = append(r.recent, e)
}

func (r *Room) applyState(e *event.Event) {
	if e.Type == "m.room.member" {
		user := id.UserID(*e.StateKey)
		r.count(r.Membership(user), -1)
		r.members[user] = e
		r.count(MembershipOf(e), +1)
		return
	}
	r.state[stateKey{e.Type, *e.StateKey}] = e
	if *e.StateKey != "" {
		return
	}
	switch e.Type {
	case "m.room.power_levels", "m.room.create":
		r.levels = event.ParsePowerLevels(r.Version, r.Event("m.room.create", ""), r.Event("m.room.power_levels", ""))
	case "m.room.history_visibility":
		r.history = append(r.history, visibilityChange{e.Position, historyVisibility(e)})
	case channelType:
		r.channel = channelOf(e)
	}
}

func (r *Room) count(membership string, by int) {
	switch membership {
	case "join":
		r.joined += by
	case "invite":
		r.invited += by
	}
}

// Load fills an empty room with its current state, the whole history of its
// history visibility, and its newest events, oldest first.
func (r *Room) Load(state, visibilities, recent []*event.Event) {
	for _, e := range state {
		r.applyState(e)
		if r.last == nil || e.Position > r.last.Position {
			r.last = e
		}
	}
	r.history = nil
	for _, e := range visibilities {
		r.history = append(r.history, visibilityChange{e.Position, historyVisibility(e)})
	}
	r.recent = append(r.recent, recent...)
	if len(recent) > 0 {
		r.last = recent[len(recent)-1]
	}
}

// Replace puts the redacted form of an event in its place.
func (r *Room) Replace(e *event.Event) {
	if e.StateKey != nil {
		if current := r.Event(e.Type, *e.StateKey); current != nil && current.ID == e.ID {
			r.applyRedacted(e)
		}
	}
	if r.last != nil && r.last.ID == e.ID {
		r.last = e
	}
	for i, old := range r.recent {
		if old.ID == e.ID {
			// Readers may hold the slice: they keep the old array.
			r.recent = append(make([]*event.Event, 0, 2*RecentEvents), r.recent...)
			r.recent[i] = e
		}
	}
}

// applyRedacted keeps the history of visibility: what a redaction takes from it
// counts as the default from then on, as everywhere else.
func (r *Room) applyRedacted(e *event.Event) {
	history := r.history
	r.applyState(e)
	if e.Type == "m.room.history_visibility" {
		r.history = append([]visibilityChange(nil), history...)
		for i := range r.history {
			if r.history[i].position == e.Position {
				r.history[i].visibility = historyVisibility(e)
			}
		}
	}
}

// Event gives the current state event of this type and key, or nil.
func (r *Room) Event(eventType, key string) *event.Event {
	for at := r; at != nil; at = at.base {
		var e *event.Event
		if eventType == "m.room.member" {
			e = at.members[id.UserID(key)]
		} else {
			e = at.state[stateKey{eventType, key}]
		}
		if e != nil {
			return e
		}
	}
	return nil
}

// PowerLevels gives the room's current power levels.
func (r *Room) PowerLevels() *event.PowerLevels { return r.levels }

// Member gives a user's current m.room.member event, or nil.
func (r *Room) Member(user id.UserID) *event.Event { return r.Event("m.room.member", string(user)) }

// Membership gives join, invite, knock, leave, ban, or "" for who never had any.
func (r *Room) Membership(user id.UserID) string {
	if e := r.Member(user); e != nil {
		return MembershipOf(e)
	}
	return ""
}

// Joined tells whether the user is in the room now.
func (r *Room) Joined(user id.UserID) bool { return r.Membership(user) == "join" }

// JoinedCount and InvitedCount are the numbers of m.room.summary.
func (r *Room) JoinedCount() int { return r.joined }

// InvitedCount is how many are invited and have not answered.
func (r *Room) InvitedCount() int { return r.invited }

// Last gives the room's newest event, nil in a room that is just being made.
func (r *Room) Last() *event.Event { return r.last }

// State gives all current state events, members included, in no order.
func (r *Room) State() []*event.Event {
	all := r.Settings()
	for _, e := range r.Members() {
		all = append(all, e)
	}
	return all
}

// Settings gives all current state events but the members, in no order.
func (r *Room) Settings() []*event.Event {
	all := make([]*event.Event, 0, len(r.state))
	merged := r.state
	if r.base != nil {
		merged = map[stateKey]*event.Event{}
		for _, at := range r.line() {
			maps.Copy(merged, at.state)
		}
	}
	for _, e := range merged {
		all = append(all, e)
	}
	return all
}

// Members gives every current m.room.member event by user. It must not be
// changed.
func (r *Room) Members() map[id.UserID]*event.Event {
	if r.base == nil {
		return r.members
	}
	merged := map[id.UserID]*event.Event{}
	for _, at := range r.line() {
		maps.Copy(merged, at.members)
	}
	return merged
}

// line gives the room and its bases, the lowest first.
func (r *Room) line() []*Room {
	if r.base == nil {
		return []*Room{r}
	}
	return append(r.base.line(), r)
}

// Recent gives the newest events above a position, oldest first, and false
// when memory does not reach back that far.
func (r *Room) Recent(after stream.Position) ([]*event.Event, bool) {
	i := len(r.recent)
	for i > 0 && r.recent[i-1].Position > after {
		i--
	}
	complete := i > 0 || (len(r.recent) > 0 && r.recent[0].Type == "m.room.create")
	return r.recent[i:len(r.recent):len(r.recent)], complete
}

// MembershipOf gives the membership in an m.room.member event's content.
func MembershipOf(e *event.Event) string {
	var content struct {
		Membership string `json:"membership"`
	}
	if json.Unmarshal(e.Content, &content) != nil {
		return ""
	}
	return content.Membership
}
