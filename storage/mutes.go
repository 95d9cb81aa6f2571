package storage

import (
	"context"
	"fmt"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/storage/sqldb"
)

const nextMutesSQL = `SELECT account, user_id, room, ends FROM mutes ORDER BY ends, account LIMIT $1`

// NextMutes implements rooms.MuteStore.
func (s *Store) NextMutes(ctx context.Context, limit int) ([]rooms.Mute, error) {
	scan := func(r sqldb.Row) (rooms.Mute, error) {
		var m rooms.Mute
		err := r.Scan(&m.Account, &m.User, &m.Room, &m.Ends)
		return m, err
	}
	next, err := sqldb.All(ctx, s.db, scan, nextMutesSQL, limit)
	if err != nil {
		return nil, fmt.Errorf("read which mutes end next: %w", err)
	}
	return next, nil
}

const muteEndsSQL = `SELECT ends FROM mutes WHERE account = $1 AND user_id = $2 AND room = $3`

// MuteEnds implements rooms.MuteTx.
func (t *tx) MuteEnds(user id.UserID, room id.RoomID) (int64, error) {
	q, err := t.querier()
	if err != nil {
		return 0, err
	}
	ends, _, err := sqldb.One(t.ctx, q, sqldb.Value[int64], muteEndsSQL, t.group.account.id, user, room)
	if err != nil {
		return 0, fmt.Errorf("read when a mute ends: %w", err)
	}
	return ends, nil
}

const (
	keepMuteSQL = `
		INSERT INTO mutes (account, user_id, room, ends) VALUES ($1, $2, $3, $4)
		ON CONFLICT (account, user_id, room) DO UPDATE SET ends = excluded.ends`

	forgetMuteSQL = `DELETE FROM mutes WHERE account = $1 AND user_id = $2 AND room = $3`
)

// EndMute implements rooms.MuteTx.
func (t *tx) EndMute(user id.UserID, room id.RoomID, at int64) {
	if at == 0 {
		t.exec(forgetMuteSQL, t.group.account.id, user, room)
		return
	}
	t.exec(keepMuteSQL, t.group.account.id, user, room, at)
}
