package login

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"

	"maunium.net/go/mautrix"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/httpapi"
	"github.com/conversalabs/internalchat/clientapi/refusal"
)

// Auth is what a client sends to confirm a request (client-server API,
// "User-interactive authentication API").
type Auth struct {
	Type       mautrix.AuthType `json:"type"`
	Session    string           `json:"session"`
	Identifier *Identifier      `json:"identifier"`
	User       string           `json:"user"`
	Password   string           `json:"password"`
	Token      string           `json:"token"`
}

var (
	errStage      = refusal.New(http.StatusUnauthorized, "M_UNRECOGNIZED", "This request cannot be confirmed in this way.")
	errStageLogin = refusal.New(http.StatusUnauthorized, "M_FORBIDDEN", "The user name or the password is wrong.")
	errStageToken = refusal.New(http.StatusUnauthorized, "M_FORBIDDEN", "This sign-in is not valid, or it was used before. Please sign in again.")
	errStageOwner = refusal.Forbidden("Please confirm this as the user who asks for it.")
	errNoStage    = refusal.Forbidden("This has to be confirmed, and you have no way to do that here: neither a password nor a sign-in of your account.")
)

// Confirm demands that the caller proves again who they are, by any one stage that
// they have: their password, a JSON Web Token of their own, or a sign-in on a page
// elsewhere. Without a proof, or with a wrong one, the error is the 401 that says
// what to send; the proof of being somebody else is M_FORBIDDEN. Passwords and tokens
// come with the request they confirm, so nothing is kept of them. For a page elsewhere
// the session in the 401 stands for this request (its method and path) of the
// caller's device, and is good once.
func (s *Service) Confirm(ctx context.Context, caller tenant.Caller, request, ip string, auth *Auth) error {
	settings, err := s.settings(ctx, caller.Account)
	if err != nil {
		return err
	}
	q := question{caller: caller, request: request, auth: auth}
	if q.stages, err = s.stagesOf(ctx, caller, settings); err != nil {
		return err
	}
	if auth != nil && auth.Session != "" && (auth.Type == "" || auth.Type == mautrix.AuthTypeSSO) {
		if proved, err := s.accounts.TakeConfirmation(ctx, caller, request, auth.Session); err != nil || proved {
			return err
		}
	}
	if err := s.stage(ctx, q); err != nil {
		return err
	}
	switch auth.Type {
	case mautrix.AuthTypePassword:
		err = s.confirmByPassword(ctx, caller, ip, auth)
	case JWTType:
		err = s.confirmByJWT(ctx, caller, settings, ip, auth)
	default: // what the page elsewhere had to say of it, it has not said
		err = refusal.New(http.StatusUnauthorized, "", "")
	}
	if wrong := refusal.As(err); wrong != nil && wrong.Status == http.StatusUnauthorized {
		return s.ask(ctx, wrong, q)
	}
	return err
}

// stagesOf lists the stages by which a user can prove who they are.
func (s *Service) stagesOf(ctx context.Context, caller tenant.Caller, settings *accounts.LoginSettings) (stages []mautrix.AuthType, err error) {
	user, err := s.accounts.User(ctx, caller.Account, caller.User)
	if err != nil {
		return nil, fmt.Errorf("find user: %w", err)
	}
	if user == nil {
		return nil, refusal.UnknownToken(false)
	}
	if user.Password != "" && !settings.NoPassword {
		stages = append(stages, mautrix.AuthTypePassword)
	}
	// Only whom ConversaLabs knows can come with what says so.
	if user.External != "" && providersOf(settings) != nil {
		stages = append(stages, mautrix.AuthTypeSSO)
	}
	if user.External != "" && settings.JWT != nil {
		stages = append(stages, JWTType)
	}
	if stages == nil {
		return nil, errNoStage
	}
	return stages, nil
}

func (s *Service) confirmByPassword(ctx context.Context, caller tenant.Caller, ip string, auth *Auth) error {
	name, err := userName(auth.Identifier, auth.User)
	if err != nil {
		return err
	}
	if name != "" {
		account, user, err := s.accounts.ParseUser(ctx, caller.Account, caller.Server, name)
		if err != nil {
			return err
		}
		if account != caller.Account || user != caller.User {
			return errStageOwner
		}
	}
	_, err = s.check(ctx, attempt{caller.Account, caller.User, auth.Password, ip})
	if errors.Is(err, accounts.ErrLogin) {
		return errStageLogin
	}
	return err
}

func (s *Service) confirmByJWT(ctx context.Context, caller tenant.Caller, settings *accounts.LoginSettings, ip string, auth *Auth) error {
	address := httpapi.AddressKey(ip)
	if err := s.rates.Check(httpapi.LoginAddress, "", address); err != nil {
		return err
	}
	good, err := s.assert(ctx, caller.Account, settings.JWT, auth.Token)
	if err == nil && good.user.ID != caller.User {
		return errStageOwner
	}
	if err == nil {
		err = once(s.accounts.Spend(ctx, caller.Account, good.once))
	}
	if err = s.counted(address, err); errors.Is(err, ErrAssertion) {
		return errStageToken
	}
	return err
}

// question is what a request has to be confirmed by, and what came to confirm it.
type question struct {
	caller  tenant.Caller // zero where nobody is known yet
	request string
	auth    *Auth
	stages  []mautrix.AuthType
}

// stage tells whether what came is of one of the stages; if not, the error is the
// 401 that lists them.
func (s *Service) stage(ctx context.Context, q question) error {
	switch {
	case q.auth == nil || q.auth.Type == "":
		return s.ask(ctx, refusal.New(http.StatusUnauthorized, "", ""), q)
	case !slices.Contains(q.stages, q.auth.Type):
		return s.ask(ctx, errStage, q)
	}
	return nil
}

// ask adds to a refusal how the request can be confirmed: by any one of the stages.
func (s *Service) ask(ctx context.Context, r *refusal.Refusal, q question) error {
	flows := make([]mautrix.UIAFlow, len(q.stages))
	for i, stage := range q.stages {
		flows[i] = mautrix.UIAFlow{Stages: []mautrix.AuthType{stage}}
	}
	session, err := s.session(ctx, q)
	if err != nil {
		return err
	}
	return r.With("flows", flows).With("params", struct{}{}).With("session", session).With("completed", []string{})
}

// session gives the name under which the request is asked about: the one that came,
// if it is good. A page elsewhere is told of the request by it, so there it is kept.
func (s *Service) session(ctx context.Context, q question) (string, error) {
	given := ""
	if q.auth != nil {
		given = q.auth.Session
	}
	if !slices.Contains(q.stages, mautrix.AuthTypeSSO) {
		if given != "" {
			return given, nil
		}
		return s.word()
	}
	if given != "" {
		if asked, err := s.accounts.Asked(ctx, q.caller, q.request, given); err != nil || asked {
			return given, err
		}
	}
	return s.accounts.AskConfirmation(ctx, q.caller, q.request)
}

// Secret makes what a page has a browser keep.
func (s *Service) Secret() (string, error) { return s.word() }

// word makes a random one.
func (s *Service) word() (string, error) {
	var b [18]byte
	if _, err := io.ReadFull(s.random, b[:]); err != nil {
		return "", fmt.Errorf("read randomness: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(b[:]), nil
}
