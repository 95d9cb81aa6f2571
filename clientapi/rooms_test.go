package clientapi_test

import (
	"context"
	"crypto/rand"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi"
	"github.com/conversalabs/internalchat/rooms"
)

// roomFixture is a server of rooms and profiles, with Ana, Bia and, in another
// account, Eve.
type roomFixture struct {
	*keyFixture
	policy rooms.Policy
	sent   int
}

func (f *roomFixture) RoomPolicy(context.Context, tenant.ID) (rooms.Policy, error) {
	return f.policy, nil
}

func newRoomFixture(t *testing.T, policy rooms.Policy) *roomFixture {
	t.Helper()
	f := &roomFixture{keyFixture: newKeyFixture(t), policy: policy}
	now := func() time.Time { return time.Unix(1_700_000_000, 0) }
	f.rooms = rooms.New(rooms.Options{
		Store: f.store, Policies: f, Now: now, Random: rand.Reader, Limits: rooms.Limits{PageMax: 1000},
	})
	users := accounts.New(accounts.Options{Store: f.store, Now: now, Random: rand.Reader})
	clientapi.RoomRoutes(f.API, users, f.rooms)
	return f
}

// mustCreate makes a room of Ana's and gives its ID, escaped for a path.
func (f *roomFixture) mustCreate(body string) string {
	f.t.Helper()
	return url.PathEscape(f.must("ana/PHONE", http.MethodPost, "/createRoom", body).Get("room_id").Str)
}

// exchange is one request, and its status, error code and, where it is set, the
// value at a path of its answer.
type exchange struct {
	token, method, path, body string
	status                    int
	errcode                   string
	at, want                  string
}

// exchanges runs requests in order. ROOM in them is the room.
func (f *roomFixture) exchanges(room string, all []exchange) {
	f.t.Helper()
	unescaped, err := url.PathUnescape(room)
	if err != nil {
		f.t.Fatal(err)
	}
	for _, x := range all {
		path, body := strings.ReplaceAll(x.path, "ROOM", room), strings.ReplaceAll(x.body, "ROOM", unescaped)
		code, answer := f.ask(x.token, x.method, path, body)
		if code != x.status || answer.Get("errcode").Str != x.errcode {
			f.t.Errorf("%s %s %s %.80s: got %d %s, want %d %s", x.token, x.method, path, body, code, answer.Raw, x.status, x.errcode)
			continue
		}
		if x.at == "" {
			continue
		}
		if got, want := answer.Get(x.at).Raw, strings.ReplaceAll(x.want, "ROOM", unescaped); got != want {
			f.t.Errorf("%s %s %s: got %s at %s, want %s", x.token, x.method, path, got, x.at, want)
		}
	}
}

const ana, bia, eve = "ana/PHONE", "bia/PHONE", "eve/PHONE"

func TestCreateRoomOverHTTP(t *testing.T) {
	f := newRoomFixture(t, rooms.MatrixPolicy)
	f.exchanges("", []exchange{
		{ana, "POST", "/createRoom", `{"room_version":1}`, 400, "M_BAD_JSON", "", ""},
		{ana, "POST", "/createRoom", `{"room_version":"nonsense"}`, 400, "M_UNSUPPORTED_ROOM_VERSION", "", ""},
		{ana, "POST", "/createRoom", `{"preset":"nonsense"}`, 400, "M_INVALID_PARAM", "", ""},
		{ana, "POST", "/createRoom", `[]`, 400, "M_BAD_JSON", "", ""},
		{ana, "POST", "/createRoom", `{"name":"x"`, 400, "M_NOT_JSON", "", ""},
		{ana, "POST", "/createRoom", `{"room_opts":1,"room_alias":"x","room_version":"2"}`, 200, "", "", ""},
		{ana, "POST", "/createRoom", `{"room_alias_name":"here"}`, 200, "", "room_alias", `"#here:acme.test"`},
		{ana, "POST", "/createRoom", `{"room_alias_name":"here"}`, 400, "M_ROOM_IN_USE", "", ""},
		{ana, "POST", "/createRoom", `{"topic":"` + strings.Repeat("x", 257<<10) + `"}`, 413, "M_TOO_LARGE", "", ""},
		{ana, "POST", "/createRoom", "", 200, "", "", ""},
	})
	if got := f.must(ana, http.MethodGet, "/joined_rooms", "").Get("joined_rooms.#").Int(); got != 3 {
		t.Errorf("joined rooms: got %d, want 3", got)
	}
}

func TestMembershipOverHTTP(t *testing.T) {
	f := newRoomFixture(t, rooms.MatrixPolicy)
	room := f.mustCreate(`{"preset":"public_chat","room_alias_name":"here"}`)
	f.exchanges(room, []exchange{
		{bia, "POST", "/join/%23here:acme.test", `{"foo":"bar","reason":"why not"}`, 200, "", "room_id", `"ROOM"`},
		{bia, "GET", "/rooms/ROOM/state/m.room.member/@bia:acme.test", "", 200, "", "foo", `"bar"`},
		{bia, "GET", "/rooms/ROOM/state/m.room.member/@bia:acme.test", "", 200, "", "reason", `"why not"`},
		{bia, "POST", "/join/ROOM", ``, 200, "", "", ""},
		{bia, "POST", "/join/nonsense", ``, 400, "M_INVALID_PARAM", "", ""},
		{bia, "POST", "/join/%23nowhere:acme.test", `{}`, 404, "M_NOT_FOUND", "", ""},
		{bia, "POST", "/rooms/!nowhere:acme.test/join", `{}`, 404, "M_NOT_FOUND", "", ""},
		{eve, "POST", "/rooms/ROOM/join", `{}`, 404, "M_NOT_FOUND", "", ""},
		{bia, "POST", "/rooms/ROOM/join", `{"reason":7}`, 400, "M_BAD_JSON", "", ""},
		{bia, "POST", "/rooms/ROOM/forget", ``, 400, "M_UNKNOWN", "", ""},
		{bia, "POST", "/rooms/ROOM/kick", `{"user_id":"@ana:acme.test"}`, 403, "M_FORBIDDEN", "", ""},
		{ana, "POST", "/rooms/ROOM/kick", `{}`, 400, "M_MISSING_PARAM", "", ""},
		{ana, "POST", "/rooms/ROOM/kick", `{"user_id":"bia"}`, 400, "M_INVALID_PARAM", "", ""},
		{ana, "POST", "/rooms/ROOM/invite", `{"user_id":"bia"}`, 400, "M_INVALID_PARAM", "", ""},
		{ana, "POST", "/rooms/ROOM/kick", `{"user_id":"@bia:acme.test","reason":"out"}`, 200, "", "@this", `{}`},
		{ana, "POST", "/rooms/ROOM/kick", `{"user_id":"@bia:acme.test"}`, 403, "M_FORBIDDEN", "", ""},
		{ana, "GET", "/rooms/ROOM/state/m.room.member/@bia:acme.test", "", 200, "", "reason", `"out"`},
		{ana, "POST", "/rooms/ROOM/ban", `{"user_id":"@bia:acme.test"}`, 200, "", "", ""},
		{bia, "POST", "/rooms/ROOM/join", ``, 403, "M_FORBIDDEN", "", ""},
		{ana, "POST", "/rooms/ROOM/unban", `{"user_id":"@bia:acme.test"}`, 200, "", "", ""},
		{ana, "POST", "/rooms/ROOM/unban", `{"user_id":"@bia:acme.test"}`, 403, "M_FORBIDDEN", "", ""},
		{bia, "POST", "/rooms/ROOM/forget", `{}`, 200, "", "", ""},
		{bia, "GET", "/rooms/ROOM/messages?dir=b", "", 403, "M_FORBIDDEN", "", ""},
		{ana, "POST", "/rooms/ROOM/invite", `{"user_id":"@bia:acme.test"}`, 200, "", "", ""},
		{ana, "POST", "/rooms/ROOM/invite", `{"user_id":"@eve:other.test"}`, 403, "M_FORBIDDEN", "", ""},
		{ana, "POST", "/rooms/ROOM/invite", `{"medium":"email","address":"x@example.org","id_server":"x"}`, 403, "M_FORBIDDEN", "", ""},
		{bia, "POST", "/rooms/ROOM/leave", ``, 200, "", "@this", `{}`},
		{bia, "POST", "/knock/ROOM", `{}`, 403, "M_FORBIDDEN", "", ""},
	})
	knocking := f.mustCreate(`{"initial_state":[{"type":"m.room.join_rules","content":{"join_rule":"knock"}}]}`)
	f.exchanges(knocking, []exchange{
		{bia, "POST", "/knock/ROOM", `{"reason":"please"}`, 200, "", "room_id", `"ROOM"`},
		{ana, "GET", "/rooms/ROOM/state/m.room.member/@bia:acme.test", "", 200, "", "membership", `"knock"`},
	})
}

func TestSendOverHTTP(t *testing.T) {
	f := newRoomFixture(t, rooms.MatrixPolicy)
	room := f.mustCreate(`{"preset":"public_chat"}`)
	send := "/rooms/" + room + "/send/m.room.message/"
	first := f.must(ana, http.MethodPut, send+"1", `{"body":"one"}`).Get("event_id").Str
	for path, same := range map[string]bool{send + "1": true, send + "2": false, "/rooms/" + room + "/send/m.other/1": false} {
		if got := f.must(ana, http.MethodPut, path, `{"body":"two"}`).Get("event_id").Str; (got == first) != same {
			t.Errorf("%s: got %s after %s", path, got, first)
		}
	}
	f.exchanges(room, []exchange{
		{ana, "GET", "/rooms/ROOM/event/" + first, "", 200, "", "content", `{"body":"one"}`},
		{ana, "GET", "/rooms/ROOM/event/" + first, "", 200, "", "unsigned.transaction_id", `"1"`},
		{"ana/LAPTOP", "GET", "/rooms/ROOM/event/" + first, "", 200, "", "unsigned.transaction_id", ""},
		{bia, "GET", "/rooms/ROOM/event/" + first, "", 404, "M_NOT_FOUND", "", ""},
		{eve, "GET", "/rooms/ROOM/event/" + first, "", 404, "M_NOT_FOUND", "", ""},
		{ana, "PUT", "/rooms/ROOM/send/m.room.message/3", `{"body":1.5}`, 400, "M_BAD_JSON", "", ""},
		{ana, "PUT", "/rooms/ROOM/send/m.room.message/3", `{"body":9007199254740992}`, 400, "M_BAD_JSON", "", ""},
		{ana, "PUT", "/rooms/ROOM/send/m.room.message/3", `[]`, 400, "M_BAD_JSON", "", ""},
		{ana, "PUT", "/rooms/ROOM/send/m.room.message/3", ``, 400, "M_NOT_JSON", "", ""},
		{ana, "PUT", "/rooms/ROOM/send/m.room.message/3", `{"body":"` + strings.Repeat("x", 70_000) + `"}`, 413, "M_TOO_LARGE", "", ""},
		{ana, "PUT", "/rooms/ROOM/send/m.room.message/" + strings.Repeat("x", 256), `{}`, 400, "M_INVALID_PARAM", "", ""},
		{bia, "PUT", "/rooms/ROOM/send/m.room.message/1", `{}`, 403, "M_FORBIDDEN", "", ""},
		{eve, "PUT", "/rooms/ROOM/send/m.room.message/1", `{}`, 403, "M_FORBIDDEN", "", ""},
		{bia, "PUT", "/rooms/ROOM/redact/" + first + "/1", `{}`, 403, "M_FORBIDDEN", "", ""},
		{ana, "PUT", "/rooms/ROOM/redact/$unknown/1", `{}`, 404, "M_NOT_FOUND", "", ""},
		{ana, "PUT", "/rooms/ROOM/redact/" + first + "/1", `{"reason":"typo"}`, 200, "", "", ""},
		{ana, "GET", "/rooms/ROOM/event/" + first, "", 200, "", "content", `{}`},
		{ana, "GET", "/rooms/ROOM/event/" + first, "", 200, "", "unsigned.redacted_because.content.reason", `"typo"`},
	})
	if again := f.must(ana, http.MethodPut, send+"1", `{}`).Get("event_id").Str; again != first {
		t.Errorf("retry after all that: got %s, want %s", again, first)
	}
	redacted := f.must(ana, http.MethodPut, "/rooms/"+room+"/redact/"+first+"/2", "").Get("event_id").Str
	if redacted == "" {
		t.Error("a redaction without a body has no event ID")
	}
}

func TestStateOverHTTP(t *testing.T) {
	f := newRoomFixture(t, rooms.MatrixPolicy)
	room := f.mustCreate(`{"preset":"public_chat","name":"One"}`)
	f.exchanges(room, []exchange{
		{ana, "PUT", "/rooms/ROOM/state/m.room.name", `{"name":"Two"}`, 200, "", "", ""},
		{ana, "GET", "/rooms/ROOM/state/m.room.name/", "", 200, "", "@this", `{"name":"Two"}`},
		{ana, "PUT", "/rooms/ROOM/state/m.room.name/", `{"name":"Three"}`, 200, "", "", ""},
		{ana, "GET", "/rooms/ROOM/state/m.room.name", "", 200, "", "@this", `{"name":"Three"}`},
		{ana, "GET", "/rooms/ROOM/state/m.room.name?format=event", "", 200, "", "room_id", `"ROOM"`},
		{ana, "GET", "/rooms/ROOM/state/m.room.name?format=event", "", 200, "", "unsigned.prev_content.name", `"Two"`},
		{ana, "GET", "/rooms/ROOM/state/m.room.name?format=x", "", 400, "M_INVALID_PARAM", "", ""},
		{ana, "PUT", "/rooms/ROOM/state/com.example/a%2Fb", `{"k":1}`, 200, "", "", ""},
		{ana, "GET", "/rooms/ROOM/state/com.example/a%2Fb", "", 200, "", "k", `1`},
		{ana, "GET", "/rooms/ROOM/state/com.example", "", 404, "M_NOT_FOUND", "", ""},
		{ana, "GET", "/rooms/ROOM/state", "", 200, "", "#(type==\"m.room.name\").content.name", `"Three"`},
		{ana, "PUT", "/rooms/ROOM/state/m.room.create", `{}`, 400, "M_BAD_JSON", "", ""},
		{bia, "GET", "/rooms/ROOM/state", "", 403, "M_FORBIDDEN", "", ""},
		{bia, "GET", "/rooms/ROOM/state/m.room.name", "", 403, "M_FORBIDDEN", "", ""},
		{bia, "PUT", "/rooms/ROOM/state/m.room.name", `{"name":"x"}`, 403, "M_FORBIDDEN", "", ""},
		{eve, "GET", "/rooms/ROOM/state", "", 403, "M_FORBIDDEN", "", ""},
		{ana, "GET", "/rooms/!unknown:acme.test/state", "", 403, "M_FORBIDDEN", "", ""},
	})
	set := func() string {
		return f.must(ana, http.MethodPut, "/rooms/"+room+"/state/m.room.topic", `{"topic":"same"}`).Get("event_id").Str
	}
	if first, again := set(), set(); first != again {
		t.Errorf("the same state twice: got %s, want %s", again, first)
	}
}

func TestReadingOverHTTP(t *testing.T) {
	f := newRoomFixture(t, rooms.MatrixPolicy)
	room := f.mustCreate(`{"preset":"public_chat"}`)
	for _, n := range []string{"1", "2", "3"} {
		f.must(ana, http.MethodPut, "/rooms/"+room+"/send/m.room.message/"+n, `{"body":"`+n+`"}`)
	}
	head := f.token("acme")
	messages := "/rooms/ROOM/messages?dir="
	lazy := "&filter=" + url.QueryEscape(`{"lazy_load_members":true,"limit":2}`)
	f.exchanges(room, []exchange{
		{ana, "GET", messages + "b&limit=2", "", 200, "", "chunk.#.content.body", `["3","2"]`},
		{ana, "GET", messages + "b&from=" + head, "", 200, "", "start", `"` + head + `"`},
		{ana, "GET", messages + "f&from=" + head, "", 200, "", "chunk", `[]`},
		{ana, "GET", messages + "f&from=" + head, "", 200, "", "end", ``},
		{ana, "GET", messages + "b&limit=100", "", 200, "", "end", ``},
		{ana, "GET", messages + "b&limit=100", "", 200, "", "state", ``},
		{ana, "GET", messages + "b" + lazy, "", 200, "", "state.#.state_key", `["@ana:acme.test"]`},
		{ana, "GET", messages + "b" + lazy, "", 200, "", "chunk.#", `2`},
		{ana, "GET", messages, "", 400, "M_MISSING_PARAM", "", ""},
		{ana, "GET", messages + "x", "", 400, "M_INVALID_PARAM", "", ""},
		{ana, "GET", messages + "b&limit=-1", "", 400, "M_INVALID_PARAM", "", ""},
		{ana, "GET", messages + "b&from=x", "", 400, "M_INVALID_PARAM", "", ""},
		{ana, "GET", messages + "b&filter=x", "", 400, "M_NOT_JSON", "", ""},
		{ana, "GET", messages + "b&filter=" + url.QueryEscape(`{"types":1}`), "", 400, "M_BAD_JSON", "", ""},
		{ana, "GET", "/rooms/!unknown:acme.test/messages?dir=b", "", 403, "M_FORBIDDEN", "", ""},
		{bia, "GET", messages + "b", "", 403, "M_FORBIDDEN", "", ""},
		{eve, "GET", messages + "b", "", 403, "M_FORBIDDEN", "", ""},

		{ana, "GET", "/rooms/ROOM/members", "", 200, "", "chunk.#.state_key", `["@ana:acme.test"]`},
		{ana, "GET", "/rooms/ROOM/members?not_membership=join", "", 200, "", "chunk", `[]`},
		{ana, "GET", "/rooms/ROOM/members?membership=x", "", 400, "M_INVALID_PARAM", "", ""},
		{ana, "GET", "/rooms/ROOM/members?at=" + head, "", 200, "", "chunk.#", `1`},
		{bia, "GET", "/rooms/ROOM/members", "", 403, "M_FORBIDDEN", "", ""},
		{ana, "GET", "/rooms/ROOM/joined_members", "", 200, "", "joined.@ana:acme\\.test", `{"avatar_url":null,"display_name":null}`},
		{bia, "GET", "/rooms/ROOM/joined_members", "", 403, "M_FORBIDDEN", "", ""},
	})
	middle := f.must(ana, http.MethodGet, "/rooms/"+room+"/messages?dir=b&limit=2", "").Get("chunk.1.event_id").Str
	f.exchanges(room, []exchange{
		{ana, "GET", "/rooms/ROOM/context/" + middle + "?limit=2", "", 200, "", "event.content.body", `"2"`},
		{ana, "GET", "/rooms/ROOM/context/" + middle + "?limit=2", "", 200, "", "events_before.#.content.body", `["1"]`},
		{ana, "GET", "/rooms/ROOM/context/" + middle + "?limit=2", "", 200, "", "events_after.#.content.body", `["3"]`},
		{ana, "GET", "/rooms/ROOM/context/" + middle, "", 200, "", "state.0.type", `"m.room.create"`},
		{ana, "GET", "/rooms/ROOM/context/$unknown", "", 404, "M_NOT_FOUND", "", ""},
		{bia, "GET", "/rooms/ROOM/context/" + middle, "", 403, "M_FORBIDDEN", "", ""},
	})
}
