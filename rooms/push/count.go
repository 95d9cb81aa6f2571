package push

import (
	"context"
	"fmt"

	"github.com/tidwall/gjson"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/rooms/event"
	"github.com/conversalabs/internalchat/storage/stream"
)

// Counted are the counts of a room.
type Counted struct {
	Counts
	// Changed is where the counts became what they are, at the latest. Known tells
	// that this takes in receipts and rules, not only events: that they were
	// something else before.
	Changed stream.Position
	Known   bool
}

// Of counts one room that the caller is in, at the account's head. A room that
// the caller is not in has no counts.
func (u *Unread) Of(ctx context.Context, caller tenant.Caller, room id.RoomID) (Counts, error) {
	var scenes []Scene
	err := u.store.View(ctx, caller.Account, func(v rooms.View) error {
		scenes = nil
		r, err := v.Room(room)
		if err != nil || r == nil || !r.Joined(caller.User) {
			return err
		}
		s, err := u.Scene(v, caller, r)
		scenes = append(scenes, s)
		return err
	})
	if err != nil || scenes == nil {
		return Counts{}, err
	}
	counted, err := u.Count(ctx, caller, scenes)
	if err != nil {
		return Counts{}, err
	}
	return counted[0].Counts, nil
}

// Count counts what is unread in some rooms. What was counted before is gone on
// with; the other rooms are counted together.
func (u *Unread) Count(ctx context.Context, caller tenant.Caller, scenes []Scene) ([]Counted, error) {
	r := u.reader(caller.Account, caller.User)
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := u.bring(ctx, caller.Account, r, scenes); err != nil {
		return nil, fmt.Errorf("count unread: %w", err)
	}
	counted := make([]Counted, len(scenes))
	for i := range scenes {
		t := r.tallies[scenes[i].room]
		counted[i] = Counted{t.counts, t.changed, t.known}
	}
	return counted, nil
}

// bring brings the tallies of rooms to where the scenes are.
func (u *Unread) bring(ctx context.Context, account tenant.ID, r *reader, scenes []Scene) error {
	if len(scenes) == 0 {
		return nil
	}
	rulesAt, receiptsAt := u.changed(r, scenes)
	if err := r.prepare(ctx, u, account, rulesAt, scenes[0].mentions); err != nil {
		return err
	}
	counting := &counting{Unread: u, ctx: ctx, account: account, reader: r}
	var fresh []*fresh
	for i := range scenes {
		s := &scenes[i]
		t := r.tallies[s.room]
		if t != nil && t.rulesOf == rulesAt && t.fits(s, r.evaluator) {
			done, err := counting.goOn(t, s, receiptsAt[i])
			if err != nil {
				delete(r.tallies, s.room) // half gone on with
				return err
			}
			if done {
				continue
			}
		}
		fresh = append(fresh, newFresh(s, rulesAt, receiptsAt[i]))
	}
	if fresh == nil {
		return nil
	}
	if err := counting.countAnew(fresh); err != nil {
		return err
	}
	for _, f := range fresh {
		if old := r.tallies[f.scene.room]; old != nil {
			// Counted again, it may be what it was.
			f.counts, f.changed, f.known = old.counts, old.changed, true
		}
		if f.sum(f.at); r.tallies[f.scene.room] == nil {
			f.changed, f.known = f.moved, false
		}
		r.tallies[f.scene.room] = f.tally
	}
	return nil
}

// counting is one reader's counts at work.
type counting struct {
	*Unread
	*reader
	ctx     context.Context //nolint:containedctx // lives as long as the call
	account tenant.ID
}

// goOn counts what came behind a tally. It is false when that does not do.
func (c *counting) goOn(t *tally, s *Scene, receiptsAt stream.Position) (bool, error) {
	before, all := len(t.marks), none
	if t.receiptsOf != receiptsAt {
		if err := c.readReceipts([]*fresh{{tally: t, scene: s}}); err != nil {
			return false, err
		}
		t.receiptsOf, all = receiptsAt, fewer
	}
	from := len(s.recent)
	for from > 0 && s.recent[from-1].Position > t.at {
		from--
	}
	for _, e := range s.recent[from:] {
		one, err := c.take(t, s, e)
		if err != nil {
			return false, err
		}
		if e.Redacts != "" {
			if err := c.withdraw(t, s, e); err != nil {
				return false, err
			}
			one = fewer
		}
		all = max(all, one)
	}
	t.at = max(t.at, s.head)
	switch {
	case all == none:
		return true, nil
	case all == more && len(t.marks) <= MaxUnread:
		t.add(t.marks[before:], s.head)
		return true, nil
	}
	return t.settle(s.head), nil
}

// withdraw takes out what a redaction has emptied.
func (c *counting) withdraw(t *tally, s *Scene, redaction *event.Event) error {
	if len(t.marks) == 0 {
		return nil
	}
	e, err := c.find(s, redaction.Redacts)
	if err != nil || e == nil {
		return err
	}
	t.remove(e.Position)
	return nil
}

// effect is what an event does to what is unread.
type effect int

const (
	none  effect = iota
	more         // one more
	fewer        // some may be read, or gone
)

// take counts one event, if it counts. It takes events in any order.
func (c *counting) take(t *tally, s *Scene, e *event.Event) (effect, error) {
	if e.Position <= t.read || e.RedactedBy != "" || !s.visibility.Event(e) {
		return none, nil
	}
	if e.Sender == c.user {
		// Sending is reading, up to what was sent and in its thread. A state event (a
		// new name, in all rooms at once) or a redaction says nothing of the kind.
		if e.StateKey != nil || e.Type == "m.room.redaction" {
			return none, nil
		}
		root, err := c.threadOf(s, e)
		t.reads(root, e.Position)
		return fewer, err
	}
	result := c.evaluate(t.context, s, e)
	if !result.Notify {
		return none, nil
	}
	root, err := c.threadOf(s, e)
	if err != nil || e.Position <= t.readUpTo(root) {
		return none, err
	}
	t.marks = append(t.marks, mark{e.Position, t.thread(root), result.Highlight})
	return more, nil
}

// evaluate tells what an event means to the reader: nothing, if they ignore it.
func (c *counting) evaluate(context Context, s *Scene, e *event.Event) Result {
	if rooms.Ignores(s.ignored, e) {
		return Result{}
	}
	context.SenderPower = s.levels.User(e.Sender)
	return c.evaluator.Evaluate(pushEvent(e), context)
}

// maxHops is how many relations are followed to a thread: an edit of a reaction
// to a reply is as far as clients go.
const maxHops = 3

// threadOf gives the root of the thread that an event is in, which is what it
// relates to if that is in one; otherwise [rooms.MainThread].
func (c *counting) threadOf(s *Scene, e *event.Event) (id.EventID, error) {
	for range maxHops {
		relation := gjson.GetBytes(e.Content, `m\.relates_to`)
		kind, parent := relation.Get("rel_type").Str, id.EventID(relation.Get("event_id").Str)
		if kind == "" || parent == "" {
			break
		}
		if kind == "m.thread" {
			return parent, nil
		}
		related, err := c.find(s, parent)
		if err != nil {
			return "", err
		}
		if related == nil {
			break
		}
		e = related
	}
	return rooms.MainThread, nil
}

// find gives an event of the room, or nil.
func (c *counting) find(s *Scene, wanted id.EventID) (*event.Event, error) {
	if e := s.find(wanted); e != nil {
		return e, nil
	}
	e, err := c.store.EventByID(c.ctx, c.account, wanted)
	if err != nil || e == nil || e.Room != s.room {
		return nil, err
	}
	return e, nil
}
