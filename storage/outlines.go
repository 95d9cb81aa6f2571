package storage

import (
	"context"
	"fmt"

	"github.com/tidwall/gjson"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/stream"
)

// maxOutlines is how many rooms of an account have their outline in memory.
const maxOutlines = 200_000

// What a room's newest events are is found from the end of the room's index, so
// that a long room costs no more than a short one.
const outlinesSQL = `
	SELECT r.room,
		(SELECT MAX(e.position) FROM events e WHERE e.account = $1 AND e.room = r.room AND e.position <= $3),
		(SELECT e.position FROM events e WHERE e.account = $1 AND e.room = r.room AND e.position <= $3
			AND e.type = ANY($4) ORDER BY e.position DESC LIMIT 1),
		(SELECT e.json FROM events e WHERE e.account = $1 AND e.room = r.room AND e.position <= $3
			AND e.type = 'm.room.create' AND e.state_key = '' ORDER BY e.position LIMIT 1),
		EXISTS (SELECT 1 FROM events e WHERE e.account = $1 AND e.room = r.room AND e.position <= $3
			AND e.type = 'm.room.encryption' AND e.state_key = '')
	FROM rooms r WHERE r.account = $1 AND r.room = ANY($2)`

func (a *account) loadOutlines(ctx context.Context, s *state, wanted []id.RoomID) error {
	bound(s.outlines, maxOutlines)
	for _, roomID := range wanted {
		s.outlines[roomID] = rooms.Outline{}
	}
	err := a.store.db.Query(ctx, outlinesSQL, []any{a.id, texts(wanted), s.head, rooms.BumpTypes()}, func(r sqldb.Row) error {
		var roomID id.RoomID
		var outline rooms.Outline
		var last, bump *stream.Position
		var create []byte
		if err := r.Scan(&roomID, &last, &bump, &create, &outline.Encrypted); err != nil {
			return err
		}
		if last != nil {
			outline.Last = *last
		}
		if bump != nil {
			outline.Bump = *bump
		}
		outline.Type = rooms.RoomType([]byte(gjson.GetBytes(create, "content").Raw))
		s.outlines[roomID] = outline
		return nil
	})
	if err != nil {
		for _, roomID := range wanted {
			delete(s.outlines, roomID)
		}
		return fmt.Errorf("read outlines: %w", err)
	}
	return nil
}
