package follow_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/conversalabs/internalchat/storage/follow"
	"github.com/conversalabs/internalchat/storage/sqldb"
)

func TestFollow(t *testing.T) {
	each(t, func(t *testing.T, db *sqldb.DB, h *heads) {
		h.move("acme", 1, 25)
		s := newScribe()
		r := mustStart(t, db, h, s)
		mustReach(t, r, "acme", 1, 25)
		s.mustDo(t,
			deed{account: "acme", reset: true}, deed{"acme", 0, 10, false}, deed{"acme", 10, 20, false}, deed{"acme", 20, 25, false})
		h.move("acme", 1, 26) // is heard of
		s.mustDo(t, deed{"acme", 25, 26, false})
		mustReach(t, r, "acme", 1, 26)
		r.Close()

		h.move("acme", 1, 30) // is found at the start
		s = newScribe()
		mustReach(t, mustStart(t, db, h, s), "acme", 1, 30)
		s.mustDo(t, deed{"acme", 26, 30, false})
		s.mustRest(t)
	})
}

// What is done, and not noted, is done again: whether the process ends there or
// another takes over.
func TestDoneAtLeastOnce(t *testing.T) {
	each(t, func(t *testing.T, db *sqldb.DB, h *heads) {
		h.move("acme", 1, 10)
		s := newScribe()
		stopped := make(chan struct{})
		s.before = func(ctx context.Context, _ deed) error {
			close(stopped)
			<-ctx.Done()
			return nil // the effect is done
		}
		r := mustStart(t, db, h, s)
		<-stopped
		r.Close()
		s.mustDo(t, deed{account: "acme", reset: true}, deed{"acme", 0, 10, false})

		s = newScribe()
		taken := false
		s.before = func(context.Context, deed) error {
			if !taken {
				taken = true
				takeOver(t, db)
			}
			return nil
		}
		r = mustStart(t, db, h, s)
		mustReach(t, r, "acme", 1, 10)
		s.mustDo(t, deed{"acme", 0, 10, false}, deed{"acme", 0, 10, false})
		s.mustRest(t)
	})
}

// takeOver makes the lease another node's, which has ended since.
func takeOver(t *testing.T, db *sqldb.DB) {
	t.Helper()
	var b sqldb.Batch
	b.Add("UPDATE node_leases SET owner = 'another', generation = generation + 1, expires = 0")
	mustCommit(t, db, &b)
}

// A step whose lease was lost leaves nothing of what it wrote.
func TestLostLeaseWritesNothing(t *testing.T) {
	each(t, func(t *testing.T, db *sqldb.DB, h *heads) {
		h.move("acme", 1, 10)
		s := newScribe()
		steps := 0
		s.before = func(ctx context.Context, _ deed) error {
			if steps++; steps == 1 {
				takeOver(t, db)
				return nil
			}
			rows, err := sqldb.All(ctx, db, sqldb.Value[int64], "SELECT position FROM written")
			if err != nil || len(rows) > 0 {
				t.Errorf("got %v, %v, want nothing written without the lease", rows, err)
			}
			return nil
		}
		mustReach(t, mustStart(t, db, h, s), "acme", 1, 10)
	})
}

// In another history, and above the head, everything begins anew.
func TestAnotherHistory(t *testing.T) {
	each(t, func(t *testing.T, db *sqldb.DB, h *heads) {
		h.move("acme", 1, 10)
		s := newScribe()
		r := mustStart(t, db, h, s)
		mustReach(t, r, "acme", 1, 10)
		s.mustDo(t, deed{account: "acme", reset: true}, deed{"acme", 0, 10, false})
		r.Close()

		s.resets = 3
		h.move("acme", 2, 12)
		r = mustStart(t, db, h, s)
		mustReach(t, r, "acme", 2, 12)
		again := deed{account: "acme", reset: true}
		s.mustDo(t, again, again, again, deed{"acme", 0, 10, false}, deed{"acme", 10, 12, false})

		h.move("acme", 2, 5) // a restored file of the same epoch
		s.mustDo(t, again, deed{"acme", 0, 5, false})
		mustReach(t, r, "acme", 2, 5)
		rows, err := sqldb.All(t.Context(), db, sqldb.Value[int64], "SELECT position FROM written")
		if err != nil || len(rows) != 1 {
			t.Errorf("got %v, %v, want what was written since alone", rows, err)
		}
	})
}

// An account that cannot be followed does not keep the others from it.
func TestOneAccountFails(t *testing.T) {
	each(t, func(t *testing.T, db *sqldb.DB, h *heads) {
		h.move("bad", 1, 10)
		h.move("good", 1, 100)
		s := newScribe()
		s.before = func(_ context.Context, d deed) error {
			if d.account == "bad" {
				return errors.New("out of order")
			}
			return nil
		}
		r := mustStart(t, db, h, s)
		mustReach(t, r, "good", 1, 100)
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if err := r.Await(ctx, "bad", follow.Place{Epoch: 1, Position: 10}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want that the account is not there", err)
		}
	})
}

// Only one of two nodes follows; the other knows how far it is, and takes over.
// SQLite has one server.
func TestTwoNodes(t *testing.T) {
	each(t, func(t *testing.T, db *sqldb.DB, h *heads) {
		if !db.Postgres() {
			t.Skip("a SQLite file has one server")
		}
		h.move("acme", 1, 10)
		first, second := newScribe(), newScribe()
		one := mustStart(t, db, h, first)
		mustReach(t, one, "acme", 1, 10)
		two := mustStart(t, db, h, second)
		mustReach(t, two, "acme", 1, 10)
		h.move("acme", 1, 20)
		mustReach(t, two, "acme", 1, 20)
		second.mustRest(t)
		first.mustDo(t, deed{account: "acme", reset: true}, deed{"acme", 0, 10, false}, deed{"acme", 10, 20, false})
		one.Close()
		h.move("acme", 1, 30)
		mustReach(t, two, "acme", 1, 30)
		second.mustDo(t, deed{"acme", 20, 30, false})
		first.mustRest(t)
	})
}

// A node that was not heard of for the life of its lease loses it.
func TestFrozenNode(t *testing.T) {
	each(t, func(t *testing.T, db *sqldb.DB, h *heads) {
		if !db.Postgres() {
			t.Skip("a SQLite file has one server")
		}
		h.move("acme", 1, 10)
		frozen, thaw := newScribe(), make(chan struct{})
		frozen.before = func(context.Context, deed) error { <-thaw; return nil }
		one := mustStart(t, db, h, frozen)
		frozen.mustDo(t, deed{account: "acme", reset: true}, deed{"acme", 0, 10, false})
		awake := newScribe()
		two := mustStart(t, db, h, awake)
		awake.mustDo(t, deed{"acme", 0, 10, false})
		close(thaw)
		mustReach(t, one, "acme", 1, 10)
		h.move("acme", 1, 20)
		mustReach(t, two, "acme", 1, 20)
		awake.mustDo(t, deed{"acme", 10, 20, false})
		frozen.mustRest(t)
	})
}

// Whoever waits is not kept waiting by what spares the machine.
func TestAwaitEndsRest(t *testing.T) {
	each(t, func(t *testing.T, db *sqldb.DB, h *heads) {
		h.move("acme", 1, 500)
		r := mustStartWith(t, follow.Options{Source: h, Follower: newScribe(), DB: db, Delay: time.Hour, Rest: 1e9, Now: time.Now})
		mustReach(t, r, "acme", 1, 500)
		h.move("acme", 1, 600)
		mustReach(t, r, "acme", 1, 600)
	})
}

// A step that says when it is to be tried again is not tried before, though the
// account moves; the others go on.
func TestLater(t *testing.T) {
	each(t, func(t *testing.T, db *sqldb.DB, h *heads) {
		h.move("down", 1, 5)
		s := newScribe()
		tries := 0
		s.before = func(_ context.Context, d deed) error {
			if d.account != "down" {
				return nil
			}
			if tries++; tries > 1 {
				return nil
			}
			// At once, so that it does not matter how long the test takes to move it again.
			h.move("down", 1, 7)
			return &follow.Later{Wait: 2 * time.Second, Cause: errors.New("it does not answer")}
		}
		r := mustStart(t, db, h, s)
		s.mustDo(t, deed{account: "down", reset: true}, deed{"down", 0, 5, false})
		began := time.Now()
		h.move("down", 1, 7)
		h.move("up", 1, 5)
		mustReach(t, r, "up", 1, 5)
		s.mustDo(t, deed{account: "up", reset: true}, deed{"up", 0, 5, false}, deed{"down", 0, 7, false})
		if waited := time.Since(began); waited < time.Second {
			t.Errorf("tried again after %s, want 2s", waited)
		}
		mustReach(t, r, "down", 1, 7)
	})
}
