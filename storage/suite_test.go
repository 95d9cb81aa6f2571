package storage_test

import (
	"path/filepath"
	"testing"

	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/sqldb/sqltest"
	"github.com/conversalabs/internalchat/storage/storagetest"
)

func TestMain(m *testing.M) {
	storagetest.Main()
	sqltest.Main(m)
}

func TestSQLite(t *testing.T) {
	storagetest.Run(t, func(t *testing.T) sqldb.Options {
		return sqldb.Options{Path: filepath.Join(t.TempDir(), "chat.db")}
	})
}

func TestPostgres(t *testing.T) {
	storagetest.Run(t, func(t *testing.T) sqldb.Options {
		return sqldb.Options{URL: sqltest.PostgresURL(t)}
	})
}
