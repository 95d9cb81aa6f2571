package rooms_test

import (
	"context"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/rooms/event"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/sqldb/sqltest"
)

// What is refused when it is sent early stays scheduled.
func TestSendingEarly(t *testing.T) {
	o, c, room := newDelayed(t, sqltest.SQLite(t))
	delayID := o.mustSchedule(bia, laterState(room, "m.room.name", "", `{"name":"Mine"}`))
	mustBe(t, o.SendDelayed(t.Context(), by(bia), delayID), "M_FORBIDDEN")
	if d := o.mustDelayed(bia, delayID); d.Finalised != 0 {
		t.Fatalf("got %+v, want it scheduled", d)
	}
	o.mustSet(ana, room, "m.room.power_levels", `{"users":{"@ana:acme.example":100,"@bia:acme.example":50}}`)
	c.Add(delay)
	o.mustSendDue(c)
	if d := o.mustDelayed(bia, delayID); d.EventID == "" {
		t.Errorf("got %+v, want it sent", d)
	}
}

// The timer sleeps until the next event is due, a few seconds at most, and wakes
// when one is scheduled.
func TestDelayedTimer(t *testing.T) {
	o, c, room := newDelayed(t, sqltest.SQLite(t))
	asked, ring := make(chan time.Duration), make(chan time.Time)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		o.RunDelayed(ctx, func(d time.Duration) <-chan time.Time { asked <- d; return ring }, func(err error) { t.Error(err) })
	}()
	for _, step := range []struct {
		do   func()
		want time.Duration
	}{
		{func() {}, 5 * time.Second},
		{func() { l := later(room, "x"); l.Delay = 2000; o.mustSchedule(ana, l) }, 2 * time.Second},
		{func() { c.Add(1999); ring <- c.now() }, time.Millisecond},
		{func() { c.Add(1); ring <- c.now() }, 5 * time.Second},
	} {
		step.do()
		if got := <-asked; got != step.want {
			t.Errorf("the timer sleeps for %v, want %v", got, step.want)
		}
	}
	if got := o.delayedIn(room); len(got) != 1 {
		t.Errorf("sent %v, want one", got)
	}
	cancel()
	<-ended
}

// The timer forgets what became of delayed events a week later, with nobody doing
// anything, and looks for that once an hour.
func TestTheTimerForgets(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o, c, room := newDelayed(t, db)
		cancel := func(user id.UserID) string {
			delayID := o.mustSchedule(user, later(room, "x"))
			o.must(o.CancelDelayed(t.Context(), by(user), delayID))
			return delayID
		}
		left := func(want ...string) {
			t.Helper()
			var got []string
			for _, user := range []id.UserID{ana, bia} {
				found, err := o.DelayedEvents(t.Context(), by(user), rooms.DelayedQuery{To: math.MaxInt64, Limit: 100})
				o.must(err)
				for _, d := range found {
					got = append(got, d.ID)
				}
			}
			if diff := cmp.Diff(got, want); diff != "" {
				t.Errorf("left (-got +want):\n%s", diff)
			}
		}
		first := cancel(ana)
		c.Add(1)
		second := cancel(bia)
		l := later(room, "scheduled")
		l.Delay = time.Hour.Milliseconds()
		asked, ring := make(chan time.Duration), make(chan time.Time)
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		c.Add((7 * 24 * time.Hour).Milliseconds())
		scheduled := o.mustSchedule(bia, l)
		go func() {
			defer close(ended)
			o.RunDelayed(ctx, func(d time.Duration) <-chan time.Time { asked <- d; return ring }, func(err error) { t.Error(err) })
		}()
		<-asked
		<-asked // again, since something was scheduled
		left(second, scheduled)
		c.Add(time.Hour.Milliseconds() - 1)
		ring <- c.now()
		<-asked
		left(second, scheduled)
		c.Add(1)
		ring <- c.now()
		<-asked
		left(scheduled)
		if o.mustDelayed(bia, scheduled).EventID == "" {
			t.Error("what was due has not been sent")
		}
		_, err := o.DelayedEvent(t.Context(), by(ana), first)
		mustBe(t, err, "M_NOT_FOUND")
		stop()
		<-ended
	})
}

// Only who sent an event learns its delay ID.
func TestDelayIDIsForTheSender(t *testing.T) {
	e := &event.Event{Client: []byte(`{"x":1`), Sender: ana, Delay: "d"}
	for user, want := range map[id.UserID]string{
		ana: `{"x":1,"unsigned":{"age":0,"membership":"join","delay_id":"d","org.matrix.msc4140.delay_id":"d"}}`,
		bia: `{"x":1,"unsigned":{"age":0,"membership":"join"}}`,
	} {
		if got := string(rooms.AppendEvent(nil, e, rooms.Reader{User: user, Membership: "join"})); got != want {
			t.Errorf("%s: got %s, want %s", user, got, want)
		}
	}
}
