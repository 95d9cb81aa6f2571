package rooms

import (
	"cmp"
	"context"
	"slices"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/rooms/event"
	"github.com/conversalabs/internalchat/storage/stream"
)

// look is what a reader may see of one room at one head. All of it stays valid
// when the view it was made of is gone.
type look struct {
	Visibility
	caller tenant.Caller
	room   id.RoomID
	epoch  int64
	head   stream.Position
	until  stream.Position // where the room ends for the reader
	recent []*event.Event  // the room's newest events, oldest first
	// ignored are whom the reader ignores.
	ignored map[id.UserID]bool
	whole   bool // recent goes back to the room's first event
}

// look opens a room for a reader at the account's head, and runs f in the view,
// if there is f. A room that does not exist, or into which the reader may not
// look, is 403 M_FORBIDDEN.
func (s *Service) look(ctx context.Context, caller tenant.Caller, room id.RoomID, f func(*Room, *look)) (*look, error) {
	return s.lookIn(ctx, caller, room, func(_ View, r *Room, l *look) error {
		if f != nil {
			f(r, l)
		}
		return nil
	})
}

// lookIn is look for an f that asks the view for more.
func (s *Service) lookIn(ctx context.Context, caller tenant.Caller, room id.RoomID, f func(View, *Room, *look) error) (*look, error) {
	if !event.ValidRoomID(room) {
		return nil, errNotHere()
	}
	var l *look
	err := s.store.View(ctx, caller.Account, func(v View) error {
		r, visibility, err := visibilityIn(v, caller.User, room)
		if err != nil {
			return err
		}
		if r == nil || !visibility.Room() {
			return errNotHere()
		}
		l = &look{
			Visibility: visibility, caller: caller, room: room,
			epoch: v.Epoch(), head: v.Head(), until: visibility.Until(v.Head()),
		}
		l.recent, l.whole = r.Recent(0)
		if l.ignored, err = v.Ignored(caller.User); err != nil {
			return err
		}
		return f(v, r, l)
	})
	return l, err
}

// visibilityIn gives a room, nil when there is none, and what a user may see of
// it. No user at all sees what everybody may.
func visibilityIn(v View, user id.UserID, room id.RoomID) (*Room, Visibility, error) {
	r, err := v.Room(room)
	if r == nil || err != nil {
		return nil, Visibility{}, err
	}
	if user == "" {
		return r, VisibilityOf(r, nil, false), nil
	}
	memberships, err := v.Memberships(user)
	if err != nil {
		return nil, Visibility{}, err
	}
	forgotten, err := v.Forgotten(user)
	if err != nil {
		return nil, Visibility{}, err
	}
	return r, VisibilityOf(r, memberships[room], forgotten[room]), nil
}

// token makes a token of a position.
func (l *look) token(p stream.Position) string {
	return stream.Token{Epoch: l.epoch, Position: p}.String()
}

// present tells whether the reader sees the room as it is now, and not as it was
// when they left.
func (l *look) present() bool { return l.until == l.head }

// manyChanged is from how many changed state events on the whole state is read
// in place of each.
const manyChanged = 200

// stateAt gives those state events that pick names as they were just behind a
// position. pick gives current ones, out of which those that are newer are
// replaced by what they have replaced: what once was set is set for good.
func (s *Service) stateAt(ctx context.Context, l *look, at stream.Position, pick func(*Room) []*event.Event) ([]*event.Event, error) {
	var current []*event.Event
	err := s.store.Glance(ctx, l.caller.Account, func(v View) error {
		r, err := v.Room(l.room)
		if err != nil || r == nil {
			return err
		}
		current = pick(r)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return s.backTo(ctx, l, at, current)
}

// backTo puts current state events back to what they were just behind a
// position, in the order of the stream.
func (s *Service) backTo(ctx context.Context, l *look, at stream.Position, current []*event.Event) ([]*event.Event, error) {
	state := make([]*event.Event, 0, len(current))
	var probes []*event.Event
	for _, e := range current {
		if e.Position <= at {
			state = append(state, e)
			continue
		}
		probes = append(probes, &event.Event{Room: l.room, Type: e.Type, StateKey: e.StateKey, Position: at + 1})
	}
	earlier, err := s.earlier(ctx, l, at, probes)
	if err != nil {
		return nil, err
	}
	for _, e := range earlier {
		if e != nil {
			state = append(state, e)
		}
	}
	slices.SortFunc(state, func(x, y *event.Event) int { return cmp.Compare(x.Position, y.Position) })
	return state, nil
}

// earlier gives for each probe the state event of its type and key at a
// position; some may be nil.
func (s *Service) earlier(ctx context.Context, l *look, at stream.Position, probes []*event.Event) ([]*event.Event, error) {
	switch {
	case len(probes) == 0:
		return nil, nil
	case len(probes) < manyChanged:
		return s.store.Replaced(ctx, l.caller.Account, probes)
	}
	wanted := make(map[stateKey]bool, len(probes))
	for _, probe := range probes {
		wanted[stateKey{probe.Type, *probe.StateKey}] = true
	}
	all, err := s.store.StateAt(ctx, l.caller.Account, l.room, 0, at)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(e *event.Event) bool { return !wanted[stateKey{e.Type, *e.StateKey}] }), nil
}

// moment gives a position just behind which the reader may know the room's
// state: p, or where it next may be known, or where it last could.
func (l *look) moment(p stream.Position) stream.Position {
	windows := l.windows(l.until, &event.Event{})
	for _, w := range windows {
		if p <= w.UpTo {
			return max(p, w.After+1)
		}
	}
	if len(windows) == 0 {
		return 0
	}
	return windows[len(windows)-1].UpTo
}

// Window is a part of a timeline: After < position ≤ UpTo.
type Window struct{ After, UpTo stream.Position }

// windows gives the parts of the timeline up to a position, oldest first, in
// which the reader may see events like this one.
func (v Visibility) windows(until stream.Position, like *event.Event) []Window {
	var windows []Window
	edges := v.edges(until)
	for i := range len(edges) - 1 {
		after, upTo := edges[i], edges[i+1]
		// Between two edges nothing changes, so one event stands for all.
		probe := *like
		probe.Position = upTo
		if !v.Event(&probe) {
			continue
		}
		if n := len(windows); n > 0 && windows[n-1].UpTo == after {
			windows[n-1].UpTo = upTo
			continue
		}
		windows = append(windows, Window{after, upTo})
	}
	return windows
}

// edges gives the positions, 0 and until among them, between which what the
// reader may see stays the same. An event that changes it stands by itself, for
// it is judged by what was before and after.
func (v Visibility) edges(until stream.Position) []stream.Position {
	edges := []stream.Position{0, until}
	add := func(p stream.Position) {
		for _, edge := range []stream.Position{p - 1, p} {
			if edge > 0 && edge < until {
				edges = append(edges, edge)
			}
		}
	}
	for _, span := range v.spans {
		add(span.Position)
	}
	for _, change := range v.history {
		add(change.position)
	}
	slices.Sort(edges)
	return slices.Compact(edges)
}
