package main_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// connect gives a client of the library with connections of its own.
func connect(t testing.TB, address string) *mautrix.Client {
	t.Helper()
	client, err := mautrix.NewClient(address, "", "")
	if err != nil {
		t.Fatal(err)
	}
	wire := &http.Transport{}
	t.Cleanup(wire.CloseIdleConnections)
	client.Client = &http.Client{Transport: wire}
	return client
}

// mustLogIn gives a client with a new session.
func mustLogIn(t testing.TB, address, name, password string) *mautrix.Client {
	t.Helper()
	client := connect(t, address)
	if err := logIn(within(t), client, name, password); err != nil {
		t.Fatalf("log in as %s: %v", name, err)
	}
	return client
}

func logIn(ctx context.Context, client *mautrix.Client, name, password string) error {
	_, err := client.Login(ctx, &mautrix.ReqLogin{
		Type:             mautrix.AuthTypePassword,
		Identifier:       mautrix.UserIdentifier{Type: mautrix.IdentifierTypeUser, User: name},
		Password:         password,
		StoreCredentials: true,
	})
	return err
}

// mustRegister gives a client of a new user, on a server with open registration.
func mustRegister(t testing.TB, address, name string) *mautrix.Client {
	t.Helper()
	client := connect(t, address)
	registered, err := client.RegisterDummy(within(t), &mautrix.ReqRegister[any]{Username: name, Password: "correct horse " + name})
	if err != nil {
		t.Fatalf("register %s: %v", name, err)
	}
	client.UserID, client.DeviceID, client.AccessToken = registered.UserID, registered.DeviceID, registered.AccessToken
	return client
}

// moved is the same session on another address.
func moved(t testing.TB, client *mautrix.Client, address string) *mautrix.Client {
	t.Helper()
	again := connect(t, address)
	again.UserID, again.DeviceID, again.AccessToken = client.UserID, client.DeviceID, client.AccessToken
	again.Store = client.Store
	return again
}

// person is a user whose client reads by the library's own loop of long polls.
type person struct {
	*mautrix.Client
	events chan *event.Event // of timelines, in the order of arrival
	seen   []id.EventID      // those that were taken from events
	ended  chan struct{}     // closed when the loop has ended
	err    error             // what ended it, known then
	leave  func()            // ends the loop
}

// newPerson starts a loop for a client, which goes on where its store says.
func newPerson(t testing.TB, client *mautrix.Client) *person {
	t.Helper()
	p := &person{Client: client, events: make(chan *event.Event, 10_000), ended: make(chan struct{})}
	loop := &impatient{mautrix.NewDefaultSyncer()}
	loop.OnEvent(func(_ context.Context, e *event.Event) {
		if e.Mautrix.EventSource&event.SourceTimeline != 0 {
			p.events <- e
		}
	})
	client.Syncer = loop
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		defer close(p.ended)
		p.err = client.SyncWithContext(ctx)
	}()
	p.leave = func() {
		cancel()
		<-p.ended
	}
	t.Cleanup(p.leave)
	return p
}

// impatient gives up at the first error, which the test then judges.
type impatient struct{ *mautrix.DefaultSyncer }

// OnFailedSync is asked after each failed poll.
func (impatient) OnFailedSync(_ *mautrix.RespSync, err error) (time.Duration, error) { return 0, err }

// restart is the same person with a restarted client, at another address.
func (p *person) restart(t testing.TB, address string) *person {
	t.Helper()
	again := newPerson(t, moved(t, p.Client, address))
	again.seen = p.seen
	return again
}

// mustSee waits until an event arrives by long poll. It demands that none came
// twice.
func (p *person) mustSee(t testing.TB, wanted id.EventID) *event.Event {
	t.Helper()
	timeout := time.After(patience)
	for {
		select {
		case e := <-p.events:
			if slices.Contains(p.seen, e.ID) {
				t.Errorf("%s got %s a second time", p.UserID, e.ID)
			}
			p.seen = append(p.seen, e.ID)
			if e.ID == wanted {
				return e
			}
		case <-p.ended:
			t.Fatalf("%s waits for %s and does not sync any more: %v", p.UserID, wanted, p.err)
		case <-timeout:
			t.Fatalf("%s does not see %s", p.UserID, wanted)
		}
	}
}

// mustSend sends a text.
func mustSend(t testing.TB, client *mautrix.Client, room id.RoomID, text string) id.EventID {
	t.Helper()
	sent, err := client.SendText(within(t), room, text)
	if err != nil {
		t.Fatalf("%s sends: %v", client.UserID, err)
	}
	return sent.EventID
}

// mustCreateRoom makes a public room with an alias.
func mustCreateRoom(t testing.TB, client *mautrix.Client, alias string) id.RoomID {
	t.Helper()
	made, err := client.CreateRoom(within(t), &mautrix.ReqCreateRoom{
		Preset: "public_chat", RoomAliasName: alias, Visibility: "public", Name: "Kitchen",
	})
	if err != nil {
		t.Fatalf("create the room: %v", err)
	}
	return made.RoomID
}

func mustJoin(t testing.TB, client *mautrix.Client, room string) id.RoomID {
	t.Helper()
	joined, err := client.JoinRoom(within(t), room, nil)
	if err != nil {
		t.Fatalf("%s joins %s: %v", client.UserID, room, err)
	}
	return joined.RoomID
}

// mustHistory reads a room from its beginning, and demands that it reads the
// same from its end.
func mustHistory(t testing.TB, client *mautrix.Client, room id.RoomID) []*event.Event {
	t.Helper()
	forwards := mustPages(t, client, room, mautrix.DirectionForward, "", "")
	backwards := mustPages(t, client, room, mautrix.DirectionBackward, "", "")
	slices.Reverse(backwards)
	if diff := cmp.Diff(idsOf(backwards), idsOf(forwards)); diff != "" {
		t.Errorf("/messages reads otherwise forwards (+) than backwards (-):\n%s", diff)
	}
	return forwards
}

// mustPages reads all pages of /messages.
func mustPages(t testing.TB, client *mautrix.Client, room id.RoomID, dir mautrix.Direction, from, to string) []*event.Event {
	t.Helper()
	all, err := pages(within(t), client, room, dir, from, to)
	if err != nil {
		t.Fatalf("messages: %v", err)
	}
	return all
}

func pages(ctx context.Context, client *mautrix.Client, room id.RoomID, dir mautrix.Direction, from, to string) ([]*event.Event, error) {
	var all []*event.Event
	for {
		page, err := client.Messages(ctx, room, from, to, dir, nil, 100)
		if err != nil {
			return nil, err
		}
		all = append(all, page.Chunk...)
		if page.End == "" || len(page.Chunk) == 0 {
			return all, nil
		}
		from = page.End
	}
}

func idsOf(events []*event.Event) []id.EventID {
	ids := make([]id.EventID, len(events))
	for i, e := range events {
		ids[i] = e.ID
	}
	return ids
}

// chain is a reader who gives each next_batch to the next request, and closes
// the gaps of limited timelines with /messages. It reads one room.
type chain struct {
	client *mautrix.Client
	room   id.RoomID
	filter string // in line, as JSON
	since  string
	seen   []id.EventID
	gaps   int
}

// step makes one request, which waits for at most this long.
func (c *chain) step(ctx context.Context, timeout time.Duration) error {
	answer, err := c.client.FullSyncRequest(ctx, mautrix.ReqSync{
		Since: c.since, FilterID: c.filter, Timeout: int(timeout.Milliseconds()),
	})
	if err != nil {
		return err
	}
	if room := answer.Rooms.Join[c.room]; room != nil {
		if room.Timeline.Limited {
			gap, err := pages(ctx, c.client, c.room, mautrix.DirectionBackward, room.Timeline.PrevBatch, c.since)
			if err != nil {
				return err
			}
			slices.Reverse(gap)
			c.seen = append(c.seen, idsOf(gap)...)
			c.gaps++
		}
		c.seen = append(c.seen, idsOf(room.Timeline.Events)...)
	}
	c.since = answer.NextBatch
	return nil
}

// follow polls until a poll fails, and gives the error. A poll that waits for
// nothing lasts longer than the patience, and fails.
func (c *chain) follow(t testing.TB) <-chan error {
	ended := make(chan error, 1)
	go func() {
		for {
			if err := c.step(within(t), 2*patience); err != nil {
				ended <- err
				return
			}
		}
	}()
	return ended
}

// mustStep is step without a wait.
func (c *chain) mustStep(t testing.TB) {
	t.Helper()
	if err := c.step(within(t), 0); err != nil {
		t.Fatalf("%s syncs: %v", c.client.UserID, err)
	}
}

// mustHaveSeen demands that the chain has seen the room as it is.
func (c *chain) mustHaveSeen(t testing.TB, room []*event.Event) {
	t.Helper()
	if diff := cmp.Diff(idsOf(room), c.seen); diff != "" {
		t.Errorf("%s read by /sync what differs (+) from /messages (-):\n%s", c.client.UserID, diff)
	}
}

// mustBeUnknown demands that a refusal says that the session has ended.
func mustBeUnknown(t testing.TB, err error) {
	t.Helper()
	var refused mautrix.HTTPError
	if !errors.As(err, &refused) || !refused.IsStatus(http.StatusUnauthorized) || !errors.Is(err, mautrix.MUnknownToken) {
		t.Errorf("got %v, want 401 M_UNKNOWN_TOKEN", err)
	}
}
