package main_test

import (
	"fmt"
	"path/filepath"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/conversalabs/internalchat/storage/sqldb/sqltest"
)

// nodes starts two servers on one empty database at the same moment, and gives
// the administrator's password, which one of them says.
func nodes(t testing.TB) (in installation, one, two *server, password string) {
	t.Helper()
	in = installation{folder: filepath.Join(t.TempDir(), "one"), database: sqltest.PostgresURL(t)}
	other := installation{folder: filepath.Join(t.TempDir(), "two"), database: in.database}
	one, two = in.launch(t), other.launch(t)
	one.mustBeReady(t)
	two.mustBeReady(t)
	if len(one.lines()) < len(two.lines()) {
		return in, one, two, mustBeFirstStart(t, two)
	}
	if lines := two.lines(); len(lines) != 1 {
		t.Errorf("got %q from the second node, want the administrator from one node only", lines)
	}
	return in, one, two, mustBeFirstStart(t, one)
}

// TestTwoNodes lets two clients talk through two servers on one database.
func TestTwoNodes(t *testing.T) {
	t.Parallel()
	in, one, two, password := nodes(t)
	in.mustHaveUser(t, "bia", "correct horse")
	admin := newPerson(t, mustLogIn(t, one.url, "admin", password))
	bia := newPerson(t, mustLogIn(t, two.url, "bia", "correct horse"))
	room := mustCreateRoom(t, admin.Client, "kitchen")
	mustJoin(t, bia.Client, "#kitchen:localhost")
	mustTalk(t, admin, bia, room, "in turn")

	// Both write at once.
	var both sync.WaitGroup
	for _, p := range []*person{admin, bia} {
		both.Go(func() {
			for i := range 30 {
				if _, err := p.SendText(within(t), room, fmt.Sprintf("at once %d", i)); err != nil {
					t.Errorf("%s sends: %v", p.UserID, err)
				}
			}
		})
	}
	both.Wait()
	last := mustSend(t, admin.Client, room, "the last one")
	history := mustHistory(t, moved(t, bia.Client, one.url), room)
	if diff := cmp.Diff(idsOf(history), idsOf(mustHistory(t, bia.Client, room))); diff != "" {
		t.Errorf("the history on node two differs (+) from that on node one (-):\n%s", diff)
	}
	for _, p := range []*person{admin, bia} {
		p.mustSee(t, last)
		if diff := cmp.Diff(idsOf(history), p.seen); diff != "" {
			t.Errorf("%s saw what differs (+) from the history (-):\n%s", p.UserID, diff)
		}
	}
}

// TestTokensOfAnotherNode goes on with one node's sync tokens on the other, and
// reads there what has just been acknowledged here.
func TestTokensOfAnotherNode(t *testing.T) {
	t.Parallel()
	_, one, two, password := nodes(t)
	here := mustLogIn(t, one.url, "admin", password)
	there := moved(t, here, two.url)
	room := mustCreateRoom(t, here, "kitchen")
	reader := &chain{client: here, room: room}
	reader.mustStep(t)
	for i := range 20 {
		sent := mustSend(t, here, room, fmt.Sprint(i))
		reader.client = there
		reader.mustStep(t)
		if last := reader.seen[len(reader.seen)-1]; last != sent {
			t.Fatalf("got %s as the last event on the other node, want %s, which was acknowledged", last, sent)
		}
		here, there = there, here
	}
	reader.mustHaveSeen(t, mustHistory(t, here, room))
}

// TestLogoutOnAnotherNode ends a session on one node: the other ends its polls
// and refuses its token.
func TestLogoutOnAnotherNode(t *testing.T) {
	t.Parallel()
	_, one, two, password := nodes(t)
	here := mustLogIn(t, one.url, "admin", password)
	there := moved(t, here, two.url)
	reader := &chain{client: there}
	reader.mustStep(t)
	poll := reader.follow(t)
	if _, err := here.Logout(within(t)); err != nil {
		t.Fatalf("log out: %v", err)
	}
	_, err := there.Whoami(within(t))
	mustBeUnknown(t, err)
	mustBeUnknown(t, <-poll)
}
