package login

import (
	"context"

	"maunium.net/go/mautrix"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
)

// recorded tells the account's audit if somebody was turned away, and gives the error
// on.
func (s *Service) recorded(ctx context.Context, r Request, err error) error {
	refused := refusal.As(err)
	if refused == nil {
		return err
	}
	if failed := s.recordRefused(ctx, r, refused.Code); failed != nil {
		return failed
	}
	return err
}

// turnedAway tells whether a refusal is of somebody, not of a request that is malformed
// or too many. What is recorded is counted too.
func turnedAway(code string) bool {
	return code == "M_FORBIDDEN" || code == "M_USER_DEACTIVATED" || code == "M_USER_LOCKED"
}

// recordRefused tells the account's audit of somebody who was turned away.
func (s *Service) recordRefused(ctx context.Context, r Request, code string) error {
	if !turnedAway(code) {
		return nil
	}
	entry := accounts.AuditEntry{
		Action: accounts.LoginRefused, Actor: tenant.Caller{}.Actor(), Address: r.SignIn.IP,
		Details: map[string]any{"errcode": code, "type": r.Type},
	}
	account := r.Account
	if r.Type == mautrix.AuthTypePassword {
		name, err := userName(r.Identifier, r.User)
		if err != nil {
			return err
		}
		named, user, err := s.accounts.ParseUser(ctx, r.Account, r.Server, name)
		if err != nil || named == "" {
			return err
		}
		account = named
		// What is no user's name may be anything, a password that was typed into the
		// wrong field too.
		known, err := s.accounts.User(ctx, named, user)
		if err != nil {
			return err
		}
		if known != nil {
			entry.Target = string(known.ID)
		}
	}
	return s.accounts.Record(ctx, account, entry)
}
