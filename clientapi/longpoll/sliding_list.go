package longpoll

import (
	"encoding/json"
	"fmt"
	"slices"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/rooms"
)

// window is what the request's rules match of the user's list of rooms.
type window struct {
	places []*place // by recency
	byRoom map[id.RoomID]*place
	counts map[string]int // of each list

	// brief tells that places are only those that may have news. The window's rooms
	// are those that the connection has told up to its pos.
	brief bool
	base  *connection
}

// place is a room that rules match.
type place struct {
	entry  *entry
	wants  *wants
	listed bool     // a list matches it, not a subscription alone
	lists  []string // those that do, where an extension names lists
}

// has tells whether a rule matches a room.
func (w *window) has(room id.RoomID) bool {
	if w.brief {
		told, known := w.base.Rooms[room]
		return known && told.Since == 0
	}
	return w.byRoom[room] != nil
}

// rest says when a connection has told all there is to tell of the rooms that its
// rules match, but for what is newer than its pos: as long as the rules and the
// roster's sets are these. Only lists without an end may rest, since the others'
// windows move with recency.
type rest struct {
	rules  string
	roster *roster
	sets   uint64
}

// matching is a window being made.
type matching struct {
	*window
	union map[[2]*wants]*wants // what two rules want together
	names bool                 // note the lists' names
}

// slide matches the request's rules against the roster.
func (s *sliding) slide(v rooms.View, o *roster) (*window, error) {
	wanted := &s.req.Extensions
	m := &matching{
		window: &window{byRoom: map[id.RoomID]*place{}, counts: map[string]int{}, base: s.base},
		union:  map[[2]*wants]*wants{},
		names:  wanted.AccountData.namesLists() || wanted.Receipts.namesLists() || wanted.Typing.namesLists(),
	}
	s.rest = &rest{s.rules, o, o.sets}
	before := s.base.rest.Load()
	m.brief = before != nil && *before == *s.rest && s.c.tail && !s.c.counting &&
		wanted.AccountData.mayRest() && wanted.Receipts.mayRest() && wanted.Typing.mayRest()
	left := s.leftSince(o)
	for _, name := range keys(s.req.Lists) {
		order, err := s.filtered(v, o, name, left)
		if err != nil {
			return nil, err
		}
		m.counts[name] = len(order)
		if err := s.matchList(m, o, name, order); err != nil {
			return nil, err
		}
	}
	for room, wants := range s.subscribed {
		e := o.byRoom[room]
		if e == nil || !s.subscribable(e) || m.brief && !s.mayTell(e) {
			continue
		}
		if _, err := m.add(e, wants); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(m.places, func(a, b *place) int { return a.entry.rank(b.entry) })
	return m.window, nil
}

// mayTell tells whether there may be news of a room that is at rest.
func (s *sliding) mayTell(e *entry) bool { return e.last > s.c.since || s.found.read[e.room] }

// filtered gives the rooms that a list's filter takes, by recency.
func (s *sliding) filtered(v rooms.View, o *roster, name string, left []*entry) ([]*entry, error) {
	filter := s.req.Lists[name].Filters
	text, err := json.Marshal(filter)
	if err != nil {
		return nil, fmt.Errorf("write filter: %w", err)
	}
	view, err := o.view(v, &filter, string(text))
	if err != nil {
		return nil, err
	}
	order := view.order
	for i, e := range left {
		if !view.takes(&filter, e, o) {
			continue
		}
		if i == 0 || len(order) == len(view.order) {
			order = slices.Clone(order)
		}
		order = replaced(order, nil, e)
	}
	return order, nil
}

// matchList adds the rooms of one list.
func (s *sliding) matchList(m *matching, o *roster, name string, order []*entry) error {
	list := s.req.Lists[name]
	add := func(e *entry) error {
		place, err := m.add(e, s.wishes[name])
		if err != nil {
			return err
		}
		place.listed = true
		if m.names && !slices.Contains(place.lists, name) {
			place.lists = append(place.lists, name)
		}
		return nil
	}
	if m.brief {
		for _, e := range order {
			if e.last <= s.c.since {
				break
			}
			if err := add(e); err != nil {
				return err
			}
		}
		for room := range s.found.read {
			e := o.byRoom[room]
			if e == nil || e.last > s.c.since {
				continue
			}
			if _, has := indexOf(order, e); !has {
				continue
			}
			if err := add(e); err != nil {
				return err
			}
		}
		return nil
	}
	whole := false
	for _, r := range list.ranges(len(order)) {
		whole = whole || r == [2]int{0, len(order)}
		for _, e := range order[r[0]:r[1]] {
			if err := add(e); err != nil {
				return err
			}
		}
	}
	if !whole {
		s.rest = nil
	}
	return nil
}

// add says that one more rule matches a room.
func (m *matching) add(e *entry, more *wants) (*place, error) {
	at := m.byRoom[e.room]
	if at == nil {
		at = &place{entry: e, wants: more}
		m.byRoom[e.room] = at
		m.places = append(m.places, at)
		return at, nil
	}
	if at.wants == more {
		return at, nil
	}
	pair := [2]*wants{at.wants, more}
	if m.union[pair] == nil {
		union, err := at.wants.with(more)
		if err != nil {
			return nil, err
		}
		m.union[pair] = union
	}
	at.wants = m.union[pair]
	return at, nil
}

// leftSince gives the rooms that the user has left since they were told on this
// connection: they stay in its lists.
func (s *sliding) leftSince(o *roster) []*entry {
	var left []*entry
	if s.base.serial == 0 {
		return nil
	}
	for _, e := range o.departed() {
		if e.last <= s.base.Begun {
			break
		}
		if s.told(e.room) {
			left = append(left, e)
		}
	}
	return left
}

// subscribable tells whether a subscription to a room is heard: the user is in it
// or about to be, or is to learn how that ended.
func (s *sliding) subscribable(e *entry) bool {
	return e.current != "leave" && e.current != "ban" || s.told(e.room)
}

// told tells whether a room has ever been told on this connection.
func (s *sliding) told(room id.RoomID) bool {
	_, told := s.base.Rooms[room]
	return told
}

// covers tells whether an extension is to tell of a room.
func (s *sliding) covers(e *Extension, room id.RoomID) bool {
	if !e.Enabled || !s.window.has(room) {
		return false
	}
	named := e.Rooms != nil && slices.Contains(*e.Rooms, string(room))
	if named || s.subscribed[room] != nil && takesAll(e.Rooms) {
		return true
	}
	at := s.window.byRoom[room]
	switch {
	case takesAll(e.Lists):
		return at == nil || at.listed
	case at == nil:
		return false
	}
	return slices.ContainsFunc(at.lists, func(name string) bool { return slices.Contains(*e.Lists, name) })
}

// mayRest tells whether it is known without the window's places what an extension
// covers.
func (e *Extension) mayRest() bool {
	return !e.Enabled || takesAll(e.Lists) && takesAll(e.Rooms) || e.Lists != nil && len(*e.Lists) == 0
}

// lack gives what will not have been told of a room after this answer.
func (s *sliding) lack(room id.RoomID) (lack lacks) {
	if !s.covers(&s.req.Extensions.AccountData, room) {
		lack |= lacksData
	}
	if !s.covers(&s.req.Extensions.Receipts, room) {
		lack |= lacksReceipts
	}
	return lack
}
