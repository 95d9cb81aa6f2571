package sqldb_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/storage/migrations"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/sqldb/sqltest"
)

// schema is a small copy of what the product's schema is made of.
const schema = `-- groups form a chain
CREATE TABLE groups (
	account TEXT COLLATE "C" NOT NULL,
	previous BIGINT NOT NULL,
	head BIGINT NOT NULL,
	mark BIGINT NOT NULL,
	previous_mark BIGINT,
	PRIMARY KEY (account, previous),
	UNIQUE (account, head, mark),
	FOREIGN KEY (account, previous, previous_mark) REFERENCES groups (account, head, mark)
)
WITHOUT ROWID -- sqlite only
;
CREATE TABLE things (
	id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
	n BIGINT,
	flag BOOLEAN NOT NULL DEFAULT FALSE,
	body BYTEA,
	f DOUBLE PRECISION CHECK (f < 100)
);
CREATE UNIQUE INDEX things_n ON things (n); -- named
`

func mustApply(t testing.TB, db *sqldb.DB) {
	t.Helper()
	own := []migrations.Migration{{Version: 1, Name: "0001_test.sql", Floor: 1, SQL: schema}}
	var b sqldb.Batch // the product's own migrations are recorded in this table too
	b.Add("DROP TABLE IF EXISTS schema_migrations")
	for _, table := range []string{"things", "groups"} {
		b.Add("DROP TABLE IF EXISTS " + table)
	}
	mustCommit(t, db, &b)
	if err := db.Apply(t.Context(), own); err != nil {
		t.Fatal(err)
	}
}

func mustCommit(t testing.TB, db *sqldb.DB, b *sqldb.Batch) {
	t.Helper()
	if err := db.Commit(t.Context(), b); err != nil {
		t.Fatal(err)
	}
}

func mustAdd(t testing.TB, db *sqldb.DB, ids ...string) {
	t.Helper()
	var b sqldb.Batch
	for i, name := range ids {
		b.Add("INSERT INTO things (id, n) VALUES ($1, $2)", name, i)
	}
	mustCommit(t, db, &b)
}

func mustIDs(t testing.TB, q sqldb.Querier, sql string, args ...any) []string {
	t.Helper()
	got, err := sqldb.All(t.Context(), q, sqldb.Value[string], sql, args...)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return got
}

// each runs f on both databases with the schema of these tests.
func each(t *testing.T, f func(t *testing.T, db *sqldb.DB)) {
	t.Helper()
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		mustApply(t, db)
		f(t, db)
	})
}

type thing struct {
	ID   id.RoomID
	N    *int64
	Flag bool
	Body json.RawMessage
	F    *float64
}

func scanThing(r sqldb.Row) (v thing, err error) {
	err = r.Scan(&v.ID, &v.N, &v.Flag, &v.Body, &v.F)
	return v, err
}

func TestValuesComeBackAsTheyWere(t *testing.T) {
	each(t, func(t *testing.T, db *sqldb.DB) {
		n, f := int64(1)<<62+1, 1.5
		want := []thing{
			{ID: "", Body: json.RawMessage{}},
			{ID: "!z"},
			{ID: "!água:x", N: &n, Flag: true, Body: json.RawMessage("{\"a\":\x00\xff}"), F: &f},
		}
		var b sqldb.Batch
		for _, v := range want {
			b.Add("INSERT INTO things (id, n, flag, body, f) VALUES ($1, $2, $3, $4, $5)", v.ID, v.N, v.Flag, v.Body, v.F)
		}
		mustCommit(t, db, &b)
		got, err := sqldb.All(t.Context(), db, scanThing, "SELECT id, n, flag, body, f FROM things ORDER BY id")
		if diff := cmp.Diff(got, want); err != nil || diff != "" {
			t.Errorf("%v, got before want: %s", err, diff)
		}
		flags := mustIDs(t, db, "SELECT id FROM things WHERE flag = $1 AND flag", true)
		if diff := cmp.Diff(flags, []string{"!água:x"}); diff != "" {
			t.Error(diff)
		}
		if _, err := sqldb.All(t.Context(), db, sqldb.Value[int64], "SELECT n FROM things"); err == nil {
			t.Error("NULL was scanned into an int64")
		}
	})
}

func TestOne(t *testing.T) {
	each(t, func(t *testing.T, db *sqldb.DB) {
		mustAdd(t, db, "a", "b")
		if got, ok, err := sqldb.One(t.Context(), db, sqldb.Value[string], "SELECT id FROM things ORDER BY id"); got != "a" || !ok || err != nil {
			t.Errorf("got %q, %t, %v, want a", got, ok, err)
		}
		if got, ok, err := sqldb.One(t.Context(), db, sqldb.Value[string], "SELECT id FROM things WHERE id = $1", "c"); got != "" || ok || err != nil {
			t.Errorf("got %q, %t, %v, want no row", got, ok, err)
		}
	})
}

func TestArrays(t *testing.T) {
	each(t, func(t *testing.T, db *sqldb.DB) {
		mustAdd(t, db, "a", "b", `<"\c>`, "d")
		var b sqldb.Batch
		b.Add("UPDATE things SET body = $1 WHERE id = $2", []byte{0, 255}, "b")
		mustCommit(t, db, &b)
		tests := []struct {
			where string
			arg   any
			want  []string
		}{
			{"id = ANY($1)", []string{`<"\c>`, "b", "x"}, []string{`<"\c>`, "b"}},
			{"id = ANY($1)", []id.RoomID{"a"}, []string{"a"}},
			{"id = ANY($1)", []string{}, nil},
			{"id = ANY($1)", []string(nil), nil},
			{"id <> ALL($1)", []string{"a", "b"}, []string{`<"\c>`, "d"}},
			{"id <> ALL($1)", []string(nil), []string{`<"\c>`, "a", "b", "d"}},
			{"id <> ALL($1)", []id.RoomID(nil), []string{`<"\c>`, "a", "b", "d"}},
			{"n = ANY($1::bigint[])", []int64{3, 1 << 62}, []string{"d"}},
			{"n = ANY($1)", []int{0}, []string{"a"}},
			{"body = ANY($1::bytea[])", [][]byte{{0, 255}}, []string{"b"}},
			{"id IN (SELECT unnest($1::text[]))", []string{"d"}, []string{"d"}},
			{"id IN (SELECT x FROM unnest($1::text[]) AS t(x) WHERE x > 'a')", []string{"a", "d"}, []string{"d"}},
		}
		for _, tt := range tests {
			got := mustIDs(t, db, "SELECT id FROM things WHERE "+tt.where+" ORDER BY id", tt.arg)
			if diff := cmp.Diff(got, tt.want); diff != "" {
				t.Errorf("%s with %v: %s", tt.where, tt.arg, diff)
			}
		}
		b = sqldb.Batch{}
		b.Add(`INSERT INTO things (id, n) SELECT x, y + i FROM unnest($1::text[], $2::bigint[]) WITH ORDINALITY AS t(x, y, i)`,
			[]string{"m", "n"}, []int64{100, 200})
		mustCommit(t, db, &b)
		if got := b.Affected(0); got != 2 {
			t.Errorf("%d rows affected, want 2", got)
		}
		if diff := cmp.Diff(mustIDs(t, db, "SELECT id FROM things WHERE n = 101 OR n = 202 ORDER BY id"), []string{"m", "n"}); diff != "" {
			t.Error(diff)
		}
	})
}

func TestBothRefuse(t *testing.T) {
	each(t, func(t *testing.T, db *sqldb.DB) {
		for name, args := range map[string][]any{
			"NUL in text":        {"a\x00b"},
			"invalid UTF-8":      {"\xff"},
			"too few arguments":  {},
			"too many arguments": {"a", "b"},
			"a slice":            {[]string{"a"}},
			"a channel":          {make(chan int)},
		} {
			err := db.Query(t.Context(), "SELECT id FROM things WHERE id = $1", args, func(sqldb.Row) error { return nil })
			if err == nil {
				t.Errorf("%s was accepted", name)
			}
		}
		if err := db.Query(t.Context(), "SELECT id FROM nowhere", nil, nil); err == nil {
			t.Error("a query of a missing table was accepted")
		}
		for name, n := range map[string]any{"text into a BIGINT": "not a number", "a channel": make(chan int), "a slice": []string{"a"}} {
			var b sqldb.Batch
			b.Add("INSERT INTO things (id) VALUES ($1)", name)
			b.Add("INSERT INTO things (id, n) VALUES ($1, $2)", name+"!", n)
			if err := db.Commit(t.Context(), &b); err == nil || errors.Is(err, sqldb.ErrUnknown) {
				t.Errorf("%s: got %v, want a refusal", name, err)
			}
		}
		if got := mustIDs(t, db, "SELECT id FROM things"); got != nil {
			t.Errorf("the refused batches left %v behind", got)
		}
	})
}

func TestScanErrorEndsTheQuery(t *testing.T) {
	each(t, func(t *testing.T, db *sqldb.DB) {
		mustAdd(t, db, "a", "b", "c")
		enough := errors.New("enough")
		rows := 0
		err := db.Query(t.Context(), "SELECT id FROM things", nil, func(sqldb.Row) error {
			rows++
			return enough
		})
		if !errors.Is(err, enough) || rows != 1 {
			t.Errorf("got %v after %d rows, want the scan's error after 1", err, rows)
		}
		mustIDs(t, db, "SELECT id FROM things") // the connection still works
	})
}

func TestPanicInScanLeavesThePoolWhole(t *testing.T) {
	each(t, func(t *testing.T, db *sqldb.DB) {
		mustAdd(t, db, "a", "b")
		for range 40 { // more than there are connections
			func() {
				defer func() { _ = recover() }()
				_ = db.Read(t.Context(), func(q sqldb.Querier) error {
					return q.Query(t.Context(), "SELECT id FROM things", nil, func(sqldb.Row) error { panic("a bug") })
				})
			}()
		}
		mustAdd(t, db)
		if got := mustIDs(t, db, "SELECT id FROM things ORDER BY id"); len(got) != 2 {
			t.Errorf("got %v, want 2", got)
		}
	})
}

func TestQueryMany(t *testing.T) {
	each(t, func(t *testing.T, db *sqldb.DB) {
		mustAdd(t, db, "a", "b", "c")
		many := func(q sqldb.Querier, sets ...[]any) (got []string, err error) {
			err = q.QueryMany(t.Context(), "SELECT id FROM things WHERE id >= $1 ORDER BY id", sets, func(i int, r sqldb.Row) error {
				name, err := sqldb.Value[string](r)
				got = append(got, strings.Repeat("+", i)+name)
				return err
			})
			return got, err
		}
		want := []string{"b", "c", "++a", "++b", "++c"}
		if got, err := many(db, []any{"b"}, []any{"x"}, []any{"a"}); err != nil || !cmp.Equal(got, want) {
			t.Errorf("got %v, %v, want %v", got, err, want)
		}
		if got, err := many(db); err != nil || got != nil {
			t.Errorf("no sets: got %v, %v", got, err)
		}
		if _, err := many(db, []any{"a"}, []any{"a\x00"}); err == nil {
			t.Error("a bad set was accepted")
		}
		err := db.Read(t.Context(), func(q sqldb.Querier) error {
			got, err := many(q, []any{"c"}, []any{"c"})
			if diff := cmp.Diff(got, []string{"c", "+c"}); diff != "" {
				t.Error(diff)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	})
}

func TestReadSeesOneSnapshot(t *testing.T) {
	each(t, func(t *testing.T, db *sqldb.DB) {
		mustAdd(t, db, "a")
		err := db.Read(t.Context(), func(q sqldb.Querier) error {
			before := mustIDs(t, q, "SELECT id FROM things")
			var b sqldb.Batch
			b.Add("INSERT INTO things (id) VALUES ('b')")
			mustCommit(t, db, &b)
			if diff := cmp.Diff(mustIDs(t, q, "SELECT id FROM things ORDER BY id"), before); diff != "" {
				t.Errorf("the snapshot moved: %s", diff)
			}
			return q.Query(t.Context(), "INSERT INTO things (id) VALUES ('c')", nil, nil)
		})
		if err == nil {
			t.Error("a write in a snapshot was accepted")
		}
		if diff := cmp.Diff(mustIDs(t, db, "SELECT id FROM things ORDER BY id"), []string{"a", "b"}); diff != "" {
			t.Error(diff)
		}
	})
}

func TestEndedContext(t *testing.T) {
	each(t, func(t *testing.T, db *sqldb.DB) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		var b sqldb.Batch
		b.Add("INSERT INTO things (id) VALUES ('a')")
		if err := db.Commit(ctx, &b); !errors.Is(err, context.Canceled) || errors.Is(err, sqldb.ErrUnknown) {
			t.Errorf("commit: got %v, want %v", err, context.Canceled)
		}
		if _, _, err := sqldb.One(ctx, db, sqldb.Value[int64], "SELECT count(*) FROM things"); !errors.Is(err, context.Canceled) {
			t.Errorf("query: got %v, want %v", err, context.Canceled)
		}
		if got := mustIDs(t, db, "SELECT id FROM things"); got != nil {
			t.Errorf("got %v, want nothing", got)
		}
	})
}

func TestClosed(t *testing.T) {
	each(t, func(t *testing.T, db *sqldb.DB) {
		db.Close()
		db.Close()
		if err := db.Ping(t.Context()); !errors.Is(err, sqldb.ErrClosed) {
			t.Errorf("got %v, want %v", err, sqldb.ErrClosed)
		}
		var b sqldb.Batch
		b.Add("SELECT 1")
		if err := db.Commit(t.Context(), &b); !errors.Is(err, sqldb.ErrClosed) {
			t.Errorf("got %v, want %v", err, sqldb.ErrClosed)
		}
	})
}
