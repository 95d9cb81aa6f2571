package longpoll

import (
	"context"
	"fmt"
	"maps"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/rooms"
)

// fillRelations finds what relates to the events of all timelines. What has just
// happened relates to nothing older, so an answer to a poll costs no query.
func (r *reading) fillRelations(ctx context.Context, c *changes) error {
	var asked []rooms.Bundling
	for _, room := range c.rooms {
		if len(room.timeline) == 0 {
			continue
		}
		if of := room.bundling(); !of.Childless() {
			asked = append(asked, of)
		}
	}
	if len(asked) == 0 {
		return nil
	}
	relations, err := r.Rooms.Aggregate(ctx, r.caller, asked)
	if err != nil {
		return fmt.Errorf("read relations: %w", err)
	}
	for _, room := range c.rooms {
		room.relations = relations // event IDs are the account's, not the room's
	}
	return nil
}

func (r *room) bundling() rooms.Bundling {
	return rooms.Bundling{
		Room: r.id, Visibility: r.vis, UpTo: r.upTo, Ignored: r.ignored,
		Recent: r.memory, Whole: r.fromCreation, Events: r.timeline,
	}
}

// askRelated finds out which of the known events the timeline's filter wants for
// what relates to them, and chooses again.
func (r *reading) askRelated(ctx context.Context, room *room) error {
	filter := &r.filter.Room.Timeline
	if !filter.AsksRelated() || room.asked == len(room.known) {
		return nil
	}
	of := room.bundling()
	of.Events = room.known[:len(room.known)-room.asked]
	related, err := r.Rooms.RelatedBy(ctx, r.caller, filter, of)
	if err != nil {
		return fmt.Errorf("read related events: %w", err)
	}
	if room.related == nil {
		room.related = map[id.EventID]bool{}
	}
	maps.Copy(room.related, related)
	room.asked = len(room.known)
	room.choose(r.filter, r.TimelineMax)
	return nil
}
