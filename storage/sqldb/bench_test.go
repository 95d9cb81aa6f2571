package sqldb_test

import (
	"fmt"
	"testing"

	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/sqldb/sqltest"
)

func benchEach(b *testing.B, f func(b *testing.B, db *sqldb.DB)) {
	b.Helper()
	for name, open := range map[string]func(testing.TB) *sqldb.DB{"sqlite": sqltest.SQLite, "postgres": sqltest.Postgres} {
		b.Run(name, func(b *testing.B) {
			db := open(b)
			mustApply(b, db)
			f(b, db)
		})
	}
}

func BenchmarkPointRead(b *testing.B) {
	benchEach(b, func(b *testing.B, db *sqldb.DB) {
		mustAdd(b, db, "a", "b", "c")
		b.ReportAllocs()
		for b.Loop() {
			_, ok, err := sqldb.One(b.Context(), db, scanThing, "SELECT id, n, flag, body, f FROM things WHERE id = $1", "b")
			if err != nil || !ok {
				b.Fatal(ok, err)
			}
		}
	})
}

func BenchmarkPointReadParallel(b *testing.B) {
	benchEach(b, func(b *testing.B, db *sqldb.DB) {
		mustAdd(b, db, "a", "b", "c")
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				_, ok, err := sqldb.One(b.Context(), db, scanThing, "SELECT id, n, flag, body, f FROM things WHERE id = $1", "b")
				if err != nil || !ok {
					b.Error(ok, err)
					return
				}
			}
		})
	})
}

// BenchmarkCommit writes a claim and two rows; at 64 it is a group of that many
// sends.
func BenchmarkCommit(b *testing.B) {
	for _, sends := range []int{1, 64} {
		b.Run(fmt.Sprint(sends), func(b *testing.B) {
			benchEach(b, func(b *testing.B, db *sqldb.DB) {
				var first sqldb.Batch
				first.Add(claimSQL, "acc", 0, 1, 1, nil)
				mustCommit(b, db, &first)
				body := make([]byte, 500)
				b.ReportAllocs()
				for head := int64(1); b.Loop(); head++ {
					var batch sqldb.Batch
					batch.Add(claimSQL, "acc", head, head+1, head+1, head)
					for i := range sends {
						batch.Add("INSERT INTO things (id, body) VALUES ($1, $2)", fmt.Sprint(head, "a", i), body)
						batch.Add("INSERT INTO things (id, flag) VALUES ($1, $2)", fmt.Sprint(head, "b", i), true)
					}
					mustCommit(b, db, &batch)
				}
			})
		})
	}
}
