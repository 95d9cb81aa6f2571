package sqldb_test

import (
	"path/filepath"
	"testing"

	"github.com/conversalabs/internalchat/storage/migrations"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/sqldb/sqltest"
)

// Each line of migrations is counted by itself, and a statement of which nothing
// is for this database does nothing.
func TestApplyLine(t *testing.T) {
	load := func(all []migrations.Migration, err error) []migrations.Migration {
		t.Helper()
		if err != nil || len(all) == 0 {
			t.Fatalf("%d migrations, %v", len(all), err)
		}
		return all
	}
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		for range 2 {
			if err := db.ApplyLine(t.Context(), "follow", load(migrations.Follow())); err != nil {
				t.Fatal(err)
			}
			if err := db.ApplyLine(t.Context(), "search", load(migrations.Search())); err != nil {
				t.Fatal(err)
			}
		}
		for _, table := range []string{"follower_cursors", "node_leases", "search_documents"} {
			if _, err := sqldb.All(t.Context(), db, sqldb.Value[int], "SELECT 1 FROM "+table); err != nil {
				t.Error(err)
			}
		}
	})
}

func TestRebuildableFile(t *testing.T) {
	db := mustOpen(t, sqldb.Options{Path: filepath.Join(t.TempDir(), "again.db"), Rebuildable: true})
	mustApply(t, db)
	mustAdd(t, db, "a")
	if ids := mustIDs(t, db, "SELECT id FROM things"); len(ids) != 1 {
		t.Errorf("got %v, want a", ids)
	}
}
