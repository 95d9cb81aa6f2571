package rooms

import (
	"context"
	"slices"

	"github.com/tidwall/gjson"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/rooms/event"
	"github.com/conversalabs/internalchat/storage/stream"
)

// Reach is what a reader may see of many rooms at one head, for who looks for
// events in all of them at once.
type Reach struct {
	caller tenant.Caller
	epoch  int64
	head   stream.Position
	// ignored are whom the reader ignores.
	ignored map[id.UserID]bool
	looks   map[id.RoomID]*look
}

// Reach opens the rooms that the caller has ever been in, without those that they
// have forgotten and those that wants refuses.
func (s *Service) Reach(ctx context.Context, caller tenant.Caller, wants func(id.RoomID) bool) (*Reach, error) {
	var r *Reach
	err := s.store.View(ctx, caller.Account, func(v View) error {
		r = &Reach{caller: caller, epoch: v.Epoch(), head: v.Head(), looks: map[id.RoomID]*look{}}
		memberships, err := v.Memberships(caller.User)
		if err != nil {
			return err
		}
		forgotten, err := v.Forgotten(caller.User)
		if err != nil {
			return err
		}
		var open []id.RoomID
		for room, spans := range memberships {
			if spans.Ever() && !forgotten[room] && wants(room) {
				open = append(open, room)
			}
		}
		found, err := v.Rooms(open)
		if err != nil {
			return err
		}
		if r.ignored, err = v.Ignored(caller.User); err != nil {
			return err
		}
		for _, room := range found {
			r.open(room, VisibilityOf(room, memberships[room.ID], false))
		}
		return nil
	})
	return r, err
}

func (r *Reach) open(room *Room, visibility Visibility) {
	l := &look{
		Visibility: visibility, caller: r.caller, room: room.ID,
		epoch: r.epoch, head: r.head, until: visibility.Until(r.head), ignored: r.ignored,
	}
	l.recent, l.whole = room.Recent(0)
	r.looks[room.ID] = l
}

// Epoch is what tokens of this reach carry.
func (r *Reach) Epoch() int64 { return r.epoch }

// Head is the position that all of this is valid at.
func (r *Reach) Head() stream.Position { return r.head }

// Rooms gives the rooms that are open.
func (r *Reach) Rooms() []id.RoomID {
	all := make([]id.RoomID, 0, len(r.looks))
	for room := range r.looks {
		all = append(all, room)
	}
	return all
}

// Shows tells whether the reader may see an event and has not chosen to ignore it.
// Of the event, only its room, sender, type, state key and position need be set.
func (r *Reach) Shows(e *event.Event) bool {
	l := r.looks[e.Room]
	return l != nil && e.Position <= l.until && l.Event(e) && !Ignores(r.ignored, e)
}

// Show writes an event as the reader reads it. The reader must be shown it.
func (s *Service) Show(ctx context.Context, r *Reach, e *event.Event) ([]byte, error) {
	return s.writeOne(ctx, r.looks[e.Room], e)
}

// ShowState writes the state of a room as far as the reader may know it: the
// current one, or that of their leave. The room must be open.
func (s *Service) ShowState(ctx context.Context, r *Reach, room id.RoomID) ([]byte, error) {
	l := r.looks[room]
	state, err := s.stateAt(ctx, l, l.until, (*Room).State)
	if err != nil {
		return nil, err
	}
	return s.writeState(ctx, l, state)
}

// Vicinity is an event, and what was said just before and after it, going away from
// it. All is JSON; the tokens are those of /messages.
type Vicinity struct {
	Start, End           string
	Event, Before, After []byte
	// Profiles are the names and pictures that the senders of all of it had then, as
	// a JSON object by user ID; nil unless asked for.
	Profiles []byte
}

// Near writes an event that the reader is shown with so many before and after it, as
// far as they may see those, too.
func (s *Service) Near(ctx context.Context, r *Reach, e *event.Event, before, after int, profiles bool) (*Vicinity, error) {
	l := r.looks[e.Room]
	back := &scan{look: l, service: s, direction: Backwards, limit: before}
	if err := back.run(ctx, Window{0, e.Position - 1}); err != nil {
		return nil, err
	}
	forth := &scan{look: l, service: s, direction: Forwards, limit: after}
	if err := forth.run(ctx, Window{e.Position, l.until}); err != nil {
		return nil, err
	}
	v := &Vicinity{Start: l.token(back.reached(e.Position - 1)), End: l.token(forth.reached(e.Position))}
	shown := slices.Concat([]*event.Event{e}, back.events, forth.events)
	written, err := s.writeEach(ctx, l, shown)
	if err != nil {
		return nil, err
	}
	v.Event = written[0]
	v.Before = joinList(written[1 : 1+len(back.events)])
	v.After = joinList(written[1+len(back.events):])
	if profiles {
		v.Profiles, err = s.profilesThen(ctx, l, e.Position, shown)
	}
	return v, err
}

// profilesThen writes the profiles that the senders of events had in the room just
// behind a position.
func (s *Service) profilesThen(ctx context.Context, l *look, at stream.Position, shown []*event.Event) ([]byte, error) {
	members, err := s.stateAt(ctx, l, at, func(r *Room) []*event.Event { return senders(r, shown) })
	if err != nil {
		return nil, err
	}
	out := []byte{'{'}
	for _, member := range members {
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = AppendText(out, *member.StateKey)
		out = append(out, ':')
		out = appendProfile(out, member.Content)
	}
	return append(out, '}'), nil
}

// appendProfile appends what a member event's content says of the profile.
func appendProfile(out, content []byte) []byte {
	out = append(out, '{')
	for _, field := range []string{"avatar_url", "displayname"} {
		value := gjson.GetBytes(content, field)
		if value.Type != gjson.String {
			continue
		}
		if out[len(out)-1] != '{' {
			out = append(out, ',')
		}
		out = AppendText(out, field)
		out = append(out, ':')
		out = append(out, value.Raw...)
	}
	return append(out, '}')
}
