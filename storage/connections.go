package storage

import (
	"context"
	"errors"
	"fmt"
	"time"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/stream"
)

const sentSQL = `
	SELECT serial, sent, previous, previously FROM connections
	WHERE account = $1 AND user_id = $2 AND device = $3 AND name = $4 AND written > $5`

// Sent gives what had been sent on a connection after its last two answers that
// changed it, the newest first. What there is not, or has not been used for
// maxIdle, has no serial.
func (s *Store) Sent(ctx context.Context, account tenant.ID, on stream.Connection) ([2]stream.Sent, error) {
	sent, _, err := sqldb.One(ctx, s.db, func(r sqldb.Row) (both [2]stream.Sent, err error) {
		err = r.Scan(&both[0].Serial, &both[0].State, &both[1].Serial, &both[1].State)
		return both, err
	}, sentSQL, account, on.User, on.Device, on.Name, s.expired())
	if err != nil {
		return sent, fmt.Errorf("read connection: %w", err)
	}
	return sent, nil
}

const (
	// maxConnections is how many connections a device may have: a new one ends the
	// one that was longest not used.
	maxConnections = 20
	// maxIdle is how long a connection lives that nobody uses.
	maxIdle = 7 * 24 * time.Hour
)

// expired gives the time (ms) at which a connection that has expired was used at
// the latest.
func (s *Store) expired() int64 { return s.now().Add(-maxIdle).UnixMilli() }

const useSQL = `
	UPDATE connections SET written = $5
	WHERE account = $1 AND user_id = $2 AND device = $3 AND name = $4 AND written > $6`

// UseConnection notes that a connection is in use, so that it does not expire, and
// tells whether there (still) is one.
func (s *Store) UseConnection(ctx context.Context, account tenant.ID, on stream.Connection) (bool, error) {
	b := &sqldb.Batch{}
	b.Add(useSQL, account, on.User, on.Device, on.Name, s.now().UnixMilli(), s.expired())
	if err := s.db.Commit(ctx, b); err != nil {
		return false, fmt.Errorf("use connection: %w", err)
	}
	return b.Affected(0) > 0, nil
}

const (
	serialSQL = `SELECT serial FROM connections WHERE account = $1 AND user_id = $2 AND device = $3 AND name = $4`

	// The state that the new one was made from is kept, whichever of the two it is:
	// the client may not get the answer and come again.
	putSentSQL = `
		INSERT INTO connections (account, user_id, device, name, written, serial, sent, previous, previously)
		VALUES ($1, $2, $3, $4, $5, $6, $7, 0, $10)
		ON CONFLICT (account, user_id, device, name) DO UPDATE SET
			written = $5, serial = $6, sent = $7,
			previously = CASE WHEN connections.serial = $8 THEN connections.sent WHEN connections.previous = $8 THEN connections.previously ELSE $10 END,
			previous = CASE WHEN connections.serial = $8 THEN connections.serial WHEN connections.previous = $8 THEN connections.previous ELSE 0 END
		WHERE connections.serial = $9`

	dropConnectionsSQL = `
		DELETE FROM connections WHERE account = $1 AND user_id = $2 AND device = $3 AND name NOT IN (
			SELECT c.name FROM connections c WHERE c.account = $1 AND c.user_id = $2 AND c.device = $3
			ORDER BY c.written DESC, c.serial DESC LIMIT $4)`

	purgeConnectionsSQL = `DELETE FROM connections WHERE account = $1 AND written <= $2`
)

// errContended answers for a connection that others write all the time.
var errContended = errors.New("the connection's state changes too fast")

// PutSent keeps what has been sent on a connection, made from the state with the
// serial base (0: from nothing), which is kept beside it. It gives the new state's
// serial, and returns once it is durable. It claims no position, since nobody
// else reads it. A new connection ends those that have expired.
func (s *Store) PutSent(ctx context.Context, account tenant.ID, on stream.Connection, state []byte, base int64) (int64, error) {
	now := s.now().UnixMilli()
	for range 10 {
		last, exists, err := sqldb.One(ctx, s.db, sqldb.Value[int64], serialSQL, account, on.User, on.Device, on.Name)
		if err != nil {
			return 0, fmt.Errorf("read serial of connection: %w", err)
		}
		// Never a number that an earlier connection of this name had.
		serial := max(last+1, now)
		b := &sqldb.Batch{}
		b.Add(putSentSQL, account, on.User, on.Device, on.Name, now, serial, state, base, last, []byte{})
		if !exists {
			b.Add(dropConnectionsSQL, account, on.User, on.Device, maxConnections)
			b.Add(purgeConnectionsSQL, account, s.expired())
		}
		if err := s.db.Commit(ctx, b); err != nil {
			return 0, fmt.Errorf("keep connection: %w", err)
		}
		if b.Affected(0) > 0 {
			return serial, nil
		}
	}
	return 0, errContended
}

const movesSQL = `
	SELECT room, state_key FROM events
	WHERE account = $1 AND type = 'm.room.member' AND position > $2 AND position <= $3`

// MemberMoves gives whose m.room.member events are in (after, upTo], and where.
func (s *Store) MemberMoves(ctx context.Context, account tenant.ID, after, upTo stream.Position) ([]stream.Move, error) {
	moves, err := sqldb.All(ctx, s.db, func(r sqldb.Row) (stream.Move, error) {
		var room id.RoomID
		var user id.UserID
		err := r.Scan(&room, &user)
		return stream.Move{Room: room, User: user}, err
	}, movesSQL, account, after, upTo)
	if err != nil {
		return nil, fmt.Errorf("read moves: %w", err)
	}
	return moves, nil
}
