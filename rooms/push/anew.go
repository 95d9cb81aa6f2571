package push

import (
	"fmt"
	"strings"

	"github.com/tidwall/gjson"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/rooms/event"
	"github.com/conversalabs/internalchat/storage/stream"
)

// Counting anew looks at the newest events, back to where the main timeline was
// read, and at no more of them than these. Of what lies before, the index gives
// the threads' events and whatever may mention the user: a mention behind fifty
// thousand messages is one look-up. So what lies deeper and notifies for another
// reason (a keyword, a display name without a link) is not found.
const (
	maxLooked  = 5000 // events of a room that may notify by themselves
	maxQuiet   = 500  // events of a room where only mentions may
	maxIndexed = 1000 // events from the index
)

// lookPages are how many events are read in each round.
var lookPages = []int{100, 400, 1500, maxLooked}

// fresh is a tally that is being made.
type fresh struct {
	*tally
	scene  *Scene
	down   stream.Position // what is above was looked at
	until  stream.Position // where looking ends: the main timeline was read up to here
	budget int             // events that may still be looked at
	moved  stream.Position // the newest event that may have changed the counts
}

func newFresh(s *Scene, rulesAt, receiptsAt stream.Position) *fresh {
	t := newTally(s)
	t.rulesOf, t.receiptsOf = rulesAt, receiptsAt
	return &fresh{tally: t, scene: s, down: s.head}
}

// countAnew counts rooms from their heads down.
func (c *counting) countAnew(all []*fresh) error {
	if err := c.readReceipts(all); err != nil {
		return err
	}
	for _, f := range all {
		f.until = f.readUpTo(rooms.MainThread)
		f.budget = maxQuiet
		if c.evaluator.notifiesOf(f.scene.room) {
			f.budget = maxLooked
		}
		recent := f.scene.recent
		for i := len(recent) - 1; i >= 0 && recent[i].Position > f.until; i-- {
			if err := c.look(f, recent[i]); err != nil {
				return err
			}
		}
		if f.scene.reaches(f.until) {
			f.down = f.until
		}
	}
	if err := c.lookDeeper(all); err != nil {
		return err
	}
	if err := c.lookUp(all); err != nil {
		return err
	}
	for _, f := range all {
		f.sorted()
		f.trim()
	}
	return nil
}

// look takes the next event down.
func (c *counting) look(f *fresh, e *event.Event) error {
	f.down = e.Position - 1
	f.budget--
	does, err := c.take(f.tally, f.scene, e)
	if does != none || e.Redacts != "" || f.scene.changedBy(e) {
		f.moved = max(f.moved, e.Position)
	}
	if does == fewer { // the reader's own
		f.until = max(f.until, f.readUpTo(rooms.MainThread))
	}
	return err
}

// wants tells whether there is more to look at.
func (f *fresh) wants() bool { return f.down > f.until && f.budget > 0 && len(f.marks) < MaxUnread }

// lookDeeper reads older events, all rooms together.
func (c *counting) lookDeeper(all []*fresh) error {
	for _, page := range lookPages {
		var deeper []*fresh
		var slices []rooms.Slice
		for _, f := range all {
			if f.wants() {
				deeper = append(deeper, f)
				slices = append(slices, rooms.Slice{
					Room: f.scene.room, After: f.until, UpTo: f.down, Limit: min(page, f.budget), Direction: rooms.Backwards,
				})
			}
		}
		if deeper == nil {
			return nil
		}
		older, err := c.store.Timelines(c.ctx, c.account, slices)
		if err != nil {
			return err
		}
		for i, f := range deeper {
			for _, e := range older[i] {
				if err := c.look(f, e); err != nil {
					return err
				}
			}
			if len(older[i]) < slices[i].Limit {
				f.down = f.until
			}
		}
	}
	return nil
}

// lookUp takes from the index what lies before the events that were looked at.
func (c *counting) lookUp(all []*fresh) error {
	var asked []*fresh
	var slices []rooms.Slice
	for _, f := range all {
		if len(f.marks) >= MaxUnread {
			f.floor = f.down
		}
		if f.down > f.read {
			asked = append(asked, f)
			slices = append(slices, rooms.Slice{Room: f.scene.room, After: f.read, UpTo: f.down, Limit: maxIndexed})
		}
	}
	if asked == nil {
		return nil
	}
	mentions, err := c.index.Candidates(c.ctx, c.account, []string{string(c.user), rooms.AnyMember}, slices)
	if err != nil {
		return err
	}
	replies, err := c.index.Threaded(c.ctx, c.account, slices)
	if err != nil {
		return err
	}
	for i, f := range asked {
		for _, e := range append(mentions[i], replies[i]...) {
			if _, err := c.take(f.tally, f.scene, e); err != nil {
				return err
			}
		}
	}
	return nil
}

// readReceipts takes in how far rooms were read. A receipt never goes back, so
// what was taken in before stays.
func (c *counting) readReceipts(all []*fresh) error {
	byRoom := make(map[id.RoomID]*fresh, len(all))
	of := make([]id.RoomID, 0, len(all))
	for _, f := range all {
		byRoom[f.scene.room] = f
		of = append(of, f.scene.room)
	}
	items, err := c.store.Items(c.ctx, c.account, stream.ItemQuery{Kinds: []stream.Kind{stream.Receipt}, User: c.user, Rooms: of})
	if err != nil {
		return fmt.Errorf("read receipts: %w", err)
	}
	missing := map[id.EventID][]*stream.Item{}
	for i := range items {
		f, item := byRoom[items[i].Room], &items[i]
		marked := id.EventID(gjson.GetBytes(item.Content, "event_id").Str)
		if e := f.scene.find(marked); e != nil {
			f.receipt(item, e)
		} else if marked != "" {
			missing[marked] = append(missing[marked], item)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	wanted := make([]id.EventID, 0, len(missing))
	for eventID := range missing {
		wanted = append(wanted, eventID)
	}
	found, err := c.store.EventsByID(c.ctx, c.account, wanted)
	if err != nil {
		return err
	}
	for eventID, e := range found {
		for _, item := range missing[eventID] {
			byRoom[item.Room].receipt(item, e)
		}
	}
	return nil
}

// receipt takes in a receipt at an event.
func (f *fresh) receipt(item *stream.Item, e *event.Event) {
	kind, root, _ := strings.Cut(item.Key, "|")
	if e.Room == f.scene.room && (kind == rooms.ReceiptRead || kind == rooms.ReceiptPrivate) {
		f.reads(id.EventID(root), e.Position)
	}
}
