package mediaapi_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	_ "image/jpeg"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/mediaapi/media"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/sqldb/sqltest"
)

// mustThumbnail gives a thumbnail that must be one.
func (f *fixture) mustThumbnail(uri, query string) (image.Image, answer) {
	f.t.Helper()
	a := f.get("bia", "/thumbnail/"+uri+"?"+query)
	if a.StatusCode != 200 {
		f.t.Fatalf("thumbnail %s: got %d %s", query, a.StatusCode, a.body)
	}
	m, kind, err := image.Decode(bytes.NewReader(a.body))
	if err != nil || "image/"+kind != a.Header.Get("Content-Type") {
		f.t.Fatalf("thumbnail %s: %v, called %s", query, err, a.Header.Get("Content-Type"))
	}
	return m, a
}

func near(got color.Color, want color.RGBA) bool {
	r, g, b, _ := got.RGBA()
	off := func(a uint32, b uint8) bool { return max(a>>8, uint32(b))-min(a>>8, uint32(b)) > 40 }
	return !off(r, want.R) && !off(g, want.G) && !off(b, want.B)
}

var (
	red   = color.RGBA{255, 0, 0, 255}
	green = color.RGBA{0, 255, 0, 255}
	blue  = color.RGBA{0, 0, 255, 255}
	white = color.RGBA{255, 255, 255, 255}
)

func TestThumbnailSizes(t *testing.T) {
	t.Parallel()
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		f := newFixture(t, db)
		wide, small := f.mustUpload("ana", "image/jpeg", "", mustJPEG(t, 1600, 800)), f.mustUpload("ana", "image/png", "", mustPNG(t, 50, 20))
		for _, c := range []struct {
			uri, query string
			w, h       int
		}{
			{wide, "width=20&height=20&method=crop", 32, 32},
			{wide, "width=32&height=32&method=crop", 32, 32},
			{wide, "width=33&height=20&method=crop", 96, 96},
			{wide, "width=97&height=97&method=crop", 320, 160}, // no crop is as large: the client cuts it
			{wide, "width=10&height=10&method=scale", 320, 160},
			{wide, "width=320&height=240", 320, 160},
			{wide, "width=321&height=1&animated=true", 640, 320},
			{wide, "width=800&height=600&animated=false", 800, 400},
			{wide, "width=99999999999&height=5000", 800, 400},
			{small, "width=32&height=32&method=crop", 20, 20}, // never larger than it was
			{small, "width=96&height=96&method=crop", 20, 20},
			{small, "width=800&height=600", 50, 20},
		} {
			m, _ := f.mustThumbnail(c.uri, c.query)
			if got := m.Bounds().Size(); got != image.Pt(c.w, c.h) {
				t.Errorf("%s: got %v, want %d×%d", c.query, got, c.w, c.h)
			}
			if b := m.Bounds(); !near(m.At(1, 1), red) || !near(m.At(b.Dx()-2, 1), green) || !near(m.At(1, b.Dy()-2), blue) || !near(m.At(b.Dx()-2, b.Dy()-2), white) {
				t.Errorf("%s: the corners are %v %v %v %v", c.query, m.At(1, 1), m.At(b.Dx()-2, 1), m.At(1, b.Dy()-2), m.At(b.Dx()-2, b.Dy()-2))
			}
		}
		_, a := f.mustThumbnail(wide, "width=20&height=20&method=crop")
		if got := a.Header.Get("Content-Disposition"); got != "inline; filename=thumbnail.jpg" {
			t.Errorf("got %s", got)
		}
		if again := f.get("ana", "/thumbnail/"+wide+"?width=20&height=20&method=crop", "If-None-Match", a.Header.Get("Etag")); again.StatusCode != 304 {
			t.Errorf("got %d, want 304", again.StatusCode)
		}
	})
}

func TestThumbnailRefusals(t *testing.T) {
	t.Parallel()
	f := newFixture(t, sqltest.SQLite(t))
	uri := f.mustUpload("ana", "image/png", "", mustPNG(t, 50, 50))
	for query, code := range map[string]string{
		"width=10": "M_MISSING_PARAM", "height=10": "M_MISSING_PARAM", "width=0&height=10": "M_INVALID_PARAM",
		"width=-1&height=10": "M_INVALID_PARAM", "width=1.5&height=10": "M_INVALID_PARAM",
		"width=10&height=10&method=stretch": "M_INVALID_PARAM", "width=10&height=10&animated=1": "M_INVALID_PARAM",
	} {
		f.mustRefuse(f.get("ana", "/thumbnail/"+uri+"?"+query), 400, code)
	}
	png := mustPNG(t, 50, 50)
	for what, content := range map[string][]byte{
		"a text": []byte("hello"), "nothing": {}, "half a picture": png[:len(png)/2],
		"a drawing":          []byte(`<svg xmlns="http://www.w3.org/2000/svg" width="100" height="100"></svg>`),
		"a broken container": append([]byte("RIFF\x00\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x02"), make([]byte, 9)...),
	} {
		a := f.get("ana", "/thumbnail/"+f.mustUpload("ana", "image/png", "", content)+"?width=10&height=10")
		if a.StatusCode != 400 || a.code() != "M_UNKNOWN" {
			t.Errorf("%s: got %d %s", what, a.StatusCode, a.body)
		}
	}
}

// claiming makes a PNG say that it is so large.
func claiming(t *testing.T, w, h uint32) []byte {
	t.Helper()
	b := bytes.Clone(mustPNG(t, 8, 8))
	binary.BigEndian.PutUint32(b[16:], w)
	binary.BigEndian.PutUint32(b[20:], h)
	binary.BigEndian.PutUint32(b[29:], crc32.ChecksumIEEE(b[12:29]))
	return b
}

func TestDecompressionBombs(t *testing.T) {
	t.Parallel()
	f := newFixture(t, sqltest.SQLite(t))
	var before runtime.MemStats
	runtime.ReadMemStats(&before)
	for what, content := range map[string][]byte{
		"many pixels":     claiming(t, 30_000, 30_000),
		"a long line":     claiming(t, 1<<31-1, 1),
		"one pixel more":  claiming(t, 32_000_001, 1),
		"an animated one": animatedWebP(16_000, 16_000),
	} {
		a := f.get("ana", "/thumbnail/"+f.mustUpload("ana", "image/png", "", content)+"?width=10&height=10")
		if a.StatusCode != 413 || a.code() != "M_TOO_LARGE" {
			t.Errorf("%s: got %d %s, want 413", what, a.StatusCode, a.body)
		}
	}
	var after runtime.MemStats
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 256<<20 {
		t.Errorf("%d MiB were allocated for pictures that are not decoded", grown>>20)
	}
}

func TestThumbnailsOfEveryKind(t *testing.T) {
	t.Parallel()
	f := newFixture(t, sqltest.SQLite(t))
	clear := corners(400, 300)
	for x := range 200 {
		clear.SetRGBA(x, 100, color.RGBA{})
	}
	for what, c := range map[string]struct {
		content []byte
		first   color.RGBA
		kind    string
	}{
		"jpeg":            {mustJPEG(t, 400, 300), red, "image/jpeg"},
		"png":             {mustPNG(t, 400, 300), red, "image/jpeg"},
		"transparent png": {mustEncodePNG(t, clear), red, "image/png"},
		"gif":             {mustGIF(t, 400, 300), red, "image/jpeg"}, // the first frame
		"webp":            {stillWebP(400, 300), red, "image/jpeg"},
		"animated webp":   {animatedWebP(400, 300), red, "image/jpeg"},
	} {
		// Whatever it is called: its first bytes tell.
		m, a := f.mustThumbnail(f.mustUpload("ana", "application/x-what", "", c.content), "width=100&height=100")
		if got := m.Bounds().Size(); got != image.Pt(320, 240) || !near(m.At(5, 5), c.first) || a.Header.Get("Content-Type") != c.kind {
			t.Errorf("%s: got %v, first pixel %v, %s", what, got, m.At(5, 5), a.Header.Get("Content-Type"))
		}
	}
}

func TestOrientation(t *testing.T) {
	t.Parallel()
	f := newFixture(t, sqltest.SQLite(t))
	// Where the stored corners (upper left, upper right, lower left, lower right) are seen.
	for orientation, seen := range map[uint16][4]color.RGBA{
		1: {red, green, blue, white}, 2: {green, red, white, blue}, 3: {white, blue, green, red}, 4: {blue, white, red, green},
		5: {red, blue, green, white}, 6: {blue, red, white, green}, 7: {white, green, blue, red}, 8: {green, white, red, blue},
	} {
		photo := withExif(mustJPEG(t, 400, 300), orientation)
		uri := f.mustUpload("ana", "image/jpeg", "", photo)
		for query, size := range map[string]image.Point{
			"width=320&height=240": {320, 240}, "width=96&height=96&method=crop": {96, 96},
		} {
			m, a := f.mustThumbnail(uri, query)
			if orientation >= 5 && size.X == 320 {
				size = image.Pt(180, 240)
			}
			if got := m.Bounds().Size(); got != size {
				t.Errorf("orientation %d, %s: got %v, want %v", orientation, query, got, size)
			}
			w, h := m.Bounds().Dx(), m.Bounds().Dy()
			for i, at := range []image.Point{{4, 4}, {w - 5, 4}, {4, h - 5}, {w - 5, h - 5}} {
				if got := m.At(at.X, at.Y); !near(got, seen[i]) {
					t.Errorf("orientation %d, %s: corner %d is %v, want %v", orientation, query, i, got, seen[i])
				}
			}
			if bytes.Contains(a.body, []byte("GPS")) || bytes.Contains(a.body, []byte("Exif")) {
				t.Errorf("orientation %d: the thumbnail tells where the photo was made", orientation)
			}
		}
		f.mustGive(f.get("bia", "/download/"+uri), photo) // what was uploaded stays as it was
	}
}

// counted counts how often blobs are begun and opened.
type counted struct {
	media.Blobs
	drafts atomic.Int64
}

func (c *counted) Draft(ctx context.Context, account tenant.ID) (media.Draft, error) {
	c.drafts.Add(1)
	return c.Blobs.Draft(ctx, account)
}

func TestManyAskForOneThumbnail(t *testing.T) {
	t.Parallel()
	var blobs *counted
	f := newFixture(t, sqltest.SQLite(t), func(_ *fixture, o *media.Options) {
		blobs = &counted{Blobs: o.Blobs}
		o.Blobs = blobs
	})
	uri := f.mustUpload("ana", "image/jpeg", "", mustJPEG(t, 4000, 3000))
	blobs.drafts.Store(0)
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	var all sync.WaitGroup
	for range 100 {
		all.Go(func() { f.mustThumbnail(uri, "width=800&height=600") })
	}
	all.Wait()
	runtime.ReadMemStats(&after)
	if got := blobs.drafts.Load(); got != 1 {
		t.Errorf("the thumbnail was made %d times, want once", got)
	}
	// 100 decoded photos would be more than 1,700 MiB; the answers take their part.
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 600<<20 {
		t.Errorf("%d MiB were allocated", grown>>20)
	}
}

func TestDifferentPicturesAtOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t, sqltest.SQLite(t))
	var all sync.WaitGroup
	for i := range 12 {
		uri := f.mustUpload("ana", "image/jpeg", "", mustJPEG(t, 1000+i, 1000))
		for _, query := range []string{"width=32&height=32&method=crop", "width=640&height=480"} {
			all.Go(func() { f.mustThumbnail(uri, query) })
		}
	}
	all.Wait()
	if got := len(f.blobs()["acme"]); got != 36 {
		t.Errorf("got %d blobs, want 12 pictures and 24 thumbnails", got)
	}
	f.mustRefuse(f.ask("", http.MethodGet, v1+fmt.Sprintf("/thumbnail/%s?width=1&height=1", "acme.test/A"), nil), 401, "M_MISSING_TOKEN")
}

func TestThumbnailThatTakesTooLong(t *testing.T) {
	t.Parallel()
	f := newFixture(t, sqltest.SQLite(t), func(f *fixture, _ *media.Options) { f.mediaTo.ThumbnailTime = time.Nanosecond })
	uri := f.mustUpload("ana", "image/jpeg", "", mustJPEG(t, 100, 100))
	f.mustRefuse(f.get("ana", "/thumbnail/"+uri+"?width=10&height=10"), 503, "M_UNKNOWN")
}
