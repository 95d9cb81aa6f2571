package rooms

import (
	"hash/fnv"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
)

const (
	// maxTyping bounds how long one typing notice holds.
	maxTyping = 2 * time.Minute
	// endedTyping is how long a room is remembered after the last one stopped, so
	// that a reader who saw somebody typing learns of the end.
	endedTyping = 2 * time.Minute
)

// Typing knows who is typing, in memory alone.
type Typing struct {
	store interface {
		Nudge(account tenant.ID, room id.RoomID)
	}
	now func() time.Time

	mu       sync.Mutex // guards all below
	rooms    map[tenant.ID]map[id.RoomID]*typingRoom
	watchers map[int]func(tenant.ID, id.RoomID)
	watched  int // how many there have been
}

type typingRoom struct {
	until map[id.UserID]time.Time
	timer *time.Timer // fires when the next notice ends
	ended time.Time   // when the last one stopped
}

func newTyping(store Store, now func() time.Time) *Typing {
	return &Typing{store: store, now: now, rooms: map[tenant.ID]map[id.RoomID]*typingRoom{}, watchers: map[int]func(tenant.ID, id.RoomID){}}
}

// Watch has f called with every room where somebody has begun or ended to type, until
// stop is called. f must not block.
func (t *Typing) Watch(f func(account tenant.ID, room id.RoomID)) (stop func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.watched++
	which := t.watched
	t.watchers[which] = f
	return func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		delete(t.watchers, which)
	}
}

// tell wakes who waits for news of a room.
func (t *Typing) tell(account tenant.ID, room id.RoomID) {
	t.store.Nudge(account, room)
	t.mu.Lock()
	watchers := slices.Collect(maps.Values(t.watchers))
	t.mu.Unlock()
	for _, f := range watchers {
		f(account, room)
	}
}

// In gives who is typing in a room, sorted.
func (t *Typing) In(account tenant.ID, room id.RoomID) []id.UserID {
	all, _ := t.Now(account, func(other id.RoomID) bool { return other == room })
	for _, in := range all {
		return in.Users
	}
	return []id.UserID{}
}

// Start says that a user types in a room, for at most timeout.
func (t *Typing) Start(account tenant.ID, room id.RoomID, user id.UserID, timeout time.Duration) {
	timeout = min(max(timeout, 0), maxTyping)
	t.mu.Lock()
	if t.rooms[account] == nil {
		t.rooms[account] = map[id.RoomID]*typingRoom{}
	}
	r := t.rooms[account][room]
	if r == nil {
		r = &typingRoom{until: map[id.UserID]time.Time{}}
		t.rooms[account][room] = r
	}
	_, already := r.until[user]
	r.until[user] = t.now().Add(timeout)
	t.schedule(account, room, r)
	t.mu.Unlock()
	if !already {
		t.tell(account, room)
	}
}

// Stop says that a user no longer types in a room.
func (t *Typing) Stop(account tenant.ID, room id.RoomID, user id.UserID) {
	t.mu.Lock()
	r := t.rooms[account][room]
	if r == nil || r.until[user].IsZero() {
		t.mu.Unlock()
		return
	}
	delete(r.until, user)
	r.ended = t.now()
	t.mu.Unlock()
	t.tell(account, room)
}

// schedule needs mu. It sets the room's timer to the next notice's end.
func (t *Typing) schedule(account tenant.ID, room id.RoomID, r *typingRoom) {
	if r.timer != nil {
		r.timer.Stop()
	}
	if len(r.until) == 0 {
		return
	}
	var next time.Time
	for _, until := range r.until {
		if next.IsZero() || until.Before(next) {
			next = until
		}
	}
	r.timer = time.AfterFunc(next.Sub(t.now()), func() { t.expire(account, room) })
}

func (t *Typing) expire(account tenant.ID, room id.RoomID) {
	t.mu.Lock()
	r := t.rooms[account][room]
	now, ended := t.now(), false
	for user, until := range r.until {
		if !until.After(now) {
			delete(r.until, user)
			r.ended, ended = now, true
		}
	}
	t.schedule(account, room, r)
	t.mu.Unlock()
	if ended {
		t.tell(account, room)
	}
}

// TypingIn is who types in one room, sorted; empty where it has just ended.
type TypingIn struct {
	Room  id.RoomID
	Users []id.UserID
}

// Now gives the rooms with somebody typing, or where typing has just ended, that
// in holds for, and a digest of the former that is equal as long as nothing
// changes.
func (t *Typing) Now(account tenant.ID, in func(id.RoomID) bool) ([]TypingIn, uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var all []TypingIn
	now := t.now()
	for room, r := range t.rooms[account] {
		if len(r.until) == 0 && now.Sub(r.ended) > endedTyping {
			delete(t.rooms[account], room)
			continue
		}
		if !in(room) {
			continue
		}
		users := make([]id.UserID, 0, len(r.until))
		for user := range r.until {
			users = append(users, user)
		}
		slices.Sort(users)
		all = append(all, TypingIn{room, users})
	}
	slices.SortFunc(all, func(x, y TypingIn) int { return strings.Compare(string(x.Room), string(y.Room)) })
	return all, digest(all)
}

func digest(all []TypingIn) uint64 {
	h := fnv.New64a()
	empty := true
	for _, in := range all {
		if len(in.Users) == 0 {
			continue
		}
		empty = false
		_, _ = h.Write([]byte(in.Room))
		for _, user := range in.Users {
			_, _ = h.Write([]byte{0})
			_, _ = h.Write([]byte(user))
		}
		_, _ = h.Write([]byte{1})
	}
	if empty {
		return 0
	}
	return h.Sum64()
}
