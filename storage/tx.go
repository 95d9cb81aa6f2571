package storage

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/rooms/event"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/stream"
)

// tx is one act being run: it implements rooms.Tx on top of its group.
type tx struct {
	view  // the state at the group's base
	ctx   context.Context
	group *group
	act   *act
	key   transactionKey
	next  stream.Position
	// lookUp tells that a commit has failed: what constraints guard is to be
	// looked up in the database now.
	lookUp bool

	forks      map[id.RoomID]*rooms.Room
	created    map[id.RoomID]*rooms.Room
	changes    []rooms.Change
	redacted   []redactedEvent
	delayed    []rooms.Delayed // kept
	statements []statement
}

// errNotLone is what an act meets that needs the database and is not lone: the writer
// runs it again as one that is.
var errNotLone = errors.New("an act that is not lone reads the database")

// checkCaller refuses an act whose session has ended by now, and one that its
// caller may not do as they stand.
func (t *tx) checkCaller() error {
	caller := t.act.caller
	if caller.Service != "" {
		if err := t.checkService(caller); err != nil {
			return err
		}
	}
	if caller.Session == "" {
		return t.checkAbsent(caller.User)
	}
	session := t.state.session(caller.Session)
	if session == nil {
		return &missingError{session: caller.Session}
	}
	if session.User != caller.User || session.Device != caller.Device {
		return refusal.UnknownToken(false)
	}
	return t.act.asks.check(session.Lock, session.Suspended)
}

// Head is the position of the last entry before the next.
func (t *tx) Head() stream.Position { return t.next }

func (t *tx) Room(room id.RoomID) (*rooms.Room, error) {
	if r := t.created[room]; r != nil {
		return r, nil
	}
	if r := t.forks[room]; r != nil {
		return r, nil
	}
	if r := t.group.rooms[room]; r != nil {
		return t.fork(r), nil
	}
	r, err := t.view.Room(room)
	if r == nil || err != nil {
		return nil, err
	}
	return t.fork(r), nil
}

func (t *tx) fork(r *rooms.Room) *rooms.Room {
	if t.forks == nil {
		t.forks = map[id.RoomID]*rooms.Room{}
	}
	t.forks[r.ID] = r.Fork()
	return t.forks[r.ID]
}

func (t *tx) Rooms(wanted []id.RoomID) ([]*rooms.Room, error) {
	if _, err := t.view.Rooms(wanted); err != nil {
		return nil, err
	}
	found := make([]*rooms.Room, 0, len(wanted))
	for _, roomID := range wanted {
		r, err := t.Room(roomID)
		if err != nil {
			return nil, err
		}
		if r != nil {
			found = append(found, r)
		}
	}
	return found, nil
}

// Memberships adds what the group and the act have changed.
func (t *tx) Memberships(user id.UserID) (map[id.RoomID]rooms.Spans, error) {
	base, err := t.view.Memberships(user)
	if err != nil {
		return nil, err
	}
	var changed map[id.RoomID]rooms.Spans
	for _, changes := range [][]rooms.Change{t.group.changes, t.changes} {
		for _, c := range changes {
			if c.Event == nil || c.Event.Type != "m.room.member" || *c.Event.StateKey != string(user) {
				continue
			}
			if changed == nil {
				changed = make(map[id.RoomID]rooms.Spans, len(base)+1)
				maps.Copy(changed, base)
			}
			changed[c.Event.Room] = changed[c.Event.Room].WithEvent(c.Event)
		}
	}
	if changed != nil {
		return changed, nil
	}
	return base, nil
}

const createRoomSQL = `INSERT INTO rooms (account, room, version, published) VALUES ($1, $2, $3, FALSE)`

func (t *tx) Create(room id.RoomID, version id.RoomVersion) (*rooms.Room, error) {
	existing, err := t.Room(room)
	if err != nil {
		return nil, err
	}
	if existing != nil {
		return nil, fmt.Errorf("create room: the ID %s is taken", room)
	}
	r := rooms.NewRoom(room, version)
	if t.created == nil {
		t.created = map[id.RoomID]*rooms.Room{}
	}
	t.created[room] = r
	t.exec(createRoomSQL, t.group.account.id, room, version)
	return r, nil
}

func (t *tx) Append(e *event.Event) error {
	room, err := t.Room(e.Room)
	if err != nil {
		return err
	}
	if room == nil {
		return fmt.Errorf("append: no room %s", e.Room)
	}
	t.next++
	e.Position = t.next
	if t.act.transaction != "" && e.Sender == t.act.caller.User {
		e.Device, e.Transaction = t.act.caller.Device, t.act.transaction
	}
	t.addCandidates(room, e)
	room.Apply(e)
	t.changes = append(t.changes, rooms.Change{Event: e})
	return nil
}

func (t *tx) Redact(redacted *event.Event) { t.redacted = append(t.redacted, redacted) }

func (t *tx) Put(item stream.Item) {
	t.next++
	item.Position = t.next
	t.changes = append(t.changes, rooms.Change{Item: item})
}

const publishSQL = `UPDATE rooms SET published = $3 WHERE account = $1 AND room = $2`

func (t *tx) Publish(room id.RoomID, published bool) error {
	r, err := t.Room(room)
	if err != nil {
		return err
	}
	r.Published = published
	t.exec(publishSQL, t.group.account.id, room, published)
	content := "false"
	if published {
		content = "true"
	}
	t.Put(stream.Item{Kind: stream.DirectoryChanged, Room: room, Content: []byte(content)})
	return nil
}

const (
	deleteAliasSQL = `DELETE FROM aliases WHERE account = $1 AND alias = $2`
	insertAliasSQL = `INSERT INTO aliases (account, alias, room, creator) VALUES ($1, $2, $3, $4)`
)

func (t *tx) SetAlias(alias id.RoomAlias, room id.RoomID, creator id.UserID) {
	if room == "" {
		t.exec(deleteAliasSQL, t.group.account.id, alias)
		return
	}
	t.exec(insertAliasSQL, t.group.account.id, alias, room, creator)
}

func (t *tx) Alias(alias id.RoomAlias) (id.RoomID, id.UserID, error) {
	if !t.act.lone {
		return "", "", errNotLone
	}
	return t.group.account.store.AliasOf(t.ctx, t.group.account.id, alias)
}

func (t *tx) Aliases(room id.RoomID) ([]id.RoomAlias, error) {
	if !t.act.lone {
		return nil, errNotLone
	}
	return t.group.account.store.Aliases(t.ctx, t.group.account.id, room)
}

func (t *tx) Item(kind stream.Kind, user id.UserID, room id.RoomID, key string) ([]byte, error) {
	if !t.act.lone {
		return nil, errNotLone
	}
	return t.group.account.store.Item(t.ctx, t.group.account.id, kind, user, room, key)
}

func (t *tx) Items(query stream.ItemQuery) ([]stream.Item, error) {
	if !t.act.lone {
		return nil, errNotLone
	}
	return t.group.account.store.Items(t.ctx, t.group.account.id, query)
}

func (t *tx) Joined(room id.RoomID) ([]id.UserID, error) {
	q, err := t.querier()
	if err != nil {
		return nil, err
	}
	stays, err := readStays(t.ctx, q, t.group.account.id, room)
	joined := make([]id.UserID, len(stays))
	for i, stay := range stays {
		joined[i] = stay.User
	}
	return joined, err
}

const memberEventsSQL = eventsSQL + `
	WHERE e.account = $1 AND e.state_key = $2 AND e.type = 'm.room.member' AND e.position > $3 AND e.position <= $4
	AND e.redacted_by IS NULL ORDER BY e.position LIMIT $5`

func (t *tx) MemberEvents(user id.UserID, after, upTo stream.Position, limit int) ([]*event.Event, error) {
	q, err := t.querier()
	if err != nil {
		return nil, err
	}
	events, err := sqldb.All(t.ctx, q, scanAnyEvent, memberEventsSQL, t.group.account.id, user, after, upTo, limit)
	if err != nil {
		return nil, fmt.Errorf("read member events: %w", err)
	}
	return events, nil
}

// exec adds a row that is written with the act.
func (t *tx) exec(sql string, args ...any) {
	t.statements = append(t.statements, statement{sql, args})
}

// querier gives the database to a lone act: what it reads is the state at head,
// or the act's claim fails.
func (t *tx) querier() (sqldb.Querier, error) {
	if !t.act.lone {
		return nil, errNotLone
	}
	return t.group.account.store.db, nil
}
