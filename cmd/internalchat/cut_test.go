package main_test

import (
	"context"
	"errors"
	"net/url"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"maunium.net/go/mautrix"

	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/sqldb/sqltest"
)

const cutSQL = `
	SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
	WHERE datname = current_database() AND pid <> pg_backend_pid()`

// mustOpenAlone opens a database with a single connection, the one that is not cut.
func mustOpenAlone(t testing.TB, address string) *sqldb.DB {
	t.Helper()
	parts, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	query := parts.Query()
	query.Set("pool_max_conns", "1")
	parts.RawQuery = query.Encode()
	db, err := sqldb.Open(within(t), sqldb.Options{URL: parts.String()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return db
}

// mustCut ends all connections to the database but the one that does so.
func mustCut(t testing.TB, db *sqldb.DB) {
	t.Helper()
	ended, _, err := sqldb.One(within(t), db, sqldb.Value[int64], cutSQL)
	if err != nil || ended == 0 {
		t.Fatalf("got %d connections cut and %v, want some", ended, err)
	}
}

// insist repeats a request while the server says that it cannot answer just now.
func insist(ctx context.Context, request func() error) error {
	for {
		var refused mautrix.HTTPError
		err := request()
		if !errors.As(err, &refused) || refused.Response == nil || refused.Response.StatusCode < 500 || ctx.Err() != nil {
			return err
		}
	}
}

// TestConnectionsCut cuts the server's connections to PostgreSQL under load, in
// the middle of commits too. What was acknowledged is there, what was not gets
// its answer by its transaction ID, and the sync tokens skip nothing.
func TestConnectionsCut(t *testing.T) {
	t.Parallel()
	in := installation{folder: filepath.Join(t.TempDir(), "data"), database: sqltest.PostgresURL(t)}
	db := mustOpenAlone(t, in.database)
	s := in.mustStart(t, "--registration", "open")
	s.faulty = true
	c := newCrowd(t, s.url)
	reader := &chain{client: mustRegister(t, s.url, "reader"), room: c.room}
	mustJoin(t, reader.client, c.room.String())
	reader.mustStep(t)

	const cuts = 5
	each := int64(100)
	if testing.Short() {
		each = 20
	}
	ctx, stop := context.WithCancel(within(t))
	due := make(chan struct{}, cuts)
	var acknowledged atomic.Int64
	var all sync.WaitGroup
	for _, s := range c.senders {
		all.Go(func() {
			for ctx.Err() == nil {
				err := insist(ctx, func() error {
					return c.work(ctx, s, func() {
						if n := acknowledged.Add(1); n%each == 0 && n <= cuts*each {
							due <- struct{}{}
						}
					})
				})
				if ctx.Err() == nil {
					t.Errorf("%s sends: %v", s.UserID, err)
					return
				}
			}
		})
	}
	following, unfollow := context.WithCancel(ctx)
	all.Go(func() {
		for following.Err() == nil {
			err := insist(following, func() error { return reader.step(following, patience) })
			if err != nil && following.Err() == nil {
				t.Errorf("the reader syncs: %v", err)
				return
			}
		}
	})
	for range cuts {
		select {
		case <-due:
			mustCut(t, db)
		case <-ctx.Done():
			t.Errorf("got %d messages acknowledged, want %d", acknowledged.Load(), cuts*each)
		}
	}
	unfollow()
	stop()
	all.Wait()

	if err := insist(within(t), func() error { _, err := reader.client.Whoami(within(t)); return err }); err != nil {
		t.Fatal(err)
	}
	c.mustRepeat(t)
	history := mustHistory(t, reader.client, c.room)
	c.mustBeIn(t, history)
	reader.mustStep(t)
	reader.mustHaveSeen(t, history)
}
