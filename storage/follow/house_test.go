package follow_test

import (
	"context"
	"io"
	"maps"
	"sync"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/storage/follow"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/sqldb/sqltest"
	"github.com/conversalabs/internalchat/storage/stream"
)

func TestMain(m *testing.M) { sqltest.Main(m) }

// heads are streams without entries.
type heads struct {
	mu        sync.Mutex // guards all below
	places    map[tenant.ID]follow.Place
	listeners []func(tenant.ID)
}

func (h *heads) Places(context.Context) (map[tenant.ID]follow.Place, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return maps.Clone(h.places), nil
}

func (h *heads) Place(_ context.Context, account tenant.ID) (follow.Place, bool, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	at, found := h.places[account]
	return at, found, nil
}

func (h *heads) Moves(f func(tenant.ID)) (stop func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.listeners = append(h.listeners, f)
	return func() {}
}

// move moves an account's head and tells of it.
func (h *heads) move(account tenant.ID, epoch int64, position stream.Position) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.places[account] = follow.Place{Epoch: epoch, Position: position}
	for _, f := range h.listeners {
		f(account)
	}
}

// deed is something that a follower was asked to do.
type deed struct {
	account     tenant.ID
	after, upTo stream.Position
	reset       bool
}

// scribe follows in steps of ten and tells of each. before, if set, runs in every
// step, when its effect is done and its cursor is not written.
type scribe struct {
	deeds  chan deed
	before func(context.Context, deed) error
	resets int // portions of a reset; 1 unless set
}

func newScribe() *scribe { return &scribe{deeds: make(chan deed, 1000)} }

func (s *scribe) Name() string { return "scribe" }

func (s *scribe) Step(ctx context.Context, account tenant.ID, after, upTo stream.Position, b *sqldb.Batch) (stream.Position, error) {
	upTo = min(upTo, after+10)
	done := deed{account: account, after: after, upTo: upTo}
	s.deeds <- done
	if s.before != nil {
		if err := s.before(ctx, done); err != nil {
			return 0, err
		}
	}
	b.Add("INSERT INTO written (account, position) VALUES ($1, $2) ON CONFLICT (account, position) DO NOTHING", account, upTo)
	return upTo, nil
}

func (s *scribe) Reset(_ context.Context, account tenant.ID, b *sqldb.Batch) (bool, error) {
	s.deeds <- deed{account: account, reset: true}
	if s.resets > 1 {
		s.resets--
		return true, nil
	}
	b.Add("DELETE FROM written WHERE account = $1", account)
	return false, nil
}

// mustDo demands the next deeds, in order.
func (s *scribe) mustDo(t *testing.T, want ...deed) {
	t.Helper()
	for _, w := range want {
		select {
		case got := <-s.deeds:
			if got != w {
				t.Fatalf("got %+v, want %+v", got, w)
			}
		case <-t.Context().Done():
		case <-time.After(20 * time.Second):
			t.Fatalf("nothing was done, want %+v", w)
		}
	}
}

// mustRest demands that nothing more was done.
func (s *scribe) mustRest(t *testing.T) {
	t.Helper()
	select {
	case got := <-s.deeds:
		t.Errorf("got %+v, want nothing", got)
	default:
	}
}

func each(t *testing.T, f func(t *testing.T, db *sqldb.DB, h *heads)) {
	t.Helper()
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		var b sqldb.Batch
		b.Add(`CREATE TABLE written (account TEXT NOT NULL, position BIGINT NOT NULL, PRIMARY KEY (account, position))`)
		mustCommit(t, db, &b)
		f(t, db, &heads{places: map[tenant.ID]follow.Place{}})
	})
}

func mustCommit(t testing.TB, db *sqldb.DB, b *sqldb.Batch) {
	t.Helper()
	if err := db.Commit(t.Context(), b); err != nil {
		t.Fatal(err)
	}
}

func mustStart(t testing.TB, db *sqldb.DB, h *heads, s *scribe) *follow.Runner {
	t.Helper()
	return mustStartWith(t, follow.Options{Source: h, Follower: s, DB: db})
}

func mustStartWith(t testing.TB, o follow.Options) *follow.Runner {
	t.Helper()
	o.Log = logrus.New()
	o.Log.SetOutput(io.Discard)
	o.Lease, o.Look = 300*time.Millisecond, time.Hour
	r, err := follow.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

func mustReach(t testing.TB, r *follow.Runner, account tenant.ID, epoch int64, position stream.Position) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := r.Await(ctx, account, follow.Place{Epoch: epoch, Position: position}); err != nil {
		t.Fatalf("%s does not reach %d: %v", account, position, err)
	}
}
