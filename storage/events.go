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

// eventColumns are what scanEvent reads, of events e.
const eventColumns = `e.position, e.event_id, e.json, e.redacted_by, e.device, e.transaction_id`

// eventsSQL begins the queries over several rooms, where the room's version is
// one more column.
const eventsSQL = `
	SELECT ` + eventColumns + `, m.version FROM events e
	JOIN rooms m ON m.account = e.account AND m.room = e.room `

// anyVersion tells scanEvent that the room's version is in the row.
const anyVersion id.RoomVersion = ""

// scanEvent reads one event of eventColumns.
func scanEvent(r sqldb.Row, version id.RoomVersion) (*event.Event, error) {
	var at stream.Position
	var eventID id.EventID
	var stored []byte
	var redactedBy, device, transaction *string
	columns := []any{&at, &eventID, &stored, &redactedBy, &device, &transaction}
	if version == anyVersion {
		columns = append(columns, &version)
	}
	if err := r.Scan(columns...); err != nil {
		return nil, err
	}
	e, err := event.Parse(version, eventID, stored)
	if err != nil {
		return nil, fmt.Errorf("stored event %s: %w", eventID, err)
	}
	e.Position = at
	if redactedBy != nil {
		e.RedactedBy = id.EventID(*redactedBy)
	}
	switch {
	case device != nil && transaction != nil:
		e.Device, e.Transaction = id.DeviceID(*device), *transaction
	case transaction != nil:
		e.Delay = *transaction
	}
	return e, nil
}

func scanAnyEvent(r sqldb.Row) (*event.Event, error) { return scanEvent(r, anyVersion) }

// EventByID implements rooms.Store.
func (s *Store) EventByID(ctx context.Context, account tenant.ID, eventID id.EventID) (*event.Event, error) {
	e, _, err := sqldb.One(ctx, s.db, scanAnyEvent,
		eventsSQL+`WHERE e.account = $1 AND e.event_id = $2`, account, eventID)
	return e, err
}

// The positions are found first, in the index of rooms alone: SQLite would
// otherwise walk through the account's events, whatever their rooms.
const backwardsSQL = eventsSQL + `
	WHERE e.account = $1 AND e.position IN (
		SELECT position FROM events WHERE account = $1 AND room = $2 AND position > $3 AND position <= $4
		ORDER BY position DESC LIMIT $5
	)
	ORDER BY e.position DESC`

const forwardsSQL = eventsSQL + `
	WHERE e.account = $1 AND e.position IN (
		SELECT position FROM events WHERE account = $1 AND room = $2 AND position > $3 AND position <= $4
		ORDER BY position ASC LIMIT $5
	)
	ORDER BY e.position ASC`

// Timelines implements rooms.Store.
func (s *Store) Timelines(ctx context.Context, account tenant.ID, slices []rooms.Slice) ([][]*event.Event, error) {
	timelines := make([][]*event.Event, len(slices))
	for _, way := range []struct {
		direction rooms.Direction
		sql       string
	}{{rooms.Backwards, backwardsSQL}, {rooms.Forwards, forwardsSQL}} {
		var args [][]any
		var at []int
		for i, slice := range slices {
			if slice.Direction == way.direction {
				args = append(args, []any{account, slice.Room, slice.After, slice.UpTo, slice.Limit})
				at = append(at, i)
			}
		}
		err := s.db.QueryMany(ctx, way.sql, args, func(i int, r sqldb.Row) error {
			e, err := scanAnyEvent(r)
			if err != nil {
				return err
			}
			timelines[at[i]] = append(timelines[at[i]], e)
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("read timelines: %w", err)
		}
	}
	return timelines, nil
}

const stateAtSQL = eventsSQL + `
	WHERE e.account = $1 AND e.position IN (
		SELECT MAX(position) FROM events
		WHERE account = $1 AND room = $2 AND state_key IS NOT NULL AND position <= $3
		GROUP BY type, state_key HAVING MAX(position) > $4
	)
	ORDER BY e.position`

// StateAt implements rooms.Store.
func (s *Store) StateAt(ctx context.Context, account tenant.ID, room id.RoomID, since, at stream.Position) ([]*event.Event, error) {
	return sqldb.All(ctx, s.db, scanAnyEvent, stateAtSQL, account, room, at, since)
}

const catchUpEventsSQL = eventsSQL + `WHERE e.account = $1 AND e.position > $2 AND e.position <= $3 ORDER BY e.position`

const changesItemsSQL = `
	SELECT kind, user_id, room, key, position, content FROM items WHERE account = $1 AND position > $2 AND position <= $3
	UNION ALL
	SELECT kind, user_id, room, key, position, content FROM changes WHERE account = $1 AND position > $2 AND position <= $3`

const changesToDeviceSQL = `
	SELECT user_id, device, position FROM to_device WHERE account = $1 AND position > $2 AND position <= $3`

// readChanges reads what was written to the account in (after, to], in order,
// and the events that redactions among it have emptied.
func (a *account) readChanges(ctx context.Context, q sqldb.Querier, after, to stream.Position) ([]rooms.Change, []redactedEvent, error) {
	events, err := sqldb.All(ctx, q, scanAnyEvent, catchUpEventsSQL, a.id, after, to)
	if err != nil {
		return nil, nil, fmt.Errorf("catch up events: %w", err)
	}
	items, err := sqldb.All(ctx, q, scanItem, changesItemsSQL, a.id, after, to)
	if err != nil {
		return nil, nil, fmt.Errorf("catch up items: %w", err)
	}
	messages, err := sqldb.All(ctx, q, func(r sqldb.Row) (stream.Item, error) {
		item := stream.Item{Kind: stream.ToDevice}
		err := r.Scan(&item.User, &item.Key, &item.Position)
		return item, err
	}, changesToDeviceSQL, a.id, after, to)
	if err != nil {
		return nil, nil, fmt.Errorf("catch up to-device messages: %w", err)
	}
	changes, redacts := merge(events, append(items, messages...))
	if len(redacts) == 0 {
		return changes, nil, nil
	}
	redacted, err := sqldb.All(ctx, q, scanAnyEvent,
		eventsSQL+`WHERE e.account = $1 AND e.event_id = ANY($2) AND e.redacted_by IS NOT NULL`, a.id, redacts)
	if err != nil {
		return nil, nil, fmt.Errorf("catch up redacted events: %w", err)
	}
	return changes, redacted, nil
}
