package bell

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/tidwall/gjson"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/rooms/event"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/stream"
)

// Store is what following and listing read beyond [rooms.Store].
type Store interface {
	rooms.Store
	// BellEvents gives the events with after < position ≤ upTo, oldest first, that are
	// of one of the types or end somebody's stay in a room.
	BellEvents(ctx context.Context, account tenant.ID, after, upTo stream.Position, types []string) ([]*event.Event, error)
	// ReceiptsBetween gives the receipts that were put with after < position ≤ upTo,
	// and not since, oldest first.
	ReceiptsBetween(ctx context.Context, account tenant.ID, after, upTo stream.Position) ([]stream.Item, error)
	// DataOf gives some types of account data of some users, in a room and outside of
	// rooms.
	DataOf(ctx context.Context, account tenant.ID, users []id.UserID, room id.RoomID, types []string) ([]stream.Item, error)
	// ToldOf gives at most limit of the users, by ID from behind one on, whose bell has
	// an entry about an event.
	ToldOf(ctx context.Context, account tenant.ID, eventID id.EventID, after id.UserID, limit int) ([]id.UserID, error)
	// ToldIn tells whether a user's bell has an entry about what was in a room below a
	// position.
	ToldIn(ctx context.Context, account tenant.ID, user id.UserID, room id.RoomID, before stream.Position) (bool, error)
	// UnreadBellIn gives which of some users have unread entries about which of some
	// rooms. Of the entries, User and Room are set.
	UnreadBellIn(ctx context.Context, account tenant.ID, users []id.UserID, of []id.RoomID) ([]rooms.BellEntry, error)
}

const (
	// stepPositions is how many entries of the stream are looked at in one step.
	stepPositions = 500
	// atOnce is how many users' bells one act changes: everybody's sends wait for it.
	atOnce = 100
	// fresh is how old an event may be that rings: who comes upon a history, after an
	// upgrade or a restore, is not told of all of it.
	fresh = 24 * time.Hour
)

// messages are the types of events that ring.
var messages = []string{"m.room.message", "m.room.encrypted", "m.sticker", "m.poll.start", "org.matrix.msc3381.poll.start"}

// Follower rings. It implements follow.Follower; all that it does are acts of the
// accounts' writers, done when a step returns, and may be done again.
type Follower struct {
	store Store
	now   func() time.Time
}

// Follow makes the follower.
func Follow(store Store, now func() time.Time) *Follower { return &Follower{store, now} }

// Name implements follow.Follower.
func (*Follower) Name() string { return "bell" }

// Reset implements follow.Follower. What has rung in another history is gone with it,
// or is there already.
func (*Follower) Reset(context.Context, tenant.ID, *sqldb.Batch) (more bool, err error) {
	return false, nil
}

// Step implements follow.Follower.
func (f *Follower) Step(ctx context.Context, account tenant.ID, after, upTo stream.Position, _ *sqldb.Batch) (stream.Position, error) {
	s := &step{Follower: f, ctx: ctx, account: account}
	upTo = min(upTo, after+stepPositions)
	events, err := f.store.BellEvents(ctx, account, after, upTo, append([]string{"m.room.redaction"}, messages...))
	if err != nil {
		return 0, err
	}
	receipts, err := f.store.ReceiptsBetween(ctx, account, after, upTo)
	if err != nil {
		return 0, err
	}
	for _, e := range events {
		if err := s.ring(e); err != nil {
			return 0, err
		}
	}
	if err := s.flush(); err != nil {
		return 0, err
	}
	// What was rung is there now, and can be read and removed.
	if err := s.read(events, receipts); err != nil {
		return 0, err
	}
	for _, e := range events {
		if err := s.remove(e); err != nil {
			return 0, err
		}
	}
	return upTo, nil
}

// step is a step under way.
type step struct {
	*Follower
	ctx     context.Context //nolint:containedctx // lives as long as the step
	account tenant.ID
	due     []rooms.BellEntry // that have been judged and are to ring
}

// act runs one act of the server itself.
func (s *step) act(do func(rooms.Tx) error) error {
	_, err := s.store.Act(s.ctx, rooms.Act{
		Caller: tenant.Caller{Account: s.account}, Lone: true,
		Do: func(tx rooms.Tx) (id.EventID, error) { return "", do(tx) },
	})
	return err
}

// ring judges what an event is to its readers.
func (s *step) ring(e *event.Event) error {
	if !slices.Contains(messages, e.Type) || e.StateKey != nil || e.RedactedBy != "" ||
		e.Timestamp < s.now().Add(-fresh).UnixMilli() ||
		gjson.GetBytes(e.Content, `m\.relates_to.rel_type`).Str == "m.replace" {
		return nil
	}
	sc, err := s.sceneOf(e)
	if err != nil || len(sc.readers) == 0 {
		return err
	}
	for chunk := range slices.Chunk(sc.readers, atOnce) {
		entries, err := s.judge(sc, chunk)
		if err != nil {
			return err
		}
		s.due = append(s.due, entries...)
		if len(s.due) >= atOnce {
			if err := s.flush(); err != nil {
				return err
			}
		}
	}
	return nil
}

// flush writes what is due. Who has left or been deactivated since is passed over.
func (s *step) flush() error {
	for chunk := range slices.Chunk(s.due, atOnce) {
		err := s.act(func(tx rooms.Tx) error {
			var entries []rooms.BellEntry
			for _, entry := range chunk {
				room, err := tx.Room(entry.Room)
				if err != nil {
					return err
				}
				rings, err := tx.UserRings(entry.User)
				if err != nil {
					return err
				}
				if rings && room != nil && room.Joined(entry.User) {
					entries = append(entries, entry)
				}
			}
			return tx.Ring(entries...)
		})
		if err != nil {
			return err
		}
	}
	s.due = nil
	return nil
}

// reading is how far somebody has read a room, or a thread of it.
type reading struct {
	thread string // "": all of the room
	event  id.EventID
	upTo   stream.Position // of the event
}

// covers tells whether an entry was read.
func (r reading) covers(e rooms.BellEntry) bool {
	return e.Event != "" && e.At <= r.upTo && (r.thread == "" || r.thread == e.Thread)
}

// place is a user in a room.
type place struct {
	user id.UserID
	room id.RoomID
}

// read marks what receipts and own messages have read.
func (s *step) read(events []*event.Event, receipts []stream.Item) error {
	readings := map[place][]reading{}
	for _, e := range events {
		if slices.Contains(messages, e.Type) && e.StateKey == nil {
			at := place{e.Sender, e.Room}
			readings[at] = append(readings[at], reading{threadOf(e), e.ID, e.Position})
		}
	}
	for _, item := range receipts {
		kind, thread, _ := strings.Cut(item.Key, "|")
		if eventID := gjson.GetBytes(item.Content, "event_id").Str; eventID != "" && (kind == rooms.ReceiptRead || kind == rooms.ReceiptPrivate) {
			at := place{item.User, item.Room}
			readings[at] = append(readings[at], reading{thread, id.EventID(eventID), 0})
		}
	}
	unread, err := s.unread(readings)
	if err != nil || len(unread) == 0 {
		return err
	}
	if err := s.locate(readings, unread); err != nil {
		return err
	}
	for _, at := range unread {
		err := s.act(func(tx rooms.Tx) error {
			return tx.ReadBell(at.user, func(e rooms.BellEntry) bool {
				return e.Room == at.room && slices.ContainsFunc(readings[at], func(r reading) bool { return r.covers(e) })
			})
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// unread gives in which of the places there is something to read.
func (s *step) unread(readings map[place][]reading) ([]place, error) {
	if len(readings) == 0 {
		return nil, nil
	}
	var users []id.UserID
	var of []id.RoomID
	for at := range readings {
		users, of = append(users, at.user), append(of, at.room)
	}
	found, err := s.store.UnreadBellIn(s.ctx, s.account, users, of)
	if err != nil {
		return nil, err
	}
	var unread []place
	for _, e := range found {
		if at := (place{e.User, e.Room}); readings[at] != nil {
			unread = append(unread, at)
		}
	}
	return unread, nil
}

// locate finds the positions of what was read in some places.
func (s *step) locate(readings map[place][]reading, in []place) error {
	var wanted []id.EventID
	for _, at := range in {
		for _, r := range readings[at] {
			if r.upTo == 0 {
				wanted = append(wanted, r.event)
			}
		}
	}
	if wanted == nil {
		return nil
	}
	found, err := s.store.EventsByID(s.ctx, s.account, wanted)
	if err != nil {
		return err
	}
	for _, at := range in {
		for i, r := range readings[at] {
			if e := found[r.event]; e != nil && e.Room == at.room {
				readings[at][i].upTo = e.Position
			}
		}
	}
	return nil
}

// remove takes out what an event has made disappear: by a redaction, or the end of
// somebody's stay.
func (s *step) remove(e *event.Event) error {
	switch {
	case e.Type == "m.room.member" && e.StateKey != nil:
		user := id.UserID(*e.StateKey)
		told, err := s.store.ToldIn(s.ctx, s.account, user, e.Room, e.Position)
		if err != nil || !told {
			return err
		}
		return s.act(func(tx rooms.Tx) error {
			return tx.Unring([]id.UserID{user}, rooms.BellGone{Room: e.Room, Before: e.Position})
		})
	case e.Redacts == "":
		return nil
	}
	for after := id.UserID(""); ; {
		told, err := s.store.ToldOf(s.ctx, s.account, e.Redacts, after, atOnce)
		if err != nil || len(told) == 0 {
			return err
		}
		after = told[len(told)-1]
		err = s.act(func(tx rooms.Tx) error { return tx.Unring(told, rooms.BellGone{Event: e.Redacts}) })
		if err != nil {
			return err
		}
	}
}
