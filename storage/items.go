package storage

import (
	"cmp"
	"context"
	"slices"
	"strconv"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/rooms/event"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/stream"
)

func scanItem(r sqldb.Row) (stream.Item, error) {
	var item stream.Item
	err := r.Scan(&item.Kind, &item.User, &item.Room, &item.Key, &item.Position, &item.Content)
	return item, err
}

// Items implements rooms.Store and accounts.Store.
func (s *Store) Items(ctx context.Context, account tenant.ID, query stream.ItemQuery) ([]stream.Item, error) {
	kinds := numbers(query.Kinds)
	sql := `SELECT kind, user_id, room, key, position, content FROM items WHERE account = $1 AND position > $2 AND kind = ANY($3)`
	args := []any{account, query.After, kinds}
	where := func(condition string, arg any) {
		args = append(args, arg)
		sql += " AND " + condition + strconv.Itoa(len(args))
	}
	if query.User != "" {
		where("user_id = $", query.User)
	}
	if query.Key != "" {
		where("key = $", query.Key)
	}
	if query.Keys != nil {
		where("key = ANY($", query.Keys)
		sql += ")"
	}
	if query.Global {
		sql += " AND room = ''"
	}
	if query.Rooms != nil {
		where("room <> '' AND room = ANY($", texts(query.Rooms))
		sql += ")"
	}
	// The plus keeps SQLite from going through all items of the account in the
	// order of their positions.
	return sqldb.All(ctx, s.db, scanItem, sql+` ORDER BY +position`, args...)
}

// merge puts events and items into the order of the stream, and gives the
// events that are redacted by some of them.
func merge(events []*event.Event, items []stream.Item) ([]rooms.Change, []string) {
	changes := make([]rooms.Change, 0, len(events)+len(items))
	var redacts []string
	for _, e := range events {
		changes = append(changes, rooms.Change{Event: e})
		if e.Redacts != "" {
			redacts = append(redacts, string(e.Redacts))
		}
	}
	for _, item := range items {
		changes = append(changes, rooms.Change{Item: item})
	}
	slices.SortFunc(changes, func(x, y rooms.Change) int { return cmp.Compare(x.Position(), y.Position()) })
	return changes, redacts
}

// numbers gives kinds as the numbers that = ANY($n) takes.
func numbers(kinds []stream.Kind) []int64 {
	all := make([]int64, len(kinds))
	for i, kind := range kinds {
		all[i] = int64(kind)
	}
	return all
}

// texts gives IDs as the strings that = ANY($n) takes.
func texts[T ~string](ids []T) []string {
	all := make([]string, len(ids))
	for i, v := range ids {
		all[i] = string(v)
	}
	return all
}

const itemSQL = `SELECT content FROM items WHERE account = $1 AND kind = $2 AND user_id = $3 AND room = $4 AND key = $5`

// Item gives the content under a key, nil when there is none.
func (s *Store) Item(ctx context.Context, account tenant.ID, kind stream.Kind, user id.UserID, room id.RoomID, key string) ([]byte, error) {
	content, _, err := sqldb.One(ctx, s.db, sqldb.Value[[]byte], itemSQL, account, int64(kind), user, room, key)
	if len(content) == 0 {
		return nil, err
	}
	return content, err
}
