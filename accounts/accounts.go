package accounts

import (
	"encoding/json"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
)

// RoomPolicy says whose rules rooms of an account follow.
type RoomPolicy string

// The room policies.
const (
	TeamPolicy   RoomPolicy = "team"
	MatrixPolicy RoomPolicy = "matrix"
)

// Account is a tenant.
type Account struct {
	ID         tenant.ID
	ServerName string // fixed once the account exists
	Created    int64  // ms
	Settings   Settings
}

// User is a person or a bot of an account.
type User struct {
	ID          id.UserID
	Role        tenant.Role
	Password    string // argon2id hash, or "" for none
	Deactivated bool
	Locked      bool  // by an administrator: cannot use their sessions, which stay
	Suspended   bool  // may read and leave, and little else
	Created     int64 // ms
	// External is ConversaLabs' ID of the user, Version that of their record, and
	// Record what ConversaLabs says of them: "", 0 and nil for who was made
	// otherwise.
	External string
	Version  int64
	Record   *Record
	// Lock is why the user is locked out now, or empty. [UserStore.Users] leaves it
	// empty.
	Lock tenant.Lock
}

// Permissions are what the user may do whose role is Custom.
func (u *User) Permissions() tenant.Permissions {
	if u.Record == nil {
		return 0
	}
	return tenant.PermissionsOf(u.Record.Permissions)
}

// Administrator tells whether the user administers the account.
func (u *User) Administrator() bool { return tenant.Administers(u.Role, u.Permissions()) }

// Record is what ConversaLabs says of one of its users, whole. It is kept as JSON.
type Record struct {
	Localpart    string      `json:"localpart,omitempty"` // of the user ID, wanted when the user is made
	DisplayName  string      `json:"display_name"`
	Email        string      `json:"email,omitempty"`
	AvatarURL    string      `json:"avatar_url,omitempty"`
	Role         tenant.Role `json:"role"`
	Permissions  []string    `json:"permissions,omitempty"`
	InternalChat bool        `json:"internal_chat"`
	Active       bool        `json:"active"`
	Locale       string      `json:"locale,omitempty"`   // BCP 47
	Timezone     string      `json:"timezone,omitempty"` // IANA
	Teams        []string    `json:"teams,omitempty"`    // by ConversaLabs' IDs
	SendKey      string      `json:"send_key,omitempty"` // enter or ctrl_enter
	// NotificationPreferences become the user's account data of that name; Locale and
	// SendKey become what they prefer.
	NotificationPreferences json.RawMessage `json:"notification_preferences,omitempty"`
	// Erased marks who was deactivated and is to be forgotten: after the user's rooms
	// are left, their member events no longer tell their name and picture. The server
	// sets it; what comes from outside is never taken for it.
	Erased bool `json:"erased,omitempty"`
}

// NewUser is a user to be made.
type NewUser struct {
	Name        string // the wanted localpart; upper case is folded; "" lets one be made up
	Role        tenant.Role
	DisplayName string // at most 256 bytes; "" for none
	Password    string // argon2id hash, or "" for none
}

// Device is one place where a user is signed in.
type Device struct {
	User        id.UserID
	ID          id.DeviceID
	DisplayName string
	LastSeenIP  string
	LastSeen    int64  // ms
	UserAgent   string // what the client called itself then; "" when that is not known
}

// Session is what an access token stands for.
type Session struct {
	Token  string // SHA-256 of the access token, hex
	User   id.UserID
	Device id.DeviceID
	// Role, Permissions, Lock and Suspended are the user's.
	Role        tenant.Role
	Permissions tenant.Permissions
	Lock        tenant.Lock
	Suspended   bool
	Rooms       tenant.Rooms // that the token is good for
	Locale      string       // of the user, or of the account; may be ""
	Expires     int64        // ms; 0: never
	// Replaces is the refresh token (SHA-256, hex) that ends when this session is
	// first used, or "".
	Replaces string
}

// SignIn is what a client says of the device it signs in.
type SignIn struct {
	Device      id.DeviceID // an earlier one again, or a new one; "" lets one be made up
	DisplayName string      // of a new device, at most 256 bytes
	Refresh     bool        // the client can refresh its access token
	IP          string
	UserAgent   string // what the client calls itself
}

// SignedIn is a session that has begun, with its secrets. They are shown this
// once.
type SignedIn struct {
	User         id.UserID
	Device       id.DeviceID
	AccessToken  string
	RefreshToken string // "" when the client cannot refresh
	ExpiresIn    int64  // ms; 0: never
}
