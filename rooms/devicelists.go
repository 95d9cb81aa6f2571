package rooms

import (
	"maps"
	"slices"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/storage/stream"
)

// DeviceListChanges gives what device_lists says to a user about the time since
// a position: whose devices and keys they must ask for anew (changed), because
// these changed or because the two share a room now and did not before; and with
// whom they share no room any more (left). items are the account's
// [stream.DeviceList] items above since; others among them are ignored. Both
// lists are sorted. Errors are the view's, to be returned unchanged.
func DeviceListChanges(v View, viewer id.UserID, items []stream.Item, since stream.Position) (changed, left []id.UserID, err error) {
	l := &deviceLists{
		view: v, viewer: viewer, since: since,
		was: map[id.RoomID]bool{}, changed: map[id.UserID]bool{}, parted: map[id.UserID]bool{},
	}
	if l.idle(items) {
		return nil, nil, nil
	}
	if err := l.own(); err != nil {
		return nil, nil, err
	}
	if err := l.others(); err != nil {
		return nil, nil, err
	}
	l.items(items)
	for user := range l.parted {
		if user != viewer && !l.shares(user) {
			left = append(left, user)
		}
	}
	for user := range l.changed {
		if l.shares(user) {
			changed = append(changed, user)
		}
	}
	slices.Sort(changed)
	slices.Sort(left)
	return changed, left, nil
}

// deviceLists is one answer in the making. changed and parted are candidates.
type deviceLists struct {
	view            View
	viewer          id.UserID
	since           stream.Position
	rooms           []*Room            // the viewer is in
	was             map[id.RoomID]bool // the viewer was in at since
	changed, parted map[id.UserID]bool
}

// idle tells whether nothing at all has happened that could matter, which is so
// for nearly every poll.
func (l *deviceLists) idle(items []stream.Item) bool {
	changes, complete := l.view.Changes(l.since)
	isMember := func(c Change) bool { return c.Event != nil && c.Event.Type == "m.room.member" }
	return complete && len(items) == 0 && !slices.ContainsFunc(changes, isMember)
}

// own takes the viewer's own comings and goings.
func (l *deviceLists) own() error {
	memberships, err := l.view.Memberships(l.viewer)
	if err != nil {
		return err
	}
	var joined, moved []id.RoomID
	for roomID, spans := range memberships {
		before, now := spans.At(l.since) == "join", spans.Current() == "join"
		if now {
			joined = append(joined, roomID)
		}
		if before {
			l.was[roomID] = true
		}
		if before != now {
			moved = append(moved, roomID)
		}
	}
	if l.rooms, err = l.view.Rooms(joined); err != nil {
		return err
	}
	rooms, err := l.view.Rooms(moved)
	if err != nil {
		return err
	}
	for _, room := range rooms {
		l.came(room, memberships[room.ID].Current() == "join")
	}
	return nil
}

// shares tells whether the viewer shares a room with the user, or is them.
func (l *deviceLists) shares(user id.UserID) bool {
	return user == l.viewer || slices.ContainsFunc(l.rooms, func(r *Room) bool { return r.Joined(user) })
}

// came takes a room that the viewer has come into, or has gone from: all who are
// there are new to them, or may be lost.
func (l *deviceLists) came(room *Room, in bool) {
	to := l.parted
	if in {
		to = l.changed
	}
	for user, e := range room.Members() {
		if user != l.viewer && MembershipOf(e) == "join" {
			to[user] = true
		}
	}
}

// others takes what other people did: who came into a room that the viewer was
// in, and who went from one.
func (l *deviceLists) others() error {
	moved, err := l.moved()
	if err != nil {
		return err
	}
	for user, rooms := range moved {
		spans, err := l.view.Memberships(user)
		if err != nil {
			return err
		}
		for roomID := range rooms {
			before, now := spans[roomID].At(l.since) == "join", spans[roomID].Current() == "join"
			switch {
			case now && !before:
				l.changed[user] = true
			case before && !now:
				l.parted[user] = true
			}
		}
	}
	return nil
}

// moved gives the others whose member events in the viewer's rooms are newer
// than since.
func (l *deviceLists) moved() (map[id.UserID]map[id.RoomID]bool, error) {
	moved := map[id.UserID]map[id.RoomID]bool{}
	add := func(user id.UserID, roomID id.RoomID) {
		if user == l.viewer || !l.was[roomID] {
			return
		}
		if moved[user] == nil {
			moved[user] = map[id.RoomID]bool{}
		}
		moved[user][roomID] = true
	}
	if changes, complete := l.view.Changes(l.since); complete {
		for _, c := range changes {
			if c.Event != nil && c.Event.Type == "m.room.member" && c.Event.StateKey != nil {
				add(id.UserID(*c.Event.StateKey), c.Event.Room)
			}
		}
		return moved, nil
	}
	rooms, err := l.view.Rooms(slices.Collect(maps.Keys(l.was)))
	if err != nil {
		return nil, err
	}
	for _, room := range rooms {
		for user, e := range room.Members() {
			if e.Position > l.since {
				add(user, room.ID)
			}
		}
	}
	return moved, nil
}

// items takes the changes of keys themselves. One with a key concerns the user
// named there, and is for its own user alone: a signature that only they see.
func (l *deviceLists) items(items []stream.Item) {
	for _, item := range items {
		switch {
		case item.Kind != stream.DeviceList || item.Position <= l.since:
		case item.Key == "":
			l.changed[item.User] = true
		case item.User == l.viewer:
			l.changed[id.UserID(item.Key)] = true
		}
	}
}
