package storage

import (
	"context"
	"fmt"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/rooms/event"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/stream"
)

const replacedSQL = eventsSQL + `
	WHERE e.account = $1 AND e.room = $2 AND e.type = $3 AND e.state_key = $4 AND e.position < $5
	ORDER BY e.position DESC LIMIT 1`

// Replaced gives, for each of these state events, the one it replaced, or nil.
func (s *Store) Replaced(ctx context.Context, account tenant.ID, events []*event.Event) ([]*event.Event, error) {
	replaced := make([]*event.Event, len(events))
	args := make([][]any, len(events))
	for i, e := range events {
		args[i] = []any{account, e.Room, e.Type, *e.StateKey, e.Position}
	}
	err := s.db.QueryMany(ctx, replacedSQL, args, func(i int, r sqldb.Row) (err error) {
		replaced[i], err = scanAnyEvent(r)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read replaced state: %w", err)
	}
	return replaced, nil
}

const eventsByIDSQL = eventsSQL + `WHERE e.account = $1 AND e.event_id = ANY($2)`

// EventsByID gives those of the events that the account has.
func (s *Store) EventsByID(ctx context.Context, account tenant.ID, wanted []id.EventID) (map[id.EventID]*event.Event, error) {
	found := make(map[id.EventID]*event.Event, len(wanted))
	all, err := sqldb.All(ctx, s.db, scanAnyEvent, eventsByIDSQL, account, texts(wanted))
	if err != nil {
		return nil, fmt.Errorf("read events: %w", err)
	}
	for _, e := range all {
		found[e.ID] = e
	}
	return found, nil
}

const positionsSQL = `SELECT event_id, position FROM events WHERE account = $1 AND event_id = ANY($3) AND room = $2`

// Positions gives where those of the events are that are in a room.
func (s *Store) Positions(ctx context.Context, account tenant.ID, room id.RoomID, wanted []id.EventID) (map[id.EventID]stream.Position, error) {
	found := make(map[id.EventID]stream.Position, len(wanted))
	err := s.db.Query(ctx, positionsSQL, []any{account, room, texts(wanted)}, func(r sqldb.Row) error {
		var eventID id.EventID
		var at stream.Position
		err := r.Scan(&eventID, &at)
		found[eventID] = at
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read where events are: %w", err)
	}
	return found, nil
}
