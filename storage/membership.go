package storage

import (
	"context"
	"fmt"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/stream"
)

// Entail carries out, by acts, what one change entails for who is in which room.
// report gets what was refused and is passed over. An error stops: all of it is done
// again.
type Entail func(ctx context.Context, account tenant.ID, change stream.Item, report func(error)) error

// Membership follows the changes of users, teams, the directory and the account, which
// rooms and their members follow. It implements
// follow.Follower. All that it does are acts of the accounts' writers, done when
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

// changesPage is how many changes are looked at together: of those of one thing only
// the last is carried out, since how it is now is all that counts.
const changesPage = 200

// followed are the kinds of changes that are carried out.
var followed = numbers([]stream.Kind{stream.UserChanged, stream.TeamChanged, stream.DirectoryChanged, stream.SettingsChanged})

const followedSQL = `
	SELECT kind, user_id, room, key, position, content FROM changes
	WHERE account = $1 AND kind = ANY($2) AND position > $3 AND position <= $4 ORDER BY position LIMIT $5`

// subject is what a change is of.
type subject struct {
	kind stream.Kind
	user id.UserID
	room id.RoomID
	key  string
}

func subjectOf(change stream.Item) subject {
	return subject{change.Kind, change.User, change.Room, change.Key}
}

// Step implements follow.Follower: it carries out one change.
func (m *Membership) Step(ctx context.Context, account tenant.ID, after, upTo stream.Position, _ *sqldb.Batch) (stream.Position, error) {
	changes, err := sqldb.All(ctx, m.store.db, scanItem, followedSQL, account, followed, after, upTo, changesPage)
	if err != nil {
		return 0, fmt.Errorf("read changes: %w", err)
	}
	last := map[subject]stream.Position{}
	for _, change := range changes {
		last[subjectOf(change)] = change.Position
	}
	for _, change := range changes {
		if last[subjectOf(change)] != change.Position {
			continue
		}
		log := m.store.log.WithField("account", account).WithField("user", change.User).WithField("room", change.Room)
		err := m.entail(ctx, account, change, func(err error) {
			log.WithError(err).Warn("a room is kept as it was")
		})
		if err != nil {
			return 0, fmt.Errorf("follow change %d: %w", change.Position, err)
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
