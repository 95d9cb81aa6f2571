package rooms

import (
	"cmp"
	"context"
	"slices"

	"github.com/tidwall/gjson"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/rooms/event"
)

// errNoRoom is the refusal for a room that is not there, or not to be seen.
func errNoRoom() error { return refusal.NotFound("There is no such room.") }

// Summary is a room as it is shown to who considers joining it.
type Summary struct {
	PublicRoom
	Version    id.RoomVersion `json:"room_version,omitempty"`
	Encryption string         `json:"encryption,omitempty"`
	// AllowedRooms are the rooms whose members may join.
	AllowedRooms []id.RoomID `json:"allowed_room_ids,omitempty"`
	// Membership is the caller's, "" for nobody.
	Membership string `json:"membership,omitempty"`
}

func summaryOf(r *Room) Summary {
	summary := Summary{PublicRoom: publicRoom(r), Version: r.Version}
	if e := r.Event("m.room.encryption", ""); e != nil {
		summary.Encryption = gjson.GetBytes(e.Content, "algorithm").String()
	}
	summary.AllowedRooms, _ = event.Restricted(r.Version, r.Event("m.room.join_rules", ""))
	return summary
}

// shownTo tells whether the room is shown to a user who looks around: they are in
// it, may join or knock, or everybody may read it. Without memberships the user
// is anybody.
func (r *Room) shownTo(memberships map[id.RoomID]Spans) bool {
	if VisibilityOf(r, nil, false).Room() {
		return true
	}
	switch memberships[r.ID].Current() {
	case "join", "invite", "knock":
		return true
	case "ban":
		return false
	}
	rules := r.Event("m.room.join_rules", "")
	if rules == nil {
		return false
	}
	rule := gjson.GetBytes(rules.Content, "join_rule").String()
	switch {
	case !event.KnowsJoinRule(r.Version, rule):
		return false
	case rule == "public", rule == "knock", rule == "knock_restricted":
		return true
	}
	allowed, _ := event.Restricted(r.Version, rules)
	return slices.ContainsFunc(allowed, func(room id.RoomID) bool { return memberships[room].Current() == "join" })
}

// Summary gives a room's summary. A room that the caller is not shown is 404
// M_NOT_FOUND, like one that does not exist. A caller without a user is anybody.
func (s *Service) Summary(ctx context.Context, caller tenant.Caller, room id.RoomID) (*Summary, error) {
	if !event.ValidRoomID(room) {
		return nil, errNoRoom()
	}
	var summary Summary
	err := s.store.View(ctx, caller.Account, func(v View) error {
		r, err := v.Room(room)
		if err != nil {
			return err
		}
		memberships, err := membershipsOf(v, caller.User)
		if err != nil {
			return err
		}
		if r == nil || !r.shownTo(memberships) {
			return errNoRoom()
		}
		summary = summaryOf(r)
		if caller.User != "" {
			summary.Membership = cmp.Or(memberships[room].Current(), "leave")
		}
		return nil
	})
	return &summary, err
}

// membershipsOf gives a user's memberships, none for no user.
func membershipsOf(v View, user id.UserID) (map[id.RoomID]Spans, error) {
	if user == "" {
		return nil, nil
	}
	return v.Memberships(user)
}

// mutualPage is how many rooms one answer of [Service.MutualRooms] has at most.
const mutualPage = 500

// MutualRooms is a part of the rooms that two users are both in.
type MutualRooms struct {
	Joined []id.RoomID `json:"joined"`
	Count  int         `json:"count"` // of all of them
	Next   string      `json:"next_batch,omitempty"`
}

// MutualRooms gives the rooms that the caller and another user are both in, by
// ID, from a token on (section "Mutual rooms"). With who is no user of the
// account these are none.
func (s *Service) MutualRooms(ctx context.Context, caller tenant.Caller, other id.UserID, from string) (*MutualRooms, error) {
	switch {
	case !event.ValidUserID(other):
		return nil, refusal.Invalid("%s is not a user ID.", string(other))
	case other == caller.User:
		return nil, refusal.Invalid("All of your rooms are yours. Name another user.")
	}
	first, err := parseOffset(from)
	if err != nil {
		return nil, err
	}
	mutual := []id.RoomID{}
	err = s.store.View(ctx, caller.Account, func(v View) error {
		mutual = mutual[:0]
		memberships, err := v.Memberships(caller.User)
		if err != nil {
			return err
		}
		// The rooms are asked, not the other user, who may be anything.
		joined, err := v.Rooms(joinedIn(memberships))
		if err != nil {
			return err
		}
		for _, room := range joined {
			if room.Joined(other) {
				mutual = append(mutual, room.ID)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	page := &MutualRooms{Count: len(mutual)}
	first = min(first, len(mutual))
	last := min(first+mutualPage, len(mutual))
	page.Joined = mutual[first:last]
	if last < len(mutual) {
		page.Next = offset(last)
	}
	return page, nil
}
