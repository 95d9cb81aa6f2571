package rooms

import (
	"context"
	"slices"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/rooms/event"
	"github.com/conversalabs/internalchat/storage/stream"
)

// PageRequest asks for a part of a room's timeline (section "Getting events for
// a room").
type PageRequest struct {
	Room      id.RoomID
	Direction Direction
	// From and To are tokens. Without From, the page begins at the end that the
	// direction names.
	From, To string
	Limit    int
	Filter   *RoomEventFilter // nil: everything
}

// Page is a part of a room's timeline, in the direction it was asked for.
type Page struct {
	Start string
	End   string // "" when there is no more
	Chunk []byte // JSON list of events
	State []byte // JSON list of members that Chunk needs; nil unless the filter asks for it
}

// Messages gives a page of a room's timeline, as far as the caller may see it.
func (s *Service) Messages(ctx context.Context, caller tenant.Caller, q PageRequest) (*Page, error) {
	from, err := parseBound(q.From)
	if err != nil {
		return nil, err
	}
	to, err := parseBound(q.To)
	if err != nil {
		return nil, err
	}
	l, err := s.look(ctx, caller, q.Room, nil)
	if err != nil {
		return nil, err
	}
	bounds := Window{0, l.until}
	start := stream.Position(0)
	if q.Direction == Backwards {
		start = l.until
		if from != nil {
			start = min(*from, l.until)
		}
		bounds.UpTo = start
		if to != nil {
			bounds.After = *to
		}
	} else {
		if from != nil {
			start = *from
		}
		bounds.After = start
		if to != nil {
			bounds.UpTo = min(*to, l.until)
		}
	}
	scan := scan{look: l, service: s, filter: q.Filter, direction: q.Direction, limit: s.pageLimit(q.Limit)}
	if err := scan.run(ctx, bounds); err != nil {
		return nil, err
	}
	page := &Page{Start: q.From}
	if page.Start == "" {
		page.Start = l.token(start)
	}
	if scan.more {
		page.End = l.token(scan.end)
	}
	if page.Chunk, err = s.writeTimeline(ctx, l, scan.events); err != nil {
		return nil, err
	}
	if q.Filter != nil && q.Filter.LazyLoadMembers {
		page.State, err = s.writeSenders(ctx, l, scan.events)
	}
	return page, err
}

// parseBound reads a token that may be absent. Its epoch does not matter: on
// another history its position is still a place in the room.
func parseBound(token string) (*stream.Position, error) {
	if token == "" {
		return nil, nil
	}
	parsed, err := stream.ParseToken(token)
	if err != nil {
		return nil, err
	}
	return &parsed.Position, nil
}

func (s *Service) pageLimit(asked int) int {
	if s.limits.PageMax > 0 {
		return min(asked, s.limits.PageMax)
	}
	return asked
}

// maxScanned is how many events one request may look at, when its filter wants
// few of them.
const maxScanned = 5000

// scan collects events that a reader may see and wants.
type scan struct {
	look      *look
	service   *Service
	filter    *RoomEventFilter
	direction Direction
	limit     int

	related map[id.EventID]bool // what the filter wants for what relates to it

	events []*event.Event // in the direction
	end    stream.Position
	more   bool // whether there may be more behind end
	looked int
}

// run collects within bounds.
func (c *scan) run(ctx context.Context, bounds Window) error {
	if c.filter != nil && !c.filter.Wants(c.look.room) {
		return nil
	}
	empty := ""
	windows := c.look.windows(c.look.until, &event.Event{Type: "m.room.member", StateKey: &empty})
	if c.direction == Backwards {
		slices.Reverse(windows)
	}
	for _, w := range windows {
		w = Window{max(w.After, bounds.After), min(w.UpTo, bounds.UpTo)}
		if w.After >= w.UpTo {
			continue
		}
		if err := c.through(ctx, w); err != nil || c.more {
			return err
		}
	}
	return nil
}

// through collects within one window.
func (c *scan) through(ctx context.Context, w Window) error {
	for w.After < w.UpTo {
		// One more than wanted, to know whether there are more.
		ask := c.limit - len(c.events) + 1
		if c.filter != nil && c.looked > 0 {
			ask = max(ask, 100) // the filter wants few of them
		}
		events, err := c.read(ctx, w, ask)
		if err != nil {
			return err
		}
		if err := c.askRelated(ctx, events); err != nil {
			return err
		}
		if slices.ContainsFunc(events, c.take) {
			return nil
		}
		if len(events) < ask {
			return nil
		}
		if last := events[len(events)-1].Position; c.direction == Backwards {
			w.UpTo = last - 1
		} else {
			w.After = last
		}
	}
	return nil
}

// askRelated finds out which of the next events the filter wants for what relates
// to them.
func (c *scan) askRelated(ctx context.Context, events []*event.Event) (err error) {
	if c.filter == nil || !c.filter.AsksRelated() {
		return nil
	}
	c.related, err = c.service.RelatedBy(ctx, c.look.caller, c.filter, Bundling{
		Room: c.look.room, Visibility: c.look.Visibility, UpTo: c.look.until, Events: events,
	})
	return err
}

// take looks at the next event and tells whether that is enough.
func (c *scan) take(e *event.Event) (enough bool) {
	wanted := c.look.Event(e) && !Ignores(c.look.ignored, e) &&
		(c.filter == nil || c.filter.Match(e) && (!c.filter.AsksRelated() || c.related[e.ID]))
	if (wanted && len(c.events) == c.limit) || c.looked == maxScanned {
		c.more = true
		// The bound that has this event on its other side.
		c.end = e.Position
		if c.direction == Forwards {
			c.end--
		}
		return true
	}
	c.looked++
	if wanted {
		c.events = append(c.events, e)
	}
	return false
}

// read gives the next events of a window: from memory, when it has them.
func (c *scan) read(ctx context.Context, w Window, limit int) ([]*event.Event, error) {
	if events, ok := c.look.remembered(w, limit, c.direction); ok {
		return events, nil
	}
	timelines, err := c.service.store.Timelines(ctx, c.look.caller.Account, []Slice{{
		Room: c.look.room, After: w.After, UpTo: w.UpTo, Limit: limit, Direction: c.direction,
	}})
	if err != nil {
		return nil, err
	}
	return timelines[0], nil
}

// remembered gives the next events of a window out of the room's newest ones,
// and false when these do not reach back far enough to know.
func (l *look) remembered(w Window, limit int, direction Direction) ([]*event.Event, bool) {
	var within []*event.Event
	for _, e := range l.recent {
		if w.After < e.Position && e.Position <= w.UpTo {
			within = append(within, e)
		}
	}
	complete := l.whole || (len(l.recent) > 0 && l.recent[0].Position <= w.After+1)
	if direction == Backwards {
		slices.Reverse(within)
		complete = complete || len(within) >= limit
	}
	return within[:min(len(within), limit)], complete
}
