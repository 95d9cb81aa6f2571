package push_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/rooms/push"
	"github.com/conversalabs/internalchat/storage"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/sqldb/sqltest"
	"github.com/conversalabs/internalchat/storage/stream"
)

func TestMain(m *testing.M) { sqltest.Main(m) }

// The people of a house: Ana reads, the others write.
const (
	reader id.UserID = "@ana:hs"
	bia    id.UserID = "@bia:hs"
	caio   id.UserID = "@caio:hs"
	boss   id.UserID = "@boss:hs" // made the room
)

// house is a room of four on a real store, and Ana's counts of it.
type house struct {
	testing.TB
	log    *logrus.Logger
	store  *storage.Store
	rooms  *rooms.Service
	unread *push.Unread
	room   id.RoomID
	named  map[string]id.EventID
}

type matrixPolicy struct{}

func (matrixPolicy) RoomPolicy(context.Context, tenant.ID) (rooms.Policy, error) {
	return rooms.MatrixPolicy, nil
}

func newHouse(t testing.TB, db *sqldb.DB) *house {
	t.Helper()
	log := logrus.New()
	log.SetOutput(io.Discard)
	now := func() time.Time { return time.UnixMilli(1_700_000_000_000) }
	h := &house{TB: t, log: log, store: storage.Open(storage.Options{DB: db, Log: log, Now: now}), named: map[string]id.EventID{}}
	t.Cleanup(h.store.Close)
	h.rooms = rooms.New(rooms.Options{Store: h.store, Policies: matrixPolicy{}, Now: now, Random: rand.Reader})
	h.unread = push.NewUnread(h.store, h.store)
	h.check(h.store.CreateAccount(t.Context(), accounts.Account{ID: "acme", ServerName: "hs"}))
	for _, user := range []id.UserID{reader, bia, caio, boss} {
		h.check(h.store.CreateUser(t.Context(), tenant.Caller{Account: "acme"}, accounts.User{ID: user, Role: tenant.Agent}, "", nil))
	}
	h.room = h.found(reader, bia, caio)
	return h
}

// found makes a room of the boss's with members.
func (h *house) found(members ...id.UserID) id.RoomID {
	h.Helper()
	room, _, err := h.rooms.Create(h.Context(), by(boss), rooms.Creation{Preset: "public_chat"})
	h.check(err)
	for _, user := range members {
		h.join(room, user)
	}
	return room
}

func (h *house) join(room id.RoomID, user id.UserID) {
	h.Helper()
	h.check(h.rooms.Join(h.Context(), by(user), rooms.Move{Room: room}))
}

func (h *house) check(err error) {
	h.Helper()
	if err != nil {
		h.Fatal(err)
	}
}

func by(user id.UserID) tenant.Caller {
	return tenant.Caller{Account: "acme", Server: "hs", User: user, Device: "PHONE"}
}

// send sends an event; NAME in its content stands for the event of that name.
func (h *house) send(room id.RoomID, sender id.UserID, kind, content string) id.EventID {
	h.Helper()
	names := make([]string, 0, 2*len(h.named))
	for name, eventID := range h.named {
		names = append(names, name, string(eventID))
	}
	content = strings.NewReplacer(names...).Replace(content)
	sent, err := h.rooms.Send(h.Context(), by(sender), rooms.Message{Room: room, Type: kind, Content: json.RawMessage(content)})
	h.check(err)
	return sent
}

// step is something that happens in the house's room.
type step func(h *house)

// says is a message of a name; more is more of its content.
func says(sender id.UserID, name, more string) step {
	content := `{"msgtype":"m.text"`
	if !strings.HasPrefix(more, `"body"`) {
		content += `,"body":"olá"`
	}
	if more != "" {
		content += "," + more
	}
	return sends(sender, name, "m.room.message", content+"}")
}

// sends is an event of a name.
func sends(sender id.UserID, name, kind, content string) step {
	return func(h *house) { h.Helper(); h.named[name] = h.send(h.room, sender, kind, content) }
}

// reads is a receipt of Ana's.
func reads(name, thread string) step {
	return func(h *house) {
		h.Helper()
		h.read(rooms.Reading{Read: h.named[name]}, thread)
	}
}

func readsPrivately(name, thread string) step {
	return func(h *house) {
		h.Helper()
		h.read(rooms.Reading{Private: h.named[name]}, thread)
	}
}

func (h *house) read(reading rooms.Reading, thread string) {
	h.Helper()
	reading.Room, reading.Thread = h.room, thread
	if root := h.named[thread]; root != "" {
		reading.Thread = string(root)
	}
	h.check(h.rooms.MarkRead(h.Context(), by(reader), reading))
}

func redacts(name string) step {
	return func(h *house) {
		h.Helper()
		_, err := h.rooms.Redact(h.Context(), by(boss), rooms.Message{Room: h.room, Content: json.RawMessage(`{}`)}, h.named[name])
		h.check(err)
	}
}

// rules changes Ana's push rules.
func rules(change func(push.Ruleset) (push.Ruleset, error)) step {
	return func(h *house) {
		h.Helper()
		stored, err := h.store.Item(h.Context(), "acme", stream.AccountData, reader, "", "m.push_rules")
		h.check(err)
		now, err := push.Parse(reader, stored)
		h.check(err)
		now, err = change(now)
		h.check(err)
		h.put(stream.Item{Kind: stream.AccountData, User: reader, Key: "m.push_rules", Content: now.Stored()})
	}
}

func (h *house) put(item stream.Item) {
	h.Helper()
	h.check(h.store.PutData(h.Context(), by(item.User), item))
}

// sets sets a state event.
func sets(sender id.UserID, kind, key, content string) step {
	return func(h *house) {
		h.Helper()
		_, err := h.rooms.SetState(h.Context(), by(sender), rooms.StateChange{Room: h.room, Type: kind, StateKey: key, Content: json.RawMessage(content)})
		h.check(err)
	}
}

// counts are a room's on one line: "6/2", and of each thread "A:3/1".
func (h *house) counts(unread *push.Unread, room id.RoomID) string {
	h.Helper()
	counts, err := unread.Of(h.Context(), by(reader), room)
	h.check(err)
	line := []string{fmt.Sprintf("%d/%d", counts.Notify, counts.Highlight)}
	for name, eventID := range h.named {
		if in, found := counts.Threads[eventID]; found {
			line = append(line, fmt.Sprintf("%s:%d/%d", name, in.Notify, in.Highlight))
		}
	}
	slices.Sort(line[1:])
	return strings.Join(line, " ")
}

// play goes through steps, and demands after each that what is counted on is what
// is counted anew.
func (h *house) play(steps ...step) {
	h.Helper()
	for i, step := range steps {
		step(h)
		on, anew := h.counts(h.unread, h.room), h.counts(push.NewUnread(h.store, h.store), h.room)
		if on != anew {
			h.Errorf("after step %d: counted on %s, counted anew %s", i+1, on, anew)
		}
	}
}
