package rooms

import (
	"context"
	"encoding/json"
	"errors"
	"hash/fnv"
	"net/http"
	"slices"
	"sync"

	"github.com/tidwall/gjson"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/rooms/event"
	"github.com/conversalabs/internalchat/storage/stream"
)

// The types of receipts, and the marker that is kept as account data.
const (
	ReceiptRead    = "m.read"
	ReceiptPrivate = "m.read.private"
	FullyRead      = "m.fully_read"
)

// MainThread is the thread of what is in no thread.
const MainThread = "main"

// Reading says how far somebody has read a room. What is "" stays as it is.
type Reading struct {
	Room      id.RoomID
	Read      id.EventID // for everybody to see
	Private   id.EventID // for oneself
	FullyRead id.EventID // the marker
	// Thread is what Read and Private are about: [MainThread], the ID of a
	// thread's root, or "" for the whole room.
	Thread string
}

// receipt is the content of a receipt's item.
type receipt struct {
	Event  id.EventID `json:"event_id"`
	TS     int64      `json:"ts,omitempty"` // ms; the marker has none
	Thread string     `json:"thread_id,omitempty"`
}

// mark is one receipt, or the marker, on its way.
type mark struct {
	item   stream.Item
	event  *event.Event    // nil: there is none of this ID in the room
	before stream.Position // of the event that is marked now; 0: none
	main   bool            // event is in the main thread
	thread []string        // roots of threads that event may be in
}

// errMoved says that a mark was moved by somebody else meanwhile.
var errMoved = errors.New("the receipt has moved")

var (
	errThread      = refusal.Invalid("This event is not in the thread that thread_id names.")
	errBusyReading = refusal.New(http.StatusServiceUnavailable, "M_UNKNOWN", "The server could not save this just now. Please try again.")
)

// maxMoves is how often marks are tried again that others move at the same time.
const maxMoves = 20

// MarkRead moves the caller's receipts and marker in a room, all in one act, but
// never backwards: what lies behind is left as it is, without a refusal. The
// caller must be in the room and see the events.
func (s *Service) MarkRead(ctx context.Context, caller tenant.Caller, reading Reading) error {
	if !event.ValidRoomID(reading.Room) {
		return errNotHere()
	}
	// The act reads no database, so where the marks are is read before it, and the
	// act looks whether they moved since. What is in the same group it cannot see.
	defer s.marking.hold(caller)()
	for range maxMoves {
		since, marks, err := s.marks(ctx, caller, reading)
		if err != nil {
			return err
		}
		err = s.suspendedAct(ctx, caller, func(tx Tx) error {
			return s.putMarks(tx, caller.User, reading, since, marks)
		})
		if !errors.Is(err, errMoved) {
			return err
		}
	}
	return errBusyReading
}

// marks prepares what a reading asks for, and gives the head since which the
// marks may have moved.
func (s *Service) marks(ctx context.Context, caller tenant.Caller, reading Reading) (stream.Position, []mark, error) {
	find := finder{service: s, account: caller.Account, room: reading.Room}
	since, err := find.open(ctx)
	if err != nil {
		return 0, nil, err
	}
	var marks []mark
	for _, wanted := range []struct {
		kind  string
		event id.EventID
	}{{ReceiptRead, reading.Read}, {ReceiptPrivate, reading.Private}, {FullyRead, reading.FullyRead}} {
		if wanted.event == "" {
			continue
		}
		m := mark{item: s.markItem(caller.User, reading, wanted.kind, wanted.event)}
		if m.event, err = find.event(ctx, wanted.event); err != nil {
			return 0, nil, err
		}
		if err := find.threads(ctx, &m); err != nil {
			return 0, nil, err
		}
		if m.before, err = find.marked(ctx, m.item); err != nil {
			return 0, nil, err
		}
		marks = append(marks, m)
	}
	return since, marks, nil
}

func (s *Service) markItem(user id.UserID, reading Reading, kind string, eventID id.EventID) stream.Item {
	item := stream.Item{Kind: stream.AccountData, User: user, Room: reading.Room, Key: kind}
	content := receipt{Event: eventID}
	if kind != FullyRead {
		content.TS, content.Thread = s.timestamp(), reading.Thread
		item.Kind, item.Key = stream.Receipt, kind+"|"+reading.Thread
	}
	item.Content, _ = json.Marshal(content) // strings and a number
	return item
}

// putMarks is the act.
func (s *Service) putMarks(tx Tx, user id.UserID, reading Reading, since stream.Position, marks []mark) error {
	w, err := s.open(tx, reading.Room)
	if err != nil {
		return err
	}
	if !w.room.Joined(user) {
		return errNotHere()
	}
	memberships, err := tx.Memberships(user)
	if err != nil {
		return err
	}
	visibility := VisibilityOf(w.room, memberships[reading.Room], false)
	changes, complete := tx.Changes(since)
	for _, m := range marks {
		switch {
		case m.event == nil || !visibility.Event(m.event):
			return errNoEvent()
		case m.item.Kind == stream.Receipt && !m.within(reading.Thread):
			return errThread
		case !complete || m.movedBy(changes):
			return errMoved
		case m.event.Position > m.before:
			tx.Put(m.item)
		}
	}
	return nil
}

// within tells whether the mark's event may be read as part of a thread.
func (m *mark) within(thread string) bool {
	switch thread {
	case "":
		return true
	case MainThread:
		return m.main
	}
	return slices.Contains(m.thread, thread)
}

func (m *mark) movedBy(changes []Change) bool {
	for _, c := range changes {
		if c.Event == nil && c.Item.Kind == m.item.Kind && c.Item.User == m.item.User &&
			c.Item.Room == m.item.Room && c.Item.Key == m.item.Key {
			return true
		}
	}
	return false
}

// finder finds events of one room, in memory first.
type finder struct {
	service *Service
	account tenant.ID
	room    id.RoomID
	recent  []*event.Event
}

// open takes the room's newest events and gives the head this node has.
func (f *finder) open(ctx context.Context) (head stream.Position, err error) {
	err = f.service.store.Glance(ctx, f.account, func(v View) error {
		head = v.Head()
		r, err := v.Room(f.room)
		if r == nil || err != nil {
			return err
		}
		f.recent, _ = r.Recent(0)
		return nil
	})
	return head, err
}

// event gives an event of the room, or nil.
func (f *finder) event(ctx context.Context, wanted id.EventID) (*event.Event, error) {
	for _, e := range f.recent {
		if e.ID == wanted {
			return e, nil
		}
	}
	e, err := f.service.store.EventByID(ctx, f.account, wanted)
	if err != nil || e == nil || e.Room != f.room {
		return nil, err
	}
	return e, nil
}

// marked gives the position of the event that a receipt or marker is at, 0 where
// there is none.
func (f *finder) marked(ctx context.Context, item stream.Item) (stream.Position, error) {
	content, err := f.service.store.Item(ctx, f.account, item.Kind, item.User, item.Room, item.Key)
	if err != nil || content == nil {
		return 0, err
	}
	var now receipt
	if json.Unmarshal(content, &now) != nil {
		return 0, nil // not of our making: may be overwritten
	}
	e, err := f.event(ctx, now.Event)
	if err != nil || e == nil {
		return 0, err
	}
	return e.Position, nil
}

// maxRelated bounds how many relations are followed from an event to its thread:
// an edit of a reaction to a reply is as far as clients go.
const maxRelated = 4

// threads finds out which threads the mark's event is in (section "Threading"):
// its own if it is a root, that of the root it names, and that of the event it
// reacts to or edits.
func (f *finder) threads(ctx context.Context, m *mark) (err error) {
	e := m.event
	for hop := 0; e != nil && hop < maxRelated; hop++ {
		m.thread = append(m.thread, string(e.ID))
		relation := gjson.GetBytes(e.Content, `m\.relates_to`)
		kind, parent := relation.Get("rel_type").String(), relation.Get("event_id").String()
		if hop == 0 {
			m.main = kind != "m.thread"
		}
		if kind == "m.thread" {
			m.thread = append(m.thread, parent)
			return nil
		}
		if parent == "" {
			return nil
		}
		if e, err = f.event(ctx, id.EventID(parent)); err != nil {
			return err
		}
	}
	return nil
}

// userLocks let one act of a user wait for the other. Users share locks, which
// only costs time.
type userLocks [256]sync.Mutex

// hold takes the caller's lock and gives the function that lets it go.
func (l *userLocks) hold(caller tenant.Caller) (release func()) {
	h := fnv.New32a()
	_, _ = h.Write([]byte(caller.Account))
	_, _ = h.Write([]byte{0})
	_, _ = h.Write([]byte(caller.User))
	lock := &l[h.Sum32()%uint32(len(l))]
	lock.Lock()
	return lock.Unlock
}
