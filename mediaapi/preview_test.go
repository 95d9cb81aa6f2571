package mediaapi_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tidwall/gjson"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/config/outbound"
	"github.com/conversalabs/internalchat/mediaapi/media"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/sqldb/sqltest"
)

// withPreviews reads pages, also on this machine if near is set.
func withPreviews(near bool) option {
	return func(f *fixture, _ *media.Options) {
		f.mediaTo.Previews = func(_ context.Context, account tenant.ID) (bool, error) { return account == "acme", nil }
		f.mediaTo.Own = func(_ context.Context, _ tenant.ID, host string) (bool, error) { return host == "chat.acme.test", nil }
		var o outbound.Options
		if near {
			o.Networks = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
		}
		f.mediaTo.Outside = outbound.New(o)
	}
}

func (f *fixture) preview(as, address string) answer {
	f.t.Helper()
	return f.get(as, "/preview_url?url="+url.QueryEscape(address))
}

// site is a web server of pages; it counts the requests.
func site(t *testing.T, pages map[string][2]string) (address string, asked *atomic.Int64) {
	t.Helper()
	asked = &atomic.Int64{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		page, known := pages[r.URL.Path]
		if !known {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		w.Header().Set("Content-Type", page[0])
		fmt.Fprint(w, page[1])
	}))
	t.Cleanup(server.Close)
	return server.URL, asked
}

func TestPreview(t *testing.T) {
	t.Parallel()
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		f := newFixture(t, db, withPreviews(true))
		f.rule(func(r *media.Rules) { r.Linked = true })
		picture := mustPNG(t, 40, 30)
		at, asked := site(t, map[string][2]string{
			"/page": {"text/html; charset=iso-8859-1", `<html><head><title>Plain</title><meta property="og:title" content="Promo` + "\xe7\xe3" + `o">
				<meta property="og:image" content="/picture.png"><meta property="og:image:width" content="9999">
				<meta name="description" content=" What it is. "></head><body><meta property="og:type" content="late"></body></html>`},
			"/picture.png": {"image/png", string(picture)},
			"/bare":        {"text/html", "<title>Just a title</title>"},
			"/broken":      {"text/html", `<meta property="og:title" content="T"><meta property="og:image" content="/none.png">`},
			"/lying":       {"text/html", `<meta property="og:title" content="T"><meta property="og:image" content="/bare">`},
			"/file":        {"application/zip", "PK"},
			"/long":        {"text/html", "<title>Begins</title>" + strings.Repeat(" ", 2<<20)},
			"/endless":     {"text/html", strings.Repeat(" ", 11<<20)},
		})
		for path, want := range map[string]string{
			"/bare": `{"og:title":"Just a title"}`, "/broken": `{"og:title":"T"}`, "/lying": `{"og:title":"T"}`, "/file": `{}`, "/long": `{"og:title":"Begins"}`,
		} {
			if a := f.preview("ana", at+path); a.StatusCode != 200 || string(a.body) != want {
				t.Errorf("%s: got %d %s, want %s", path, a.StatusCode, a.body, want)
			}
		}
		a := f.preview("ana", at+"/page#part")
		for name, want := range map[string]string{
			"og:title": "Promoção", "og:description": "What it is.", "og:image:type": "image/png", "og:image:width": "40", "og:image:height": "30",
			"matrix:image:size": fmt.Sprint(len(picture)), "og:type": "",
		} {
			if got := gjson.GetBytes(a.body, strings.ReplaceAll(name, ".", `\.`)).String(); got != want {
				t.Errorf("%s: got %q, want %q", name, got, want)
			}
		}
		// All of the account see the picture, and nobody else does.
		uri := strings.TrimPrefix(gjson.GetBytes(a.body, "og:image").Str, "mxc://")
		f.mustGive(f.get("bia", "/download/"+uri), picture)
		f.mustRefuse(f.get("eve", "/download/"+uri), 404, "M_NOT_FOUND")
		// A page is asked for once an hour, however many want to see it.
		before := asked.Load()
		var all sync.WaitGroup
		for range 5 {
			all.Go(func() { f.preview("bia", at+"/page") })
		}
		all.Wait()
		if got := asked.Load() - before; got != 0 {
			t.Errorf("the page was asked %d times more", got)
		}
		f.pass(time.Hour + time.Second)
		if again := f.preview("bia", at+"/page"); asked.Load()-before != 2 || gjson.GetBytes(again.body, "og:image").Str == "" {
			t.Errorf("an hour later: %d requests, %s", asked.Load()-before, again.body)
		}
		for _, address := range []string{at + "/none", at + "/endless", "http://127.0.0.1:1/"} {
			f.mustRefuse(f.preview("ana", address), 502, "M_UNKNOWN")
		}
		for _, address := range []string{"", "ftp://a.test/", "file:///etc/passwd", "//a.test", "http://" + strings.Repeat("a", 2100)} {
			f.mustRefuse(f.preview("ana", address), 400, "M_INVALID_PARAM")
		}
		// A month later it is forgotten, and in time its pictures go.
		f.pass(31 * 24 * time.Hour)
		for range 2 {
			if err := f.media.Sweep(t.Context(), []tenant.ID{"acme"}); err != nil {
				t.Fatal(err)
			}
			f.pass(8 * 24 * time.Hour)
		}
		if all := f.blobs(); len(all["acme"]) != 0 {
			t.Errorf("got %v, want no picture", all)
		}
	})
}

func TestPreviewsAreNotForAll(t *testing.T) {
	t.Parallel()
	f := newFixture(t, sqltest.SQLite(t), withPreviews(false))
	at, asked := site(t, map[string][2]string{"/": {"text/html", "<title>x</title>"}})
	f.mustRefuse(f.preview("ana", at+"/"), 502, "M_UNKNOWN") // no address of this machine
	for as, address := range map[string]string{"eve": at + "/", "ana": "https://chat.acme.test/room"} {
		if a := f.preview(as, address); a.StatusCode != 200 || string(a.body) != "{}" {
			t.Errorf("%s asks for %s: got %d %s", as, address, a.StatusCode, a.body)
		}
	}
	if asked.Load() != 0 {
		t.Errorf("%d requests went where none should", asked.Load())
	}
	f.mustRefuse(f.preview("", at), 401, "M_MISSING_TOKEN")
}

// The pictures of pages count like what one user has uploaded, and are small.
func TestPicturesOfPreviewsAreHeldToQuotas(t *testing.T) {
	t.Parallel()
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		f := newFixture(t, db, withPreviews(true))
		picture := string(mustPNG(t, 40, 30))
		pages := map[string][2]string{
			"/small.png": {"image/png", picture}, "/large.png": {"image/png", picture + strings.Repeat("x", 1<<20)},
		}
		for i := range 4 {
			pages[fmt.Sprint("/", i)] = [2]string{"text/html", `<meta property="og:image" content="/small.png">`}
		}
		pages["/large"] = [2]string{"text/html", `<meta property="og:image" content="/large.png">`}
		at, _ := site(t, pages)
		shows := func(path string, want bool) {
			t.Helper()
			a := f.preview("ana", at+path)
			if got := strings.Contains(string(a.body), "og:image"); a.StatusCode != 200 || got != want {
				t.Errorf("%s: got %d %s, want 200 and a picture: %v", path, a.StatusCode, a.body, want)
			}
		}
		shows("/large", false)
		shows("/large.png", false)
		size := int64(len(picture))
		f.rule(func(r *media.Rules) { r.AccountBytes = size })
		shows("/0", true)
		shows("/1", false)
		f.rule(func(r *media.Rules) { r.AccountBytes, r.UserBytes = 0, 2*size })
		shows("/2", true)
		shows("/3", false)
		if _, byAccount := f.usage("@ana:acme.test"); byAccount != 2*size {
			t.Errorf("got %d bytes in use, want %d", byAccount, 2*size)
		}
	})
}
