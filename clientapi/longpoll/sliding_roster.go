package longpoll

import (
	"cmp"
	"errors"
	"slices"
	"sync"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/storage/stream"
)

// entry is a room in its user's list.
type entry struct {
	room    id.RoomID
	last    stream.Position // of what may concern the user; the list is sorted by it
	bump    stream.Position // bump_stamp
	current string          // membership
	left    bool            // by the user, who knows
	outline rooms.Outline
}

// rank sorts the newest first.
func (e *entry) rank(other *entry) int {
	return cmp.Or(cmp.Compare(other.last, e.last), cmp.Compare(e.room, other.room))
}

// roster is the list of a user's rooms by recency, as of a position. It moves with
// the stream, so that to look at it costs what has changed and not what there is.
type roster struct {
	mu     sync.Mutex // guards all below; taken inside of a view
	epoch  int64
	at     stream.Position
	made   bool
	order  []*entry
	byRoom map[id.RoomID]*entry

	// direct and tags are the user's account data; nil where it is to be read.
	direct map[id.RoomID]bool
	tags   map[id.RoomID]map[string]bool

	// views are what filters take of order, by the filters' texts; gone is what the
	// user has left. They are made when they are asked for. sets counts how often
	// something else than recency changed.
	views map[string]*view
	gone  []*entry
	sets  uint64
}

// advance brings the roster to the view's head.
func (o *roster) advance(v rooms.View, user id.UserID) error {
	memberships, err := v.Memberships(user)
	if err != nil {
		return err
	}
	forgotten, err := v.Forgotten(user)
	if err != nil {
		return err
	}
	changes, reaches := v.Changes(o.at)
	if !o.made || o.epoch != v.Epoch() || o.at > v.Head() || !reaches {
		return o.make(v, memberships, forgotten)
	}
	touched := map[id.RoomID]bool{}
	for _, c := range changes {
		room := c.Item.Room
		if c.Event != nil {
			room = c.Event.Room
			o.forgetSpaces(c.Event)
		} else {
			o.forgetData(c.Item, user)
			if c.Item.Kind != stream.Forgotten || c.Item.User != user {
				continue
			}
		}
		if len(memberships[room]) > 0 {
			touched[room] = true
		}
	}
	wanted := keys(touched)
	outlines, err := v.Outlines(wanted)
	if err != nil {
		return err
	}
	for i, room := range wanted {
		o.move(newEntry(room, memberships[room], outlines[i], forgotten[room]), room)
	}
	o.at = v.Head()
	return nil
}

// make makes the roster anew.
func (o *roster) make(v rooms.View, memberships map[id.RoomID]rooms.Spans, forgotten map[id.RoomID]bool) error {
	wanted := make([]id.RoomID, 0, len(memberships))
	for room := range memberships {
		wanted = append(wanted, room)
	}
	outlines, err := v.Outlines(wanted)
	if err != nil {
		return err
	}
	o.order, o.byRoom = make([]*entry, 0, len(wanted)), make(map[id.RoomID]*entry, len(wanted))
	for i, room := range wanted {
		if e := newEntry(room, memberships[room], outlines[i], forgotten[room]); e != nil {
			o.order = append(o.order, e)
			o.byRoom[room] = e
		}
	}
	slices.SortFunc(o.order, (*entry).rank)
	o.direct, o.tags = nil, nil
	o.reset()
	o.epoch, o.at, o.made = v.Epoch(), v.Head(), true
	return nil
}

// newEntry makes the entry of a room, nil for one that is in no list: forgotten,
// or the user was banned from it without ever having been in it.
func newEntry(room id.RoomID, spans rooms.Spans, outline rooms.Outline, forgotten bool) *entry {
	e := &entry{room: room, current: spans.Current(), last: spans.Since(), bump: spans.Since(), outline: outline}
	switch e.current {
	case "join":
		e.bump, e.last = outline.Bump, outline.Last
	case "leave", "ban":
		if forgotten || e.current == "ban" && !spans.Ever() {
			return nil
		}
		e.left = e.current == "leave" && !spans.Kicked()
	}
	return e
}

// move puts a room's new entry, if any, in the place of the old one.
func (o *roster) move(e *entry, room id.RoomID) {
	old := o.byRoom[room]
	if old == nil && e == nil {
		return
	}
	o.order = replaced(o.order, old, e)
	if old == nil || e == nil || !old.like(e) {
		o.reset()
	} else {
		for _, view := range o.views {
			if _, has := indexOf(view.order, old); has {
				view.order = replaced(view.order, old, e)
			}
		}
	}
	if e == nil {
		delete(o.byRoom, room)
	} else {
		o.byRoom[room] = e
	}
}

// like tells whether nothing but recency tells two entries of a room apart.
func (e *entry) like(other *entry) bool {
	return e.current == other.current && e.left == other.left &&
		e.outline.Type == other.outline.Type && e.outline.Encrypted == other.outline.Encrypted
}

// replaced gives a list with one entry taken out and one put in; either may be nil.
func replaced(order []*entry, old, e *entry) []*entry {
	if old != nil {
		at, _ := indexOf(order, old)
		order = slices.Delete(order, at, at+1)
	}
	if e != nil {
		at, _ := indexOf(order, e)
		order = slices.Insert(order, at, e)
	}
	return order
}

// indexOf gives an entry's index in a list, or where it belongs.
func indexOf(order []*entry, e *entry) (at int, has bool) {
	return slices.BinarySearchFunc(order, e, (*entry).rank)
}

const (
	directType = "m.direct"
	tagType    = "m.tag"
)

func (o *roster) forgetData(item stream.Item, user id.UserID) {
	if item.Kind != stream.AccountData || item.User != user {
		return
	}
	switch item.Key {
	case directType:
		o.direct = nil
		o.reset()
	case tagType:
		o.tags = nil
		o.reset()
	}
}

// errUnread tells that the user's account data has to be read, outside of the
// view.
var errUnread = errors.New("account data is to be read")

// rosters are the lists in memory.
type rosters struct {
	mu  sync.Mutex // guards all
	all map[rosterKey]*roster
}

type rosterKey struct {
	account tenant.ID
	user    id.UserID
}

// maxRosters is how many lists stay in memory.
const maxRosters = 10_000

func (m *rosters) of(account tenant.ID, user id.UserID) *roster {
	m.mu.Lock()
	defer m.mu.Unlock()
	key := rosterKey{account, user}
	if o := m.all[key]; o != nil {
		return o
	}
	if m.all == nil || len(m.all) >= maxRosters {
		m.all = map[rosterKey]*roster{}
	}
	m.all[key] = &roster{}
	return m.all[key]
}
