package tenant

import (
	"regexp"
	"slices"
	"strings"

	"maunium.net/go/mautrix/id"
)

// ID names an account: 1 to 64 of a-z, 0-9 and "-", never starting with "-".
// It is the first column of every key in the database.
type ID string

// Default is the account that exists from the first start on.
const Default ID = "default"

// All stands for every account, in the scope of a machine token.
const All ID = "*"

var idPattern = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,63}$`)

// Valid tells whether the ID has the permitted shape.
func (i ID) Valid() bool { return idPattern.MatchString(string(i)) }

// ServiceName is the localpart of each account's service user, in whose name the
// server itself acts. Nobody can be made or sign in as that user.
const ServiceName = "conversalabs"

// ServiceUser gives the service user of an account by its server name.
func ServiceUser(server string) id.UserID { return id.NewUserID(ServiceName, server) }

// Role is what a user is in the account. It is not a Matrix power level.
type Role string

// The roles. What Custom may do its permissions say.
const (
	Administrator Role = "administrator"
	Agent         Role = "agent"
	Custom        Role = "custom"
	Bot           Role = "bot"
)

// Permissions are what a user of the role Custom may do.
type Permissions uint8

// The permissions.
const (
	UsePermission                Permissions = 1 << iota // to use the module at all
	CreatePrivatePermission                              // to create private channels
	CreateAnnouncementPermission                         // to create announcements
	ManagePermission                                     // what administrators may do
)

// permissionNames are the permissions as ConversaLabs calls them.
var permissionNames = map[string]Permissions{
	"internal_chat_use":                 UsePermission,
	"internal_chat_create_private":      CreatePrivatePermission,
	"internal_chat_create_announcement": CreateAnnouncementPermission,
	"internal_chat_manage":              ManagePermission,
}

// PermissionsOf reads a role's permissions by their names. Those of other modules
// are passed over.
func PermissionsOf(names []string) (all Permissions) {
	for _, name := range names {
		all |= permissionNames[name]
	}
	return all
}

// Has tells whether all of these permissions are there.
func (p Permissions) Has(wanted Permissions) bool { return p&wanted == wanted }

// Lock is why a user is locked out, as a reason that clients read; empty for who
// is not.
type Lock string

// The locks.
const (
	LockedAccount Lock = "module_disabled_account" // the module is off for all of the account
	LockedRole    Lock = "module_disabled_role"    // it is off for the user's role or permissions
	LockedUser    Lock = "user_inactive"           // an administrator has locked the user
)

// Rooms are the rooms that a token is good for, by spaces; empty is all of them.
type Rooms string

// RoomsOf makes a list of rooms one value; none is all.
func RoomsOf(rooms []id.RoomID) Rooms {
	words := make([]string, len(rooms))
	for i, room := range rooms {
		words[i] = string(room)
	}
	return Rooms(strings.Join(words, " "))
}

// List gives the rooms one by one; nil is all of them.
func (r Rooms) List() (rooms []id.RoomID) {
	for word := range strings.FieldsSeq(string(r)) {
		rooms = append(rooms, id.RoomID(word))
	}
	return rooms
}

// Allow tells whether the token is good for a room.
func (r Rooms) Allow(room id.RoomID) bool { return r == "" || slices.Contains(r.List(), room) }

// Caller is the user, checked, on whose behalf a request acts.
type Caller struct {
	Account     ID
	Server      string // the account's Matrix server name
	User        id.UserID
	Device      id.DeviceID
	Role        Role
	Permissions Permissions // of the role Custom
	// Lock is why the caller may sign out and nothing else, or empty.
	Lock Lock
	// Suspended callers may read. An act checks both again.
	Suspended bool
	// Session is the SHA-256 (hex) of the access token the request came with.
	// An act checks it again at the head it is built on.
	Session string
	// Locale is the language that the caller is spoken to in (BCP 47); "": as their
	// client asks.
	Locale string
	// Rooms are what the access token is good for.
	Rooms Rooms
	// Machine is the name of the other system that acts, where no user does.
	Machine string
	// Service is the ID of the application service that acts as the user, or empty.
	// Then there is no session, and a device only if the service names one.
	Service string
	// Unlimited callers are held to no rate.
	Unlimited bool
	// Address is the IP that the request came from, or empty.
	Address string
}

// Actor names who acts, for the audit: an application service and not the user in
// whose name it does ([Caller.For]).
func (c Caller) Actor() string {
	switch {
	case c.Service != "":
		return "appservice:" + c.Service
	case c.User != "":
		return string(c.User)
	case c.Machine != "":
		return "machine:" + c.Machine
	}
	return "server"
}

// For is the user in whose name another acts, or empty.
func (c Caller) For() id.UserID {
	if c.Service == "" {
		return ""
	}
	return c.User
}

// Origin is what the caller's transaction IDs are told apart by: the device or,
// without one, the application service.
func (c Caller) Origin() id.DeviceID {
	if c.Device == "" && c.Service != "" {
		return id.DeviceID("application service " + c.Service)
	}
	return c.Device
}

// Administrator tells whether the caller administers the account.
func (c Caller) Administrator() bool { return Administers(c.Role, c.Permissions) }

// Administers tells whether a role, with these permissions, is that of who
// administers the account.
func Administers(role Role, permissions Permissions) bool {
	return role == Administrator || role == Custom && permissions.Has(ManagePermission)
}

// Machine is who asks with a machine token: another system, not a user.
type Machine struct {
	Name  string // by which the token's use is told apart
	Scope ID     // the only account it may ask about, or [All]
}

// May tells whether the machine may ask about an account.
func (m Machine) May(account ID) bool { return m.Scope == All || m.Scope == account }
