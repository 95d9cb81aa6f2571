package rooms

import (
	"encoding/json"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/rooms/event"
)

// Kind is what kind of room of a team a room is. Rooms that the specification's own
// rules hold for, and spaces, are of none.
type Kind string

// The kinds.
const (
	Public       Kind = "public"       // a channel that everybody of the team finds and may join
	Private      Kind = "private"      // a channel that one is added to
	Announcement Kind = "announcement" // everybody is in it, few write
	Direct       Kind = "dm"           // two people
)

// The ladder: the power levels that rooms of a kind know.
const (
	MemberLevel int64 = 0
	PosterLevel int64 = 50 // who may write announcements
	AdminLevel  int64 = 100
	OwnerLevel  int64 = 150
	nobodyLevel int64 = 200 // the server alone
)

// Role is what a member of a room is there, by their power level.
type Role string

// The roles, lowest first.
const (
	RoleMember Role = "member"
	RolePoster Role = "poster" // of announcements alone
	RoleAdmin  Role = "admin"
	RoleOwner  Role = "owner"
)

// RoleOf gives the role that a power level amounts to.
func RoleOf(level int64) Role {
	switch {
	case level >= OwnerLevel:
		return RoleOwner
	case level >= AdminLevel:
		return RoleAdmin
	case level >= PosterLevel:
		return RolePoster
	}
	return RoleMember
}

// rolesFrom are the roles of a kind that have at least a power level, lowest first.
func (k Kind) rolesFrom(level int64) []Role {
	roles := []Role{}
	for _, role := range []Role{RoleMember, RolePoster, RoleAdmin, RoleOwner} {
		if has, known := k.LevelOf(role); known && has >= level {
			roles = append(roles, role)
		}
	}
	return roles
}

// LevelOf gives the power level of a role, and false for what is none in rooms of
// this kind.
func (k Kind) LevelOf(role Role) (int64, bool) {
	switch {
	case k == Direct, k == "":
		return 0, false
	case role == RoleMember:
		return MemberLevel, true
	case role == RolePoster:
		return PosterLevel, k == Announcement
	case role == RoleAdmin:
		return AdminLevel, true
	case role == RoleOwner:
		return OwnerLevel, true
	}
	return 0, false
}

// channelType is the state that says what kind of room a room is. The server alone
// writes it.
const channelType = "br.com.conversalabs.channel"

// Channel is the content of a room's state br.com.conversalabs.channel.
type Channel struct {
	Kind Kind `json:"kind"`
	// Icon and Color are what the room's picture was made of, if it was.
	Icon  string `json:"icon,omitempty"`
	Color string `json:"color,omitempty"`
	// DefaultSince is from when on (ms) whoever is new in the team is in the channel from
	// the start; 0: nobody is.
	DefaultSince int64 `json:"default_since_ts,omitempty"`
	// Team is the ID of the team whose people are members, or "".
	Team string `json:"team,omitempty"`
	// Mandatory announcements cannot be left.
	Mandatory bool `json:"mandatory,omitempty"`
	// Archived rooms can be read only, and are in no directory.
	Archived bool `json:"archived,omitempty"`
	// Deleted rooms are archived for good, and nobody is in them.
	Deleted   bool      `json:"deleted,omitempty"`
	CreatedBy id.UserID `json:"created_by,omitempty"`
	Version   int       `json:"version"` // of this form: 1
}

// channelOf reads a br.com.conversalabs.channel event.
func channelOf(e *event.Event) Channel {
	var c Channel
	if e == nil || json.Unmarshal(e.Content, &c) != nil {
		return Channel{}
	}
	return c
}

// Channel gives what the server says of the room; the zero one for a room of no kind.
func (r *Room) Channel() Channel { return r.channel }

// Kind gives the room's kind, or "".
func (r *Room) Kind() Kind { return r.channel.Kind }

// setChannel changes what the server says of the room, in the name of its service
// user.
func (w *writing) setChannel(why service, change func(*Channel)) error {
	channel := w.room.Channel()
	change(&channel)
	channel.Archived = channel.Archived || channel.Deleted // which is for good
	if channel == w.room.Channel() {
		return nil
	}
	content, err := json.Marshal(channel)
	if err != nil {
		return err
	}
	return w.serveState(why, channelType, content)
}

// serveState sets state under the empty key in the name of the service user.
func (w *writing) serveState(why service, kind string, content json.RawMessage) error {
	key := ""
	_, err := w.serve(why, part{kind: kind, stateKey: &key, content: content})
	return err
}
