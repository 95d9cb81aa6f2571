package rooms_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/rooms/push"
	"github.com/conversalabs/internalchat/storage"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/sqldb/sqltest"
	"github.com/conversalabs/internalchat/storage/stream"
)

func TestMain(m *testing.M) { sqltest.Main(m) }

const (
	ana = id.UserID("@ana:acme.example")
	bia = id.UserID("@bia:acme.example")
	eva = id.UserID("@eva:acme.example")
)

// office is one account with three users, and what asks of its rooms.
type office struct {
	*rooms.Service
	store  *storage.Store
	t      testing.TB
	policy rooms.Policy
}

func (o *office) RoomPolicy(context.Context, tenant.ID) (rooms.Policy, error) { return o.policy, nil }

type matrixPolicy struct{}

func (matrixPolicy) RoomPolicy(context.Context, tenant.ID) (rooms.Policy, error) {
	return rooms.MatrixPolicy, nil
}

func newOffice(t testing.TB, db *sqldb.DB) *office {
	t.Helper()
	log := logrus.New()
	log.SetOutput(io.Discard)
	store := storage.Open(storage.Options{DB: db, Log: log, Now: time.Now})
	t.Cleanup(store.Close)
	if err := store.CreateAccount(t.Context(), accounts.Account{ID: "acme", ServerName: "acme.example"}); err != nil {
		t.Fatalf("create account: %v", err)
	}
	for _, user := range []id.UserID{ana, bia, eva} {
		if err := store.CreateUser(t.Context(), tenant.Caller{Account: "acme"}, accounts.User{ID: user, Role: tenant.Agent}, "", nil); err != nil {
			t.Fatalf("create user: %v", err)
		}
	}
	o := &office{store: store, t: t, policy: rooms.MatrixPolicy}
	o.Service = rooms.New(rooms.Options{
		Store: store, Policies: o, Now: ascending(), Random: rand.Reader,
		Limits: rooms.Limits{PageMax: 1000}, CarryRules: push.Carry,
	})
	return o
}

// ascending is a clock that never says the same millisecond twice, for what is
// ordered by time.
func ascending() func() time.Time {
	var mu sync.Mutex // guards last
	var last time.Time
	return func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		now := time.Now().Truncate(time.Millisecond)
		if !now.After(last) {
			now = last.Add(time.Millisecond)
		}
		last = now
		return now
	}
}

// by is a user whom no session binds.
func by(user id.UserID) tenant.Caller {
	return tenant.Caller{Account: "acme", Server: "acme.example", User: user, Device: "PHONE"}
}

func (o *office) mustCreate(c rooms.Creation) id.RoomID {
	o.t.Helper()
	if c.Preset == "" {
		c.Preset = "public_chat"
	}
	room, _, err := o.Create(o.t.Context(), by(ana), c)
	if err != nil {
		o.t.Fatalf("create room: %v", err)
	}
	return room
}

func (o *office) mustCreateWith(visibility string) id.RoomID {
	o.t.Helper()
	return o.mustCreate(rooms.Creation{InitialState: []rooms.InitialState{{
		Type: "m.room.history_visibility", Content: json.RawMessage(`{"history_visibility":"` + visibility + `"}`),
	}}})
}

func (o *office) mustSend(room id.RoomID, body string) id.EventID {
	o.t.Helper()
	sent, err := o.Send(o.t.Context(), by(ana), rooms.Message{
		Room: room, Type: "m.room.message", Content: json.RawMessage(`{"body":"` + body + `"}`),
	})
	if err != nil {
		o.t.Fatalf("send: %v", err)
	}
	return sent
}

func (o *office) mustSet(user id.UserID, room id.RoomID, eventType, content string) id.EventID {
	o.t.Helper()
	set, err := o.SetState(o.t.Context(), by(user), rooms.StateChange{Room: room, Type: eventType, Content: json.RawMessage(content)})
	if err != nil {
		o.t.Fatalf("%s sets %s: %v", user, eventType, err)
	}
	return set
}

func (o *office) must(err error) {
	o.t.Helper()
	if err != nil {
		o.t.Fatal(err)
	}
}

func (o *office) join(user id.UserID, room id.RoomID) error {
	return o.Join(o.t.Context(), by(user), rooms.Move{Room: room})
}

func (o *office) leave(user id.UserID, room id.RoomID) error {
	return o.Leave(o.t.Context(), by(user), rooms.Move{Room: room})
}

func (o *office) invite(user id.UserID, room id.RoomID) error {
	return o.Invite(o.t.Context(), by(ana), rooms.Move{Room: room, User: user})
}

// now gives a token of the account's head.
func (o *office) now() string {
	o.t.Helper()
	var token string
	o.must(o.store.View(o.t.Context(), "acme", func(v rooms.View) error {
		token = stream.Token{Epoch: v.Epoch(), Position: v.Head()}.String()
		return nil
	}))
	return token
}

// read is an event as a client reads it.
type read struct {
	ID       id.EventID `json:"event_id"`
	Type     string
	Sender   id.UserID
	StateKey string `json:"state_key"`
	Content  struct {
		Body, Topic, Membership string
	}
	Unsigned struct {
		Membership  string
		PrevContent json.RawMessage `json:"prev_content"`
		Because     *struct {
			ID id.EventID `json:"event_id"`
		} `json:"redacted_because"`
	}
}

func mustRead(t testing.TB, list []byte) []read {
	t.Helper()
	var events []read
	if err := json.Unmarshal(list, &events); err != nil {
		t.Fatalf("%v in %s", err, list)
	}
	return events
}

// bodies gives what the messages among events say, in order.
func bodies(events []read) []string {
	all := []string{}
	for _, e := range events {
		if e.Type == "m.room.message" {
			all = append(all, e.Content.Body)
		}
	}
	return all
}

// page reads one page and gives it with its events.
func (o *office) page(user id.UserID, q rooms.PageRequest) (*rooms.Page, []read) {
	o.t.Helper()
	page, err := o.Messages(o.t.Context(), by(user), q)
	if err != nil {
		o.t.Fatalf("messages: %v", err)
	}
	return page, mustRead(o.t, page.Chunk)
}

// all reads a room page by page until there is no more.
func (o *office) all(user id.UserID, q rooms.PageRequest) []read {
	o.t.Helper()
	var all []read
	for range 1000 {
		page, events := o.page(user, q)
		if len(events) > q.Limit {
			o.t.Fatalf("page of %d events, want at most %d", len(events), q.Limit)
		}
		all = append(all, events...)
		if page.End == "" {
			return all
		}
		q.From = page.End
	}
	o.t.Fatal("the pages do not end")
	return nil
}

func mustBe(t testing.TB, err error, code string) {
	t.Helper()
	if !refusal.Is(err, code) {
		t.Errorf("got %v, want %s", err, code)
	}
}

func numbered(n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprint("m", i)
	}
	return all
}
