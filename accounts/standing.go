package accounts

import (
	"context"
	"errors"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
)

// Standing is one of the things that an administrator may lay upon a user and
// take back: nothing of the user's is lost by it.
type Standing string

// The standings that are not good.
const (
	// Locked users can do nothing but sign out (section "Account locking").
	Locked Standing = "locked"
	// Suspended users may read, leave rooms and redact what they wrote (section
	// "Account suspension").
	Suspended Standing = "suspended"
)

// Stands tells whether the standing lies upon the user.
func (u *User) Stands(standing Standing) bool {
	return standing == Locked && u.Locked || standing == Suspended && u.Suspended
}

// CheckModeration tells whether a user may change how another one stands. Either
// may be nil: there is no such user. Who may not ask learns nothing of the other.
func CheckModeration(asking, target *User) error {
	switch {
	case asking == nil || !asking.Administrator():
		return ErrNotAdministrator
	case target == nil || target.Deactivated:
		return ErrNoUser
	case target.ID == asking.ID:
		return ErrModerateSelf
	case target.Administrator():
		return ErrModerateAdministrator
	}
	return nil
}

// Standing tells an administrator whether a standing lies upon a user.
func (s *Service) Standing(ctx context.Context, caller tenant.Caller, user id.UserID, standing Standing) (bool, error) {
	if err := checkLocal(caller, user); err != nil {
		return false, err
	}
	target, err := s.store.User(ctx, caller.Account, user)
	if err != nil {
		return false, err
	}
	asking, err := s.store.User(ctx, caller.Account, caller.User)
	if err != nil {
		return false, err
	}
	if err := CheckModeration(asking, target); err != nil && !errors.Is(err, ErrModerateSelf) {
		return false, err
	}
	return target.Stands(standing), nil
}

// SetStanding lays a standing upon a user, or takes it back. Only administrators
// may, and not upon themselves or each other.
func (s *Service) SetStanding(ctx context.Context, caller tenant.Caller, user id.UserID, standing Standing, on bool) error {
	if err := checkLocal(caller, user); err != nil {
		return err
	}
	return s.store.SetStanding(ctx, caller, user, standing, on)
}

// checkLocal refuses a user ID that is none, or of another server name.
func checkLocal(caller tenant.Caller, user id.UserID) error {
	if !caller.Administrator() {
		return ErrNotAdministrator
	}
	if _, server, err := user.Parse(); err != nil || server != caller.Server {
		return ErrNotLocal
	}
	return nil
}

// Whois gives what is known of a user's devices, to administrators and to the
// user. For others there is nothing to be learned, not even whether the user
// exists.
func (s *Service) Whois(ctx context.Context, caller tenant.Caller, user id.UserID) ([]Device, error) {
	if user != caller.User {
		if !caller.Administrator() {
			return nil, ErrNotAdministrator
		}
		known, err := s.store.User(ctx, caller.Account, user)
		if err != nil {
			return nil, err
		}
		if known == nil {
			return nil, ErrNoUser
		}
	}
	return s.Devices(ctx, caller.Account, user)
}
