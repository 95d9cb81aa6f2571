package storage

import (
	"context"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/storage/stream"
)

// standing is what an act asks of how its caller stands.
type standing int

const (
	inGoodStanding standing = iota // neither locked nor suspended
	evenSuspended
	evenLocked
)

func (s standing) check(lock tenant.Lock, suspended bool) error {
	switch {
	case lock != "" && s < evenLocked:
		return refusal.UserLocked(string(lock))
	case suspended && s < evenSuspended:
		return accounts.ErrSuspended
	}
	return nil
}

// checkAbsent is checkCaller for what the server does in a user's name without a
// session: who is locked may be made to do then what a suspended user may do.
func (t *tx) checkAbsent(user id.UserID) error {
	if user == "" || t.act.asks >= evenSuspended {
		return nil
	}
	u, err := t.user(user)
	if err != nil || u == nil {
		return err
	}
	return t.act.asks.check(u.Lock, u.Suspended)
}

var setStandingSQL = map[accounts.Standing]string{
	accounts.Locked:    `UPDATE users SET locked = $3 WHERE account = $1 AND user_id = $2`,
	accounts.Suspended: `UPDATE users SET suspended = $3 WHERE account = $1 AND user_id = $2`,
}

// SetStanding implements accounts.UserStore.
func (s *Store) SetStanding(ctx context.Context, caller tenant.Caller, user id.UserID, standing accounts.Standing, on bool) error {
	return s.lone(ctx, caller, func(t *tx) error {
		asking, err := t.user(caller.User)
		if err != nil {
			return err
		}
		target, err := t.user(user)
		if err != nil {
			return err
		}
		if err := accounts.CheckModeration(asking, target); err != nil {
			return err
		}
		if target.Stands(standing) == on {
			return nil
		}
		t.exec(setStandingSQL[standing], caller.Account, user, on)
		t.Put(stream.Item{Kind: stream.UserChanged, User: user})
		return t.audit(accounts.StandingChanged, string(user), map[string]any{string(standing): on})
	})
}
