package storagetest

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/rooms/event"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/stream"
)

// head gives the account's current head.
func (n *node) head() stream.Position {
	n.t.Helper()
	var head stream.Position
	if err := n.View(n.t.Context(), account, func(v rooms.View) error { head = v.Head(); return nil }); err != nil {
		n.t.Fatalf("read head: %v", err)
	}
	return head
}

// follow reads a room's messages as a long poll does, from a position on, until
// it has seen the last one, and gives them in the order it saw them.
func (n *node) follow(ctx context.Context, room id.RoomID, since stream.Position, last func(id.EventID) bool) ([]id.EventID, error) {
	waiter, err := n.Watch(ctx, account, ana, "PHONE")
	if err != nil {
		return nil, err
	}
	defer waiter.Leave()
	var seen []id.EventID
	read := n.View
	for {
		var changes []rooms.Change
		complete := false
		err := read(ctx, account, func(v rooms.View) error {
			changes, complete = v.Changes(since)
			if head := v.Head(); complete && head < since {
				return fmt.Errorf("the head went back from %d to %d", since, head)
			}
			return nil
		})
		if err != nil {
			return seen, err
		}
		if !complete {
			return seen, fmt.Errorf("the tail does not reach back to %d", since)
		}
		for _, c := range changes {
			since = c.Position()
			if c.Event == nil || c.Event.Type != "m.room.message" || c.Event.Room != room {
				continue
			}
			seen = append(seen, c.Event.ID)
			if last(c.Event.ID) {
				return seen, nil
			}
		}
		select {
		case <-waiter.Woken:
		case <-ctx.Done():
			return seen, ctx.Err()
		}
		read = n.Glance
	}
}

// testReaders lets many write and several follow: each follower sees every
// message once, in the order of the timeline.
func testReaders(t *testing.T, f *fixture) { race(t, f, []*node{f.node()}) }

// testTwoNodes is testReaders with the writers and followers on two nodes.
func testTwoNodes(t *testing.T, f *fixture) { race(t, f, []*node{f.node(), f.node()}) }

func race(t *testing.T, _ *fixture, nodes []*node) {
	const writers, each, followers = 8, 40, 4
	room := nodes[0].mustRoom(ana)
	nodes[0].mustJoin(bia, room)
	start := nodes[0].head()
	for _, n := range nodes {
		n.head() // it has the account in memory from here on, and so its tail
	}

	var mu sync.Mutex // guards left
	left := map[id.EventID]bool{}
	seen := make([][]id.EventID, followers)
	var following, writing sync.WaitGroup
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for i := range followers {
		following.Go(func() {
			count := 0
			var err error
			seen[i], err = nodes[i%len(nodes)].follow(ctx, room, start, func(id.EventID) bool {
				count++
				return count == writers*each
			})
			if err != nil {
				t.Errorf("follower %d: %v after %d messages", i, err, count)
			}
		})
	}
	for i := range writers {
		writing.Go(func() {
			n := nodes[i%len(nodes)]
			for j := range each {
				eventID, err := n.send([]id.UserID{ana, bia}[i%2], room, fmt.Sprint(i, "/", j))
				if err != nil {
					t.Errorf("send: %v", err)
					return
				}
				mu.Lock()
				left[eventID] = true
				mu.Unlock()
			}
		})
	}
	writing.Wait()
	if t.Failed() {
		cancel()
	}
	following.Wait()
	want := nodes[0].timeline(room)
	if len(want) != writers*each || len(left) != writers*each {
		t.Fatalf("got %d messages in the timeline and %d acknowledged, want %d", len(want), len(left), writers*each)
	}
	for i := range seen {
		if diff := cmp.Diff(want, seen[i]); diff != "" {
			t.Errorf("follower %d does not see the timeline (-timeline +seen):\n%s", i, diff)
		}
	}
}

func testOtherNode(t *testing.T, f *fixture) {
	one, two := f.node(), f.node()
	room := one.mustRoom(ana)
	// Both have the account, and two the room, in memory before one writes on.
	two.mustJoin(bia, room)
	eventID := one.mustSend(ana, room, "hello")
	if err := one.rooms.SetProfile(t.Context(), caller(ana), "displayname", json.RawMessage(`"Ana"`)); err != nil {
		t.Fatal(err)
	}
	if err := one.rooms.Leave(t.Context(), caller(bia), rooms.Move{Room: room}); err == nil {
		err = one.rooms.Forget(t.Context(), caller(bia), room)
		if err != nil {
			t.Fatal(err)
		}
	}
	err := two.View(t.Context(), account, func(v rooms.View) error {
		r, err := v.Room(room)
		if err != nil {
			return err
		}
		spans, err := v.Memberships(bia)
		if err != nil {
			return err
		}
		forgotten, err := v.Forgotten(bia)
		if err != nil {
			return err
		}
		recent, _ := r.Recent(0)
		if !slices.ContainsFunc(recent, func(e *event.Event) bool { return e.ID == eventID }) {
			t.Error("the other node does not have the message")
		}
		if got, want := string(r.Member(ana).Content), `{"displayname":"Ana","membership":"join"}`; got != want {
			t.Errorf("member event: got %s, want %s", got, want)
		}
		if r.Joined(bia) || spans[room].Current() != "leave" || !forgotten[room] {
			t.Error("the other node does not know that Bia left and forgot")
		}
		if got := r.JoinedCount(); got != 1 {
			t.Errorf("joined: got %d, want 1", got)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func testRedaction(t *testing.T, f *fixture) {
	one, two := f.node(), f.node()
	room := one.mustRoom(ana)
	eventID := one.mustSend(ana, room, "regret")
	two.head() // two has the event in its tail or loads it later
	redaction, err := one.rooms.Redact(t.Context(), caller(ana), rooms.Message{Room: room, Content: []byte(`{}`)}, eventID)
	if err != nil {
		t.Fatal(err)
	}
	for i, n := range []*node{one, two, f.node()} {
		stored, err := n.EventByID(t.Context(), account, eventID)
		if err != nil {
			t.Fatal(err)
		}
		check := func(where string, e *event.Event) {
			if e == nil || string(e.Content) != "{}" || e.RedactedBy != redaction {
				t.Errorf("node %d, %s: the event is not redacted: %+v", i, where, e)
			}
		}
		check("database", stored)
		err = n.View(t.Context(), account, func(v rooms.View) error {
			r, err := v.Room(room)
			if err != nil {
				return err
			}
			recent, _ := r.Recent(0)
			for _, e := range recent {
				if e.ID == eventID {
					check("recent", e)
				}
			}
			changes, _ := v.Changes(v.Head() - 2)
			for _, c := range changes {
				if c.Event != nil && c.Event.ID == eventID {
					check("tail", c.Event)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func testRestart(t *testing.T, f *fixture) {
	before := f.node()
	room := before.mustRoom(ana)
	var want []id.EventID
	for i := range 50 {
		want = append(want, before.mustSend(ana, room, fmt.Sprint(i)))
	}
	since := before.head()
	before.Close()
	after := f.node()
	if diff := cmp.Diff(want, after.timeline(room)); diff != "" {
		t.Errorf("after a restart (-sent +found):\n%s", diff)
	}
	if got := after.head(); got != since {
		t.Errorf("head after a restart: got %d, want %d", got, since)
	}
	next := after.mustSend(ana, room, "next")
	seen, err := after.follow(t.Context(), room, since, func(e id.EventID) bool { return e == next })
	if err != nil || !slices.Equal(seen, []id.EventID{next}) {
		t.Errorf("from the head before the restart: got %v, %v, want %s", seen, err, next)
	}
}

func testWake(t *testing.T, f *fixture) {
	one, two := f.node(), f.node()
	room := one.mustRoom(ana)
	for _, n := range []*node{one, two} {
		waiter, err := n.Watch(t.Context(), account, ana, "PHONE")
		if err != nil {
			t.Fatal(err)
		}
		n.head()
		// While a room is not in memory yet, as when it was just made, its events wake
		// everybody: that must be over.
		one.mustSend(ana, room, fmt.Sprintf("load %p", n))
		<-waiter.Woken
		stranger, err := n.Watch(t.Context(), account, bia, "PHONE")
		if err != nil {
			t.Fatal(err)
		}
		one.mustSend(ana, room, fmt.Sprintf("wake %p", n))
		<-waiter.Woken // or the test's time ends
		if n == one {
			select {
			case <-stranger.Woken:
				t.Error("a poll was woken for a room that its user is not in")
			default:
			}
		}
		waiter.Leave()
		stranger.Leave()
	}
}

// testHistory puts the database back to an earlier state behind a node's back,
// as a restore does.
func testHistory(t *testing.T, f *fixture) {
	n := f.node()
	room := n.mustRoom(ana)
	kept := n.mustSend(ana, room, "kept")
	head := n.head()
	n.mustSend(ana, room, "lost")
	b := &sqldb.Batch{}
	for _, table := range []string{"events", "items", "changes", "to_device"} {
		b.Add("DELETE FROM "+table+" WHERE account = $1 AND position > $2", account, head)
	}
	b.Add("DELETE FROM transactions WHERE account = $1 AND transaction_id = 'lost'", account)
	b.Add("DELETE FROM groups WHERE account = $1 AND prev_head >= $2", account, head)
	if err := n.db.Commit(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	found := n.mustSend(ana, room, "found")
	if diff := cmp.Diff([]id.EventID{kept, found}, n.timeline(room)); diff != "" {
		t.Errorf("after a restore (-want +got):\n%s", diff)
	}
}

// writerEnv makes a test binary a writer: see [Main].
const writerEnv = "INTERNALCHAT_TEST_WRITER"

// writerTask is what a writer process is told.
type writerTask struct {
	URL, Path string // of the database
	Room      id.RoomID
	Messages  int
}

// Main is called first by the TestMain of a package that runs the suite: the
// binary may have been started as a writer of testProcess.
func Main() {
	encoded := os.Getenv(writerEnv)
	if encoded == "" {
		return
	}
	if err := writeAlone(encoded); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func writeAlone(encoded string) error {
	var task writerTask
	if err := json.Unmarshal([]byte(encoded), &task); err != nil {
		return err
	}
	n, closeNode, err := newNode(context.Background(), sqldb.Options{URL: task.URL, Path: task.Path})
	if err != nil {
		return err
	}
	defer closeNode()
	for i := range task.Messages {
		_, err := n.rooms.Send(context.Background(), caller(bia), rooms.Message{
			Room: task.Room, Type: "m.room.message", Content: []byte(`{"body":"from outside"}`),
			Path: "/send", Transaction: fmt.Sprint("outside ", i),
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// testProcess writes from a second process while this one writes and follows.
func testProcess(t *testing.T, f *fixture) {
	const messages = 60
	n := f.node()
	room := n.mustRoom(ana)
	n.mustJoin(bia, room)
	task, err := json.Marshal(writerTask{f.options.URL, f.options.Path, room, messages})
	if err != nil {
		t.Fatal(err)
	}
	start := n.head()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	outside := exec.CommandContext(t.Context(), self)
	outside.Env = append(os.Environ(), writerEnv+"="+string(task))
	outside.Stderr = os.Stderr
	if err := outside.Start(); err != nil {
		t.Fatal(err)
	}
	for i := range messages {
		n.mustSend(ana, room, fmt.Sprint("inside ", i))
	}
	count := 0
	seen, err := n.follow(t.Context(), room, start, func(id.EventID) bool { count++; return count == 2*messages })
	if err != nil {
		t.Fatal(err)
	}
	if err := outside.Wait(); err != nil {
		t.Fatalf("the other process: %v", err)
	}
	if diff := cmp.Diff(n.timeline(room), seen); diff != "" {
		t.Errorf("the follower does not see the timeline (-timeline +seen):\n%s", diff)
	}
}
