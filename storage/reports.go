package storage

import (
	"context"
	"fmt"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/stream"
)

const insertReportSQL = `
	INSERT INTO reports (account, position, reporter, room, event_id, user_id, reason, created)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`

func (t *tx) Report(r rooms.Report) {
	t.next++
	t.exec(insertReportSQL, t.group.account.id, t.next, r.Reporter, r.Room, r.Event, r.User, r.Reason, r.Time)
}

const reportsSQL = `
	SELECT position, reporter, room, event_id, user_id, reason, created FROM reports
	WHERE account = $1 AND position > $2 ORDER BY position LIMIT $3`

// Reports implements rooms.Store.
func (s *Store) Reports(ctx context.Context, account tenant.ID, after stream.Position, limit int) ([]rooms.Report, error) {
	all, err := sqldb.All(ctx, s.db, func(row sqldb.Row) (rooms.Report, error) {
		var r rooms.Report
		err := row.Scan(&r.Position, &r.Reporter, &r.Room, &r.Event, &r.User, &r.Reason, &r.Time)
		return r, err
	}, reportsSQL, account, after, limit)
	if err != nil {
		return nil, fmt.Errorf("read reports: %w", err)
	}
	return all, nil
}
