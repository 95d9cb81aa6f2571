package rooms

import (
	"context"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/rooms/event"
	"github.com/conversalabs/internalchat/storage/stream"
)

// RecursionDepth is how many relations are followed down from an event.
const RecursionDepth = 3

// RelationsRequest asks for what relates to an event (section "Querying events
// that relate to another").
type RelationsRequest struct {
	Room      id.RoomID
	Event     id.EventID
	RelType   string // "": all
	EventType string // "": all
	Recurse   bool   // also what relates to what relates to it, RecursionDepth deep
	Direction Direction
	From, To  string // tokens; without From, from the end that Direction names
	Limit     int
}

// RelationsPage is a part of what relates to an event.
type RelationsPage struct {
	Chunk []byte // JSON list of events
	Next  string // "" when there is no more
	Prev  string // "" at the beginning
}

// Relations gives a page of what relates to an event, as far as the caller may
// see it. An event that they may not see, or that is not in the room, is 404
// M_NOT_FOUND.
func (s *Service) Relations(ctx context.Context, caller tenant.Caller, q RelationsRequest) (*RelationsPage, error) {
	from, err := parseBound(q.From)
	if err != nil {
		return nil, err
	}
	to, err := parseBound(q.To)
	if err != nil {
		return nil, err
	}
	l, _, err := s.find(ctx, caller, q.Room, q.Event)
	if refusal.Is(err, "M_FORBIDDEN") {
		return nil, errNoEvent()
	}
	if err != nil {
		return nil, err
	}
	limit := s.pageLimit(q.Limit)
	asked := DescendantsQuery{
		Room: q.Room, Parent: q.Event, RelType: q.RelType, Type: q.EventType, Depth: 1,
		Windows: l.within(q.Direction, from, to), Ignored: l.ignored, Direction: q.Direction, Limit: limit + 1,
	}
	if q.Recurse {
		asked.Depth = RecursionDepth
	}
	var events []*event.Event
	if len(asked.Windows) > 0 && limit > 0 {
		if events, err = s.store.Descendants(ctx, caller.Account, asked); err != nil {
			return nil, err
		}
	}
	page := &RelationsPage{Prev: q.From}
	if len(events) > limit {
		events = events[:limit]
		page.Next = l.token(behind(events[limit-1], q.Direction))
	}
	page.Chunk, err = s.writeTimeline(ctx, l, events)
	return page, err
}

// behind gives the place from which a timeline goes on after an event.
func behind(e *event.Event, d Direction) stream.Position {
	if d == Backwards {
		return e.Position - 1
	}
	return e.Position
}

// within gives the windows in which the reader sees messages, between two bounds
// that may be absent.
func (l *look) within(d Direction, from, to *stream.Position) []Window {
	after, upTo := from, to
	if d == Backwards {
		after, upTo = to, from
	}
	var windows []Window
	for _, w := range l.windows(l.until, &event.Event{}) {
		if after != nil {
			w.After = max(w.After, *after)
		}
		if upTo != nil {
			w.UpTo = min(w.UpTo, *upTo)
		}
		if w.After < w.UpTo {
			windows = append(windows, w)
		}
	}
	return windows
}

// ThreadsRequest asks for a room's threads (section "Threading").
type ThreadsRequest struct {
	Room         id.RoomID
	Participated bool // only those in which the caller has written
	From         string
	Limit        int
}

// ThreadsPage is a part of a room's threads.
type ThreadsPage struct {
	Chunk []byte // JSON list of the threads' roots
	Next  string // "" when there is no more
}

// threadsRead is how many threads are read at once at least: most are shown.
const threadsRead = 20

// Threads gives the roots of a room's threads, the one with the newest reply
// first, as far as the caller may see them. The caller must be able to look into
// the room, else 403 M_FORBIDDEN.
func (s *Service) Threads(ctx context.Context, caller tenant.Caller, q ThreadsRequest) (*ThreadsPage, error) {
	from, err := parseBound(q.From)
	if err != nil {
		return nil, err
	}
	var version id.RoomVersion
	l, err := s.look(ctx, caller, q.Room, func(r *Room, _ *look) { version = r.Version })
	if err != nil {
		return nil, err
	}
	list := threadList{look: l, version: version, request: q, limit: s.pageLimit(q.Limit), next: l.until}
	if from != nil {
		list.next = min(list.next, *from)
	}
	if err := s.listThreads(ctx, &list); err != nil {
		return nil, err
	}
	page := &ThreadsPage{}
	if list.more {
		page.Next = l.token(list.next)
	}
	page.Chunk, err = s.writeTimeline(ctx, l, list.roots)
	return page, err
}

// listThreads reads threads until the list is full.
func (s *Service) listThreads(ctx context.Context, list *threadList) error {
	caller := list.look.caller
	asked := ThreadsQuery{
		Room: list.request.Room, Windows: list.look.within(Backwards, nil, nil), User: caller.User,
		Ignored: list.look.ignored, Limit: max(list.limit+1, threadsRead),
	}
	for looked := 0; len(asked.Windows) > 0; looked += asked.Limit {
		if looked >= maxScanned {
			list.more = true
			return nil
		}
		asked.UpTo = list.next
		threads, err := s.store.Threads(ctx, caller.Account, asked)
		if err != nil {
			return err
		}
		roots, err := s.store.EventsByID(ctx, caller.Account, rootsOf(threads))
		if err != nil {
			return err
		}
		if err := list.take(threads, roots); err != nil || list.more || len(threads) < asked.Limit {
			return err
		}
	}
	return nil
}

func rootsOf(threads []ThreadSummary) []id.EventID {
	roots := make([]id.EventID, len(threads))
	for i, thread := range threads {
		roots[i] = thread.Root
	}
	return roots
}

// threadList collects threads' roots.
type threadList struct {
	look    *look
	version id.RoomVersion
	request ThreadsRequest
	limit   int

	roots []*event.Event
	next  stream.Position // where the next page begins
	more  bool            // whether there may be one
}

// take adds those of the threads that are wanted, until there is one too many.
func (t *threadList) take(threads []ThreadSummary, roots map[id.EventID]*event.Event) error {
	for _, thread := range threads {
		if t.wants(thread, roots[thread.Root]) {
			if len(t.roots) == t.limit {
				t.more = true
				return nil
			}
			root, err := t.shown(roots[thread.Root])
			if err != nil {
				return err
			}
			t.roots = append(t.roots, root)
		}
		t.next = thread.Newest - 1
	}
	return nil
}

// shown gives a root as the caller reads it: emptied, if it was sent by one whom
// they ignore.
func (t *threadList) shown(root *event.Event) (*event.Event, error) {
	if root.RedactedBy != "" || !Ignores(t.look.ignored, root) {
		return root, nil
	}
	return event.Redact(t.version, root, "")
}

func (t *threadList) wants(thread ThreadSummary, root *event.Event) bool {
	if root == nil || root.Room != t.request.Room || root.Position > t.look.head || !t.look.Event(root) {
		return false
	}
	return !t.request.Participated || thread.TookPart || root.Sender == t.look.caller.User
}
