package main_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/conversalabs/internalchat/mediaapi/media/clamd/clamdtest"
	"github.com/conversalabs/internalchat/mediaapi/media/s3/s3test"
)

// mustConfigure writes a YAML file and gives the flags that name it.
func mustConfigure(t testing.TB, lines ...string) []string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "chat.yaml")
	if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return []string{"--config", file}
}

// bucketLines configure a bucket, and where new files go.
func bucketLines(s *s3test.Server, store string) []string {
	c := s.Config
	return []string{
		"media:", "  store: " + store, "  s3_endpoint: " + c.Endpoint, "  s3_bucket: " + c.Bucket,
		"  s3_access_key: " + c.AccessKey, "  s3_secret: " + c.Secret.Reveal(), "  s3_prefix: chat",
	}
}

// objects counts what lies in the bucket.
func objects(t testing.TB, s *s3test.Server) (n int) {
	t.Helper()
	err := filepath.WalkDir(filepath.Join(s.Folder, "chat"), func(_ string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			n++
		}
		if os.IsNotExist(err) {
			return nil
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func mustUpload(t testing.TB, u *uploader, content []byte) string {
	t.Helper()
	uri, err := u.upload(within(t), bytes.NewReader(content), int64(len(content)))
	if err != nil {
		t.Fatal(err)
	}
	if u.taken != nil {
		u.taken[uri] = sha256.Sum256(content)
	}
	return uri
}

// TestFilesMove moves files to a bucket while people read them, is killed in the middle,
// goes on, and moves them back. No reader ever misses one.
func TestFilesMove(t *testing.T) {
	each(t, func(t *testing.T, in installation) {
		bucket := s3test.Start(t)
		s := in.mustStart(t)
		u := &uploader{mustLogIn(t, s.url, "admin", mustBeFirstStart(t, s)), map[string][32]byte{}}
		const files = 100
		for range files {
			content := make([]byte, 100<<10)
			_, _ = rand.Read(content)
			mustUpload(t, u, content)
		}
		s.stop(t)

		flags := mustConfigure(t, bucketLines(bucket, "s3")...)
		s = in.mustStart(t, flags...)
		u.Client = moved(t, u.Client, s.url)
		stopReading := u.keepReading(t)
		move := in.command(t, append([]string{"media", "move", "--to", "s3"}, flags...)...)
		if err := move.Start(); err != nil {
			t.Fatal(err)
		}
		for ctx := within(t); objects(t, bucket) < 5 && ctx.Err() == nil; {
		}
		_ = move.Process.Kill()
		_ = move.Wait()
		there := objects(t, bucket)
		left, _ := in.blobFiles(t)
		if there < 5 || len(left) == 0 {
			t.Errorf("got %d files in the bucket and %d on disk, want it killed in the middle", there, len(left))
		}
		mustUpload(t, u, []byte("meanwhile"))
		said := in.mustRun(t, "", append([]string{"media", "move", "--to", "s3"}, flags...)...)
		if want := fmt.Sprintf("Moved %d files (%d bytes) to s3.\n", len(left), len(left)*100<<10); said != want {
			t.Errorf("got %q, want %q", said, want)
		}
		stopReading()
		if left, _ := in.blobFiles(t); len(left) != 0 || objects(t, bucket) != files+1 {
			t.Errorf("got %d files on disk and %d in the bucket, want all there", len(left), objects(t, bucket))
		}
		s.stop(t)

		flags = mustConfigure(t, bucketLines(bucket, "disk")...)
		s = in.mustStart(t, flags...)
		u.Client = moved(t, u.Client, s.url)
		stopReading = u.keepReading(t)
		said = in.mustRun(t, "", append([]string{"media", "move", "--to", "disk"}, flags...)...)
		if !strings.HasPrefix(said, fmt.Sprintf("Moved %d files ", files+1)) || objects(t, bucket) != 0 {
			t.Errorf("got %q and %d files in the bucket, want none left", said, objects(t, bucket))
		}
		stopReading()
		for uri, hash := range u.taken {
			u.mustHave(t, uri, hash)
		}
	})
}

// keepReading reads all files over and over, until stop is called; each has been read
// then.
func (u *uploader) keepReading(t testing.TB) (stop func()) {
	ended := make(chan struct{})
	var readers sync.WaitGroup
	want := maps.Clone(u.taken)
	reader := &uploader{Client: u.Client}
	for range 2 {
		readers.Go(func() {
			for {
				for uri, hash := range want {
					if err := reader.check(uri, hash); err != nil {
						t.Error(err)
						return
					}
				}
				select {
				case <-ended:
					return
				default:
				}
			}
		})
	}
	return func() {
		close(ended)
		readers.Wait()
	}
}

// check reads a file and judges what came.
func (u *uploader) check(uri string, want [32]byte) error {
	request, err := http.NewRequestWithContext(context.Background(), http.MethodGet, u.HomeserverURL.String()+"/_matrix/client/v1/media/download/"+uri, nil)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+u.AccessToken)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	content, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK || sha256.Sum256(content) != want {
		return fmt.Errorf("%s: got %d and %d bytes, %w", uri, answer.StatusCode, len(content), err)
	}
	return nil
}

func TestMoveIsRefused(t *testing.T) {
	t.Parallel()
	in := installation{folder: t.TempDir()}
	bucket := &s3test.Server{}
	bucket.Config.Endpoint, bucket.Config.Bucket, bucket.Config.AccessKey, bucket.Config.Secret = "http://127.0.0.1:1", "files", "k", "tellnobody"
	other := mustConfigure(t, bucketLines(bucket, "disk")...)
	for name, test := range map[string]struct {
		args []string
		want string
	}{
		"nowhere":       {nil, "say where"},
		"no bucket":     {[]string{"--to", "s3"}, "the S3 store is not configured"},
		"to the other":  {append(other, "--to", "s3"), "new files go to disk"},
		"to the unkown": {[]string{"--to", "tape"}, "want disk or s3"},
	} {
		got := in.run(t, "", append([]string{"media", "move"}, test.args...)...)
		if got.code != 2 || !strings.Contains(got.err, test.want) {
			t.Errorf("%s: got %d %q, want 2 and %q", name, got.code, got.err, test.want)
		}
	}
}

// TestLargeFileIsNotHeldInMemoryOnItsWayToABucket uploads and downloads a gigabyte.
func TestLargeFileIsNotHeldInMemoryOnItsWayToABucket(t *testing.T) {
	if testing.Short() || withRaceDetector() {
		t.Skip("a gigabyte takes a while, and the race detector takes memory of its own")
	}
	t.Parallel()
	bucket := s3test.Start(t)
	in := installation{folder: filepath.Join(t.TempDir(), "data")}
	s := in.mustStart(t, mustConfigure(t, append(bucketLines(bucket, "s3"), "limits:", "  upload_bytes: 2GiB")...)...)
	u := &uploader{Client: mustLogIn(t, s.url, "admin", mustBeFirstStart(t, s))}
	mustUpload(t, u, make([]byte, 1<<20))
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
	if files, drafts := in.blobFiles(t); len(files)+len(drafts) != 0 {
		t.Errorf("got %v and %v left on this machine", files, drafts)
	}
}

// TestReadersAreSentToTheBucket follows the redirect of each API.
func TestReadersAreSentToTheBucket(t *testing.T) {
	t.Parallel()
	bucket := s3test.Start(t)
	in := installation{folder: filepath.Join(t.TempDir(), "data")}
	s := in.mustStart(t, mustConfigure(t, append(bucketLines(bucket, "s3"), "  s3_redirect: on")...)...)
	u := &uploader{Client: mustLogIn(t, s.url, "admin", mustBeFirstStart(t, s))}
	uri := mustUpload(t, u, []byte("hello"))
	in.mustHaveUser(t, "bia", "correct-horse")
	bia := mustLogIn(t, s.url, "bia", "correct-horse")
	get := func(path, token string) *http.Response {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if token != "" {
			request.Header.Set("Authorization", "Bearer "+token)
		}
		answer, err := http.DefaultTransport.RoundTrip(request)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = answer.Body.Close() })
		return answer
	}
	for path, want := range map[string]int{
		"/_matrix/client/v1/media/download/" + uri + "/a.txt":           307,
		"/_matrix/media/v3/download/" + uri + "/a.txt":                  200,
		"/_matrix/media/v3/download/" + uri + "?allow_redirect=true":    307,
		"/_matrix/client/v1/media/download/" + uri + "x":                404,
		"/_matrix/client/v1/media/download/" + uri + "?timeout_ms=1000": 307,
	} {
		answer := get(s.url+path, u.AccessToken)
		if answer.StatusCode != want {
			t.Errorf("%s: got %d, want %d", path, answer.StatusCode, want)
		}
		if want != http.StatusTemporaryRedirect {
			continue
		}
		file := get(answer.Header.Get("Location"), "")
		content, err := io.ReadAll(file.Body)
		if err != nil || string(content) != "hello" {
			t.Errorf("%s: got %d %s, %v", path, file.StatusCode, content, err)
		}
		// It was uploaded without a type.
		wantHeader := "attachment"
		if strings.HasSuffix(path, "a.txt") {
			wantHeader = "attachment; filename=a.txt"
		}
		if got := file.Header.Get("Content-Disposition"); got != wantHeader || file.Header.Get("Content-Type") != "application/octet-stream" {
			t.Errorf("%s: got %q of %s, want %q", path, got, file.Header.Get("Content-Type"), wantHeader)
		}
	}
	// Who may not read it gets no address.
	if answer := get(s.url+"/_matrix/client/v1/media/download/"+uri, bia.AccessToken); answer.StatusCode != http.StatusNotFound {
		t.Errorf("somebody else: got %d, want 404", answer.StatusCode)
	}
	// What has stayed on the disk is given by the server.
	s.stop(t)
	flags := mustConfigure(t, append(bucketLines(bucket, "disk"), "  s3_redirect: on")...)
	in.mustRun(t, "", append([]string{"media", "move", "--to", "disk"}, flags...)...)
	s = in.mustStart(t, mustConfigure(t, append(bucketLines(bucket, "s3"), "  s3_redirect: on")...)...)
	if answer := get(s.url+"/_matrix/client/v1/media/download/"+uri, u.AccessToken); answer.StatusCode != http.StatusOK {
		t.Errorf("a file on the disk: got %d, want 200", answer.StatusCode)
	}
}

// TestInfectedFilesAreRefused has a scanner, and then none that answers.
func TestInfectedFilesAreRefused(t *testing.T) {
	each(t, func(t *testing.T, in installation) {
		socket := filepath.Join(t.TempDir(), "clamd.ctl")
		_, stop := clamdtest.Start(t, "unix", socket)
		s := in.mustStart(t, mustConfigure(t, "media:", "  scanner: "+socket)...)
		u := &uploader{Client: mustLogIn(t, s.url, "admin", mustBeFirstStart(t, s))}
		mustUpload(t, u, []byte("healthy"))
		refused := func(content, want string) {
			t.Helper()
			_, err := u.upload(within(t), strings.NewReader(content), int64(len(content)))
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v, want %s", err, want)
			}
			files, drafts := in.blobFiles(t)
			if len(files) != 1 || len(drafts) != 0 || len(in.blobRows(t)) != 1 {
				t.Errorf("got the files %v and %v, want the healthy one alone", slices.Collect(maps.Keys(files)), drafts)
			}
		}
		refused(clamdtest.Eicar, "403")
		refused(clamdtest.Eicar, "has found something harmful in it (Eicar-Test-Signature)")
		stop()
		refused("riddle", "503")
		refused("riddle", "cannot be checked for viruses at the moment")
		if !strings.Contains(s.logged(), "a file could not be checked for viruses") {
			t.Error("the log does not say so")
		}
		s.stop(t)
		s = in.mustStart(t, mustConfigure(t, "media:", "  scanner: "+socket, "  scanner_unavailable: allow")...)
		u.Client = moved(t, u.Client, s.url)
		mustUpload(t, u, []byte("riddle"))
	})
}
