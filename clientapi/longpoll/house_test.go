package longpoll_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	"github.com/tidwall/gjson"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/longpoll"
	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/rooms/event"
	"github.com/conversalabs/internalchat/rooms/push"
	"github.com/conversalabs/internalchat/storage"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/sqldb/sqltest"
	"github.com/conversalabs/internalchat/storage/stream"
)

const (
	ana   id.UserID = "@ana:hs"
	bea   id.UserID = "@bea:hs"
	caio  id.UserID = "@caio:hs"
	room1 id.RoomID = "!one:hs"
	room2 id.RoomID = "!two:hs"
)

// clock is when everything happens; events are a second older each.
var clock = time.UnixMilli(1_700_000_100_000)

// house is an account with a store, and a Service on it.
type house struct {
	testing.TB
	db    *sqldb.DB
	store *storage.Store
	*longpoll.Service
	options longpoll.Options
	rooms   *rooms.Service
	sent    int64
	clock   func() time.Time // from the next restart on; nil: the time is clock
}

// newHouse makes the account on a database.
func newHouse(t testing.TB, db *sqldb.DB) *house {
	t.Helper()
	h := &house{TB: t, db: db}
	h.restart()
	t.Cleanup(func() { h.store.Close() })
	err := h.store.CreateAccount(t.Context(), accounts.Account{ID: tenant.Default, ServerName: "hs"})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func sqliteHouse(t testing.TB) *house { return newHouse(t, sqltest.SQLite(t)) }

// restart forgets all that is in memory.
func (h *house) restart() {
	if h.store != nil {
		h.store.Close()
	}
	log := logrus.New()
	log.SetOutput(io.Discard)
	now := func() time.Time { return clock }
	if h.clock != nil {
		now = h.clock
	}
	h.store = storage.Open(storage.Options{DB: h.db, Log: log, Now: now})
	h.rooms = rooms.New(rooms.Options{Store: h.store, Now: now, Random: rand.Reader})
	o := h.options
	o.Rooms, o.Store, o.Now, o.Unread = h.rooms, h.store, now, push.NewUnread(h.store, h.store)
	h.Service = longpoll.New(o)
}

func caller(user id.UserID) tenant.Caller {
	return tenant.Caller{Account: tenant.Default, Server: "hs", User: user, Device: id.DeviceID("D" + user.Localpart())}
}

// act runs an act of a user.
func (h *house) act(user id.UserID, transaction string, do func(rooms.Tx) (id.EventID, error)) id.EventID {
	h.Helper()
	eventID, err := h.store.Act(context.Background(), rooms.Act{Caller: caller(user), Path: "/send", Transaction: transaction, Do: do})
	if err != nil {
		h.Fatal(err)
	}
	return eventID
}

// draft appends an event as it is, whoever may send it.
func (h *house) draft(tx rooms.Tx, d event.Draft) (id.EventID, error) {
	r, err := tx.Room(d.Room)
	if err != nil {
		return "", err
	}
	if r == nil {
		if r, err = tx.Create(d.Room, "11"); err != nil {
			return "", err
		}
	}
	d.Prev = r.Last()
	e, err := event.Build("11", d, r)
	if err != nil {
		return "", err
	}
	return e.ID, tx.Append(e)
}

func (h *house) state(room id.RoomID, sender id.UserID, kind, key, content string) id.EventID {
	h.Helper()
	h.sent++
	d := event.Draft{Room: room, Sender: sender, Type: kind, StateKey: &key, Content: json.RawMessage(content), Timestamp: clock.UnixMilli() - 100_000 + h.sent*1000}
	return h.act(sender, "", func(tx rooms.Tx) (id.EventID, error) { return h.draft(tx, d) })
}

func (h *house) member(room id.RoomID, sender, target id.UserID, membership string) id.EventID {
	h.Helper()
	return h.state(room, sender, "m.room.member", string(target), `{"membership":"`+membership+`"}`)
}

func (h *house) say(room id.RoomID, sender id.UserID, body string) id.EventID {
	h.Helper()
	return h.content(room, sender, `{"body":"`+body+`"}`)
}

// content sends a message.
func (h *house) content(room id.RoomID, sender id.UserID, content string) id.EventID {
	h.Helper()
	h.sent++
	d := event.Draft{Room: room, Sender: sender, Type: "m.room.message", Content: json.RawMessage(content), Timestamp: clock.UnixMilli() - 100_000 + h.sent*1000}
	return h.act(sender, fmt.Sprintf("t%d", h.sent), func(tx rooms.Tx) (id.EventID, error) { return h.draft(tx, d) })
}

// found makes a room with its creator in it.
func (h *house) found(room id.RoomID, creator id.UserID, visibility string) {
	h.Helper()
	h.state(room, creator, "m.room.create", "", `{"room_version":"11"}`)
	h.member(room, creator, creator, "join")
	h.state(room, creator, "m.room.power_levels", "", `{"users":{"`+string(creator)+`":100}}`)
	h.state(room, creator, "m.room.join_rules", "", `{"join_rule":"public"}`)
	h.state(room, creator, "m.room.history_visibility", "", `{"history_visibility":"`+visibility+`"}`)
}

func (h *house) put(items ...stream.Item) {
	h.Helper()
	h.act(ana, "", func(tx rooms.Tx) (id.EventID, error) {
		for _, item := range items {
			tx.Put(item)
		}
		return "", nil
	})
}

// query changes a request.
type query func(*longpoll.Request)

func since(token string) query { return func(q *longpoll.Request) { q.Since = token } }

func filtered(t testing.TB, text string) query {
	t.Helper()
	f, err := rooms.ParseFilter([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return func(q *longpoll.Request) { q.Filter = f }
}

// mustSync syncs without waiting.
func (h *house) mustSync(user id.UserID, queries ...query) gjson.Result {
	h.Helper()
	var q longpoll.Request
	for _, change := range queries {
		change(&q)
	}
	answer, err := h.Sync(context.Background(), caller(user), q)
	if err != nil {
		h.Fatal(err)
	}
	if !json.Valid(answer) {
		h.Fatalf("the answer is not JSON: %s", answer)
	}
	return gjson.ParseBytes(answer)
}

// mustSyncTwice syncs incrementally from memory, and once more after a restart
// from the database, and demands the same answer.
func (h *house) mustSyncTwice(user id.UserID, token string, queries ...query) gjson.Result {
	h.Helper()
	queries = append(queries, since(token))
	first := h.mustSync(user, queries...)
	h.restart()
	second := h.mustSync(user, queries...)
	if pretty(h, first.Raw) != pretty(h, second.Raw) {
		h.Errorf("from memory: %s\nfrom the database: %s", pretty(h, first.Raw), pretty(h, second.Raw))
	}
	return first
}

// pretty indents JSON with its keys sorted.
func pretty(t testing.TB, text string) string {
	t.Helper()
	var v any
	d := json.NewDecoder(bytes.NewReader([]byte(text)))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	out, err := json.MarshalIndent(v, "", "\t")
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// inRoom gives a part of a joined room.
func inRoom(answer gjson.Result, section string, room id.RoomID, path string) gjson.Result {
	r := answer.Get("rooms." + section).Map()[string(room)]
	if path == "" {
		return r
	}
	return r.Get(path)
}

// names lists events: bodies of messages, types of other events with the
// membership or the state key.
func names(events gjson.Result) []string {
	all := []string{}
	for _, e := range events.Array() {
		switch kind := e.Get("type").String(); kind {
		case "m.room.message":
			all = append(all, e.Get("content.body").String())
		case "m.room.member":
			all = append(all, e.Get("content.membership").String()+" "+e.Get("state_key").String())
		default:
			all = append(all, kind)
		}
	}
	return all
}

// redact empties an event.
func (h *house) redact(room id.RoomID, sender id.UserID, target id.EventID) {
	h.Helper()
	old, err := h.store.EventByID(context.Background(), tenant.Default, target)
	if err != nil {
		h.Fatal(err)
	}
	h.sent++
	d := event.Draft{Room: room, Sender: sender, Type: "m.room.redaction", Redacts: target, Content: json.RawMessage(`{}`), Timestamp: clock.UnixMilli() - 100_000 + h.sent*1000}
	h.act(sender, "", func(tx rooms.Tx) (id.EventID, error) {
		eventID, err := h.draft(tx, d)
		if err != nil {
			return "", err
		}
		redacted, err := event.Redact("11", old, eventID)
		if err != nil {
			return "", err
		}
		tx.Redact(redacted)
		return eventID, nil
	})
}
