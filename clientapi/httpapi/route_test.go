package httpapi_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/conversalabs/internalchat/clientapi/httpapi"
)

// variables answers with the values of the named path variables.
func variables(names ...string) httpapi.Handler {
	return func(r *httpapi.Request) (any, error) {
		values := []string{}
		for _, n := range names {
			values = append(values, r.Var(n))
		}
		return values, nil
	}
}

func TestRoutes(t *testing.T) {
	a := newAPI(t)
	a.Client("PUT", "/rooms/{room}/send/{type}/{txn}", a.Open(variables("room", "type", "txn")))
	a.Client("GET", "/rooms/{room}/state", a.Open(variables("room")))
	a.Client("GET", "/rooms/{room}/state/{type}", a.Open(variables("room", "type")))
	a.Client("GET", "/rooms/{room}/state/{type}/", a.Open(variables("type")))
	a.Client("GET", "/rooms/{room}/state/{type}/{key}", a.Open(variables("room", "type", "key")))
	a.Client("GET", "/devices/mine", a.Open(variables()))
	a.Client("PUT", "/devices/{device}", a.Open(variables("device")))
	a.Client("GET", "/files/{rest:.*}", a.Open(variables("rest")))
	a.Mount("/web/", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("page")) }))

	const v3 = "/_matrix/client/v3"
	for _, c := range []struct{ method, path, want string }{
		{"PUT", v3 + "/rooms/!a:b/send/m.room.message/1", `["!a:b","m.room.message","1"]`},
		{"PUT", "/_matrix/client/r0/rooms/%21a%3Ab/send/a%2Fb/%C3%A1+%25", `["!a:b","a/b","á+%"]`},
		{"GET", v3 + "/rooms/!a:b/state", `["!a:b"]`},
		{"GET", v3 + "/rooms/!a:b/state/t", `["!a:b","t"]`},
		{"GET", v3 + "/rooms/!a:b/state/t/", `["t"]`},
		{"GET", v3 + "/rooms/!a:b/state/t/k", `["!a:b","t","k"]`},
		{"GET", v3 + "/rooms/../state", `[".."]`},
		{"GET", v3 + "/devices/mine", `[]`},
		{"PUT", v3 + "/devices/mine", `["mine"]`},
		{"GET", v3 + "/files/a/b/c", `["a/b/c"]`},
		{"GET", "/web/x/y", `page`},
	} {
		t.Run(c.method+c.path, func(t *testing.T) {
			mustAnswer(t, ask(t, a, exchange{method: c.method, path: c.path}), c.want)
		})
	}
	t.Run("HEAD is GET", func(t *testing.T) {
		for _, path := range []string{"/rooms/!a:b/state", "/files/a"} {
			if w := ask(t, a, exchange{method: "HEAD", path: v3 + path}); w.Code != 200 {
				t.Errorf("%s: got %d, want 200", path, w.Code)
			}
		}
	})
	t.Run("what cannot be stored", func(t *testing.T) {
		for _, path := range []string{"/rooms/%00/state", "/rooms/%ff/state", "/rooms/a/state?x=%00", "/rooms/a/state?%ff=1", "/rooms/a/state?x=%zz", "/rooms/a/state?a;b"} {
			mustRefuse(t, ask(t, a, exchange{method: "GET", path: v3 + path}), 400, "M_INVALID_PARAM")
		}
	})
}

func TestUnrecognized(t *testing.T) {
	a := newAPI(t)
	a.Client("GET", "/login", a.Open(variables()))
	a.Client("GET", "/devices/{device}", a.Open(variables()))
	a.Client("GET", "/files/{rest:.*}", a.Open(variables()))
	a.Versions("GET", "/media/download/{server}/{media}", a.User(variables("media")), "v1")
	a.Private("/_matrix/client/v1/media/")
	for _, c := range []struct {
		method, path string
		status       int
		code         string
	}{
		{"GET", "/", 404, "M_UNRECOGNIZED"},
		{"GET", "/_matrix/unknown", 404, "M_UNRECOGNIZED"},
		{"GET", "/_matrix/client/v3/login/", 404, "M_UNRECOGNIZED"},
		{"GET", "/_matrix//client/v3/login", 404, "M_UNRECOGNIZED"},
		{"GET", "/_matrix/client/v3/devices/", 404, "M_UNRECOGNIZED"},
		{"GET", "/_matrix/client/v3/devices/a/b", 404, "M_UNRECOGNIZED"},
		{"GET", "/_matrix/media/unknown", 404, "M_UNRECOGNIZED"},
		{"GET", "/_matrix/federation/v1/unknown", 404, "M_UNRECOGNIZED"},
		{"PUT", "/_matrix/client/v3/login", 405, "M_UNRECOGNIZED"},
		{"DELETE", "/_matrix/client/v3/devices/a", 405, "M_UNRECOGNIZED"},
		{"PUT", "/_matrix/client/v3/files/a/b", 405, "M_UNRECOGNIZED"},
		{"PUT", "/_matrix/federation/v1/version", 405, "M_UNRECOGNIZED"},
		{"GET", "/_matrix/federation/v1/version", 404, "M_UNRECOGNIZED"},
		{"PUT", "/_matrix/key/v2/query", 405, "M_UNRECOGNIZED"},
		{"GET", "/_matrix/client/v1/media/download/nonsense", 401, "M_MISSING_TOKEN"},
		{"GET", "/_matrix/client/v1/media/download/a/%ff", 401, "M_MISSING_TOKEN"},
		{"GET", "/_matrix/client/v3/login?" + strings.Repeat("a", 8193-25), 414, "M_TOO_LARGE"},
		{"GET", "/_matrix/client/v3/none?" + strings.Repeat("a", 8192-24), 404, "M_UNRECOGNIZED"},
	} {
		t.Run(c.method+" "+c.path[:min(60, len(c.path))], func(t *testing.T) {
			w := ask(t, a, exchange{method: c.method, path: c.path})
			mustRefuse(t, w, c.status, c.code)
			mustHaveHeaders(t, w.Header())
		})
	}
	mustRefuse(t, ask(t, a, exchange{method: "GET", path: "/_matrix/client/v1/media/nonsense", token: "bia"}), 404, "M_UNRECOGNIZED")
	mustRefuse(t, ask(t, a, exchange{method: "GET", path: "/_matrix/client/v1/media/nonsense", token: "carla"}), 401, "M_UNKNOWN_TOKEN")
}

func mustHaveHeaders(t testing.TB, h http.Header) {
	t.Helper()
	for name, want := range map[string]string{
		"Content-Type":                 "application/json",
		"Access-Control-Allow-Origin":  "*",
		"Access-Control-Allow-Methods": "GET, POST, PUT, DELETE, OPTIONS",
		"Access-Control-Allow-Headers": "X-Requested-With, Content-Type, Authorization, Date",
		"X-Content-Type-Options":       "nosniff",
		"Cache-Control":                "no-store",
		"Referrer-Policy":              "no-referrer",
	} {
		if got := h.Get(name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	if h.Get("Access-Control-Allow-Credentials") != "" {
		t.Error("credentials are permitted")
	}
}

func TestOptions(t *testing.T) {
	a := newAPI(t)
	for _, path := range []string{"/", "/_matrix/client/v3/nothing", "/_matrix/media/v3/upload"} {
		w := ask(t, a, exchange{method: "OPTIONS", path: path})
		if w.Code != http.StatusNoContent || w.Header().Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%s: got %d %v", path, w.Code, w.Header())
		}
	}
}

func TestRegisteringTwicePanics(t *testing.T) {
	a := newAPI(t)
	a.Handle("GET", "/a/{b}", a.Open(variables()))
	defer func() {
		if recover() == nil {
			t.Error("got no panic")
		}
	}()
	a.Handle("GET", "/a/{c}", a.Open(variables()))
}
