package sqldb_test

import (
	"testing"

	"github.com/conversalabs/internalchat/storage/sqldb"
)

func TestDerive(t *testing.T) {
	tests := []struct{ name, sql, want string }{
		{"parameters", "SELECT a FROM t WHERE b=$2 AND c >= $1", "SELECT a FROM t WHERE b = ? AND c >= ?"},
		{"in strings", "SELECT '$1::text', 'it''s = ANY($1)', \"FOR UPDATE\"", "SELECT '$1::text' , 'it''s = ANY($1)' , \"FOR UPDATE\""},
		{"comments", "SELECT 1 -- $1\n/* FOR UPDATE */ + 2", "SELECT 1 + 2"},
		{"casts", "SELECT $1::double precision, sum(x)::bigint, a::TEXT", "SELECT ? , sum ( x ) , a"},
		{"any", "WHERE id = ANY($1) AND k = any($2::bigint[])", "WHERE id IN (SELECT value FROM json_each( ? )) AND k IN (SELECT value FROM json_each( ? ))"},
		{"any of bytes", "WHERE id = ANY($1::bytea[])", "WHERE id IN (SELECT unhex(value) FROM json_each( ? ))"},
		{"all", "WHERE id <> ALL($1::text[])", "WHERE id NOT IN (SELECT value FROM json_each( ? ))"},
		{"unnest", "SELECT unnest($1::text[])", "SELECT value FROM json_each( ? )"},
		{
			"unnest as a table", "SELECT x FROM unnest($1::text[], $2::bigint[]) WITH ORDINALITY AS t(x, y, n)",
			"SELECT x FROM (SELECT j0.value AS x, j1.value AS y, j0.key + 1 AS n FROM json_each( ? ) AS j0 JOIN json_each( ? ) AS j1 ON j1.key = j0.key ) AS t",
		},
		{"locks", "SELECT a FROM t WHERE b FOR UPDATE OF t SKIP LOCKED", "SELECT a FROM t WHERE b"},
		{"share", "SELECT a FROM t FOR SHARE NOWAIT", "SELECT a FROM t"},
		{"upsert", "INSERT INTO t (a) VALUES ($1) ON CONFLICT (a) DO UPDATE SET a = excluded.a", "INSERT INTO t ( a ) VALUES ( ? ) ON CONFLICT ( a ) DO UPDATE SET a = excluded.a"},
		{
			"table", `CREATE TABLE t (a BIGINT NOT NULL, b TEXT COLLATE "C", c BYTEA, d BOOLEAN, e DOUBLE PRECISION, f SMALLINT)`,
			"CREATE TABLE t ( a INTEGER NOT NULL , b TEXT , c BLOB , d INTEGER , e REAL , f INTEGER ) STRICT",
		},
		{"table without rowid", "CREATE TABLE t (a TEXT PRIMARY KEY) WITHOUT ROWID", "CREATE TABLE t ( a TEXT PRIMARY KEY ) WITHOUT ROWID, STRICT"},
		{"column", "ALTER TABLE t ADD COLUMN b BYTEA", "ALTER TABLE t ADD COLUMN b BLOB"},
		{"json", "SELECT a->>'b', a || 'c' FROM t WHERE a <> 'd'", "SELECT a ->> 'b' , a || 'c' FROM t WHERE a <> 'd'"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := sqldb.DeriveSQL(tt.sql)
			if err != nil || got != tt.want {
				t.Errorf("derive(%s)\n got %s, %v\nwant %s", tt.sql, got, err, tt.want)
			}
		})
	}
}

func TestDeriveRefuses(t *testing.T) {
	for _, sql := range []string{
		"SELECT 'open", "SELECT /* open", "SELECT $0", "SELECT $x", "SELECT 1::", "WHERE a = ANY(b)",
		"SELECT x FROM unnest($1::text[])", "SELECT x FROM unnest($1::text[]) AS t(a, b)", "SELECT x FROM unnest(a) AS t(x)",
	} {
		if got, err := sqldb.DeriveSQL(sql); err == nil {
			t.Errorf("derive(%s) = %s, want an error", sql, got)
		}
	}
}

func TestOnlyFor(t *testing.T) {
	const sql = "a\nb -- sqlite only\nc -- postgres only\nd -- only here\n"
	if got, want := sqldb.OnlyFor(sql, "sqlite"), "a\nb -- sqlite only\nd -- only here\n"; got != want {
		t.Errorf("for SQLite: got %q, want %q", got, want)
	}
	if got, want := sqldb.OnlyFor(sql, "postgres"), "a\nc -- postgres only\nd -- only here\n"; got != want {
		t.Errorf("for PostgreSQL: got %q, want %q", got, want)
	}
}

func FuzzDerive(f *testing.F) {
	f.Add("SELECT a FROM t WHERE b = ANY($1::bytea[]) FOR UPDATE OF t, u")
	f.Add("SELECT x FROM unnest($1::text[], $2) WITH ORDINALITY AS t(x, y, n)")
	f.Add("CREATE TABLE t (a DOUBLE PRECISION) -- x\n")
	f.Fuzz(func(t *testing.T, sql string) {
		got, err := sqldb.DeriveSQL(sql) // must neither panic nor hang
		if err != nil {
			return
		}
		if _, err := sqldb.DeriveSQL(got); err != nil {
			t.Errorf("derive(%q) = %q, which cannot be read again: %v", sql, got, err)
		}
	})
}
