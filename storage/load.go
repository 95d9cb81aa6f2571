package storage

import (
	"context"
	"fmt"

	"github.com/tidwall/gjson"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/rooms/event"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/stream"
)

// missingError says what a function on a view needs and memory has not. It is
// how the function is told to stop: what it returns with is loaded, and it runs
// again.
type missingError struct {
	rooms    []id.RoomID
	lines    []id.RoomID // whose outlines
	members  id.UserID
	forgot   id.UserID
	ignores  id.UserID
	users    []id.UserID
	settings bool
	services bool
	session  string
}

func (*missingError) Error() string { return "not in memory" }

// load brings what is missing into the state. It holds the state's lock while
// it reads, so that nothing is applied between the read and the keeping.
func (a *account) load(ctx context.Context, m *missingError) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	s := a.state
	switch {
	case len(m.rooms) > 0:
		return a.loadRooms(ctx, s, m.rooms)
	case len(m.lines) > 0:
		return a.loadOutlines(ctx, s, m.lines)
	case m.members != "":
		return a.loadMemberships(ctx, s, m.members)
	case m.forgot != "":
		return a.loadForgotten(ctx, s, m.forgot)
	case m.ignores != "":
		return a.loadIgnored(ctx, s, m.ignores)
	case m.settings:
		account, err := a.store.Account(ctx, a.id)
		if err != nil {
			return err
		}
		if account == nil {
			return errNoAccount
		}
		s.settings = &account.Settings
		return nil
	case m.services:
		services, err := readAppServices(ctx, a.store.db, a.id)
		if err != nil {
			return err
		}
		s.services = &services
		return nil
	case len(m.users) > 0:
		return a.loadUsers(ctx, s, m.users)
	default:
		session, err := readSession(ctx, a.store.db, a.id, m.session)
		if err != nil {
			return err
		}
		if session == nil {
			return refusal.UnknownToken(false)
		}
		s.keepSession(session)
		return nil
	}
}

// maxUsers is how many users of an account stay in memory, strangers that were
// asked for included.
const maxUsers = 50_000

func (a *account) loadUsers(ctx context.Context, s *state, wanted []id.UserID) error {
	found, err := readUsers(ctx, a.store.db, a.id, wanted)
	if err != nil {
		return err
	}
	bound(s.users, maxUsers)
	for _, user := range wanted {
		s.users[user] = nil
	}
	for i := range found {
		s.users[found[i].ID] = &found[i]
	}
	return nil
}

// bound empties a map that has grown too large: everything in it can be loaded
// again.
func bound[K comparable, V any](all map[K]V, most int) {
	if len(all) > most {
		clear(all)
	}
}

// maxRooms is how many rooms of an account stay in memory.
const maxRooms = 20_000

func (a *account) loadRooms(ctx context.Context, s *state, wanted []id.RoomID) error {
	bound(s.rooms, maxRooms)
	loaded, err := a.readRooms(ctx, s.head, wanted)
	if err != nil {
		return err
	}
	for _, roomID := range wanted {
		s.rooms[roomID] = loaded[roomID]
	}
	return nil
}

const roomsSQL = `SELECT room, version, published FROM rooms WHERE account = $1 AND room = ANY($2)`

const currentStateSQL = `
	SELECT ` + eventColumns + ` FROM events e
	WHERE e.account = $1 AND e.position IN (
		SELECT MAX(position) FROM events
		WHERE account = $1 AND room = $2 AND state_key IS NOT NULL AND position <= $3
		GROUP BY type, state_key
	)
	ORDER BY e.position`

const visibilitiesSQL = `
	SELECT ` + eventColumns + ` FROM events e
	WHERE account = $1 AND room = $2 AND type = 'm.room.history_visibility' AND state_key = '' AND position <= $3
	ORDER BY position`

// readRooms reads rooms as they are at a head.
func (a *account) readRooms(ctx context.Context, head stream.Position, wanted []id.RoomID) (map[id.RoomID]*rooms.Room, error) {
	found := map[id.RoomID]*rooms.Room{}
	var order []id.RoomID
	var args [][]any
	err := a.store.db.Query(ctx, roomsSQL, []any{a.id, texts(wanted)}, func(r sqldb.Row) error {
		var roomID id.RoomID
		var version id.RoomVersion
		var published bool
		if err := r.Scan(&roomID, &version, &published); err != nil {
			return err
		}
		room := rooms.NewRoom(roomID, version)
		room.Published = published
		found[roomID] = room
		order = append(order, roomID)
		args = append(args, []any{a.id, roomID, head})
		return nil
	})
	if err != nil || len(order) == 0 {
		return found, err
	}
	parts := make([]struct{ state, visibilities, recent []*event.Event }, len(order))
	versionOf := func(i int) id.RoomVersion { return found[order[i]].Version }
	if err := a.readMany(ctx, currentStateSQL, args, versionOf, func(i int, e *event.Event) {
		parts[i].state = append(parts[i].state, e)
	}); err != nil {
		return nil, fmt.Errorf("read current state: %w", err)
	}
	if err := a.readMany(ctx, visibilitiesSQL, args, versionOf, func(i int, e *event.Event) {
		parts[i].visibilities = append(parts[i].visibilities, e)
	}); err != nil {
		return nil, fmt.Errorf("read history visibility: %w", err)
	}
	for i := range args {
		args[i] = []any{a.id, order[i], stream.Position(0), head, rooms.RecentEvents}
	}
	if err := a.readMany(ctx, backwardsSQL, args, func(int) id.RoomVersion { return anyVersion }, func(i int, e *event.Event) {
		parts[i].recent = append([]*event.Event{e}, parts[i].recent...)
	}); err != nil {
		return nil, fmt.Errorf("read recent events: %w", err)
	}
	for i, roomID := range order {
		found[roomID].Load(parts[i].state, parts[i].visibilities, parts[i].recent)
	}
	return found, nil
}

// readMany runs one query of eventColumns for many argument sets.
func (a *account) readMany(ctx context.Context, sql string, args [][]any, version func(int) id.RoomVersion, add func(int, *event.Event)) error {
	return a.store.db.QueryMany(ctx, sql, args, func(i int, r sqldb.Row) error {
		e, err := scanEvent(r, version(i))
		if err != nil {
			return err
		}
		add(i, e)
		return nil
	})
}

const membershipsSQL = `
	SELECT room, position, membership, CASE membership WHEN 'leave' THEN json END FROM events
	WHERE account = $1 AND state_key = $2 AND type = 'm.room.member' AND position <= $3 ORDER BY position`

func (a *account) loadMemberships(ctx context.Context, s *state, user id.UserID) error {
	all := map[id.RoomID]rooms.Spans{}
	err := a.store.db.Query(ctx, membershipsSQL, []any{a.id, user, s.head}, func(r sqldb.Row) error {
		var roomID id.RoomID
		var span rooms.Span
		var leave []byte
		if err := r.Scan(&roomID, &span.Position, &span.Membership, &leave); err != nil {
			return err
		}
		span.ByOther = leave != nil && gjson.GetBytes(leave, "sender").Str != string(user)
		all[roomID] = all[roomID].With(span)
		return nil
	})
	if err != nil {
		return fmt.Errorf("read memberships: %w", err)
	}
	bound(s.memberships, maxUsers)
	s.memberships[user] = all
	return nil
}

const forgottenSQL = `SELECT room, content FROM items WHERE account = $1 AND kind = $2 AND user_id = $3`

func (a *account) loadForgotten(ctx context.Context, s *state, user id.UserID) error {
	forgotten := map[id.RoomID]bool{}
	err := a.store.db.Query(ctx, forgottenSQL, []any{a.id, int(stream.Forgotten), user}, func(r sqldb.Row) error {
		var roomID id.RoomID
		var content []byte
		if err := r.Scan(&roomID, &content); err != nil {
			return err
		}
		if len(content) > 0 {
			forgotten[roomID] = true
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("read forgotten rooms: %w", err)
	}
	bound(s.forgotten, maxUsers)
	s.forgotten[user] = forgotten
	return nil
}

func (a *account) loadIgnored(ctx context.Context, s *state, user id.UserID) error {
	content, err := a.store.Item(ctx, a.id, stream.AccountData, user, "", rooms.IgnoredUsersType)
	if err != nil {
		return fmt.Errorf("read ignored users: %w", err)
	}
	s.ignored[user] = rooms.IgnoredUsers(content)
	return nil
}

// session finds a session, in memory or in the database, as of the local head.
func (a *account) session(ctx context.Context, token string) (*accounts.Session, error) {
	a.mu.RLock()
	session := a.state.session(token)
	a.mu.RUnlock()
	if session != nil {
		return session, nil
	}
	// Tokens that mean nothing are the most there may be of: they are read
	// without the lock. One that is found is read again under it, so that it is
	// not kept while its end is being applied.
	if session, err := readSession(ctx, a.store.db, a.id, token); err != nil || session == nil {
		return nil, err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	session, err := readSession(ctx, a.store.db, a.id, token)
	if err != nil || session == nil {
		return nil, err
	}
	a.state.keepSession(session)
	return session, nil
}
