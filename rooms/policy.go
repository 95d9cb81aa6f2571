package rooms

import (
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/rooms/event"
)

// Policy is the rules that an account's rooms follow, as a value. Kinds of rooms
// with rules of their own are further values (templates), not branches in the acts.
type Policy struct {
	Name string
	// Server is the account's server name.
	Server string
	// Space is the name of the account's own space, in which everybody finds its
	// channels; "": it has none. It needs Kinds.
	Space string
	// Versions are the room versions that may be asked for; Default is the one
	// taken when none is.
	Versions []id.RoomVersion
	Default  id.RoomVersion
	// Presets are what createRoom's presets stand for.
	Presets map[string]Preset
	// Levels are the power levels that a room begins with, before the creator and
	// the request's own are put into them.
	Levels Levels
	// Succession hands a room on when the last of those with most power in it leaves
	// the account, and takes a room that is left empty out of use.
	Succession bool
	// Kinds makes every room one of the team's kinds, but for spaces, which
	// administrators alone make.
	Kinds bool
	// Creators are who may make channels of each kind; everybody where none are named.
	Creators map[Kind]Creators
	// OpenReads lets everybody read the directory and profiles without a token.
	OpenReads bool
}

// Preset is what one of createRoom's presets makes of a room (section
// "Creation" of the client-server specification).
type Preset struct {
	JoinRule          string
	HistoryVisibility string
	GuestAccess       string
	// Invite is the power that inviting needs.
	Invite int64
	// TrustInvited gives the invited the creator's power.
	TrustInvited bool
}

// Levels is the content of m.room.power_levels.
type Levels struct {
	Users         map[id.UserID]int64 `json:"users"`
	UsersDefault  int64               `json:"users_default"`
	Events        map[string]int64    `json:"events"`
	EventsDefault int64               `json:"events_default"`
	StateDefault  int64               `json:"state_default"`
	Invite        int64               `json:"invite"`
	Kick          int64               `json:"kick"`
	Ban           int64               `json:"ban"`
	Redact        int64               `json:"redact"`
	Notifications map[string]int64    `json:"notifications"`
}

// MatrixPolicy is what the specification says of rooms.
var MatrixPolicy = Policy{
	Name:      "matrix",
	Versions:  event.Versions(),
	Default:   event.DefaultVersion,
	OpenReads: true,
	Presets: map[string]Preset{
		"private_chat":         {JoinRule: "invite", HistoryVisibility: "shared", GuestAccess: "can_join"},
		"trusted_private_chat": {JoinRule: "invite", HistoryVisibility: "shared", GuestAccess: "can_join", TrustInvited: true},
		"public_chat":          {JoinRule: "public", HistoryVisibility: "shared", GuestAccess: "forbidden", Invite: 50},
	},
	Levels: Levels{
		StateDefault: 50, Kick: 50, Ban: 50, Redact: 50,
		Events: map[string]int64{
			"m.room.name": 50, "m.room.avatar": 50, "m.room.canonical_alias": 50,
			"m.room.power_levels": 100, "m.room.history_visibility": 100, "m.room.tombstone": 100,
			"m.room.server_acl": 100, "m.room.encryption": 100,
		},
		Notifications: map[string]int64{"room": 50},
	},
}

// TeamPolicy is the product's. It does without version 12, in which a creator could
// never be demoted. Presets and levels are those of spaces.
var TeamPolicy = Policy{
	Name:       "team",
	Versions:   []id.RoomVersion{"10", "11"},
	Default:    event.DefaultVersion,
	Presets:    MatrixPolicy.Presets,
	Levels:     MatrixPolicy.Levels,
	Succession: true,
	Kinds:      true,
	Creators:   map[Kind]Creators{Announcement: AdministratorsCreate},
}

// Creators are who may make channels of a kind.
type Creators string

// The creators. Where only administrators create, so do those of the role custom who
// have the permission for it; where agents do, they need it.
const (
	AgentsCreate         Creators = "agents"
	AdministratorsCreate Creators = "administrators"
)

// creating are the permissions by which those of the role custom make channels.
var creating = map[Kind]tenant.Permissions{
	Private:      tenant.CreatePrivatePermission,
	Announcement: tenant.CreateAnnouncementPermission,
}

var (
	errCreatePublic       = refusal.Forbidden("Only administrators of the account can create public channels here.").Because("requires_administrator")
	errCreatePrivate      = refusal.Forbidden("You may not create private channels here. An administrator of the account can do it for you.").Because("requires_administrator")
	errCreateAnnouncement = refusal.Forbidden("You may not create announcement channels here. An administrator of the account can do it for you.").Because("requires_administrator")
)

// checkCreator refuses who may not make channels of a kind.
func (p Policy) checkCreator(caller tenant.Caller, kind Kind) error {
	if kind == Direct || caller.Administrator() {
		return nil
	}
	permission, known := creating[kind]
	custom := caller.Role == tenant.Custom && known
	switch {
	case custom && caller.Permissions.Has(permission):
		return nil
	case !custom && p.Creators[kind] != AdministratorsCreate:
		return nil
	}
	return map[Kind]error{Public: errCreatePublic, Private: errCreatePrivate, Announcement: errCreateAnnouncement}[kind]
}
