package sqldb_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/sqldb/sqltest"
)

const claimSQL = `INSERT INTO groups (account, previous, head, mark, previous_mark) VALUES ($1, $2, $3, $4, $5)`

func TestCommitIsAllOrNothing(t *testing.T) {
	each(t, func(t *testing.T, db *sqldb.DB) {
		mustAdd(t, db, "a")
		var claim sqldb.Batch
		claim.Add(claimSQL, "acc", 0, 5, 77, nil)
		mustCommit(t, db, &claim)

		insert := func(b *sqldb.Batch, name string, n any) {
			b.Add("INSERT INTO things (id, n) VALUES ($1, $2)", name, n)
		}
		tests := []struct {
			name string
			last func(b *sqldb.Batch)
			want sqldb.Violation
		}{
			{"primary key", func(b *sqldb.Batch) { insert(b, "a", 50) }, sqldb.Violation{Kind: sqldb.Unique, Constraint: "things_pkey", Statement: 1}},
			{"unique index", func(b *sqldb.Batch) { insert(b, "z", 0) }, sqldb.Violation{Kind: sqldb.Unique, Constraint: "things_n", Statement: 1}},
			{"claim from an older head", func(b *sqldb.Batch) { b.Add(claimSQL, "acc", 0, 6, 78, nil) }, sqldb.Violation{Kind: sqldb.Unique, Constraint: "groups_pkey", Statement: 1}},
			{"claim of another history", func(b *sqldb.Batch) { b.Add(claimSQL, "acc", 5, 6, 78, 76) }, sqldb.Violation{Kind: sqldb.Reference, Statement: 1}},
			{"claim ahead of the database", func(b *sqldb.Batch) { b.Add(claimSQL, "acc", 6, 7, 78, 77) }, sqldb.Violation{Kind: sqldb.Reference, Statement: 1}},
			{"unique in the table", func(b *sqldb.Batch) { b.Add(claimSQL, "acc", 9, 5, 77, nil) }, sqldb.Violation{Kind: sqldb.Unique, Constraint: "groups_account_head_mark_key", Statement: 1}},
			{"check", func(b *sqldb.Batch) { b.Add("UPDATE things SET f = 100") }, sqldb.Violation{Kind: sqldb.Check, Statement: 1}},
			{"not null", func(b *sqldb.Batch) { b.Add("UPDATE things SET flag = NULL") }, sqldb.Violation{Kind: sqldb.NotNull, Statement: 1}},
		}
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				var b sqldb.Batch
				insert(&b, "new", 99)
				tt.last(&b)
				insert(&b, "after", 98)
				err := db.Commit(t.Context(), &b)
				var got *sqldb.Violation
				if !errors.As(err, &got) {
					t.Fatalf("got %v, want a violation", err)
				}
				if got.Kind != tt.want.Kind || got.Statement != tt.want.Statement ||
					got.Kind == sqldb.Unique && got.Constraint != tt.want.Constraint {
					t.Errorf("got %v %q at %d, want %v %q at %d", got.Kind, got.Constraint, got.Statement,
						tt.want.Kind, tt.want.Constraint, tt.want.Statement)
				}
				if errors.Is(err, sqldb.ErrUnknown) {
					t.Error("a violation is not unknown")
				}
				if ids := mustIDs(t, db, "SELECT id FROM things"); len(ids) != 1 {
					t.Errorf("the batch left %v behind", ids)
				}
			})
		}
		var next sqldb.Batch
		next.Add(claimSQL, "acc", 5, 6, 78, 77)
		mustCommit(t, db, &next)
	})
}

func TestAffected(t *testing.T) {
	each(t, func(t *testing.T, db *sqldb.DB) {
		mustAdd(t, db, "a", "b")
		var b sqldb.Batch
		b.Add("UPDATE things SET flag = $1", true)
		b.Add("DELETE FROM things WHERE id = $1", "x")
		b.Add("INSERT INTO things (id) VALUES ($1) ON CONFLICT DO NOTHING", "a")
		b.Add("INSERT INTO things (id) VALUES ($1) RETURNING id", "c")
		mustCommit(t, db, &b)
		for i, want := range []int64{2, 0, 0, 1} {
			if got := b.Affected(i); got != want {
				t.Errorf("statement %d changed %d rows, want %d", i, got, want)
			}
		}
		mustCommit(t, db, &sqldb.Batch{})
	})
}

// TestClaimsLeaveNoGap has four writers of two handles fight for one account.
func TestClaimsLeaveNoGap(t *testing.T) {
	each(t, func(t *testing.T, db *sqldb.DB) {
		const writers, wins = 4, 10
		var first sqldb.Batch
		first.Add(claimSQL, "acc", 0, 1, 1, nil)
		mustCommit(t, db, &first)
		var wg sync.WaitGroup
		for w := range writers {
			wg.Go(func() {
				for won := 0; won < wins; {
					head, _, err := sqldb.One(t.Context(), db, sqldb.Value[int64], "SELECT max(head) FROM groups WHERE account = $1", "acc")
					if err != nil {
						t.Error(err)
						return
					}
					mark, _, err := sqldb.One(t.Context(), db, sqldb.Value[int64], "SELECT mark FROM groups WHERE head = $1", head)
					if err != nil {
						t.Error(err)
						return
					}
					var b sqldb.Batch
					b.Add(claimSQL, "acc", head, head+1, head*writers+int64(w), mark)
					b.Add("INSERT INTO things (id) VALUES ($1)", fmt.Sprint(head, "-", w))
					err = db.Commit(t.Context(), &b)
					var lost *sqldb.Violation
					switch {
					case err == nil:
						won++
					case !errors.As(err, &lost) || lost.Constraint != "groups_pkey":
						t.Errorf("got %v, want a lost claim", err)
						return
					}
				}
			})
		}
		wg.Wait()
		head, _, err := sqldb.One(t.Context(), db, sqldb.Value[int64], "SELECT max(head) FROM groups")
		if err != nil || head != writers*wins+1 {
			t.Errorf("head %d, %v, want %d", head, err, writers*wins+1)
		}
		if got := len(mustIDs(t, db, "SELECT id FROM things")); got != writers*wins {
			t.Errorf("%d things, want %d", got, writers*wins)
		}
	})
}

// TestUnknownCommit ends the server's side of the connection in the middle of a
// batch, by the batch itself.
func TestUnknownCommit(t *testing.T) {
	db := sqltest.Postgres(t)
	mustApply(t, db)
	var b sqldb.Batch
	b.Add("INSERT INTO things (id) VALUES ('a')")
	b.Add("SELECT pg_terminate_backend(pg_backend_pid())")
	b.Add("INSERT INTO things (id) VALUES ('b')")
	err := db.Commit(t.Context(), &b)
	if !errors.Is(err, sqldb.ErrUnknown) {
		t.Errorf("got %v, want %v", err, sqldb.ErrUnknown)
	}
	mustAdd(t, db, "c") // the pool has a new connection
	if ids := mustIDs(t, db, "SELECT id FROM things"); len(ids) != 1 {
		t.Errorf("got %v, want c alone", ids)
	}
}

// TestRefusedOnTheServer is the counterpart: an error that rolled back for sure.
func TestRefusedOnTheServer(t *testing.T) {
	db := sqltest.Postgres(t)
	mustApply(t, db)
	var b sqldb.Batch
	b.Add("INSERT INTO things (id) VALUES ('a')")
	b.Add("SELECT 1 / $1::bigint", 0)
	err := db.Commit(t.Context(), &b)
	var v *sqldb.Violation
	if err == nil || errors.Is(err, sqldb.ErrUnknown) || errors.As(err, &v) {
		t.Errorf("got %v, want a plain error", err)
	}
	if ids := mustIDs(t, db, "SELECT id FROM things"); ids != nil {
		t.Errorf("got %v, want nothing", ids)
	}
}
