package main_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tidwall/gjson"
	"maunium.net/go/mautrix"

	"github.com/conversalabs/internalchat/storage/sqldb"
)

// uploader uploads files until the server is gone, and remembers what was taken.
type uploader struct {
	*mautrix.Client
	taken map[string][32]byte // "server/ID" → SHA-256
}

func (u *uploader) upload(ctx context.Context, content io.Reader, length int64) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, u.HomeserverURL.String()+"/_matrix/media/v3/upload", content)
	if err != nil {
		return "", err
	}
	request.ContentLength = length
	request.Header.Set("Authorization", "Bearer "+u.AccessToken)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer func() { _ = answer.Body.Close() }()
	said, err := io.ReadAll(answer.Body)
	if err != nil {
		return "", err
	}
	uri, found := strings.CutPrefix(gjson.GetBytes(said, "content_uri").Str, "mxc://")
	if !found {
		return "", fmt.Errorf("got %d %s, want an address", answer.StatusCode, said)
	}
	return uri, nil
}

func (u *uploader) work(ctx context.Context, done func()) {
	for {
		content := make([]byte, 200<<10)
		_, _ = rand.Read(content)
		uri, err := u.upload(ctx, bytes.NewReader(content), int64(len(content)))
		if err != nil {
			return // the server is gone
		}
		u.taken[uri] = sha256.Sum256(content)
		done()
	}
}

func (u *uploader) mustHave(t testing.TB, uri string, want [32]byte) {
	t.Helper()
	request, err := http.NewRequestWithContext(within(t), http.MethodGet, u.HomeserverURL.String()+"/_matrix/client/v1/media/download/"+uri, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+u.AccessToken)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	hash := sha256.New()
	if _, err := io.Copy(hash, answer.Body); err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("download: got %d, %v", answer.StatusCode, err)
	}
	if got := [32]byte(hash.Sum(nil)); got != want {
		t.Errorf("%s came back as something else", uri)
	}
}

// blobFiles are the files in the store of media, by their keys, and the drafts.
func (in installation) blobFiles(t testing.TB) (blobs, drafts map[string]string) {
	t.Helper()
	blobs, drafts = map[string]string{}, map[string]string{}
	err := filepath.WalkDir(filepath.Join(in.folder, "media"), func(path string, entry fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil // swept meanwhile
		case err != nil:
			return err
		case entry.IsDir():
		case strings.Contains(path, "_drafts"):
			drafts[entry.Name()] = path
		default:
			blobs[entry.Name()] = path
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return blobs, drafts
}

// blobRows are the keys and sizes that the database has.
func (in installation) blobRows(t testing.TB) map[string]int64 {
	t.Helper()
	o := sqldb.Options{URL: in.database}
	if in.database == "" {
		o.Path = filepath.Join(in.folder, "internalchat.db")
	}
	db, err := sqldb.Open(within(t), o)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows := map[string]int64{}
	err = db.Query(within(t), `SELECT b.blob, b.size FROM media_contents c
		JOIN media_blobs b ON b.account = c.account AND b.blob = c.blob`, nil, func(r sqldb.Row) error {
		var key string
		var size int64
		err := r.Scan(&key, &size)
		rows[key] = size
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// TestKilledWhileFilesAreUploaded ends the server in the middle of uploads. No row is
// without its file, and a day later no file without its row.
func TestKilledWhileFilesAreUploaded(t *testing.T) {
	each(t, func(t *testing.T, in installation) {
		s := in.mustStart(t)
		admin := mustLogIn(t, s.url, "admin", mustBeFirstStart(t, s))
		var uploaders []*uploader
		var taken atomic.Int64
		enough := make(chan struct{})
		var all sync.WaitGroup
		for range 6 {
			u := &uploader{admin, map[string][32]byte{}}
			uploaders = append(uploaders, u)
			all.Go(func() {
				u.work(within(t), func() {
					if taken.Add(1) == 40 {
						close(enough)
					}
				})
			})
		}
		select {
		case <-enough:
		case <-within(t).Done():
			t.Errorf("only %d uploads were taken", taken.Load())
		}
		s.kill(t)
		all.Wait()

		blobs, _ := in.blobFiles(t)
		for key, size := range in.blobRows(t) {
			if info, err := os.Stat(blobs[key]); err != nil || info.Size() != size {
				t.Errorf("blob %s has a row of %d bytes: %v, %v", key, size, info, err)
			}
		}
		// There is an orphan at least, and a draft. A day passes.
		media := filepath.Join(in.folder, "media")
		orphan := filepath.Join(media, "default", "ab", strings.Repeat("ab", 32)+"-ABCDEFGHIJKLMNOP")
		draft := filepath.Join(media, "_drafts", "default-123")
		for _, path := range []string{orphan, draft} {
			if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte("x"), 0o600)); err != nil {
				t.Fatal(err)
			}
		}
		blobs, drafts := in.blobFiles(t)
		yesterday := time.Now().Add(-25 * time.Hour)
		for _, files := range []map[string]string{blobs, drafts} {
			for _, path := range files {
				if err := os.Chtimes(path, yesterday, yesterday); err != nil {
					t.Fatal(err)
				}
			}
		}
		s = in.mustStart(t)
		admin = moved(t, admin, s.url)
		for _, u := range uploaders {
			u.Client = admin
			for uri, hash := range u.taken {
				u.mustHave(t, uri, hash)
			}
		}
		rows := in.blobRows(t)
		for ctx := within(t); ; {
			blobs, drafts = in.blobFiles(t)
			if len(blobs) == len(rows) && len(drafts) == 0 {
				break
			}
			if ctx.Err() != nil {
				t.Fatalf("got %d files and %d drafts after the sweep, want %d and none", len(blobs), len(drafts), len(rows))
			}
		}
		for key := range rows {
			if blobs[key] == "" {
				t.Errorf("the sweep has removed %s, which has a row", key)
			}
		}
	})
}

// resident gives how much memory (bytes) the process has, and has had at most.
func (s *server) resident(t testing.TB) (now, most int64) {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.process.Pid))
	if err != nil {
		t.Skip("the system does not tell how much memory a process has: ", err)
	}
	value := func(name string) int64 {
		_, rest, _ := strings.Cut(string(status), name+":")
		kib, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		return kib << 10
	}
	return value("VmRSS"), value("VmHWM")
}

// zeros are so many.
type zeros struct{ left int64 }

func (z *zeros) Read(p []byte) (int, error) {
	if z.left == 0 {
		return 0, io.EOF
	}
	n := min(int64(len(p)), z.left)
	clear(p[:n])
	z.left -= n
	return int(n), nil
}

// TestLargeFileIsNotHeldInMemory uploads and downloads a gigabyte.
func TestLargeFileIsNotHeldInMemory(t *testing.T) {
	if testing.Short() || withRaceDetector() {
		t.Skip("a gigabyte takes a while, and the race detector takes memory of its own")
	}
	t.Parallel()
	in := installation{folder: filepath.Join(t.TempDir(), "data")}
	file := filepath.Join(t.TempDir(), "chat.yaml")
	if err := os.WriteFile(file, []byte("limits:\n  upload_bytes: 2GiB\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := in.mustStart(t, "--config", file)
	u := &uploader{Client: mustLogIn(t, s.url, "admin", mustBeFirstStart(t, s))}
	if _, err := u.upload(t.Context(), &zeros{1 << 20}, 1<<20); err != nil {
		t.Fatal(err)
	}
	before, _ := s.resident(t)
	const size = 1 << 30
	uri, err := u.upload(t.Context(), &zeros{size}, size)
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+"/_matrix/client/v1/media/download/"+uri, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+u.AccessToken)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	if n, err := io.Copy(io.Discard, answer.Body); err != nil || n != size {
		t.Errorf("got %d bytes back, %v, want %d", n, err, int64(size))
	}
	if _, most := s.resident(t); most-before > 64<<20 {
		t.Errorf("the server has grown by %d MiB", (most-before)>>20)
	}
}
