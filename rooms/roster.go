package rooms

import (
	"cmp"
	"context"
	"slices"

	"github.com/tidwall/gjson"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/storage/stream"
)

// Stay tells since when somebody is in a room.
type Stay struct {
	User  id.UserID
	Since stream.Position
}

// Member is somebody who is in a room.
type Member struct {
	User        id.UserID `json:"user_id"`
	Role        Role      `json:"role"`
	DisplayName string    `json:"displayname,omitempty"`
	AvatarURL   string    `json:"avatar_url,omitempty"`
	Since       int64     `json:"joined_ts"` // ms
	Bot         bool      `json:"bot,omitempty"`
	since       stream.Position
}

// Roster is a part of the list of who is in a room: owners first, then admins and so
// on, of each role who is there longest first.
type Roster struct {
	Members []Member `json:"members"`
	Total   int      `json:"total"`
	Next    string   `json:"next_batch,omitempty"`
}

const (
	defaultRoster = 100
	maxRoster     = 1000
)

// Roster lists who is in a room, from a token on ("": the beginning) and at most limit
// (100 if 0, and no more than 1,000). As a member the caller has to be in the room now;
// administrators of the account see that of every channel.
func (s *Service) Roster(ctx context.Context, caller tenant.Caller, as Capacity, room id.RoomID, from string, limit int) (*Roster, error) {
	first, err := parseOffset(from)
	if err != nil {
		return nil, err
	}
	var all []Member
	if as == AsAdministrator {
		err = s.store.View(ctx, caller.Account, func(v View) error {
			r, err := channelIn(v, room)
			if err == nil {
				all = r.roster()
			}
			return err
		})
	} else {
		joined := false
		_, err = s.look(ctx, caller, room, func(r *Room, _ *look) { all, joined = r.roster(), r.Joined(caller.User) })
		if err == nil && !joined {
			err = errNotHere()
		}
	}
	if err != nil {
		return nil, err
	}
	if err := s.order(ctx, caller.Account, room, all); err != nil {
		return nil, err
	}
	limit = min(cmp.Or(max(limit, 0), defaultRoster), maxRoster)
	first = min(first, len(all))
	last := min(first+limit, len(all))
	page := &Roster{Members: all[first:last], Total: len(all)}
	if last < len(all) {
		page.Next = offset(last)
	}
	return page, s.detail(ctx, caller.Account, room, page.Members)
}

// roster gives who is in the room, in no order and without what the state does not tell.
func (r *Room) roster() []Member {
	members := make([]Member, 0, r.JoinedCount())
	for user, e := range r.Members() {
		if MembershipOf(e) != "join" {
			continue
		}
		members = append(members, Member{
			User: user, Role: r.role(user), since: e.Position,
			DisplayName: textOf(e.Content, "displayname"), AvatarURL: textOf(e.Content, "avatar_url"),
		})
	}
	return members
}

// textOf gives a text of a JSON object, or "".
func textOf(object []byte, key string) string {
	if value := gjson.GetBytes(object, key); value.Type == gjson.String {
		return value.Str
	}
	return ""
}

// order sorts members as a roster has them.
func (s *Service) order(ctx context.Context, account tenant.ID, room id.RoomID, members []Member) error {
	stays, err := s.store.Stays(ctx, account, room)
	if err != nil {
		return err
	}
	since := make(map[id.UserID]stream.Position, len(stays))
	for _, stay := range stays {
		since[stay.User] = stay.Since
	}
	for i := range members {
		// Who has come in since the members were read is not among them, and who has
		// gone keeps the place of their last event.
		members[i].since = cmp.Or(since[members[i].User], members[i].since)
	}
	rank := map[Role]int{RoleOwner: 0, RoleAdmin: 1, RolePoster: 2, RoleMember: 3}
	slices.SortFunc(members, func(x, y Member) int {
		return cmp.Or(cmp.Compare(rank[x.Role], rank[y.Role]), cmp.Compare(x.since, y.since), cmp.Compare(x.User, y.User))
	})
	return nil
}

// detail completes the members of a page.
func (s *Service) detail(ctx context.Context, account tenant.ID, room id.RoomID, members []Member) error {
	joins := make([]Slice, len(members))
	for i, m := range members {
		joins[i] = Slice{Room: room, After: m.since - 1, UpTo: m.since, Limit: 1, Direction: Forwards}
	}
	found, err := s.store.Timelines(ctx, account, joins)
	if err != nil {
		return err
	}
	for i := range members {
		if len(found[i]) > 0 {
			members[i].Since = found[i][0].Timestamp
		}
	}
	return s.store.View(ctx, account, func(v View) error {
		for i := range members {
			active, err := v.UserActive(members[i].User)
			if err != nil {
				return err
			}
			person, err := v.UserSucceeds(members[i].User)
			if err != nil {
				return err
			}
			members[i].Bot = active && !person
		}
		return nil
	})
}
