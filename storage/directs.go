package storage

import (
	"fmt"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/stream"
)

const directSQL = `SELECT room FROM directs WHERE account = $1 AND one = $2 AND other = $3`

// Direct implements rooms.DirectTx.
func (t *tx) Direct(one, other id.UserID) (id.RoomID, error) {
	q, err := t.querier()
	if err != nil {
		return "", err
	}
	room, _, err := sqldb.One(t.ctx, q, sqldb.Value[id.RoomID], directSQL, t.group.account.id, min(one, other), max(one, other))
	if err != nil {
		return "", fmt.Errorf("read the room of two users: %w", err)
	}
	return room, nil
}

const keepDirectSQL = `INSERT INTO directs (account, one, other, room) VALUES ($1, $2, $3, $4)`

// KeepDirect implements rooms.DirectTx.
func (t *tx) KeepDirect(one, other id.UserID, room id.RoomID) {
	t.exec(keepDirectSQL, t.group.account.id, min(one, other), max(one, other), room)
}

const directsSQL = `
	SELECT one, other, room FROM directs WHERE account = $1 AND one = $2
	UNION ALL SELECT other, one, room FROM directs WHERE account = $1 AND other = $2`

// withDirects gives what a user wants to have as m.direct with the rooms for direct
// messages that the server knows of. Only in a lone act.
func (t *tx) withDirects(user id.UserID, content []byte) ([]byte, error) {
	q, err := t.querier()
	if err != nil {
		return nil, err
	}
	known := map[id.UserID]id.RoomID{}
	err = q.Query(t.ctx, directsSQL, []any{t.group.account.id, user}, func(r sqldb.Row) error {
		var self, peer id.UserID
		var room id.RoomID
		err := r.Scan(&self, &peer, &room)
		known[peer] = room
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the direct messages of a user: %w", err)
	}
	if merged := rooms.WithDirect(content, known); merged != nil {
		return merged, nil
	}
	return content, nil
}

// isDirects tells whether an item is a user's m.direct.
func isDirects(item stream.Item) bool {
	return item.Kind == stream.AccountData && item.Room == "" && item.Key == "m.direct"
}
