package login

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/httpapi"
	"github.com/conversalabs/internalchat/clientapi/refusal"
)

// The providers that an account may have.
const (
	conversaLabs  = "conversalabs" // by SSOLogin
	openIDConnect = "oidc"         // by OIDCLogin
)

// What is refused on the way through a browser.
var (
	ErrNoProvider = refusal.NotFound("This account has no such way to sign in.")
	ErrReturn     = refusal.Invalid("The parameter redirectUrl must be an address of the web or of an app.")
	ErrAway       = refusal.Forbidden("This sign-in took too long, or it began in another browser. Please begin again.")
	ErrCancelled  = refusal.Forbidden("The sign-in was cancelled, or it was refused there. Please begin again.")
)

// Provider is a page elsewhere on which people sign in ("identity_providers" of
// m.login.sso).
type Provider struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// Providers lists an account's pages for signing in.
func (s *Service) Providers(ctx context.Context, account tenant.ID) ([]Provider, error) {
	settings, err := s.settings(ctx, account)
	return providersOf(settings), err
}

// Asked gives what a session stands for that was sent to a page elsewhere: its
// account, the account's pages, and the session's hash (SHA-256, hex). It is [ErrAway]
// when it is too late.
func (s *Service) Asked(ctx context.Context, session string) (tenant.ID, []Provider, string, error) {
	account, found, err := s.accounts.Confirmation(ctx, session)
	if err != nil {
		return "", nil, "", err
	}
	if found == nil {
		return "", nil, "", ErrAway
	}
	providers, err := s.Providers(ctx, account)
	return account, providers, found.Session, err
}

func providersOf(settings *accounts.LoginSettings) (all []Provider) {
	if settings == nil {
		return nil
	}
	if settings.SSO != nil && settings.JWT != nil {
		all = append(all, Provider{conversaLabs, cmp.Or(settings.SSO.Name, "ConversaLabs")})
	}
	if settings.OIDC != nil {
		all = append(all, Provider{openIDConnect, cmp.Or(settings.OIDC.Name, "OpenID Connect")})
	}
	return all
}

// Trip is a wish to sign in on a page elsewhere.
type Trip struct {
	Provider string
	Callback string // address where people come back
	// Return is the client's address, or else Session (SHA-256, hex) is that of what
	// is to be confirmed.
	Return, Session string
	Action          string // "login", "register" or ""; a confirmation's is "confirm"
}

// Departure is where to send a browser, and what it keeps meanwhile.
type Departure struct {
	URL     string
	State   string // comes back
	Browser string // the browser's alone
}

// Depart begins a trip.
func (s *Service) Depart(ctx context.Context, account tenant.ID, trip Trip) (*Departure, error) {
	settings, err := s.settings(ctx, account)
	if err != nil {
		return nil, err
	}
	known := slices.ContainsFunc(providersOf(settings), func(p Provider) bool { return p.ID == trip.Provider })
	if !known {
		return nil, ErrNoProvider
	}
	if trip.Session == "" && !returnable(trip.Return) {
		return nil, ErrReturn
	}
	journey := accounts.Journey{Provider: trip.Provider, Return: trip.Return, Session: trip.Session, Callback: trip.Callback}
	var config *oauth2.Config
	if trip.Provider == openIDConnect {
		provider, err := s.providers.provider(ctx, account, settings.OIDC.Issuer)
		if err != nil {
			return nil, err
		}
		config = exchange(settings.OIDC, provider, trip.Callback)
		journey.Verifier = oauth2.GenerateVerifier()
		if journey.Nonce, err = s.word(); err != nil {
			return nil, err
		}
	}
	state, browser, err := s.accounts.Depart(ctx, account, journey)
	if err != nil {
		return nil, err
	}
	to := &Departure{State: state, Browser: browser}
	if config != nil {
		options := []oauth2.AuthCodeOption{oidc.Nonce(journey.Nonce), oauth2.S256ChallengeOption(journey.Verifier)}
		if trip.Session != "" {
			options = append(options, oauth2.SetAuthURLParam("prompt", "login"))
		}
		to.URL = config.AuthCodeURL(state, options...)
		return to, nil
	}
	if trip.Session != "" {
		trip.Action = "confirm"
	}
	to.URL, err = with(settings.SSO.URL, url.Values{"redirect_uri": {trip.Callback}, "state": {state}, "action": {trip.Action}})
	return to, err
}

// Arrival is what a browser brings back.
type Arrival struct {
	State, Browser string
	Token          string // of ConversaLabs
	Code           string // of OpenID Connect
	IP             string
}

// Arrived is who has come back, and where they go on.
type Arrived struct {
	Account tenant.ID
	User    *accounts.User
	// Return is the client's address with a login token, Origin the part of it that
	// tells who is behind it, and Known whether the account knows that one. Return is
	// "" after a confirmation.
	Return, Origin string
	Known          bool
}

// Arrive ends a trip: whoever comes back with a good token of the account's, or with
// the code of its provider, gets a login token, or has confirmed what they were sent
// to confirm. It can be tried once.
func (s *Service) Arrive(ctx context.Context, a Arrival) (*Arrived, error) {
	address := httpapi.AddressKey(a.IP)
	if err := s.rates.Check(httpapi.LoginAddress, "", address); err != nil {
		return nil, err
	}
	arrived, err := s.arrive(ctx, a)
	return arrived, s.counted(address, err)
}

func (s *Service) arrive(ctx context.Context, a Arrival) (*Arrived, error) {
	account, journey, err := s.accounts.Arrive(ctx, a.State, a.Browser)
	if err != nil {
		return nil, err
	}
	if journey == nil {
		return nil, ErrAway
	}
	if a.Token == "" && a.Code == "" {
		return nil, ErrCancelled
	}
	who, err := s.who(ctx, account, journey, a)
	if err != nil {
		return nil, err
	}
	arrived := &Arrived{Account: account, User: who.user}
	if journey.Session != "" {
		return arrived, s.confirmed(ctx, account, journey.Session, who)
	}
	if err := admissible(who.user); err != nil {
		return nil, err
	}
	token, err := s.accounts.MintLoginTokenFor(ctx, account, who.user.ID, who.once)
	if err != nil {
		return nil, once(err)
	}
	settings, err := s.settings(ctx, account)
	if err != nil {
		return nil, err
	}
	arrived.Origin = origin(journey.Return)
	arrived.Known = slices.Contains(settings.Clients, arrived.Origin)
	arrived.Return, err = with(journey.Return, url.Values{"loginToken": {token}})
	return arrived, err
}

// traveller is who came back; once is nil where the provider sees to it itself.
type traveller struct {
	user *accounts.User
	once *accounts.Once
}

// who finds out who came back.
func (s *Service) who(ctx context.Context, account tenant.ID, journey *accounts.Journey, a Arrival) (*traveller, error) {
	settings, err := s.settings(ctx, account)
	if err != nil {
		return nil, err
	}
	switch {
	case journey.Provider == conversaLabs && settings.SSO != nil:
		good, err := s.assert(ctx, account, settings.JWT, a.Token)
		if err != nil {
			return nil, err
		}
		return &traveller{good.user, &good.once}, nil
	case journey.Provider == openIDConnect && settings.OIDC != nil:
		external, err := s.claimed(ctx, account, settings.OIDC, journey, a.Code)
		if err != nil {
			s.report(account, fmt.Errorf("sign-in by OpenID Connect: %w", err))
			return nil, ErrAssertion
		}
		user, err := s.external(ctx, account, external)
		if err != nil {
			return nil, err
		}
		return &traveller{user: user}, nil
	}
	return nil, ErrNoProvider
}

// confirmed notes that a request is confirmed, if it is the traveller's own.
func (s *Service) confirmed(ctx context.Context, account tenant.ID, session string, who *traveller) error {
	if who.once != nil {
		if err := s.accounts.Spend(ctx, account, *who.once); err != nil {
			return once(err)
		}
	}
	proved, err := s.accounts.Prove(ctx, account, session, who.user.ID)
	if err == nil && !proved {
		err = errStageOwner
	}
	return err
}

// once is the sentence for a token that was used before.
func once(err error) error {
	if errors.Is(err, accounts.ErrLogin) {
		return ErrAssertion
	}
	return err
}

// with adds parameters to an address, or replaces them there. Empty ones are left out.
func with(address string, parameters url.Values) (string, error) {
	u, err := url.Parse(address)
	if err != nil {
		return "", fmt.Errorf("parse an address: %w", err)
	}
	query := u.Query()
	for name := range parameters {
		if value := parameters.Get(name); value != "" {
			query.Set(name, value)
		}
	}
	u.RawQuery = query.Encode()
	return u.String(), nil
}

var schemePattern = regexp.MustCompile(`^[a-z][a-z0-9+.-]*$`)

// notApps are schemes that browsers themselves do something with, at times in the
// name of the page they are on.
var notApps = []string{
	"about", "blob", "cid", "data", "file", "filesystem", "ftp", "intent", "jar", "javascript", "mailto", "mid", "resource",
	"sms", "tel", "urn", "vbscript", "view-source", "ws", "wss",
}

// returnable tells whether people may be sent to an address with a token: one of the
// web, or of an app's own scheme.
func returnable(address string) bool {
	u, err := url.Parse(address)
	if err != nil || !schemePattern.MatchString(u.Scheme) || u.User != nil {
		return false
	}
	if u.Scheme == "http" || u.Scheme == "https" {
		return isHost(u.Hostname()) && !strings.Contains(address, `\`)
	}
	return !slices.Contains(notApps, u.Scheme)
}

// hostPattern takes names in ASCII alone: letters of other alphabets look like those of
// somebody else's name.
var hostPattern = regexp.MustCompile(`^[A-Za-z0-9._-]+$`)

func isHost(name string) bool {
	if _, err := netip.ParseAddr(name); err == nil {
		return !strings.Contains(name, "%")
	}
	return hostPattern.MatchString(name)
}

// origin gives what tells who is behind an address: scheme and host, or an app's
// scheme.
func origin(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	if u.Scheme == "http" || u.Scheme == "https" {
		return u.Scheme + "://" + strings.ToLower(u.Host)
	}
	return u.Scheme + ":"
}
