package longpoll

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/tidwall/gjson"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/rooms/push"
	"github.com/conversalabs/internalchat/storage/stream"
)

// readItems sorts out account data, receipts and presence, and reads from the
// database what the tail did not have.
func (r *reading) readItems(ctx context.Context, c *changes) error {
	if r.Presences != nil {
		// Asked after the changes were gathered, and so no older than they are.
		shown, err := r.Presences.Shown(ctx, r.caller.Account)
		if err != nil {
			return fmt.Errorf("read whether presence is shown: %w", err)
		}
		c.hidesPresence = !shown
	}
	items := c.items
	for _, query := range r.itemQueries(c) {
		more, err := r.roomStore.Items(ctx, r.caller.Account, query)
		if err != nil {
			return fmt.Errorf("read items: %w", err)
		}
		items = append(items, more...)
	}
	for _, item := range newest(items) {
		r.place(c, item)
	}
	if err := r.readPushRules(ctx, c); err != nil {
		return err
	}
	if err := r.readKeyCounts(ctx, r.caller, c); err != nil {
		return err
	}
	return r.readPresenceOfNew(ctx, c)
}

// itemQueries asks for what is to be read: everything, when the tail does not
// reach back; and for rooms that the reader has come to, what was there before.
func (r *reading) itemQueries(c *changes) []stream.ItemQuery {
	var queries []stream.ItemQuery
	if !c.tail {
		var kinds []stream.Kind
		if !c.initial {
			kinds = append(kinds, stream.DeviceList)
		}
		if !c.hidesPresence && r.filter.Presence.TakesType(presenceType) {
			kinds = append(kinds, stream.Presence)
		}
		if kinds != nil {
			queries = append(queries, stream.ItemQuery{Kinds: kinds, After: c.since})
		}
		queries = append(queries, stream.ItemQuery{Kinds: []stream.Kind{stream.AccountData}, User: r.caller.User, After: c.since})
		if !c.initial && len(c.joined) > 0 {
			queries = append(queries, stream.ItemQuery{Kinds: []stream.Kind{stream.Receipt}, Rooms: keys(c.joined), After: c.since})
		}
	}
	var whole []id.RoomID
	for _, room := range c.rooms {
		if room.section == joinedRoom && (c.initial || room.members != nil) {
			whole = append(whole, room.id)
		}
	}
	if whole == nil {
		return queries
	}
	queries = append(queries, stream.ItemQuery{Kinds: []stream.Kind{stream.Receipt}, Rooms: whole})
	if !c.initial {
		queries = append(queries, stream.ItemQuery{Kinds: []stream.Kind{stream.AccountData}, User: r.caller.User, Rooms: whole})
	}
	return queries
}

func keys[K ~string, V any](m map[K]V) []K {
	all := make([]K, 0, len(m))
	for k := range m {
		all = append(all, k)
	}
	slices.Sort(all)
	return all
}

// newest keeps of each key the item with the highest position, in the order of
// the stream.
func newest(items []stream.Item) []stream.Item {
	if len(items) < 2 {
		return items
	}
	type itemKey struct {
		kind stream.Kind
		user id.UserID
		room id.RoomID
		key  string
	}
	at := make(map[itemKey]stream.Position, len(items))
	for _, item := range items {
		k := itemKey{item.Kind, item.User, item.Room, item.Key}
		at[k] = max(at[k], item.Position)
	}
	slices.SortFunc(items, func(x, y stream.Item) int { return int(x.Position - y.Position) })
	kept := items[:0:0]
	for _, item := range items {
		k := itemKey{item.Kind, item.User, item.Room, item.Key}
		if at[k] == item.Position {
			kept = append(kept, item)
			at[k] = -1
		}
	}
	return kept
}

// place puts an item where the answer has it.
func (r *reading) place(c *changes, item stream.Item) {
	switch item.Kind {
	case stream.DeviceList:
		c.deviceUsers[item.User] = true
	case stream.Presence:
		if !c.hidesPresence && len(item.Content) > 0 && r.filter.Presence.Takes(presenceType, item.User) {
			c.presence[item.User] = item.Content
		}
	case stream.AccountData:
		r.placeAccountData(c, item)
	case stream.Receipt:
		room := c.byID[item.Room]
		filter := &r.filter.Room.Ephemeral
		if room == nil {
			room = r.quietRoom(c, item.Room)
		}
		if room != nil && item.User == r.caller.User {
			room.read = true
		}
		if room == nil || room.section != joinedRoom || len(item.Content) == 0 || !mayRead(item, r.caller.User) ||
			!filter.TakesType("m.receipt") || !filter.Wants(item.Room) {
			return
		}
		room.receipts = append(room.receipts, item)
	}
}

func (r *reading) placeAccountData(c *changes, item stream.Item) {
	c.counting = c.counting || push.DecidesCounts(item)
	if c.initial && len(item.Content) == 0 {
		return
	}
	if item.Room == "" {
		if r.filter.AccountData.TakesType(item.Key) {
			c.accountData = append(c.accountData, item)
		}
		return
	}
	filter := &r.filter.Room.AccountData
	if room := c.byID[item.Room]; room != nil && filter.TakesType(item.Key) && filter.Wants(item.Room) {
		room.accountData = append(room.accountData, item)
	}
}

// quietRoom gives a joined room in which nothing but the item has changed; the
// tail has asked for its rooms already.
func (r *reading) quietRoom(c *changes, roomID id.RoomID) *room {
	if !c.joined[roomID] {
		return nil
	}
	room := &room{id: roomID, section: joinedRoom, lower: c.since, start: c.to.Position}
	c.byID[roomID] = room
	c.rooms = append(c.rooms, room)
	return room
}

const (
	presenceType = "m.presence"
	// pushRulesType is the account data that is made of the defaults too.
	pushRulesType = "m.push_rules"
)

// readPushRules puts in the push rules: always at first, later when they or the
// account's default level may have changed.
func (r *reading) readPushRules(ctx context.Context, c *changes) error {
	stored := slices.ContainsFunc(c.accountData, func(item stream.Item) bool { return item.Key == pushRulesType })
	if r.PushRules == nil || !c.initial && !stored && !c.defaults || !r.filter.AccountData.TakesType(pushRulesType) {
		return nil
	}
	rules, err := r.PushRules(ctx, r.caller.Account, r.caller.User)
	if err != nil {
		return fmt.Errorf("read push rules: %w", err)
	}
	c.accountData = slices.DeleteFunc(c.accountData, func(item stream.Item) bool { return item.Key == pushRulesType })
	c.accountData = append(c.accountData, stream.Item{Kind: stream.AccountData, Key: pushRulesType, Content: rules})
	return nil
}

// maxNewPresence bounds for how many new members of rooms presence is looked up.
const maxNewPresence = 50

// readPresenceOfNew tells the presence of who has joined one of the reader's
// rooms: it may have last changed long before.
func (r *reading) readPresenceOfNew(ctx context.Context, c *changes) error {
	if c.hidesPresence {
		return nil
	}
	asked := 0
	for _, room := range c.rooms {
		for _, e := range room.timeline {
			if !isJoin(e) || *e.StateKey == string(r.caller.User) || asked == maxNewPresence {
				continue
			}
			user := id.UserID(*e.StateKey)
			if c.presence[user] != nil || !r.filter.Presence.Takes(presenceType, user) {
				continue
			}
			asked++
			var content []byte
			if !c.initial { // which has read all there are
				var err error
				if content, err = r.roomStore.Item(ctx, r.caller.Account, stream.Presence, user, "", ""); err != nil {
					return fmt.Errorf("read presence: %w", err)
				}
			}
			if content == nil {
				content = []byte(`{"presence":"offline"}`)
			}
			c.presence[user] = content
		}
	}
	return nil
}

// splitReceipt takes a receipt's key apart: its type, and its thread or "".
func splitReceipt(key string) (kind, thread string) {
	kind, thread, _ = strings.Cut(key, "|")
	return kind, thread
}

// receiptOf gives what a receipt says: of which event, and the value that stands
// under the user.
func receiptOf(item stream.Item) (event string, value []byte) {
	event = gjson.GetBytes(item.Content, "event_id").String()
	value = append(value, `{"ts":`...)
	ts := gjson.GetBytes(item.Content, "ts")
	if ts.Type != gjson.Number {
		ts.Raw = "0"
	}
	value = append(value, ts.Raw...)
	if thread := gjson.GetBytes(item.Content, "thread_id"); thread.Type == gjson.String {
		value = append(value, `,"thread_id":`...)
		value = append(value, thread.Raw...)
	}
	return event, append(value, '}')
}
