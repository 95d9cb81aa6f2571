package storage

import (
	"context"
	"fmt"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/stream"
)

// Entail carries out, by acts, what one change of a user, or of a room's place in the
// directory, entails. report gets what was refused and is passed over. An error stops:
// all of it is done again.
type Entail func(ctx context.Context, account tenant.ID, change stream.Item, report func(error)) error

// Membership follows the changes of users, whose rooms follow them, and of rooms that
// everybody is to be in, or nobody any more. It implements follow.Follower. All that it does are acts of the accounts' writers, done when
// a step returns; with the cursor it writes nothing.
type Membership struct {
	store  *Store
	entail Entail
}

// FollowMembership makes the follower.
func FollowMembership(s *Store, entail Entail) *Membership {
	return &Membership{store: s, entail: entail}
}

// Name implements follow.Follower.
func (*Membership) Name() string { return "membership" }

// followedPage is how many changes are looked at together: of those of one user, or
// one room, only the last is carried out, since how they are now is all that counts.
const followedPage = 200

const followedSQL = `
	SELECT kind, user_id, room, key, position, content FROM changes
	WHERE account = $1 AND (kind = $2 OR kind = $3) AND position > $4 AND position <= $5 ORDER BY position LIMIT $6`

// followed is what a change is of.
type followed struct {
	user id.UserID
	room id.RoomID
}

// Step implements follow.Follower: it carries out one change.
func (m *Membership) Step(ctx context.Context, account tenant.ID, after, upTo stream.Position, _ *sqldb.Batch) (stream.Position, error) {
	changes, err := sqldb.All(ctx, m.store.db, scanItem, followedSQL,
		account, int64(stream.UserChanged), int64(stream.DirectoryChanged), after, upTo, followedPage)
	if err != nil {
		return 0, fmt.Errorf("read changes of users and rooms: %w", err)
	}
	last := map[followed]stream.Position{}
	for _, change := range changes {
		last[followed{change.User, change.Room}] = change.Position
	}
	for _, change := range changes {
		if last[followed{change.User, change.Room}] != change.Position {
			continue
		}
		log := m.store.log.WithField("account", account).WithField("user", change.User).WithField("room", change.Room)
		err := m.entail(ctx, account, change, func(err error) {
			log.WithError(err).Warn("a room keeps a user as they were")
		})
		if err != nil {
			return 0, fmt.Errorf("follow %s%s: %w", change.User, change.Room, err)
		}
		return change.Position, nil
	}
	return upTo, nil
}

// Reset implements follow.Follower. What was done in another history is gone with
// it, or is what would be done again.
func (*Membership) Reset(context.Context, tenant.ID, *sqldb.Batch) (more bool, err error) {
	return false, nil
}
