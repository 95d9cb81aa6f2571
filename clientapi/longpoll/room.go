package longpoll

import (
	"encoding/json"
	"slices"

	"github.com/tidwall/gjson"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/rooms/event"
	"github.com/conversalabs/internalchat/rooms/push"
	"github.com/conversalabs/internalchat/storage/stream"
)

// section is where a room stands in an answer.
type section int

const (
	joinedRoom section = iota
	invitedRoom
	knockedRoom
	leftRoom
)

// room is what changed in one room for one reader.
type room struct {
	id      id.RoomID
	user    id.UserID
	section section
	spans   rooms.Spans
	vis     rooms.Visibility
	ignored map[id.UserID]bool // by the reader
	// since is where the timeline begins at the earliest; lower is where state is
	// told from, 0 for all of it.
	since, lower stream.Position
	upTo         stream.Position
	stateUpTo    stream.Position

	// known are the room's newest events up to upTo without gaps, oldest first;
	// complete tells that they reach down to since. memory are those the room
	// itself holds; fromCreation that the room's first is among them.
	known        []*event.Event
	complete     bool
	memory       []*event.Event
	fromCreation bool
	related      map[id.EventID]bool // see askRelated
	asked        int                 // how many of known, from the newest, were

	timeline []*event.Event
	limited  bool
	start    stream.Position // the gap before the timeline

	// current is the state at stateUpTo, as far as it is needed; readState that it
	// has to be read from the database.
	current   []*event.Event
	readState bool
	state     []*event.Event
	replaced  map[*event.Event]*event.Event
	redaction map[id.EventID]*event.Event
	relations map[id.EventID]json.RawMessage // m.relations

	summary  *summary
	members  []id.UserID // who shares, or shared, this room with a reader who came or went
	stripped []*event.Event

	receipts    []stream.Item
	accountData []stream.Item
	typing      []id.UserID
	tellTyping  bool

	slid *slid // nil in /sync

	scene      push.Scene
	unread     push.Counts
	counted    bool
	tellUnread bool // unread has changed
	read       bool // the reader may have read more of the room
}

// whole tells that all state is wanted, not only what changed.
func (r *room) whole() bool { return r.lower == 0 }

// newRoom makes what the reader is to know of a room, or nil.
func (g *gathering) newRoom(state *rooms.Room) *room {
	spans := g.memberships[state.ID]
	r := &room{
		id: state.ID, user: g.caller.User, spans: spans,
		vis: rooms.VisibilityOf(state, spans, g.forgotten[state.ID]), ignored: g.ignored,
		replaced: map[*event.Event]*event.Event{}, redaction: map[id.EventID]*event.Event{},
		slid: g.slid,
	}
	switch spans.Current() {
	case "join":
		return g.joinedRoom(r, state)
	case "invite", "knock":
		own := state.Member(g.caller.User)
		if own == nil || own.Position <= g.c.since && !g.c.initial {
			return nil
		}
		if g.ignored[own.Sender] && own.Sender != g.caller.User {
			return nil
		}
		r.section = invitedRoom
		if spans.Current() == "knock" {
			r.section = knockedRoom
		}
		r.stripped = strippedState(state, own)
		return r
	case "leave", "ban":
		return g.leftRoom(r, state)
	}
	return nil
}

func (g *gathering) joinedRoom(r *room, state *rooms.Room) *room {
	came := g.c.initial || r.spans.At(g.c.since) != "join"
	r.upTo, r.stateUpTo = g.c.to.Position, g.c.to.Position
	r.since, r.lower = g.c.since, g.c.since
	if came {
		r.since = r.lastLeft(g.c)
	}
	if r.slid != nil && (came || r.slid.wider) {
		r.since = 0
	}
	if came || g.req.FullState {
		r.lower = 0
	}
	r.memory, r.fromCreation = state.Recent(0)
	if g.c.tail && !came {
		r.known, r.complete = g.events[r.id], true
	} else {
		r.known, r.complete = state.Recent(r.since)
	}
	done := r.choose(g.filter, g.TimelineMax)
	if r.whole() || r.changesMembers(done) {
		r.summary = summarise(state, g.caller.User)
	}
	if r.slid != nil {
		r.current = r.mayRequire(state, done)
	} else if r.needsState(g, done) {
		r.current = state.State()
	} else if g.filter.Room.State.LazyLoadMembers {
		r.current = r.membersShown(state)
	}
	if came && !g.c.initial {
		r.members = joinedMembers(state)
	}
	return r
}

func (g *gathering) leftRoom(r *room, state *rooms.Room) *room {
	if !g.c.initial && r.spans.Since() <= g.c.since {
		return nil
	}
	r.section = leftRoom
	r.upTo = r.spans.Since()
	r.stateUpTo = min(r.vis.Until(r.upTo), r.upTo)
	r.since, r.lower = g.c.since, g.c.since
	if g.c.initial || r.spans.At(g.c.since) != "join" {
		r.since, r.lower = r.lastLeft(g.c), 0
	}
	if !g.c.initial {
		r.members = joinedMembers(state)
	}
	r.memory, r.fromCreation = state.Recent(0)
	if !r.vis.Room() {
		// Never been in it, or forgotten: only how it ended.
		r.complete = true
		if own := state.Member(r.user); own != nil {
			r.known, r.upTo, r.since = []*event.Event{own}, own.Position, own.Position-1
			if r.slid != nil {
				r.current = r.known
			}
		}
		r.choose(g.filter, g.TimelineMax)
		return r
	}
	known, complete := state.Recent(r.since)
	for len(known) > 0 && known[len(known)-1].Position > r.upTo {
		known = known[:len(known)-1]
	}
	r.known, r.complete = known, complete
	r.choose(g.filter, g.TimelineMax)
	if last := state.Last(); last != nil && last.Position <= r.stateUpTo {
		r.current = state.State()
	} else {
		r.readState = true
	}
	return r
}

// lastLeft gives where an earlier stay in the room ended, 0 if there was none or
// it is to be told of again: what came before has been told then.
func (r *room) lastLeft(c *changes) stream.Position {
	if c.initial {
		return 0
	}
	for i := len(r.spans) - 1; i > 0; i-- {
		if r.spans[i].Position <= c.since && r.spans[i-1].Membership == "join" {
			return r.spans[i].Position
		}
	}
	return 0
}

// isNews tells whether a reader comes to a room without any of what was before
// them, be it that the filter hides it: the timeline is then no story from the
// room's beginning, and clients are to ask for the rest.
func (r *room) isNews(c *changes) bool {
	return r.section == joinedRoom && r.slid == nil && !c.initial && r.since == 0 &&
		(len(r.timeline) == 0 || r.timeline[0].Type != "m.room.create")
}

// visible tells whether the reader may see an event. Beyond what is seen of the
// room one sees the event that made one's membership what it is.
func (r *room) visible(e *event.Event) bool {
	return r.vis.Event(e) || e.Position == r.spans.Since() || r.isOwn(e) && e.Position > r.spans.Since()
}

func (r *room) isOwn(e *event.Event) bool {
	return e.Type == "m.room.member" && e.StateKey != nil && *e.StateKey == string(r.user)
}

// choose makes the timeline of the newest known events, and tells whether these
// were enough.
func (r *room) choose(filter *rooms.Filter, most int) (done bool) {
	limit := filter.Room.Timeline.Limit(defaultTimeline, most)
	asks := filter.Room.Timeline.AsksRelated()
	if r.slid != nil {
		limit = min(r.slid.wants.Limit, most)
	}
	r.timeline, r.limited, r.start = nil, false, r.upTo
	for _, e := range slices.Backward(r.known) {
		if !r.visible(e) || rooms.Ignores(r.ignored, e) || !filter.Room.Timeline.Match(e) || asks && !r.related[e.ID] {
			continue
		}
		if len(r.timeline) == limit {
			r.limited = true
			break
		}
		r.timeline = append(r.timeline, e)
		r.start = e.Position - 1
	}
	slices.Reverse(r.timeline)
	return r.limited || r.complete && (!asks || r.asked == len(r.known))
}

// needsState tells whether the room's state is needed: all of it is wanted, or
// some of what changed is not in the timeline.
func (r *room) needsState(g *gathering, done bool) bool {
	if r.whole() || r.limited || !done {
		return true
	}
	shown := 0
	for _, e := range r.timeline {
		if e.StateKey != nil {
			shown++
		}
	}
	changed := 0
	for _, e := range r.known {
		if e.StateKey != nil {
			changed++
		}
	}
	return changed > shown || changed > 0 && g.req.UseStateAfter
}

// changesMembers tells whether the room's summary may have changed.
func (r *room) changesMembers(done bool) bool {
	return r.limited || !done || slices.ContainsFunc(r.known, func(e *event.Event) bool {
		return e.StateKey != nil && (e.Type == "m.room.member" || e.Type == "m.room.name" || e.Type == "m.room.canonical_alias")
	})
}

// membersShown gives the member events of who stands in the timeline or among
// the heroes.
func (r *room) membersShown(state *rooms.Room) []*event.Event {
	var all []*event.Event
	if r.summary != nil {
		all = slices.Clone(r.summary.heroes)
	}
	for _, e := range r.timeline {
		if m := state.Member(e.Sender); m != nil && !slices.Contains(all, m) {
			all = append(all, m)
		}
	}
	return all
}

// strippedTypes are the state that the invited and the knocking are shown.
var strippedTypes = []string{
	"m.room.create", "m.room.join_rules", "m.room.canonical_alias", "m.room.avatar", "m.room.name",
	"m.room.encryption", "m.room.topic",
}

// strippedState gives what an invited or knocking user is shown of a room.
func strippedState(state *rooms.Room, own *event.Event) []*event.Event {
	var all []*event.Event
	for _, t := range strippedTypes {
		if e := state.Event(t, ""); e != nil {
			all = append(all, e)
		}
	}
	if inviter := state.Member(own.Sender); inviter != nil && inviter != own {
		all = append(all, inviter)
	}
	return append(all, own)
}

func textOf(e *event.Event, key string) string {
	if e == nil {
		return ""
	}
	return gjson.GetBytes(e.Content, key).String()
}

func joinedMembers(state *rooms.Room) []id.UserID {
	all := make([]id.UserID, 0, state.JoinedCount())
	for user, e := range state.Members() {
		if rooms.MembershipOf(e) == "join" {
			all = append(all, user)
		}
	}
	return all
}

// mayRead tells whether a receipt is for this user's eyes.
func mayRead(receipt stream.Item, user id.UserID) bool {
	kind, _ := splitReceipt(receipt.Key)
	return kind != "m.read.private" || receipt.User == user
}

func isJoin(e *event.Event) bool {
	return e.Type == "m.room.member" && e.StateKey != nil && rooms.MembershipOf(e) == "join"
}
