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

const insertCandidateSQL = `INSERT INTO candidates (account, room, key, position) VALUES ($1, $2, $3, $4)`

// addCandidates writes down whose attention an event may ask for.
func (t *tx) addCandidates(room *rooms.Room, e *event.Event) {
	for _, key := range rooms.CandidateKeys(room, e) {
		t.exec(insertCandidateSQL, t.group.account.id, e.Room, key, e.Position)
	}
}

const candidatesSQL = `
	SELECT ` + eventColumns + `, m.version FROM candidates c
	JOIN events e ON e.account = c.account AND e.position = c.position
	JOIN rooms m ON m.account = c.account AND m.room = c.room
	WHERE c.account = $1 AND c.room = $2 AND c.key = ANY($6) AND c.position > $3 AND c.position <= $4
	ORDER BY c.position DESC LIMIT $5`

// Candidates gives for each slice its newest events that stand under one of the
// keys (see [rooms.CandidateKeys]), newest first. Slices are read backwards,
// whatever their direction.
func (s *Store) Candidates(ctx context.Context, account tenant.ID, keys []string, slices []rooms.Slice) ([][]*event.Event, error) {
	args := make([][]any, len(slices))
	for i, slice := range slices {
		args[i] = []any{account, slice.Room, slice.After, slice.UpTo, slice.Limit, keys}
	}
	return s.picked(ctx, candidatesSQL, args)
}

const threadedSQL = `
	SELECT ` + eventColumns + `, m.version FROM relations l
	JOIN events e ON e.account = l.account AND e.position = l.position
	JOIN rooms m ON m.account = l.account AND m.room = l.room
	WHERE l.account = $1 AND l.room = $2 AND l.position > $3 AND l.position <= $4 AND l.rel_type = 'm.thread'
	ORDER BY l.position DESC LIMIT $5`

// Threaded gives for each slice its newest events that are in threads, newest
// first.
func (s *Store) Threaded(ctx context.Context, account tenant.ID, slices []rooms.Slice) ([][]*event.Event, error) {
	args := make([][]any, len(slices))
	for i, slice := range slices {
		args[i] = []any{account, slice.Room, slice.After, slice.UpTo, slice.Limit}
	}
	return s.picked(ctx, threadedSQL, args)
}

// picked runs one query of events for many sets of arguments.
func (s *Store) picked(ctx context.Context, sql string, args [][]any) ([][]*event.Event, error) {
	found := make([][]*event.Event, len(args))
	err := s.db.QueryMany(ctx, sql, args, func(i int, r sqldb.Row) error {
		e, err := scanAnyEvent(r)
		if err != nil {
			return err
		}
		found[i] = append(found[i], e)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read events of an index: %w", err)
	}
	return found, nil
}

const stretchSQL = eventsSQL + `
	WHERE e.account = $1 AND e.room = ANY($2) AND e.position > $3 AND e.position <= $4
	ORDER BY e.position DESC LIMIT $5`

// Stretch gives the newest events of several rooms with after < position ≤ upTo,
// newest first and at most limit.
func (s *Store) Stretch(ctx context.Context, account tenant.ID, of []id.RoomID, after, upTo stream.Position, limit int) ([]*event.Event, error) {
	events, err := sqldb.All(ctx, s.db, scanAnyEvent, stretchSQL, account, texts(of), after, upTo, limit)
	if err != nil {
		return nil, fmt.Errorf("read events of rooms: %w", err)
	}
	return events, nil
}
