package storage

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/stream"
)

const membershipsOfRoomSQL = `
	SELECT state_key, position, membership FROM events
	WHERE account = $1 AND room = $2 AND type = 'm.room.member' AND state_key IS NOT NULL ORDER BY position`

// readStays folds all memberships of a room: databases find the same by joins, and take
// seconds for it where many thousands are there.
func readStays(ctx context.Context, q sqldb.Querier, account tenant.ID, room id.RoomID) ([]rooms.Stay, error) {
	since := map[id.UserID]stream.Position{}
	err := q.Query(ctx, membershipsOfRoomSQL, []any{account, room}, func(r sqldb.Row) error {
		var s rooms.Stay
		var membership string
		if err := r.Scan(&s.User, &s.Since, &membership); err != nil {
			return err
		}
		if membership != "join" {
			delete(since, s.User)
		} else if since[s.User] == 0 {
			since[s.User] = s.Since
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read who is in the room: %w", err)
	}
	stays := make([]rooms.Stay, 0, len(since))
	for user, position := range since {
		stays = append(stays, rooms.Stay{User: user, Since: position})
	}
	slices.SortFunc(stays, func(x, y rooms.Stay) int { return cmp.Compare(x.Since, y.Since) })
	return stays, nil
}

// Stays implements rooms.Store.
func (s *Store) Stays(ctx context.Context, account tenant.ID, room id.RoomID) ([]rooms.Stay, error) {
	return readStays(ctx, s.db, account, room)
}

const peopleSQL = `SELECT user_id FROM users WHERE account = $1 AND NOT deactivated AND role <> $2 ORDER BY user_id`

// People implements rooms.Store.
func (s *Store) People(ctx context.Context, account tenant.ID) ([]id.UserID, error) {
	people, err := sqldb.All(ctx, s.db, sqldb.Value[id.UserID], peopleSQL, account, tenant.Bot)
	if err != nil {
		return nil, fmt.Errorf("read the people of an account: %w", err)
	}
	return people, nil
}

// Direct messages are the most rooms that there are, and none of the administrators'.
const channelsSQL = `
	SELECT r.room FROM rooms r WHERE r.account = $1
	AND NOT EXISTS (SELECT 1 FROM directs d WHERE d.account = r.account AND d.room = r.room) ORDER BY r.room`

// Channels implements rooms.Store.
func (s *Store) Channels(ctx context.Context, account tenant.ID) ([]id.RoomID, error) {
	channels, err := sqldb.All(ctx, s.db, sqldb.Value[id.RoomID], channelsSQL, account)
	if err != nil {
		return nil, fmt.Errorf("read the channels of an account: %w", err)
	}
	return channels, nil
}
