package sqldb_test

import (
	"testing"

	"github.com/conversalabs/internalchat/storage/sqldb/sqltest"
)

func TestMain(m *testing.M) { sqltest.Main(m) }
