package login

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"runtime"

	"github.com/alexedwards/argon2id"
	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/httpapi"
	"github.com/conversalabs/internalchat/clientapi/refusal"
)

// Options are what a Service is made with. Accounts and Random are required.
type Options struct {
	Accounts *accounts.Service
	Random   io.Reader // crypto/rand
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
	random           io.Reader
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
		accounts: o.Accounts, random: o.Random, rates: o.Rates, openRegistration: o.OpenRegistration,
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

// Flow is a way to sign in.
type Flow struct {
	Type mautrix.AuthType `json:"type"`
	// GetLoginToken tells that who is signed in can get a token for it.
	GetLoginToken bool `json:"get_login_token,omitempty"`
}

// Flows lists the ways to sign in.
func (s *Service) Flows() []Flow {
	return []Flow{{Type: mautrix.AuthTypePassword}, {Type: mautrix.AuthTypeToken, GetLoginToken: true}}
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
	SignIn     accounts.SignIn
}

// Login signs a user in.
func (s *Service) Login(ctx context.Context, r Request) (*accounts.SignedIn, error) {
	switch r.Type {
	case mautrix.AuthTypePassword:
		return s.byPassword(ctx, r)
	case mautrix.AuthTypeToken:
		return s.byToken(ctx, r)
	case "":
		return nil, errNoLoginType
	}
	return nil, errLoginType
}

func (s *Service) byPassword(ctx context.Context, r Request) (*accounts.SignedIn, error) {
	name, err := userName(r.Identifier, r.User)
	if err != nil {
		return nil, err
	}
	if name == "" {
		return nil, errNoUser
	}
	if r.Password == "" {
		return nil, errNoPassword
	}
	account, user, err := s.accounts.ParseUser(ctx, r.Account, r.Server, name)
	if err != nil {
		return nil, err
	}
	// Before the password is looked at: who may not sign in learns nothing of it.
	if err := s.rates.Check(httpapi.LoginUser, account, string(user)); err != nil {
		return nil, err
	}
	found, err := s.check(ctx, attempt{account, user, r.Password, r.SignIn.IP})
	if err != nil {
		return nil, err
	}
	if found.Deactivated {
		return nil, accounts.ErrDeactivated
	}
	if found.Lock != "" {
		return nil, refusal.UserLocked(string(found.Lock))
	}
	if err := s.rates.Take(httpapi.LoginUser, account, string(user)); err != nil {
		return nil, err
	}
	return s.accounts.Start(ctx, account, user, found.Password, r.SignIn)
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
	if refusal.Is(err, "M_FORBIDDEN") {
		if limited := s.rates.Take(httpapi.LoginAddress, "", address); limited != nil {
			return nil, limited
		}
	}
	return signedIn, err
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
