package login

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"time"

	"github.com/alexedwards/argon2id"
	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/httpapi"
	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/config/outbound"
)

// Options are what a Service is made with. Accounts, Now and Random are required.
type Options struct {
	Accounts *accounts.Service
	Now      func() time.Time
	Random   io.Reader // crypto/rand
	// Client calls the addresses in settings of accounts: their keys, and providers of
	// OpenID Connect. One that reaches no private network if nil.
	Client *outbound.Client
	// Report is told, if set, why a way to sign in that an account has does not work.
	Report func(account tenant.ID, err error)
	// Rates holds logins to their rates; nil permits everything.
	Rates *httpapi.Limiter
	// OpenRegistration lets anybody register in every account, otherwise only
	// where the account's settings say so.
	OpenRegistration bool
	// PasswordMin and PasswordMax bound new passwords, in bytes: 8 and 512 if 0.
	PasswordMin, PasswordMax int
	// Hashing is the cost of new hashes: 19 MiB, two passes, one lane if nil.
	Hashing *argon2id.Params
}

// Service checks who people are.
type Service struct {
	accounts         *accounts.Service
	now              func() time.Time
	random           io.Reader
	keySets          keySets
	providers        providers
	report           func(account tenant.ID, err error)
	rates            *httpapi.Limiter
	openRegistration bool
	shortest         int
	longest          int
	params           *argon2id.Params
	nobody           string        // the hash that users who do not exist are checked against
	hashing          chan struct{} // as many at once as there are processors
}

// New makes a Service.
func New(o Options) *Service {
	s := &Service{
		accounts: o.Accounts, now: o.Now, random: o.Random, rates: o.Rates, openRegistration: o.OpenRegistration,
		report:   o.Report,
		shortest: o.PasswordMin, longest: o.PasswordMax, params: o.Hashing,
		hashing: make(chan struct{}, runtime.NumCPU()),
	}
	if s.shortest == 0 {
		s.shortest = 8
	}
	if s.longest == 0 {
		s.longest = 512
	}
	if s.params == nil {
		s.params = &argon2id.Params{Memory: 19 << 10, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32}
	}
	s.nobody = impossible(s.params)
	if o.Client == nil {
		o.Client = outbound.New(outbound.Options{})
	}
	s.keySets = keySets{client: o.Client, now: o.Now, sets: map[tenant.ID]*keySet{}}
	s.providers = providers{client: bounded(o.Client), now: o.Now, all: map[tenant.ID]described{}}
	if s.report == nil {
		s.report = func(tenant.ID, error) {}
	}
	return s
}

var (
	errLoginType   = refusal.New(http.StatusBadRequest, "M_UNKNOWN", "This server does not know this way to sign in.")
	errNoLoginType = refusal.Missing("Please say how you sign in: the request has no \"type\".")
	errNoUser      = refusal.Missing("Please give a user name.")
	errNoPassword  = refusal.Missing("Please give a password.")
	errNoToken     = refusal.Missing("Please give a login token: the request has no \"token\".")
	errIdentifier  = refusal.Invalid("Only user names identify people here, not e-mail addresses or telephone numbers.")
)

// ErrNoPasswords is said where an account has switched passwords off.
var ErrNoPasswords = refusal.Forbidden("Nobody signs in with a password in this account.")

// JWTType is the way to sign in, and to confirm a request, with a JSON Web Token.
const JWTType mautrix.AuthType = "org.matrix.login.jwt"

// Flow is a way to sign in.
type Flow struct {
	Type mautrix.AuthType `json:"type"`
	// GetLoginToken tells that who is signed in can get a token for it.
	GetLoginToken bool `json:"get_login_token,omitempty"`
	// Providers are the pages of m.login.sso.
	Providers []Provider `json:"identity_providers,omitempty"`
}

// Flows lists the ways to sign in that an account has.
func (s *Service) Flows(ctx context.Context, account tenant.ID) (flows []Flow, err error) {
	settings, err := s.settings(ctx, account)
	if err != nil {
		return nil, err
	}
	if !settings.NoPassword {
		flows = append(flows, Flow{Type: mautrix.AuthTypePassword})
	}
	flows = append(flows, Flow{Type: mautrix.AuthTypeToken, GetLoginToken: true})
	if settings.JWT != nil {
		flows = append(flows, Flow{Type: JWTType})
	}
	if providers := providersOf(settings); providers != nil {
		flows = append(flows, Flow{Type: mautrix.AuthTypeSSO, Providers: providers})
	}
	services, err := s.accounts.AppServices(ctx, account)
	if len(services) > 0 {
		flows = append(flows, Flow{Type: mautrix.AuthTypeAppservice})
	}
	return flows, err
}

// settings gives how people of an account sign in: the usual ways where there is no
// such account.
func (s *Service) settings(ctx context.Context, account tenant.ID) (*accounts.LoginSettings, error) {
	found, err := s.accounts.Account(ctx, account)
	if err != nil || found == nil {
		return &accounts.LoginSettings{}, err
	}
	return &found.Settings.Login, nil
}

// Passwords tells whether people of an account may sign in with passwords.
func (s *Service) Passwords(ctx context.Context, account tenant.ID) (bool, error) {
	settings, err := s.settings(ctx, account)
	return err == nil && !settings.NoPassword, err
}

// Identifier names a user (client-server API, "Identifier types").
type Identifier struct {
	Type mautrix.IdentifierType `json:"type"`
	User string                 `json:"user"`
}

// Request is an attempt to sign in. Account and Server are what the Host names:
// a user given without a server name is looked for there.
type Request struct {
	Account    tenant.ID
	Server     string
	Type       mautrix.AuthType
	Identifier *Identifier
	User       string // the older way to give an identifier
	Password   string
	Token      string
	// AccessToken is what the request came with, of an application service.
	AccessToken string
	SignIn      accounts.SignIn
}

// Login signs a user in. Who is turned away is told of in the audit.
func (s *Service) Login(ctx context.Context, r Request) (*accounts.SignedIn, error) {
	in, err := s.by(ctx, r)
	return in, s.recorded(ctx, r, err)
}

// Password gives the user, and their account, whose name and password somebody knows,
// if they may sign in. It counts, and is told of, as a login that only begins.
func (s *Service) Password(ctx context.Context, r Request) (tenant.ID, *accounts.User, error) {
	account, user, err := s.password(ctx, r)
	return account, user, s.recorded(ctx, r, err)
}

// by signs a user in by the way they ask for.
func (s *Service) by(ctx context.Context, r Request) (*accounts.SignedIn, error) {
	switch r.Type {
	case mautrix.AuthTypePassword:
		return s.byPassword(ctx, r)
	case mautrix.AuthTypeToken:
		return s.byToken(ctx, r)
	case JWTType:
		return s.byJWT(ctx, r)
	case mautrix.AuthTypeAppservice:
		return s.byService(ctx, r)
	case "":
		return nil, errNoLoginType
	}
	return nil, errLoginType
}

func (s *Service) byPassword(ctx context.Context, r Request) (*accounts.SignedIn, error) {
	account, found, err := s.password(ctx, r)
	if err != nil {
		return nil, err
	}
	return s.accounts.Start(ctx, account, found.ID, found.Password, r.SignIn)
}

func (s *Service) password(ctx context.Context, r Request) (tenant.ID, *accounts.User, error) {
	account, user, err := s.named(ctx, r)
	if err != nil {
		return "", nil, err
	}
	// Before the password is looked at: who may not sign in learns nothing of it.
	if err := s.rates.Check(httpapi.LoginUser, account, string(user)); err != nil {
		return "", nil, err
	}
	found, err := s.check(ctx, attempt{account, user, r.Password, r.SignIn.IP})
	if err != nil {
		return "", nil, err
	}
	if err := admissible(found); err != nil {
		return "", nil, err
	}
	return account, found, s.rates.Take(httpapi.LoginUser, account, string(user))
}

// named gives whose password somebody says to know, and the account, if it takes
// passwords.
func (s *Service) named(ctx context.Context, r Request) (tenant.ID, id.UserID, error) {
	name, err := userName(r.Identifier, r.User)
	if err != nil {
		return "", "", err
	}
	if name == "" {
		return "", "", errNoUser
	}
	if r.Password == "" {
		return "", "", errNoPassword
	}
	account, user, err := s.accounts.ParseUser(ctx, r.Account, r.Server, name)
	if err != nil {
		return "", "", err
	}
	settings, err := s.settings(ctx, account)
	if err != nil {
		return "", "", err
	}
	if settings.NoPassword {
		// It is told of in the audit, which must not grow as fast as anybody asks.
		if err := s.rates.Take(httpapi.LoginAddress, "", httpapi.AddressKey(r.SignIn.IP)); err != nil {
			return "", "", err
		}
		return "", "", ErrNoPasswords
	}
	return account, user, nil
}

func (s *Service) byToken(ctx context.Context, r Request) (*accounts.SignedIn, error) {
	if r.Token == "" {
		return nil, errNoToken
	}
	address := httpapi.AddressKey(r.SignIn.IP)
	if err := s.rates.Check(httpapi.LoginAddress, "", address); err != nil {
		return nil, err
	}
	signedIn, err := s.accounts.StartByToken(ctx, r.Token, r.SignIn)
	return signedIn, s.counted(address, err)
}

// byJWT signs in who comes with a token of the account that the Host names.
func (s *Service) byJWT(ctx context.Context, r Request) (*accounts.SignedIn, error) {
	if r.Token == "" {
		return nil, errNoToken
	}
	address := httpapi.AddressKey(r.SignIn.IP)
	if err := s.rates.Check(httpapi.LoginAddress, "", address); err != nil {
		return nil, err
	}
	signedIn, err := s.startByJWT(ctx, r)
	return signedIn, s.counted(address, err)
}

func (s *Service) startByJWT(ctx context.Context, r Request) (*accounts.SignedIn, error) {
	settings, err := s.settings(ctx, r.Account)
	if err != nil {
		return nil, err
	}
	if settings.JWT == nil {
		return nil, errLoginType
	}
	good, err := s.assert(ctx, r.Account, settings.JWT, r.Token)
	if err != nil {
		return nil, err
	}
	if err := admissible(good.user); err != nil {
		return nil, err
	}
	signedIn, err := s.accounts.StartOnce(ctx, r.Account, good.user.ID, good.once, r.SignIn)
	return signedIn, once(err)
}

// counted counts an attempt that was turned away against the address it came from, and
// says so when there were too many.
func (s *Service) counted(address string, err error) error {
	if refused := refusal.As(err); refused != nil && turnedAway(refused.Code) {
		if limited := s.rates.Take(httpapi.LoginAddress, "", address); limited != nil {
			return limited
		}
	}
	return err
}

// userName reads the name out of the two ways to give one.
func userName(identifier *Identifier, user string) (string, error) {
	if identifier == nil {
		return user, nil
	}
	if identifier.Type != mautrix.IdentifierTypeUser {
		return "", errIdentifier
	}
	return identifier.User, nil
}

// attempt is a password that somebody says is a user's.
type attempt struct {
	account  tenant.ID // "" where nobody can be found
	user     id.UserID
	password string
	ip       string
}

// check gives the user whose password it is, deactivated ones too, or
// accounts.ErrLogin.
func (s *Service) check(ctx context.Context, a attempt) (*accounts.User, error) {
	if err := s.rates.Take(httpapi.LoginAddress, "", httpapi.AddressKey(a.ip)); err != nil {
		return nil, err
	}
	done, err := s.turn(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	// Only now, so that of many guesses sent at once no more are tried than there
	// are turns.
	if err := s.rates.Check(httpapi.LoginFailed, a.account, string(a.user)); err != nil {
		return nil, err
	}
	var found *accounts.User
	if a.account != "" {
		if found, err = s.accounts.User(ctx, a.account, a.user); err != nil {
			return nil, fmt.Errorf("find user: %w", err)
		}
	}
	hash := s.nobody
	if found != nil && found.Password != "" {
		hash = found.Password
	}
	same, err := argon2id.ComparePasswordAndHash(a.password, hash)
	if err != nil {
		return nil, fmt.Errorf("compare password: %w", err)
	}
	if !same || hash == s.nobody {
		// When the permits are used up, the next attempt is told so.
		_ = s.rates.Take(httpapi.LoginFailed, a.account, string(a.user))
		return nil, accounts.ErrLogin
	}
	return found, nil
}
