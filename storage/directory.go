package storage

import (
	"context"
	"fmt"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/storage/sqldb"
)

// AliasOf implements rooms.Store.
func (s *Store) AliasOf(ctx context.Context, account tenant.ID, alias id.RoomAlias) (id.RoomID, id.UserID, error) {
	type target struct {
		room    id.RoomID
		creator id.UserID
	}
	found, _, err := sqldb.One(ctx, s.db, func(r sqldb.Row) (target, error) {
		var t target
		err := r.Scan(&t.room, &t.creator)
		return t, err
	}, `SELECT room, creator FROM aliases WHERE account = $1 AND alias = $2`, account, alias)
	if err != nil {
		return "", "", fmt.Errorf("read alias: %w", err)
	}
	return found.room, found.creator, nil
}

// Aliases implements rooms.Store.
func (s *Store) Aliases(ctx context.Context, account tenant.ID, room id.RoomID) ([]id.RoomAlias, error) {
	return sqldb.All(ctx, s.db, sqldb.Value[id.RoomAlias],
		`SELECT alias FROM aliases WHERE account = $1 AND room = $2 ORDER BY alias`, account, room)
}

// PublishedRooms implements rooms.Store.
func (s *Store) PublishedRooms(ctx context.Context, account tenant.ID) ([]id.RoomID, error) {
	return sqldb.All(ctx, s.db, sqldb.Value[id.RoomID],
		`SELECT room FROM rooms WHERE account = $1 AND published ORDER BY room`, account)
}
