package storage

import (
	"context"
	"fmt"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/rooms/event"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/stream"
)

const (
	bellEventsSQL = eventsSQL + `
		WHERE e.account = $1 AND e.position > $2 AND e.position <= $3
		AND (e.type = ANY($4) OR e.type = 'm.room.member' AND e.membership IN ('leave', 'ban')) ORDER BY e.position`

	bellReceiptsSQL = `
		SELECT kind, user_id, room, key, position, content FROM items
		WHERE account = $1 AND position > $2 AND position <= $3 AND kind = $4 ORDER BY position`
)

// BellEvents gives the events with after < position ≤ upTo, oldest first, that are of
// one of the types or end somebody's stay in a room.
func (s *Store) BellEvents(ctx context.Context, account tenant.ID, after, upTo stream.Position, types []string) ([]*event.Event, error) {
	events, err := sqldb.All(ctx, s.db, scanAnyEvent, bellEventsSQL, account, after, upTo, types)
	if err != nil {
		return nil, fmt.Errorf("read events: %w", err)
	}
	return events, nil
}

// ReceiptsBetween gives the receipts that were put with after < position ≤ upTo, and
// not since, oldest first.
func (s *Store) ReceiptsBetween(ctx context.Context, account tenant.ID, after, upTo stream.Position) ([]stream.Item, error) {
	receipts, err := sqldb.All(ctx, s.db, scanItem, bellReceiptsSQL, account, after, upTo, int64(stream.Receipt))
	if err != nil {
		return nil, fmt.Errorf("read receipts: %w", err)
	}
	return receipts, nil
}

const dataOfSQL = `
	SELECT kind, user_id, room, key, position, content FROM items
	WHERE account = $1 AND kind = $2 AND user_id = ANY($3) AND room = ANY($4) AND key = ANY($5)`

// DataOf gives some types of account data of some users, in a room and outside of
// rooms.
func (s *Store) DataOf(ctx context.Context, account tenant.ID, users []id.UserID, room id.RoomID, types []string) ([]stream.Item, error) {
	items, err := sqldb.All(ctx, s.db, scanItem, dataOfSQL,
		account, int64(stream.AccountData), texts(users), []string{"", string(room)}, types)
	if err != nil {
		return nil, fmt.Errorf("read account data: %w", err)
	}
	return items, nil
}

const toldOfSQL = `
	SELECT DISTINCT user_id FROM bell WHERE account = $1 AND event_id = $2 AND event_id <> '' AND user_id > $3
	ORDER BY user_id LIMIT $4`

// ToldOf gives at most limit of the users, by ID from behind one on, whose bell has an
// entry about an event.
func (s *Store) ToldOf(ctx context.Context, account tenant.ID, eventID id.EventID, after id.UserID, limit int) ([]id.UserID, error) {
	users, err := sqldb.All(ctx, s.db, sqldb.Value[id.UserID], toldOfSQL, account, eventID, after, limit)
	if err != nil {
		return nil, fmt.Errorf("read whose bell has rung: %w", err)
	}
	return users, nil
}

const toldInSQL = `SELECT 1 FROM bell WHERE account = $1 AND user_id = $2 AND room = $3 AND at < $4 LIMIT 1`

// ToldIn tells whether a user's bell has an entry about what was in a room below a
// position.
func (s *Store) ToldIn(ctx context.Context, account tenant.ID, user id.UserID, room id.RoomID, before stream.Position) (bool, error) {
	_, found, err := sqldb.One(ctx, s.db, sqldb.Value[int], toldInSQL, account, user, room, before)
	if err != nil {
		return false, fmt.Errorf("read what a bell has of a room: %w", err)
	}
	return found, nil
}

const unreadInSQL = `
	SELECT DISTINCT user_id, room FROM bell WHERE account = $1 AND user_id = ANY($2) AND read = 0 AND room = ANY($3)`

// UnreadBellIn gives which of some users have unread entries about which of some
// rooms. Of the entries, User and Room are set.
func (s *Store) UnreadBellIn(ctx context.Context, account tenant.ID, users []id.UserID, of []id.RoomID) ([]rooms.BellEntry, error) {
	found, err := sqldb.All(ctx, s.db, func(r sqldb.Row) (e rooms.BellEntry, err error) {
		return e, r.Scan(&e.User, &e.Room)
	}, unreadInSQL, account, texts(users), texts(of))
	if err != nil {
		return nil, fmt.Errorf("read unread entries: %w", err)
	}
	return found, nil
}
