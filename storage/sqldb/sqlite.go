package sqldb

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"
)

// dataVersionTick is how often Watch looks for commits of other processes.
const dataVersionTick = 100 * time.Millisecond

// sqliteDB is the backend over one file: readers that cannot write, and one
// writer. Connections wait in channels; a nil one is opened when it is taken.
type sqliteDB struct {
	readers, writer chan *liteConn
	readerDSN       string
	writerDSN       string
	synchronous     string // what the writer's pragma reads back
	acquire         time.Duration
	closing         sync.Once
	closed          chan struct{}
}

func openSQLite(ctx context.Context, o Options) (*sqliteDB, error) {
	if o.ReadOnly {
		return openSQLiteReadOnly(o)
	}
	path, err := filepath.Abs(o.Path)
	if err != nil {
		return nil, err
	}
	// SQLite would make it readable by everyone; its other files copy the mode.
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := file.Close(); err != nil {
		return nil, err
	}
	busy := o.Lock.Milliseconds()
	synchronous := "2" // FULL
	if o.Rebuildable {
		synchronous = "1" // NORMAL
	}
	s := newSQLite(o, dsn(path, busy, "query_only(ON)"),
		dsn(path, busy, "journal_mode(WAL)", "synchronous("+synchronous+")", "foreign_keys(ON)", "journal_size_limit(67108864)"))
	s.synchronous = synchronous
	if err := s.openWriter(ctx, o.Lock); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// newSQLite is a backend whose connections are opened when they are needed.
func newSQLite(o Options, readerDSN, writerDSN string) *sqliteDB {
	s := &sqliteDB{
		readers:   make(chan *liteConn, 2*runtime.GOMAXPROCS(0)),
		writer:    make(chan *liteConn, 1),
		readerDSN: readerDSN,
		writerDSN: writerDSN,
		acquire:   o.Acquire,
		closed:    make(chan struct{}),
	}
	for range cap(s.readers) {
		s.readers <- nil
	}
	s.writer <- nil
	return s
}

// openWriter tries for a while, because two processes that switch a new file to
// WAL at once do not wait for each other: one is told that it is busy.
func (s *sqliteDB) openWriter(ctx context.Context, patience time.Duration) error {
	limit := time.NewTimer(patience)
	defer limit.Stop()
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for {
		err := s.withWriter(ctx, s.checkWriter)
		if !isBusy(err) {
			return err
		}
		select {
		case <-limit.C:
			return err
		case <-again.C:
		}
	}
}

// dsn has busy_timeout first, so that the other pragmas wait for locks.
func dsn(path string, busy int64, pragmas ...string) string {
	values := url.Values{"_txlock": {"immediate"}, "_dqs": {"0"}, "_error_rc": {"1"}}
	for _, p := range append([]string{fmt.Sprintf("busy_timeout(%d)", busy), "temp_store(MEMORY)"}, pragmas...) {
		values.Add("_pragma", p)
	}
	return "file:" + (&url.URL{Path: filepath.ToSlash(path)}).EscapedPath() + "?" + values.Encode()
}

// checkWriter reads back what durability and the claim of positions rest on.
func (s *sqliteDB) checkWriter(c *liteConn) error {
	for pragma, want := range map[string]string{"foreign_keys": "1", "journal_mode": "wal", "synchronous": s.synchronous} {
		var got any
		if err := c.query("PRAGMA "+pragma, nil, func(r Row) error { return r.Scan(&got) }); err != nil {
			return fmt.Errorf("read back %s: %w", pragma, err)
		}
		if fmt.Sprint(got) != want {
			return fmt.Errorf("SQLite's %s is %v and must be %s: the folder may be on a file system that cannot do it", pragma, got, want)
		}
	}
	return nil
}

func (s *sqliteDB) postgres() bool { return false }

// Close takes every connection, which waits for those in use.
func (s *sqliteDB) Close() {
	s.closing.Do(func() {
		for range cap(s.readers) {
			closeConn(<-s.readers)
		}
		closeConn(<-s.writer) // last: it truncates the log
		close(s.closed)
	})
}

func closeConn(c *liteConn) {
	if c != nil {
		c.close()
	}
}

func (s *sqliteDB) withReader(ctx context.Context, f func(*liteConn) error) error {
	return s.with(ctx, s.readers, s.readerDSN, f)
}

func (s *sqliteDB) withWriter(ctx context.Context, f func(*liteConn) error) error {
	return s.with(ctx, s.writer, s.writerDSN, f)
}

// with lends a connection to f. f runs whatever becomes of ctx, because a
// statement that is interrupted leaves a connection that cannot be trusted; long
// reads look at ctx between rows.
func (s *sqliteDB) with(ctx context.Context, pool chan *liteConn, dsn string, f func(*liteConn) error) (err error) {
	c, err := s.take(ctx, pool)
	if err != nil {
		return err
	}
	defer func() { // also when f panics
		if c != nil && (c.broken || c.inQuery) {
			c.close()
			c = nil
		}
		pool <- c
	}()
	if c == nil {
		if c, err = openLite(dsn); err != nil {
			return err
		}
	}
	return f(c)
}

func (s *sqliteDB) take(ctx context.Context, pool chan *liteConn) (*liteConn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	select {
	case c := <-pool:
		return c, nil
	default:
	}
	timer := time.NewTimer(s.acquire)
	defer timer.Stop()
	select {
	case c := <-pool:
		return c, nil
	case <-s.closed:
		return nil, ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-timer.C:
		return nil, fmt.Errorf("no database connection became free in %s", s.acquire)
	}
}

func (s *sqliteDB) Query(ctx context.Context, sql string, args []any, scan func(Row) error) error {
	return s.withReader(ctx, func(c *liteConn) error { return liteQuerier{c}.Query(ctx, sql, args, scan) })
}

func (s *sqliteDB) QueryMany(ctx context.Context, sql string, argSets [][]any, scan func(int, Row) error) error {
	return s.Read(ctx, func(q Querier) error { return q.QueryMany(ctx, sql, argSets, scan) })
}

func (s *sqliteDB) Read(ctx context.Context, f func(Querier) error) error {
	return s.withReader(ctx, func(c *liteConn) error {
		return c.transaction("BEGIN DEFERRED", func() error { return f(liteQuerier{c}) })
	})
}

func (s *sqliteDB) Ping(ctx context.Context) error {
	_, _, err := One(ctx, s, Value[int64], "SELECT 1")
	return err
}

// Notify has nothing to do: watchers see the commit in the file.
func (s *sqliteDB) Notify(ctx context.Context, _ string) error { return ctx.Err() }

func (s *sqliteDB) Watch(ctx context.Context, f func(string)) error {
	ticker := time.NewTicker(dataVersionTick)
	defer ticker.Stop()
	seen := int64(-1)
	for {
		version, err := s.dataVersion(ctx)
		switch {
		case errors.Is(err, ErrClosed):
			return err
		case err == nil && version != seen:
			seen = version
			f("")
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
}

// dataVersion changes only when another connection has committed. It must be
// asked of the writer: seen from a reader, this process's own commits count.
func (s *sqliteDB) dataVersion(ctx context.Context) (version int64, err error) {
	err = s.withWriter(ctx, func(c *liteConn) error {
		return c.query("PRAGMA data_version", nil, func(r Row) error { return r.Scan(&version) })
	})
	return version, err
}

const (
	createIdentitySQL = `CREATE TABLE IF NOT EXISTS database_identity (one BIGINT NOT NULL PRIMARY KEY, id TEXT NOT NULL)`
	insertIdentitySQL = `INSERT INTO database_identity (one, id) VALUES (1, lower(hex(randomblob(16)))) ON CONFLICT DO NOTHING`
	selectIdentitySQL = `SELECT id FROM database_identity WHERE one = 1`
)

func (s *sqliteDB) Identity(ctx context.Context) (id string, err error) {
	var b Batch
	b.Add(createIdentitySQL)
	b.Add(insertIdentitySQL)
	if err := s.Commit(ctx, &b); err != nil {
		return "", err
	}
	id, _, err = One(ctx, s, Value[string], selectIdentitySQL)
	return id, err
}

// migrate waits without limit for another process that holds the write lock.
func (s *sqliteDB) migrate(ctx context.Context, run func(migrator) error) error {
	for {
		err := s.withWriter(ctx, func(c *liteConn) error {
			return c.transaction("BEGIN IMMEDIATE", func() error { return run(liteQuerier{c}) })
		})
		if !isBusy(err) || ctx.Err() != nil {
			return err
		}
	}
}

// liteQuerier reads and, for migrations, writes on one connection.
type liteQuerier struct{ c *liteConn }

func (q liteQuerier) Query(ctx context.Context, sql string, args []any, scan func(Row) error) error {
	return q.c.query(sql, args, func(r Row) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		return scan(r)
	})
}

func (q liteQuerier) QueryMany(ctx context.Context, sql string, argSets [][]any, scan func(int, Row) error) error {
	for i, args := range argSets {
		if err := q.Query(ctx, sql, args, func(r Row) error { return scan(i, r) }); err != nil {
			return err
		}
	}
	return nil
}

func (q liteQuerier) exec(ctx context.Context, sql string, args ...any) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	sql = onlyFor(sql, "sqlite")
	if tokens, err := tokenize(sql); err != nil || len(tokens) == 0 {
		return err // nothing of the statement is for SQLite
	}
	_, err := q.c.exec(sql, args)
	return err
}
