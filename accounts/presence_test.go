package accounts_test

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/sqldb/sqltest"
	"github.com/conversalabs/internalchat/storage/stream"
)

// presenceNode is one of several servers on a database.
type presenceNode struct {
	*accounts.Presences
	*dataNode
	now    func() time.Time
	writes *atomic.Int64 // people noted as seen
}

// counting is a store that counts who is noted as seen.
type counting struct {
	accounts.PresenceStore
	writes *atomic.Int64
}

func (c counting) SeePresent(ctx context.Context, seen []accounts.Attendance) error {
	c.writes.Add(int64(len(seen)))
	return c.PresenceStore.SeePresent(ctx, seen)
}

// newPresenceNodes gives nodes with one clock, in ms.
func newPresenceNodes(t *testing.T, db *sqldb.DB, count int) ([]*presenceNode, *atomic.Int64) {
	t.Helper()
	clock := &atomic.Int64{}
	clock.Store(1_700_000_000_000)
	now := func() time.Time { return time.UnixMilli(clock.Load()) }
	var nodes []*presenceNode
	for _, node := range newDataNodes(t, db, count) {
		nodes = append(nodes, (&presenceNode{dataNode: node, now: now, writes: &atomic.Int64{}}).again())
	}
	return nodes, clock
}

// again is the node after a restart: it remembers nothing.
func (n *presenceNode) again() *presenceNode {
	return &presenceNode{accounts.NewPresences(counting{n.store, n.writes}, n.now, 0), n.dataNode, n.now, n.writes}
}

func always() bool { return true }

// mustAttend begins a poll of a user.
func (n *presenceNode) mustAttend(user id.UserID, presence string) (leave func()) {
	n.t.Helper()
	leave, err := n.Attend(n.t.Context(), dataCaller(user), presence, always)
	must(n.t, err)
	return leave
}

func (n *presenceNode) mustSet(user id.UserID, presence string, status *string) {
	n.t.Helper()
	must(n.t, n.SetPresence(n.t.Context(), dataCaller(user), presence, status))
}

// mustShow demands what a user shows.
func (n *presenceNode) mustShow(user id.UserID, want string) {
	n.t.Helper()
	must(n.t, n.store.Current(n.t.Context(), "acme"))
	got, err := n.Presence(n.t.Context(), "acme", user)
	must(n.t, err)
	if string(got) != want {
		n.t.Errorf("%s: got %s, want %s", user, got, want)
	}
}

// mustRest demands that nothing is written to the stream, and gives how often
// somebody was noted as seen.
func (n *presenceNode) mustRest(name string, do func()) (writes int64) {
	n.t.Helper()
	before, noted := n.head(), n.writes.Load()
	do()
	if got := n.head(); got != before {
		n.t.Errorf("%s: the head moved from %d to %d", name, before, got)
	}
	return n.writes.Load() - noted
}

// mustTell demands how many people's presence is told after a position.
func (n *presenceNode) mustTell(after stream.Position, want int) {
	n.t.Helper()
	told, err := n.store.Items(n.t.Context(), "acme", stream.ItemQuery{Kinds: []stream.Kind{stream.Presence}, After: after})
	must(n.t, err)
	if len(told) != want {
		n.t.Errorf("presence is told of %d people, want %d", len(told), want)
	}
}

func mustWrite(t *testing.T, name string, got, most int64) {
	t.Helper()
	if got > most {
		t.Errorf("%s: people were noted %d times, want %d at most", name, got, most)
	}
}

// pass lets time go by in the steps of the timer, on all nodes.
func pass(t *testing.T, clock *atomic.Int64, d time.Duration, nodes ...*presenceNode) {
	t.Helper()
	const step = 10 * time.Second
	for range d / step {
		clock.Add(step.Milliseconds())
		for _, n := range nodes {
			must(t, n.Renew(t.Context()))
			must(t, n.Expire(t.Context()))
		}
	}
}

func TestPresenceThatDoesNotChangeIsNotWritten(t *testing.T) {
	t.Parallel()
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		nodes, _ := newPresenceNodes(t, db, 1)
		n, status := nodes[0], "lunch"
		n.mustSet(dataAna, "offline", &status)
		n.mustAttend(dataAna, "")()
		const here = `{"presence":"online","status_msg":"lunch","last_active_ago":0,"currently_active":true}`
		n.mustShow(dataAna, here)
		n.mustRest("the same again", func() {
			n.mustAttend(dataAna, "online")()
			n.mustAttend(dataAna, "offline")()
			n.mustSet(dataAna, "online", &status)
		})
		n.mustShow(dataAna, here)
		n.mustRest("beyond the rate", func() {
			leave, err := n.Attend(t.Context(), dataCaller(dataAna), "unavailable", func() bool { return false })
			must(t, err)
			leave()
		})
		n.mustAttend(dataAna, "unavailable")()
		n.mustShow(dataAna, `{"presence":"unavailable","status_msg":"lunch","last_active_ago":0}`)
		n.mustSet(dataAna, "unavailable", nil)
		n.mustShow(dataAna, `{"presence":"unavailable","last_active_ago":0}`)
		if _, err := n.Attend(t.Context(), dataCaller(dataAna), "busy", always); !refusal.Is(err, "M_BAD_JSON") {
			t.Errorf("an unknown presence: got %v, want M_BAD_JSON", err)
		}
	})
}

// Who is gone becomes offline, and who polls another node does not; when that node
// has died, the others find it out.
func TestWhoIsGoneBecomesOffline(t *testing.T) {
	t.Parallel()
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		nodes, clock := newPresenceNodes(t, db, 2)
		here, there, status := nodes[0], nodes[1], "lunch"
		here.mustSet(dataAna, "unavailable", &status)
		here.mustAttend(dataAna, "unavailable")()
		there.mustAttend(dataBia, "") // one long poll

		pass(t, clock, time.Minute, here, there)
		here.mustShow(dataAna, `{"presence":"unavailable","status_msg":"lunch","last_active_ago":60000}`)
		pass(t, clock, 40*time.Second, here, there)
		const gone = `{"presence":"offline","status_msg":"lunch","last_active_ago":100000}`
		here.mustShow(dataAna, gone)
		there.mustShow(dataAna, gone)
		writes := there.mustRest("who is there", func() { pass(t, clock, 10*time.Minute, here, there) })
		mustWrite(t, "who is there", writes, 20)
		here.mustShow(dataBia, `{"presence":"online","last_active_ago":700000,"currently_active":false}`)

		// Who came back after they were found overdue is judged again.
		must(t, here.store.Depart(t.Context(), "acme", []id.UserID{dataBia}, clock.Load()-90_000, accounts.Offline))
		pass(t, clock, 50*time.Second, here)
		here.mustShow(dataBia, `{"presence":"online","last_active_ago":750000,"currently_active":false}`)
		pass(t, clock, 50*time.Second, here)
		here.mustShow(dataBia, `{"presence":"offline","last_active_ago":800000}`)
		writes = here.mustRest("nobody is there", func() { pass(t, clock, 10*time.Minute, here) })
		mustWrite(t, "nobody is there", writes, 0)
		mustBeDue(t, here)
	})
}

// mustBeDue demands whose presence is still watched.
func mustBeDue(t *testing.T, n *presenceNode, want ...id.UserID) {
	t.Helper()
	due, err := n.store.Overdue(t.Context(), n.now().UnixMilli(), 10)
	must(t, err)
	var got []id.UserID
	for _, one := range due {
		got = append(got, one.User)
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("watched are %v, want %v", got, want)
	}
}

// Any request but a poll as offline keeps a presence alive, and keeps it as it is.
func TestRequestsKeepPresenceAlive(t *testing.T) {
	t.Parallel()
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		nodes, clock := newPresenceNodes(t, db, 1)
		n := nodes[0]
		n.mustSet(dataAna, "online", nil)
		n.mustSet(dataBia, "online", nil)
		for range 10 {
			n.Active(dataCaller(dataAna))
			n.mustAttend(dataBia, "offline")()
			pass(t, clock, 30*time.Second, n)
		}
		n.mustShow(dataAna, `{"presence":"online","last_active_ago":30000,"currently_active":true}`)
		n.mustShow(dataBia, `{"presence":"offline","last_active_ago":300000}`)
		pass(t, clock, 100*time.Second, n)
		n.mustShow(dataAna, `{"presence":"offline","last_active_ago":130000}`)

		n.mustSet(dataAna, "offline", nil)
		n.mustSet(dataBia, "unavailable", nil)
		n.mustRest("polls as was said", func() {
			for range 10 {
				n.mustAttend(dataAna, "offline")()
				n.Active(dataCaller(dataAna))
				n.mustAttend(dataBia, "unavailable")()
				pass(t, clock, 30*time.Second, n)
			}
		})
		n.mustShow(dataAna, `{"presence":"offline","last_active_ago":430000}`) // from when she was gone
		n.mustShow(dataBia, `{"presence":"unavailable","last_active_ago":300000}`)
	})
}

// After a crash who comes back in time stays, and who does not is put offline. The
// timer gives them that time.
func TestPresenceAfterARestart(t *testing.T) {
	t.Parallel()
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		nodes, clock := newPresenceNodes(t, db, 1)
		nodes[0].mustAttend(dataAna, "")
		nodes[0].mustAttend(dataBia, "")
		clock.Add(time.Hour.Milliseconds())

		n := nodes[0].again()
		ring, asked := make(chan time.Time), make(chan time.Duration)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			n.Run(ctx, func(d time.Duration) <-chan time.Time { asked <- d; return ring }, func(err error) { t.Error(err) })
		}()
		tick := func() {
			t.Helper()
			if got := <-asked; got != 10*time.Second {
				t.Errorf("the timer sleeps for %v, want 10 s", got)
			}
			clock.Add(10_000)
			ring <- n.now()
		}
		n.mustRest("the time to come back", func() {
			for range 8 {
				tick()
			}
			n.mustAttend(dataBia, "")
		})
		tick()
		tick()
		<-asked // the tick before has done its work
		cancel()
		<-ended
		n.mustShow(dataAna, `{"presence":"offline","last_active_ago":3700000}`)
		n.mustShow(dataBia, `{"presence":"online","last_active_ago":3700000,"currently_active":false}`)
	})
}

// switchPresence does what the command line does.
func (n *presenceNode) switchPresence(on bool) {
	n.t.Helper()
	must(n.t, n.store.ChangeAccount(n.t.Context(), tenant.Caller{Account: "acme"}, func(s *accounts.Settings) error {
		s.PresenceOff = !on
		return nil
	}))
}

// Switched off, nothing is written, shown or watched, on any node; switched on,
// everybody begins as offline.
func TestPresenceSwitchedOff(t *testing.T) {
	t.Parallel()
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		nodes, clock := newPresenceNodes(t, db, 2)
		here, there, status := nodes[0], nodes[1], "lunch"
		here.mustSet(dataAna, "online", &status)
		there.mustAttend(dataBia, "")
		there.mustShow(dataAna, `{"presence":"online","status_msg":"lunch","last_active_ago":0,"currently_active":true}`)
		mustBeDue(t, here, dataAna, dataBia)

		here.switchPresence(false)
		there.mustShow(dataAna, `{"presence":"offline"}`)
		here.mustShow(dataBia, `{"presence":"offline"}`)
		if _, err := there.Presence(t.Context(), "acme", "@none:acme.test"); !refusal.Is(err, "M_NOT_FOUND") {
			t.Errorf("nobody: got %v, want M_NOT_FOUND", err)
		}
		writes := there.mustRest("switched off", func() {
			there.mustSet(dataAna, "unavailable", nil)
			there.Active(dataCaller(dataAna))
			here.mustAttend(dataBia, "unavailable")
			pass(t, clock, 10*time.Minute, here, there)
		})
		mustWrite(t, "switched off", writes, 0)
		mustBeDue(t, here)

		before := here.head()
		there.switchPresence(true)
		here.mustShow(dataAna, `{"presence":"offline","status_msg":"lunch","last_active_ago":600000}`)
		here.mustTell(before, 2)
		there.mustAttend(dataBia, "")
		here.mustShow(dataBia, `{"presence":"online","last_active_ago":0,"currently_active":true}`)
		mustBeDue(t, here, dataBia)
		head := here.head()
		here.switchPresence(true) // as it is
		here.mustTell(head, 0)
	})
}

// What is kept is told as it is, whatever a status message looks like, and who says
// that they are offline does not show what they do.
func TestPresenceContent(t *testing.T) {
	t.Parallel()
	now := time.UnixMilli(1_700_000_100_000)
	p := accounts.NewPresences(nil, func() time.Time { return now }, 0)
	p.Active(dataCaller(dataAna))
	now = now.Add(time.Second)
	const kept = `,"last_active_ts":1700000000000}`
	for in, want := range map[string]string{
		`{"presence":"online"}`:                                               `{"presence":"online"}`,
		`{"presence":"online"` + kept:                                         `{"presence":"online","last_active_ago":1000,"currently_active":true}`,
		`{"presence":"unavailable"` + kept:                                    `{"presence":"unavailable","last_active_ago":1000}`,
		`{"presence":"offline"` + kept:                                        `{"presence":"offline","last_active_ago":101000}`,
		`{"presence":"offline","status_msg":"\",\"last_active_ts\":5"` + kept: `{"presence":"offline","status_msg":"\",\"last_active_ts\":5","last_active_ago":101000}`,
	} {
		if got := string(p.Content("acme", dataAna, []byte(in))); got != want {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
	if got, want := string(p.Content("acme", dataBia, []byte(`{"presence":"online"`+kept))), `{"presence":"online","last_active_ago":101000,"currently_active":false}`; got != want {
		t.Errorf("of whom nothing is known here: got %s, want %s", got, want)
	}
}

// What was there before people were watched, and what is left over, is put right
// without telling what everybody knows.
func TestPresenceThatWasNotWatched(t *testing.T) {
	t.Parallel()
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		nodes, _ := newPresenceNodes(t, db, 1)
		n := nodes[0]
		n.mustSet(dataAna, "offline", nil)
		b := &sqldb.Batch{}
		for _, user := range []id.UserID{dataAna, "@none:acme.test"} {
			b.Add(`INSERT INTO present (account, user_id, seen, active) VALUES ($1, $2, 0, 0)`, "acme", user)
		}
		must(t, db.Commit(t.Context(), b))
		before := n.head()
		must(t, n.Expire(t.Context()))
		mustBeDue(t, n)
		n.mustTell(before, 0)
	})
}
