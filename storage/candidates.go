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
	WHERE c.account = $1 AND c.room = $2 AND c.key = ANY($3) AND c.position > $4 AND c.position <= $5
	ORDER BY c.position DESC LIMIT $6`

// Candidates gives for each slice its newest events that stand under one of the
// keys (see [rooms.CandidateKeys]), newest first, each once. Slices are read
// backwards, whatever their direction.
func (s *Store) Candidates(ctx context.Context, account tenant.ID, keys []string, slices []rooms.Slice) ([][]*event.Event, error) {
	found := make([][]*event.Event, len(slices))
	args := make([][]any, len(slices))
	for i, slice := range slices {
		args[i] = []any{account, slice.Room, keys, slice.After, slice.UpTo, slice.Limit}
	}
	err := s.db.QueryMany(ctx, candidatesSQL, args, func(i int, r sqldb.Row) error {
		e, err := scanAnyEvent(r)
		if err != nil {
			return err
		}
		if n := len(found[i]); n == 0 || found[i][n-1].Position != e.Position {
			found[i] = append(found[i], e)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read mention candidates: %w", err)
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
