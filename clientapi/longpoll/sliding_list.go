package longpoll

import (
	"slices"

	"github.com/tidwall/gjson"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/rooms"
)

// window is what the request's rules match of the user's list of rooms.
type window struct {
	order  []*entry
	wanted []*wants // of each place; nil: no rule matches
	counts map[string]int
	lists  map[id.RoomID][]string // which lists a room matches; nil unless asked for

	matched map[id.RoomID]bool // see rooms
}

// rooms gives the rooms that a rule matches.
func (w *window) rooms() map[id.RoomID]bool {
	if w.matched == nil {
		w.matched = make(map[id.RoomID]bool, len(w.order))
		for at, wants := range w.wanted {
			if wants != nil {
				w.matched[w.order[at].room] = true
			}
		}
	}
	return w.matched
}

// matching is a window being made.
type matching struct {
	*window
	union map[[2]*wants]*wants // what two rules want together
}

// slide matches the request's rules against the roster.
func (s *sliding) slide(v rooms.View, o *roster) (*window, error) {
	w := &window{order: o.order, wanted: make([]*wants, len(o.order)), counts: map[string]int{}}
	if s.req.Stable {
		w.lists = map[id.RoomID][]string{}
	}
	m := &matching{window: w, union: map[[2]*wants]*wants{}}
	for _, name := range keys(s.req.Lists) {
		list := s.req.Lists[name]
		children, err := s.childrenOf(v, o, list.Filters.Spaces)
		if err != nil {
			return nil, err
		}
		place := 0
		for at, e := range o.order {
			if !s.listed(e) || !list.Filters.takes(e, o) || children != nil && !children[e.room] {
				continue
			}
			if list.has(place) {
				if err := m.add(at, s.wishes[name]); err != nil {
					return nil, err
				}
				if w.lists != nil {
					w.lists[e.room] = append(w.lists[e.room], name)
				}
			}
			place++
		}
		w.counts[name] = place
	}
	for room, wants := range s.subscribed {
		e := o.byRoom[room]
		if e == nil || !s.subscribable(e) {
			continue
		}
		if err := m.add(o.place(e), wants); err != nil {
			return nil, err
		}
	}
	// The roster moves on when the view is over; the entries are replaced then, not
	// changed.
	w.order = slices.Clone(o.order)
	return w, nil
}

// add says that one more rule matches the room at a place.
func (m *matching) add(at int, more *wants) error {
	before := m.wanted[at]
	if before == nil || before == more {
		m.wanted[at] = more
		return nil
	}
	pair := [2]*wants{before, more}
	if m.union[pair] == nil {
		union, err := before.with(more)
		if err != nil {
			return err
		}
		m.union[pair] = union
	}
	m.wanted[at] = m.union[pair]
	return nil
}

// listed tells whether a room is in the connection's list: what the user has left
// is, if it had been told on this connection. What others have thrown the user
// out of always is.
func (s *sliding) listed(e *entry) bool { return !e.left || s.told(e.room) }

// subscribable tells whether a subscription to a room is heard.
func (s *sliding) subscribable(e *entry) bool {
	return e.current != "leave" && e.current != "ban" || s.told(e.room)
}

// told tells whether a room has ever been told on this connection.
func (s *sliding) told(room id.RoomID) bool {
	_, told := s.base.Rooms[room]
	return told
}

// takes tells whether a room passes the filter; spaces are looked at elsewhere.
func (f *SlidingFilter) takes(e *entry, o *roster) bool {
	for _, invited := range []*bool{f.Invite, f.Invited} {
		if invited != nil && *invited != (e.current == "invite") {
			return false
		}
	}
	if f.Direct != nil && *f.Direct != o.direct[e.room] || f.Encrypted != nil && *f.Encrypted != e.outline.Encrypted {
		return false
	}
	if f.Types != nil && !e.isOf(f.Types) || e.isOf(f.NotTypes) {
		return false
	}
	return (f.Tags == nil || o.tagged(e.room, f.Tags)) && !o.tagged(e.room, f.NotTags)
}

// isOf tells whether a room is of one of the types; nil is that of ordinary ones.
func (e *entry) isOf(types []*string) bool {
	for _, t := range types {
		if t == nil && e.outline.Type == "" || t != nil && *t == e.outline.Type {
			return true
		}
	}
	return false
}

func (o *roster) tagged(room id.RoomID, tags []string) bool {
	for _, tag := range tags {
		if o.tags[room][tag] {
			return true
		}
	}
	return false
}

// childrenOf gives the rooms of some spaces that the user is in, nil when no space
// is named.
func (s *sliding) childrenOf(v rooms.View, o *roster, spaces []id.RoomID) (map[id.RoomID]bool, error) {
	if spaces == nil {
		return nil, nil
	}
	var joined []id.RoomID
	for _, space := range spaces {
		if e := o.byRoom[space]; e != nil && e.current == "join" {
			joined = append(joined, space)
		}
	}
	loaded, err := v.Rooms(joined)
	if err != nil {
		return nil, err
	}
	children := map[id.RoomID]bool{}
	for _, space := range loaded {
		for _, e := range space.Settings() {
			if e.Type == "m.space.child" && gjson.GetBytes(e.Content, "via").IsArray() {
				children[id.RoomID(*e.StateKey)] = true
			}
		}
	}
	return children, nil
}
