package sqldb_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/sqldb/sqltest"
)

// watch sends what Watch calls into a channel; the end of the test waits for it.
func watch(t *testing.T, db *sqldb.DB) <-chan string {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	wakes, done := make(chan string, 100), make(chan error, 1)
	go func() { done <- db.Watch(ctx, func(payload string) { wakes <- payload }) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("Watch ended with %v, want %v", err, context.Canceled)
		}
	})
	if first := mustWake(t, wakes); first != "" {
		t.Errorf("the first wake-up says %q, want nothing", first)
	}
	return wakes
}

func mustWake(t *testing.T, wakes <-chan string) string {
	t.Helper()
	select {
	case payload := <-wakes:
		return payload
	case <-time.After(20 * time.Second):
		t.Fatal("no wake-up")
		return ""
	}
}

func TestWatchPostgres(t *testing.T) {
	url := sqltest.PostgresURL(t)
	reports := make(chan error, 10)
	one := mustOpen(t, sqldb.Options{URL: url, Report: func(err error) { reports <- err }})
	two := mustOpen(t, sqldb.Options{URL: url})
	wakes := watch(t, one)
	for _, payload := range []string{"acc 5", "água"} {
		if err := two.Notify(t.Context(), payload); err != nil {
			t.Fatal(err)
		}
		if got := mustWake(t, wakes); got != payload {
			t.Errorf("got %q, want %q", got, payload)
		}
	}

	// It comes back after its connection was cut, and says so.
	const cut = `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND datname = current_database()`
	if n, _, err := sqldb.One(t.Context(), two, sqldb.Value[int64], cut); n != 1 || err != nil {
		t.Fatalf("%d connections cut, %v, want 1", n, err)
	}
	if got := mustWake(t, wakes); got != "" {
		t.Errorf("after the reconnect: got %q, want nothing", got)
	}
	if err := <-reports; err == nil {
		t.Error("a lost connection was reported without a reason")
	}
	if err := one.Notify(t.Context(), "again"); err != nil {
		t.Fatal(err)
	}
	if got := mustWake(t, wakes); got != "again" {
		t.Errorf("got %q, want again", got)
	}
}

func TestWatchSQLite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	one, two := mustOpen(t, sqldb.Options{Path: path}), mustOpen(t, sqldb.Options{Path: path})
	mustApply(t, one)
	wakes := watch(t, one)
	mustAdd(t, two, "a")
	if got := mustWake(t, wakes); got != "" {
		t.Errorf("got %q, want nothing", got)
	}

	// A handle's own commits do not wake it; the other's next one does, once.
	add := func(db *sqldb.DB, name string) {
		var b sqldb.Batch
		b.Add("INSERT INTO things (id) VALUES ($1)", name)
		mustCommit(t, db, &b)
	}
	add(one, "z")
	echo := watch(t, two)
	var b sqldb.Batch
	b.Add("DELETE FROM things")
	mustCommit(t, two, &b)
	mustWake(t, wakes)
	mustCommit(t, one, &b) // changes nothing, and so writes nothing
	add(one, "b")
	mustWake(t, echo)
	if len(wakes) != 0 || len(echo) != 0 {
		t.Errorf("%d and %d wake-ups too many", len(wakes), len(echo))
	}
}

func TestIdentity(t *testing.T) {
	identity := func(db *sqldb.DB) string {
		id, err := db.Identity(t.Context())
		if err != nil || len(id) < 20 {
			t.Fatalf("identity %q, %v", id, err)
		}
		return id
	}
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		if a, b := identity(db), identity(db); a != b {
			t.Errorf("got %s, then %s", a, b)
		}
	})
	path := filepath.Join(t.TempDir(), "a.db")
	a := mustOpen(t, sqldb.Options{Path: path})
	before := identity(a)
	a.Close()
	if after := identity(mustOpen(t, sqldb.Options{Path: path})); after != before {
		t.Errorf("got %s, then %s", before, after)
	}
	if other := identity(sqltest.SQLite(t)); other == before {
		t.Error("two files have one identity")
	}
}
