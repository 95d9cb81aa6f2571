package sqldb_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/conversalabs/internalchat/storage/migrations"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/sqldb/sqltest"
)

func mustOpen(t testing.TB, o sqldb.Options) *sqldb.DB {
	t.Helper()
	db, err := sqldb.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return db
}

func TestOpenRefuses(t *testing.T) {
	notADatabase := filepath.Join(t.TempDir(), "text.db")
	if err := os.WriteFile(notADatabase, []byte(strings.Repeat("no database ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, o := range map[string]sqldb.Options{
		"nothing":        {},
		"both":           {URL: "postgres:///x", Path: "x.db"},
		"no server":      {URL: "postgres:///x?host=" + t.TempDir()},
		"no folder":      {Path: filepath.Join(t.TempDir(), "missing", "x.db")},
		"not a database": {Path: notADatabase},
	} {
		if db, err := sqldb.Open(t.Context(), o); err == nil {
			db.Close()
			t.Errorf("%s: was opened", name)
		}
	}
}

func TestOpenRefusesAnotherEncoding(t *testing.T) {
	url := sqltest.PostgresURL(t)
	db := mustOpen(t, sqldb.Options{URL: url})
	var b sqldb.Batch
	b.Add("CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1'")
	mustCommit(t, db, &b)
	t.Cleanup(func() {
		var b sqldb.Batch
		b.Add("DROP DATABASE latin")
		if err := db.Commit(context.Background(), &b); err != nil {
			t.Error(err)
		}
	})
	_, query, _ := strings.Cut(url, "?")
	_, err := sqldb.Open(t.Context(), sqldb.Options{URL: "postgres:///latin?" + query})
	if err == nil || !strings.Contains(err.Error(), "UTF8") {
		t.Errorf("got %v, want a sentence about the encoding", err)
	}
}

func TestPathWithStrangeCharacters(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a b%20?c#d&e=f.db")
	db := mustOpen(t, sqldb.Options{Path: path})
	mustApply(t, db)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode().Perm(); got != 0o600 {
		t.Errorf("the file's mode is %o, want 600", got)
	}
}

func TestSQLiteSettings(t *testing.T) {
	db := sqltest.SQLite(t)
	for pragma, want := range map[string]int64{"query_only": 1, "busy_timeout": 5000} {
		got, _, err := sqldb.One(t.Context(), db, sqldb.Value[int64], "PRAGMA "+pragma)
		if got != want || err != nil {
			t.Errorf("a reader's %s is %d, %v, want %d", pragma, got, err, want)
		}
	}
}

func TestPostgresSettings(t *testing.T) {
	db := sqltest.Postgres(t)
	for name, want := range map[string]string{
		"synchronous_commit": "on", "statement_timeout": "15s", "lock_timeout": "5s",
		"idle_in_transaction_session_timeout": "15s", "application_name": "internalchat",
	} {
		got, _, err := sqldb.One(t.Context(), db, sqldb.Value[string], "SELECT current_setting($1)", name)
		if got != want || err != nil {
			t.Errorf("%s is %q, %v, want %q", name, got, err, want)
		}
	}
}

func mustLoad(t *testing.T, files map[string]string) []migrations.Migration {
	t.Helper()
	fsys := fstest.MapFS{}
	for name, text := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
	}
	all, err := migrations.Load(fsys)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// eachEmpty runs f with a way to open one new database again and again.
func eachEmpty(t *testing.T, f func(t *testing.T, open func() *sqldb.DB)) {
	t.Run("sqlite", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "a.db")
		f(t, func() *sqldb.DB { return mustOpen(t, sqldb.Options{Path: path}) })
	})
	t.Run("postgres", func(t *testing.T) {
		url := sqltest.PostgresURL(t)
		f(t, func() *sqldb.DB { return mustOpen(t, sqldb.Options{URL: url}) })
	})
}

func TestApply(t *testing.T) {
	first := map[string]string{"0001_start.sql": "CREATE TABLE a (x BIGINT);\nCREATE TABLE b (x BIGINT);"}
	second := map[string]string{"0001_start.sql": first["0001_start.sql"], "0002_more.sql": "-- floor: 1\nDROP TABLE b; -- gone\n\nINSERT INTO a (x) VALUES (1);\n"}
	third := map[string]string{"0001_start.sql": second["0001_start.sql"], "0002_more.sql": second["0002_more.sql"], "0003_break.sql": "CREATE TABLE c (x BIGINT)"}
	eachEmpty(t, func(t *testing.T, open func() *sqldb.DB) {
		db := open()
		ctx := t.Context()
		for range 2 {
			for _, files := range []map[string]string{first, second} {
				if err := db.Apply(ctx, mustLoad(t, files)); err != nil {
					t.Fatal(err)
				}
			}
		}
		got, err := sqldb.All(ctx, db, sqldb.Value[int64], "SELECT x FROM a")
		if err != nil || !cmp.Equal(got, []int64{1}) {
			t.Errorf("got %v, %v, want 1 once", got, err)
		}
		if err := db.Apply(ctx, mustLoad(t, third)); err != nil {
			t.Fatal(err)
		}
		err = db.Apply(ctx, mustLoad(t, second))
		if err == nil || !strings.Contains(err.Error(), "newer version of internalchat (0003_break.sql)") {
			t.Errorf("an old program on a newer schema: got %v", err)
		}
		err = db.Apply(ctx, mustLoad(t, map[string]string{"0001_other.sql": "", "0002_more.sql": "", "0003_break.sql": ""}))
		if err == nil || !strings.Contains(err.Error(), "another program") {
			t.Errorf("another line of versions: got %v", err)
		}
	})
}

func TestApplyIsAllOrNothing(t *testing.T) {
	eachEmpty(t, func(t *testing.T, open func() *sqldb.DB) {
		db := open()
		err := db.Apply(t.Context(), mustLoad(t, map[string]string{
			"0001_start.sql": "CREATE TABLE a (x BIGINT);\n", "0002_broken.sql": "CREATE TABLE b (x BIGINT);\nDROP TABLE nowhere;\n",
		}))
		if err == nil || !strings.Contains(err.Error(), "0002_broken.sql") {
			t.Errorf("got %v, want the broken migration's name", err)
		}
		if _, err := sqldb.All(t.Context(), db, sqldb.Value[int64], "SELECT x FROM a"); err == nil {
			t.Error("the first migration stayed")
		}
	})
}

func TestConcurrentStarts(t *testing.T) {
	all := mustLoad(t, map[string]string{"0001_start.sql": "CREATE TABLE a (x BIGINT);\nINSERT INTO a (x) VALUES (1);\n"})
	eachEmpty(t, func(t *testing.T, open func() *sqldb.DB) {
		var wg sync.WaitGroup
		for range 6 {
			wg.Go(func() {
				db := open()
				if err := db.Apply(t.Context(), all); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		got, err := sqldb.All(t.Context(), open(), sqldb.Value[int64], "SELECT x FROM a")
		if err != nil || !cmp.Equal(got, []int64{1}) {
			t.Errorf("got %v, %v, want 1 once", got, err)
		}
	})
}

func TestMigrateProduct(t *testing.T) {
	eachEmpty(t, func(t *testing.T, open func() *sqldb.DB) {
		for range 2 {
			if err := open().Migrate(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestAcquireTimeout(t *testing.T) {
	db := mustOpen(t, sqldb.Options{Path: filepath.Join(t.TempDir(), "a.db"), Acquire: 1})
	var nested func(q sqldb.Querier) error
	nested = func(sqldb.Querier) error { return db.Read(t.Context(), nested) } // takes them all
	if err := db.Read(t.Context(), nested); err == nil || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want a sentence about connections", err)
	}
}
