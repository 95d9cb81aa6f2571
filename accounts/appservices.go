package accounts

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/storage/stream"
)

// AppService is an application service: a program that acts as its users and is told
// what concerns it (Application Service API, "Registration"). It is never changed.
type AppService struct {
	ID      string          `json:"-"`
	Token   string          `json:"-"` // SHA-256 of the as_token, hex
	Sender  id.UserID       `json:"-"` // the user it acts as unless it says otherwise
	Since   stream.Position `json:"-"` // it is told of what is above
	Created int64           `json:"-"` // ms

	URL     string `json:"url,omitempty"` // without a slash at its end; "": it is told nothing
	HSToken string `json:"hs_token"`      // by which it knows this server
	// Users, Rooms and Aliases are what concerns it.
	Users   Namespaces `json:"users,omitempty"`
	Rooms   Namespaces `json:"rooms,omitempty"`
	Aliases Namespaces `json:"aliases,omitempty"`
	// RateLimited tells that its users are held to the rates of all.
	RateLimited bool     `json:"rate_limited,omitempty"`
	Ephemeral   bool     `json:"ephemeral,omitempty"` // it is told of receipts and presence
	Protocols   []string `json:"protocols,omitempty"`
}

// Namespace is a set of IDs.
type Namespace struct {
	Exclusive bool   `json:"exclusive,omitempty"` // nobody else may make what is in it
	Pattern   string `json:"regex"`               // RE2, of an ID's beginning

	compiled *regexp.Regexp
}

// maxPattern bounds a namespace's expression, in bytes.
const maxPattern = 1024

var errPattern = errors.New("the expression is longer than 1024 bytes")

// NewNamespace makes a namespace of all IDs that begin with what an expression
// matches. One that is no RE2 is an error.
func NewNamespace(pattern string, exclusive bool) (Namespace, error) {
	if len(pattern) > maxPattern {
		return Namespace{}, errPattern
	}
	compiled, err := regexp.Compile(`^(?:` + pattern + `)`)
	return Namespace{Exclusive: exclusive, Pattern: pattern, compiled: compiled}, err
}

// UnmarshalJSON reads a namespace that was stored.
func (n *Namespace) UnmarshalJSON(stored []byte) error {
	type plain Namespace
	var read plain
	err := json.Unmarshal(stored, &read)
	if err == nil {
		*n, err = NewNamespace(read.Pattern, read.Exclusive)
	}
	return err
}

// Namespaces are sets of IDs of one kind.
type Namespaces []Namespace

// Match tells whether an ID is in one of them.
func (n Namespaces) Match(name string) bool {
	return slices.ContainsFunc(n, func(n Namespace) bool { return n.compiled.MatchString(name) })
}

// Reserve tells whether an ID is in one of them that is exclusive.
func (n Namespaces) Reserve(name string) bool {
	return slices.ContainsFunc(n, func(n Namespace) bool { return n.Exclusive && n.compiled.MatchString(name) })
}

// Owns tells whether the service may act as a user of the account.
func (a *AppService) Owns(user id.UserID) bool {
	return user == a.Sender || a.Users.Match(string(user))
}

// AppServiceStore keeps application services.
type AppServiceStore interface {
	// AddAppService adds a service and, unless the account has that bot already, its
	// sender. It is refused with [ErrAppServiceInUse], [ErrAppServiceToken] and
	// [ErrUserInUse].
	AddAppService(ctx context.Context, caller tenant.Caller, service AppService, sender User) error
	// RemoveAppService removes a service, or is [ErrNoAppService]. Its users stay.
	RemoveAppService(ctx context.Context, caller tenant.Caller, service string) error
	// AppServices lists the services of an account, by ID, valid at the account's
	// local head. The list must not be changed.
	AppServices(ctx context.Context, account tenant.ID) ([]*AppService, error)
	// AppServiceAccount gives the account of the service with a token (SHA-256, hex)
	// as the database has it, or "".
	AppServiceAccount(ctx context.Context, token string) (tenant.ID, error)
	// KnownUser is [UserStore.User] from memory, valid at the account's local head.
	KnownUser(ctx context.Context, account tenant.ID, user id.UserID) (*User, error)
	// CreateDevice makes a device without a session and tells whether it is new; one
	// that is there gets the name. It is refused with [ErrTooManyDevices] and
	// [ErrDeviceReserved].
	CreateDevice(ctx context.Context, caller tenant.Caller, device NewSession) (made bool, err error)
}

// What is refused of application services.
var (
	ErrAppServiceInUse = refusal.Invalid("The account has an application service of this ID already.")
	ErrAppServiceToken = refusal.Invalid("Another application service has this as_token already.")
	ErrNoAppService    = refusal.NotFound("The account has no application service of this ID.")
	// ErrExclusive is said of users and addresses that an application service has for
	// itself, and to a service that wants one outside its namespaces.
	ErrExclusive = refusal.New(http.StatusBadRequest, "M_EXCLUSIVE", "This name is set aside for an application service.")
	// ErrOutside is said to a service that registers users who are not its own.
	ErrOutside     = refusal.New(http.StatusBadRequest, "M_EXCLUSIVE", "This name is in none of the application service's namespaces.")
	errMasquerade  = refusal.Forbidden("The application service may not act as this user.")
	errNoOwnUser   = refusal.Forbidden("The application service has not registered this user.")
	errOwnDevice   = refusal.New(http.StatusBadRequest, "M_UNKNOWN_DEVICE", "This user has no device with this ID.")
	errNotAService = refusal.Forbidden("Only an application service may do this, with its own as_token.")
)

// AddAppService adds an application service, whose sender becomes a bot.
func (s *Service) AddAppService(ctx context.Context, caller tenant.Caller, service AppService) error {
	sender, err := s.newUser(ctx, caller.Account, NewUser{Name: service.Sender.Localpart(), Role: tenant.Bot})
	if err != nil {
		return err
	}
	service.Sender, service.Created = sender.ID, sender.Created
	return s.store.AddAppService(ctx, caller, service, sender)
}

// RemoveAppService ends an application service at once. Its users stay.
func (s *Service) RemoveAppService(ctx context.Context, caller tenant.Caller, service string) error {
	return s.store.RemoveAppService(ctx, caller, service)
}

// AppServices lists the application services of an account, by ID. The list must not
// be changed.
func (s *Service) AppServices(ctx context.Context, account tenant.ID) ([]*AppService, error) {
	return s.store.AppServices(ctx, account)
}

// AppService gives an application service, or [ErrNoAppService].
func (s *Service) AppService(ctx context.Context, account tenant.ID, service string) (*AppService, error) {
	return s.appService(ctx, account, func(a *AppService) bool { return a.ID == service })
}

// AppServiceOf gives the application service that a caller is; any other caller is
// M_FORBIDDEN.
func (s *Service) AppServiceOf(ctx context.Context, caller tenant.Caller) (*AppService, error) {
	if caller.Service == "" {
		return nil, errNotAService
	}
	return s.AppService(ctx, caller.Account, caller.Service)
}

func (s *Service) appService(ctx context.Context, account tenant.ID, wanted func(*AppService) bool) (*AppService, error) {
	all, err := s.store.AppServices(ctx, account)
	if err != nil {
		return nil, err
	}
	if i := slices.IndexFunc(all, wanted); i >= 0 {
		return all[i], nil
	}
	return nil, ErrNoAppService
}

// authenticateService finds the application service of a token that is no user's. It
// acts as its sender.
func (s *Service) authenticateService(ctx context.Context, token string, current bool) (tenant.Caller, error) {
	hash := Hash(token)
	account, err := s.store.AppServiceAccount(ctx, hash)
	if err != nil {
		return tenant.Caller{}, fmt.Errorf("authenticate: %w", err)
	}
	if account == "" {
		return tenant.Caller{}, refusal.UnknownToken(false)
	}
	if current {
		if err := s.store.Current(ctx, account); err != nil {
			return tenant.Caller{}, fmt.Errorf("authenticate: %w", err)
		}
	}
	service, err := s.appService(ctx, account, func(a *AppService) bool { return a.Token == hash })
	if errors.Is(err, ErrNoAppService) {
		if !current { // this node has not heard of it yet
			return s.authenticateService(ctx, token, true)
		}
		return tenant.Caller{}, refusal.UnknownToken(false)
	}
	if err != nil {
		return tenant.Caller{}, fmt.Errorf("authenticate: %w", err)
	}
	server, err := s.ServerName(ctx, account)
	if err != nil {
		return tenant.Caller{}, fmt.Errorf("authenticate: %w", err)
	}
	return tenant.Caller{
		Account: account, Server: server, User: service.Sender, Role: tenant.Bot,
		Service: service.ID, Unlimited: !service.RateLimited,
	}, nil
}

// Masquerade gives the caller that an application service wants to be (section
// "Identity assertion"): one of its users, its sender where none is named, and one of
// that user's devices or none. What it may not be is M_FORBIDDEN or M_UNKNOWN_DEVICE.
func (s *Service) Masquerade(ctx context.Context, caller tenant.Caller, user id.UserID, device id.DeviceID) (tenant.Caller, error) {
	service, err := s.AppServiceOf(ctx, caller)
	if err != nil {
		return tenant.Caller{}, err
	}
	if user != "" {
		caller.User = user
	}
	if !service.Owns(caller.User) || caller.User.Homeserver() != caller.Server {
		return tenant.Caller{}, errMasquerade
	}
	known, err := s.knownUser(ctx, caller.Account, caller.User)
	if err != nil {
		return tenant.Caller{}, err
	}
	caller.Unlimited = !service.RateLimited || caller.User == service.Sender
	caller.Role, caller.Permissions, caller.Lock, caller.Suspended = known.Role, known.Permissions(), known.Lock, known.Suspended
	if device == "" {
		return caller, nil
	}
	if _, err := s.Device(ctx, caller.Account, caller.User, device); errors.Is(err, ErrNoDevice) {
		return tenant.Caller{}, errOwnDevice
	} else if err != nil {
		return tenant.Caller{}, err
	}
	caller.Device = device
	return caller, nil
}

// knownUser gives a user that a service acts as, from memory; what is refused of one is
// looked up at the head.
func (s *Service) knownUser(ctx context.Context, account tenant.ID, user id.UserID) (*User, error) {
	known, err := s.store.KnownUser(ctx, account, user)
	if err == nil && (known == nil || known.Deactivated || known.Lock != "") {
		if err = s.store.Current(ctx, account); err == nil {
			known, err = s.store.KnownUser(ctx, account, user)
		}
	}
	if err == nil && (known == nil || known.Deactivated) {
		err = errNoOwnUser
	}
	return known, err
}

// CreateDevice makes a device of the caller's without a session, as application
// services may, and tells whether it is new (MSC4190).
func (s *Service) CreateDevice(ctx context.Context, caller tenant.Caller, device id.DeviceID, name string) (made bool, err error) {
	if len(device) > maxDeviceID {
		return false, ErrDeviceID
	}
	if len(name) > maxDisplayName {
		return false, ErrDisplayName
	}
	return s.store.CreateDevice(ctx, caller, NewSession{
		User: caller.User, Device: device, DisplayName: name, IP: caller.Address, Now: s.timestamp(), MaxDevices: s.maxDevices,
	})
}
