package storage

import (
	"context"
	"fmt"
	"maps"
	"runtime/debug"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/rooms/event"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/stream"
)

// transactionKey is what makes two requests the same.
type transactionKey struct {
	user              id.UserID
	device            id.DeviceID
	path, transaction string
}

// group is what some acts do together: an overlay of the state at base.
type group struct {
	account *account
	state   *state
	base    place
	next    stream.Position // the last position taken

	rooms        map[id.RoomID]*rooms.Room // forks of the state's
	changes      []rooms.Change
	redacted     []redactedEvent
	transactions map[transactionKey]id.EventID
	statements   []statement
}

// statement is a row that an act writes beside the stream's own.
type statement struct {
	sql  string
	args []any
}

func newGroup(a *account, s *state) *group {
	return &group{
		account: a, state: s, base: s.place, next: s.head,
		rooms: map[id.RoomID]*rooms.Room{}, transactions: map[transactionKey]id.EventID{},
	}
}

func (g *group) empty() bool {
	return len(g.changes) == 0 && len(g.statements) == 0 && len(g.redacted) == 0 && len(g.transactions) == 0
}

// run runs one act and, when it is accepted, takes over what it did. An act that
// panics fails alone: it runs on the writer, which everybody needs.
func (g *group) run(ctx context.Context, one *act, lookUp bool) (eventID id.EventID, err error) {
	defer func() {
		if p := recover(); p != nil {
			eventID, err = "", fmt.Errorf("panic in an act: %v\n%s", p, debug.Stack())
		}
	}()
	t := &tx{ctx: ctx, group: g, act: one, lookUp: lookUp, next: g.next, view: view{g.state}}
	if err := t.checkCaller(); err != nil {
		return "", err
	}
	key := transactionKey{one.caller.User, one.caller.Origin(), one.path, one.transaction}
	if one.transaction != "" {
		first, found, err := g.first(ctx, key, lookUp)
		if err != nil || found {
			return first, err
		}
	}
	t.key = key
	if eventID, err = one.do(t); err != nil {
		return "", err
	}
	if err := t.link(); err != nil {
		return "", err
	}
	g.take(t)
	if one.transaction != "" {
		g.transactions[key] = eventID
	}
	return eventID, nil
}

const transactionSQL = `
	SELECT event_id FROM transactions
	WHERE account = $1 AND user_id = $2 AND device = $3 AND path = $4 AND transaction_id = $5`

// first finds the answer to an earlier request of the same transaction. The
// database is asked only once a commit has failed: its constraint catches what
// goes unnoticed here.
func (g *group) first(ctx context.Context, key transactionKey, lookUp bool) (id.EventID, bool, error) {
	if eventID, found := g.transactions[key]; found {
		return eventID, true, nil
	}
	if !lookUp {
		return "", false, nil
	}
	eventID, found, err := sqldb.One(ctx, g.account.store.db, sqldb.Value[id.EventID], transactionSQL,
		g.account.id, key.user, key.device, key.path, key.transaction)
	if err != nil {
		return "", false, fmt.Errorf("look up transaction: %w", err)
	}
	return eventID, found, nil
}

// Done implements rooms.Store.
func (s *Store) Done(ctx context.Context, caller tenant.Caller, path, transaction string) (id.EventID, error) {
	eventID, _, err := sqldb.One(ctx, s.db, sqldb.Value[id.EventID], transactionSQL,
		caller.Account, caller.User, caller.Device, path, transaction)
	return eventID, err
}

// take makes what an accepted act did part of the group.
func (g *group) take(t *tx) {
	maps.Copy(g.rooms, t.created)
	for _, c := range t.changes {
		if c.Event != nil {
			if _, created := t.created[c.Event.Room]; !created {
				g.fork(c.Event.Room).Apply(c.Event)
			}
		}
	}
	for _, e := range t.redacted {
		if room := g.rooms[e.Room]; room != nil {
			room.Replace(e)
		}
	}
	g.next = t.next
	g.changes = append(g.changes, t.changes...)
	g.redacted = append(g.redacted, t.redacted...)
	g.statements = append(g.statements, t.statements...)
}

// fork gives the group's own copy of a room, which is known to exist.
func (g *group) fork(room id.RoomID) *rooms.Room {
	if g.rooms[room] == nil {
		g.rooms[room] = g.state.rooms[room].Fork()
	}
	return g.rooms[room]
}

// claimStatement is the place of the claim in every batch.
const claimStatement = 0

const (
	claimSQL = `INSERT INTO groups (account, prev_head, head, prev_mark, mark) VALUES ($1, $2, $3, $4, $5)`

	insertEventSQL = `
		INSERT INTO events (account, position, room, event_id, type, state_key, membership, json, device, transaction_id)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`

	redactEventSQL = `UPDATE events SET json = $3, redacted_by = $4 WHERE account = $1 AND position = $2`

	insertTransactionSQL = `
		INSERT INTO transactions (account, user_id, device, path, transaction_id, event_id)
		VALUES ($1, $2, $3, $4, $5, $6)`

	putItemSQL = `
		INSERT INTO items (account, kind, user_id, room, key, position, content) VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (account, kind, user_id, room, key) DO UPDATE SET position = excluded.position, content = excluded.content`

	appendChangeSQL = `
		INSERT INTO changes (account, kind, user_id, room, key, position, content) VALUES ($1, $2, $3, $4, $5, $6, $7)`

	insertToDeviceSQL = `INSERT INTO to_device (account, user_id, device, position, json) VALUES ($1, $2, $3, $4, $5)`
)

// batch makes the group's one transaction: the claim first.
func (g *group) batch(account tenant.ID, to place) *sqldb.Batch {
	b := &sqldb.Batch{}
	b.Add(claimSQL, account, g.base.head, to.head, g.base.mark, to.mark)
	for _, s := range g.statements {
		b.Add(s.sql, s.args...)
	}
	g.addRelations(b, account)
	for _, c := range g.changes {
		if c.Event != nil {
			addEvent(b, account, c.Event)
		} else {
			addItem(b, account, c.Item)
		}
	}
	for _, e := range g.redacted {
		b.Add(redactEventSQL, account, e.Position, e.JSON, e.RedactedBy)
	}
	for key, eventID := range g.transactions {
		b.Add(insertTransactionSQL, account, key.user, key.device, key.path, key.transaction, eventID)
	}
	return b
}

func addEvent(b *sqldb.Batch, account tenant.ID, e *event.Event) {
	var membership, device, transaction *string
	if e.Type == "m.room.member" && e.StateKey != nil {
		m := rooms.MembershipOf(e)
		membership = &m
	}
	switch {
	case e.Transaction != "":
		d := string(e.Device)
		device, transaction = &d, &e.Transaction
	case e.Delay != "":
		transaction = &e.Delay
	}
	b.Add(insertEventSQL, account, e.Position, e.Room, e.ID, e.Type, e.StateKey, membership, e.JSON, device, transaction)
}

func addItem(b *sqldb.Batch, account tenant.ID, item stream.Item) {
	if item.Kind == stream.ToDevice {
		b.Add(insertToDeviceSQL, account, item.User, item.Key, item.Position, item.Content)
		return
	}
	sql := putItemSQL
	if item.Kind.Appended() {
		sql = appendChangeSQL
	}
	content := item.Content
	if content == nil {
		content = []byte{}
	}
	b.Add(sql, account, int64(item.Kind), item.User, item.Room, item.Key, item.Position, content)
}
