package sqltest_test

import (
	"bufio"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/sqldb/sqltest"
)

// asChild makes the test process start a cluster, tell where, and wait to be killed.
const asChild = "SQLTEST_AS_CHILD"

func TestMain(m *testing.M) { sqltest.Main(m) }

func TestEachIsMigratedAndEmpty(t *testing.T) {
	for range 2 { // the second does not see the first's row
		sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
			n, _, err := sqldb.One(t.Context(), db, sqldb.Value[int64], "SELECT count(*) FROM schema_migrations WHERE version > 0")
			if n < 1 || err != nil {
				t.Errorf("%d migrations, %v, want at least 1", n, err)
			}
			var b sqldb.Batch
			b.Add("CREATE TABLE mine (x BIGINT)")
			if err := db.Commit(t.Context(), &b); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestKilledProcessLeavesNothing(t *testing.T) {
	if os.Getenv(asChild) != "" {
		u, err := url.Parse(sqltest.PostgresURL(t))
		if err != nil {
			t.Fatal(err)
		}
		_, _ = os.Stdout.WriteString(u.Query().Get("host") + "\n")
		select {}
	}
	sqltest.Postgres(t) // skips without PostgreSQL
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKilledProcessLeavesNothing$")
	child.Env = append(os.Environ(), asChild+"=1")
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	if !lines.Scan() {
		t.Fatal("the child said nothing")
	}
	folder := lines.Text()
	if _, err := os.Stat(folder); err != nil {
		t.Fatal(err)
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait()
	limit := time.After(30 * time.Second)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if _, err := os.Stat(folder); errors.Is(err, fs.ErrNotExist) {
			return
		}
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("%s is still there", folder)
		}
	}
}
