package longpoll

import (
	"slices"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/rooms/event"
	"github.com/conversalabs/internalchat/storage/stream"
)

// slid is what a room is in the sliding sync.
type slid struct {
	entry *entry
	wants *wants
	old   *wants // what was wanted when it was last told; nil where that does not matter
	first bool   // tell all of it
	wider bool   // tell a longer timeline, of what has been told too
	since stream.Position
	now   told // how far it is told by this answer
	// apart tells that there is something to say besides events: it is a direct
	// room or no longer, or other lists match it.
	apart bool

	name, avatar *event.Event
	own          *event.Event // the reader's membership, where the reader is no member
}

// exceeds tells whether a state event is told because it was not wanted before.
func (s *slid) exceeds(e *event.Event) bool { return s.old != nil && !s.old.matches(e) }

// takeRooms makes the rooms that have something to tell, and notes how far all of
// the window's are told.
func (s *sliding) takeRooms(v rooms.View, g *gathering) error {
	s.next = s.base.draft()
	s.stale, s.staleSince, s.lacking = nil, 0, map[lacks][]id.RoomID{}
	s.next.count(s.window.counts)
	var slids []*slid
	var wanted []id.RoomID
	live := 0
	for _, at := range s.window.places {
		told, known := s.base.Rooms[at.entry.room]
		if known && told.Since == 0 {
			live++
		}
		if slid := s.slidOf(at, told, known, g); slid != nil {
			slids = append(slids, slid)
			wanted = append(wanted, at.entry.room)
		}
	}
	if live < s.base.live && !s.window.brief {
		for room, told := range s.base.Rooms {
			if told.Since == 0 && !s.window.has(room) {
				told.Since = g.c.since
				s.next.tell(room, s.base.Wants[told.Wants], told)
			}
		}
	}
	loaded, err := v.Rooms(wanted)
	if err != nil {
		return err
	}
	byID := make(map[id.RoomID]*rooms.Room, len(loaded))
	for _, state := range loaded {
		byID[state.ID] = state
	}
	for _, slid := range slids {
		if state := byID[slid.entry.room]; state != nil {
			if err := s.takeRoom(v, g, slid, state); err != nil {
				return err
			}
		}
	}
	if len(s.c.rooms) < len(slids) {
		s.rest = nil // a room that is not shown is not told, and looked at again
	}
	return nil
}

// slidOf tells what there may be to say of a room of the window; nil for nothing.
func (s *sliding) slidOf(at *place, before told, known bool, g *gathering) *slid {
	e, w := at.entry, at.wants
	joins := e.current == "join"
	now := told{Direct: s.direct[e.room], Lacks: s.lack(e.room)}
	if !known {
		return &slid{entry: e, wants: w, first: true, now: now}
	}
	since := before.Since
	if since == 0 {
		since = g.c.since
	}
	old := s.base.Wants[before.Wants]
	more := joins && w.mayExceed(old)
	wider := joins && w.Limit > old.Limit
	first := joins && g.memberships[e.room].At(since) != "join"
	if before.Since != 0 && joins && !first {
		s.stale = append(s.stale, e.room)
		if s.staleSince == 0 || since < s.staleSince {
			s.staleSince = since
		}
	}
	if !first {
		s.catchUp(e.room, before.Lacks, &now)
	}
	apart := joins && now.Direct != before.Direct || !slices.Equal(w.Lists, old.Lists)
	if !more && !wider && !first && !apart && e.last <= since && (!joins || !s.recounts(e.room)) {
		now.Direct = before.Direct
		s.next.tell(e.room, old, now)
		return nil
	}
	slid := &slid{entry: e, wants: w, since: since, wider: wider, first: first, apart: apart, now: now}
	if more {
		slid.old = old
	}
	return slid
}

// catchUp asks for what an extension covers now of a room and did not before. What
// is still not covered is lacking all the more.
func (s *sliding) catchUp(room id.RoomID, before lacks, now *told) {
	for _, kind := range []lacks{lacksData, lacksReceipts} {
		if before&kind != 0 && now.Lacks&kind == 0 {
			s.lacking[kind] = append(s.lacking[kind], room)
		}
	}
}

// recounts tells whether the counts of a room with no new events may be others.
func (s *sliding) recounts(room id.RoomID) bool { return s.c.counting || s.found.read[room] }

// takeRoom makes one room, from where it was last told on.
func (s *sliding) takeRoom(v rooms.View, g *gathering, slid *slid, state *rooms.Room) (err error) {
	c := &changes{since: slid.since, to: g.c.to, initial: slid.first}
	one := *g
	one.c, one.slid = c, slid
	room := one.newRoom(state)
	if room == nil {
		return nil
	}
	if room.section == joinedRoom {
		if room.scene, err = s.Unread.Scene(v, s.caller, state); err != nil {
			return err
		}
		room.read = s.found.read[room.id]
		slid.name, slid.avatar = state.Event("m.room.name", ""), state.Event("m.room.avatar", "")
	} else {
		slid.own = state.Member(s.caller.User)
	}
	s.c.byID[room.id] = room
	s.c.rooms = append(s.c.rooms, room)
	return nil
}

// settle drops the rooms with nothing to tell, and notes how far the others are.
func (s *sliding) settle() {
	kept := s.c.rooms[:0]
	for _, room := range s.c.rooms {
		s.next.tell(room.id, room.slid.wants, room.slid.now)
		if room.slid.first || room.slid.apart || !room.empty(false) {
			kept = append(kept, room)
		} else {
			delete(s.c.byID, room.id)
		}
	}
	s.c.rooms = kept
	if s.next.changed && s.base.serial == 0 {
		s.next.Begun = s.c.to.Position
	}
}

// mayRequire takes from a room in memory the state that may be required: done
// tells that the timeline is known.
func (r *room) mayRequire(state *rooms.Room, done bool) []*event.Event {
	w := r.slid.wants
	if w.lazy && !done {
		return state.State()
	}
	var all []*event.Event
	if r.whole() || r.slid.old != nil || !r.complete || hasState(r.known) {
		all = state.Settings()
		for _, part := range w.Parts {
			for _, p := range part.Include {
				switch {
				case p.Type != nil && *p.Type != "m.room.member":
				case p.Key == nil:
					return state.State()
				default:
					all = appendMember(all, state, *p.Key)
				}
			}
		}
	}
	if w.lazy {
		for user := range r.lazyMembers() {
			all = appendMember(all, state, user)
		}
	}
	return all
}

func hasState(events []*event.Event) bool {
	return slices.ContainsFunc(events, func(e *event.Event) bool { return e.StateKey != nil })
}

func appendMember(all []*event.Event, state *rooms.Room, user string) []*event.Event {
	if e := state.Member(id.UserID(user)); e != nil && !slices.Contains(all, e) {
		return append(all, e)
	}
	return all
}

// lazyMembers gives whose membership lazy loading shows: who sends or is meant by
// the timeline's events, and who came or went, if all of that is known.
func (r *room) lazyMembers() map[string]bool {
	shown := map[string]bool{}
	for _, e := range r.timeline {
		shown[string(e.Sender)] = true
		if e.Type == "m.room.member" && e.StateKey != nil {
			shown[*e.StateKey] = true
		}
	}
	if r.limited || r.whole() {
		return shown
	}
	for _, e := range r.known {
		if e.Type == "m.room.member" && e.StateKey != nil && e.Position > r.lower {
			shown[*e.StateKey] = true
		}
	}
	return shown
}

// chooseRequired makes the state to be told, as it is at the timeline's end.
func (r *room) chooseRequired() {
	var lazy map[string]bool
	if r.slid.wants.lazy {
		lazy = r.lazyMembers()
	}
	for _, e := range r.current {
		if own := r.slid.own; own != nil && r.isOwn(e) {
			e = own // of after what else one may see: an unban
		}
		news := r.whole() || e.Position > r.lower || r.slid.exceeds(e)
		if e.Type == "m.room.member" && lazy[*e.StateKey] || news && r.slid.wants.matches(e) {
			r.state = append(r.state, e)
		}
	}
	sortByPosition(r.state)
}
