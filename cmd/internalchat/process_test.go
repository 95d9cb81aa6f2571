package main_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/conversalabs/internalchat/storage/sqldb/sqltest"
)

// These tests know the program from outside only: its command line, its lines,
// its exit codes and what it answers over HTTP.

// patience is how long a test waits for one thing to happen.
const patience = 30 * time.Second

// TestMain removes the program that the tests have built.
func TestMain(m *testing.M) {
	code := m.Run()
	if built.folder != "" {
		_ = os.RemoveAll(built.folder)
	}
	os.Exit(code)
}

var built struct {
	once   sync.Once
	folder string
	err    error
}

// mustBuild builds the program once, with the race detector if the tests have
// it, and gives its path.
func mustBuild(t testing.TB) string {
	t.Helper()
	built.once.Do(func() {
		if built.folder, built.err = os.MkdirTemp("", "internalchat"); built.err != nil {
			return
		}
		args := []string{"build", "-buildvcs=false", "-o", built.folder}
		if withRaceDetector() {
			args = append(args, "-race")
		}
		build := exec.CommandContext(context.Background(), "go", append(args, ".")...)
		if out, err := build.CombinedOutput(); err != nil {
			built.err = errors.New(string(out) + err.Error())
		}
	})
	if built.err != nil {
		t.Fatal(built.err)
	}
	return filepath.Join(built.folder, "internalchat")
}

func withRaceDetector() bool {
	info, ok := debug.ReadBuildInfo()
	return ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}

// installation is the data that a server and commands work on.
type installation struct {
	folder   string
	database string // PostgreSQL's URL; "" is SQLite in the folder
}

// each runs f on an empty installation of each database, as parallel subtests.
func each(t *testing.T, f func(t *testing.T, in installation)) {
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		f(t, installation{folder: filepath.Join(t.TempDir(), "data")})
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		f(t, installation{folder: filepath.Join(t.TempDir(), "data"), database: sqltest.PostgresURL(t)})
	})
}

// command is the program with these arguments on this data. The variables of the
// tests' own environment do not configure it.
func (in installation) command(t testing.TB, args ...string) *exec.Cmd {
	t.Helper()
	args = append(slices.Clone(args), "--data", in.folder)
	if in.database != "" {
		args = append(args, "--database", in.database)
	}
	cmd := exec.CommandContext(context.Background(), mustBuild(t), args...)
	cmd.Env = []string{"GORACE=atexit_sleep_ms=0"} // else the race detector waits a second at each end
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "INTERNALCHAT_") {
			cmd.Env = append(cmd.Env, variable)
		}
	}
	return cmd
}

// outcome is what a command has left.
type outcome struct {
	code     int
	out, err string
}

// run lets a command run to its end.
func (in installation) run(t testing.TB, stdin string, args ...string) outcome {
	t.Helper()
	cmd := in.command(t, args...)
	var out, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	overdue := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
	defer overdue.Stop()
	if err := cmd.Wait(); err != nil && !errors.As(err, new(*exec.ExitError)) {
		t.Fatal(err)
	}
	return outcome{cmd.ProcessState.ExitCode(), out.String(), stderr.String()}
}

// mustRun demands that a command succeeds, and gives what it says.
func (in installation) mustRun(t testing.TB, stdin string, args ...string) string {
	t.Helper()
	got := in.run(t, stdin, args...)
	if got.code != 0 {
		t.Fatalf("%v: got exit code %d and %q, want 0", args, got.code, got.err)
	}
	return got.out
}

// mustHaveUser makes a user by the command line.
func (in installation) mustHaveUser(t testing.TB, name, password string) {
	t.Helper()
	in.mustRun(t, password+"\n", "user", "create", name, "--password-stdin")
}

// server is one running process.
type server struct {
	process *os.Process
	url     string        // known once it is ready
	ready   chan struct{} // closed at the line that says so
	ended   chan struct{} // closed when the process has ended
	code    int           // the exit code, known once it has ended
	faulty  bool          // the test makes faults happen, which the log may tell of

	mu   sync.Mutex // guards said and log
	said []string   // the lines of its output
	log  bytes.Buffer
}

const readyLine = "internalchat is ready at "

// launch starts a server on any free port and does not wait for it. The end of
// the test stops it, and fails if it does not stop in order.
func (in installation) launch(t testing.TB, args ...string) *server {
	t.Helper()
	cmd := in.command(t, append([]string{"serve", "--listen", "127.0.0.1:0", "--rate-limits", "off"}, args...)...)
	s := &server{ready: make(chan struct{}), ended: make(chan struct{})}
	cmd.Stderr = s
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s.process = cmd.Process
	go func() {
		s.listen(out)
		_ = cmd.Wait()
		s.code = cmd.ProcessState.ExitCode()
		close(s.ended)
	}()
	t.Cleanup(func() {
		s.stop(t)
		if t.Failed() {
			t.Logf("the server's log:\n%s", s.logged())
		}
	})
	return s
}

// listen notes what the process says, until it has ended.
func (s *server) listen(out io.Reader) {
	for lines := bufio.NewScanner(out); lines.Scan(); {
		s.mu.Lock()
		s.said = append(s.said, lines.Text())
		s.mu.Unlock()
		if address, ok := strings.CutPrefix(lines.Text(), readyLine); ok && s.url == "" {
			s.url = address
			close(s.ready)
		}
	}
}

// Write takes the process's log.
func (s *server) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.Write(p)
}

func (s *server) logged() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.String()
}

// lines are what the process has said so far.
func (s *server) lines() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.said)
}

// mustStart starts a server and waits until it is ready.
func (in installation) mustStart(t testing.TB, args ...string) *server {
	t.Helper()
	s := in.launch(t, args...)
	s.mustBeReady(t)
	return s
}

func (s *server) mustBeReady(t testing.TB) {
	t.Helper()
	select {
	case <-s.ready:
	case <-s.ended:
		t.Fatalf("the server ended with exit code %d before it was ready:\n%s", s.code, s.logged())
	case <-time.After(patience):
		t.Fatalf("the server is not ready after %v", patience)
	}
}

// mustEnd waits until the process has ended by itself.
func (s *server) mustEnd(t testing.TB) (code int) {
	t.Helper()
	select {
	case <-s.ended:
	case <-time.After(patience):
		t.Fatalf("the server has not ended after %v", patience)
	}
	return s.code
}

// kill ends the process as a power cut would.
func (s *server) kill(t testing.TB) {
	t.Helper()
	if err := s.process.Kill(); err != nil {
		t.Fatal(err)
	}
	s.mustEnd(t)
}

// stop asks the process to end, unless it has, and demands that it does so in
// order and has met no bug. It does not wait for long polls to run out.
func (s *server) stop(t testing.TB) {
	t.Helper()
	select {
	case <-s.ended:
	default:
		if err := s.process.Signal(syscall.SIGTERM); err != nil {
			t.Error(err)
		}
		select {
		case <-s.ended:
		case <-time.After(patience / 2):
			t.Errorf("the server has not stopped after %v", patience/2)
			s.kill(t)
		}
		if s.code != 0 {
			t.Errorf("got exit code %d after SIGTERM, want 0", s.code)
		}
	}
	signs := []string{"DATA RACE", "panic", "level=fatal"}
	if !s.faulty {
		signs = append(signs, "level=error")
	}
	for _, sign := range signs {
		if strings.Contains(s.logged(), sign) {
			t.Errorf("the server's log has %q:\n%s", sign, s.logged())
		}
	}
}

// health gives the status of /health, or 0 when nobody answers.
func health(t testing.TB, address string) int {
	t.Helper()
	request, err := http.NewRequestWithContext(within(t), http.MethodGet, address+"/health", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(request)
	if err != nil {
		return 0
	}
	_ = answer.Body.Close()
	return answer.StatusCode
}

// within bounds one wait of a test.
func within(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}
