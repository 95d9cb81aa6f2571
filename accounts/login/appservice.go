package login

import (
	"context"
	"net/http"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
)

var (
	errNoServiceToken = refusal.New(http.StatusUnauthorized, "M_MISSING_TOKEN", "Only an application service may do this, with its own as_token.")
	errNotAService    = refusal.New(http.StatusUnauthorized, "M_UNKNOWN_TOKEN", "This is not the as_token of an application service.")
	errNoName         = refusal.Missing("An application service must say whom it registers: the request has no \"username\".")
)

// service finds the application service whose as_token a request came with.
func (s *Service) service(ctx context.Context, token string) (tenant.Caller, *accounts.AppService, error) {
	if token == "" {
		return tenant.Caller{}, nil, errNoServiceToken
	}
	caller, err := s.accounts.Authenticate(ctx, token, true)
	if err != nil {
		return tenant.Caller{}, nil, err
	}
	if caller.Service == "" {
		return tenant.Caller{}, nil, errNotAService
	}
	service, err := s.accounts.AppServiceOf(ctx, caller)
	return caller, service, err
}

// RegisterByService makes a user of an application service (Application Service API,
// "Server admin style permissions"). Its account is that of the token.
func (s *Service) RegisterByService(ctx context.Context, token string, r Registration) (*accounts.SignedIn, error) {
	caller, service, err := s.service(ctx, token)
	if err != nil {
		return nil, err
	}
	if r.Name == "" {
		return nil, errNoName
	}
	user := accounts.NewUser{Name: r.Name, Role: tenant.Bot}
	return s.accounts.RegisterByService(ctx, caller, service, user, r.SignIn, r.OnlyUser)
}

// byService signs in a user of an application service, without a password.
func (s *Service) byService(ctx context.Context, r Request) (*accounts.SignedIn, error) {
	caller, service, err := s.service(ctx, r.AccessToken)
	if err != nil {
		return nil, err
	}
	name, err := userName(r.Identifier, r.User)
	if err != nil {
		return nil, err
	}
	if name == "" {
		return nil, errNoUser
	}
	account, user, err := s.accounts.ParseUser(ctx, caller.Account, caller.Server, name)
	if err != nil {
		return nil, err
	}
	if account != caller.Account || !service.Owns(user) {
		return nil, accounts.ErrOutside
	}
	return s.accounts.Start(ctx, account, user, "", r.SignIn)
}
