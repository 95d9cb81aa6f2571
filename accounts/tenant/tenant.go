package tenant

import (
	"regexp"

	"maunium.net/go/mautrix/id"
)

// ID names an account: 1 to 64 of a-z, 0-9 and "-", never starting with "-".
// It is the first column of every key in the database.
type ID string

// Default is the account that exists from the first start on.
const Default ID = "default"

var idPattern = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,63}$`)

// Valid tells whether the ID has the permitted shape.
func (i ID) Valid() bool { return idPattern.MatchString(string(i)) }

// Role is what a user is in the account. It is not a Matrix power level.
type Role string

// The roles.
const (
	Administrator Role = "administrator"
	Agent         Role = "agent"
	Bot           Role = "bot"
)

// Caller is the user, checked, on whose behalf a request acts.
type Caller struct {
	Account ID
	Server  string // the account's Matrix server name
	User    id.UserID
	Device  id.DeviceID
	Role    Role
	// Locked callers may sign out, and nothing else.
	Locked bool
	// Suspended callers may read. An act checks both again.
	Suspended bool
	// Session is the SHA-256 (hex) of the access token the request came with.
	// An act checks it again at the head it is built on.
	Session string
}

// Administrator tells whether the caller administers the account.
func (c Caller) Administrator() bool { return c.Role == Administrator }
