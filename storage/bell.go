package storage

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/stream"
)

const (
	// maxUnreadBell is how many entries of a user stay unread.
	maxUnreadBell = 1000
	// bellFor is how long an entry is kept that was read.
	bellFor = 90 * 24 * time.Hour
)

const bellSQL = `
	SELECT user_id, kind, reference, room, event_id, thread, at, time, position, read FROM bell WHERE account = $1 `

func scanBell(r sqldb.Row) (rooms.BellEntry, error) {
	var e rooms.BellEntry
	var read int64
	err := r.Scan(&e.User, &e.Kind, &e.Reference, &e.Room, &e.Event, &e.Thread, &e.At, &e.Time, &e.Position, &read)
	e.Read = read != 0
	return e, err
}

func readBell(ctx context.Context, q sqldb.Querier, sql string, args ...any) ([]rooms.BellEntry, error) {
	entries, err := sqldb.All(ctx, q, scanBell, sql, args...)
	if err != nil {
		return nil, fmt.Errorf("read the bell: %w", err)
	}
	return entries, nil
}

const (
	bellPageSQL       = bellSQL + `AND user_id = $2 AND position < $3 ORDER BY position DESC LIMIT $4`
	unreadBellPageSQL = bellSQL + `AND user_id = $2 AND position < $3 AND read = 0 ORDER BY position DESC LIMIT $4`
	unreadBellSQL     = bellSQL + `AND user_id = ANY($2) AND read = 0 ORDER BY position`
)

// Bell implements rooms.BellStore.
func (s *Store) Bell(ctx context.Context, account tenant.ID, q rooms.BellQuery) ([]rooms.BellEntry, error) {
	sql := bellPageSQL
	if q.Unread {
		sql = unreadBellPageSQL
	}
	return readBell(ctx, s.db, sql, account, q.User, cmp.Or(q.Before, math.MaxInt64), q.Limit)
}

// putBell tells a user's clients of their bell as it is now; latest is the newest
// unread entry.
func (t *tx) putBell(user id.UserID, unread int, latest *rooms.BellEntry) error {
	type shown struct {
		ID    string         `json:"id"`
		Kind  rooms.BellKind `json:"kind"`
		Room  id.RoomID      `json:"room_id"`
		Event id.EventID     `json:"event_id,omitempty"`
		Time  int64          `json:"ts"`
	}
	bell := struct {
		Unread int    `json:"unread"`
		Latest *shown `json:"latest,omitempty"`
	}{Unread: unread}
	if latest != nil {
		// An entry that is just being made gets the position of this item.
		at := cmp.Or(latest.Position, t.next+1)
		bell.Latest = &shown{strconv.FormatInt(int64(at), 10), latest.Kind, latest.Room, latest.Event, latest.Time}
	}
	content, err := json.Marshal(bell)
	if err != nil {
		return fmt.Errorf("encode the bell: %w", err)
	}
	t.Put(stream.Item{Kind: stream.AccountData, User: user, Key: accounts.BellType, Content: content})
	return nil
}

const (
	rungSQL = bellSQL + `AND user_id = ANY($2) AND reference = ANY($3)`

	countBellSQL = `
		SELECT user_id, COUNT(*) FROM bell WHERE account = $1 AND user_id = ANY($2) AND read = 0 GROUP BY user_id`

	ringSQL = `
		INSERT INTO bell (account, user_id, kind, reference, room, event_id, thread, at, time, position, read)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0)`

	readOldestBellSQL = `
		UPDATE bell SET read = $3 WHERE account = $1 AND user_id = $2 AND position =
			(SELECT MIN(b.position) FROM bell b WHERE b.account = $1 AND b.user_id = $2 AND b.read = 0)`

	forgetBellSQL = `
		DELETE FROM bell WHERE account = $1 AND user_id = $2 AND time < $3 AND position IN (
			SELECT b.position FROM bell b WHERE b.account = $1 AND b.user_id = $2 AND b.read > 0
			ORDER BY b.position LIMIT 10)`
)

// rung names an entry.
type rung struct {
	user      id.UserID
	kind      rooms.BellKind
	reference string
}

// Ring implements rooms.BellTx.
func (t *tx) Ring(entries ...rooms.BellEntry) error {
	q, err := t.querier()
	if err != nil || len(entries) == 0 {
		return err
	}
	account := t.group.account.id
	var users []id.UserID
	var references []string
	for i := range entries {
		entries[i].Reference = cmp.Or(entries[i].Reference, string(entries[i].Event))
		users, references = append(users, entries[i].User), append(references, entries[i].Reference)
	}
	there, err := readBell(t.ctx, q, rungSQL, account, texts(users), references)
	if err != nil {
		return err
	}
	known := map[rung]bool{}
	for _, e := range there {
		known[rung{e.User, e.Kind, e.Reference}] = true
	}
	unread := map[id.UserID]int{}
	err = q.Query(t.ctx, countBellSQL, []any{account, texts(users)}, func(r sqldb.Row) error {
		var user id.UserID
		var count int
		err := r.Scan(&user, &count)
		unread[user] = count
		return err
	})
	if err != nil {
		return fmt.Errorf("count the bell: %w", err)
	}
	for _, e := range entries {
		name := rung{e.User, e.Kind, e.Reference}
		if known[name] {
			continue
		}
		known[name] = true
		if err := t.ring(e, unread); err != nil {
			return err
		}
	}
	return nil
}

// ring adds one entry; unread are the users' counts.
func (t *tx) ring(e rooms.BellEntry, unread map[id.UserID]int) error {
	account, now := t.group.account.id, t.group.account.store.now()
	t.exec(forgetBellSQL, account, e.User, now.Add(-bellFor).UnixMilli())
	if unread[e.User] >= maxUnreadBell {
		t.exec(readOldestBellSQL, account, e.User, now.UnixMilli())
	} else {
		unread[e.User]++
	}
	e.Position = 0
	if err := t.putBell(e.User, unread[e.User], &e); err != nil {
		return err
	}
	t.exec(ringSQL, account, e.User, string(e.Kind), e.Reference, e.Room, e.Event, e.Thread, cmp.Or(e.At, t.next), e.Time, t.next)
	return nil
}

const readBellSQL = `UPDATE bell SET read = $3 WHERE account = $1 AND user_id = $2 AND position = ANY($4)`

// ReadBell implements rooms.BellTx.
func (t *tx) ReadBell(user id.UserID, covers func(rooms.BellEntry) bool) error {
	q, err := t.querier()
	if err != nil {
		return err
	}
	account := t.group.account.id
	unread, err := readBell(t.ctx, q, unreadBellSQL, account, []string{string(user)})
	if err != nil {
		return err
	}
	var covered []int64
	left := slices.DeleteFunc(unread, func(e rooms.BellEntry) bool {
		if !covers(e) {
			return false
		}
		covered = append(covered, int64(e.Position))
		return true
	})
	if covered == nil {
		return nil
	}
	t.exec(readBellSQL, account, user, t.group.account.store.now().UnixMilli(), covered)
	return t.putBell(user, len(left), newest(left))
}

// newest gives the last of some entries, or nil.
func newest(entries []rooms.BellEntry) *rooms.BellEntry {
	if len(entries) == 0 {
		return nil
	}
	return &entries[len(entries)-1]
}

const (
	unringEventSQL = `DELETE FROM bell WHERE account = $1 AND event_id = $3 AND user_id = ANY($2)`
	unringRoomSQL  = `DELETE FROM bell WHERE account = $1 AND user_id = ANY($2) AND room = $3 AND at < $4`
)

// Unring implements rooms.BellTx.
func (t *tx) Unring(users []id.UserID, gone rooms.BellGone) error {
	q, err := t.querier()
	if err != nil {
		return err
	}
	account := t.group.account.id
	unread, err := readBell(t.ctx, q, unreadBellSQL, account, texts(users))
	if err != nil {
		return err
	}
	left, changed := map[id.UserID][]rooms.BellEntry{}, map[id.UserID]bool{}
	for _, e := range unread {
		if gone.Takes(e) {
			changed[e.User] = true
		} else {
			left[e.User] = append(left[e.User], e)
		}
	}
	if gone.Event != "" {
		t.exec(unringEventSQL, account, texts(users), gone.Event)
	}
	if gone.Room != "" {
		t.exec(unringRoomSQL, account, texts(users), gone.Room, gone.Before)
	}
	for _, user := range users {
		if !changed[user] {
			continue
		}
		if err := t.putBell(user, len(left[user]), newest(left[user])); err != nil {
			return err
		}
	}
	return nil
}
