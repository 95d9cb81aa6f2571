package clientapi_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/conversalabs/internalchat/rooms"
)

// delayedServer is a server whose paths are below v3, and below up.
type delayedServer struct{ *roomFixture }

func newDelayedServer(t *testing.T) (*delayedServer, string) {
	t.Helper()
	f := newRoomFixture(t, rooms.MatrixPolicy)
	return &delayedServer{f}, f.mustCreate(`{"preset":"public_chat"}`)
}

// up begins the paths that are not below v3.
const up = "/unstable/org.matrix.msc4140"

// ask sends a request with a token, or "".
func (f *delayedServer) ask(token, method, path, body string) (int, gjson.Result) {
	f.t.Helper()
	if !strings.HasPrefix(path, up) {
		path = "/v3" + path
	}
	r := httptest.NewRequestWithContext(f.t.Context(), method, "/_matrix/client"+path, strings.NewReader(body))
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	f.ServeHTTP(w, r)
	return w.Code, gjson.ParseBytes(w.Body.Bytes())
}

// mustSchedule demands a delay ID.
func (f *delayedServer) mustSchedule(path, body string) string {
	f.t.Helper()
	code, answer := f.ask(ana, http.MethodPut, path, body)
	if code != http.StatusOK || answer.Get("delay_id").Str == "" || answer.Get("event_id").Exists() {
		f.t.Fatalf("PUT %s: got %d %s, want a delay ID alone", path, code, answer.Raw)
	}
	return answer.Get("delay_id").Str
}

func (f *delayedServer) exchanges(room string, all []exchange) {
	f.t.Helper()
	unescaped, err := url.PathUnescape(room)
	if err != nil {
		f.t.Fatal(err)
	}
	for _, x := range all {
		path := strings.ReplaceAll(x.path, "ROOM", room)
		code, answer := f.ask(x.token, x.method, path, x.body)
		got, want := answer.Get(x.at).Raw, strings.ReplaceAll(x.want, "ROOM", unescaped)
		if code != x.status || answer.Get("errcode").Str != x.errcode || x.at != "" && got != want {
			f.t.Errorf("%s %s %s %.80s: got %d %s, want %d %s %s", x.token, x.method, path, x.body, code, answer.Raw, x.status, x.errcode, want)
		}
	}
}

func TestScheduleOverHTTP(t *testing.T) {
	f, room := newDelayedServer(t)
	const old = "?org.matrix.msc4140.delay="
	newer := up + "/rooms/ROOM/delayed_event/m.room.message/"
	tooLong := `"M_MAX_DELAY_EXCEEDED"`
	f.exchanges(room, []exchange{
		{ana, "PUT", "/rooms/ROOM/send/m.room.message/1" + old + "x", `{}`, 400, "M_INVALID_PARAM", "", ""},
		{ana, "PUT", "/rooms/ROOM/send/m.room.message/1" + old, `{}`, 400, "M_INVALID_PARAM", "", ""},
		{ana, "PUT", "/rooms/ROOM/send/m.room.message/1" + old + "0", `{}`, 400, "M_INVALID_PARAM", "", ""},
		{ana, "PUT", "/rooms/ROOM/send/m.room.message/1" + old + "-5", `{}`, 400, "M_INVALID_PARAM", "", ""},
		{ana, "PUT", "/rooms/ROOM/send/m.room.message/1" + old + "9000000000", `{}`, 400, "M_UNKNOWN", `org\.matrix\.msc4140\.errcode`, tooLong},
		{ana, "PUT", "/rooms/ROOM/send/m.room.message/1" + old + "9000000000", `{}`, 400, "M_UNKNOWN", `org\.matrix\.msc4140\.max_delay`, `2592000000`},
		{bia, "PUT", "/rooms/ROOM/send/m.room.message/1" + old + "5", `{}`, 403, "M_FORBIDDEN", "", ""},
		{eve, "PUT", "/rooms/ROOM/send/m.room.message/1" + old + "5", `{}`, 403, "M_FORBIDDEN", "", ""},
		{ana, "PUT", "/rooms/ROOM/send/m.room.message/1" + old + "5", `{"n":0.5}`, 400, "M_BAD_JSON", "", ""},
		{ana, "PUT", "/rooms/ROOM/send/m.room.message/1" + old + "5", `[]`, 400, "M_BAD_JSON", "", ""},
		{ana, "PUT", "/rooms/ROOM/state/m.room.topic" + old + "x", `{}`, 400, "M_INVALID_PARAM", "", ""},
		{ana, "PUT", newer + "1", `{"content":{}}`, 400, "M_MISSING_PARAM", "", ""},
		{ana, "PUT", newer + "1", `{"delay_ms":5}`, 400, "M_MISSING_PARAM", "", ""},
		{ana, "PUT", newer + "1", `{"delay_ms":5,"content":7}`, 400, "M_BAD_JSON", "", ""},
		{ana, "PUT", newer + "1", `{"delay_ms":"5","content":{}}`, 400, "M_BAD_JSON", "", ""},
		{ana, "PUT", newer + "1", `{"delay_ms":5.5,"content":{}}`, 400, "M_BAD_JSON", "", ""},
		{ana, "PUT", newer + "1", `{"delay_ms":0,"content":{}}`, 400, "M_INVALID_PARAM", "", ""},
		{ana, "PUT", newer + "1", `{"delay_ms":5,"state_key":1,"content":{}}`, 400, "M_BAD_JSON", "", ""},
		{ana, "PUT", newer + "1", `{"delay_ms":9000000000,"content":{}}`, 400, "ORG.MATRIX.MSC4140_DELAY_TOO_LARGE", `org\.matrix\.msc4140\.max_delay`, `2592000000`},
		{ana, "PUT", newer + strings.Repeat("x", 256), `{"delay_ms":5,"content":{}}`, 400, "M_INVALID_PARAM", "", ""},
		{bia, "PUT", newer + "1", `{"delay_ms":5,"content":{}}`, 403, "M_FORBIDDEN", "", ""},
	})

	send, state := "/rooms/"+room+"/send/m.room.message/1", "/rooms/"+room+"/state/m.room.topic/"
	first := f.mustSchedule(send+old+"5000", `{"body":"older"}`)
	if again := f.mustSchedule(send+old+"5000", `{"body":"older"}`); again != first {
		t.Errorf("retry: got %s, want %s", again, first)
	}
	if _, now := f.ask(ana, http.MethodPut, send, `{"body":"now"}`); now.Get("event_id").Str == "" {
		t.Errorf("the same transaction without a delay: got %s, want an event", now.Raw)
	}
	f.mustSchedule(state+old+"6000", `{"topic":"older"}`)
	path := strings.ReplaceAll(newer, "ROOM", room)
	second := f.mustSchedule(path+"1", `{"delay_ms":7000,"content":{"body":"newer"}}`)
	if again := f.mustSchedule(path+"1", `{"delay_ms":7000,"content":{"body":"newer"}}`); again != second {
		t.Errorf("retry: got %s, want %s", again, second)
	}
	f.mustSchedule(path+"2", `{"delay":8000,"state_key":"","content":{}}`)

	f.exchanges(room, []exchange{
		{ana, "GET", up + "/delayed_events", "", 200, "", "delayed_events.#.delay_ms", `[5000,6000,7000,8000]`},
		{ana, "GET", up + "/delayed_events", "", 200, "", "delayed_events.#.state_key", `["",""]`},
		{ana, "GET", up + "/delayed_events?type=m.room.topic", "", 200, "", "delayed_events.#.content", `[{"topic":"older"}]`},
		{ana, "GET", up + "/delayed_events?room_id=!x:acme.test", "", 200, "", "@this", `{"delayed_events":[]}`},
		{ana, "GET", up + "/delayed_events?status=finalised", "", 200, "", "@this", `{"delayed_events":[]}`},
		{ana, "GET", up + "/delayed_events?status=x", "", 400, "M_INVALID_PARAM", "", ""},
		{ana, "GET", up + "/delayed_events?from=x", "", 400, "M_INVALID_PARAM", "", ""},
		{bia, "GET", up + "/delayed_events", "", 200, "", "@this", `{"delayed_events":[]}`},
		{eve, "GET", up + "/delayed_events", "", 200, "", "@this", `{"delayed_events":[]}`},
	})
}

func TestDelayedActionsOverHTTP(t *testing.T) {
	f, room := newDelayedServer(t)
	schedule := func(body string) string {
		t.Helper()
		path := up + "/rooms/" + room + "/delayed_event/m.room.message/" + body
		return f.mustSchedule(path, `{"delay_ms":5000,"content":{"body":"`+body+`"}}`)
	}
	one, two, three := up+"/delayed_events/"+schedule("a"), up+"/delayed_events/"+schedule("b"), up+"/delayed_events/"+schedule("c")
	f.exchanges(room, []exchange{
		{ana, "GET", one, "", 200, "", "room_id", `"ROOM"`},
		{ana, "GET", one, "", 200, "", "content", `{"body":"a"}`},
		{ana, "GET", one, "", 200, "", "delayed_since_ts", `1700000000000`},
		{ana, "GET", one, "", 200, "", "running_since", `1700000000000`},
		{ana, "GET", one, "", 200, "", "finalised", ``},
		{bia, "GET", one, "", 404, "M_NOT_FOUND", "", ""},
		{eve, "GET", one, "", 404, "M_NOT_FOUND", "", ""},
		{ana, "GET", up + "/delayed_events/x", "", 404, "M_NOT_FOUND", "", ""},
		{bia, "POST", one, `{"action":"cancel"}`, 404, "M_NOT_FOUND", "", ""},
		{eve, "POST", one + "/send", ``, 404, "M_NOT_FOUND", "", ""},
		{ana, "POST", one, ``, 400, "M_NOT_JSON", "", ""},
		{ana, "POST", one, `{}`, 400, "M_MISSING_PARAM", "", ""},
		{ana, "POST", one, `{"action":"eat"}`, 400, "M_INVALID_PARAM", "", ""},
		{ana, "POST", one + "/eat", `{}`, 400, "M_INVALID_PARAM", "", ""},
		{ana, "POST", one, `{"action":"restart"}`, 200, "", "@this", `{}`},
		{ana, "POST", one, `{"action":"send"}`, 200, "", "@this", `{}`},
		{ana, "POST", one + "/send", ``, 200, "", "@this", `{}`},
		{ana, "POST", one + "/cancel", `{}`, 409, "M_UNKNOWN", "", ""},
		{ana, "POST", two + "/restart", `{}`, 200, "", "@this", `{}`},
		{ana, "POST", two + "/cancel", ``, 200, "", "@this", `{}`},
		{ana, "POST", two, `{"action":"cancel"}`, 200, "", "@this", `{}`},
		{ana, "POST", two, `{"action":"restart"}`, 409, "M_UNKNOWN", "", ""},
		{ana, "POST", two + "/send", ``, 409, "M_UNKNOWN", "", ""},
		{ana, "GET", two, "", 200, "", "finalised", `{"finalised_ts":1700000000000}`},
		{ana, "GET", up + "/delayed_events", "", 200, "", "delayed_events.#.content.body", `["c"]`},
		{ana, "GET", up + "/delayed_events?status=finalised", "", 200, "", "delayed_events.#", `2`},
		{ana, "POST", "/rooms/ROOM/leave", "", 200, "", "", ""},
		{ana, "POST", three + "/send", "", 403, "M_FORBIDDEN", "", ""},
		{ana, "GET", three, "", 200, "", "finalised", ``},
		{ana, "POST", "/rooms/ROOM/join", "", 200, "", "", ""},
	})
	_, answer := f.ask(ana, http.MethodGet, one, "")
	sent := answer.Get("finalised.event_id").Str
	f.must(bia, http.MethodPost, "/join/"+room, "")
	id := fmt.Sprintf("%q", strings.TrimPrefix(one, up+"/delayed_events/"))
	f.exchanges(room, []exchange{
		{ana, "GET", "/rooms/ROOM/event/" + sent, "", 200, "", `unsigned.org\.matrix\.msc4140\.delay_id`, id},
		{bia, "GET", "/rooms/ROOM/event/" + sent, "", 200, "", `unsigned.org\.matrix\.msc4140\.delay_id`, ``},
	})
}

func TestDelayedEventsNeedAToken(t *testing.T) {
	f, _ := newDelayedServer(t)
	for method, paths := range map[string][]string{
		http.MethodGet:  {"/delayed_events", "/delayed_events/x"},
		http.MethodPost: {"/delayed_events/x", "/delayed_events/x/send"},
		http.MethodPut:  {"/rooms/x/delayed_event/m.room.message/1"},
	} {
		for _, path := range paths {
			if code, answer := f.ask("", method, up+path, ""); code != http.StatusUnauthorized || answer.Get("errcode").Str != "M_MISSING_TOKEN" {
				t.Errorf("%s %s: got %d %s, want 401 M_MISSING_TOKEN", method, path, code, answer.Raw)
			}
		}
	}
}

// A long list comes in pages.
func TestPagesOfDelayedEvents(t *testing.T) {
	f, room := newDelayedServer(t)
	path := up + "/rooms/" + room + "/delayed_event/m.room.message/"
	const all = 102 // two more than a page
	for i := range all {
		delayID := f.mustSchedule(fmt.Sprint(path, i), `{"delay_ms":5000,"content":{}}`)
		f.exchanges(room, []exchange{{ana, "POST", up + "/delayed_events/" + delayID + "/cancel", "", 200, "", "", ""}})
	}
	seen, from := map[string]bool{}, ""
	for range 2 {
		code, page := f.ask(ana, http.MethodGet, up+"/delayed_events?status=finalised&from="+from, "")
		if code != http.StatusOK {
			t.Fatalf("got %d %s", code, page.Raw)
		}
		for _, d := range page.Get("delayed_events.#.delay_id").Array() {
			seen[d.Str] = true
		}
		from = page.Get("next_batch").Str
	}
	if len(seen) != all || from != "" {
		t.Errorf("got %d of %d and next_batch %q, want all and none", len(seen), all, from)
	}
}
