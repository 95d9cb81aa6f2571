package sqldb

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/conversalabs/internalchat/storage/migrations"
)

// Facts are what an operator wants to know about a database.
type Facts struct {
	// Product is the database and its version, such as "PostgreSQL 17.2".
	Product string
	// Clock is the time at the database, or zero on SQLite, which has no clock of
	// its own.
	Clock time.Time
	// Risks has a sentence for each setting with which the server cannot keep what
	// it promises.
	Risks []string
}

const (
	postgresFactsSQL = `SELECT current_setting('server_version'),
		(extract(epoch FROM clock_timestamp()) * 1000)::bigint,
		current_setting('fsync'), current_setting('full_page_writes'), pg_is_in_recovery()`

	sqliteFactsSQL = `SELECT sqlite_version()`
)

// Facts reads what this database is and how it is set.
func (db *DB) Facts(ctx context.Context) (Facts, error) {
	if !db.Postgres() {
		version, _, err := One(ctx, db, Value[string], sqliteFactsSQL)
		return Facts{Product: "SQLite " + version}, err
	}
	f, _, err := One(ctx, db, scanFacts, postgresFactsSQL)
	return f, err
}

func scanFacts(r Row) (f Facts, err error) {
	var version, fsync, fullPages string
	var clock int64
	var standby bool
	if err := r.Scan(&version, &clock, &fsync, &fullPages, &standby); err != nil {
		return f, err
	}
	f = Facts{Product: "PostgreSQL " + version, Clock: time.UnixMilli(clock)}
	if fsync != "on" {
		f.Risks = append(f.Risks, "fsync is off: a crash of the machine can destroy the database; set it to on")
	}
	if fullPages != "on" {
		f.Risks = append(f.Risks, "full_page_writes is off: a crash of the machine can damage the database; set it to on")
	}
	if standby {
		f.Risks = append(f.Risks, "this is a standby, which cannot be written to; give the URL of the primary")
	}
	return f, nil
}

const (
	postgresHasMigrationsSQL = `SELECT count(*) FROM pg_class WHERE oid = to_regclass('schema_migrations')`

	sqliteHasMigrationsSQL = `SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'schema_migrations'`
)

// SchemaVersion reads the version of the schema (0: there is none yet) and gives
// the version that this binary brings it to. It fails with the sentence of
// [DB.Migrate] when that would refuse the schema, and then has is still given.
func (db *DB) SchemaVersion(ctx context.Context) (has, knows int, err error) {
	all, err := migrations.All()
	if err != nil {
		return 0, 0, err
	}
	return db.compare(ctx, all)
}

func (db *DB) compare(ctx context.Context, all []migrations.Migration) (has, knows int, err error) {
	if len(all) > 0 {
		knows = all[len(all)-1].Version
	}
	sql := sqliteHasMigrationsSQL // each database has its own catalogue
	if db.Postgres() {
		sql = postgresHasMigrationsSQL
	}
	tables, _, err := One(ctx, db, Value[int64], sql)
	if err != nil || tables == 0 {
		return 0, knows, err
	}
	applied, err := All(ctx, db, scanMigration, fmt.Sprintf(appliedMigrationsSQL, schemaLine))
	if err != nil {
		return 0, knows, err
	}
	for _, m := range applied {
		has = max(has, m.Version)
	}
	_, err = missingMigrations(applied, all)
	return has, knows, err
}

// openSQLiteReadOnly opens a file that must exist, and leaves the folder as it
// is: a file that nobody has open is read as it stands, because SQLite's log and
// its index would be made beside it otherwise, and stay.
func openSQLiteReadOnly(o Options) (*sqliteDB, error) {
	path, err := filepath.Abs(o.Path)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(path); err != nil {
		return nil, err
	}
	text := dsn(path, o.Lock.Milliseconds(), "query_only(ON)") + "&mode=ro"
	switch _, err := os.Stat(path + "-wal"); {
	case errors.Is(err, fs.ErrNotExist):
		text += "&immutable=1"
	case err != nil:
		return nil, fmt.Errorf("look for SQLite's log: %w", err)
	}
	return newSQLite(o, text, text), nil
}
