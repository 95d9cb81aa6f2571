package main_test

import (
	"bufio"
	"database/sql"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"maunium.net/go/mautrix"
	_ "modernc.org/sqlite" // to hold the database's lock
)

// mustBeReadyIn starts a server on an empty folder, and gives the time from its
// start to its line.
func mustBeReadyIn(t testing.TB) (time.Duration, *server) {
	t.Helper()
	in := installation{folder: filepath.Join(t.TempDir(), "data")}
	mustBuild(t)
	began := time.Now()
	s := in.mustStart(t)
	return time.Since(began), s
}

// The goal is half a second; on a busy machine it may take longer.
func TestStartIsQuick(t *testing.T) {
	took, _ := mustBeReadyIn(t)
	t.Logf("ready after %v", took)
	if took > 5*time.Second {
		t.Errorf("got ready after %v, want at most 5 s", took)
	}
}

func BenchmarkStart(b *testing.B) {
	mustBuild(b)
	for b.Loop() {
		_, s := mustBeReadyIn(b)
		b.StopTimer()
		s.kill(b)
		b.StartTimer()
	}
}

func TestSecondServerIsRefused(t *testing.T) {
	t.Parallel()
	in := installation{folder: filepath.Join(t.TempDir(), "data")}
	s := in.mustStart(t)
	got := in.run(t, "", "serve", "--listen", "127.0.0.1:0")
	if got.code != 1 || got.out != "" || !strings.Contains(got.err, in.folder) || strings.Count(got.err, "\n") != 1 {
		t.Errorf("got exit code %d, %q and %q, want 1 and a sentence that names the folder", got.code, got.out, got.err)
	}
	if status := health(t, s.url); status != http.StatusOK {
		t.Errorf("got %d from the first server, want 200", status)
	}
	s.kill(t)
	in.mustStart(t) // the lock has died with its holder
}

func TestServerNameIsFixed(t *testing.T) {
	t.Parallel()
	in := installation{folder: filepath.Join(t.TempDir(), "data")}
	s := in.mustStart(t, "--server-name", "chat.example")
	if lines := s.lines(); lines[0] != "Administrator: @admin:chat.example" {
		t.Errorf("got %q, want the administrator of chat.example", lines[0])
	}
	s.stop(t)
	got := in.run(t, "", "serve", "--listen", "127.0.0.1:0", "--server-name", "other.example")
	if got.code != 2 || got.out != "" || !strings.Contains(got.err, "chat.example") || !strings.Contains(got.err, "other.example") {
		t.Errorf("got exit code %d, %q and %q, want 2 and a sentence that names both", got.code, got.out, got.err)
	}
	for _, args := range [][]string{nil, {"--server-name", "chat.example"}} {
		in.mustStart(t, args...).stop(t)
	}
}

func TestTakenAddressIsRefused(t *testing.T) {
	t.Parallel()
	taken := mustListen(t)
	in := installation{folder: filepath.Join(t.TempDir(), "data")}
	got := in.run(t, "", "serve", "--listen", taken.Addr().String())
	if got.code != 1 || got.out != "" || !strings.Contains(got.err, taken.Addr().String()) {
		t.Errorf("got exit code %d, %q and %q, want 1 and a sentence that names the address", got.code, got.out, got.err)
	}
}

func mustListen(t testing.TB) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	return listener
}

// TestHealth holds the database's lock, so that a server cannot be ready, and
// then holds a request, so that it cannot have stopped.
func TestHealth(t *testing.T) {
	t.Parallel()
	s, address, release := mustBeStarting(t)
	release()
	s.mustBeReady(t)
	if status := health(t, s.url); status != http.StatusOK {
		t.Errorf("got %d of a server that is ready, want 200", status)
	}
	finish := mustHoldRequest(t, address)
	if err := s.process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	mustBecome(t, s.url, 0, http.StatusServiceUnavailable)
	finish()
	if code := s.mustEnd(t); code != 0 {
		t.Errorf("got exit code %d, want 0", code)
	}
}

func TestStoppedWhileStarting(t *testing.T) {
	t.Parallel()
	s, _, release := mustBeStarting(t)
	if err := s.process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	release()
	if code := s.mustEnd(t); code != 0 {
		t.Errorf("got exit code %d, want 0:\n%s", code, s.logged())
	}
}

// mustBeStarting gives a server that answers and cannot be ready before release.
func mustBeStarting(t testing.TB) (s *server, address string, release func()) {
	t.Helper()
	in := installation{folder: filepath.Join(t.TempDir(), "data")}
	in.mustRun(t, "", "account", "list")
	release = mustHoldLock(t, filepath.Join(in.folder, "internalchat.db"))
	free := mustListen(t)
	address = free.Addr().String()
	_ = free.Close()
	s = in.launch(t, "--listen", address)
	mustBecome(t, "http://"+address, http.StatusServiceUnavailable)
	return s, address, release
}

// mustHoldRequest sends half a request, and returns when the server waits for
// the rest. The rest must be answered.
func mustHoldRequest(t testing.TB, address string) (finish func()) {
	t.Helper()
	held, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = held.Close() })
	_ = held.SetDeadline(time.Now().Add(patience))
	answers := bufio.NewReader(held)
	demand := func(send, status string) {
		t.Helper()
		if _, err := io.WriteString(held, send); err != nil {
			t.Fatal(err)
		}
		line, err := answers.ReadString('\n')
		if err != nil || !strings.Contains(line, status) {
			t.Fatalf("got %q and %v, want %s", line, err, status)
		}
		_, _ = answers.ReadString('\n')
	}
	demand("POST /_matrix/client/v3/login HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n", "100 Continue")
	return func() { demand("{}", "400 Bad Request") }
}

// mustHoldLock takes SQLite's one lock of writers.
func mustHoldLock(t testing.TB, file string) (release func()) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+file+"?_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return func() { _ = tx.Rollback() }
}

// mustBecome asks for /health until it answers with one of these.
func mustBecome(t testing.TB, address string, wanted ...int) {
	t.Helper()
	timeout := time.After(patience)
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for {
		got := health(t, address)
		if slices.Contains(wanted, got) {
			return
		}
		select {
		case <-again.C:
		case <-timeout:
			t.Fatalf("got %d from /health for %v, want one of %v", got, patience, wanted)
		}
	}
}

// TestCommandsBesideServer changes users and accounts while a server runs, which
// knows of it at once.
func TestCommandsBesideServer(t *testing.T) {
	each(t, func(t *testing.T, in installation) {
		s := in.mustStart(t)
		in.mustHaveUser(t, "bia", "correct horse")
		bia := mustLogIn(t, s.url, "bia", "correct horse")
		poll := parked(t, bia)
		in.mustRun(t, "battery staple\n", "user", "set-password", "bia", "--password-stdin")
		_, err := bia.Whoami(within(t))
		mustBeUnknown(t, err)
		mustBeUnknown(t, <-poll)
		if err := logIn(within(t), connect(t, s.url), "bia", "correct horse"); err == nil {
			t.Error("got in with the old password, want a refusal")
		}

		bia = mustLogIn(t, s.url, "bia", "battery staple")
		poll = parked(t, bia)
		in.mustRun(t, "", "user", "deactivate", "bia")
		_, err = bia.Whoami(within(t))
		mustBeUnknown(t, err)
		mustBeUnknown(t, <-poll)
		if err := logIn(within(t), connect(t, s.url), "bia", "battery staple"); err == nil {
			t.Error("got in as a deactivated user, want a refusal")
		}

		users := in.mustRun(t, "", "user", "list")
		for _, words := range [][]string{{"@admin:localhost", "administrator", "active"}, {"@bia:localhost", "agent", "deactivated"}} {
			mustHaveRow(t, users, words...)
		}
		in.mustRun(t, "", "account", "create", "acme", "--server-name", "acme.example")
		in.mustRun(t, "", "account", "set", "acme", "--name", "Acme & Co")
		in.mustRun(t, "correct horse\n", "user", "create", "caio", "--account", "acme", "--password-stdin")
		mustHaveRow(t, in.mustRun(t, "", "account", "show", "acme"), "Name", "Acme", "&", "Co")
		mustHaveRow(t, in.mustRun(t, "", "account", "list"), "acme", "acme.example")
		caio := mustLogIn(t, s.url, "@caio:acme.example", "correct horse")
		if caio.UserID != "@caio:acme.example" {
			t.Errorf("got %s, want the user of the account that the server did not know at its start", caio.UserID)
		}
	})
}

// parked gives the error that a client's polls end with.
func parked(t testing.TB, client *mautrix.Client) <-chan error {
	t.Helper()
	c := &chain{client: client}
	c.mustStep(t)
	return c.follow(t)
}

// mustHaveRow demands a line with these words, in this order.
func mustHaveRow(t testing.TB, table string, words ...string) {
	t.Helper()
	for line := range strings.Lines(table) {
		rest := strings.Fields(line)
		for _, word := range words {
			if i := slices.Index(rest, word); i >= 0 {
				rest = rest[i+1:]
				continue
			}
			rest = nil
			break
		}
		if rest != nil {
			return
		}
	}
	t.Errorf("got no line with %v:\n%s", words, table)
}

func TestDoctor(t *testing.T) {
	each(t, func(t *testing.T, in installation) {
		s := in.mustStart(t)
		got := in.run(t, "", "doctor", "--listen", strings.TrimPrefix(s.url, "http://"))
		if got.code != 0 || got.out == "" || got.err != "" {
			t.Errorf("got exit code %d, %q and %q of a good installation, want 0 and what was checked", got.code, got.out, got.err)
		}
	})
}

func TestDoctorFindsFaults(t *testing.T) {
	t.Parallel()
	missing := installation{folder: filepath.Join(t.TempDir(), "nowhere")}
	unreachable := installation{folder: t.TempDir(), database: "postgres://chat:tellnobody@127.0.0.1:1/chat"}
	for name, test := range map[string]struct {
		in   installation
		want string
	}{
		"missing folder":       {missing, missing.folder},
		"unreachable database": {unreachable, "database"},
	} {
		got := test.in.run(t, "", "doctor", "--listen", "127.0.0.1:0")
		if said := got.out + got.err; got.code != 1 || !strings.Contains(said, test.want) || strings.Contains(said, "tellnobody") {
			t.Errorf("%s: got exit code %d, %q and %q, want 1, %q and no password", name, got.code, got.out, got.err, test.want)
		}
	}
	if _, err := os.Stat(missing.folder); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v of the missing folder, want that it is still missing", err)
	}
}

func TestUnreachableDatabase(t *testing.T) {
	t.Parallel()
	in := installation{folder: t.TempDir(), database: "postgres://chat:tellnobody@127.0.0.1:1/chat"}
	got := in.run(t, "", "serve", "--listen", "127.0.0.1:0")
	if got.code != 1 || got.out != "" || !strings.Contains(got.err, "127.0.0.1") || strings.Contains(got.err, "tellnobody") {
		t.Errorf("got exit code %d, %q and %q, want 1 and a sentence without the password", got.code, got.out, got.err)
	}
}
