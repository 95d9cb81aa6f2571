package rooms

import (
	"context"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/rooms/event"
)

// writeTimeline writes a JSON list of events that the reader may see, with all
// that unsigned tells.
func (s *Service) writeTimeline(ctx context.Context, l *look, events []*event.Event) ([]byte, error) {
	all, err := s.writeEach(ctx, l, events)
	return joinList(all), err
}

// writeEach is writeTimeline for who puts the events into several lists.
func (s *Service) writeEach(ctx context.Context, l *look, events []*event.Event) ([][]byte, error) {
	var states []*event.Event
	for _, e := range events {
		if e.StateKey != nil {
			states = append(states, e)
		}
	}
	var replaced map[id.EventID]*event.Event
	if len(states) > 0 {
		found, err := s.store.Replaced(ctx, l.caller.Account, states)
		if err != nil {
			return nil, err
		}
		replaced = make(map[id.EventID]*event.Event, len(states))
		for i, e := range states {
			replaced[e.ID] = found[i]
		}
	}
	bundles, err := s.Aggregate(ctx, l.caller, []Bundling{{
		Room: l.room, Visibility: l.Visibility, UpTo: l.until, Ignored: l.ignored,
		Recent: l.recent, Whole: l.whole, Events: events,
	}})
	if err != nil {
		return nil, err
	}
	return s.writeEvents(ctx, l, events, func(e *event.Event, r *Reader) {
		r.Replaced, r.Relations = replaced[e.ID], bundles[e.ID]
	})
}

// writeState writes a JSON list of state events, without what they replaced.
func (s *Service) writeState(ctx context.Context, l *look, events []*event.Event) ([]byte, error) {
	all, err := s.writeEvents(ctx, l, events, func(*event.Event, *Reader) {})
	return joinList(all), err
}

// writeEvents writes each event; more adds to what it is written with.
func (s *Service) writeEvents(ctx context.Context, l *look, events []*event.Event, more func(*event.Event, *Reader)) ([][]byte, error) {
	redactions, err := s.redactions(ctx, l, events)
	if err != nil {
		return nil, err
	}
	now := s.timestamp()
	all := make([][]byte, len(events))
	for i, e := range events {
		r := Reader{
			User: l.caller.User, Device: l.caller.Device, Now: now,
			Membership: l.spans.At(e.Position), Redaction: redactions[e.RedactedBy],
		}
		more(e, &r)
		all[i] = AppendEvent(make([]byte, 0, len(e.Client)+len(r.Relations)+150), e, r)
	}
	return all, nil
}

// joinList makes a JSON list of what is JSON already.
func joinList(values [][]byte) []byte {
	size := 2 + len(values)
	for _, value := range values {
		size += len(value)
	}
	out := append(make([]byte, 0, size), '[')
	for i, value := range values {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, value...)
	}
	return append(out, ']')
}

// redactions gives those redactions of the events that the reader may see.
func (s *Service) redactions(ctx context.Context, l *look, events []*event.Event) (map[id.EventID]*event.Event, error) {
	var wanted []id.EventID
	for _, e := range events {
		if e.RedactedBy != "" {
			wanted = append(wanted, e.RedactedBy)
		}
	}
	if len(wanted) == 0 {
		return nil, nil
	}
	found, err := s.store.EventsByID(ctx, l.caller.Account, wanted)
	if err != nil {
		return nil, err
	}
	for eventID, e := range found {
		// What came after the head was not judged.
		if e.Position > l.head || !l.Event(e) {
			delete(found, eventID)
		}
	}
	return found, nil
}

// writeOne writes one event as writeTimeline does.
func (s *Service) writeOne(ctx context.Context, l *look, e *event.Event) ([]byte, error) {
	all, err := s.writeEach(ctx, l, []*event.Event{e})
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

// writeSenders writes the member events of who sent the events, as of the newest
// of them.
func (s *Service) writeSenders(ctx context.Context, l *look, events []*event.Event) ([]byte, error) {
	if len(events) == 0 {
		return []byte("[]"), nil
	}
	newest := events[0].Position
	for _, e := range events {
		newest = max(newest, e.Position)
	}
	members, err := s.stateAt(ctx, l, newest, func(r *Room) []*event.Event { return senders(r, events) })
	if err != nil {
		return nil, err
	}
	return s.writeTimeline(ctx, l, members)
}

// senders gives the current member events of who sent the events.
func senders(r *Room, events []*event.Event) []*event.Event {
	var members []*event.Event
	seen := map[id.UserID]bool{}
	for _, e := range events {
		if seen[e.Sender] {
			continue
		}
		seen[e.Sender] = true
		if member := r.Member(e.Sender); member != nil {
			members = append(members, member)
		}
	}
	return members
}
