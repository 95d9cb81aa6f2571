package storage

import (
	"context"
	"fmt"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/appservice"
	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/rooms/event"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/stream"
)

const targetsSQL = `
	SELECT service, token, sender, since, created, registration, account FROM appservices ORDER BY account, service`

// Targets implements appservice.Stream.
func (s *Store) Targets(ctx context.Context) ([]appservice.Target, error) {
	var all []appservice.Target
	err := s.db.Query(ctx, targetsSQL, nil, func(r sqldb.Row) error {
		var account tenant.ID
		service, err := scanAppService(r, &account)
		if err == nil && service.URL != "" {
			all = append(all, appservice.Target{Account: account, Service: service})
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read application services: %w", err)
	}
	return all, nil
}

// Events implements appservice.Stream.
func (s *Store) Events(ctx context.Context, account tenant.ID, after, upTo stream.Position) ([]*event.Event, error) {
	events, err := sqldb.All(ctx, s.db, scanAnyEvent, catchUpEventsSQL, account, after, upTo)
	if err != nil {
		return nil, fmt.Errorf("read events: %w", err)
	}
	return events, nil
}

const changedSQL = `
	SELECT kind, user_id, room, key, position, content FROM items
	WHERE account = $1 AND position > $2 AND position <= $3 AND kind = ANY($4) ORDER BY position`

// Changed implements appservice.Stream.
func (s *Store) Changed(ctx context.Context, account tenant.ID, kinds []stream.Kind, after, upTo stream.Position) ([]stream.Item, error) {
	items, err := sqldb.All(ctx, s.db, scanItem, changedSQL, account, after, upTo, numbers(kinds))
	if err != nil {
		return nil, fmt.Errorf("read items: %w", err)
	}
	return items, nil
}

const joinedAtSQL = `
	SELECT state_key FROM events WHERE account = $1 AND membership = 'join' AND position IN (
		SELECT MAX(position) FROM events
		WHERE account = $1 AND room = $2 AND type = 'm.room.member' AND state_key IS NOT NULL AND position <= $3
		GROUP BY state_key
	)`

// JoinedAt implements appservice.Stream.
func (s *Store) JoinedAt(ctx context.Context, account tenant.ID, room id.RoomID, at stream.Position) ([]id.UserID, error) {
	users, err := sqldb.All(ctx, s.db, sqldb.Value[id.UserID], joinedAtSQL, account, room, at)
	if err != nil {
		return nil, fmt.Errorf("read members: %w", err)
	}
	return users, nil
}

const roomsAtSQL = `
	SELECT room FROM events WHERE account = $1 AND membership = 'join' AND position IN (
		SELECT MAX(position) FROM events
		WHERE account = $1 AND state_key = $2 AND type = 'm.room.member' AND position <= $3
		GROUP BY room
	)`

// RoomsAt implements appservice.Stream.
func (s *Store) RoomsAt(ctx context.Context, account tenant.ID, user id.UserID, at stream.Position) ([]id.RoomID, error) {
	rooms, err := sqldb.All(ctx, s.db, sqldb.Value[id.RoomID], roomsAtSQL, account, user, at)
	if err != nil {
		return nil, fmt.Errorf("read rooms of a user: %w", err)
	}
	return rooms, nil
}

const (
	lastSentSQL = `SELECT epoch, after, upto FROM appservice_transactions WHERE account = $1 AND service = $2`

	// A service that was removed meanwhile leaves nothing behind.
	keepSentSQL = `
		INSERT INTO appservice_transactions (account, service, epoch, after, upto)
		SELECT a.account, a.service, $3::bigint, $4::bigint, $5::bigint FROM appservices a WHERE a.account = $1 AND a.service = $2
		ON CONFLICT (account, service) DO UPDATE SET epoch = excluded.epoch, after = excluded.after, upto = excluded.upto`
)

// LastSent implements appservice.Stream.
func (s *Store) LastSent(ctx context.Context, account tenant.ID, service string) (appservice.Sent, bool, error) {
	sent, found, err := sqldb.One(ctx, s.db, func(r sqldb.Row) (sent appservice.Sent, err error) {
		return sent, r.Scan(&sent.Epoch, &sent.After, &sent.UpTo)
	}, lastSentSQL, account, service)
	if err != nil {
		return sent, false, fmt.Errorf("read transaction of an application service: %w", err)
	}
	return sent, found, nil
}

// KeepSent implements appservice.Stream.
func (s *Store) KeepSent(ctx context.Context, account tenant.ID, service string, sent appservice.Sent) error {
	b := &sqldb.Batch{}
	b.Add(keepSentSQL, account, service, sent.Epoch, sent.After, sent.UpTo)
	if err := s.db.Commit(ctx, b); err != nil {
		return fmt.Errorf("keep transaction of an application service: %w", err)
	}
	return nil
}

const (
	followerPositionSQL = `SELECT position FROM follower_cursors WHERE account = $1 AND follower = $2`

	restartSQL = `UPDATE appservices SET since = $3 WHERE account = $1 AND service = $2`
)

// Restart implements appservice.Stream.
func (s *Store) Restart(ctx context.Context, account tenant.ID, service, follower string, b *sqldb.Batch) (stream.Position, error) {
	since, begun, err := sqldb.One(ctx, s.db, sqldb.Value[stream.Position], followerPositionSQL, account, follower)
	if err != nil {
		return 0, fmt.Errorf("read cursor of an application service: %w", err)
	}
	if !begun {
		return 0, nil
	}
	head, _, err := s.Place(ctx, account)
	if err != nil {
		return 0, err
	}
	since = min(since, head.Position)
	b.Add(restartSQL, account, service, since)
	return since, nil
}
