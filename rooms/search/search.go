package search

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/rooms/event"
	"github.com/conversalabs/internalchat/storage/follow"
)

// maxHits is how many documents, those of the newest messages, a search looks at.
const maxHits = 10_000

// searching is one search at work.
type searching struct {
	*Service
	caller tenant.Caller
	q      Request
	from   cursor
	words  map[string]bool // folded
	reach  *rooms.Reach
}

// Search answers a search of the caller's rooms: those that they have ever been in
// and not forgotten, as far as they may see each event.
func (s *Service) Search(ctx context.Context, caller tenant.Caller, q Request) (*Results, error) {
	from, err := parseCursor(q.From)
	if err != nil {
		return nil, err
	}
	w := &searching{Service: s, caller: caller, q: q, from: from, words: map[string]bool{}}
	for _, word := range Words(q.Term) {
		w.words[word] = true
	}
	w.reach, err = s.rooms.Reach(ctx, caller, func(room id.RoomID) bool { return q.Filter == nil || q.Filter.Wants(room) })
	if err != nil {
		return nil, err
	}
	if from == (cursor{}) {
		w.from.head = w.reach.Head()
	}
	hits, err := w.hits(ctx)
	if err != nil {
		return nil, err
	}
	return w.answer(ctx, hits)
}

// hits gives what the reader may see and wants of what the index proposes, in
// order.
func (w *searching) hits(ctx context.Context) ([]Hit, error) {
	open := w.reach.Rooms()
	if len(w.words) == 0 || len(open) == 0 {
		return nil, nil
	}
	if err := w.catchUp(ctx); err != nil {
		return nil, err
	}
	q := Query{Rooms: open, Limit: maxHits}
	for word := range w.words {
		q.Words = append(q.Words, word)
	}
	for eventType, key := range keys {
		if len(w.q.Keys) == 0 || slices.Contains(w.q.Keys, "content."+key) {
			q.Types = append(q.Types, eventType)
		}
	}
	proposed, err := w.index.Find(ctx, w.caller.Account, q)
	if err != nil {
		return nil, err
	}
	taken := make(map[id.EventID]bool, len(proposed))
	hits := slices.DeleteFunc(proposed, func(h Hit) bool {
		if taken[h.ID] || h.Message > w.from.head || !w.wants(h) {
			return true
		}
		taken[h.ID] = true
		return false
	})
	slices.SortStableFunc(hits, w.compare)
	return hits, nil
}

// catchUp waits a little until the index has what was said before the request.
func (w *searching) catchUp(ctx context.Context) error {
	waiting, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err := w.await(waiting, w.caller.Account, follow.Place{Epoch: w.reach.Epoch(), Position: w.reach.Head()})
	if ctx.Err() == nil && (errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)) {
		return nil // it finds what there is
	}
	return err
}

// wants tells whether a document is the newest of its message that the reader may
// see.
func (w *searching) wants(h Hit) bool {
	probe := event.Event{Room: h.Room, Sender: h.Sender, Type: h.Type}
	if h.Type != "m.room.message" {
		probe.StateKey = new(string)
	}
	probe.Position = h.Message
	if !w.reach.Shows(&probe) {
		return false
	}
	if probe.Position = h.Position; !w.reach.Shows(&probe) {
		return false
	}
	if probe.Position = h.Superseded; h.Superseded != Never && w.reach.Shows(&probe) {
		return false
	}
	return (w.q.Filter == nil || w.q.Filter.Takes(h.Type, h.Sender)) && w.from.holds(h)
}

// compare orders documents.
func (w *searching) compare(x, y Hit) int {
	if !w.q.Recent {
		if c := cmp.Compare(x.Length, y.Length); c != 0 {
			return c
		}
	}
	return cmp.Compare(y.Message, x.Message)
}

// rank is how much of a text was asked for.
func (w *searching) rank(h Hit) float64 { return min(1, float64(len(w.words))/float64(h.Length)) }

// limit is how many results one answer has.
func (w *searching) limit() int {
	if w.q.Filter == nil {
		return defaultResults
	}
	return w.q.Filter.Limit(defaultResults, maxResults)
}

// finding is a hit with its events.
type finding struct {
	Hit
	message, source *event.Event
}

const (
	// readAtOnce is how many hits are read together.
	readAtOnce = 50
	// maxRead is how many hits one answer reads, when most of them are no longer so.
	maxRead = 1000
)

// read gives the first of the hits behind the cursor that still are so, and the
// hits behind those that it has looked at.
func (w *searching) read(ctx context.Context, hits []Hit) (found []finding, last *Hit, rest []Hit, err error) {
	if w.from.begun() {
		after := Hit{Length: w.from.length, Message: w.from.message}
		hits = slices.DeleteFunc(slices.Clone(hits), func(h Hit) bool { return w.compare(h, after) <= 0 })
	}
	for looked := 0; len(hits) > 0 && len(found) < w.limit() && looked < maxRead; looked += readAtOnce {
		part := hits[:min(len(hits), readAtOnce)]
		events, err := w.events(ctx, part)
		if err != nil {
			return nil, nil, nil, err
		}
		for i := range part {
			if len(found) == w.limit() {
				return found, last, hits, nil
			}
			last, hits = &part[i], hits[1:]
			f := finding{part[i], events[part[i].ID], events[part[i].Source]}
			if w.still(f) {
				found = append(found, f)
			}
		}
	}
	return found, last, hits, nil
}

func (w *searching) events(ctx context.Context, hits []Hit) (map[id.EventID]*event.Event, error) {
	wanted := make([]id.EventID, 0, 2*len(hits))
	for _, h := range hits {
		wanted = append(wanted, h.ID)
		if h.Source != h.ID {
			wanted = append(wanted, h.Source)
		}
	}
	return w.rooms.Store().EventsByID(ctx, w.caller.Account, wanted)
}

// still tells whether what the index says is so in the room: the events exist, may
// be seen, and nobody has redacted them.
func (w *searching) still(f finding) bool {
	for _, e := range []*event.Event{f.message, f.source} {
		if e == nil || e.RedactedBy != "" || !w.reach.Shows(e) {
			return false
		}
	}
	return w.q.Filter == nil || w.q.Filter.Match(f.message)
}
