package accounts

import (
	"context"
	"time"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
)

// OpenIDLife is how long an OpenID token tells who its user is.
const OpenIDLife = time.Hour

// maxOpenID is how many OpenID tokens a user may have at once; the oldest go.
const maxOpenID = 100

// OpenIDStore keeps the tokens by which other services learn who a user is. All
// are SHA-256 in hex.
type OpenIDStore interface {
	// KeepOpenID stores a token. Of its user's tokens the most newest stay.
	KeepOpenID(ctx context.Context, account tenant.ID, token LoginToken, most int) error
	// OpenIDUser gives the user of a token that has not expired, if they may still
	// use the server, or "".
	OpenIDUser(ctx context.Context, account tenant.ID, token string, now int64) (id.UserID, error)
}

// MintOpenID makes a token that tells another service who the caller is, for
// [OpenIDLife]. It is good for nothing else (section "OpenID").
func (s *Service) MintOpenID(ctx context.Context, caller tenant.Caller) (string, error) {
	token, err := s.mint(openIDToken, caller.Account)
	if err != nil {
		return "", err
	}
	expires := s.now().Add(OpenIDLife).UnixMilli()
	return token, s.store.KeepOpenID(ctx, caller.Account, LoginToken{Token: Hash(token), User: caller.User, Expires: expires}, maxOpenID)
}

// OpenIDUser gives the user whom an OpenID token stands for, or refuses it with
// [ErrOpenID].
func (s *Service) OpenIDUser(ctx context.Context, token string) (id.UserID, error) {
	account, ok := accountOf(token, openIDToken)
	if !ok {
		return "", ErrOpenID
	}
	user, err := s.store.OpenIDUser(ctx, account, Hash(token), s.timestamp())
	if err == nil && user == "" {
		err = ErrOpenID
	}
	return user, err
}
