package rooms_test

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sirupsen/logrus"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/storage"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/sqldb/sqltest"
)

// clock is the time of all nodes of a test, in ms.
type clock struct{ atomic.Int64 }

func (c *clock) now() time.Time { return time.UnixMilli(c.Load()) }

// delayedNode is a node on an office's database whose clock the test owns.
func delayedNode(t testing.TB, db *sqldb.DB, c *clock) *office {
	t.Helper()
	log := logrus.New()
	log.SetOutput(io.Discard)
	store := storage.Open(storage.Options{DB: db, Log: log, Now: c.now})
	t.Cleanup(store.Close)
	o := &office{store: store, t: t, policy: rooms.MatrixPolicy}
	o.Service = rooms.New(rooms.Options{
		Store: store, Policies: o, Now: c.now, Random: rand.Reader,
		Limits: rooms.Limits{PageMax: 1000, DelayedEvents: 30, DelayMax: time.Hour},
	})
	return o
}

// newDelayed gives a node, its clock and a room of Ana's and Bia's.
func newDelayed(t testing.TB, db *sqldb.DB) (*office, *clock, id.RoomID) {
	t.Helper()
	newOffice(t, db)
	c := &clock{}
	c.Store(1_800_000_000_000)
	o := delayedNode(t, db, c)
	room := o.mustCreate(rooms.Creation{})
	o.must(o.join(bia, room))
	return o, c, room
}

const delay = 60_000

func later(room id.RoomID, body string) rooms.Later {
	return rooms.Later{Room: room, Type: "m.room.message", Content: json.RawMessage(`{"body":"` + body + `"}`), Delay: delay}
}

func laterState(room id.RoomID, eventType, key, content string) rooms.Later {
	return rooms.Later{Room: room, Type: eventType, StateKey: &key, Content: json.RawMessage(content), Delay: delay}
}

func (o *office) mustSchedule(user id.UserID, l rooms.Later) string {
	o.t.Helper()
	delayID, err := o.Schedule(o.t.Context(), by(user), l)
	if err != nil {
		o.t.Fatalf("%s schedules: %v", user, err)
	}
	return delayID
}

// mustSendDue gives in how many ms the next one is due, -1 for never.
func (o *office) mustSendDue(c *clock) int64 {
	o.t.Helper()
	next, err := o.SendDue(o.t.Context())
	if err != nil {
		o.t.Fatalf("send what is due: %v", err)
	}
	if next.IsZero() {
		return -1
	}
	return next.UnixMilli() - c.Load()
}

func (o *office) mustDelayed(user id.UserID, delayID string) rooms.Delayed {
	o.t.Helper()
	d, err := o.DelayedEvent(o.t.Context(), by(user), delayID)
	if err != nil {
		o.t.Fatalf("delayed event %s: %v", delayID, err)
	}
	return *d
}

// delayedIn gives the delay IDs of a room's events, oldest first.
func (o *office) delayedIn(room id.RoomID) []string {
	o.t.Helper()
	parts, err := o.store.Timelines(o.t.Context(), "acme", []rooms.Slice{
		{Room: room, UpTo: 1 << 62, Limit: 1 << 30, Direction: rooms.Forwards},
	})
	o.must(err)
	ids := []string{}
	for _, e := range parts[0] {
		if e.Delay != "" {
			ids = append(ids, e.Delay)
		}
	}
	return ids
}

func TestDelayedEventsAreSentOnce(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		one, c, room := newDelayed(t, db)
		two := delayedNode(t, db, c)
		var want []string
		for i := range 20 {
			want = append(want, one.mustSchedule(ana, later(room, fmt.Sprint(i))))
		}
		c.Add(delay - 1)
		if next := two.mustSendDue(c); next != 1 || len(one.delayedIn(room)) != 0 {
			t.Fatalf("a moment too early: the next in %d ms, sent %v; want 1 and none", next, one.delayedIn(room))
		}
		c.Add(1)
		var both sync.WaitGroup
		for i := range 6 {
			both.Go(func() {
				if _, err := []*office{one, two}[i%2].SendDue(t.Context()); err != nil {
					t.Errorf("node %d: %v", i, err)
				}
			})
		}
		both.Wait()
		got := two.delayedIn(room)
		slices.Sort(got)
		slices.Sort(want)
		if diff := cmp.Diff(got, want); diff != "" {
			t.Errorf("sent (-got +want):\n%s", diff)
		}
		d := two.mustDelayed(ana, want[0])
		e, err := two.store.EventByID(t.Context(), "acme", d.EventID)
		if err != nil || e == nil || e.Delay != d.ID || e.Sender != ana || e.Timestamp != c.Load() || d.Finalised != c.Load() {
			t.Errorf("got %+v for %+v, %v", e, d, err)
		}
		if next := one.mustSendDue(c); next != -1 {
			t.Errorf("the next is due in %d ms, want none", next)
		}
	})
}

// The node that scheduled dies before, and another one while, it sends.
func TestDelayedEventsOutliveTheirNode(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		one, c, room := newDelayed(t, db)
		want := []string{one.mustSchedule(ana, later(room, "first"))}
		one.store.Close()
		c.Add(delay)
		want = append(want, delayedNode(t, db, c).mustSchedule(ana, later(room, "second")))
		two := delayedNode(t, db, c)
		if next := two.mustSendDue(c); next != delay {
			t.Errorf("the next is due in %d ms, want %d", next, delay)
		}
		two.store.Close()
		c.Add(delay)
		three := delayedNode(t, db, c)
		three.mustSendDue(c)
		if diff := cmp.Diff(three.delayedIn(room), want); diff != "" {
			t.Errorf("sent (-got +want):\n%s", diff)
		}
	})
}

func TestDelayedActions(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o, c, room := newDelayed(t, db)
		ctx := t.Context()
		sent, cancelled, restarted := o.mustSchedule(ana, later(room, "a")), o.mustSchedule(ana, later(room, "b")), o.mustSchedule(ana, later(room, "c"))
		for _, user := range []id.UserID{bia, "@ana:other.example"} {
			mustBe(t, o.CancelDelayed(ctx, by(user), sent), "M_NOT_FOUND")
			mustBe(t, o.RestartDelayed(ctx, by(user), sent), "M_NOT_FOUND")
			mustBe(t, o.SendDelayed(ctx, by(user), sent), "M_NOT_FOUND")
		}
		c.Add(1000)
		for range 2 {
			o.must(o.SendDelayed(ctx, by(ana), sent))
			o.must(o.CancelDelayed(ctx, by(ana), cancelled))
			o.must(o.RestartDelayed(ctx, by(ana), restarted))
		}
		mustBe(t, o.CancelDelayed(ctx, by(ana), sent), "M_UNKNOWN")
		mustBe(t, o.RestartDelayed(ctx, by(ana), sent), "M_UNKNOWN")
		mustBe(t, o.SendDelayed(ctx, by(ana), cancelled), "M_UNKNOWN")
		mustBe(t, o.RestartDelayed(ctx, by(ana), cancelled), "M_UNKNOWN")
		if d := o.mustDelayed(ana, cancelled); d.EventID != "" || d.Error != nil || d.Finalised != c.Load() {
			t.Errorf("cancelled: got %+v", d)
		}
		c.Add(delay - 1000)
		if next := o.mustSendDue(c); next != 1000 {
			t.Errorf("the next is due in %d ms, want the restarted one in 1000", next)
		}
		if diff := cmp.Diff(o.delayedIn(room), []string{sent}); diff != "" {
			t.Errorf("sent (-got +want):\n%s", diff)
		}
		c.Add(1000)
		o.mustSendDue(c)
		if diff := cmp.Diff(o.delayedIn(room), []string{sent, restarted}); diff != "" {
			t.Errorf("sent (-got +want):\n%s", diff)
		}
	})
}

func TestScheduleRefusals(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o, c, room := newDelayed(t, db)
		with := func(change func(*rooms.Later)) rooms.Later { l := later(room, "x"); change(&l); return l }
		for name, refused := range map[string]struct {
			user id.UserID
			rooms.Later
			code string
		}{
			"not in the room": {eva, later(room, "x"), "M_FORBIDDEN"},
			"no such room":    {ana, later("!x:acme.example", "x"), "M_FORBIDDEN"},
			"no delay":        {ana, with(func(l *rooms.Later) { l.Delay = 0 }), "M_INVALID_PARAM"},
			"past":            {ana, with(func(l *rooms.Later) { l.Delay = -1 }), "M_INVALID_PARAM"},
			"too long":        {ana, with(func(l *rooms.Later) { l.Delay = 3_600_001 }), "M_DELAY_TOO_LARGE"},
			"float":           {ana, with(func(l *rooms.Later) { l.Content = json.RawMessage(`{"n":1.5}`) }), "M_BAD_JSON"},
			"too large":       {ana, later(room, fmt.Sprintf("%070000d", 7)), "M_TOO_LARGE"},
			"redacts nothing": {ana, with(func(l *rooms.Later) { l.Type = "m.room.redaction" }), "M_BAD_JSON"},
			"long name":       {ana, laterState(room, "m.room.name", "", `{"name":"`+fmt.Sprintf("%0300d", 7)+`"}`), "M_TOO_LARGE"},
		} {
			_, err := o.Schedule(t.Context(), by(refused.user), refused.Later)
			if refusal.As(err) == nil || refusal.As(err).Code != refused.code {
				t.Errorf("%s: got %v, want %s", name, err, refused.code)
			}
		}
		for range 30 {
			o.mustSchedule(ana, later(room, "x"))
			c.Add(10)
		}
		_, err := o.Schedule(t.Context(), by(ana), later(room, "one too many"))
		mustBe(t, err, "M_LIMIT_EXCEEDED")
		if wait := refusal.As(err).Extra["retry_after_ms"]; wait != int64(delay-300) {
			t.Errorf("retry_after_ms: got %v, want %d", wait, delay-300)
		}
		o.mustSchedule(bia, later(room, "not Ana's"))
	})
}

func TestScheduleRetries(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o, c, room := newDelayed(t, db)
		l := later(room, "x")
		l.Path, l.Transaction = "/send?delay", "1"
		first := o.mustSchedule(ana, l)
		if again := delayedNode(t, db, c).mustSchedule(ana, l); again != first {
			t.Errorf("retry: got %s, want %s", again, first)
		}
		c.Add(delay)
		o.mustSendDue(c)
		if again := o.mustSchedule(ana, l); again != first {
			t.Errorf("retry after it was sent: got %s, want %s", again, first)
		}
		if got := o.delayedIn(room); len(got) != 1 {
			t.Errorf("sent %v, want one", got)
		}
	})
}

// What is scheduled is held to what is asked of it at the time it is sent.
func TestDelayedEventsAreJudgedWhenSent(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o, c, room := newDelayed(t, db)
		target := o.mustSend(room, "to be redacted")
		o.mustSet(ana, room, "m.room.topic", `{"topic":"same"}`)
		redaction := later(room, "")
		redaction.Type, redaction.Content = "m.room.redaction", json.RawMessage(`{"redacts":"`+string(target)+`"}`)
		fine := map[string]string{
			"redaction":    o.mustSchedule(ana, redaction),
			"state":        o.mustSchedule(ana, laterState(room, "m.room.name", "", `{"name":"Later"}`)),
			"same state":   o.mustSchedule(ana, laterState(room, "m.room.topic", "", `{"topic":"same"}`)),
			"kick":         o.mustSchedule(ana, laterState(room, "m.room.member", string(bia), `{"membership":"leave"}`)),
			"display name": o.mustSchedule(ana, laterState(room, "m.room.member", string(ana), `{"membership":"join","displayname":"A"}`)),
		}
		bad := map[string]string{
			"no power":      o.mustSchedule(bia, laterState(room, "m.room.name", "", `{"name":"Mine"}`)),
			"foreign alias": o.mustSchedule(ana, laterState(room, "m.room.canonical_alias", "", `{"alias":"#no:acme.example"}`)),
			"stranger":      o.mustSchedule(ana, laterState(room, "m.room.member", "@x:acme.example", `{"membership":"invite"}`)),
		}
		c.Add(1)
		gone := o.mustSchedule(bia, later(room, "after the kick"))
		c.Add(delay)
		o.mustSendDue(c)
		for name, delayID := range fine {
			if d := o.mustDelayed(ana, delayID); d.EventID == "" || d.Error != nil {
				t.Errorf("%s: got %+v, want it sent", name, d)
			}
		}
		bad["not in the room"] = gone
		for name, delayID := range bad {
			user := ana
			if name == "no power" || name == "not in the room" {
				user = bia
			}
			d := o.mustDelayed(user, delayID)
			var why struct{ Errcode, Error string }
			if err := json.Unmarshal(d.Error, &why); err != nil || why.Errcode == "" || why.Error == "" || d.EventID != "" || d.Finalised != c.Load() {
				t.Errorf("%s: got %s in %+v, want an error", name, d.Error, d)
			}
		}
		if got := o.content(room, "m.room.name", ""); got != `{"name":"Later"}` {
			t.Errorf("name: got %s", got)
		}
		redacted, err := o.store.EventByID(t.Context(), "acme", target)
		if err != nil || redacted.RedactedBy == "" {
			t.Errorf("got %+v, %v, want it redacted", redacted, err)
		}
		o.must(o.CancelDelayed(t.Context(), by(bia), gone))
		mustBe(t, o.SendDelayed(t.Context(), by(bia), gone), "M_UNKNOWN")
	})
}

func TestDelayedEventsOfTheDeactivated(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o, c, room := newDelayed(t, db)
		delayID := o.mustSchedule(bia, later(room, "x"))
		// Their leave from the room may come later.
		o.must(o.store.Deactivate(t.Context(), tenant.Caller{Account: "acme"}, bia))
		c.Add(delay)
		o.mustSendDue(c)
		if d := o.mustDelayed(bia, delayID); d.EventID != "" || d.Error == nil || len(o.delayedIn(room)) != 0 {
			t.Errorf("got %+v, want an error", d)
		}
	})
}
