package accounts

import (
	"context"
	"time"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
)

// JourneyLife is how long people have to sign in on a page elsewhere, and to
// confirm a request.
const JourneyLife = 10 * time.Minute

// Once is a token of another system, which lets somebody in one time.
type Once struct {
	Token string // SHA-256 of its ID, hex
	Until int64  // ms, from when on it is good no longer anyway
}

// Journey is a person who has gone to sign in on a page elsewhere, and is to come
// back with the same browser. It is kept as JSON.
type Journey struct {
	// State comes back with the person, Browser with their browser: SHA-256, hex.
	State   string `json:"-"`
	Browser string `json:"browser"`
	Expires int64  `json:"-"` // ms
	// Provider is the page's ID.
	Provider string `json:"provider"`
	// Return is the client's address, "" when this is about a confirmation.
	Return string `json:"return,omitempty"`
	// Session is that of the confirmation (SHA-256, hex), "" when there is none.
	Session string `json:"session,omitempty"`
	// Callback is the address where they come back, Nonce and Verifier what OpenID
	// Connect and its PKCE want to see again.
	Callback string `json:"callback"`
	Nonce    string `json:"nonce,omitempty"`
	Verifier string `json:"verifier,omitempty"`
}

// Confirmation is a request that waits until its caller has proved who they are
// (section "User-interactive authentication API").
type Confirmation struct {
	Session string // SHA-256, hex
	User    id.UserID
	Device  id.DeviceID
	Request string // method and path
	Proved  bool
	Expires int64 // ms
}

// LoginStore keeps what goes on between the requests of a login. None of it is an
// act: nobody is told. Times are ms.
type LoginStore interface {
	// Spend uses up what is good once, or is [ErrLogin] when it has been before, on
	// whatever node.
	Spend(ctx context.Context, account tenant.ID, once Once) error
	// KeepJourney stores a journey.
	KeepJourney(ctx context.Context, account tenant.ID, journey Journey) error
	// EndJourney takes away the journey of a state, which only one call gets: nil
	// when there is none that has not expired, or it is another browser's.
	EndJourney(ctx context.Context, account tenant.ID, state, browser string) (*Journey, error)
	// KeepConfirmation stores a confirmation that is not proved yet.
	KeepConfirmation(ctx context.Context, account tenant.ID, confirmation Confirmation) error
	// Confirmation gives one that has not expired, or nil.
	Confirmation(ctx context.Context, account tenant.ID, session string) (*Confirmation, error)
	// Prove notes that the user of a confirmation has proved who they are, and tells
	// whether there is one of the user that has not expired.
	Prove(ctx context.Context, account tenant.ID, session string, user id.UserID) (bool, error)
	// TakeConfirmation takes away a confirmation that was proved, and tells whether
	// there was one: only one call gets it.
	TakeConfirmation(ctx context.Context, account tenant.ID, session string) (bool, error)
}

// StartOnce signs in a user who came with a token of another system, and uses it up
// in the same act: it is [ErrLogin] when it was before.
func (s *Service) StartOnce(ctx context.Context, account tenant.ID, user id.UserID, once Once, in SignIn) (*SignedIn, error) {
	session, signedIn, err := s.newSession(account, user, in)
	if err != nil {
		return nil, err
	}
	session.Once = &once
	if err := s.store.StartSession(ctx, account, session); err != nil {
		return nil, err
	}
	return signedIn, nil
}

// Spend uses up a token of another system, or is [ErrLogin] when it was before.
func (s *Service) Spend(ctx context.Context, account tenant.ID, once Once) error {
	return s.store.Spend(ctx, account, once)
}

// Depart begins a journey: State, Browser and Expires are set here. It gives the two
// secrets, what the person comes back with and what their browser keeps until then.
func (s *Service) Depart(ctx context.Context, account tenant.ID, journey Journey) (state, browser string, err error) {
	if state, err = s.mint(stateToken, account); err != nil {
		return "", "", err
	}
	if browser, err = s.secret(secretBytes); err != nil {
		return "", "", err
	}
	journey.State, journey.Browser = Hash(state), Hash(browser)
	journey.Expires = s.now().Add(JourneyLife).UnixMilli()
	return state, browser, s.store.KeepJourney(ctx, account, journey)
}

// Arrive ends the journey of a state, and gives its account: nil when there is none,
// or it did not begin in this browser.
func (s *Service) Arrive(ctx context.Context, state, browser string) (tenant.ID, *Journey, error) {
	account, ok := accountOf(state, stateToken)
	if !ok || browser == "" {
		return "", nil, nil
	}
	journey, err := s.store.EndJourney(ctx, account, Hash(state), Hash(browser))
	return account, journey, err
}

// AskConfirmation remembers a request of the caller's until it is confirmed, and
// gives the session's name.
func (s *Service) AskConfirmation(ctx context.Context, caller tenant.Caller, request string) (string, error) {
	session, err := s.mint(confirmationToken, caller.Account)
	if err != nil {
		return "", err
	}
	return session, s.store.KeepConfirmation(ctx, caller.Account, Confirmation{
		Session: Hash(session), User: caller.User, Device: caller.Device, Request: request,
		Expires: s.now().Add(JourneyLife).UnixMilli(),
	})
}

// Confirmation gives the confirmation of a session's name with its account, or nil.
func (s *Service) Confirmation(ctx context.Context, session string) (tenant.ID, *Confirmation, error) {
	account, ok := accountOf(session, confirmationToken)
	if !ok {
		return "", nil, nil
	}
	found, err := s.store.Confirmation(ctx, account, Hash(session))
	return account, found, err
}

// Prove tells that a user has proved, on a page elsewhere, who they are. It gives
// false when the session (SHA-256, hex) is not of a request of theirs.
func (s *Service) Prove(ctx context.Context, account tenant.ID, session string, user id.UserID) (bool, error) {
	return s.store.Prove(ctx, account, session, user)
}

// TakeConfirmation tells whether the caller has confirmed this request, and uses
// the confirmation up.
func (s *Service) TakeConfirmation(ctx context.Context, caller tenant.Caller, request, session string) (bool, error) {
	account, found, err := s.Confirmation(ctx, session)
	if err != nil || found == nil || !found.Proved || account != caller.Account || !found.isOf(caller, request) {
		return false, err
	}
	return s.store.TakeConfirmation(ctx, account, found.Session)
}

// Asked tells whether a session's name is that of this request of the caller's.
func (s *Service) Asked(ctx context.Context, caller tenant.Caller, request, session string) (bool, error) {
	account, found, err := s.Confirmation(ctx, session)
	return found != nil && account == caller.Account && found.isOf(caller, request), err
}

func (c *Confirmation) isOf(caller tenant.Caller, request string) bool {
	return c.User == caller.User && c.Device == caller.Device && c.Request == request
}
