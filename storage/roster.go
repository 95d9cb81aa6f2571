package storage

import (
	"context"
	"fmt"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/storage/sqldb"
)

const staysSQL = `
	SELECT e.state_key, MIN(e.position) FROM events e
	WHERE e.account = $1 AND e.room = $2 AND e.type = 'm.room.member' AND e.state_key IS NOT NULL AND e.membership = 'join'
	AND e.position > COALESCE((
		SELECT MAX(o.position) FROM events o
		WHERE o.account = $1 AND o.room = $2 AND o.type = 'm.room.member' AND o.state_key = e.state_key AND o.membership <> 'join'
	), 0)
	GROUP BY e.state_key ORDER BY MIN(e.position)`

func readStays(ctx context.Context, q sqldb.Querier, account tenant.ID, room id.RoomID) ([]rooms.Stay, error) {
	stays, err := sqldb.All(ctx, q, func(r sqldb.Row) (rooms.Stay, error) {
		var s rooms.Stay
		return s, r.Scan(&s.User, &s.Since)
	}, staysSQL, account, room)
	if err != nil {
		return nil, fmt.Errorf("read who is in the room: %w", err)
	}
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
