package search_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/rooms/search"
	"github.com/conversalabs/internalchat/storage"
	"github.com/conversalabs/internalchat/storage/follow"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/sqldb/sqltest"
)

func TestMain(m *testing.M) { sqltest.Main(m) }

const (
	ana = id.UserID("@ana:acme.example")
	bia = id.UserID("@bia:acme.example")
	eve = id.UserID("@eve:other.example")
)

// office is a server with two accounts, whose messages are indexed.
type office struct {
	*search.Service
	rooms    *rooms.Service
	store    *storage.Store
	index    *storage.SearchIndex
	db       *sqldb.DB // of the index
	follower *follow.Runner
	t        testing.TB
}

type matrixPolicy struct{}

func (matrixPolicy) RoomPolicy(context.Context, tenant.ID) (rooms.Policy, error) {
	return rooms.MatrixPolicy, nil
}

// each runs f on both databases.
func each(t *testing.T, f func(t *testing.T, o *office)) {
	t.Helper()
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newOffice(t, db)
		o.mustFollow()
		f(t, o)
	})
}

// newOffice opens an office whose index nobody keeps yet.
func newOffice(t testing.TB, db *sqldb.DB) *office {
	t.Helper()
	o := &office{db: db, t: t}
	if !db.Postgres() {
		var err error
		o.db, err = sqldb.Open(t.Context(), sqldb.Options{Path: filepath.Join(t.TempDir(), "search.db"), Rebuildable: true})
		o.must(err)
		t.Cleanup(o.db.Close)
	}
	o.store = storage.Open(storage.Options{DB: db, Log: quiet(o.t), Now: time.Now})
	t.Cleanup(o.store.Close)
	for account, users := range map[tenant.ID][]id.UserID{"acme": {ana, bia}, "other": {eve}} {
		o.must(o.store.CreateAccount(t.Context(), accounts.Account{ID: account, ServerName: users[0].Homeserver()}))
		for _, user := range users {
			o.must(o.store.CreateUser(t.Context(), tenant.Caller{Account: account}, accounts.User{ID: user, Role: tenant.Agent}, "", nil))
		}
	}
	o.open()
	return o
}

// open makes what works on the store.
func (o *office) open() {
	o.t.Helper()
	o.rooms = rooms.New(rooms.Options{
		Store: o.store, Policies: matrixPolicy{}, Now: time.Now, Random: rand.Reader, Limits: rooms.Limits{PageMax: 1000},
	})
	var err error
	o.index, err = storage.OpenSearchIndex(o.t.Context(), o.store, o.db)
	o.must(err)
}

func quiet(t testing.TB) *logrus.Logger {
	log := logrus.New()
	log.SetOutput(t.Output())
	return log
}

// mustFollow keeps the index. A search waits for it as long as it takes.
func (o *office) mustFollow() {
	o.t.Helper()
	var err error
	o.follower, err = follow.Start(o.t.Context(), follow.Options{
		Source: o.store, Follower: o.index, DB: o.db, Log: quiet(o.t), Lease: time.Second,
	})
	o.must(err)
	o.t.Cleanup(o.follower.Close)
	o.Service = search.New(search.Options{Rooms: o.rooms, Index: o.index, Await: func(ctx context.Context, account tenant.ID, place follow.Place) error {
		return o.follower.Await(context.WithoutCancel(ctx), account, place)
	}})
}

func by(user id.UserID) tenant.Caller {
	account := tenant.ID("acme")
	if user == eve {
		account = "other"
	}
	return tenant.Caller{Account: account, Server: user.Homeserver(), User: user, Device: "PHONE"}
}

func (o *office) must(err error) {
	o.t.Helper()
	if err != nil {
		o.t.Fatal(err)
	}
}

func (o *office) mustCreate(user id.UserID, state ...rooms.InitialState) id.RoomID {
	o.t.Helper()
	room, _, err := o.rooms.Create(o.t.Context(), by(user), rooms.Creation{Preset: "public_chat", InitialState: state})
	o.must(err)
	return room
}

func (o *office) mustCreateWith(visibility string) id.RoomID {
	o.t.Helper()
	return o.mustCreate(ana, rooms.InitialState{
		Type: "m.room.history_visibility", Content: json.RawMessage(`{"history_visibility":"` + visibility + `"}`),
	})
}

func (o *office) mustSend(user id.UserID, room id.RoomID, body string) id.EventID {
	o.t.Helper()
	return o.mustSendContent(user, room, map[string]any{"body": body, "msgtype": "m.text"})
}

func (o *office) mustSendContent(user id.UserID, room id.RoomID, content map[string]any) id.EventID {
	o.t.Helper()
	text, err := json.Marshal(content)
	o.must(err)
	sent, err := o.rooms.Send(o.t.Context(), by(user), rooms.Message{Room: room, Type: "m.room.message", Content: text})
	o.must(err)
	return sent
}

func (o *office) mustEdit(user id.UserID, room id.RoomID, original id.EventID, body string) id.EventID {
	o.t.Helper()
	return o.mustSendContent(user, room, map[string]any{
		"body": "* " + body, "msgtype": "m.text",
		"m.new_content": map[string]any{"body": body, "msgtype": "m.text"},
		"m.relates_to":  map[string]any{"rel_type": "m.replace", "event_id": original},
	})
}

func (o *office) mustRedact(user id.UserID, room id.RoomID, target id.EventID) {
	o.t.Helper()
	_, err := o.rooms.Redact(o.t.Context(), by(user), rooms.Message{Room: room, Content: json.RawMessage(`{}`)}, target)
	o.must(err)
}

func (o *office) mustJoin(user id.UserID, room id.RoomID) {
	o.t.Helper()
	o.must(o.rooms.Join(o.t.Context(), by(user), rooms.Move{Room: room}))
}

func (o *office) mustLeave(user id.UserID, room id.RoomID) {
	o.t.Helper()
	o.must(o.rooms.Leave(o.t.Context(), by(user), rooms.Move{Room: room}))
}

// read is an event as a client reads it.
type read struct {
	ID      id.EventID `json:"event_id"`
	Type    string
	Room    id.RoomID `json:"room_id"`
	Content struct{ Body, Name, Topic string }
}

func (o *office) mustSearch(user id.UserID, q search.Request) *search.Results {
	o.t.Helper()
	found, err := o.Search(o.t.Context(), by(user), q)
	o.must(err)
	return found
}

// texts gives what was found says, and what type the events have that are no
// messages.
func (o *office) texts(found *search.Results) []string {
	o.t.Helper()
	all := []string{}
	for _, result := range found.Results {
		var e read
		o.must(json.Unmarshal(result.Event, &e))
		all = append(all, e.Content.Body+e.Content.Name+e.Content.Topic)
	}
	return all
}

// find gives the texts of the events that a term finds, the newest first.
func (o *office) find(user id.UserID, term string) []string {
	o.t.Helper()
	return o.texts(o.mustSearch(user, search.Request{Term: term, Recent: true}))
}

// mustFind demands what a term finds, the newest first.
func (o *office) mustFind(user id.UserID, term string, want ...string) {
	o.t.Helper()
	if got := o.find(user, term); fmt.Sprint(got) != fmt.Sprint(want) {
		o.t.Errorf("%s searches %q: got %q, want %q", user, term, got, want)
	}
}

func mustFilter(t testing.TB, text string) *rooms.RoomEventFilter {
	t.Helper()
	f, err := rooms.ParseRoomEventFilter([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return f
}
