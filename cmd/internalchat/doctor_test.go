package main

import (
	"bytes"
	"context"
	"io/fs"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/conversalabs/internalchat/config"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/sqldb/sqltest"
)

// eachInstallation runs f on the options of a new installation of each database.
func eachInstallation(t *testing.T, f func(t *testing.T, options map[string]string)) {
	t.Parallel()
	for name, database := range map[string]func(testing.TB) string{
		"sqlite":   func(testing.TB) string { return "" },
		"postgres": sqltest.PostgresURL,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f(t, map[string]string{
				"data": filepath.Join(t.TempDir(), "data"), "listen": "127.0.0.1:0", "database": database(t),
			})
		})
	}
}

// with gives the options with others added.
func with(options map[string]string, more ...string) map[string]string {
	options = maps.Clone(options)
	for i := 0; i < len(more); i += 2 {
		options[more[i]] = more[i+1]
	}
	return options
}

func mustLoad(t testing.TB, options map[string]string) *config.Config {
	t.Helper()
	cfg, err := config.Load(options, nil)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// mustSetUp makes the data of an installation. Close it.
func mustSetUp(t testing.TB, options map[string]string) *house {
	t.Helper()
	cfg := mustLoad(t, options)
	h, err := openHouse(t.Context(), cfg, newLogger(cfg, terminal{err: t.Output()}))
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// examined lets the doctor look at an installation. change may make its
// surroundings worse.
func examined(t testing.TB, options map[string]string, change func(*examiner)) (said string, err error) {
	t.Helper()
	e := &examiner{
		cfg: mustLoad(t, options), now: time.Now,
		disk: func(string) (volume, error) { return volume{free: 1 << 40}, nil },
	}
	if change != nil {
		change(e)
	}
	var out bytes.Buffer
	err = examine(t.Context(), terminal{out: &out}, e)
	return out.String(), err
}

// mustFind demands that the doctor finds this and nothing else that is not fine.
// No want is a clean bill.
func mustFind(t testing.TB, options map[string]string, change func(*examiner), want ...string) {
	t.Helper()
	said, err := examined(t, options, change)
	bad, problems := 0, 0
	for line := range strings.Lines(said) {
		switch word, _, _ := strings.Cut(line, " "); verdict(word) {
		case fine:
			continue
		case problem:
			problems++
		case warning:
		default:
			t.Errorf("got the line %q, want a verdict first", line)
		}
		if bad >= len(want) || !strings.Contains(line, want[bad]) {
			t.Errorf("got %q, want %q", line, want)
		}
		bad++
	}
	if bad < len(want) || (err != nil) != (problems > 0) {
		t.Errorf("got error %v and\n%swant %q", err, said, want)
	}
	if strings.Contains(said, "tellno") {
		t.Errorf("got a secret: %s", said)
	}
}

// files gives the state of everything below a folder.
func files(t testing.TB, folder string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(folder, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := os.Stat(path)
		if err == nil {
			all[path] = info.Mode().String() + info.ModTime().String()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestDoctorBesideHouse(t *testing.T) {
	eachInstallation(t, func(t *testing.T, options map[string]string) {
		h := mustSetUp(t, options)
		unlock, err := lockData(h.cfg.Data)
		if err != nil {
			t.Fatal(err)
		}
		mustFind(t, options, nil)
		said, _ := examined(t, options, nil)
		if !strings.Contains(said, "server: running on this data folder; nothing answers") || strings.Contains(said, "is free") {
			t.Errorf("got %s, want that a server runs and no look at its address", said)
		}
		unlock()
		h.close()
		before := files(t, options["data"])
		mustFind(t, options, nil)
		if diff := cmp.Diff(before, files(t, options["data"])); diff != "" {
			t.Errorf("the doctor changed files: before, after:\n%s", diff)
		}
		if said, _ := examined(t, options, nil); !strings.Contains(said, "server: not running") {
			t.Errorf("got %s, want that no server runs", said)
		}
		if unlock, err = lockData(h.cfg.Data); err != nil {
			t.Fatalf("the doctor kept the lock: %v", err)
		}
		unlock()
	})
}

func TestDoctorAsksHealth(t *testing.T) {
	t.Parallel()
	options := map[string]string{"data": filepath.Join(t.TempDir(), "data")}
	h := mustSetUp(t, options)
	defer h.close()
	unlock, err := lockData(h.cfg.Data)
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	health := "ok\n"
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(health)) }))
	defer server.Close()
	options["listen"] = strings.TrimPrefix(server.URL, "http://")
	mustFind(t, options, nil)
	health = "stopping\n"
	mustFind(t, options, nil, "warning  server: running on this data folder; /health at "+options["listen"]+" says: stopping")
}

func TestDoctorFindsNothing(t *testing.T) {
	eachInstallation(t, func(t *testing.T, options map[string]string) {
		want := []string{"data does not exist"}
		if options["database"] != "" {
			want = append(want, "schema: none yet")
		}
		mustFind(t, options, func(e *examiner) { e.disk = volumeOf }, want...)
		mustHold(t, filepath.Dir(options["data"]), "")

		if err := os.Mkdir(options["data"], 0o700); err != nil {
			t.Fatal(err)
		}
		want = []string{"internalchat.db does not exist"}
		if options["database"] != "" {
			want = []string{"schema: none yet"}
		}
		mustFind(t, options, nil, want...)
		mustHold(t, options["data"], "")
	})
}

func TestDoctorJudgesSchemas(t *testing.T) {
	for _, test := range []struct {
		has, knows int
		want       finding
	}{
		{0, 3, finding{warning, "schema", "none yet: the next start makes it"}},
		{2, 3, finding{warning, "schema", "version 2: the next start brings it to 3; make a backup before"}},
		{3, 3, finding{fine, "schema", "version 3"}},
		{4, 3, finding{fine, "schema", "version 4, made by a newer program; this one knows 3 and can work on it"}},
	} {
		e := &examiner{}
		e.judgeSchema(test.has, test.knows, nil)
		if len(e.findings) != 1 || e.findings[0] != test.want {
			t.Errorf("%d of %d: got %v, want %v", test.has, test.knows, e.findings, test.want)
		}
	}
}

func TestDoctorFindsNewerSchema(t *testing.T) {
	eachInstallation(t, func(t *testing.T, options map[string]string) {
		mustSetUp(t, options).close()
		mustCommit(t, options, "INSERT INTO schema_migrations (version, name, floor) VALUES (900, '0900_break.sql', 900)")
		mustFind(t, options, nil, "problem  schema: the database was upgraded by a newer version")
	})
}

func mustCommit(t testing.TB, options map[string]string, sql string) {
	t.Helper()
	db, err := sqldb.Open(t.Context(), databaseOptions(mustLoad(t, options)))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var b sqldb.Batch
	b.Add(sql)
	if err := db.Commit(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
}

func TestDoctorFindsOptions(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	secret := filepath.Join(folder, "token")
	if err := os.WriteFile(secret, []byte("tellnobodytellnobody"), 0o644); err != nil {
		t.Fatal(err)
	}
	options := map[string]string{"data": filepath.Join(folder, "data"), "listen": "127.0.0.1:0"}
	mustSetUp(t, options).close()
	taken, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	for _, test := range []struct {
		option, value string
		want          []string
	}{
		{"registration", "open", []string{"warning  registration: open"}},
		{"rate-limits", "off", []string{"warning  rate limits: off"}},
		{"public-url", "http://chat.example.com", []string{"warning  public URL: http://chat.example.com is not encrypted"}},
		{"public-url", "https://chat.example.com", nil},
		{"public-url", "http://localhost:8008", nil},
		{"public-url", "http://[::1]:8008", nil},
		{"listen", ":0", []string{"warning  public URL: not set"}},
		{"listen", taken.Addr().String(), []string{"problem  address: listen tcp " + taken.Addr().String()}},
		{"machine-token-file", secret, []string{"warning  machine token: every user"}},
		{"server-name", "localhost", nil},
		{"server-name", "chat.example.com", []string{"problem  server name: the data is of localhost"}},
		{"data", secret, []string{"problem  data folder: " + secret + " is not a folder"}},
		{"database", "postgres://chat:tellnobody@127.0.0.1:1/chat", []string{"problem  database: postgres://127.0.0.1:1/chat: "}},
	} {
		t.Run(test.option+" "+test.value, func(t *testing.T) {
			mustFind(t, with(options, test.option, test.value), nil, test.want...)
		})
	}
}

func TestDoctorFindsListenURL(t *testing.T) {
	t.Parallel()
	options := map[string]string{"data": filepath.Join(t.TempDir(), "data"), "listen": "127.0.0.1:0", "database": sqltest.PostgresURL(t)}
	mustSetUp(t, options).close()
	mustFind(t, with(options, "database-listen", options["database"]), nil)
	mustFind(t, with(options, "database-listen", "postgres://chat:tellnobody@127.0.0.1:1/chat"), nil,
		"problem  database for LISTEN: postgres://127.0.0.1:1/chat: ")
}

func TestDoctorFindsFolders(t *testing.T) {
	t.Parallel()
	options := map[string]string{"data": filepath.Join(t.TempDir(), "data"), "listen": "127.0.0.1:0"}
	mustSetUp(t, options).close()
	if err := os.Chmod(options["data"], 0o750); err != nil {
		t.Fatal(err)
	}
	mustFind(t, options, nil, "warning  data folder: "+options["data"]+" has mode 0750")
	if os.Geteuid() != 0 { // who may do everything
		if err := os.Chmod(options["data"], 0o500); err != nil {
			t.Fatal(err)
		}
		mustFind(t, options, nil, "problem  data folder: "+options["data"]+": permission denied")
	}
	if err := os.Chmod(options["data"], 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(options["data"], databaseFile), []byte(strings.Repeat("no database ", 1000)), 0o600); err != nil {
		t.Fatal(err)
	}
	mustFind(t, options, nil, "problem  database: "+filepath.Join(options["data"], databaseFile)+": ")
}

func TestDoctorFindsDisksAndClocks(t *testing.T) {
	eachInstallation(t, func(t *testing.T, options map[string]string) {
		mustSetUp(t, options).close()
		onDisk := func(v volume) func(*examiner) {
			return func(e *examiner) { e.disk = func(string) (volume, error) { return v, nil } }
		}
		at := func(d time.Duration) func(*examiner) {
			return func(e *examiner) { e.now = func() time.Time { return time.Now().Add(d) } }
		}
		mustFind(t, options, onDisk(volume{free: 1 << 30}))
		mustFind(t, options, onDisk(volume{free: 1<<30 - 1}), "warning  disk: 1023 MiB free")
		mustFind(t, options, onDisk(volume{free: 100 << 20}), "warning  disk: 100 MiB free")
		mustFind(t, options, onDisk(volume{free: 100<<20 - 1}), "problem  disk: 99 MiB free")
		mustFind(t, options, onDisk(volume{free: 1 << 40, memory: true}), "lies in memory")
		mustFind(t, options, func(e *examiner) {
			e.disk = func(string) (volume, error) { return volume{}, context.DeadlineExceeded }
		}, "problem  disk: cannot tell")

		var nfs, hour, second, years []string
		if options["database"] == "" {
			nfs = []string{"problem  disk: " + options["data"] + " lies on a network file system (NFS)"}
		} else {
			hour = []string{"problem  database clock: 1h0m"}
			second = []string{"warning  database clock: "}
			years = []string{"problem  database clock: "}
		}
		mustFind(t, options, onDisk(volume{free: 1 << 40, network: "NFS"}), nfs...)
		mustFind(t, options, at(time.Hour), hour...)
		mustFind(t, options, at(20*time.Second), second...)
		mustFind(t, options, func(e *examiner) { e.now = func() time.Time { return time.Unix(0, 0) } },
			append(years, "problem  clock: it says 1970")...)
		later := filepath.Join(options["data"], "later")
		if err := os.Mkdir(later, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(later, time.Time{}, time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		mustFind(t, options, nil, "warning  clock: it says ")
	})
}

func TestVolumeOf(t *testing.T) {
	v, err := volumeOf(t.TempDir())
	if err != nil || v.free == 0 {
		t.Errorf("got %d bytes free and %v, want some", v.free, err)
	}
	if err := writable(t.TempDir()); err != nil {
		t.Errorf("a new folder: got %v, want that it can be written to", err)
	}
}
