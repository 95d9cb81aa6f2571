package rooms_test

import (
	"context"
	"testing"
	"time"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/rooms/event"
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

// Only who sent an event learns its delay ID.
func TestDelayIDIsForTheSender(t *testing.T) {
	e := &event.Event{Client: []byte(`{"x":1`), Sender: ana, Delay: "d"}
	for user, want := range map[id.UserID]string{
		ana: `{"x":1,"unsigned":{"age":0,"membership":"join","org.matrix.msc4140.delay_id":"d"}}`,
		bia: `{"x":1,"unsigned":{"age":0,"membership":"join"}}`,
	} {
		if got := string(rooms.AppendEvent(nil, e, rooms.Reader{User: user, Membership: "join"})); got != want {
			t.Errorf("%s: got %s, want %s", user, got, want)
		}
	}
}
