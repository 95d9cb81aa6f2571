package s3test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/conversalabs/internalchat/config"
)

// program gives the path of the S3 server's program. Go keeps it among what it has
// built; the first time takes minutes.
var program = sync.OnceValues(func() (string, error) {
	_, here, _, _ := runtime.Caller(0)
	find := exec.CommandContext(context.Background(), "go", "tool", "-n", "versitygw")
	find.Dir = filepath.Join(filepath.Dir(here), "gateway")
	find.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
	var said bytes.Buffer
	find.Stderr = &said
	out, err := find.Output()
	if err != nil {
		return "", errors.New("build versitygw: " + said.String() + err.Error())
	}
	return strings.TrimSpace(string(out)), nil
})

// Server is an S3 server that runs until the end of its test.
type Server struct {
	// Config names it, with an empty bucket.
	Config config.S3
	// Folder has the objects of the bucket as files.
	Folder string
}

// patience is how long the server may take to answer.
const patience = 30 * time.Second

// Start starts a server on a free port of this machine.
func Start(t testing.TB) *Server {
	t.Helper()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	s := &Server{
		Config: config.S3{Bucket: "files", Region: "us-east-1", AccessKey: "test", Secret: "not-very-secret", PathStyle: true},
		Folder: filepath.Join(root, "root", "files"),
	}
	sidecar := filepath.Join(root, "sidecar") // not every file system has extended attributes
	if err := errors.Join(os.MkdirAll(s.Folder, 0o700), os.MkdirAll(sidecar, 0o700)); err != nil {
		t.Fatal(err)
	}
	// Another program may take a port between its choice and its use.
	for range 3 {
		if s.start(t, path, sidecar) {
			return s
		}
	}
	t.Fatal("the S3 server does not start")
	return nil
}

func (s *Server) start(t testing.TB, path, sidecar string) (ready bool) {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	_ = listener.Close()
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), path,
		"--port", address, "--access", s.Config.AccessKey, "--secret", s.Config.Secret.Reveal(), "--quiet",
		"posix", "--sidecar", sidecar, filepath.Dir(s.Folder))
	cmd.Env = []string{"HOME=" + t.TempDir()}
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(ended)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-ended
	})
	s.Config.Endpoint = "http://" + address
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for ctx.Err() == nil {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.Config.Endpoint, nil)
		if err != nil {
			t.Fatal(err)
		}
		if answer, err := http.DefaultClient.Do(request); err == nil {
			_ = answer.Body.Close()
			return true
		}
		select {
		case <-ended:
			t.Logf("the S3 server has ended: %s", said.String())
			return false
		case <-time.After(20 * time.Millisecond):
		}
	}
	return false
}
