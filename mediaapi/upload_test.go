package mediaapi_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tidwall/gjson"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/mediaapi/media"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/sqldb/sqltest"
)

func TestUploadIsGivenBack(t *testing.T) {
	t.Parallel()
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		f := newFixture(t, db)
		content := bytes.Repeat([]byte("hello "), 100_000)
		uri := f.mustUpload("ana", "text/plain; charset=utf-8", "?filename=note.txt", content)
		if !strings.HasPrefix(uri, "acme.test/") {
			t.Errorf("got %s, want an address of the account's server", uri)
		}
		f.mustGive(f.get("bia", "/download/"+uri), content)
		again := f.mustUpload("bia", "text/plain", "", content)
		if again == uri {
			t.Error("two uploads have one address")
		}
		f.mustGive(f.get("ana", "/download/"+again), content)
		f.mustUpload("eve", "text/plain", "", content)
		// Equal contents are one blob, but never of two accounts.
		if all := f.blobs(); len(all["acme"]) != 1 || len(all["other"]) != 1 {
			t.Errorf("got blobs %v, want one of each account", all)
		}
		empty := f.mustUpload("ana", "", "", nil)
		if a := f.get("ana", "/download/"+empty); a.StatusCode != 200 || len(a.body) != 0 || a.Header.Get("Content-Type") != "application/octet-stream" {
			t.Errorf("an empty file: got %d %q %v", a.StatusCode, a.body, a.Header)
		}
	})
}

func TestUploadsAtOnceOfOneContent(t *testing.T) {
	t.Parallel()
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		f := newFixture(t, db)
		content := bytes.Repeat([]byte("x"), 100_000)
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() { f.mustUpload("ana", "text/plain", "", content) })
		}
		all.Wait()
		if got := len(f.blobs()["acme"]); got != 1 {
			t.Errorf("got %d blobs, want 1", got)
		}
		if byUser, byAccount := f.usage("@ana:acme.test"); byUser != 800_000 || byAccount != 800_000 {
			t.Errorf("got %d and %d bytes in use, want 800000", byUser, byAccount)
		}
	})
}

func TestForeignMediaIsAnsweredLikeNone(t *testing.T) {
	t.Parallel()
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		f := newFixture(t, db)
		uri := f.mustUpload("ana", "text/plain", "", []byte("secret"))
		name := strings.TrimPrefix(uri, "acme.test/")
		for _, path := range []string{"/download/%s", "/download/%s/x.txt", "/thumbnail/%s?width=10&height=10"} {
			var bodies []string
			for _, of := range []string{uri, "other.test/" + name, "acme.test/AAAA", "other.test/AAAA", "other.test/..", "nowhere.test/AAAA"} {
				a := f.get("eve", fmt.Sprintf(path, strings.ReplaceAll(of, "..", "%2e%2e")))
				f.mustRefuse(a, 404, "M_NOT_FOUND")
				bodies = append(bodies, string(a.body))
			}
			for _, body := range bodies {
				if body != bodies[0] {
					t.Errorf("%s: the answers differ: %q", path, bodies)
				}
			}
		}
		// The other account's name for it is no name of it at home either.
		f.mustRefuse(f.get("ana", "/download/other.test/"+name), 404, "M_NOT_FOUND")
		f.mustRefuse(f.get("", "/download/"+uri), 401, "M_MISSING_TOKEN")
	})
}

func TestOlderPathsWantATokenToo(t *testing.T) {
	t.Parallel()
	f := newFixture(t, sqltest.SQLite(t))
	uri := f.mustUpload("ana", "text/plain", "", []byte("hello"))
	for _, prefix := range []string{v3, "/_matrix/media/r0"} {
		for _, path := range []string{"/download/" + uri, "/download/" + uri + "/x", "/thumbnail/" + uri + "?width=1&height=1", "/preview_url?url=http://a.test"} {
			f.mustRefuse(f.ask("", http.MethodGet, prefix+path, nil), 404, "M_NOT_FOUND")
		}
		f.mustGive(f.ask("ana", http.MethodGet, prefix+"/download/"+uri, nil), []byte("hello"))
		f.mustRefuse(f.ask("nobody", http.MethodGet, prefix+"/download/"+uri, nil), 401, "M_UNKNOWN_TOKEN")
		if a := f.ask("ana", http.MethodGet, prefix+"/config", nil); string(a.body) != `{"m.upload.size":20971520}` {
			t.Errorf("got %s", a.body)
		}
	}
	if a := f.get("ana", "/config"); string(a.body) != `{"m.upload.size":20971520}` {
		t.Errorf("got %s", a.body)
	}
	f.mustRefuse(f.get("", "/config"), 401, "M_MISSING_TOKEN")
}

// endless gives as many bytes as are asked for, so that no length is announced.
type endless struct{ left int }

func (e *endless) Read(p []byte) (int, error) {
	if e.left == 0 {
		return 0, io.EOF
	}
	n := min(len(p), e.left)
	e.left -= n
	return n, nil
}

func TestUploadLimits(t *testing.T) {
	t.Parallel()
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		f := newFixture(t, db)
		f.rule(func(r *media.Rules) { r.UploadBytes, r.UserBytes, r.AccountBytes = 1000, 2500, 3200 })
		upload := func(as string, size int, announced bool) answer {
			var body io.Reader = &endless{size}
			if announced {
				body = bytes.NewReader(make([]byte, size))
			}
			return f.ask(as, http.MethodPost, v3+"/upload", body)
		}
		for _, announced := range []bool{true, false} {
			f.mustRefuse(upload("ana", 1001, announced), 413, "M_TOO_LARGE")
		}
		f.mustUpload("ana", "", "", make([]byte, 1000))
		f.mustUpload("ana", "", "", make([]byte, 999))
		for _, announced := range []bool{true, false} {
			a := upload("ana", 502, announced)
			f.mustRefuse(a, 403, "M_FORBIDDEN")
			if got := gjson.GetBytes(a.body, "br\\.com\\.conversalabs\\.reason").Str; got != "media_quota_user" {
				t.Errorf("got reason %q in %s", got, a.body)
			}
		}
		f.mustUpload("ana", "", "", make([]byte, 501))
		for _, announced := range []bool{true, false} {
			a := upload("bia", 701, announced)
			f.mustRefuse(a, 403, "M_FORBIDDEN")
			if got := gjson.GetBytes(a.body, "br\\.com\\.conversalabs\\.reason").Str; got != "media_quota_account" {
				t.Errorf("got reason %q in %s", got, a.body)
			}
		}
		f.mustUpload("bia", "", "", make([]byte, 700))
		if byUser, byAccount := f.usage("@ana:acme.test"); byUser != 2500 || byAccount != 3200 {
			t.Errorf("got %d and %d in use, want 2500 and 3200", byUser, byAccount)
		}
		// What is refused leaves nothing.
		if got := len(f.blobs()["acme"]); got != 4 {
			t.Errorf("got %d blobs, want 4", got)
		}
		if long := f.ask("eve", http.MethodPost, v3+"/upload?filename="+strings.Repeat("n", 1025), nil); long.code() != "M_INVALID_PARAM" {
			t.Errorf("a long name: got %s", long.body)
		}
		f.mustRefuse(f.ask("gag", http.MethodPost, v3+"/upload", nil), 403, "M_USER_SUSPENDED")
		f.mustRefuse(f.ask("gag", http.MethodPost, "/_matrix/media/v1/create", nil), 403, "M_USER_SUSPENDED")
	})
}

func TestQuotaHoldsAgainstManyAtOnce(t *testing.T) {
	t.Parallel()
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		f := newFixture(t, db)
		f.rule(func(r *media.Rules) { r.UserBytes = 3000 })
		var all sync.WaitGroup
		codes := make(chan int, 10)
		for i := range 10 {
			all.Go(func() {
				codes <- f.ask("ana", http.MethodPost, v3+"/upload", bytes.NewReader(bytes.Repeat([]byte{byte(i)}, 1000))).StatusCode
			})
		}
		all.Wait()
		close(codes)
		kept := 0
		for code := range codes {
			if code == 200 {
				kept++
			}
		}
		if byUser, _ := f.usage("@ana:acme.test"); kept != 3 || byUser != 3000 {
			t.Errorf("kept %d uploads of %d bytes together, want 3 of 3000", kept, byUser)
		}
	})
}

func TestAsynchronousUpload(t *testing.T) {
	t.Parallel()
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		f := newFixture(t, db)
		create := func(as string) answer {
			return f.ask(as, http.MethodPost, "/_matrix/media/v1/create", strings.NewReader("{}"))
		}
		fill := func(as, uri, content string) answer {
			return f.ask(as, http.MethodPut, v3+"/upload/"+uri+"?filename=a.txt", strings.NewReader(content), "Content-Type", "text/plain")
		}
		a := create("ana")
		uri := strings.TrimPrefix(gjson.GetBytes(a.body, "content_uri").Str, "mxc://")
		if got, want := gjson.GetBytes(a.body, "unused_expires_at").Int(), f.clock().Add(24*time.Hour).UnixMilli(); got != want || uri == "" {
			t.Fatalf("got %s, want it to expire at %d", a.body, want)
		}
		f.mustRefuse(f.get("bia", "/download/"+uri+"?timeout_ms=0"), 504, "M_NOT_YET_UPLOADED")
		f.mustRefuse(f.get("eve", "/download/"+uri+"?timeout_ms=0"), 404, "M_NOT_FOUND")
		f.mustRefuse(fill("bia", uri, "mine"), 403, "M_FORBIDDEN")
		f.mustRefuse(fill("eve", uri, "mine"), 404, "M_NOT_FOUND")
		waiting := make(chan answer)
		go func() { waiting <- f.get("bia", "/download/"+uri) }()
		if a := fill("ana", uri, "hello"); a.StatusCode != 200 || string(a.body) != "{}" {
			t.Fatalf("got %d %s", a.StatusCode, a.body)
		}
		f.mustGive(<-waiting, []byte("hello"))
		f.mustRefuse(fill("ana", uri, "other"), 409, "M_CANNOT_OVERWRITE_MEDIA")
		f.mustRefuse(fill("ana", "acme.test/AAAA", "other"), 404, "M_NOT_FOUND")
		// Some may wait, not more. They expire.
		var last string
		for range 3 {
			last = strings.TrimPrefix(gjson.GetBytes(create("ana").body, "content_uri").Str, "mxc://")
		}
		a = create("ana")
		f.mustRefuse(a, 429, "M_LIMIT_EXCEEDED")
		if a.Header.Get("Retry-After") == "" {
			t.Error("it is not said when to come again")
		}
		f.pass(24*time.Hour + time.Second)
		f.mustRefuse(fill("ana", last, "late"), 404, "M_NOT_FOUND")
		f.mustRefuse(f.get("ana", "/download/"+last), 404, "M_NOT_FOUND")
		if a := create("ana"); a.StatusCode != 200 {
			t.Errorf("after they have expired: got %s", a.body)
		}
		if err := f.media.Sweep(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		if r, err := f.store.Media(t.Context(), "acme", media.ID(strings.TrimPrefix(last, "acme.test/"))); err != nil || r != nil {
			t.Errorf("got %v, %v after the sweep, want nothing", r, err)
		}
		f.mustGive(f.get("ana", "/download/"+uri), []byte("hello"))
	})
}

func TestTwoFillOneAddress(t *testing.T) {
	t.Parallel()
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		f := newFixture(t, db)
		for range 5 {
			a := f.ask("ana", http.MethodPost, "/_matrix/media/v1/create", nil)
			uri := strings.TrimPrefix(gjson.GetBytes(a.body, "content_uri").Str, "mxc://")
			answers := make(chan answer, 2)
			for _, content := range []string{"one", "two"} {
				go func() { answers <- f.ask("ana", http.MethodPut, v3+"/upload/"+uri, strings.NewReader(content)) }()
			}
			first, second := <-answers, <-answers
			if first.StatusCode+second.StatusCode != 200+409 {
				t.Errorf("got %d %s and %d %s, want one 200 and one 409", first.StatusCode, first.body, second.StatusCode, second.body)
			}
		}
		if byUser, _ := f.usage("@ana:acme.test"); byUser != 15 {
			t.Errorf("got %d bytes in use, want 15", byUser)
		}
	})
}

// dial sends the head of an upload by hand.
func (f *fixture) dial(length int) net.Conn {
	f.t.Helper()
	c, err := (&net.Dialer{}).DialContext(f.t.Context(), "tcp", strings.TrimPrefix(f.url, "http://"))
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { _ = c.Close() })
	fmt.Fprintf(c, "POST %s/upload HTTP/1.1\r\nHost: acme.test\r\nAuthorization: Bearer ana\r\nContent-Length: %d\r\n\r\nbegun", v3, length)
	return c
}

func TestUploadThatIsCutOff(t *testing.T) {
	t.Parallel()
	f := newFixture(t, sqltest.SQLite(t))
	c := f.dial(1000)
	if err := c.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	w, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Body.Close()
	if w.StatusCode != 400 {
		t.Errorf("got %s, want 400", w.Status)
	}
	if all := f.blobs(); len(all) != 0 {
		t.Errorf("got %v, want no blob", all)
	}
}

func TestUploadThatIsTooSlow(t *testing.T) {
	t.Parallel()
	f := newFixture(t, sqltest.SQLite(t), func(f *fixture, _ *media.Options) {
		f.mediaTo.Patience, f.mediaTo.Now = 50*time.Millisecond, time.Now
	})
	w, err := http.ReadResponse(bufio.NewReader(f.dial(1000)), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Body.Close()
	if w.StatusCode != 408 {
		t.Errorf("got %s, want 408", w.Status)
	}
	// Who is quick enough may take longer than that.
	content := bytes.Repeat([]byte("x"), 1<<20)
	f.mustUpload("ana", "text/plain", "", content)
}

// fullBlobs is a store whose disk is full after some bytes.
type fullBlobs struct {
	media.Blobs
	left int
}

type fullDraft struct {
	media.Draft
	of *fullBlobs
}

func (b *fullBlobs) Draft(ctx context.Context, account tenant.ID) (media.Draft, error) {
	d, err := b.Blobs.Draft(ctx, account)
	return fullDraft{d, b}, err
}

func (d fullDraft) Write(p []byte) (int, error) {
	if d.of.left -= len(p); d.of.left < 0 {
		return 0, fmt.Errorf("write draft: %w", media.ErrFull)
	}
	return d.Draft.Write(p)
}

func TestFullStore(t *testing.T) {
	t.Parallel()
	f := newFixture(t, sqltest.SQLite(t), func(_ *fixture, o *media.Options) { o.Blobs = &fullBlobs{o.Blobs, 1000} })
	f.mustRefuse(f.ask("ana", http.MethodPost, v3+"/upload", bytes.NewReader(make([]byte, 100_000))), 507, "M_UNKNOWN")
	if byUser, _ := f.usage("@ana:acme.test"); byUser != 0 || len(f.blobs()) != 0 {
		t.Errorf("got %d bytes in use and %v, want nothing", byUser, f.blobs())
	}
}

// inspector is a scanner that knows one word.
type inspector struct{ asked []media.Suspect }

func (i *inspector) Scan(_ context.Context, what media.Suspect, content io.Reader) error {
	i.asked = append(i.asked, what)
	text, err := io.ReadAll(content)
	switch {
	case err != nil:
		return err
	case bytes.Contains(text, []byte("virus")):
		return refusal.Forbidden("This file is ill.")
	case bytes.Contains(text, []byte("riddle")):
		return errors.New("cannot tell")
	}
	return nil
}

func TestScanner(t *testing.T) {
	t.Parallel()
	scanner := &inspector{}
	f := newFixture(t, sqltest.SQLite(t), func(_ *fixture, o *media.Options) { o.Scanner = scanner })
	f.mustRefuse(f.ask("ana", http.MethodPost, v3+"/upload", strings.NewReader("a virus")), 403, "M_FORBIDDEN")
	f.mustRefuse(f.ask("ana", http.MethodPost, v3+"/upload", strings.NewReader("a riddle")), 500, "M_UNKNOWN")
	if len(f.blobs()) != 0 {
		t.Errorf("got blobs %v, want none", f.blobs())
	}
	f.mustUpload("ana", "text/plain", "?filename=a.txt", []byte("healthy"))
	last := scanner.asked[2]
	if c := last.Record.Content; last.Server != "acme.test" || c.Name != "a.txt" || c.Type != "text/plain" || c.Detected != "text/plain" || c.Blob.Size != 7 {
		t.Errorf("the scanner was told %+v, %+v", last, c)
	}
}

func TestUploadOfWhatIsNoText(t *testing.T) {
	t.Parallel()
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		f := newFixture(t, db)
		f.mustGive(f.get("ana", "/download/"+f.mustUpload("ana", "text/plain; a=\"\xff\"", "", []byte("typed"))), []byte("typed"))
		for _, name := range []string{"\xff.txt", "a\x00.txt"} {
			r, err := f.media.Upload(t.Context(), media.Upload{Account: "acme", Uploader: "@ana:acme.test", Name: name, Length: -1}, strings.NewReader("named"))
			if err != nil || r.Content.Name != "" {
				t.Errorf("%q: got %+v, %v, want a file without a name", name, r, err)
			}
		}
	})
}

// Its time is over while the content comes, which the account has already.
func TestUploadOfWhatHasGone(t *testing.T) {
	t.Parallel()
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		f := newFixture(t, db)
		f.mustUpload("ana", "text/plain", "", []byte("known"))
		for _, content := range []string{"known", "new"} {
			_, err := f.media.Upload(t.Context(), media.Upload{
				Account: "acme", Uploader: "@ana:acme.test", Length: -1,
				Reserved: &media.Record{Account: "acme", ID: "gone", Uploader: "@ana:acme.test", Expires: 1},
			}, strings.NewReader(content))
			if !errors.Is(err, media.ErrNotFound) {
				t.Errorf("%s: got %v, want %v", content, err, media.ErrNotFound)
			}
		}
		if all := f.blobs(); len(all["acme"]) != 1 {
			t.Errorf("got blobs %v, want the one that was known", all)
		}
	})
}

func TestKeep(t *testing.T) {
	t.Parallel()
	f := newFixture(t, sqltest.SQLite(t))
	f.rule(func(r *media.Rules) { r.UserBytes, r.AccountBytes = 1, 1 })
	uri, err := f.media.Keep(t.Context(), "acme", "@conversalabs:acme.test", "icon.png", "image/png", bytes.NewReader(mustPNG(t, 8, 8)))
	if err != nil || uri.Homeserver != "acme.test" {
		t.Fatalf("got %v, %v", uri, err)
	}
	a := f.get("bia", "/download/acme.test/"+uri.FileID)
	f.mustGive(a, mustPNG(t, 8, 8))
	if got := a.Header.Get("Content-Disposition"); got != "inline; filename=icon.png" {
		t.Errorf("got %s", got)
	}
}
