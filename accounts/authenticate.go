package accounts

import (
	"context"
	"errors"
	"fmt"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
)

// Authenticate finds the caller of an access token. With current set the account
// is first brought to a head that is read after this call; without it the session
// may come from memory, and the act that follows judges it again. A refusal rests
// on the database either way, since only sessions that exist are kept in memory.
// A token that no session can have may be an application service's, who acts as its
// sender then. A caller who is locked comes back as such: where they may go the route says.
func (s *Service) Authenticate(ctx context.Context, token string, current bool) (tenant.Caller, error) {
	account, ok := accountOf(token, accessToken)
	if !ok {
		return s.authenticateService(ctx, token, current)
	}
	if current {
		if err := s.store.Current(ctx, account); err != nil {
			return tenant.Caller{}, fmt.Errorf("authenticate: %w", err)
		}
	}
	session, err := s.session(ctx, account, Hash(token))
	if err != nil {
		return tenant.Caller{}, fmt.Errorf("authenticate: %w", err)
	}
	if session.Lock != "" && !current {
		// This is about to be refused, so it must be the latest.
		return s.Authenticate(ctx, token, true)
	}
	if session.Replaces != "" && session.Lock == "" {
		if err := s.store.Settle(ctx, account, session.Token, s.timestamp()); err != nil {
			return tenant.Caller{}, fmt.Errorf("end the session before: %w", err)
		}
	}
	server, err := s.ServerName(ctx, account)
	if err != nil {
		return tenant.Caller{}, fmt.Errorf("authenticate: %w", err)
	}
	return tenant.Caller{
		Account: account, Server: server, User: session.User, Device: session.Device,
		Role: session.Role, Permissions: session.Permissions, Lock: session.Lock, Suspended: session.Suspended,
		Session: session.Token, Rooms: session.Rooms, Locale: session.Locale,
	}, nil
}

// Check tells whether a caller's session, found by [Service.Authenticate], is
// still good as far as this node knows: M_UNKNOWN_TOKEN or M_USER_LOCKED if not.
func (s *Service) Check(ctx context.Context, caller tenant.Caller) error {
	if caller.Service != "" {
		return s.checkService(ctx, caller)
	}
	session, err := s.session(ctx, caller.Account, caller.Session)
	if err == nil && session.Lock != "" {
		return refusal.UserLocked(string(session.Lock))
	}
	return err
}

// checkService is Check for an application service.
func (s *Service) checkService(ctx context.Context, caller tenant.Caller) error {
	now, err := s.Masquerade(ctx, caller, caller.User, "")
	switch {
	case errors.Is(err, ErrNoAppService), refusal.Is(err, "M_FORBIDDEN"):
		return refusal.UnknownToken(false)
	case err == nil && now.Lock != "":
		return refusal.UserLocked(string(now.Lock))
	}
	return err
}

// session gives a session by its token's hash, if it exists and has not expired.
func (s *Service) session(ctx context.Context, account tenant.ID, token string) (*Session, error) {
	session, err := s.store.Session(ctx, account, token)
	if err != nil {
		return nil, err
	}
	if session == nil {
		return nil, refusal.UnknownToken(false)
	}
	if session.Expires != 0 && s.timestamp() >= session.Expires {
		return nil, refusal.UnknownToken(true)
	}
	return session, nil
}
