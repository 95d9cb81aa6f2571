package mediaapi_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/mediaapi/media"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/sqldb/sqltest"
)

func TestRanges(t *testing.T) {
	t.Parallel()
	f := newFixture(t, sqltest.SQLite(t))
	var content []byte
	for i := range 10_000 {
		content = fmt.Appendf(content, "%09d,", i)
	}
	path := "/download/" + f.mustUpload("ana", "text/plain", "", content)
	whole := f.get("bia", path)
	f.mustGive(whole, content)
	etag := whole.Header.Get("Etag")
	for _, c := range []struct {
		headers []string
		status  int
		body    string
		span    string
	}{
		{[]string{"Range", "bytes=10-19"}, 206, "000000001,", "bytes 10-19/100000"},
		{[]string{"Range", "bytes=-10"}, 206, "000009999,", "bytes 99990-99999/100000"},
		{[]string{"Range", "bytes=99990-"}, 206, "000009999,", "bytes 99990-99999/100000"},
		{[]string{"Range", "bytes=10-19", "If-Range", etag}, 206, "000000001,", "bytes 10-19/100000"},
		{[]string{"Range", "bytes=10-19", "If-Range", `"other"`}, 200, string(content), ""},
		{[]string{"If-None-Match", etag}, 304, "", ""},
		{[]string{"If-None-Match", `"other"`}, 200, string(content), ""},
	} {
		a := f.get("bia", path, c.headers...)
		if a.StatusCode != c.status || string(a.body) != c.body || a.Header.Get("Content-Range") != c.span {
			t.Errorf("%v: got %d, %d bytes, %q; want %d, %d bytes, %q", c.headers,
				a.StatusCode, len(a.body), a.Header.Get("Content-Range"), c.status, len(c.body), c.span)
		}
	}
	if a := f.get("bia", path, "Range", "bytes=100000-"); a.StatusCode != http.StatusRequestedRangeNotSatisfiable {
		t.Errorf("a range behind the end: got %d", a.StatusCode)
	}
	several := f.get("bia", path, "Range", "bytes=0-9,20-29")
	if kind, _, _ := mime.ParseMediaType(several.Header.Get("Content-Type")); several.StatusCode != 206 || kind != "multipart/byteranges" ||
		!bytes.Contains(several.body, []byte("000000000,")) || !bytes.Contains(several.body, []byte("000000002,")) {
		t.Errorf("two ranges: got %d %s %s", several.StatusCode, kind, several.body)
	}
	head := f.ask("bia", http.MethodHead, v1+path, nil)
	if head.StatusCode != 200 || len(head.body) != 0 || head.ContentLength != 100_000 || head.Header.Get("Etag") != etag {
		t.Errorf("HEAD: got %d, %d bytes, %d announced", head.StatusCode, len(head.body), head.ContentLength)
	}
}

func TestMediaHeaders(t *testing.T) {
	t.Parallel()
	f := newFixture(t, sqltest.SQLite(t))
	uri := f.mustUpload("ana", "image/png", "", mustPNG(t, 200, 200))
	for _, path := range []string{"/download/" + uri, "/thumbnail/" + uri + "?width=30&height=30"} {
		a := f.get("ana", path)
		for name, want := range map[string]string{
			"Content-Security-Policy":      "sandbox; default-src 'none'; script-src 'none'; plugin-types application/pdf; style-src 'unsafe-inline'; object-src 'self';",
			"Cross-Origin-Resource-Policy": "cross-origin",
			"X-Content-Type-Options":       "nosniff",
			"Access-Control-Allow-Origin":  "*",
			"Cache-Control":                "private, max-age=86400, immutable",
			"Accept-Ranges":                "bytes",
		} {
			if got := a.Header.Get(name); got != want {
				t.Errorf("%s: %s: got %q, want %q", path, name, got, want)
			}
		}
	}
}

func TestNamesInAnyScript(t *testing.T) {
	t.Parallel()
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		f := newFixture(t, db)
		for _, name := range []string{
			"note.txt", "two words.txt", `quote".txt`, "semi;colon.txt", `back\slash`, "ação.pdf", "猫.png", "файл.txt", "ملف.txt", "🐈.gif", "a\r\nb.txt",
		} {
			uri := f.mustUpload("ana", "text/plain", "?filename="+url.QueryEscape(name), []byte("x"))
			for path, want := range map[string]string{
				"/download/" + uri: name,
				"/download/" + uri + "/" + url.PathEscape("other "+name): "other " + name,
			} {
				header := f.get("bia", path).Header.Get("Content-Disposition")
				disposition, parameters, err := mime.ParseMediaType(header)
				if err != nil || disposition != "inline" || parameters["filename"] != want {
					t.Errorf("%q: got %q (%v), want the name", want, header, err)
				}
				if strings.Trim(header, " !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~") != "" {
					t.Errorf("%q: the header is not ASCII: %q", want, header)
				}
			}
		}
		bare := f.get("bia", "/download/"+f.mustUpload("ana", "text/plain", "", []byte("y")))
		if got := bare.Header.Get("Content-Disposition"); got != "inline" {
			t.Errorf("without a name: got %q", got)
		}
	})
}

func TestWhatIsShownInPlace(t *testing.T) {
	t.Parallel()
	f := newFixture(t, sqltest.SQLite(t))
	page := []byte("<!DOCTYPE html><html><script>alert(1)</script></html>")
	drawing := []byte(`<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`)
	both := append([]byte("GIF89a/*"), "*/=1;alert(1)//<html><script>alert(1)</script>"...) // a picture to some, a program to others
	ogg := append([]byte("OggS\x00\x02"), make([]byte, 100)...)
	for _, c := range []struct {
		claimed           string
		content           []byte
		kind, disposition string
	}{
		{"image/png", mustPNG(t, 4, 4), "image/png", "inline"},
		{"image/jpeg", mustJPEG(t, 4, 4), "image/jpeg", "inline"},
		{"image/gif", mustGIF(t, 4, 4), "image/gif", "inline"},
		{"image/webp", stillWebP(4, 4), "image/webp", "inline"},
		{"image/gif", both, "image/gif", "inline"},
		{"text/plain", []byte("hello"), "text/plain", "inline"},
		{"text/plain; charset=utf-8", []byte("olá"), "text/plain; charset=utf-8", "inline"},
		{"text/plain", page, "text/plain", "inline"}, // as text it does nothing
		{"application/json", []byte(`{"a":1}`), "application/json", "inline"},
		{"text/csv", []byte("a,b\n1,2\n3,4\n"), "text/csv", "inline"},
		{"audio/ogg", ogg, "audio/ogg", "inline"},
		{"audio/mpeg", []byte{1, 2, 3, 0, 5}, "audio/mpeg", "inline"},
		{"text/html", page, "text/html", "attachment"},
		{"image/svg+xml", drawing, "image/svg+xml", "attachment"},
		{"application/pdf", []byte("%PDF-1.7\n"), "application/pdf", "attachment"},
		{"application/xml", drawing, "application/xml", "attachment"},
		{"image/png", page, "application/octet-stream", "attachment"},
		{"image/png", drawing, "application/octet-stream", "attachment"},
		{"image/png", mustJPEG(t, 4, 4), "application/octet-stream", "attachment"},
		{"video/mp4", page, "application/octet-stream", "attachment"},
		{"audio/ogg", drawing, "application/octet-stream", "attachment"},
		{"text/plain", []byte("%PDF-1.7\n"), "application/octet-stream", "attachment"},
		{"IMAGE/PNG", page, "application/octet-stream", "attachment"},
		{"", mustPNG(t, 4, 4), "application/octet-stream", "attachment"},
		{"nonsense", mustPNG(t, 4, 4), "application/octet-stream", "attachment"},
		{"x/" + strings.Repeat("y", 300), []byte("z"), "application/octet-stream", "attachment"},
	} {
		a := f.get("bia", "/download/"+f.mustUpload("ana", c.claimed, "", c.content))
		f.mustGive(a, c.content) // whatever it is, it comes back as it was
		if kind, disposition := a.Header.Get("Content-Type"), a.Header.Get("Content-Disposition"); kind != c.kind || disposition != c.disposition {
			t.Errorf("%s of %.12q: got %s %s, want %s %s", c.claimed, c.content, kind, disposition, c.kind, c.disposition)
		}
	}
}

func TestWhoMayReadOnTeam(t *testing.T) {
	t.Parallel()
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		f := newFixture(t, db)
		f.rule(func(r *media.Rules) { r.Linked = true })
		uri := f.mustUpload("ana", "image/png", "", mustPNG(t, 10, 10))
		paths := []string{"/download/" + uri, "/download/" + uri + "/x.png", "/thumbnail/" + uri + "?width=5&height=5"}
		demand := func(as string, may bool) {
			t.Helper()
			for _, path := range paths {
				a := f.get(as, path)
				none := f.get(as, strings.ReplaceAll(path, uri, "acme.test/AAAA"))
				switch {
				case may && a.StatusCode != 200:
					t.Errorf("%s asks for %s: got %d %s, want it", as, path, a.StatusCode, a.body)
				case !may && (a.StatusCode != 404 || string(a.body) != string(none.body)):
					t.Errorf("%s asks for %s: got %d %s, want %s", as, path, a.StatusCode, a.body, none.body)
				}
			}
		}
		demand("ana", true)
		demand("bia", false)
		demand("eve", false)
		link := f.link(uri, media.EventLink, "$one")
		demand("bia", false)
		f.sees["@bia:acme.test $one"] = true
		demand("bia", true)
		demand("late", false)
		f.sees["@bot:acme.test $one"] = true
		demand("bot", true) // whose token is good for that room
		if err := f.store.UnlinkMedia(t.Context(), "acme", f.clock().UnixMilli(), link); err != nil {
			t.Fatal(err)
		}
		demand("bia", false)
		demand("ana", true)
		// Among many links one is enough.
		for i := range 120 {
			f.link(uri, media.EventLink, fmt.Sprintf("$many%03d", i))
		}
		demand("late", false)
		f.sees["@late:acme.test $many119"] = true
		demand("late", true)
		// What pages elsewhere show, the account sees.
		picture := f.mustUpload("ana", "image/png", "", mustPNG(t, 11, 11))
		link = media.Link{Media: media.ID(strings.TrimPrefix(picture, "acme.test/")), Kind: media.PreviewLink, Reference: "hash"}
		if err := f.store.LinkMedia(t.Context(), "acme", link); err != nil {
			t.Fatal(err)
		}
		f.mustGive(f.get("bia", "/download/"+picture), mustPNG(t, 11, 11))
		if may, err := f.media.MayRead(t.Context(), callers["bia"], link.Media); err != nil || !may {
			t.Errorf("MayRead: got %t, %v", may, err)
		}
		if may, err := f.media.MayRead(t.Context(), callers["bia"], "AAAA"); err != nil || may {
			t.Errorf("MayRead of nothing: got %t, %v", may, err)
		}
	})
}

func TestTokenOfSomeRoomsReadsWhatTheyShow(t *testing.T) {
	t.Parallel()
	f := newFixture(t, sqltest.SQLite(t)) // with no rule about links
	uri := f.mustUpload("ana", "text/plain", "", []byte("x"))
	f.mustRefuse(f.get("bot", "/download/"+uri), 404, "M_NOT_FOUND")
	f.link(uri, media.EventLink, "$one")
	f.sees["@bot:acme.test $one"] = true
	f.mustGive(f.get("bot", "/download/"+uri), []byte("x"))
	f.mustGive(f.get("bot", "/download/"+f.mustUpload("bot", "text/plain", "", []byte("y"))), []byte("y"))
}

func TestMissingBlobIsAFault(t *testing.T) {
	t.Parallel()
	f := newFixture(t, sqltest.SQLite(t))
	uri := f.mustUpload("ana", "text/plain", "", []byte("hello"))
	if err := f.disk.Remove(t.Context(), "acme", f.blobs()["acme"][0]); err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, f.url+v1+"/download/"+uri, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer ana")
	if w, err := http.DefaultClient.Do(r); err == nil && w.StatusCode == 200 {
		defer w.Body.Close()
		if _, err := bytes.NewBuffer(nil).ReadFrom(w.Body); err == nil {
			t.Error("a file that is not there came whole")
		}
	}
}

func TestSweep(t *testing.T) {
	t.Parallel()
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		f := newFixture(t, db)
		f.rule(func(r *media.Rules) { r.Linked = true })
		sweep := func() {
			t.Helper()
			if err := f.media.Sweep(t.Context(), []tenant.ID{"acme", "other"}); err != nil {
				t.Fatal(err)
			}
		}
		kept := f.mustUpload("ana", "image/png", "", mustPNG(t, 100, 100))
		loose := f.mustUpload("ana", "image/png", "", mustPNG(t, 101, 101))
		shared := f.mustUpload("bia", "image/png", "", mustPNG(t, 100, 100))
		once := f.mustUpload("ana", "text/plain", "", []byte("once linked"))
		link := f.link(once, media.EventLink, "$once")
		f.link(kept, media.EventLink, "$kept")
		for _, uri := range []string{kept, loose} {
			if a := f.get("ana", "/thumbnail/"+uri+"?width=32&height=32&method=crop"); a.StatusCode != 200 {
				t.Fatalf("got %d %s", a.StatusCode, a.body)
			}
		}
		if got := len(f.blobs()["acme"]); got != 5 {
			t.Fatalf("got %d blobs, want 3 and 2 thumbnails", got)
		}
		f.pass(7*24*time.Hour - time.Minute)
		sweep()
		for _, uri := range []string{kept, loose, once} {
			if a := f.get("ana", "/download/"+uri); a.StatusCode != 200 {
				t.Errorf("before its time: got %d %s", a.StatusCode, a.body)
			}
		}
		// What has lost its last link waits from then on.
		if err := f.store.UnlinkMedia(t.Context(), "acme", f.clock().UnixMilli(), link); err != nil {
			t.Fatal(err)
		}
		f.pass(2 * time.Minute)
		sweep()
		f.mustRefuse(f.get("ana", "/download/"+loose), 404, "M_NOT_FOUND")
		f.mustRefuse(f.get("bia", "/download/"+shared), 404, "M_NOT_FOUND")
		f.mustGive(f.get("ana", "/download/"+kept), mustPNG(t, 100, 100)) // whose blob was shared's too
		f.mustGive(f.get("ana", "/download/"+once), []byte("once linked"))
		if got := len(f.blobs()["acme"]); got != 3 {
			t.Errorf("got %d blobs, want 2 and a thumbnail", got)
		}
		want := int64(len(mustPNG(t, 100, 100)) + len("once linked"))
		if byUser, byAccount := f.usage("@ana:acme.test"); byUser != want || byAccount != want {
			t.Errorf("got %d and %d bytes in use, want %d", byUser, byAccount, want)
		}
		f.pass(8 * 24 * time.Hour)
		sweep()
		f.mustRefuse(f.get("ana", "/download/"+once), 404, "M_NOT_FOUND")
		f.mustGive(f.get("ana", "/download/"+kept), mustPNG(t, 100, 100))
		// Without the rule nothing is removed that has an address.
		f.rule(func(r *media.Rules) { r.Linked = false })
		stays := f.mustUpload("ana", "text/plain", "", []byte("stays"))
		f.pass(1000 * 24 * time.Hour)
		sweep()
		f.mustGive(f.get("bia", "/download/"+stays), []byte("stays"))
	})
}

func TestSweepOfBlobsWithoutRows(t *testing.T) {
	t.Parallel()
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		f := newFixture(t, db)
		uri := f.mustUpload("ana", "text/plain", "", []byte("known"))
		draft, err := f.disk.Draft(t.Context(), "acme")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := draft.Write([]byte("orphan")); err != nil {
			t.Fatal(err)
		}
		abandoned, err := f.disk.Draft(t.Context(), "acme") // as by a server that was killed
		if err != nil {
			t.Fatal(err)
		}
		orphan := media.Key(strings.Repeat("ab", 32) + "-ABCDEFGHIJKLMNOP")
		if err := draft.Commit(t.Context(), orphan); err != nil {
			t.Fatal(err)
		}
		if err := draft.Discard(); err != nil {
			t.Fatal(err)
		}
		if _, err := abandoned.ReadAt(make([]byte, 1), 0); !errors.Is(err, io.EOF) {
			t.Errorf("got %v, want an empty draft", err)
		}
		for _, c := range []struct {
			after time.Duration
			blobs int
		}{{23 * time.Hour, 2}, {2 * time.Hour, 1}} {
			f.pass(c.after)
			if err := f.media.Sweep(t.Context(), nil); err != nil {
				t.Fatal(err)
			}
			if got := len(f.blobs()["acme"]); got != c.blobs {
				t.Errorf("got %d blobs, want %d", got, c.blobs)
			}
		}
		f.mustGive(f.get("bia", "/download/"+uri), []byte("known"))
		if err := abandoned.Commit(t.Context(), orphan); err == nil {
			t.Error("a draft that nobody writes to is there after two days")
		}
	})
}
