package accounts

import (
	"context"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
)

// Granted is what a user has let an OAuth client have: a session on a device.
type Granted struct {
	User     id.UserID
	Code     string // SHA-256 of what the client comes with, hex
	Password string // the hash that the user's password was checked against; "" for none
	Client   string
}

// StartGranted begins the session that a user has let a client have, and uses the
// grant up in the same act: it is [ErrGrant] when it was before.
func (s *Service) StartGranted(ctx context.Context, account tenant.ID, granted Granted, in SignIn) (*SignedIn, error) {
	session, signedIn, err := s.newSession(account, granted.User, in)
	if err != nil {
		return nil, err
	}
	session.Password, session.Grant, session.Client = granted.Password, granted.Code, granted.Client
	if err := s.store.StartSession(ctx, account, session); err != nil {
		return nil, err
	}
	return signedIn, nil
}

// TakeLoginToken uses a login token of the account up, and gives whose it was: it
// proves who they are without signing them in. It is [ErrLoginToken] when it is good
// no longer.
func (s *Service) TakeLoginToken(ctx context.Context, account tenant.ID, token string) (id.UserID, error) {
	if of, ok := accountOf(token, loginToken); !ok || of != account {
		return "", ErrLoginToken
	}
	user, err := s.store.TakeLoginToken(ctx, account, Hash(token))
	if err == nil && user == "" {
		err = ErrLoginToken
	}
	return user, err
}

// Revoke ends the device that an access or refresh token of the account belongs to.
// A token that is good for nothing is passed over.
func (s *Service) Revoke(ctx context.Context, account tenant.ID, token, address string) error {
	of, ok := accountOf(token, accessToken)
	if !ok {
		of, ok = accountOf(token, refreshToken)
	}
	if !ok || of != account {
		return nil
	}
	user, device, err := s.store.Holder(ctx, account, Hash(token))
	if err != nil || user == "" {
		return err
	}
	return s.EndDevices(ctx, tenant.Caller{Account: account, User: user, Address: address}, device)
}
