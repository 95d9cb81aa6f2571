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

// up begins the paths of before MSC4140 was accepted, and list is the list's.
const (
	up   = "/unstable/org.matrix.msc4140"
	list = "/unstable/org.matrix.msc4486/delayed_events"
)

// ask sends a request with a token, or "".
func (f *delayedServer) ask(token, method, path, body string) (int, gjson.Result) {
	f.t.Helper()
	if !strings.HasPrefix(path, "/unstable/") && !strings.HasPrefix(path, "/v1/") {
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
		{ana, "PUT", "/rooms/ROOM/delayed_event/m.room.message/1", `{"delay_ms":9000000000,"content":{}}`, 400, "M_DELAY_TOO_LARGE", `org\.matrix\.msc4140\.max_delay`, ``},
		{ana, "PUT", "/rooms/ROOM/delayed_event/m.room.message/1", `{"delay":5,"content":{}}`, 400, "M_MISSING_PARAM", "", ""},
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

// The final paths of MSC4140 do what the older ones do, under the final names
// alone. The list is in another MSC, that is not accepted.
func TestFinalPathsOfDelayedEvents(t *testing.T) {
	f, room := newDelayedServer(t)
	schedule := func(transaction string) string {
		t.Helper()
		return f.mustSchedule("/rooms/"+room+"/delayed_event/m.room.topic/"+transaction,
			`{"delay_ms":5000,"state_key":"","content":{"topic":"`+transaction+`"}}`)
	}
	one, two, three := schedule("1"), schedule("2"), schedule("3")
	if again := schedule("1"); again != one {
		t.Errorf("retry: got %s, want %s", again, one)
	}
	const final = "/v1/delayed_events"
	f.exchanges(room, []exchange{
		{ana, "GET", final + "/" + one, "", 200, "", "@this", `{"delay_id":"` + one + `","room_id":"ROOM","type":"m.room.topic","state_key":"",` +
			`"content":{"topic":"1"},"delay_ms":5000,"delayed_since_ts":1700000000000}`},
		{ana, "GET", up + "/delayed_events/" + one, "", 200, "", "running_since", `1700000000000`},
		{bia, "GET", final + "/" + one, "", 404, "M_NOT_FOUND", "", ""},
		// A delay ID alone opens nothing.
		{"", "POST", final + "/" + one + "/send", `{}`, 401, "M_MISSING_TOKEN", "", ""},
		{bia, "POST", final + "/" + one + "/send", `{}`, 404, "M_NOT_FOUND", "", ""},
		{ana, "POST", final + "/" + one + "/eat", `{}`, 400, "M_INVALID_PARAM", "", ""},
		{ana, "POST", final + "/" + one, `{"action":"send"}`, 405, "M_UNRECOGNIZED", "", ""},
		{ana, "POST", final + "/" + one + "/send", `{}`, 200, "", "@this", `{}`},
		{ana, "POST", final + "/" + one + "/restart", `{}`, 409, "M_UNKNOWN", "", ""},
		{ana, "POST", final + "/" + two + "/cancel", `{}`, 200, "", "@this", `{}`},
		{ana, "POST", final + "/" + three + "/restart", `{}`, 200, "", "@this", `{}`},
		{ana, "GET", final + "/" + two, "", 200, "", "finalised", `{"finalised_ts":1700000000000}`},
		{ana, "GET", final, "", 404, "M_UNRECOGNIZED", "", ""},
	})
	_, answer := f.ask(ana, http.MethodGet, final+"/"+one, "")
	f.exchanges(room, []exchange{
		{ana, "GET", "/rooms/ROOM/event/" + answer.Get("finalised.event_id").Str, "", 200, "", `unsigned.delay_id`, `"` + one + `"`},
	})
}

// The list is chosen and ordered by its query (MSC4486).
func TestListOfDelayedEvents(t *testing.T) {
	f, room := newDelayedServer(t)
	path := up + "/rooms/" + room + "/delayed_event/"
	schedule := func(eventType string, delay int) string {
		t.Helper()
		return f.mustSchedule(fmt.Sprint(path, eventType, "/", delay), fmt.Sprintf(`{"delay_ms":%d,"content":{}}`, delay))
	}
	schedule("m.a", 1000)
	sent, cancelled := schedule("m.a", 2000), schedule("m.b", 3000)
	schedule("m.b", 4000)
	delays := func(at string, from ...string) exchange {
		path := list + at
		if len(from) > 0 {
			path = from[0] + at
		}
		return exchange{ana, "GET", path, "", 200, "", "delayed_events.#.delay_ms", ""}
	}
	want := func(x exchange, delays string) exchange { x.want = delays; return x }
	f.exchanges(room, []exchange{
		{ana, "POST", up + "/delayed_events/" + sent + "/send", "", 200, "", "", ""},
		{ana, "POST", up + "/delayed_events/" + cancelled + "/cancel", "", 200, "", "", ""},
		want(delays(""), `[1000,2000,3000,4000]`),
		want(delays("?dir=f"), `[1000,2000,3000,4000]`),
		want(delays("?dir=b"), `[4000,3000,2000,1000]`),
		want(delays("?status=scheduled"), `[1000,4000]`),
		want(delays("?status=sent"), `[2000]`),
		want(delays("?status=cancelled"), `[3000]`),
		want(delays("?status=failed"), `[]`),
		want(delays("?status=finalised&dir=b"), `[3000,2000]`),
		want(delays("?type=m.b"), `[3000,4000]`),
		want(delays("?room_id="+room), `[1000,2000,3000,4000]`),
		want(delays("?from_ts=1700000002000"), `[2000,3000,4000]`),
		want(delays("?from_ts=1700000002000&to_ts=1700000003000"), `[2000,3000]`),
		want(delays("?to_ts=99999999999999999999&type=m.a&status=scheduled"), `[1000]`),
		want(delays("", up+"/delayed_events"), `[1000,4000]`),
		want(delays("?dir=b&to_ts=1700000003000&status=finalised", up+"/delayed_events"), `[3000,2000]`),
		{ana, "GET", list + "?dir=x", "", 400, "M_INVALID_PARAM", "", ""},
		{ana, "GET", list + "?status=error", "", 400, "M_INVALID_PARAM", "", ""},
		{ana, "GET", list + "?from_ts=x", "", 400, "M_INVALID_PARAM", "", ""},
		{ana, "GET", list + "?to_ts=-1", "", 400, "M_INVALID_PARAM", "", ""},
		{ana, "GET", list + "?room_id=x", "", 400, "M_INVALID_PARAM", "", ""},
		{ana, "GET", list + "?from=5", "", 400, "M_INVALID_PARAM", "", ""},
		{ana, "GET", list + "?from=x_y", "", 400, "M_INVALID_PARAM", "", ""},
		{bia, "GET", list, "", 200, "", "@this", `{"delayed_events":[]}`},
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
	for path, method := range map[string]string{
		list: http.MethodGet, up + "/delayed_events": http.MethodGet,
		up + "/delayed_events/x": http.MethodGet, "/v1/delayed_events/x": http.MethodGet,
		up + "/delayed_events/y":      http.MethodPost,
		up + "/delayed_events/x/send": http.MethodPost, "/v1/delayed_events/x/send": http.MethodPost,
		up + "/rooms/x/delayed_event/m.room.message/1": http.MethodPut, "/rooms/x/delayed_event/m.room.message/1": http.MethodPut,
	} {
		if code, answer := f.ask("", method, path, ""); code != http.StatusUnauthorized || answer.Get("errcode").Str != "M_MISSING_TOKEN" {
			t.Errorf("%s %s: got %d %s, want 401 M_MISSING_TOKEN", method, path, code, answer.Raw)
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
	for _, direction := range []string{"f", "b"} {
		seen, from := map[string]bool{}, ""
		for range 2 {
			code, page := f.ask(ana, http.MethodGet, up+"/delayed_events?status=finalised&dir="+direction+"&from="+from, "")
			if code != http.StatusOK {
				t.Fatalf("got %d %s", code, page.Raw)
			}
			for _, d := range page.Get("delayed_events.#.delay_id").Array() {
				seen[d.Str] = true
			}
			from = page.Get("next_batch").Str
		}
		if len(seen) != all || from != "" {
			t.Errorf("%s: got %d of %d and next_batch %q, want all and none", direction, len(seen), all, from)
		}
	}
}
