package push

import (
	"slices"

	"github.com/tidwall/gjson"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/rooms/event"
	"github.com/conversalabs/internalchat/storage/stream"
)

// Scene is what counting has to know of one room for one user at one head. It
// stays valid when the view it was made of is gone.
type Scene struct {
	room       id.RoomID
	user       id.UserID
	head       stream.Position
	spans      rooms.Spans
	visibility rooms.Visibility
	ignored    map[id.UserID]bool // by the user
	joined     int
	member     *event.Event // the user's
	levels     *event.PowerLevels
	levelsID   id.EventID
	mentions   bool           // the account's default level
	recent     []*event.Event // the room's newest events, oldest first
}

// Scene takes a room for a user who is in it out of a view.
func (u *Unread) Scene(v rooms.View, caller tenant.Caller, room *rooms.Room) (Scene, error) {
	u.follow(caller.Account, v)
	memberships, err := v.Memberships(caller.User)
	if err != nil {
		return Scene{}, err
	}
	ignored, err := v.Ignored(caller.User)
	if err != nil {
		return Scene{}, err
	}
	mentions, err := v.MentionsByDefault()
	if err != nil {
		return Scene{}, err
	}
	s := Scene{
		mentions: mentions,
		ignored:  ignored, room: room.ID, user: caller.User, head: v.Head(), spans: memberships[room.ID],
		joined: room.JoinedCount(), member: room.Member(caller.User), levels: room.PowerLevels(),
	}
	s.visibility = rooms.VisibilityOf(room, s.spans, false)
	if e := room.Event("m.room.power_levels", ""); e != nil {
		s.levelsID = e.ID
	}
	s.recent, _ = room.Recent(0)
	return s, nil
}

// Known tells whether this is a scene at all: the zero Scene is of no room.
func (s *Scene) Known() bool { return s.room != "" }

// MovedSince tells whether the room has had events since a position.
func (s *Scene) MovedSince(p stream.Position) bool {
	return len(s.recent) > 0 && s.recent[len(s.recent)-1].Position > p
}

// changedBy tells whether an event changes what rules ask about the room.
func (s *Scene) changedBy(e *event.Event) bool {
	return e.StateKey != nil && (e.Type == "m.room.power_levels" || e.Type == "m.room.member" && *e.StateKey == string(s.user))
}

// reaches tells whether recent has all the room's events above a position.
func (s *Scene) reaches(after stream.Position) bool {
	return len(s.recent) > 0 && (s.recent[0].Position <= after || s.recent[0].Type == "m.room.create")
}

// find gives one of the newest events, or nil.
func (s *Scene) find(wanted id.EventID) *event.Event {
	for _, e := range slices.Backward(s.recent) {
		if e.ID == wanted {
			return e
		}
	}
	return nil
}

// context is what the user's rules ask about the room.
func (s *Scene) context() Context {
	c := Context{MemberCount: s.joined, NotificationLevel: s.levels.Notification}
	if s.member != nil {
		c.DisplayName = gjson.GetBytes(s.member.Content, "displayname").Str
	}
	return c
}

func (s *Scene) memberID() id.EventID {
	if s.member == nil {
		return ""
	}
	return s.member.ID
}
