package storagetest

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/storage/stream"
)

func testRetry(t *testing.T, f *fixture) {
	n := f.node()
	room := n.mustRoom(ana)
	first := n.mustSend(ana, room, "one")
	n.mustSend(ana, room, "two")
	if again := n.mustSend(ana, room, "one"); again != first {
		t.Errorf("retry: got %s, want %s", again, first)
	}
	if again := f.node().mustSend(ana, room, "one"); again != first {
		t.Errorf("retry on another node: got %s, want %s", again, first)
	}
	laptop := caller(ana)
	laptop.Device = "LAPTOP"
	elsewhere, err := n.rooms.Send(t.Context(), laptop, rooms.Message{
		Room: room, Type: "m.room.message", Content: []byte(`{}`), Path: "/send", Transaction: "one",
	})
	if err != nil || elsewhere == first {
		t.Errorf("another device's transaction: got %s, %v, want another event", elsewhere, err)
	}
	if got := len(n.timeline(room)); got != 3 {
		t.Errorf("got %d messages, want 3", got)
	}
}

func testConcurrentRetries(t *testing.T, f *fixture) {
	nodes := []*node{f.node(), f.node()}
	room := nodes[0].mustRoom(ana)
	ids := make([]id.EventID, 40)
	var senders sync.WaitGroup
	for i := range ids {
		senders.Go(func() {
			var err error
			if ids[i], err = nodes[i%2].send(ana, room, fmt.Sprint("same ", i/8)); err != nil {
				t.Errorf("send: %v", err)
			}
		})
	}
	senders.Wait()
	for i := range ids {
		if ids[i] != ids[i-i%8] {
			t.Errorf("retry %d: got %s, want %s", i, ids[i], ids[i-i%8])
		}
	}
	if got := len(nodes[0].timeline(room)); got != 5 {
		t.Errorf("got %d messages, want 5", got)
	}
}

func testRefused(t *testing.T, f *fixture) {
	n := f.node()
	room := n.mustRoom(ana)
	before := n.head()
	refused := errors.New("changed my mind")
	_, err := n.Act(t.Context(), rooms.Act{Caller: caller(ana), Path: "/x", Transaction: "t", Do: func(tx rooms.Tx) (id.EventID, error) {
		tx.Put(stream.Item{Kind: stream.AccountData, User: ana, Key: "left.behind", Content: []byte(`{}`)})
		if err := tx.Publish(room, true); err != nil {
			return "", err
		}
		return "$x", refused
	}})
	if !errors.Is(err, refused) {
		t.Fatalf("refused act: got %v, want %v", err, refused)
	}
	if got := n.head(); got != before {
		t.Errorf("head after a refused act: got %d, want %d", got, before)
	}
	published, err := n.PublishedRooms(t.Context(), account)
	if err != nil || len(published) != 0 {
		t.Errorf("published rooms: got %v, %v, want none", published, err)
	}
	if content, err := n.Item(t.Context(), account, stream.AccountData, ana, "", "left.behind"); err != nil || content != nil {
		t.Errorf("item: got %s, %v, want none", content, err)
	}
	n.mustSend(ana, room, "t")
}

// testGroup holds the writer up until many acts wait, some of them refused, and
// checks that each saw those before it.
func testGroup(t *testing.T, f *fixture) {
	n := f.node()
	room := n.mustRoom(ana)
	hold, held := make(chan struct{}), make(chan struct{})
	var acts sync.WaitGroup
	acts.Go(func() {
		once := sync.OnceFunc(func() { close(held); <-hold })
		_, _ = n.Act(t.Context(), rooms.Act{Caller: caller(ana), Do: func(rooms.Tx) (id.EventID, error) {
			once()
			return "", refusal.Forbidden("held")
		}})
	})
	<-held
	results := make([]error, 30)
	for i := range results {
		acts.Go(func() {
			// Only the first to join is let in by the name she finds.
			results[i] = n.rooms.Leave(t.Context(), caller(ana), rooms.Move{Room: room})
		})
	}
	close(hold)
	acts.Wait()
	for _, err := range results {
		if err != nil {
			t.Errorf("leave: %v", err)
		}
	}
	parts, err := n.Timelines(t.Context(), account, []rooms.Slice{{Room: room, UpTo: 1 << 62, Limit: 100, Direction: rooms.Backwards}})
	if err != nil {
		t.Fatal(err)
	}
	leaves := 0
	for _, e := range parts[0] {
		if e.Type == "m.room.member" && rooms.MembershipOf(e) == "leave" {
			leaves++
		}
	}
	if leaves != 1 {
		t.Errorf("got %d leaves, want the first one alone", leaves)
	}
}

func testAccounts(t *testing.T, f *fixture) {
	n := f.node()
	room := n.mustRoom(ana)
	eventID := n.mustSend(ana, room, "secret")
	if e, err := n.EventByID(t.Context(), other, eventID); e != nil || err != nil {
		t.Errorf("event of another account: got %v, %v, want nothing", e, err)
	}
	stranger := tenant.Caller{Account: other, Server: "other.example", User: "@ana:other.example", Device: "PHONE"}
	foreign := n.rooms.Join(t.Context(), stranger, rooms.Move{Room: room})
	unknown := n.rooms.Join(t.Context(), stranger, rooms.Move{Room: "!nowhere:acme.example"})
	if diff := cmp.Diff(refusal.As(unknown), refusal.As(foreign)); diff != "" {
		t.Errorf("a foreign room is not answered as an unknown one (-unknown +foreign):\n%s", diff)
	}
	err := n.View(t.Context(), other, func(v rooms.View) error {
		r, err := v.Room(room)
		if r != nil {
			t.Error("another account sees the room")
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func testAlias(t *testing.T, f *fixture) {
	nodes := []*node{f.node(), f.node()}
	rs := []id.RoomID{nodes[0].mustRoom(ana), nodes[0].mustRoom(ana)}
	errs := make([]error, 10)
	var makers sync.WaitGroup
	for i := range errs {
		makers.Go(func() {
			errs[i] = nodes[i%2].rooms.AddAlias(t.Context(), caller(ana), "#sales:acme.example", rs[i%2])
		})
	}
	makers.Wait()
	made := 0
	for i, err := range errs {
		switch {
		case err == nil:
			made++
			got, _, err := nodes[0].AliasOf(t.Context(), account, "#sales:acme.example")
			if got != rs[i%2] || err != nil {
				t.Errorf("alias: got %s, %v, want %s", got, err, rs[i%2])
			}
		case !refusal.Is(err, "M_UNKNOWN"):
			t.Errorf("add alias: %v", err)
		}
	}
	if made != 1 {
		t.Errorf("the alias was made %d times, want once", made)
	}
}

func testStateAt(t *testing.T, f *fixture) {
	n := f.node()
	room := n.mustRoom(ana)
	set := func(topic string) stream.Position {
		t.Helper()
		if _, err := n.rooms.SetState(t.Context(), caller(ana), rooms.StateChange{
			Room: room, Type: "m.room.topic", Content: []byte(`{"topic":"` + topic + `"}`),
		}); err != nil {
			t.Fatal(err)
		}
		return n.head()
	}
	first := set("one")
	second := set("two")
	for _, c := range []struct {
		since, at stream.Position
		want      []string
	}{{0, first, []string{`{"topic":"one"}`}}, {0, second, []string{`{"topic":"two"}`}}, {first, second, []string{`{"topic":"two"}`}}, {second, second, nil}} {
		state, err := n.StateAt(t.Context(), account, room, c.since, c.at)
		if err != nil {
			t.Fatal(err)
		}
		var topics []string
		for _, e := range state {
			if e.Type == "m.room.topic" {
				topics = append(topics, string(e.Content))
			}
		}
		if !slices.Equal(topics, c.want) {
			t.Errorf("state in (%d, %d]: got topics %v, want %v", c.since, c.at, topics, c.want)
		}
	}
}

func testSession(t *testing.T, f *fixture) {
	n := f.node()
	room := n.mustRoom(ana)
	ended := caller(ana)
	ended.Session = "0000000000000000000000000000000000000000000000000000000000000000"
	_, err := n.rooms.Send(t.Context(), ended, rooms.Message{Room: room, Type: "m.room.message", Content: []byte(`{}`)})
	if !refusal.Is(err, "M_UNKNOWN_TOKEN") {
		t.Errorf("send without a session: got %v, want M_UNKNOWN_TOKEN", err)
	}
	if got := len(n.timeline(room)); got != 0 {
		t.Errorf("got %d messages, want none", got)
	}
}

// testAnnotation gives one reaction many times at once on two nodes, takes it back
// and gives it again.
func testAnnotation(t *testing.T, f *fixture) {
	nodes := []*node{f.node(), f.node()}
	room := nodes[0].mustRoom(ana)
	to := nodes[0].mustSend(ana, room, "t")
	content := []byte(`{"m.relates_to":{"rel_type":"m.annotation","event_id":"` + string(to) + `","key":"x"}}`)
	for range 2 {
		sent, errs := make([]id.EventID, 20), make([]error, 20)
		var reacting sync.WaitGroup
		for i := range errs {
			reacting.Go(func() {
				sent[i], errs[i] = nodes[i%2].rooms.Send(t.Context(), caller(ana), rooms.Message{Room: room, Type: "m.reaction", Content: content})
			})
		}
		reacting.Wait()
		var passed []id.EventID
		for i, err := range errs {
			switch {
			case err == nil:
				passed = append(passed, sent[i])
			case !refusal.Is(err, "M_DUPLICATE_ANNOTATION"):
				t.Errorf("reaction: %v", err)
			}
		}
		if len(passed) != 1 {
			t.Fatalf("%d reactions passed, want one", len(passed))
		}
		if _, err := nodes[1].rooms.Redact(t.Context(), caller(ana), rooms.Message{Room: room, Content: []byte(`{}`)}, passed[0]); err != nil {
			t.Fatal(err)
		}
	}
}

// testPanic lets an act and a view panic: what comes after must go on.
func testPanic(t *testing.T, f *fixture) {
	n := f.node()
	room := n.mustRoom(ana)
	_, err := n.Act(t.Context(), rooms.Act{Caller: caller(ana), Do: func(rooms.Tx) (id.EventID, error) { panic("bug") }})
	if err == nil || refusal.As(err) != nil {
		t.Errorf("an act that panics: got %v, want a fault", err)
	}
	func() {
		defer func() { _ = recover() }()
		_ = n.View(t.Context(), account, func(rooms.View) error { panic("bug") })
	}()
	n.mustSend(ana, room, "after") // would wait for ever for a lock that is still held
}
