package main_test

import (
	"fmt"
	"testing"
	"time"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// mustShareRooms makes rooms of an owner's in which a colleague is too.
func mustShareRooms(t testing.TB, owner, colleague *mautrix.Client, n int) []id.RoomID {
	t.Helper()
	made := make([]id.RoomID, n)
	for i := range made {
		made[i] = mustCreateRoom(t, owner, fmt.Sprintf("%s-%d", owner.UserID.Localpart(), i))
		mustJoin(t, colleague, made[i].String())
	}
	return made
}

// departure is how somebody sees a colleague leave their rooms.
type departure struct {
	user id.UserID
	left map[id.RoomID]int // leaves that arrived
}

// note counts what is a leave.
func (d *departure) note(e *event.Event) {
	if e.Type == event.StateMember && e.Sender == d.user && e.Content.AsMember().Membership == event.MembershipLeave {
		d.left[e.RoomID]++
	}
}

// drain notes what has arrived by now.
func (d *departure) drain(p *person) {
	for {
		select {
		case e := <-p.events:
			d.note(e)
		default:
			return
		}
	}
}

// mustGoOn reads until the user has left this many rooms.
func (d *departure) mustGoOn(t testing.TB, p *person, rooms int) {
	t.Helper()
	timeout := time.After(patience)
	for len(d.left) < rooms {
		select {
		case e := <-p.events:
			d.note(e)
		case <-p.ended:
			t.Fatalf("%s does not sync any more: %v", p.UserID, p.err)
		case <-timeout:
			t.Fatalf("%s has seen %s leave %d rooms, want %d", p.UserID, d.user, len(d.left), rooms)
		}
	}
}

// mustHaveSucceeded demands that the user left each room once, that the heir was
// made its owner once, and that nobody else is there.
func (d *departure) mustHaveSucceeded(t testing.TB, heir *mautrix.Client, rooms []id.RoomID) {
	t.Helper()
	for _, room := range rooms {
		if d.left[room] != 1 {
			t.Errorf("%s arrived %d times as left, want once", room, d.left[room])
		}
		leaves, handovers := 0, 0
		for _, e := range mustHistory(t, heir, room) {
			switch {
			case e.Type == event.StateMember && e.Sender == d.user && e.Content.Raw["membership"] == "leave":
				leaves++
			case e.Type == event.StatePowerLevels && e.Sender == "@conversalabs:localhost":
				handovers++
			}
		}
		if leaves != 1 || handovers != 1 {
			t.Errorf("%s: got %d leaves and %d times an heir, want one of each", room, leaves, handovers)
		}
		var levels event.PowerLevelsEventContent
		if err := heir.StateEvent(within(t), room, event.StatePowerLevels, "", &levels); err != nil {
			t.Fatal(err)
		}
		if levels.GetUserLevel(heir.UserID) != 150 || levels.GetUserLevel(d.user) != 0 {
			t.Errorf("got the levels %v, want %s as the owner", levels.Users, heir.UserID)
		}
		members, err := heir.JoinedMembers(within(t), room)
		if err != nil || len(members.Joined) != 1 {
			t.Errorf("got the members %v, %v, want %s alone", members, err, heir.UserID)
		}
	}
}

// TestKilledWhileSomebodyLeaves kills the server while it takes a deactivated user
// out of fifty rooms. The next start goes on where it was.
func TestKilledWhileSomebodyLeaves(t *testing.T) {
	each(t, func(t *testing.T, in installation) {
		s := in.mustStart(t, "--registration", "open")
		bia, eva := mustRegister(t, s.url, "bia"), mustRegister(t, s.url, "eva")
		shared := mustShareRooms(t, bia, eva, 50)
		watching := newPerson(t, eva)
		d := &departure{user: bia.UserID, left: map[id.RoomID]int{}}
		deactivated := make(chan outcome, 1)
		go func() { deactivated <- in.run(t, "", "user", "deactivate", "bia") }()
		d.mustGoOn(t, watching, 1)
		s.kill(t)
		if got := <-deactivated; got.code != 0 {
			t.Fatalf("got %+v", got)
		}
		watching.leave()
		d.drain(watching)
		t.Logf("killed when %d rooms were known to be left", len(d.left))

		s = in.mustStart(t, "--registration", "open")
		watching = watching.restart(t, s.url)
		d.mustGoOn(t, watching, len(shared))
		d.mustHaveSucceeded(t, watching.Client, shared)
		found, err := watching.SearchUserDirectory(within(t), "bia", 10)
		if err != nil || len(found.Results) != 0 {
			t.Errorf("got %v, %v in the directory, want nobody", found, err)
		}
	})
}

// TestDeactivatedWithoutServer deactivates a user while no server runs: the next
// one takes them out of their rooms.
func TestDeactivatedWithoutServer(t *testing.T) {
	each(t, func(t *testing.T, in installation) {
		s := in.mustStart(t, "--registration", "open")
		bia, eva := mustRegister(t, s.url, "bia"), mustRegister(t, s.url, "eva")
		shared := mustShareRooms(t, bia, eva, 3)
		watching := newPerson(t, eva)
		watching.mustSee(t, mustSend(t, eva, shared[0], "still here"))
		watching.leave()
		s.stop(t)
		want := "User @bia:localhost was deactivated. All their sessions have ended.\n" +
			"They leave their rooms as soon as a server runs: one that runs now sees to it in a moment.\n"
		if got := in.mustRun(t, "", "user", "deactivate", "bia"); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		s = in.mustStart(t)
		watching = watching.restart(t, s.url)
		d := &departure{user: bia.UserID, left: map[id.RoomID]int{}}
		d.mustGoOn(t, watching, len(shared))
		d.mustHaveSucceeded(t, watching.Client, shared)
	})
}

// TestNodeKilledWhileSomebodyLeaves kills one of two nodes meanwhile: the other
// one goes on, whichever of them it was.
func TestNodeKilledWhileSomebodyLeaves(t *testing.T) {
	t.Parallel()
	in, one, two, password := nodes(t)
	in.mustHaveUser(t, "bia", "correct horse")
	bia, admin := mustLogIn(t, one.url, "bia", "correct horse"), mustLogIn(t, two.url, "admin", password)
	shared := mustShareRooms(t, bia, admin, 30)
	watching := newPerson(t, admin)
	d := &departure{user: bia.UserID, left: map[id.RoomID]int{}}
	deactivated := make(chan outcome, 1)
	go func() { deactivated <- in.run(t, "", "user", "deactivate", "bia") }()
	d.mustGoOn(t, watching, 1)
	one.kill(t)
	if got := <-deactivated; got.code != 0 {
		t.Fatalf("got %+v", got)
	}
	d.mustGoOn(t, watching, len(shared))
	d.mustHaveSucceeded(t, watching.Client, shared)
}
