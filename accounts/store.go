package accounts

import (
	"context"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
)

// Store is what a [Service] keeps its things in.
type Store interface {
	AccountStore
	UserStore
	SessionStore
	OpenIDStore
	MachineStore
	AuditStore
	BotStore
	LoginStore
	ProvisionStore
	AppServiceStore
}

// AccountStore keeps the accounts themselves.
type AccountStore interface {
	// CreateAccount adds an account whose stream is empty. It is refused with
	// [ErrAccountInUse] or [ErrServerNameInUse].
	CreateAccount(ctx context.Context, account Account) error
	// Account gives an account as the database has it, or nil.
	Account(ctx context.Context, account tenant.ID) (*Account, error)
	// AccountByServerName gives the account of a Matrix server name, or "".
	AccountByServerName(ctx context.Context, name string) (tenant.ID, error)
	// Accounts lists all accounts, by ID.
	Accounts(ctx context.Context) ([]Account, error)
	// ChangeAccount changes settings, as one act. change may run several times
	// and returns why it refuses, if it does.
	ChangeAccount(ctx context.Context, caller tenant.Caller, change func(*Settings) error) error
	// Current brings an account to a head that was read after the call. An
	// unknown account is M_UNKNOWN_TOKEN.
	Current(ctx context.Context, account tenant.ID) error
}

// UserStore keeps users.
type UserStore interface {
	// CreateUser adds a user and, unless first is nil, begins the user's first
	// session in the same act. A user who exists is [ErrUserInUse].
	CreateUser(ctx context.Context, caller tenant.Caller, user User, displayName string, first *NewSession) error
	// User gives a user as the database has them, or nil.
	User(ctx context.Context, account tenant.ID, user id.UserID) (*User, error)
	// UserByExternal gives the user whom ConversaLabs calls so, as the database has
	// them, or nil.
	UserByExternal(ctx context.Context, account tenant.ID, external string) (*User, error)
	// Users lists all users of an account, by ID.
	Users(ctx context.Context, account tenant.ID) ([]User, error)
	// SetPassword replaces the password's hash. With endOthers all devices but the
	// caller's own end in the same act (all, when the caller is another user). An
	// unknown user is [ErrNoUser].
	SetPassword(ctx context.Context, caller tenant.Caller, user id.UserID, hash string, endOthers bool) error
	// Deactivate ends a user's access and all their devices, as one act. Doing it
	// again does nothing. An unknown user is [ErrNoUser].
	Deactivate(ctx context.Context, caller tenant.Caller, user id.UserID) error
	// SetStanding lays a standing upon a user or takes it back, if
	// [CheckModeration] permits it at the head. Doing it again does nothing.
	SetStanding(ctx context.Context, caller tenant.Caller, user id.UserID, standing Standing, on bool) error
}

// SessionStore keeps sessions, the devices they belong to, and the tokens that
// begin them. All tokens are SHA-256 in hex.
type SessionStore interface {
	// Session gives the session of an access token, or nil. It may come from
	// memory, which is valid at the account's local head; a session that is not in
	// memory is looked up in the database.
	Session(ctx context.Context, account tenant.ID, token string) (*Session, error)
	// StartSession begins a session on a new device or an earlier one, whose other
	// sessions end. It is refused with [ErrLogin] when the user does not exist or
	// what they proved no longer holds, with [ErrGrant], [ErrDeactivated],
	// [ErrTooManyDevices] or [ErrDeviceReserved].
	StartSession(ctx context.Context, account tenant.ID, session NewSession) error
	// Refresh begins the session that follows another one. The refresh token stays
	// good until the new session or its refresh token is used; after that, using
	// it again ends all sessions of its device. Both that and an unknown token are
	// M_UNKNOWN_TOKEN, the former as a soft logout; a token of another client is
	// unknown.
	Refresh(ctx context.Context, account tenant.ID, rotation Rotation) (*Session, error)
	// Settle tells that a session has been used: what it replaces ends.
	Settle(ctx context.Context, account tenant.ID, token string, now int64) error
	// EndDevices removes those of a user's devices that pick chooses, with their
	// sessions, keys, pushers and undelivered messages. pick may run several times.
	EndDevices(ctx context.Context, caller tenant.Caller, user id.UserID, pick func(id.DeviceID) bool) error
	// EndAll removes all of a user's devices, and what would let in further ones: login
	// tokens, and OAuth clients that the user has granted a session.
	EndAll(ctx context.Context, caller tenant.Caller, user id.UserID) error
	// RenameDevice gives the caller's device a display name. One they do not have
	// is [ErrNoDevice].
	RenameDevice(ctx context.Context, caller tenant.Caller, device id.DeviceID, name string) error
	// Devices lists a user's devices, by ID.
	Devices(ctx context.Context, account tenant.ID, user id.UserID) ([]Device, error)
	// SeeDevices notes when and from where devices were last seen. It is not an
	// act: nobody is told.
	SeeDevices(ctx context.Context, seen []Sighting) error
	// KeepLoginToken stores a token that begins one session. Unless once is nil it
	// is used up with it, or is [ErrLogin] when it was before.
	KeepLoginToken(ctx context.Context, account tenant.ID, token LoginToken, once *Once) error
	// TakeLoginToken uses a token up without beginning a session, and gives its user:
	// "" when there is none that has not expired. Only one call gets it.
	TakeLoginToken(ctx context.Context, account tenant.ID, token string) (id.UserID, error)
	// Holder gives the user and device that an access or refresh token was given to,
	// also one that has expired, or "".
	Holder(ctx context.Context, account tenant.ID, token string) (id.UserID, id.DeviceID, error)
	// LoginToken gives a token that has not been used yet, or nil.
	LoginToken(ctx context.Context, account tenant.ID, token string) (*LoginToken, error)
}

// NewSession is a session to be begun, and what it rests on.
type NewSession struct {
	User        id.UserID
	Device      id.DeviceID
	DisplayName string // of the device, if it is new
	IP          string
	UserAgent   string
	Token       string
	Refresh     string // "": none
	Expires     int64  // ms; 0: never
	Now         int64  // ms
	MaxDevices  int

	// Password is the hash that the user's password was checked against; it must
	// still be theirs. "": they came by another way.
	Password string
	// LoginToken is used up by this. "": they came by another way.
	LoginToken string
	// Once is used up by this. nil: they came by another way.
	Once *Once
	// Grant is the code of an OAuth grant (SHA-256, hex) that is used up by this. "":
	// they came by another way.
	Grant string
	// Client is the OAuth client that the device is for. "": it came by the older
	// ways to sign in.
	Client string
}

// Rotation is a refresh token and what is to follow it.
type Rotation struct {
	Refresh    string // the one presented
	Token      string // the new session's
	NewRefresh string
	Client     string // OAuth client that presents it; "" by the older way
	Expires    int64  // ms; 0: never
	Now        int64  // ms
}

// Sighting is a device that was seen.
type Sighting struct {
	Account tenant.ID
	User    id.UserID
	Device  id.DeviceID
	IP      string
	Agent   string // of the client, as it calls itself
	At      int64  // ms
}

// LoginToken begins one session of a user.
type LoginToken struct {
	Token   string
	User    id.UserID
	Expires int64 // ms
}
