package longpoll

import (
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/rooms/event"
)

// stateKey is what a state event replaces.
type stateKey struct{ eventType, key string }

func keyOf(e *event.Event) stateKey { return stateKey{e.Type, *e.StateKey} }

// chooseState makes the state to be told: what held at the timeline's start, as
// far as it is news. What changed later and does not stand in the timeline (a
// filter, or history visibility) is told here too, or the reader would never
// learn of it. With use_state_after it is what holds at the timeline's end.
func (r *room) chooseState(reading *reading) {
	filter := &reading.filter.Room.State
	after := reading.req.UseStateAfter
	shown := map[id.EventID]bool{}
	for _, e := range r.timeline {
		shown[e.ID] = true
	}
	before := r.before()
	wanted := r.wantedMembers(filter)
	for _, e := range r.current {
		if !after && e.Position > r.start && shown[e.ID] {
			if e = before[keyOf(e)]; e == nil {
				continue
			}
		}
		member := e.Type == "m.room.member"
		asked := wanted != nil && member && wanted[id.UserID(*e.StateKey)]
		if e.Position <= r.lower && !asked {
			continue
		}
		if wanted != nil && member && r.whole() && !asked {
			continue
		}
		if filter.Match(e) {
			r.state = append(r.state, e)
		}
	}
	sortByPosition(r.state)
}

// before gives, for the state that changed behind the timeline's start, what
// held there.
func (r *room) before() map[stateKey]*event.Event {
	before := map[stateKey]*event.Event{}
	for _, e := range r.known {
		if e.StateKey == nil || e.Position <= r.start {
			continue
		}
		if _, earlier := before[keyOf(e)]; !earlier {
			before[keyOf(e)] = r.replaced[e]
		}
	}
	return before
}

// wantedMembers gives whose member events lazy loading wants; nil where members
// are not loaded lazily.
func (r *room) wantedMembers(filter *rooms.RoomEventFilter) map[id.UserID]bool {
	if !filter.LazyLoadMembers {
		return nil
	}
	wanted := map[id.UserID]bool{}
	for _, e := range r.timeline {
		wanted[e.Sender] = true
	}
	if r.whole() {
		wanted[r.user] = true
	}
	if r.summary != nil {
		for _, e := range r.summary.heroes {
			wanted[id.UserID(*e.StateKey)] = true
		}
	}
	return wanted
}
