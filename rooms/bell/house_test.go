package bell_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/rooms/bell"
	"github.com/conversalabs/internalchat/rooms/event"
	"github.com/conversalabs/internalchat/storage"
	"github.com/conversalabs/internalchat/storage/follow"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/sqldb/sqltest"
	"github.com/conversalabs/internalchat/storage/stream"
)

func TestMain(m *testing.M) { sqltest.Main(m) }

// The people of a house: Ana's bell is looked at, Bia and Caio write, the boss makes
// the rooms.
const (
	ana  id.UserID = "@ana:hs"
	bia  id.UserID = "@bia:hs"
	caio id.UserID = "@caio:hs"
	boss id.UserID = "@boss:hs"
)

// house is an account whose stream is followed when the test says so.
type house struct {
	*bell.Service
	t     testing.TB
	store *storage.Store
	rooms *rooms.Service
	data  *accounts.Data
	clock *atomic.Int64 // ms
	// reader is who Ana is in this case: of a table, each has its own.
	reader id.UserID

	follower *bell.Follower
	at       stream.Position // of the follower
}

// each runs f on both databases.
func each(t *testing.T, f func(t *testing.T, h *house)) {
	t.Helper()
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) { f(t, newHouse(t, db)) })
}

type matrixPolicy struct{}

func (matrixPolicy) RoomPolicy(context.Context, tenant.ID) (rooms.Policy, error) {
	return rooms.MatrixPolicy, nil
}

func newHouse(t testing.TB, db *sqldb.DB) *house {
	t.Helper()
	log := logrus.New()
	log.SetOutput(t.Output())
	h := &house{t: t, clock: &atomic.Int64{}, reader: ana}
	h.clock.Store(1_800_000_000_000)
	now := func() time.Time { return time.UnixMilli(h.clock.Load()) }
	h.store = storage.Open(storage.Options{DB: db, Log: log, Now: now})
	t.Cleanup(h.store.Close)
	h.rooms = rooms.New(rooms.Options{Store: h.store, Policies: matrixPolicy{}, Now: now, Random: rand.Reader})
	h.data = accounts.NewData(h.store, now, accounts.DataLimits{})
	h.follower = bell.Follow(h.store, now)
	h.Service = bell.New(bell.Options{Store: h.store, Await: func(context.Context, tenant.ID, follow.Place) error {
		h.follow()
		return nil
	}})
	h.must(h.store.CreateAccount(t.Context(), accounts.Account{ID: "acme", ServerName: "hs"}))
	h.mustUser(boss, tenant.Administrator)
	for _, user := range []id.UserID{ana, bia, caio} {
		h.mustUser(user, tenant.Agent)
	}
	return h
}

func (h *house) mustUser(user id.UserID, role tenant.Role) {
	h.t.Helper()
	h.must(h.store.CreateUser(h.t.Context(), tenant.Caller{Account: "acme"}, accounts.User{ID: user, Role: role}, "", nil))
}

func (h *house) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) head() (head stream.Position) {
	h.t.Helper()
	h.must(h.store.View(h.t.Context(), "acme", func(v rooms.View) error {
		head = v.Head()
		return nil
	}))
	return head
}

// follow has the follower come to the head.
func (h *house) follow() {
	h.t.Helper()
	for head := h.head(); h.at < head; head = h.head() {
		at, err := h.follower.Step(h.t.Context(), "acme", h.at, head, nil)
		h.must(err)
		h.at = at
	}
}

func by(user id.UserID) tenant.Caller {
	return tenant.Caller{Account: "acme", Server: "hs", User: user, Device: "PHONE"}
}

// found makes a room of a kind of the boss's with members.
func (h *house) found(kind string, members ...id.UserID) id.RoomID {
	h.t.Helper()
	room, _, err := h.rooms.Create(h.t.Context(), by(boss), rooms.Creation{Preset: "public_chat"})
	h.must(err)
	h.become(room, kind)
	for _, user := range members {
		h.must(h.rooms.Join(h.t.Context(), by(user), rooms.Move{Room: room}))
	}
	return room
}

// become makes a room one of a kind, as the server alone may.
func (h *house) become(room id.RoomID, kind string) {
	h.t.Helper()
	_, err := h.store.Act(h.t.Context(), rooms.Act{Caller: tenant.Caller{Account: "acme"}, Do: func(tx rooms.Tx) (id.EventID, error) {
		r, err := tx.Room(room)
		if err != nil {
			return "", err
		}
		e, err := event.Build(r.Version, event.Draft{
			Room: room, Sender: boss, Type: "br.com.conversalabs.channel", StateKey: new(string),
			Content: json.RawMessage(`{"kind":"` + kind + `"}`), Timestamp: h.clock.Load(), Prev: r.Last(),
		}, r)
		if err != nil {
			return "", err
		}
		return e.ID, tx.Append(e)
	}})
	h.must(err)
}

// say sends a message with more in its content.
func (h *house) say(room id.RoomID, sender id.UserID, more string) id.EventID {
	h.t.Helper()
	content := `{"msgtype":"m.text","body":"olá"` + more + `}`
	if strings.HasPrefix(more, `"`) {
		content = `{` + more + `}`
	}
	content = strings.ReplaceAll(content, string(ana), string(h.reader))
	sent, err := h.rooms.Send(h.t.Context(), by(sender), rooms.Message{Room: room, Type: "m.room.message", Content: json.RawMessage(content)})
	h.must(err)
	return sent
}

// mention is the content that mentions users.
func mention(users ...id.UserID) string {
	list, _ := json.Marshal(users)
	return `,"m.mentions":{"user_ids":` + string(list) + `}`
}

// sets puts account data of a user's, in a room or, where room is "", outside.
func (h *house) sets(user id.UserID, room id.RoomID, kind, content string) {
	h.t.Helper()
	h.must(h.store.PutData(h.t.Context(), by(user), stream.Item{
		Kind: stream.AccountData, User: user, Room: room, Key: kind, Content: []byte(content),
	}))
}

// list gives Ana's bell as lines, newest first.
func (h *house) list(user id.UserID) []string {
	h.t.Helper()
	page, err := h.List(h.t.Context(), by(user), bell.Wanted{Limit: 100})
	h.must(err)
	lines := make([]string, len(page.Entries))
	unread := 0
	for i, e := range page.Entries {
		lines[i] = string(e.Kind)
		if e.Read {
			lines[i] += " read"
		} else {
			unread++
		}
	}
	if page.Unread != unread {
		h.t.Errorf("got %d unread, want %d of %v", page.Unread, unread, lines)
	}
	return lines
}

func (h *house) demand(user id.UserID, want ...string) {
	h.t.Helper()
	if got := h.list(user); !slices.Equal(got, want) {
		h.t.Errorf("%s: got %q, want %q", user, got, want)
	}
}

// state is what a user's clients are told.
func (h *house) state(user id.UserID) string {
	h.t.Helper()
	content, err := h.store.Item(h.t.Context(), "acme", stream.AccountData, user, "", accounts.BellType)
	h.must(err)
	return string(content)
}

// muted are push rules that silence a room, in Element's form.
func muted(room id.RoomID) string {
	return fmt.Sprintf(`{"global":{"override":[{"rule_id":%q,"conditions":[{"kind":"event_match","key":"room_id","pattern":%q}],"actions":[]}]}}`, room, room)
}
