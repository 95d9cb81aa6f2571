package push

import (
	"cmp"
	"maps"
	"slices"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/rooms/event"
	"github.com/conversalabs/internalchat/storage/stream"
)

// tally is what was counted in one room for one user.
type tally struct {
	at      stream.Position // counted up to
	counts  Counts
	changed stream.Position // where counts became what they are, at the latest
	known   bool            // changed is where they were seen to change

	// What it was counted with.
	rulesOf, receiptsOf stream.Position
	since               stream.Position // the user's join
	member, levels      id.EventID
	mentions            bool // the account's default level
	context             Context

	// read is how far the whole room was read; nothing before it counts. Each
	// thread, the main timeline too, may have been read further.
	read    stream.Position
	threads []thread
	// marks are the unread notifications, lowest position first. Where there are
	// more than are counted, those up to floor are not all here.
	marks []mark
	floor stream.Position
}

// thread is a thread of a room: the first of a tally is the main timeline.
type thread struct {
	root id.EventID
	read stream.Position
}

// mark is one unread notification.
type mark struct {
	position  stream.Position
	thread    int // in tally.threads
	highlight bool
}

func newTally(s *Scene) *tally {
	return &tally{
		at: s.head, since: s.spans.Since(), read: s.spans.Since(), member: s.memberID(), levels: s.levelsID,
		context: s.context(), mentions: s.mentions, threads: []thread{{root: rooms.MainThread}},
	}
}

// fits tells whether what was counted holds for the scene, and can be gone on
// with: the same stay in the room, the same name and power levels, the same
// answers to what rules ask about the number of members.
func (t *tally) fits(s *Scene, e *Evaluator) bool {
	return t.since == s.spans.Since() && t.member == s.memberID() && t.levels == s.levelsID && t.mentions == s.mentions &&
		e.likeCounts(t.context.MemberCount, s.joined) && (t.at >= s.head || s.reaches(t.at))
}

// thread gives the place of a thread, adding it if need be.
func (t *tally) thread(root id.EventID) int {
	for i := range t.threads {
		if t.threads[i].root == root {
			return i
		}
	}
	t.threads = append(t.threads, thread{root: root})
	return len(t.threads) - 1
}

// reads takes in that a thread, or with "" the whole room, was read up to a
// position.
func (t *tally) reads(root id.EventID, upTo stream.Position) {
	if root == "" {
		t.read = max(t.read, upTo)
		return
	}
	at := &t.threads[t.thread(root)]
	at.read = max(at.read, upTo)
}

// readUpTo gives how far a thread was read.
func (t *tally) readUpTo(root id.EventID) stream.Position {
	for _, thread := range t.threads {
		if thread.root == root {
			return max(t.read, thread.read)
		}
	}
	return t.read
}

// remove takes out the notification of an event.
func (t *tally) remove(position stream.Position) {
	t.marks = slices.DeleteFunc(t.marks, func(m mark) bool { return m.position == position })
}

// settle drops what was read or is too much, and sums up. It is false when fewer
// are left than are counted and there may be more: then all is to be counted
// again.
func (t *tally) settle(head stream.Position) bool {
	t.trim()
	if t.floor > 0 && len(t.marks) < MaxUnread {
		return false
	}
	t.sum(head)
	return true
}

// trim drops what was read, and what is too much.
func (t *tally) trim() {
	t.marks = slices.DeleteFunc(t.marks, func(m mark) bool {
		return m.position <= t.read || m.position <= t.threads[m.thread].read
	})
	for len(t.marks) > MaxUnread {
		t.floor = max(t.floor, t.dropOldest())
	}
	if t.read >= t.floor {
		t.floor = 0
	}
}

// dropOldest forgets the oldest notification that is no highlight, or else the
// oldest, and gives its position.
func (t *tally) dropOldest() stream.Position {
	i := max(slices.IndexFunc(t.marks, func(m mark) bool { return !m.highlight }), 0)
	position := t.marks[i].position
	t.marks = slices.Delete(t.marks, i, i+1)
	return position
}

// sum makes counts of the marks.
func (t *tally) sum(head stream.Position) {
	before, changed, known := t.counts, t.changed, t.known
	t.counts = Counts{}
	t.add(t.marks, head)
	if t.counts.equal(before) {
		t.changed, t.known = changed, known
	}
}

// add adds marks to the counts. Readers may hold the old ones.
func (t *tally) add(marks []mark, head stream.Position) {
	t.changed, t.known = head, true
	cloned := false
	for _, m := range marks {
		highlight := 0
		if m.highlight {
			highlight = 1
		}
		t.counts.Notify++
		t.counts.Highlight += highlight
		if m.thread == 0 {
			continue
		}
		if !cloned {
			cloned = true
			t.counts.Threads = cloneOf(t.counts.Threads)
		}
		root := t.threads[m.thread].root
		in := t.counts.Threads[root]
		t.counts.Threads[root] = Counts{Notify: in.Notify + 1, Highlight: in.Highlight + highlight}
	}
}

func cloneOf(threads map[id.EventID]Counts) map[id.EventID]Counts {
	if threads == nil {
		return map[id.EventID]Counts{}
	}
	return maps.Clone(threads)
}

func (c Counts) equal(other Counts) bool {
	if c.Notify != other.Notify || c.Highlight != other.Highlight || len(c.Threads) != len(other.Threads) {
		return false
	}
	for root, counts := range c.Threads {
		if found, ok := other.Threads[root]; !ok || !counts.equal(found) {
			return false
		}
	}
	return true
}

// sorted puts the marks into the order of the stream.
func (t *tally) sorted() {
	slices.SortFunc(t.marks, func(x, y mark) int { return cmp.Compare(x.position, y.position) })
	t.marks = slices.CompactFunc(t.marks, func(x, y mark) bool { return x.position == y.position })
}

// pushEvent is what rules see of an event.
func pushEvent(e *event.Event) Event {
	return Event{Type: e.Type, Sender: e.Sender, Room: e.Room, StateKey: e.StateKey, Content: e.Content}
}
