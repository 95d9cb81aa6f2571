package rooms

import (
	"context"
	"encoding/json"
	"slices"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/storage/stream"
)

// maxChecked is how many people are asked about, or told of, at once.
const maxChecked = 100

var errManyChecked = refusal.Invalid("At most %d people and %d teams can be asked about at once.", maxChecked, maxTeams)

// Stranger is somebody who is mentioned in a room that they are not in.
type Stranger struct {
	User        id.UserID `json:"user_id"`
	DisplayName string    `json:"displayname,omitempty"`
	// MayAdd tells whether the caller may add them to the room.
	MayAdd bool `json:"may_add"`
}

// CheckedMentions tells who of those who are to be mentioned would not read it.
type CheckedMentions struct {
	NotMembers []Stranger  `json:"not_members"` // at most 100
	Unknown    []id.UserID `json:"unknown"`     // users who do not exist, or no longer do
}

// CheckMentions tells which of some users, and of the members of some teams, are not in
// a room that the caller is in. Users of other accounts are unknown, like those who do
// not exist.
func (s *Service) CheckMentions(ctx context.Context, caller tenant.Caller, room id.RoomID, users []id.UserID, teams []string) (*CheckedMentions, error) {
	if len(users) > maxChecked || len(teams) > maxTeams {
		return nil, errManyChecked
	}
	if _, err := s.member(ctx, caller, room, nil); err != nil {
		return nil, err // before anything is told of teams
	}
	wanted := slices.Clone(users)
	for _, team := range teams {
		members, found, err := s.store.TeamMembers(ctx, caller.Account, team)
		if err != nil {
			return nil, err
		}
		if !found {
			return nil, errNoTeam
		}
		wanted = append(wanted, members...)
	}
	slices.Sort(wanted)
	wanted = slices.Compact(wanted)
	checked := &CheckedMentions{NotMembers: []Stranger{}, Unknown: []id.UserID{}}
	var mayAdd bool
	var outside []id.UserID
	_, err := s.member(ctx, caller, room, func(v View, r *Room) error {
		outside, mayAdd = nil, r.mayAdd(caller)
		for _, user := range wanted {
			if !r.Joined(user) {
				outside = append(outside, user)
			}
		}
		standings, err := v.Standings(outside)
		if err != nil {
			return err
		}
		checked.NotMembers, checked.Unknown = checked.NotMembers[:0], checked.Unknown[:0]
		for i, user := range outside {
			if !standings[i].Active {
				checked.Unknown = append(checked.Unknown, user)
			} else if len(checked.NotMembers) < maxChecked {
				checked.NotMembers = append(checked.NotMembers, Stranger{User: user, MayAdd: mayAdd})
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for i := range checked.NotMembers {
		one := &checked.NotMembers[i]
		name, err := s.store.Item(ctx, caller.Account, stream.Profile, one.User, "", "displayname")
		if err != nil {
			return nil, err
		}
		if name != nil && json.Unmarshal(name, &one.DisplayName) != nil {
			one.DisplayName = ""
		}
	}
	return checked, nil
}

// mayAdd tells whether a member may add people to the room.
func (r *Room) mayAdd(caller tenant.Caller) bool {
	if r.Kind() == Direct || r.retired() {
		return false
	}
	return caller.Administrator() || r.levels.User(caller.User) >= r.levels.Invite()
}

// member looks into a room that the caller is in, and runs f in the view if there is
// f. Who is not in it learns nothing of it: 403 M_FORBIDDEN.
func (s *Service) member(ctx context.Context, caller tenant.Caller, room id.RoomID, f func(View, *Room) error) (*look, error) {
	return s.lookIn(ctx, caller, room, func(v View, r *Room, l *look) error {
		if l.spans.Current() != "join" {
			return errNotHere()
		}
		if f == nil {
			return nil
		}
		return f(v, r)
	})
}
