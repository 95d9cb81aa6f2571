package main_test

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

var mediaChecks = checks{
	"LocalPngThumbnail": func(t *testing.T, hs *homeserver) {
		user := hs.mustRegister(t, "user")
		uri := user.mustUpload(t, "image/png", "test.png", mustPicture(t))
		for _, prefix := range []string{"/_matrix/media/v3", "/_matrix/client/v1/media"} {
			got := user.file(t, http.MethodGet, prefix+"/thumbnail/"+uri+"?width=32&height=32&method=scale", "", nil)
			_, kind, err := image.DecodeConfig(bytes.NewReader(got.body))
			if err != nil || "image/"+kind != got.header.Get("Content-Type") {
				t.Errorf("%s: got %d %s, %v", prefix, got.code, got.header.Get("Content-Type"), err)
			}
		}
	},
	"Content": func(t *testing.T, hs *homeserver) {
		user := hs.mustRegister(t, "user")
		uri := user.mustUpload(t, "img/png", "test.png", mustPicture(t))
		got := user.file(t, http.MethodGet, "/_matrix/media/v3/download/"+uri, "", nil)
		mustBe(t, "the content", bytes.Equal(got.body, mustPicture(t)), true)
		mustBe(t, "the type", got.header.Get("Content-Type"), "img/png")
		hs.nobody().mustBeRefused(t, http.StatusNotFound, "M_NOT_FOUND", http.MethodGet, "/_matrix/media/v3/download/"+uri, "")
	},
	"ContentCSAPIMediaV1": func(t *testing.T, hs *homeserver) {
		user := hs.mustRegister(t, "user")
		uri := user.mustUpload(t, "img/png", "test.png", mustPicture(t))
		got := user.file(t, http.MethodGet, "/_matrix/client/v1/media/download/"+uri, "", nil)
		mustBe(t, "the content", bytes.Equal(got.body, mustPicture(t)), true)
		mustBe(t, "the type", got.header.Get("Content-Type"), "img/png")
		// Whether the path is one does not matter without a token.
		for _, path := range []string{uri, "hs1/doesnotexist", "hs1", ""} {
			hs.nobody().mustBeRefused(t, http.StatusUnauthorized, "M_MISSING_TOKEN", http.MethodGet, "/_matrix/client/v1/media/download/"+path, "")
		}
		user.mustBeRefused(t, http.StatusNotFound, "M_NOT_FOUND", http.MethodGet, "/_matrix/client/v1/media/download/hs1/doesnotexist", "")
		// Element and Cinny ask so.
		got = user.file(t, http.MethodGet, "/_matrix/client/v1/media/download/"+uri+"?allow_redirect=true", "", nil)
		mustBe(t, "with allow_redirect", got.code, http.StatusOK)
	},
	"AsyncUpload": func(t *testing.T, hs *homeserver) {
		user := hs.mustRegister(t, "user")
		made := user.must(t, http.MethodPost, "/_matrix/media/v1/create", "")
		uri := strings.TrimPrefix(made.Get("content_uri").Str, "mxc://")
		for _, prefix := range []string{"/_matrix/media/v3", "/_matrix/client/v1/media"} {
			user.mustBeRefused(t, http.StatusGatewayTimeout, "M_NOT_YET_UPLOADED", http.MethodGet, prefix+"/download/"+uri+"?timeout_ms=1", "")
		}
		put := func() answered {
			return user.file(t, http.MethodPut, "/_matrix/media/v3/upload/"+uri, "image/png", mustPicture(t))
		}
		mustBe(t, "the upload", put().code, http.StatusOK)
		again := put()
		mustBe(t, "another upload", again.code, http.StatusConflict)
		mustBe(t, "another upload", strings.Contains(string(again.body), "M_CANNOT_OVERWRITE_MEDIA"), true)
		for _, prefix := range []string{"/_matrix/media/v3", "/_matrix/client/v1/media"} {
			got := user.file(t, http.MethodGet, prefix+"/download/"+uri, "", nil)
			mustBe(t, "the content", bytes.Equal(got.body, mustPicture(t)), true)
			mustBe(t, "the type", got.header.Get("Content-Type"), "image/png")
		}
	},
	"MediaConfig": func(t *testing.T, hs *homeserver) {
		user := hs.mustRegister(t, "user")
		for _, path := range []string{"/_matrix/media/v3/config", "/_matrix/client/v1/media/config"} {
			mustBe(t, path, user.must(t, http.MethodGet, path, "").Get(`m\.upload\.size`).Int() > 0, true)
		}
	},
	"UrlPreview": func(t *testing.T, hs *homeserver) {
		page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/test.png" {
				w.Header().Set("Content-Type", "image/png")
				_, _ = w.Write(mustPicture(t))
				return
			}
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprint(w, `<html prefix="og: http://ogp.me/ns#"><head><title>The Rock (1996)</title><meta property="og:title" content="The Rock" />
				<meta property="og:type" content="video.movie" /><meta property="og:url" content="http://www.imdb.com/title/tt0117500/" />
				<meta property="og:image" content="test.png" /></head><body></body></html>`)
		}))
		defer page.Close()
		user := hs.mustRegister(t, "user")
		at := strings.Replace(page.URL, "127.0.0.1", "localhost", 1) // the server's own host has no previews
		for _, prefix := range []string{"/_matrix/media/v3", "/_matrix/client/v1/media"} {
			got := user.must(t, http.MethodGet, prefix+"/preview_url?url="+url.QueryEscape(at+"/test.html"), "")
			for name, want := range map[string]string{
				"og:title": "The Rock", "og:type": "video.movie", "og:url": "http://www.imdb.com/title/tt0117500/",
				"matrix:image:size": fmt.Sprint(len(mustPicture(t))), "og:image:width": "64", "og:image:height": "48",
			} {
				mustBe(t, name, member(got, name).String(), want)
			}
			uri := strings.TrimPrefix(member(got, "og:image").Str, "mxc://")
			picture := user.file(t, http.MethodGet, "/_matrix/client/v1/media/download/"+uri, "", nil)
			mustBe(t, "the picture", bytes.Equal(picture.body, mustPicture(t)), true)
		}
	},
}

// answered is an answer that is no JSON.
type answered struct {
	code   int
	header http.Header
	body   []byte
}

// file sends and gets bytes.
func (a *asker) file(t testing.TB, method, path, kind string, content []byte) answered {
	t.Helper()
	request, err := http.NewRequestWithContext(within(t), method, a.hs.url+path, bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+a.token)
	if kind != "" {
		request.Header.Set("Content-Type", kind)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return answered{answer.StatusCode, answer.Header, body}
}

// mustUpload uploads a file and gives "server/ID".
func (a *asker) mustUpload(t testing.TB, kind, name string, content []byte) string {
	t.Helper()
	got := a.file(t, http.MethodPost, "/_matrix/media/v3/upload?filename="+url.QueryEscape(name), kind, content)
	_, uri, found := strings.Cut(strings.TrimSuffix(strings.TrimSpace(string(got.body)), `"}`), "mxc://")
	if got.code != http.StatusOK || !found {
		t.Fatalf("upload: got %d %s, want 200", got.code, got.body)
	}
	return uri
}

// mustPicture is a small PNG.
func mustPicture(t testing.TB) []byte {
	t.Helper()
	m := image.NewNRGBA(image.Rect(0, 0, 64, 48))
	for x := range 64 {
		m.SetNRGBA(x, x%48, color.NRGBA{R: 255, A: 255})
	}
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
