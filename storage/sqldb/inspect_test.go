package sqldb_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/sqldb/sqltest"
)

// eachTwice runs f with a way to open one new database, also for reading only.
func eachTwice(t *testing.T, f func(t *testing.T, open func(readOnly bool) *sqldb.DB)) {
	t.Run("sqlite", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "a.db")
		f(t, func(readOnly bool) *sqldb.DB { return mustOpen(t, sqldb.Options{Path: path, ReadOnly: readOnly}) })
	})
	t.Run("postgres", func(t *testing.T) {
		url := sqltest.PostgresURL(t)
		f(t, func(readOnly bool) *sqldb.DB { return mustOpen(t, sqldb.Options{URL: url, ReadOnly: readOnly}) })
	})
}

func mustHaveVersion(t testing.TB, db *sqldb.DB, want int) (knows int) {
	t.Helper()
	has, knows, err := db.SchemaVersion(t.Context())
	if has != want || knows < 1 || err != nil {
		t.Errorf("got version %d of %d and %v, want %d", has, knows, err, want)
	}
	return knows
}

func TestSchemaVersion(t *testing.T) {
	eachTwice(t, func(t *testing.T, open func(bool) *sqldb.DB) {
		db := open(false)
		knows := mustHaveVersion(t, db, 0)
		if err := db.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		mustHaveVersion(t, db, knows)
		mustHaveVersion(t, open(true), knows)

		var b sqldb.Batch
		b.Add("INSERT INTO schema_migrations (version, name, floor) VALUES (900, '0900_more.sql', 1)")
		mustCommit(t, db, &b)
		mustHaveVersion(t, db, 900) // newer, and this program can work on it

		b = sqldb.Batch{}
		b.Add("INSERT INTO schema_migrations (version, name, floor) VALUES (901, '0901_break.sql', 901)")
		mustCommit(t, db, &b)
		has, _, err := db.SchemaVersion(t.Context())
		if has != 901 || err == nil || !strings.Contains(err.Error(), "newer version of internalchat (0901_break.sql)") {
			t.Errorf("got version %d and %v, want 901 and a refusal", has, err)
		}
	})
}

func TestReadOnlyRefusesWrites(t *testing.T) {
	eachTwice(t, func(t *testing.T, open func(bool) *sqldb.DB) {
		open(false)
		db := open(true)
		var b sqldb.Batch
		b.Add("CREATE TABLE mine (x BIGINT)")
		if err := db.Commit(t.Context(), &b); err == nil {
			t.Error("a table was made")
		}
		if err := db.Migrate(t.Context()); err == nil {
			t.Error("the schema was made")
		}
	})
}

func TestReadOnlyLeavesTheFolder(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "a.db")
	_, err := sqldb.Open(t.Context(), sqldb.Options{Path: path, ReadOnly: true})
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a missing file: got %v, want that it does not exist", err)
	}
	mustHaveFiles(t, folder)

	db := mustOpen(t, sqldb.Options{Path: path})
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	look := func() {
		reader := mustOpen(t, sqldb.Options{Path: path, ReadOnly: true})
		if has, _, err := reader.SchemaVersion(t.Context()); has < 1 || err != nil {
			t.Errorf("got version %d and %v, want what was migrated", has, err)
		}
		reader.Close()
	}
	look() // beside a process that has it open
	mustHaveFiles(t, folder, "a.db", "a.db-shm", "a.db-wal")
	db.Close()
	look() // alone
	mustHaveFiles(t, folder, "a.db")
}

func mustHaveFiles(t testing.TB, folder string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if diff := cmp.Diff(got, want); diff != "" {
		t.Errorf("files of the folder, got before want:\n%s", diff)
	}
}

func TestFacts(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		got, err := db.Facts(t.Context())
		if err != nil || len(got.Risks) > 0 {
			t.Errorf("got risks %q and %v, want none", got.Risks, err)
		}
		product := map[bool]string{true: "PostgreSQL ", false: "SQLite "}[db.Postgres()]
		if !strings.HasPrefix(got.Product, product) || len(got.Product) == len(product) {
			t.Errorf("got %q, want %sand a version", got.Product, product)
		}
		if off := time.Since(got.Clock).Abs(); db.Postgres() && off > time.Minute || !db.Postgres() && !got.Clock.IsZero() {
			t.Errorf("got the clock %v", got.Clock)
		}
	})
}

func TestFactsNameRisks(t *testing.T) {
	url := sqltest.PostgresURL(t)
	db := mustOpen(t, sqldb.Options{URL: url})
	mustAlterSystem(t, url, "SET full_page_writes = off")
	defer mustAlterSystem(t, url, "RESET full_page_writes")
	for limit := time.After(10 * time.Second); ; {
		got, err := db.Facts(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(got.Risks) == 1 && strings.Contains(got.Risks[0], "full_page_writes") {
			return
		}
		select {
		case <-limit: // the server's processes take over a new setting one by one
			t.Fatalf("got risks %q, want one about full_page_writes", got.Risks)
		default:
		}
	}
}

// mustAlterSystem works on a connection of its own, because the statement stands
// in no transaction.
func mustAlterSystem(t testing.TB, url, change string) {
	t.Helper()
	cfg, err := pgxpool.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	c, err := pgx.ConnectConfig(t.Context(), cfg.ConnConfig)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close(t.Context()) }()
	for _, sql := range []string{"ALTER SYSTEM " + change, "SELECT pg_reload_conf()"} {
		if _, err := c.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
}
