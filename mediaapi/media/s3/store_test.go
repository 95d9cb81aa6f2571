package s3_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/conversalabs/internalchat/config"
	"github.com/conversalabs/internalchat/mediaapi/media"
	"github.com/conversalabs/internalchat/mediaapi/media/mediatest"
	"github.com/conversalabs/internalchat/mediaapi/media/s3"
	"github.com/conversalabs/internalchat/mediaapi/media/s3/s3test"
)

func mustOpen(t testing.TB, cfg config.S3) (store *s3.Store, spool string) {
	t.Helper()
	spool = t.TempDir()
	store, err := s3.New(cfg, media.NewDisk(spool), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	return store, spool
}

func TestStore(t *testing.T) {
	t.Parallel()
	server := s3test.Start(t)
	mediatest.Run(t, func(t *testing.T) media.Blobs {
		cfg := server.Config
		cfg.Prefix = strings.ToLower(strings.ReplaceAll(t.Name(), "/", "-")) + "/" // of each test its own
		store, _ := mustOpen(t, cfg)
		return store
	})
}

// TestBoth is one store of which the second part is in a bucket.
func TestBoth(t *testing.T) {
	t.Parallel()
	server := s3test.Start(t)
	mediatest.Run(t, func(t *testing.T) media.Blobs {
		cfg := server.Config
		cfg.Prefix = strings.ToLower(strings.ReplaceAll(t.Name(), "/", "-")) + "/"
		store, _ := mustOpen(t, cfg)
		return media.Both{First: media.NewDisk(t.TempDir()), Second: store}
	})
}

const key = media.Key("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-ABCDEFGHIJKLMNOP")

func mustCommit(t testing.TB, store media.Blobs, content []byte) {
	t.Helper()
	d, err := store.Draft(t.Context(), "acme")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(d.Commit(t.Context(), key), d.Discard()); err != nil {
		t.Fatal(err)
	}
}

// TestLargeBlob is uploaded in parts, of which the last is short.
func TestLargeBlob(t *testing.T) {
	t.Parallel()
	server := s3test.Start(t)
	store, spool := mustOpen(t, server.Config)
	content := bytes.Repeat([]byte("0123456789abcde\n"), 33<<16)
	mustCommit(t, store, content)
	r, err := store.Open(t.Context(), "acme", key, 17<<20)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, content[17<<20:]) {
		t.Errorf("got %d bytes, %v", len(got), err)
	}
	// The draft has gone from this machine.
	err = filepath.WalkDir(spool, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			t.Errorf("%s is left", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// TestClear aborts what a killed server has begun, and leaves alone what is younger.
func TestClear(t *testing.T) {
	t.Parallel()
	server := s3test.Start(t)
	store, _ := mustOpen(t, server.Config)
	core, err := minio.NewCore(strings.TrimPrefix(server.Config.Endpoint, "http://"), &minio.Options{
		Creds:  credentials.NewStaticV4(server.Config.AccessKey, server.Config.Secret.Reveal(), ""),
		Region: server.Config.Region, BucketLookup: minio.BucketLookupPath,
	})
	if err != nil {
		t.Fatal(err)
	}
	const bucket = "files"
	begin := func(object string, part bool) {
		t.Helper()
		id, err := core.NewMultipartUpload(t.Context(), bucket, object, minio.PutObjectOptions{})
		if err == nil && part {
			_, err = core.PutObjectPart(t.Context(), bucket, object, id, 1, strings.NewReader("part"), 4, minio.PutObjectPartOptions{})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	uploads := func() (all []string) {
		t.Helper()
		page, err := core.ListMultipartUploads(t.Context(), bucket, "", "", "", "", 100)
		if err != nil {
			t.Fatal(err)
		}
		for _, u := range page.Uploads {
			all = append(all, u.Key)
		}
		return all
	}
	begin("acme/aa/"+string(key), true)
	begin("other/aa/"+string(key), false)
	begin("somebody/else's", true)
	if err := store.Clear(t.Context(), time.Now().Add(-time.Hour)); err != nil || len(uploads()) != 3 {
		t.Errorf("got %v, %v, want all uploads still", uploads(), err)
	}
	if err := store.Clear(t.Context(), time.Now().Add(time.Hour)); err != nil {
		t.Error(err)
	}
	if got := uploads(); len(got) != 1 || got[0] != "somebody/else's" {
		t.Errorf("got %q, want what is not the server's", got)
	}
}

func TestLocate(t *testing.T) {
	t.Parallel()
	server := s3test.Start(t)
	header := http.Header{
		"Content-Type": {"image/png"}, "Content-Disposition": {`inline; filename="ação.png"`}, "Cache-Control": {"private"},
		"X-Other": {"y"},
	}
	store, _ := mustOpen(t, server.Config)
	if got, err := store.Locate(t.Context(), "acme", key, header); got != "" || err != nil {
		t.Errorf("got %q, %v, want no address where it is not wanted", got, err)
	}
	cfg := server.Config
	cfg.Redirect = true
	store, _ = mustOpen(t, cfg)
	mustCommit(t, store, []byte("picture"))
	get := func(address string) *http.Response {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = answer.Body.Close() })
		return answer
	}
	address, err := store.Locate(t.Context(), "acme", key, header)
	if err != nil {
		t.Fatal(err)
	}
	answer := get(address)
	body, err := io.ReadAll(answer.Body)
	if err != nil || string(body) != "picture" || answer.StatusCode != http.StatusOK {
		t.Fatalf("got %d %s, %v", answer.StatusCode, body, err)
	}
	for _, name := range []string{"Content-Type", "Content-Disposition", "Cache-Control"} {
		if got := answer.Header.Get(name); got != header.Get(name) {
			t.Errorf("%s: got %q, want %q", name, got, header.Get(name))
		}
	}
	// Who has the address cannot make a page of it.
	if answer := get(strings.Replace(address, "image%2Fpng", "text%2Fhtml", 1)); answer.StatusCode != http.StatusForbidden {
		t.Errorf("with another type: got %d, want 403", answer.StatusCode)
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	server := s3test.Start(t)
	store, _ := mustOpen(t, server.Config)
	if err := store.Check(t.Context()); err != nil {
		t.Error(err)
	}
	for name, spoil := range map[string]func(*config.S3){
		"bucket": func(c *config.S3) { c.Bucket = "others" },
		"secret": func(c *config.S3) { c.Secret = "wrong" },
	} {
		cfg := server.Config
		spoil(&cfg)
		store, _ := mustOpen(t, cfg)
		if err := store.Check(t.Context()); err == nil {
			t.Errorf("wrong %s: got no error", name)
		}
	}
	cfg := server.Config
	cfg.Endpoint = "http://127.0.0.1:1"
	store, _ = mustOpen(t, cfg)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if err := store.Check(ctx); err == nil {
		t.Error("nobody there: got no error")
	}
}
