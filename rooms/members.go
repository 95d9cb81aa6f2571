package rooms

import (
	"context"
	"slices"

	"github.com/tidwall/gjson"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/rooms/event"
	"github.com/conversalabs/internalchat/storage/stream"
)

// readState gives state events that pick names as the caller may know them: the
// current ones, or those of the time when they left.
func (s *Service) readState(ctx context.Context, caller tenant.Caller, room id.RoomID, pick func(*Room) []*event.Event) (*look, []*event.Event, error) {
	var current []*event.Event
	l, err := s.look(ctx, caller, room, func(r *Room, _ *look) { current = pick(r) })
	if err != nil {
		return nil, nil, err
	}
	state, err := s.backTo(ctx, l, l.until, current)
	return l, state, err
}

// State gives the room's state as a JSON list of events: the current one, or for
// who has left that of their leave.
func (s *Service) State(ctx context.Context, caller tenant.Caller, room id.RoomID) ([]byte, error) {
	l, state, err := s.readState(ctx, caller, room, (*Room).State)
	if err != nil {
		return nil, err
	}
	return s.writeState(ctx, l, state)
}

// StateEvent gives one state event: its content or, with whole, the event as
// clients read it. One that does not exist is 404 M_NOT_FOUND.
func (s *Service) StateEvent(ctx context.Context, caller tenant.Caller, room id.RoomID, eventType, key string, whole bool) ([]byte, error) {
	l, state, err := s.readState(ctx, caller, room, func(r *Room) []*event.Event {
		if e := r.Event(eventType, key); e != nil {
			return []*event.Event{e}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(state) == 0 {
		return nil, refusal.NotFound("This room has no such state.")
	}
	if !whole {
		return state[0].Content, nil
	}
	return s.writeOne(ctx, l, state[0])
}

// MembersRequest asks for the members of a room. Where both memberships are set,
// one of the two conditions is enough.
type MembersRequest struct {
	Room            id.RoomID
	At              string // token; "": now, or when the caller left
	Membership, Not string // "": any
}

func (q MembersRequest) wants(membership string) bool {
	switch {
	case q.Membership == "" && q.Not == "":
		return true
	case q.Membership != "" && membership == q.Membership:
		return true
	}
	return q.Not != "" && membership != q.Not
}

// Members gives m.room.member events as a JSON list.
func (s *Service) Members(ctx context.Context, caller tenant.Caller, q MembersRequest) ([]byte, error) {
	at, err := parseBound(q.At)
	if err != nil {
		return nil, err
	}
	var current []*event.Event
	l, err := s.look(ctx, caller, q.Room, func(r *Room, _ *look) { current = r.memberEvents() })
	if err != nil {
		return nil, err
	}
	moment := l.until
	if at != nil && *at < l.until {
		moment = l.moment(*at)
	}
	members, err := s.backTo(ctx, l, moment, current)
	if err != nil {
		return nil, err
	}
	if len(members) == 0 && moment > 0 {
		// Of before the room began, where a timeline that is all of it has its
		// prev_batch: as it began.
		if moment, err = s.beginning(ctx, l); err != nil {
			return nil, err
		}
		if members, err = s.backTo(ctx, l, moment, current); err != nil {
			return nil, err
		}
	}
	members = slices.DeleteFunc(members, func(e *event.Event) bool { return !q.wants(MembershipOf(e)) })
	return s.writeState(ctx, l, members)
}

// beginning gives the position of a room's second event, its creator's join.
func (s *Service) beginning(ctx context.Context, l *look) (stream.Position, error) {
	probe := &scan{look: l, service: s, direction: Forwards}
	first, err := probe.read(ctx, Window{0, l.until}, 2)
	if err != nil || len(first) < 2 {
		return 0, err
	}
	return first[1].Position, nil
}

func (r *Room) memberEvents() []*event.Event {
	members := r.Members()
	all := make([]*event.Event, 0, len(members))
	for _, e := range members {
		all = append(all, e)
	}
	return all
}

// JoinedMembers gives who is in the room now, as a JSON object by user ID. Only
// who sees the room as it is now may ask.
func (s *Service) JoinedMembers(ctx context.Context, caller tenant.Caller, room id.RoomID) ([]byte, error) {
	var out []byte
	l, err := s.look(ctx, caller, room, func(r *Room, _ *look) {
		out = []byte{'{'}
		for user, e := range r.Members() {
			if MembershipOf(e) != "join" {
				continue
			}
			if len(out) > 1 {
				out = append(out, ',')
			}
			out = AppendText(out, string(user))
			out = append(out, `:{"avatar_url":`...)
			out = appendTextOrNull(out, e.Content, "avatar_url")
			out = append(out, `,"display_name":`...)
			out = appendTextOrNull(out, e.Content, "displayname")
			out = append(out, '}')
		}
		out = append(out, '}')
	})
	if err != nil {
		return nil, err
	}
	if !l.present() {
		return nil, errNotHere()
	}
	return out, nil
}

// appendTextOrNull appends a text of a JSON object as it stands there, or null.
func appendTextOrNull(dst, object []byte, key string) []byte {
	if value := gjson.GetBytes(object, key); value.Type == gjson.String {
		return append(dst, value.Raw...)
	}
	return append(dst, "null"...)
}

// JoinedRooms lists the rooms that the caller is in, by ID.
func (s *Service) JoinedRooms(ctx context.Context, caller tenant.Caller) ([]id.RoomID, error) {
	var joined []id.RoomID
	err := s.store.View(ctx, caller.Account, func(v View) error {
		memberships, err := v.Memberships(caller.User)
		if err != nil {
			return err
		}
		joined = joinedIn(memberships)
		return nil
	})
	return joined, err
}

// joinedIn gives the rooms that memberships say one is in, by ID.
func joinedIn(memberships map[id.RoomID]Spans) []id.RoomID {
	joined := make([]id.RoomID, 0, len(memberships))
	for room, spans := range memberships {
		if spans.Current() == "join" {
			joined = append(joined, room)
		}
	}
	slices.Sort(joined)
	return joined
}
