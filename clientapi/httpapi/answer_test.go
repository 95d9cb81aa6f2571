package httpapi_test

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/conversalabs/internalchat/clientapi/httpapi"
	"github.com/conversalabs/internalchat/clientapi/refusal"
)

// answering makes a route that gives one answer.
func answering(a fixture, path string, v any, err error) {
	a.Handle("GET", path, a.Open(func(*httpapi.Request) (any, error) { return v, err }))
}

func TestAnswers(t *testing.T) {
	a := newAPI(t)
	answering(a, "/nil", nil, nil)
	answering(a, "/raw", httpapi.Raw(`{"a" : "<"}`), nil)
	answering(a, "/message", json.RawMessage(`{"b" : 1}`), nil)
	answering(a, "/value", struct {
		A string `json:"a"`
	}{"<&>"}, nil)
	answering(a, "/created", httpapi.Reply{Status: 201, Body: map[string]int{"a": 1}}, nil)
	answering(a, "/redirect", &httpapi.Reply{Status: 302, Header: http.Header{"location": {"https://a.test/"}}}, nil)
	answering(a, "/page", httpapi.Reply{Header: http.Header{"Content-Type": {"text/html; charset=utf-8"}}, Body: []byte("<p>")}, nil)
	answering(a, "/stream", httpapi.Stream(func(w http.ResponseWriter, _ *http.Request) error {
		_, err := io.WriteString(w, "bytes")
		return err
	}), nil)
	for _, c := range []struct {
		path   string
		status int
		body   string
		header map[string]string
	}{
		{"/nil", 200, `{}`, nil},
		{"/raw", 200, `{"a" : "<"}`, nil},
		{"/message", 200, `{"b" : 1}`, nil},
		{"/value", 200, `{"a":"<&>"}`, nil},
		{"/created", 201, `{"a":1}`, nil},
		{"/redirect", 302, ``, map[string]string{"Location": "https://a.test/", "Cache-Control": "no-store"}},
		{"/page", 200, `<p>`, map[string]string{"Content-Type": "text/html; charset=utf-8", "X-Content-Type-Options": "nosniff"}},
		{"/stream", 200, `bytes`, map[string]string{"X-Content-Type-Options": "nosniff", "Cache-Control": ""}},
	} {
		w := ask(t, a, exchange{method: "GET", path: c.path})
		if w.Code != c.status || w.Body.String() != c.body {
			t.Errorf("%s: got %d %s, want %d %s", c.path, w.Code, w.Body, c.status, c.body)
		}
		if c.header == nil {
			mustHaveHeaders(t, w.Header())
		}
		for name, want := range c.header {
			if got := w.Header().Get(name); got != want {
				t.Errorf("%s: %s: got %q, want %q", c.path, name, got, want)
			}
		}
	}
}

func TestBrokenStreamCutsTheConnection(t *testing.T) {
	a := newAPI(t)
	answering(a, "/stream", httpapi.Stream(func(w http.ResponseWriter, _ *http.Request) error {
		_, _ = io.WriteString(w, "by")
		return errors.New("disk went away")
	}), nil)
	defer func() {
		if p := recover(); p != http.ErrAbortHandler { //nolint:errorlint // recover gives any
			t.Errorf("got panic %v, want http.ErrAbortHandler", p)
		}
		if !strings.Contains(a.log.String(), "disk went away") {
			t.Errorf("the cause is not in the log: %s", a.log)
		}
	}()
	ask(t, a, exchange{method: "GET", path: "/stream"})
}

func TestCompression(t *testing.T) {
	a := newAPI(t)
	small, large := httpapi.Raw(sized(16<<10-1)), httpapi.Raw(sized(16<<10))
	answering(a, "/small", small, nil)
	answering(a, "/large", large, nil)
	for _, c := range []struct{ path, accept, want string }{
		{"/small", "gzip", ""},
		{"/large", "gzip", "gzip"},
		{"/large", "deflate, GZIP;q=0.5", "gzip"},
		{"/large", "gzip;q=0", ""},
		{"/large", "br", ""},
		{"/large", "", ""},
	} {
		w := ask(t, a, exchange{method: "GET", path: c.path, header: map[string]string{"Accept-Encoding": c.accept}})
		if got := w.Header().Get("Content-Encoding"); got != c.want {
			t.Errorf("%s with %q: got encoding %q, want %q", c.path, c.accept, got, c.want)
		}
		if c.want == "gzip" {
			z, err := gzip.NewReader(w.Body)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := io.ReadAll(z); err != nil || string(got) != string(large) {
				t.Errorf("got %d bytes (%v) back, want %d", len(got), err, len(large))
			}
		}
	}
}

func TestRefusals(t *testing.T) {
	a := newAPI(t)
	gone := refusal.UnknownToken(true)
	answering(a, "/gone", nil, gone)
	answering(a, "/size", nil, refusal.TooLarge("This request is too large: at most %d bytes are permitted.", 131072))
	answering(a, "/new", nil, refusal.Forbidden("No catalogue has this sentence about %s.", "cats"))
	answering(a, "/stage", nil, refusal.New(401, "", "").With("flows", []string{}).With("session", "s"))
	for _, c := range []struct{ path, accept, language, want string }{
		{"/gone", "", "en", "Your session has ended. Please sign in again."},
		{"/gone", "en-GB", "en", "Your session has ended. Please sign in again."},
		{"/gone", "fr", "en", "Your session has ended. Please sign in again."},
		{"/gone", "pt-BR", "pt-BR", "Sua sessão terminou. Entre novamente."},
		{"/gone", "pt-PT, en;q=0.5", "pt-BR", "Sua sessão terminou. Entre novamente."},
		{"/gone", "fr, pt;q=0.3, es;q=0.8", "es", "Su sesión ha terminado. Vuelva a iniciar sesión."},
		{"/gone", "es-AR", "es", "Su sesión ha terminado. Vuelva a iniciar sesión."},
		{"/gone", ";;q=,", "en", "Your session has ended. Please sign in again."},
		{"/size", "en", "en", "This request is too large: at most 131,072 bytes are permitted."},
		{"/size", "pt-BR", "pt-BR", "Esta requisição é grande demais: são permitidos no máximo 131.072 bytes."},
		{"/new", "pt-BR", "en", "No catalogue has this sentence about cats."},
	} {
		w := ask(t, a, exchange{method: "GET", path: c.path, header: map[string]string{"Accept-Language": c.accept}})
		var answer struct{ Error string }
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
			t.Fatal(err)
		}
		if answer.Error != c.want || w.Header().Get("Content-Language") != c.language {
			t.Errorf("%s in %q: got %q (%s), want %q (%s)", c.path, c.accept, answer.Error, w.Header().Get("Content-Language"), c.want, c.language)
		}
	}
	// What is known of the caller goes before what their client asks for.
	a.Handle("GET", "/mine", a.User(func(*httpapi.Request) (any, error) { return nil, refusal.UnknownToken(false) }))
	for token, want := range map[string]string{"bot": "es", "ana": "pt-BR"} {
		w := ask(t, a, exchange{method: "GET", path: "/mine", token: token, header: map[string]string{"Accept-Language": "pt-BR"}})
		if got := w.Header().Get("Content-Language"); got != want {
			t.Errorf("%s is spoken to in %q, want %q", token, got, want)
		}
	}
	w := ask(t, a, exchange{method: "GET", path: "/stage"})
	if got, want := w.Body.String(), `{"flows":[],"session":"s"}`; w.Code != 401 || got != want {
		t.Errorf("got %d %s, want 401 %s", w.Code, got, want)
	}
}

func TestQueryHelpers(t *testing.T) {
	a := newAPI(t)
	a.Handle("GET", "/int", a.Open(func(r *httpapi.Request) (any, error) { return r.Int("n", 10, 100) }))
	a.Handle("GET", "/ms", a.Open(func(r *httpapi.Request) (any, error) { return r.Milliseconds("n", 0, time.Minute) }))
	a.Handle("GET", "/bool", a.Open(func(r *httpapi.Request) (any, error) { return r.Bool("n") }))
	a.Handle("GET", "/choice", a.Open(func(r *httpapi.Request) (any, error) { return r.Choice("n", "f", "b") }))
	a.Handle("GET", "/all", a.Open(func(r *httpapi.Request) (any, error) { return r.QueryAll("n"), nil }))
	for path, want := range map[string]string{ // empty: M_INVALID_PARAM
		"/int": "10", "/int?n=": "10", "/int?n=0": "0", "/int?n=99": "99", "/int?n=100": "100", "/int?n=101": "100",
		"/int?n=99999999999999999999": "100", "/int?n=-1": "", "/int?n=%2B1": "", "/int?n=1.5": "", "/int?n=a": "",
		"/ms?n=1500": "1500000000", "/ms?n=60001": "60000000000", "/ms?n=1s": "",
		"/bool": "false", "/bool?n=true": "true", "/bool?n=false": "false", "/bool?n=1": "",
		"/choice": `"f"`, "/choice?n=f": `"f"`, "/choice?n=b": `"b"`, "/choice?n=x": "",
		"/all?n=1&n=2": `["1","2"]`,
	} {
		w := ask(t, a, exchange{method: "GET", path: path})
		if want == "" {
			mustRefuse(t, w, 400, "M_INVALID_PARAM")
		} else {
			mustAnswer(t, w, want)
		}
	}
}
