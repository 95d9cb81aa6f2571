package accounts

import (
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

// Settings are what of an account may change. They are kept as JSON.
type Settings struct {
	Name             string     `json:"name,omitempty"`
	RoomPolicy       RoomPolicy `json:"room_policy"`
	OpenRegistration bool       `json:"open_registration,omitempty"`
}

// User is a person or a bot of an account.
type User struct {
	ID          id.UserID
	Role        tenant.Role
	Password    string // argon2id hash, or "" for none
	Deactivated bool
	Locked      bool  // cannot use their sessions, which stay
	Suspended   bool  // may read and leave, and little else
	Created     int64 // ms
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
	Role   tenant.Role
	// Locked and Suspended are the user's.
	Locked, Suspended bool
	Expires           int64 // ms; 0: never
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
