package rooms

import (
	"context"
	"slices"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/rooms/event"
	"github.com/conversalabs/internalchat/storage/stream"
)

// Event gives one event as the caller reads it. One that does not exist, is in
// another room or may not be seen is 404 M_NOT_FOUND.
func (s *Service) Event(ctx context.Context, caller tenant.Caller, room id.RoomID, eventID id.EventID) ([]byte, error) {
	l, e, err := s.find(ctx, caller, room, eventID)
	if refusal.Is(err, "M_FORBIDDEN") {
		// Who may not look into the room learns no more than who asks for nothing.
		return nil, errNoEvent()
	}
	if err != nil {
		return nil, err
	}
	return s.writeOne(ctx, l, e)
}

// find gives an event that the caller may see, and their look into its room.
func (s *Service) find(ctx context.Context, caller tenant.Caller, room id.RoomID, eventID id.EventID) (*look, *event.Event, error) {
	// Before the look, so that no event comes behind the head that it is judged
	// at.
	e, err := s.store.EventByID(ctx, caller.Account, eventID)
	if err != nil {
		return nil, nil, err
	}
	l, err := s.look(ctx, caller, room, nil)
	if err != nil {
		return nil, nil, err
	}
	if e == nil || e.Room != room || !l.Event(e) {
		return nil, nil, errNoEvent()
	}
	return l, e, nil
}

// Surroundings asks for what was said around an event.
type Surroundings struct {
	Room   id.RoomID
	Event  id.EventID
	Limit  int              // events before and after together
	Filter *RoomEventFilter // nil: everything; not for the event itself
}

// Context is an event with those around it, and the state at the last of them.
// All are JSON; the lists go away from the event.
type Context struct {
	Start, End           string
	Event, Before, After []byte
	State                []byte
}

// Context gives the events around one, as far as the caller may see them
// (section "Event context").
func (s *Service) Context(ctx context.Context, caller tenant.Caller, q Surroundings) (*Context, error) {
	l, e, err := s.find(ctx, caller, q.Room, q.Event)
	if err != nil {
		return nil, err
	}
	limit := s.pageLimit(q.Limit)
	before := &scan{look: l, service: s, filter: q.Filter, direction: Backwards, limit: limit / 2}
	if err := before.run(ctx, Window{0, e.Position - 1}); err != nil {
		return nil, err
	}
	after := &scan{look: l, service: s, filter: q.Filter, direction: Forwards, limit: limit - limit/2}
	if err := after.run(ctx, Window{e.Position, l.until}); err != nil {
		return nil, err
	}
	start, end := before.reached(e.Position-1), after.reached(e.Position)
	answer := &Context{Start: l.token(start), End: l.token(end)}
	shown := slices.Concat([]*event.Event{e}, before.events, after.events)
	written, err := s.writeEach(ctx, l, shown)
	if err != nil {
		return nil, err
	}
	answer.Event = written[0]
	answer.Before = joinList(written[1 : 1+len(before.events)])
	answer.After = joinList(written[1+len(before.events):])
	answer.State, err = s.contextState(ctx, l, end, q.Filter, shown)
	return answer, err
}

// reached gives the place from which the scan goes on: behind the last event that
// was taken or passed over.
func (c *scan) reached(none stream.Position) stream.Position {
	switch {
	case c.more:
		return c.end
	case len(c.events) == 0:
		return none
	case c.direction == Backwards:
		return c.events[len(c.events)-1].Position - 1
	}
	return c.events[len(c.events)-1].Position
}

// contextState writes the room's state just behind a position, as far as the
// filter wants it, with no more members than who is shown when it says so.
func (s *Service) contextState(ctx context.Context, l *look, at stream.Position, filter *RoomEventFilter, shown []*event.Event) ([]byte, error) {
	lazy := filter != nil && filter.LazyLoadMembers
	state, err := s.stateAt(ctx, l, at, func(r *Room) []*event.Event {
		if !lazy {
			return r.State()
		}
		return append(r.stateWithoutMembers(), senders(r, shown)...)
	})
	if err != nil {
		return nil, err
	}
	if filter != nil {
		kept := state[:0]
		for _, e := range state {
			if filter.Match(e) || (lazy && e.Type == "m.room.member") {
				kept = append(kept, e)
			}
		}
		state = kept
	}
	return s.writeState(ctx, l, state)
}

// stateWithoutMembers gives all current state events but those of members. The
// room must be no fork.
func (r *Room) stateWithoutMembers() []*event.Event {
	all := make([]*event.Event, 0, len(r.state))
	for _, e := range r.state {
		all = append(all, e)
	}
	return all
}
