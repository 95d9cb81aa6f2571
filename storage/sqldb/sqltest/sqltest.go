package sqltest

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/conversalabs/internalchat/storage/sqldb"
)

// RequirePostgres is the environment variable that makes a missing PostgreSQL a
// failure ("1") instead of a skipped test.
const RequirePostgres = "INTERNALCHAT_REQUIRE_POSTGRES"

// Each runs f on both databases, as the subtests "sqlite" and "postgres". The
// database is migrated, empty and f's own.
func Each(t *testing.T, f func(t *testing.T, db *sqldb.DB)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { f(t, SQLite(t)) })
	t.Run("postgres", func(t *testing.T) { f(t, Postgres(t)) })
}

// SQLite opens a new migrated database in a folder of the test.
func SQLite(t testing.TB) *sqldb.DB {
	t.Helper()
	db := mustOpen(t, sqldb.Options{Path: filepath.Join(t.TempDir(), "test.db")})
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return db
}

// Postgres opens a new migrated database in the process's cluster. Without
// PostgreSQL's programs it skips the test; see [RequirePostgres].
func Postgres(t testing.TB) *sqldb.DB {
	t.Helper()
	return mustOpen(t, sqldb.Options{URL: newDatabase(t, mustCluster(t).migrated(t))})
}

// PostgresURL makes a new empty database in the process's cluster and returns its
// URL, for tests that start the program. It skips as [Postgres] does.
func PostgresURL(t testing.TB) string {
	t.Helper()
	mustCluster(t)
	return newDatabase(t, "template0")
}

// Main runs the tests and stops the cluster. It is for TestMain, and optional:
// without it the cluster stops by itself when the process has ended, however that
// came about.
func Main(m *testing.M) {
	code := m.Run()
	if theCluster != nil {
		theCluster.stop()
	}
	os.Exit(code)
}

func mustOpen(t testing.TB, o sqldb.Options) *sqldb.DB {
	t.Helper()
	db, err := sqldb.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return db
}

var (
	startOnce  sync.Once
	theCluster *cluster
	startErr   error

	migrateOnce sync.Once
	migrateErr  error

	lastDatabase atomic.Int64
)

// mustCluster starts the process's cluster at the first call.
func mustCluster(t testing.TB) *cluster {
	t.Helper()
	programs, err := findPrograms()
	if err != nil {
		if os.Getenv(RequirePostgres) == "1" {
			t.Fatalf("%v, and %s=1 demands it", err, RequirePostgres)
		}
		t.Skipf("%v: the test runs on SQLite alone", err)
	}
	startOnce.Do(func() { theCluster, startErr = startCluster(programs) })
	if startErr != nil {
		t.Fatalf("start PostgreSQL: %v", startErr)
	}
	return theCluster
}

// migrated returns the name of the template that has all migrations.
func (c *cluster) migrated(t testing.TB) string {
	t.Helper()
	const name = "migrated"
	migrateOnce.Do(func() { migrateErr = c.makeTemplate(name) })
	if migrateErr != nil {
		t.Fatalf("migrate the template database: %v", migrateErr)
	}
	return name
}

func (c *cluster) makeTemplate(name string) error {
	ctx := context.Background()
	if err := c.run(ctx, fmt.Sprintf("CREATE DATABASE %s TEMPLATE template0", name)); err != nil {
		return err
	}
	db, err := sqldb.Open(ctx, sqldb.Options{URL: c.url(name)})
	if err != nil {
		return err
	}
	defer db.Close() // a template must have no connections
	return db.Migrate(ctx)
}

// newDatabase copies a template and drops the copy after the test.
func newDatabase(t testing.TB, template string) string {
	t.Helper()
	c := mustCluster(t)
	name := fmt.Sprintf("test%d", lastDatabase.Add(1))
	if err := c.run(t.Context(), fmt.Sprintf("CREATE DATABASE %s TEMPLATE %s", name, template)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.run(context.Background(), fmt.Sprintf("DROP DATABASE %s WITH (FORCE)", name)); err != nil {
			t.Error(err)
		}
	})
	return c.url(name)
}

// url names a database of the cluster; the socket's folder is the host.
func (c *cluster) url(database string) string {
	values := url.Values{"host": {c.folder}, "user": {superuser}, "pool_max_conns": {"8"}}
	return "postgres:///" + database + "?" + values.Encode()
}
