package longpoll

import (
	"cmp"
	"slices"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/rooms/event"
	"github.com/conversalabs/internalchat/rooms/push"
	"github.com/conversalabs/internalchat/storage/stream"
)

// changes are what changed for one user and device in (since, to].
type changes struct {
	since   stream.Position
	to      stream.Token
	initial bool
	// tail tells that all entries above since were in memory; otherwise what is
	// not an event is to be read from the database.
	tail bool

	rooms  []*room
	byID   map[id.RoomID]*room
	joined map[id.RoomID]bool // all of the user's rooms, unless tail

	items    []stream.Item // that may concern the user
	toDevice bool          // there may be messages for the device
	keys     bool          // the device's one-time keys may have changed
	sessions bool          // the user's sessions may have changed
	defaults bool          // the account's default level may have changed
	typing   bool          // somebody began or ended typing
	// hidesPresence tells that the account shows no presence.
	hidesPresence bool
	counting      bool // what counts as unread may have changed in every room

	accountData []stream.Item
	presence    map[id.UserID][]byte
	messages    []stream.Item // to the device
	deviceUsers map[id.UserID]bool
	gone        map[id.UserID]bool // candidates for device_lists.left
	changed     []id.UserID        // device_lists
	left        []id.UserID
	counts      map[id.KeyAlgorithm]int
	fallbacks   []id.KeyAlgorithm
	countsNew   bool
}

// empty tells that there is nothing to wake anybody for.
func (c *changes) empty() bool {
	return !c.initial && len(c.rooms) == 0 && len(c.accountData) == 0 && len(c.presence) == 0 &&
		len(c.messages) == 0 && len(c.changed) == 0 && len(c.left) == 0 && !c.countsNew
}

// gather takes from memory what changed. It runs under the view and as often as
// the view wishes.
func (r *reading) gather(v rooms.View) (*changes, error) {
	c := &changes{
		to:       stream.Token{Epoch: v.Epoch(), Position: v.Head()},
		byID:     map[id.RoomID]*room{},
		presence: map[id.UserID][]byte{}, deviceUsers: map[id.UserID]bool{}, gone: map[id.UserID]bool{},
	}
	c.initial = r.from == nil || r.from.Epoch != v.Epoch() || r.from.Position > v.Head()
	if !c.initial {
		c.since = r.from.Position
	}
	memberships, err := v.Memberships(r.caller.User)
	if err != nil {
		return nil, err
	}
	forgotten, err := v.Forgotten(r.caller.User)
	if err != nil {
		return nil, err
	}
	ignored, err := v.Ignored(r.caller.User)
	if err != nil {
		return nil, err
	}
	g := &gathering{reading: r, c: c, memberships: memberships, forgotten: forgotten, ignored: ignored, events: map[id.RoomID][]*event.Event{}}
	entries, reaches := v.Changes(c.since)
	c.tail = reaches && !c.initial
	c.sessions, c.defaults = !c.tail, !c.tail
	if c.tail {
		g.takeEntries(entries)
	}
	if !c.tail || r.req.FullState {
		g.wantAll()
	} else if c.counting {
		g.wantJoined()
	}
	g.takeTyping()
	return c, g.takeRooms(v)
}

// gathering is what gather works with.
type gathering struct {
	*reading
	c           *changes
	memberships map[id.RoomID]rooms.Spans
	forgotten   map[id.RoomID]bool
	ignored     map[id.UserID]bool
	wanted      []id.RoomID
	events      map[id.RoomID][]*event.Event // of wanted rooms, from the tail; nil: not known to have any
	typing      []rooms.TypingIn
	slid        *slid // of the room being made, in the sliding sync
}

// want makes sure that a room is looked at.
func (g *gathering) want(room id.RoomID) {
	if _, already := g.events[room]; !already {
		g.events[room] = nil
		g.wanted = append(g.wanted, room)
	}
}

// takeEntries sorts out what of the tail concerns the reader.
func (g *gathering) takeEntries(entries []rooms.Change) {
	for _, entry := range entries {
		if entry.Event == nil {
			g.takeItem(entry.Item)
			continue
		}
		e := entry.Event
		spans, ever := g.memberships[e.Room]
		if !ever || !g.concerns(spans, e) || !g.filter.Room.Wants(e.Room) {
			continue
		}
		g.want(e.Room)
		g.events[e.Room] = append(g.events[e.Room], e)
	}
}

// concerns tells whether an event may be news to the reader. What may be shown
// of it is decided with its room.
func (g *gathering) concerns(spans rooms.Spans, e *event.Event) bool {
	switch spans.Current() {
	case "join":
		return true
	case "leave", "ban":
		return spans.Since() > g.c.since && e.Position <= spans.Since()
	}
	return e.Type == "m.room.member" && *e.StateKey == string(g.caller.User)
}

func (g *gathering) takeItem(item stream.Item) {
	own := item.User == g.caller.User
	switch item.Kind {
	case stream.ToDevice:
		g.c.toDevice = g.c.toDevice || own && item.Key == string(g.caller.Device)
		return
	case stream.OneTimeKeys:
		g.c.keys = g.c.keys || own && item.Key == string(g.caller.Device)
		return
	case stream.UserChanged, stream.SessionChanged:
		g.c.sessions = g.c.sessions || own
	case stream.SettingsChanged:
		g.c.sessions = true // everybody's may be locked
		changed := push.DecidesCounts(item)
		g.c.defaults, g.c.counting = g.c.defaults || changed, g.c.counting || changed
		return
	case stream.AccountData:
		if !own {
			return
		}
		g.c.counting = g.c.counting || push.DecidesCounts(item)
	case stream.Receipt:
		if !mayRead(item, g.caller.User) || g.memberships[item.Room].Current() != "join" {
			return
		}
	case stream.Presence, stream.DeviceList:
	default:
		return
	}
	if item.Room != "" {
		if len(g.memberships[item.Room]) == 0 || !g.filter.Room.Wants(item.Room) {
			return
		}
		g.want(item.Room)
	}
	g.c.items = append(g.c.items, item)
}

// wantAll asks for every room that may have something to tell.
func (g *gathering) wantAll() {
	g.c.joined = map[id.RoomID]bool{}
	for roomID, spans := range g.memberships {
		if !g.filter.Room.Wants(roomID) {
			continue
		}
		switch spans.Current() {
		case "join":
			g.c.joined[roomID] = true
			g.want(roomID)
		case "invite", "knock":
			g.want(roomID)
		case "leave", "ban":
			old := g.filter.Room.IncludeLeave && !g.forgotten[roomID]
			if g.c.initial && old || !g.c.initial && spans.Since() > g.c.since {
				g.want(roomID)
			}
		}
	}
	slices.Sort(g.wanted)
}

// wantJoined asks for every room that the user is in.
func (g *gathering) wantJoined() {
	for roomID, spans := range g.memberships {
		if spans.Current() == "join" && g.filter.Room.Wants(roomID) {
			g.want(roomID)
		}
	}
	slices.Sort(g.wanted)
}

func (g *gathering) takeTyping() {
	typing, digest := g.Rooms.Typing().Now(g.caller.Account, func(room id.RoomID) bool {
		return g.memberships[room].Current() == "join" && g.filter.Room.Wants(room)
	})
	g.c.to.Typing = digest
	before := uint64(0)
	if !g.c.initial {
		before = g.from.Typing
	}
	if before == digest {
		return
	}
	g.typing = typing
	for _, in := range typing {
		if g.takesTyping(in.Room) {
			g.c.typing = true
			g.want(in.Room)
		}
	}
}

func (r *reading) takesTyping(room id.RoomID) bool {
	return r.filter.Room.Ephemeral.TakesType("m.typing") && r.filter.Room.Ephemeral.Wants(room)
}

// takeRooms makes the rooms that were asked for.
func (g *gathering) takeRooms(v rooms.View) error {
	loaded, err := v.Rooms(g.wanted)
	if err != nil {
		return err
	}
	for _, state := range loaded {
		room := g.newRoom(state)
		if room == nil {
			continue
		}
		if room.section == joinedRoom {
			if room.scene, err = g.Unread.Scene(v, g.caller, state); err != nil {
				return err
			}
		}
		g.c.byID[state.ID] = room
		g.c.rooms = append(g.c.rooms, room)
	}
	if !g.c.typing {
		return nil
	}
	for _, in := range g.typing {
		if room := g.c.byID[in.Room]; room != nil && g.takesTyping(in.Room) && (!g.c.initial || len(in.Users) > 0) {
			room.typing, room.tellTyping = in.Users, true
		}
	}
	return nil
}

// sortByPosition puts events into the order of the stream.
func sortByPosition(events []*event.Event) {
	slices.SortFunc(events, func(x, y *event.Event) int { return cmp.Compare(x.Position, y.Position) })
}
