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

// insistOn lets all senders send until ctx ends, whatever the server cannot do at
// times. Each time so many messages more have been acknowledged, a cut is due.
func (c *crowd) insistOn(ctx context.Context, t testing.TB, each, cuts int64) (due, done <-chan struct{}) {
	var acknowledged atomic.Int64
	reached := make(chan struct{}, cuts)
	count := func() {
		if n := acknowledged.Add(1); n%each == 0 && n <= cuts*each {
			reached <- struct{}{}
		}
	}
	var all sync.WaitGroup
	for _, s := range c.senders {
		all.Go(func() {
			if err := insist(ctx, func() error { return c.work(ctx, s, count) }); ctx.Err() == nil {
				t.Errorf("%s sends: %v", s.UserID, err)
			}
		})
	}
	ended := make(chan struct{})
	go func() {
		all.Wait()
		close(ended)
	}()
	return reached, ended
}

// insistOn polls until ctx ends.
func (c *chain) insistOn(ctx context.Context, t testing.TB) (done <-chan struct{}) {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for ctx.Err() == nil {
			if err := insist(ctx, func() error { return c.step(ctx, patience) }); err != nil && ctx.Err() == nil {
				t.Errorf("%s syncs: %v", c.client.UserID, err)
				return
			}
		}
	}()
	return ended
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

	each := int64(100)
	if testing.Short() {
		each = 20
	}
	const cuts = 5
	ctx, stop := context.WithCancel(within(t))
	due, done := c.insistOn(ctx, t, each, cuts)
	following := reader.insistOn(ctx, t)
	for range cuts {
		select {
		case <-due:
			mustCut(t, db)
		case <-ctx.Done():
			t.Error("the senders do not get on")
		}
	}
	stop()
	<-done
	<-following

	if err := insist(within(t), func() error { _, err := reader.client.Whoami(within(t)); return err }); err != nil {
		t.Fatal(err)
	}
	c.mustRepeat(t)
	history := mustHistory(t, reader.client, c.room)
	c.mustBeIn(t, history)
	reader.mustStep(t)
	reader.mustHaveSeen(t, history)
}
