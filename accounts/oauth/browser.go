package oauth

import (
	"context"
	"crypto/subtle"
	"net/http"
	"strings"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
)

// What people are told in their browser.
var (
	ErrPage     = refusal.Forbidden("This sign-in took too long, was decided already, or began in another browser. Please begin again in your client.")
	ErrUserCode = refusal.NotFound("There is no device with this code, or it has waited too long. Please look at the code again.")
	ErrForged   = refusal.Forbidden("This page does not come from where it should. Please begin again in your client.")
)

// Visit is a browser on the way through a grant.
type Visit struct {
	Account tenant.ID
	Name    string // of the grant, in addresses
	Browser string // what the browser keeps
}

// Seal is what a form of this visit must carry: a page elsewhere cannot know it.
func (v Visit) Seal() string { return accounts.Hash("seal\n" + v.Browser) }

// Sealed tells, by [ErrForged], whether a form is of this visit.
func (v Visit) Sealed(seal string) error {
	if v.Browser == "" || subtle.ConstantTimeCompare([]byte(seal), []byte(v.Seal())) != 1 {
		return ErrForged
	}
	return nil
}

// Cookie is the cookie in which a browser keeps its secret for one grant. base is the
// address of the account's server.
func Cookie(base, name, secret string) *http.Cookie {
	c := &http.Cookie{ //nolint:gosec // without https there are only this machine's browsers, which would not keep a secure one
		Name: "ic_oauth_" + accounts.Hash(name)[:16], Value: secret, Path: "/", MaxAge: int(AskedLife.Seconds()),
		HttpOnly: true, Secure: strings.HasPrefix(base, "https://"), SameSite: http.SameSiteLaxMode,
	}
	if c.Secure {
		// Then no other host, and no page without https, can have put it there.
		c.Name = "__Host-" + c.Name
	}
	return c
}

// Look gives what is to be decided in this visit, and who asks for it, or [ErrPage].
func (s *Service) Look(ctx context.Context, v Visit) (*Grant, *Client, error) {
	grant, err := s.store.Grant(ctx, v.Account, accounts.Hash(v.Name))
	if err != nil {
		return nil, nil, err
	}
	if grant == nil || grant.Stage != Asked || s.over(grant) || v.Browser == "" || grant.Browser != accounts.Hash(v.Browser) {
		return nil, nil, ErrPage
	}
	client, err := s.store.Client(ctx, v.Account, grant.Client)
	if err == nil && client == nil {
		err = ErrPage
	}
	return grant, client, err
}

// Enter begins a visit by the code that a device shows, or refuses it with
// [ErrUserCode]. Who enters it last decides.
func (s *Service) Enter(ctx context.Context, account tenant.ID, typed string) (*Visit, error) {
	v := &Visit{Account: account, Name: userCode(typed)}
	grant, err := s.store.Grant(ctx, account, accounts.Hash(v.Name))
	if err != nil {
		return nil, err
	}
	if grant == nil || grant.Asked.Redirect != "" || grant.Stage != Asked || s.over(grant) {
		return nil, ErrUserCode
	}
	if v.Browser, err = s.secret(); err != nil {
		return nil, err
	}
	is := *grant
	is.Browser, is.User, is.Password = accounts.Hash(v.Browser), "", ""
	return v, s.change(ctx, account, *grant, is)
}

// userCode is what people have typed, as it was shown.
func userCode(typed string) string {
	letters := strings.Map(func(r rune) rune {
		if r < 'A' || r > 'Z' {
			return -1
		}
		return r
	}, strings.ToUpper(typed))
	if len(letters) != 8 {
		return ""
	}
	return letters[:4] + "-" + letters[4:]
}

// SignIn notes who has signed in in this visit. password is the hash that their
// password was checked against, "" if they came otherwise.
func (s *Service) SignIn(ctx context.Context, v Visit, user id.UserID, password string) error {
	grant, _, err := s.Look(ctx, v)
	if err != nil {
		return err
	}
	is := *grant
	is.User, is.Password = user, password
	return s.change(ctx, v.Account, *grant, is)
}

// Decide ends a visit in which somebody has signed in, and gives the address of the
// client to send them to: "" for a device. Who has not signed in can only refuse.
func (s *Service) Decide(ctx context.Context, v Visit, allow bool) (string, error) {
	grant, client, err := s.Look(ctx, v)
	if err != nil {
		return "", err
	}
	is, answer := *grant, any(nil)
	if allow {
		answer, err = s.allow(ctx, v.Account, &is, client)
	} else {
		answer = deny(&is)
	}
	if err != nil {
		return "", err
	}
	if err := s.change(ctx, v.Account, *grant, is); err != nil {
		return "", err
	}
	if grant.Asked.Redirect == "" {
		return "", nil
	}
	return op.AuthResponseURL(grant.Asked.Redirect, oidc.ResponseTypeCode, oidc.ResponseMode(grant.Asked.Mode), answer, oidc.NewEncoder())
}

func deny(grant *Grant) any {
	grant.Stage = Denied
	answer := oidc.ErrAccessDenied().WithDescription("The user does not want this.")
	answer.State = grant.Asked.State
	return answer
}

// allow makes the code with which a client comes. A device has had its own from the
// start.
func (s *Service) allow(ctx context.Context, account tenant.ID, grant *Grant, client *Client) (any, error) {
	if grant.User == "" {
		return nil, ErrPage
	}
	if err := s.keepClient(ctx, account, *client); err != nil {
		return nil, err
	}
	grant.Stage = Granted
	if grant.Asked.Redirect == "" {
		return nil, nil
	}
	secret, err := s.secret()
	if err != nil {
		return nil, err
	}
	grant.Code, grant.Expires = accounts.Hash(secret), s.now().Add(CodeLife).UnixMilli()
	return &op.CodeResponseType{Code: secret, State: grant.Asked.State}, nil
}

func (s *Service) change(ctx context.Context, account tenant.ID, was, is Grant) error {
	changed, err := s.store.ChangeGrant(ctx, account, was, is)
	if err == nil && !changed {
		err = ErrPage // another request was quicker
	}
	return err
}
