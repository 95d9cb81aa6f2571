package sqldb

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/conversalabs/internalchat/storage/migrations"
)

// ErrClosed is returned by every method of a [DB] that has been closed.
var ErrClosed = errors.New("the database is closed")

// Options say which database to open: either URL or Path, not both.
type Options struct {
	// URL is a PostgreSQL connection string (postgres://…), also through
	// PgBouncer 1.21 or newer. Pool sizes may be set in it (pool_max_conns).
	URL string
	// ListenURL is the connection string of the one connection that LISTENs; it
	// must not go through a transaction pooler. Empty means URL.
	ListenURL string
	// Path is the SQLite file; it is made if it does not exist.
	Path string
	// Acquire is the longest wait for a connection (2 s if 0), Statement the
	// longest run of a statement on PostgreSQL (15 s), Lock the longest wait for a
	// lock (5 s).
	Acquire, Statement, Lock time.Duration
	// ReadOnly opens what exists, changes nothing, and refuses every write. A
	// SQLite file that is missing stays missing: the error wraps fs.ErrNotExist.
	ReadOnly bool
	// Rebuildable is for a SQLite file that holds nothing but what can be made
	// again: what was committed last may be lost when the machine fails, and
	// commits are cheaper. It does not change PostgreSQL.
	Rebuildable bool
	// Report is told why [DB.Watch] lost its connection, for the log. It may be nil.
	Report func(error)
}

// DB is one open database. Its methods may be called by many goroutines at once.
type DB struct {
	backend backend
}

// backend is what each of the two databases implements. SQL arrives in
// PostgreSQL's dialect.
type backend interface {
	Querier
	Read(ctx context.Context, f func(q Querier) error) error
	Commit(ctx context.Context, b *Batch) error
	Notify(ctx context.Context, payload string) error
	Watch(ctx context.Context, f func(payload string)) error
	Identity(ctx context.Context) (string, error)
	Ping(ctx context.Context) error
	Close()
	postgres() bool
	migrate(ctx context.Context, run func(migrator) error) error
}

// Open opens a database and checks the settings on which durability and
// correctness rest; it fails if one of them reads back otherwise. It does not
// migrate: see [DB.Migrate].
func Open(ctx context.Context, o Options) (*DB, error) {
	if (o.URL == "") == (o.Path == "") {
		return nil, errors.New("open database: give either a PostgreSQL URL or the path of a SQLite file")
	}
	o = o.withDefaults()
	var b backend
	var err error
	if o.URL != "" {
		b, err = openPostgres(ctx, o)
	} else {
		b, err = openSQLite(ctx, o)
	}
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	return &DB{backend: b}, nil
}

func (o Options) withDefaults() Options {
	if o.ListenURL == "" {
		o.ListenURL = o.URL
	}
	if o.Acquire == 0 {
		o.Acquire = 2 * time.Second
	}
	if o.Statement == 0 {
		o.Statement = 15 * time.Second
	}
	if o.Lock == 0 {
		o.Lock = 5 * time.Second
	}
	return o
}

// Postgres says whether this is a PostgreSQL database. It is for the few
// statements that exist on PostgreSQL alone (locks); everything else is one text.
func (db *DB) Postgres() bool { return db.backend.postgres() }

// Query runs one read on a connection of the pool; see [Querier].
func (db *DB) Query(ctx context.Context, sql string, args []any, scan func(Row) error) error {
	return db.backend.Query(ctx, sql, args, scan)
}

// QueryMany runs one read for many sets of arguments; see [Querier].
func (db *DB) QueryMany(ctx context.Context, sql string, argSets [][]any, scan func(i int, r Row) error) error {
	return db.backend.QueryMany(ctx, sql, argSets, scan)
}

// Read calls f with a Querier that sees one consistent snapshot, taken at its
// first query. f must be quick (the snapshot holds a connection), must not write
// and must not use the Querier after it has returned. It returns f's error.
func (db *DB) Read(ctx context.Context, f func(q Querier) error) error {
	return db.backend.Read(ctx, f)
}

// Commit writes a batch, all or nothing, durable when it returns nil. It does not
// stop half-way when ctx ends after it has begun. Its errors:
//
//   - [*Violation]: a constraint broke; nothing was written.
//   - one that wraps [ErrUnknown]: the connection was lost or the disk failed
//     around COMMIT; the batch is there wholly or not at all.
//   - any other: nothing was written.
func (db *DB) Commit(ctx context.Context, b *Batch) error { return db.backend.Commit(ctx, b) }

// Notify wakes the Watch of every process on this database with payload (at most
// 7,999 bytes), in a statement of its own. On SQLite it does nothing, since the
// watchers see the commit itself.
func (db *DB) Notify(ctx context.Context, payload string) error {
	return db.backend.Notify(ctx, payload)
}

// Watch calls f for every wake-up until ctx ends, and returns ctx's error. A
// wake-up is a hint: f("") means that anything may have changed, and comes first
// of all, after every reconnect (PostgreSQL) and when another connection than
// this DB's has committed (SQLite). On PostgreSQL a process also receives its own
// notifications. f is called by one goroutine and must not block.
func (db *DB) Watch(ctx context.Context, f func(payload string)) error {
	return db.backend.Watch(ctx, f)
}

// Identity names the history that this database is on: PostgreSQL's system
// identifier and timeline, which a restore or a failover changes; on SQLite a
// random string kept in the file.
func (db *DB) Identity(ctx context.Context) (string, error) { return db.backend.Identity(ctx) }

// Ping answers nil if the database can be reached and answers a query.
func (db *DB) Ping(ctx context.Context) error { return db.backend.Ping(ctx) }

// Close closes all connections, after the statements in progress have ended.
func (db *DB) Close() { db.backend.Close() }

// Migrate brings the schema up to the newest migration of this binary, under a
// lock: several processes may start at once. It fails with a sentence for the
// operator when the schema is too new for this binary.
func (db *DB) Migrate(ctx context.Context) error {
	all, err := migrations.All()
	if err != nil {
		return err
	}
	return db.Apply(ctx, all)
}
