package rooms_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/sirupsen/logrus"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/rooms/event"
	"github.com/conversalabs/internalchat/storage"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/sqldb/sqltest"
	"github.com/conversalabs/internalchat/storage/stream"
)

// remindNode is a node on an office's database, of the policy team, whose clock the
// test owns. Its bell counts in the account data of who is reminded.
func remindNode(t testing.TB, db *sqldb.DB, c *clock) *office {
	t.Helper()
	log := logrus.New()
	log.SetOutput(io.Discard)
	store := storage.Open(storage.Options{DB: db, Log: log, Now: c.now})
	t.Cleanup(store.Close)
	o := &office{store: store, t: t, policy: rooms.TeamPolicy}
	o.Service = rooms.New(rooms.Options{
		Store: store, Policies: o, Now: c.now, Random: rand.Reader, AckBell: count,
	})
	return o
}

const bellType = "test.bell"

// count rings by one more in the account data of each.
func count(tx rooms.Tx, e *event.Event, r rooms.AckReminder, users []id.UserID) error {
	for _, user := range users {
		before, err := tx.Item(stream.AccountData, user, e.Room, bellType)
		if err != nil {
			return err
		}
		rung := 0
		if before != nil {
			if err := json.Unmarshal(before, &rung); err != nil {
				return err
			}
		}
		tx.Put(stream.Item{Kind: stream.AccountData, User: user, Room: e.Room, Key: bellType, Content: fmt.Append(nil, rung+1)})
	}
	return nil
}

// reminded gives how often each was reminded.
func (o *office) reminded(room id.RoomID) map[id.UserID]string {
	o.t.Helper()
	items, err := o.store.Items(o.t.Context(), "acme", stream.ItemQuery{
		Kinds: []stream.Kind{stream.AccountData}, Rooms: []id.RoomID{room}, Key: bellType,
	})
	o.must(err)
	all := map[id.UserID]string{}
	for _, item := range items {
		all[item.User] = string(item.Content)
	}
	return all
}

// mustAnnounce makes an announcement channel of Ana's with others, and asks there for
// an acknowledgement by a time.
func (o *office) mustAnnounce(due int64, others ...id.UserID) (id.RoomID, id.EventID) {
	o.t.Helper()
	administrator := by(ana)
	administrator.Role = tenant.Administrator
	room, _, err := o.Create(o.t.Context(), administrator, rooms.Creation{Name: "News", Kind: rooms.Announcement, Invite: others})
	o.must(err)
	said, err := o.Send(o.t.Context(), by(ana), rooms.Message{
		Room: room, Type: "m.room.message",
		Content: fmt.Appendf(nil, `{"body":"x","msgtype":"m.text","br.com.conversalabs.ack":{"required":true,"due_ts":%d}}`, due),
	})
	o.must(err)
	return room, said
}

// mustRemind reminds on several nodes at once, and gives in how many ms that is so
// again, -1 for never.
func mustRemind(t *testing.T, c *clock, nodes ...*office) int64 {
	t.Helper()
	var running sync.WaitGroup
	for _, node := range nodes {
		running.Go(func() {
			if _, err := node.RemindDue(t.Context()); err != nil {
				t.Errorf("remind: %v", err)
			}
		})
	}
	running.Wait()
	next, err := nodes[0].RemindDue(t.Context())
	if err != nil {
		t.Fatalf("remind: %v", err)
	}
	if next.IsZero() {
		return -1
	}
	return next.UnixMilli() - c.Load()
}

const day = int64(24 * time.Hour / time.Millisecond)

// Who has not acknowledged is reminded a day before the time and at the time, once by
// whichever node comes first, also after a restart.
func TestAckReminders(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		newOffice(t, db)
		c := &clock{}
		c.Store(1_800_000_000_000)
		one, two := remindNode(t, db, c), remindNode(t, db, c)
		room, said := one.mustAnnounce(c.Load()+3*day, bia, eva)
		if next := mustRemind(t, c, one, two); next != 2*day {
			t.Errorf("reminds in %d ms, want a day before", next)
		}
		c.Add(2 * day)
		if next := mustRemind(t, c, one, two); next != day {
			t.Errorf("reminds in %d ms, want at the time", next)
		}
		if diff := cmp.Diff(one.reminded(room), map[id.UserID]string{bia: "1", eva: "1"}); diff != "" {
			t.Errorf("reminded (-got +want):\n%s", diff)
		}
		if _, err := two.Acknowledge(t.Context(), by(bia), room, said); err != nil {
			t.Fatal(err)
		}
		c.Add(day)
		if next := mustRemind(t, c, remindNode(t, db, c), two); next != -1 {
			t.Errorf("reminds in %d ms, want never", next)
		}
		if diff := cmp.Diff(two.reminded(room), map[id.UserID]string{bia: "1", eva: "2"}); diff != "" {
			t.Errorf("reminded (-got +want):\n%s", diff)
		}
	})
}

// Nobody is reminded of what was taken back, or in a room that is out of use.
func TestNoAckReminders(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		newOffice(t, db)
		c := &clock{}
		c.Store(1_800_000_000_000)
		o := remindNode(t, db, c)
		redacted, said := o.mustAnnounce(c.Load()+day/2, bia)
		_, err := o.Redact(t.Context(), by(ana), rooms.Message{Room: redacted, Content: json.RawMessage(`{}`)}, said)
		o.must(err)
		retired, _ := o.mustAnnounce(c.Load()+day/2, bia)
		o.mustSet(ana, retired, "m.room.tombstone", `{"body":"x","replacement_room":"`+string(redacted)+`"}`)
		c.Add(day)
		if next := mustRemind(t, c, o); next != -1 {
			t.Errorf("reminds in %d ms, want never", next)
		}
		for _, room := range []id.RoomID{redacted, retired} {
			if got := o.reminded(room); len(got) > 0 {
				t.Errorf("reminded %v, want nobody", got)
			}
		}
	})
}

// Many are reminded by several acts, of which each does a part.
func TestManyAckReminders(t *testing.T) {
	db := sqltest.SQLite(t)
	newOffice(t, db)
	c := &clock{}
	c.Store(1_800_000_000_000)
	one, two := remindNode(t, db, c), remindNode(t, db, c)
	room, _ := one.mustAnnounce(c.Load() + day/2)
	var many []id.UserID
	for i := range 205 {
		user := id.UserID(fmt.Sprintf("@u%04d:acme.example", i))
		one.must(one.store.CreateUser(t.Context(), tenant.Caller{Account: "acme"}, accounts.User{ID: user, Role: tenant.Agent}, "", nil))
		one.must(one.join(user, room))
		many = append(many, user)
	}
	c.Add(day)
	mustRemind(t, c, one, two)
	got := one.reminded(room)
	for _, user := range many {
		if got[user] != "1" {
			t.Errorf("%s was reminded %q times, want once", user, got[user])
		}
	}
}

// The timer sleeps until the next reminder, a minute at most.
func TestAckReminderTimer(t *testing.T) {
	db := sqltest.SQLite(t)
	newOffice(t, db)
	c := &clock{}
	c.Store(1_800_000_000_000)
	o := remindNode(t, db, c)
	room, _ := o.mustAnnounce(c.Load()+61_000, bia)
	asked, ring := make(chan time.Duration), make(chan time.Time)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		o.RunAckReminders(ctx, func(d time.Duration) <-chan time.Time { asked <- d; return ring }, func(err error) { t.Error(err) })
	}()
	for _, step := range []struct {
		add  int64
		want time.Duration
	}{{0, time.Minute}, {60_000, time.Second}, {1000, time.Minute}} {
		if c.Add(step.add); step.add > 0 {
			ring <- c.now()
		}
		if got := <-asked; got != step.want {
			t.Errorf("the timer sleeps for %v, want %v", got, step.want)
		}
	}
	cancel()
	<-ended
	if got := o.reminded(room)[bia]; got != "1" {
		t.Errorf("reminded %q times, want once", got)
	}
}

// The bell rings at both times, and tells of the message.
func TestAckRemindersRing(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		newOffice(t, db)
		c := &clock{}
		c.Store(1_800_000_000_000)
		o := remindNode(t, db, c)
		o.Service = rooms.New(rooms.Options{Store: o.store, Policies: o, Now: c.now, Random: rand.Reader, AckBell: rooms.RingAcknowledge})
		room, said := o.mustAnnounce(c.Load()+2*day, bia)
		for rung := 1; rung <= 2; rung++ {
			c.Add(day)
			mustRemind(t, c, o)
			entries, err := o.store.Bell(t.Context(), "acme", rooms.BellQuery{User: bia, Limit: 10})
			o.must(err)
			if len(entries) != rung || entries[0].Kind != rooms.BellAcknowledge || entries[0].Event != said || entries[0].Room != room {
				t.Fatalf("got %+v, want %d entries of the announcement", entries, rung)
			}
		}
	})
}
