package sqltest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"github.com/conversalabs/internalchat/storage/sqldb"
)

const superuser = "internalchat"

// settings are those of the server: nothing listens on the network, and commits
// are durable, since that is what the tests are about.
const settings = "-c listen_addresses='' -c fsync=on -c max_connections=200 -c shared_buffers=64MB -c log_min_messages=warning"

// watchdog waits until the test process has gone or has closed the pipe, then ends
// the server at once and removes its folder, $1.
const watchdog = `cat >/dev/null
pid=$(head -n 1 "$1/data/postmaster.pid" 2>/dev/null)
if [ -n "$pid" ]; then
	kill -QUIT "$pid"
	while kill -0 "$pid" 2>/dev/null; do sleep 0.05; done
fi
rm -rf "$1"`

// cluster is a PostgreSQL server that belongs to this process.
type cluster struct {
	folder   string // holds the socket, the data and the log
	alive    io.Closer
	watchdog *exec.Cmd

	mu    sync.Mutex // guards admin
	admin *sqldb.DB
}

// findPrograms returns the folder of PostgreSQL's server programs.
func findPrograms() (string, error) {
	if path, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(path), nil
	}
	var found []string
	for _, pattern := range []string{"/usr/lib/postgresql/*/bin/initdb", "/usr/pgsql-*/bin/initdb", "/opt/homebrew/opt/postgresql@*/bin/initdb"} {
		paths, err := filepath.Glob(pattern)
		if err != nil {
			return "", err
		}
		found = append(found, paths...)
	}
	if len(found) == 0 {
		return "", errors.New("PostgreSQL's server programs (initdb, pg_ctl) were not found")
	}
	return filepath.Dir(slices.MaxFunc(found, func(a, b string) int { return version(a) - version(b) })), nil
}

// version is the first number in a path.
func version(path string) int {
	digits := strings.FieldsFunc(path, func(r rune) bool { return r < '0' || r > '9' })
	if len(digits) == 0 {
		return 0
	}
	n, err := strconv.Atoi(digits[0])
	if err != nil {
		return 0
	}
	return n
}

func startCluster(programs string) (_ *cluster, err error) {
	parent := os.TempDir()
	if len(parent) > 60 { // the path of a socket has at most 107 bytes
		parent = "/tmp"
	}
	folder, err := os.MkdirTemp(parent, "icpg")
	if err != nil {
		return nil, err
	}
	c := &cluster{folder: folder}
	if err := c.watch(); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			c.stop()
		}
	}()
	owner, err := serverOwner(folder)
	if err != nil {
		return nil, err
	}
	data := filepath.Join(folder, "data")
	err = run(owner, filepath.Join(programs, "initdb"), "--pgdata="+data, "--username="+superuser,
		"--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions")
	if err != nil {
		return nil, err
	}
	err = run(owner, filepath.Join(programs, "pg_ctl"), "start", "--wait", "--silent", "--pgdata="+data,
		"--log="+filepath.Join(folder, "log"), "--options=-k "+folder+" "+settings)
	if err != nil {
		return nil, err
	}
	c.admin, err = sqldb.Open(context.Background(), sqldb.Options{URL: c.url("postgres")})
	return c, err
}

// serverOwner gives the folder to the user postgres when the tests run as root,
// which PostgreSQL refuses to run as. It returns nil for any other user.
func serverOwner(folder string) (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, err
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return nil, err
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, os.Chown(folder, int(uid), int(gid))
}

func run(owner *syscall.Credential, program string, args ...string) error {
	cmd := exec.CommandContext(context.Background(), program, args...) //nolint:gosec // PostgreSQL's own programs
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: owner}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", filepath.Base(program), err, out)
	}
	return nil
}

// watch starts the watchdog, in a process group of its own so that an interrupt
// from the keyboard does not end it.
func (c *cluster) watch() error {
	read, write, err := os.Pipe()
	if err != nil {
		return err
	}
	c.alive = write
	c.watchdog = exec.CommandContext(context.Background(), "/bin/sh", "-c", watchdog, "sh", c.folder) //nolint:gosec // our own folder
	c.watchdog.Stdin = read
	c.watchdog.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return errors.Join(c.watchdog.Start(), read.Close())
}

func (c *cluster) stop() {
	if c.admin != nil {
		c.admin.Close()
	}
	_ = c.alive.Close()
	_ = c.watchdog.Wait()
}

// run executes one statement on the database "postgres". CREATE DATABASE is run
// one at a time, because two copies of one template disturb each other.
func (c *cluster) run(ctx context.Context, sql string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var b sqldb.Batch
	b.Add(sql)
	return c.admin.Commit(ctx, &b)
}
