package httpapi_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/conversalabs/internalchat/clientapi/httpapi"
)

type form struct {
	Name  string         `json:"name"`
	Count int            `json:"count"`
	Any   any            `json:"any"`
	Inner map[string]int `json:"inner"`
}

func nested(levels int) string { // with the object around it
	return `{"any":` + strings.Repeat("[", levels-1) + strings.Repeat("]", levels-1) + `}`
}

func sized(bytes int) string {
	return `{"name":"` + strings.Repeat("a", bytes-len(`{"name":""}`)) + `"}`
}

func TestDecode(t *testing.T) {
	a := newAPI(t)
	a.Handle("POST", "/decode", a.Open(func(r *httpapi.Request) (any, error) {
		var f form
		return f.Name, r.Decode(&f)
	}))
	a.Handle("POST", "/small", a.Open(func(r *httpapi.Request) (any, error) { return nil, r.Decode(&form{}) }, httpapi.Body(100)))
	for _, c := range []struct{ name, path, body, code string }{
		{"plain", "/decode", `{"name":"a","count":1}`, ""},
		{"space around", "/decode", " {\"name\":\"a\"}\r\n\t", ""},
		{"unknown field", "/decode", `{"other":{"a":[1.5,null]}}`, ""},
		{"case differs", "/decode", `{"COUNT":"x"}`, ""},
		{"case differs in Unicode", "/decode", "{\"i\u017fnner\":1}", ""},
		{"float", "/decode", `{"any":1.5e300}`, ""},
		{"escaped backslash before u0000", "/decode", `{"name":"\\u0000"}`, ""},
		{"absent", "/decode", ``, "M_NOT_JSON"},
		{"space only", "/decode", ` `, "M_NOT_JSON"},
		{"cut", "/decode", `{"name":"a"`, "M_NOT_JSON"},
		{"cut in a string", "/decode", `{"name":"a\`, "M_NOT_JSON"},
		{"trailing data", "/decode", `{} {}`, "M_NOT_JSON"},
		{"trailing comma", "/decode", `{"name":"a",}`, "M_NOT_JSON"},
		{"not UTF-8", "/decode", "{\"name\":\"\xff\"}", "M_NOT_JSON"},
		{"half a surrogate", "/decode", `{"name":"\ud800"}`, "M_NOT_JSON"},
		{"byte order mark", "/decode", "\uFEFF{}", "M_NOT_JSON"},
		{"bare NUL", "/decode", "{\"name\":\"\x00\"}", "M_NOT_JSON"},
		{"key twice", "/decode", `{"name":"a","name":"a"}`, "M_NOT_JSON"},
		{"key twice, escaped", "/decode", `{"name":"a","n\u0061me":"b"}`, "M_NOT_JSON"},
		{"key twice, deep and unknown", "/decode", `{"x":[{"y":1,"y":1}]}`, "M_NOT_JSON"},
		{"NaN", "/decode", `{"any":NaN}`, "M_NOT_JSON"},
		{"NUL", "/decode", `{"name":"a\u0000"}`, "M_BAD_JSON"},
		{"NUL after a backslash", "/decode", `{"name":"\\\u0000"}`, "M_BAD_JSON"},
		{"NUL in an unknown key", "/decode", `{"x":{"\u0000":1}}`, "M_BAD_JSON"},
		{"array", "/decode", `[]`, "M_BAD_JSON"},
		{"null", "/decode", `null`, "M_BAD_JSON"},
		{"string", "/decode", `"a"`, "M_BAD_JSON"},
		{"number for string", "/decode", `{"name":1}`, "M_BAD_JSON"},
		{"string for number", "/decode", `{"count":"1"}`, "M_BAD_JSON"},
		{"float for whole number", "/decode", `{"count":1.5}`, "M_BAD_JSON"},
		{"beyond 64 bits", "/decode", `{"count":9223372036854775808}`, "M_BAD_JSON"},
		{"wrong inside", "/decode", `{"inner":{"a":"b"}}`, "M_BAD_JSON"},
		{"99 levels", "/decode", nested(99), ""},
		{"100 levels", "/decode", nested(100), ""},
		{"101 levels", "/decode", nested(101), "M_BAD_JSON"},
		{"20,000 levels", "/decode", nested(20_000), "M_BAD_JSON"},
		{"brackets in a string", "/decode", `{"name":"` + strings.Repeat("[{", 200) + `"}`, ""},
		{"128 KiB - 1", "/decode", sized(128<<10 - 1), ""},
		{"128 KiB", "/decode", sized(128 << 10), ""},
		{"128 KiB + 1", "/decode", sized(128<<10 + 1), "M_TOO_LARGE"},
		{"route's limit - 1", "/small", sized(99), ""},
		{"route's limit", "/small", sized(100), ""},
		{"route's limit + 1", "/small", sized(101), "M_TOO_LARGE"},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, chunked := range []bool{false, true} {
				r := httptest.NewRequestWithContext(t.Context(), "POST", c.path, strings.NewReader(c.body))
				if chunked {
					r.ContentLength = -1
				}
				w := httptest.NewRecorder()
				a.ServeHTTP(w, r)
				switch c.code {
				case "":
					if w.Code != 200 {
						t.Errorf("got %d %s, want 200", w.Code, w.Body)
					}
				case "M_TOO_LARGE":
					mustRefuse(t, w, 413, c.code)
				default:
					mustRefuse(t, w, 400, c.code)
				}
			}
		})
	}
}

func TestDecodedValue(t *testing.T) {
	a := newAPI(t)
	var got form
	a.Handle("POST", "/optional", a.Open(func(r *httpapi.Request) (any, error) {
		got = form{}
		return nil, r.DecodeOptional(&got)
	}))
	a.Handle("POST", "/object", a.Open(func(r *httpapi.Request) (any, error) { return r.Object() }))

	ask(t, a, exchange{method: "POST", path: "/optional", body: `{"name":"á","NAME":"b","inner":{"a":1}}`})
	if diff := cmp.Diff(form{Name: "á", Inner: map[string]int{"a": 1}}, got); diff != "" {
		t.Errorf("decoded value (-want +got):\n%s", diff)
	}
	mustAnswer(t, ask(t, a, exchange{method: "POST", path: "/optional"}), "{}")
	mustRefuse(t, ask(t, a, exchange{method: "POST", path: "/optional", body: "[]"}), 400, "M_BAD_JSON")

	const odd = `{"b" : 1e2,  "a":"<&>\u00e1"}`
	mustAnswer(t, ask(t, a, exchange{method: "POST", path: "/object", body: " " + odd + "\n"}), odd)

	wrong := mustRefuse(t, ask(t, a, exchange{method: "POST", path: "/optional", body: `{"inner":{"a":"b"}}`}), 400, "M_BAD_JSON")
	if want := "The request has a value of the wrong type at /inner/a."; wrong["error"] != want {
		t.Errorf("got %q, want %q", wrong["error"], want)
	}
}

// A body that never comes is given up, both where it is wanted and where the
// refusal does not need it.
func TestSlowBody(t *testing.T) {
	a := newAPI(t, func(o *httpapi.Options) { o.Limits.BodyTime = 20 * time.Millisecond })
	a.Handle("POST", "/open", a.Open(whoami))
	a.Handle("POST", "/user", a.User(whoami))
	s := httptest.NewServer(a)
	t.Cleanup(s.Close)
	for path, want := range map[string]int{"/open": 408, "/user": 401, "/none": 404} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", s.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			fmt.Fprintf(c, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{", path)
			answer, err := http.ReadResponse(bufio.NewReader(c), nil)
			if err != nil {
				t.Fatal(err)
			}
			defer answer.Body.Close()
			if body, _ := io.ReadAll(answer.Body); answer.StatusCode != want {
				t.Errorf("got %d %s, want %d", answer.StatusCode, body, want)
			}
		})
	}
}

func TestStreamingLeavesTheBody(t *testing.T) {
	a := newAPI(t)
	a.Handle("POST", "/upload", a.Open(func(r *httpapi.Request) (any, error) {
		n, err := io.Copy(io.Discard, r.Body)
		return n, err
	}, httpapi.Streaming()))
	mustAnswer(t, ask(t, a, exchange{method: "POST", path: "/upload", body: strings.Repeat("x", 1<<20)}), "1048576")
}

// Whatever the strict decoder takes must be one JSON object for everybody else
// too, with the same meaning.
func FuzzObject(f *testing.F) {
	for _, seed := range []string{`{"a":[1,"\u00e1",null]}`, `{"a":1,"a":2}`, `[]`, `{"a":"\u0000"}`, nested(100), nested(101), "{\"a\\", `{}{}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		object, err := httpapi.Object(text)
		if err != nil {
			return
		}
		mustBeStrict(t, object)
	})
}

func TestDecodeKnown(t *testing.T) {
	a := newAPI(t)
	a.Handle("POST", "/known", a.Open(func(r *httpapi.Request) (any, error) {
		var f struct {
			Name  string `json:"name"`
			Inner *struct {
				Count int `json:"count"`
			} `json:"inner"`
		}
		return f.Name, r.DecodeKnown(&f)
	}))
	a.Handle("POST", "/optional", a.Open(func(r *httpapi.Request) (any, error) { return nil, r.DecodeKnownOptional(&struct{}{}) }))
	for _, c := range []struct{ path, body, code, words string }{
		{"/known", `{"name":"a","inner":{"count":1}}`, "", ""},
		{"/known", `{"nick":"a"}`, "M_BAD_JSON", "not known here: /nick"},
		{"/known", `{"Name":"a"}`, "M_BAD_JSON", "/Name"},
		{"/known", `{"inner":{"counts":1}}`, "M_BAD_JSON", "/inner/counts"},
		{"/known", `{"` + strings.Repeat("x", 200) + `":1}`, "M_BAD_JSON", "not known here."},
		{"/known", `{"inner":{"count":"1"}}`, "M_BAD_JSON", "wrong type at /inner/count"},
		{"/known", "", "M_NOT_JSON", ""},
		{"/optional", "", "", ""},
		{"/optional", "{}", "", ""},
		{"/optional", `{"x":1}`, "M_BAD_JSON", "/x"},
	} {
		w := ask(t, a, exchange{method: "POST", path: c.path, body: c.body})
		if c.code == "" {
			if w.Code != http.StatusOK {
				t.Errorf("%s %s: got %d %s", c.path, c.body, w.Code, w.Body)
			}
			continue
		}
		mustRefuse(t, w, http.StatusBadRequest, c.code)
		if !strings.Contains(w.Body.String(), c.words) {
			t.Errorf("%s: got %s, want %q in it", c.body, w.Body, c.words)
		}
	}
}

func TestForm(t *testing.T) {
	a := newAPI(t)
	a.Handle("POST", "/form", a.Open(func(r *httpapi.Request) (any, error) {
		fields, err := r.Form()
		return fields.Get("a"), err
	}))
	const kind = "application/x-www-form-urlencoded"
	for _, c := range []struct{ name, kind, body, want string }{
		{"plain", kind, "a=b+c%26&d=", `"b c&"`},
		{"character set", kind + "; charset=utf-8", "a=%C3%A9", `"é"`},
		{"empty", kind, "", `""`},
		{"other type", "application/json", "a=b", ""},
		{"no type", "", "a=b", ""},
		{"field twice", kind, "a=b&a=c", ""},
		{"bad escape", kind, "a=%zz", ""},
		{"not UTF-8", kind, "a=%ff", ""},
		{"NUL", kind, "a=%00", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/form", strings.NewReader(c.body))
			r.Header.Set("Content-Type", c.kind)
			w := httptest.NewRecorder()
			a.ServeHTTP(w, r)
			if c.want == "" {
				mustRefuse(t, w, http.StatusBadRequest, "M_INVALID_PARAM")
				return
			}
			mustAnswer(t, w, c.want)
		})
	}
}
