package longpoll

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/rooms/event"
	"github.com/conversalabs/internalchat/storage/stream"
)

// wants is what all the rules that match a room want of it together.
type wants struct {
	Limit int        `json:"limit"`
	Parts []Required `json:"parts,omitempty"`
	Lists []string   `json:"lists,omitempty"` // that match the room, sorted; nil where the answer does not say

	lazy bool
	text string // tells it from others
}

// newWants makes the wants of some rules.
func newWants(limit int, parts []Required, lists []string) (*wants, error) {
	w := &wants{Limit: limit, Parts: parts, Lists: lists}
	text, err := json.Marshal(w)
	if err != nil {
		return nil, fmt.Errorf("write what is wanted: %w", err)
	}
	w.text = string(text)
	w.lazy = slices.ContainsFunc(parts, func(r Required) bool { return r.Lazy })
	return w, nil
}

// with gives the wants of both.
func (w *wants) with(other *wants) (*wants, error) {
	parts := slices.Clip(w.Parts)
	for _, part := range other.Parts {
		if !slices.ContainsFunc(parts, part.equal) {
			parts = append(parts, part)
		}
	}
	lists := slices.Concat(w.Lists, other.Lists)
	slices.Sort(lists)
	return newWants(max(w.Limit, other.Limit), parts, slices.Compact(lists))
}

func (r Required) equal(other Required) bool {
	return r.Lazy == other.Lazy && slices.EqualFunc(r.Include, other.Include, Pattern.equal) &&
		slices.EqualFunc(r.Exclude, other.Exclude, Pattern.equal)
}

func (p Pattern) equal(other Pattern) bool {
	return equal(p.Type, other.Type) && equal(p.Key, other.Key)
}

func equal(x, y *string) bool {
	return x == y || x != nil && y != nil && *x == *y
}

// matches tells whether a state event is wanted, lazily loaded members aside.
func (w *wants) matches(e *event.Event) bool {
	return slices.ContainsFunc(w.Parts, func(r Required) bool { return r.matches(e) })
}

// mayExceed tells whether there may be state that w wants and old does not.
func (w *wants) mayExceed(old *wants) bool {
	if w.text == old.text {
		return false
	}
	for _, part := range w.Parts {
		within := func(r Required) bool {
			return len(r.Exclude) == 0 && !slices.ContainsFunc(part.Include, func(p Pattern) bool {
				return !slices.ContainsFunc(r.Include, p.equal)
			})
		}
		if !slices.ContainsFunc(old.Parts, part.equal) && !slices.ContainsFunc(old.Parts, within) {
			return true
		}
	}
	return false
}

// told is how far a room has been told on a connection.
type told struct {
	Wants int `json:"w"` // index; what was wanted when the room was last told
	// Since is up to where, 0 as far as the connection itself is.
	Since  stream.Position `json:"s,omitempty"`
	Direct bool            `json:"d,omitempty"` // is_dm
	Lacks  lacks           `json:"l,omitempty"`
}

// lacks says what has not been told of a room since some position, because no
// extension asked for it.
type lacks int

const (
	lacksData lacks = 1 << iota
	lacksReceipts
)

// connection is what has been sent on a connection after one of its answers. It
// never changes, except that rest becomes known.
type connection struct {
	serial int64              // 0: nothing has ever been sent
	Begun  stream.Position    `json:"begun,omitempty"` // up to where the first state told
	Wants  []*wants           `json:"wants"`
	Rooms  map[id.RoomID]told `json:"rooms"`
	Counts map[string]int     `json:"counts,omitempty"` // of the lists

	live int // rooms with no Since
	rest atomic.Pointer[rest]
}

// draft is a connection's next state being made.
type draft struct {
	*connection
	base    *connection
	changed bool
	index   map[string]int // of wants, by text
}

func (c *connection) draft() *draft { return &draft{connection: c, base: c} }

// change makes the draft one of its own.
func (d *draft) change() {
	if d.changed {
		return
	}
	d.changed = true
	d.connection = &connection{Begun: d.base.Begun, Wants: slices.Clone(d.base.Wants), Rooms: maps.Clone(d.base.Rooms), Counts: d.base.Counts}
	if d.Rooms == nil {
		d.Rooms = map[id.RoomID]told{}
	}
	d.index = map[string]int{}
	for i, w := range d.Wants {
		d.index[w.text] = i
	}
}

// count notes how long the lists are.
func (d *draft) count(counts map[string]int) {
	if !maps.Equal(d.Counts, counts) {
		d.change()
		d.Counts = counts
	}
}

// tell notes how far a room is told, and what was wanted of it then.
func (d *draft) tell(room id.RoomID, w *wants, now told) {
	before, known := d.Rooms[room]
	now.Wants = before.Wants
	if known && before == now && d.Wants[before.Wants].text == w.text {
		return
	}
	d.change()
	at, has := d.index[w.text]
	if !has {
		at = len(d.Wants)
		d.Wants = append(d.Wants, w)
		d.index[w.text] = at
	}
	now.Wants = at
	d.Rooms[room] = now
}

// settle leaves out the wants of no room, and counts.
func (c *connection) settle() {
	used := make([]int, len(c.Wants))
	for _, t := range c.Rooms {
		used[t.Wants]++
		if t.Since == 0 {
			c.live++
		}
	}
	if !slices.Contains(used, 0) {
		return
	}
	var kept []*wants
	for i, n := range used {
		used[i] = len(kept)
		if n > 0 {
			kept = append(kept, c.Wants[i])
		}
	}
	c.Wants = kept
	for room, t := range c.Rooms {
		t.Wants = used[t.Wants]
		c.Rooms[room] = t
	}
}

// maxConnectionBytes is how large a connection's stored state may grow. One that
// would be larger must begin anew.
const maxConnectionBytes = 4 << 20

// keep stores a draft that has changed, and gives the serial that the answer's pos
// carries.
func (s *Service) keep(ctx context.Context, account tenant.ID, on stream.Connection, d *draft) (int64, error) {
	if !d.changed {
		return d.base.serial, nil
	}
	d.settle()
	text, err := json.Marshal(d.connection)
	if err != nil {
		return 0, fmt.Errorf("write connection: %w", err)
	}
	if len(text) > maxConnectionBytes {
		return 0, errUnknownPos
	}
	if d.serial, err = s.Store.PutSent(ctx, account, on, text, d.base.serial); err != nil {
		return 0, err
	}
	s.connections.put(account, on, d.base, d.connection)
	s.connections.use(account, on, s.Now())
	return d.serial, nil
}

// noteUse is how often the database is told that a connection is in use.
const noteUse = 24 * time.Hour

// connection finds what had been sent when a pos was given.
func (s *Service) connection(ctx context.Context, account tenant.ID, on stream.Connection, serial int64) (*connection, error) {
	if serial == 0 {
		return &connection{}, nil
	}
	c, used := s.connections.find(account, on, serial)
	if c == nil {
		var err error
		if c, err = s.readConnection(ctx, account, on, serial); err != nil {
			return nil, err
		}
	}
	if now := s.Now(); now.Sub(used) >= noteUse {
		exists, err := s.Store.UseConnection(ctx, account, on)
		if err != nil {
			return nil, err
		}
		if !exists {
			return nil, errUnknownPos
		}
		s.connections.use(account, on, now)
	}
	return c, nil
}

func (s *Service) readConnection(ctx context.Context, account tenant.ID, on stream.Connection, serial int64) (*connection, error) {
	sent, err := s.Store.Sent(ctx, account, on)
	if err != nil {
		return nil, err
	}
	for _, stored := range sent {
		if stored.Serial != serial {
			continue
		}
		c := &connection{serial: serial}
		if err := json.Unmarshal(stored.State, c); err != nil {
			return nil, fmt.Errorf("read connection: %w", err)
		}
		for i, w := range c.Wants {
			if c.Wants[i], err = newWants(w.Limit, w.Parts, w.Lists); err != nil {
				return nil, err
			}
		}
		c.settle()
		s.connections.put(account, on, nil, c)
		return c, nil
	}
	return nil, errUnknownPos
}

// connectionKey names a connection among those of all accounts.
type connectionKey struct {
	account tenant.ID
	stream.Connection
}

// maxRemembered is how many rooms the connections in memory may have together.
const maxRemembered = 2_000_000

// connections are those in memory, with their last two states. What is not here
// is in the database.
type connections struct {
	mu    sync.Mutex // guards all below
	all   map[connectionKey]remembered
	rooms int
}

// remembered is a connection in memory. What it holds is replaced, not changed.
type remembered struct {
	states [2]*connection // the newest first
	used   time.Time      // when the database was last told that it is
}

func (m *connections) find(account tenant.ID, on stream.Connection, serial int64) (c *connection, used time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r := m.all[connectionKey{account, on}]
	for _, c := range r.states {
		if c != nil && c.serial == serial {
			return c, r.used
		}
	}
	return nil, time.Time{}
}

// use notes that the database has been told of a connection's use.
func (m *connections) use(account tenant.ID, on stream.Connection, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if r, known := m.all[connectionKey{account, on}]; known {
		r.used = now
		m.all[connectionKey{account, on}] = r
	}
}

// put keeps the newest state of a connection, and the one it was made from.
func (m *connections) put(account tenant.ID, on stream.Connection, base, newest *connection) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.all == nil || m.rooms > maxRemembered || len(m.all) > maxRemembered/20 {
		m.all, m.rooms = map[connectionKey]remembered{}, 0
	}
	key := connectionKey{account, on}
	r := m.all[key]
	m.rooms -= r.size()
	r.states = [2]*connection{newest, base}
	m.rooms += r.size()
	m.all[key] = r
}

// size gives how many rooms the states have.
func (r remembered) size() (rooms int) {
	for _, c := range r.states {
		if c != nil {
			rooms += len(c.Rooms)
		}
	}
	return rooms
}
