package sqldb_test

import (
	"testing"

	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/sqldb/sqltest"
)

func TestFirst(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		id, err := db.Identity(t.Context())
		t.Log(id, err)
	})
}
