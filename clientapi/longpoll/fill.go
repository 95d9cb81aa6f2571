package longpoll

import (
	"context"
	"fmt"
	"slices"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/rooms/event"
)

// pages are how many events are read in each round for the rooms whose timeline
// is not full yet. When the last one is not enough either, the timeline says that
// it is limited: what the filter hides must not make an answer slow.
var pages = []int{2 * defaultTimeline, 200, 1000}

// fill reads the events and state that memory does not have.
func (r *reading) fill(ctx context.Context, c *changes) error {
	if err := r.fillTimelines(ctx, c); err != nil {
		return err
	}
	for _, room := range c.rooms {
		room.limited = room.limited || room.isNews(c)
		if !room.readState {
			continue
		}
		var err error
		room.current, err = r.roomStore.StateAt(ctx, r.caller.Account, room.id, room.lower, room.stateUpTo)
		if err != nil {
			return fmt.Errorf("read state of a left room: %w", err)
		}
	}
	if err := r.fillReplaced(ctx, c); err != nil {
		return err
	}
	for _, room := range c.rooms {
		if room.slid != nil {
			room.chooseRequired()
		} else {
			room.chooseState(r)
		}
	}
	if err := r.fillRedactions(ctx, c); err != nil {
		return err
	}
	return r.fillRelations(ctx, c)
}

// fillTimelines reads older events until every timeline is full or at its
// beginning, all rooms together.
func (r *reading) fillTimelines(ctx context.Context, c *changes) error {
	for _, room := range c.rooms {
		if err := r.askRelated(ctx, room); err != nil {
			return err
		}
	}
	for round, page := range pages {
		var short []*room
		var slices []rooms.Slice
		for _, room := range c.rooms {
			if room.limited || room.complete || room.stripped != nil {
				continue
			}
			upTo := room.upTo
			if len(room.known) > 0 {
				upTo = room.known[0].Position - 1
			}
			short = append(short, room)
			slices = append(slices, rooms.Slice{Room: room.id, After: room.since, UpTo: upTo, Limit: page, Direction: rooms.Backwards})
		}
		if short == nil {
			return nil
		}
		older, err := r.roomStore.Timelines(ctx, r.caller.Account, slices)
		if err != nil {
			return fmt.Errorf("read timelines: %w", err)
		}
		for i, room := range short {
			room.prepend(older[i])
			if err := r.askRelated(ctx, room); err != nil {
				return err
			}
			room.complete = len(older[i]) < page
			if !room.choose(r.filter, r.TimelineMax) && round == len(pages)-1 {
				room.limited = true
				room.start = room.known[0].Position - 1
			}
		}
	}
	return nil
}

// prepend adds older events, newest first, before the known ones.
func (r *room) prepend(older []*event.Event) {
	known := make([]*event.Event, 0, len(older)+len(r.known))
	for _, o := range slices.Backward(older) {
		known = append(known, o)
	}
	r.known = append(known, r.known...)
}

// fillReplaced finds what the state events from the timeline's start on have
// replaced: in memory as far as that reaches.
func (r *reading) fillReplaced(ctx context.Context, c *changes) error {
	var rest []*event.Event
	var of []*room
	for _, room := range c.rooms {
		back := room.known
		if len(room.memory) > 0 && (len(back) == 0 || room.memory[0].Position < back[0].Position) {
			back = room.memory
		}
		for _, e := range room.known {
			if e.StateKey == nil || e.Position <= room.start || e.Type == "m.room.create" {
				continue
			}
			if found, sure := replacedIn(back, e); sure {
				room.replaced[e] = found
				continue
			}
			rest, of = append(rest, e), append(of, room)
		}
	}
	if rest == nil {
		return nil
	}
	replaced, err := r.roomStore.Replaced(ctx, r.caller.Account, rest)
	if err != nil {
		return err
	}
	for i, e := range rest {
		of[i].replaced[e] = replaced[i]
	}
	return nil
}

// replacedIn looks for the state event that e replaced among events without gaps.
func replacedIn(events []*event.Event, e *event.Event) (found *event.Event, sure bool) {
	for _, old := range slices.Backward(events) {
		if old.Position < e.Position && old.StateKey != nil && *old.StateKey == *e.StateKey && old.Type == e.Type {
			return old, true
		}
	}
	return nil, len(events) > 0 && events[0].Type == "m.room.create"
}

// fillRedactions finds the redactions of the events that are shown.
func (r *reading) fillRedactions(ctx context.Context, c *changes) error {
	var missing []id.EventID
	for _, room := range c.rooms {
		for _, events := range [][]*event.Event{room.timeline, room.state} {
			for _, e := range events {
				if e.RedactedBy != "" {
					missing = append(missing, e.RedactedBy)
				}
			}
		}
	}
	if missing == nil {
		return nil
	}
	found, err := r.roomStore.EventsByID(ctx, r.caller.Account, missing)
	if err != nil {
		return err
	}
	for redactedBy, e := range found {
		if room := c.byID[e.Room]; room != nil && e.Position <= room.upTo && room.visible(e) {
			room.redaction[redactedBy] = e
		}
	}
	return nil
}
