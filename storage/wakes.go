package storage

import (
	"strings"
	"sync"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/storage/stream"
)

// wakes collects what polls are to be woken for. Finding out who is done beside
// the writer, which must not care how many members a room has.
type wakes struct {
	mu      sync.Mutex // guards pending
	pending []rooms.Change
	signal  chan struct{} // of one
}

func (w *wakes) add(changes []rooms.Change) {
	w.mu.Lock()
	w.pending = append(w.pending, changes...)
	w.mu.Unlock()
	select {
	case w.signal <- struct{}{}:
	default:
	}
}

func (w *wakes) take() []rooms.Change {
	w.mu.Lock()
	defer w.mu.Unlock()
	changes := w.pending
	w.pending = nil
	return changes
}

// wakeLoop wakes the account's polls, and tells followers, until the Store closes.
func (a *account) wakeLoop() {
	var told place
	for {
		select {
		case <-a.store.life.Done():
			return
		case <-a.wakes.signal:
		}
		changes := a.wakes.take()
		a.mu.RLock()
		if len(changes) > 0 { // a group of refusals has none, and nobody to look for
			hearing := hearingOf(changes)
			a.state.hub.Wake(func(w *stream.Waiter) stream.Loudness { return hearing.of(a.state, w) })
		}
		at := a.state.place
		a.mu.RUnlock()
		if at != told {
			told = at
			a.store.moves.tell(a.id)
		}
	}
}

// hearing is who hears of some changes, and how loudly.
type hearing struct {
	rooms    map[id.RoomID]stream.Loudness // by members
	users    map[id.UserID]stream.Loudness
	devices  map[deviceKey]bool
	everyone stream.Loudness
}

type deviceKey struct {
	user   id.UserID
	device id.DeviceID
}

func hearingOf(changes []rooms.Change) *hearing {
	h := &hearing{
		rooms: map[id.RoomID]stream.Loudness{}, users: map[id.UserID]stream.Loudness{},
		devices: map[deviceKey]bool{},
	}
	for _, c := range changes {
		if c.Event != nil {
			h.rooms[c.Event.Room] = stream.Loud
			if c.Event.Type == "m.room.member" && c.Event.StateKey != nil {
				h.users[id.UserID(*c.Event.StateKey)] = stream.Loud
			}
			continue
		}
		h.addItem(c.Item)
	}
	return h
}

func (h *hearing) addItem(item stream.Item) {
	switch item.Kind {
	case stream.ToDevice, stream.OneTimeKeys:
		h.devices[deviceKey{item.User, id.DeviceID(item.Key)}] = true
	case stream.Receipt:
		h.users[item.User] = stream.Loud
		if !strings.HasPrefix(item.Key, "m.read.private") {
			h.rooms[item.Room] = max(h.rooms[item.Room], stream.Quiet)
		}
	case stream.Presence, stream.Profile, stream.DeviceList, stream.DeviceKeys, stream.CrossSigning:
		h.users[item.User] = stream.Loud
		h.everyone = stream.Quiet
	case stream.SettingsChanged:
		h.everyone = stream.Loud
	default:
		h.users[item.User] = stream.Loud
	}
}

func (h *hearing) of(s *state, w *stream.Waiter) stream.Loudness {
	if h.devices[deviceKey{w.User, w.Device}] {
		return stream.Loud
	}
	loud := max(h.everyone, h.users[w.User])
	for roomID, loudness := range h.rooms {
		if loud == stream.Loud {
			return loud
		}
		if loudness <= loud {
			continue
		}
		// A room that is not in memory has had no event since the account was
		// loaded: only receipts can bring us here, and they can wait.
		if room := s.rooms[roomID]; room == nil || room.Joined(w.User) {
			loud = loudness
		}
	}
	return loud
}
