package login

import (
	"context"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/httpapi"
	"github.com/conversalabs/internalchat/clientapi/refusal"
)

var errClosed = refusal.Forbidden("Nobody can register here. Please ask an administrator of your account for access.")

// Registration is a wish to become a user.
type Registration struct {
	Account  tenant.ID
	Name     string // "" lets one be made up
	Password string
	Auth     *Auth
	SignIn   accounts.SignIn
	// OnlyUser leaves the new user signed out (inhibit_login).
	OnlyUser bool
}

// Register makes a user of the role agent, where registration is open. When the
// new user is to stay signed out, only User is set in the answer.
func (s *Service) Register(ctx context.Context, r Registration) (*accounts.SignedIn, error) {
	if err := s.Available(ctx, r.Account, r.Name); err != nil {
		return nil, err
	}
	if r.Password != "" {
		if err := s.CheckNew(r.Password); err != nil {
			return nil, err
		}
	}
	if err := s.stage(ctx, question{auth: r.Auth, stages: []mautrix.AuthType{mautrix.AuthTypeDummy}}); err != nil {
		return nil, err
	}
	if err := s.rates.Take(httpapi.LoginAddress, "", httpapi.AddressKey(r.SignIn.IP)); err != nil {
		return nil, err
	}
	hash, err := s.Hash(ctx, r.Password)
	if err != nil {
		return nil, err
	}
	user := accounts.NewUser{Name: r.Name, Role: tenant.Agent, Password: hash}
	if !r.OnlyUser {
		return s.accounts.Register(ctx, r.Account, user, r.SignIn)
	}
	var made id.UserID
	if made, err = s.accounts.CreateUser(ctx, tenant.Caller{Account: r.Account}, user); err != nil {
		return nil, err
	}
	return &accounts.SignedIn{User: made}, nil
}

// Available tells whether somebody could register under a name: nil, or why not.
// An empty name is available, because one is made up.
func (s *Service) Available(ctx context.Context, account tenant.ID, name string) error {
	open := s.openRegistration
	if !open {
		settings, err := s.accounts.Account(ctx, account)
		if err != nil {
			return err
		}
		open = settings != nil && settings.Settings.OpenRegistration
	}
	if !open {
		return errClosed
	}
	if name == "" {
		return nil
	}
	return s.accounts.Available(ctx, account, name)
}
