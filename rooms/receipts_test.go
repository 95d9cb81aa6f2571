package rooms_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"io"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/storage"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/sqldb/sqltest"
	"github.com/conversalabs/internalchat/storage/stream"
)

// say sends a message of Ana's.
func (o *office) say(room id.RoomID) id.EventID {
	o.t.Helper()
	sent, err := o.Send(o.t.Context(), by(ana), rooms.Message{Room: room, Type: "m.room.message", Content: json.RawMessage(`{}`)})
	if err != nil {
		o.t.Fatalf("send: %v", err)
	}
	return sent
}

// readUpTo gives the event that a user's unthreaded m.read is at, or "".
func (o *office) readUpTo(user id.UserID, room id.RoomID) id.EventID {
	o.t.Helper()
	content, err := o.store.Item(o.t.Context(), "acme", stream.Receipt, user, room, "m.read|")
	if err != nil {
		o.t.Fatal(err)
	}
	var at struct {
		Event id.EventID `json:"event_id"`
	}
	if content != nil && json.Unmarshal(content, &at) != nil {
		o.t.Fatalf("receipt: %s", content)
	}
	return at.Event
}

// Two servers move one user's receipt at the same time, in any order: it ends at
// the newest event, though no act reads where it is.
func TestReceiptNeverMovesBackwards(t *testing.T) {
	t.Parallel()
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newOffice(t, db)
		log := logrus.New()
		log.SetOutput(io.Discard)
		store := storage.Open(storage.Options{DB: db, Log: log, Now: time.Now})
		t.Cleanup(store.Close)
		nodes := []*rooms.Service{
			o.Service,
			rooms.New(rooms.Options{Store: store, Policies: matrixPolicy{}, Now: time.Now, Random: rand.Reader}),
		}
		room := o.mustCreate(rooms.Creation{})
		var events []id.EventID
		for range 24 {
			events = append(events, o.say(room))
		}
		done := make(chan error)
		for i := range events {
			go func() {
				// Shuffled: the newest comes neither first nor last.
				reading := rooms.Reading{Room: room, Read: events[(7*i+5)%len(events)]}
				done <- nodes[i%2].MarkRead(context.Background(), by(ana), reading)
			}()
		}
		for range events {
			if err := <-done; err != nil {
				t.Errorf("mark read: %v", err)
			}
		}
		if got, want := o.readUpTo(ana, room), events[len(events)-1]; got != want {
			t.Errorf("the receipt is at %s, want %s", got, want)
		}
	})
}

// Who does not see an event cannot read it, and learns nothing by trying.
func TestReceiptNeedsTheEventsVisibility(t *testing.T) {
	t.Parallel()
	o := newOffice(t, sqltest.SQLite(t))
	room := o.mustCreate(rooms.Creation{})
	joined := json.RawMessage(`{"history_visibility":"joined"}`)
	if _, err := o.SetState(t.Context(), by(ana), rooms.StateChange{Room: room, Type: "m.room.history_visibility", Content: joined}); err != nil {
		t.Fatal(err)
	}
	before := o.say(room)
	if err := o.Join(t.Context(), by(bia), rooms.Move{Room: room}); err != nil {
		t.Fatal(err)
	}
	after := o.say(room)
	for event, want := range map[id.EventID]string{before: "M_NOT_FOUND", "$none": "M_NOT_FOUND", after: ""} {
		err := o.MarkRead(t.Context(), by(bia), rooms.Reading{Room: room, Read: event})
		if want == "" && err != nil || want != "" && !refusal.Is(err, want) {
			t.Errorf("%s: got %v, want %q", event, err, want)
		}
	}
	if got := o.readUpTo(bia, room); got != after {
		t.Errorf("the receipt is at %q, want %s", got, after)
	}
	if err := o.Leave(t.Context(), by(bia), rooms.Move{Room: room}); err != nil {
		t.Fatal(err)
	}
	if err := o.MarkRead(t.Context(), by(bia), rooms.Reading{Room: room, Read: after}); !refusal.Is(err, "M_FORBIDDEN") {
		t.Errorf("after leaving: got %v, want M_FORBIDDEN", err)
	}
}
