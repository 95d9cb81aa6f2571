package rooms

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strconv"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/rooms/event"
	"github.com/conversalabs/internalchat/storage/stream"
)

// Bundling asks for what relates to some events of one room, as far as a reader
// may know it.
type Bundling struct {
	Room       id.RoomID
	Visibility Visibility
	UpTo       stream.Position // what came later is not told
	Ignored    map[id.UserID]bool
	// Recent are the room's newest events, oldest first; Whole tells that the first
	// of all is among them.
	Recent []*event.Event
	Whole  bool
	Events []*event.Event
}

// covers tells whether whatever relates to the event at a position is in memory:
// it came later.
func (b *Bundling) covers(p stream.Position) bool {
	return b.Whole || len(b.Recent) > 0 && b.Recent[0].Position <= p
}

// Childless tells from memory alone that nothing relates to any of the events.
func (b *Bundling) Childless() bool {
	oldest := b.oldest()
	if !b.covers(oldest) {
		return false
	}
	for _, e := range slices.Backward(b.Recent) {
		if e.Position <= oldest {
			return true
		}
		if e.Relation.Type != "" {
			return false
		}
	}
	return true
}

// oldest gives the lowest position of the events, of which there must be some.
func (b *Bundling) oldest() stream.Position {
	oldest := b.Events[0].Position
	for _, e := range b.Events {
		oldest = min(oldest, e.Position)
	}
	return oldest
}

func (b *Bundling) sees(e *event.Event) bool {
	return e.Position <= b.UpTo && b.Visibility.Event(e) && !Ignores(b.Ignored, e)
}

// windows gives where the reader sees what relates to events.
func (b *Bundling) windows() []Window { return b.Visibility.windows(b.UpTo, &event.Event{}) }

// aggregate is what relates to one event.
type aggregate struct {
	of         *event.Event
	in         *Bundling
	edit       *event.Event
	replies    int
	tookPart   bool
	latest     *event.Event // of the replies
	latestEdit *event.Event
	references []id.EventID
}

// Bounds of what goes into one bundle.
const (
	maxReferences = 1000
	// maxEdits is among how many of the newest replacements a valid one is sought:
	// their sender alone can make invalid ones.
	maxEdits = 10
)

// Aggregate gives the m.relations of those of the events that have any (section
// "Aggregations of child events"): the newest replacement, the thread with its
// latest reply, the references. Annotations are not among them. The database is
// asked only for what is older than the room's newest events.
func (s *Service) Aggregate(ctx context.Context, caller tenant.Caller, asked []Bundling) (map[id.EventID]json.RawMessage, error) {
	var found, rest []*aggregate
	for i := range asked {
		b := &asked[i]
		if len(b.Events) == 0 || b.Childless() {
			continue
		}
		children := b.remembered()
		for _, e := range b.Events {
			one := &aggregate{of: e, in: b, tookPart: e.Sender == caller.User}
			if !b.covers(e.Position) {
				rest = append(rest, one)
				continue
			}
			if one.remember(children, caller.User) {
				found = append(found, one)
			}
		}
	}
	if len(rest) > 0 {
		read, err := s.readAggregates(ctx, caller, rest)
		if err != nil {
			return nil, err
		}
		found = append(found, read...)
	}
	if len(found) == 0 {
		return nil, nil
	}
	bundles := make(map[id.EventID]json.RawMessage, len(found))
	for _, one := range found {
		if bundle := one.write(caller, s.timestamp()); bundle != nil {
			bundles[one.of.ID] = bundle
		}
	}
	return bundles, nil
}

// remembered gives what relates to the events out of memory, by parent, oldest
// first; nil when there is nothing.
func (b *Bundling) remembered() map[id.EventID][]*event.Event {
	oldest := b.oldest()
	var children map[id.EventID][]*event.Event
	first := len(b.Recent)
	for first > 0 && b.Recent[first-1].Position > oldest {
		first--
	}
	for _, e := range b.Recent[first:] {
		if e.Relation.Type == "" || !b.sees(e) {
			continue
		}
		if children == nil {
			children = map[id.EventID][]*event.Event{}
		}
		children[e.Relation.Parent] = append(children[e.Relation.Parent], e)
	}
	return children
}

// remember fills the aggregate from memory and tells whether there is anything.
func (a *aggregate) remember(children map[id.EventID][]*event.Event, reader id.UserID) bool {
	related := children[a.of.ID]
	for _, e := range related {
		switch e.Relation.Type {
		case event.Thread:
			a.replies++
			a.latest = e
			a.tookPart = a.tookPart || e.Sender == reader
		case event.Reference:
			a.references = append(a.references, e.ID)
		}
	}
	a.edit = newestEdit(a.of, related)
	if a.latest != nil {
		a.latestEdit = newestEdit(a.latest, children[a.latest.ID])
	}
	return len(related) > 0
}

// newestEdit gives the newest of the events that replaces one, or nil.
func newestEdit(of *event.Event, among []*event.Event) *event.Event {
	var newest *event.Event
	for _, e := range among {
		if e.Replaces(of) && (newest == nil || cmp.Or(cmp.Compare(e.Timestamp, newest.Timestamp), cmp.Compare(e.ID, newest.ID)) > 0) {
			newest = e
		}
	}
	return newest
}

// write writes the aggregate, nil when there is nothing to tell.
func (a *aggregate) write(caller tenant.Caller, now int64) json.RawMessage {
	var out []byte
	key := func(name string) {
		if out == nil {
			out = append(out, '{', '"')
		} else {
			out = append(out, ',', '"')
		}
		out = append(out, name...)
		out = append(out, '"', ':')
	}
	if len(a.references) > 0 {
		key(event.Reference)
		out = appendReferences(out, a.references)
	}
	if a.edit != nil {
		key(event.Replacement)
		out = a.event(out, caller, now, a.edit, nil)
	}
	if a.latest != nil {
		key(event.Thread)
		out = append(out, `{"count":`...)
		out = strconv.AppendInt(out, int64(a.replies), 10)
		out = append(out, `,"current_user_participated":`...)
		out = strconv.AppendBool(out, a.tookPart)
		out = append(out, `,"latest_event":`...)
		out = a.event(out, caller, now, a.latest, a.latestEdit)
		out = append(out, '}')
	}
	if out == nil {
		return nil
	}
	return append(out, '}')
}

// event writes an event of the bundle, with the one that replaces it.
func (a *aggregate) event(out []byte, caller tenant.Caller, now int64, e, edit *event.Event) []byte {
	r := Reader{User: caller.User, Device: caller.Device, Now: now, Membership: a.in.Visibility.spans.At(e.Position)}
	if edit != nil {
		r.Relations = (&aggregate{in: a.in, edit: edit}).write(caller, now)
	}
	return AppendEvent(out, e, r)
}

func appendReferences(out []byte, references []id.EventID) []byte {
	out = append(out, `{"chunk":[`...)
	for i, reference := range references[:min(len(references), maxReferences)] {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, `{"event_id":`...)
		out = AppendText(out, string(reference))
		out = append(out, '}')
	}
	return append(out, ']', '}')
}
