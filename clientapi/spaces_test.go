package clientapi_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/conversalabs/internalchat/rooms"
)

// get sends a GET to a path under /_matrix/client; without a token when that is
// empty.
func (f *roomFixture) get(token, path string) (int, gjson.Result) {
	f.t.Helper()
	r := httptest.NewRequestWithContext(f.t.Context(), http.MethodGet, "/_matrix/client/"+path, nil)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	f.ServeHTTP(w, r)
	return w.Code, gjson.ParseBytes(w.Body.Bytes())
}

// look is a GET and what it must give.
type look struct {
	token, path string
	status      int
	at, want    string // a value of the answer
}

func (f *roomFixture) looks(room string, all []look) {
	f.t.Helper()
	for _, l := range all {
		code, answer := f.get(l.token, strings.ReplaceAll(l.path, "ROOM", room))
		if code != l.status || answer.Get(l.at).Raw != l.want {
			f.t.Errorf("%q %s: got %d %s, want %d and %s at %s", l.token, l.path, code, answer.Raw, l.status, l.want, l.at)
		}
	}
}

const forbidden, notFound, invalid = `"M_FORBIDDEN"`, `"M_NOT_FOUND"`, `"M_INVALID_PARAM"`

func TestHierarchyOverHTTP(t *testing.T) {
	f := newRoomFixture(t, rooms.MatrixPolicy)
	child := f.must(ana, http.MethodPost, "/createRoom", `{"preset":"public_chat","name":"child"}`).Get("room_id").Str
	room := f.mustCreate(`{"preset":"public_chat","name":"root","creation_content":{"type":"m.space"},"initial_state":[
		{"type":"m.space.child","state_key":"` + child + `","content":{"via":["acme.test"]}}]}`)
	const at = "v1/rooms/ROOM/hierarchy"
	f.looks(room, []look{
		{bia, at, 200, "rooms.#.name", `["root","child"]`},
		{bia, at, 200, "rooms.0.room_type", `"m.space"`},
		{bia, at, 200, "rooms.0.children_state.0.state_key", `"` + child + `"`},
		{bia, at, 200, "rooms.0.children_state.0.origin_server_ts", `1700000000000`},
		{bia, at, 200, "rooms.1.children_state", `[]`},
		{bia, at, 200, "next_batch", ``},
		{bia, at + "?max_depth=0", 200, "rooms.#.name", `["root"]`},
		{bia, at + "?suggested_only=true", 200, "rooms.#.name", `["root"]`},
		{bia, at + "?limit=1", 200, "rooms.#.name", `["root"]`},
		{bia, at + "?limit=1", 200, "next_batch", `"1.50.false"`},
		{bia, at + "?limit=1&from=1.50.false", 200, "rooms.#.name", `["child"]`},
		{bia, at + "?from=1.50.false&max_depth=1", 400, "errcode", invalid},
		{bia, at + "?from=1.50.false&suggested_only=true", 400, "errcode", invalid},
		{bia, at + "?from=x", 400, "errcode", invalid},
		{bia, at + "?limit=0", 400, "errcode", invalid},
		{bia, at + "?limit=-1", 400, "errcode", invalid},
		{bia, at + "?max_depth=x", 400, "errcode", invalid},
		{bia, at + "?suggested_only=x", 400, "errcode", invalid},
		{eve, at, 403, "errcode", forbidden},
		{bia, "v1/rooms/!unknown:acme.test/hierarchy", 403, "errcode", forbidden},
		{"", at, 401, "errcode", `"M_MISSING_TOKEN"`},
	})
}

func TestSummaryOverHTTP(t *testing.T) {
	f := newRoomFixture(t, rooms.MatrixPolicy)
	room := f.mustCreate(`{"preset":"public_chat","name":"Open","room_alias_name":"open"}`)
	older := "unstable/im.nheko.summary"
	f.looks(room, []look{
		{bia, "v1/room_summary/ROOM", 200, "name", `"Open"`},
		{bia, "v1/room_summary/ROOM", 200, "membership", `"leave"`},
		{bia, "v1/room_summary/ROOM?via=elsewhere.org&via=acme.test", 200, "room_version", `"11"`},
		{ana, "v1/room_summary/%23open:acme.test", 200, "membership", `"join"`},
		{"", "v1/room_summary/ROOM", 200, "name", `"Open"`},
		{"", "v1/room_summary/ROOM", 200, "membership", ``},
		{bia, older + "/summary/ROOM", 200, "im.nheko.summary\\.room_version", ``},
		{bia, older + "/summary/ROOM", 200, `im\.nheko\.summary\.room_version`, `"11"`},
		{bia, older + "/rooms/%23open:acme.test/summary", 200, "name", `"Open"`},
		{eve, "v1/room_summary/ROOM", 404, "errcode", notFound},
		{bia, "v1/room_summary/!unknown:acme.test", 404, "errcode", notFound},
		{bia, "v1/room_summary/%23unknown:acme.test", 404, "errcode", notFound},
		{bia, older + "/summary/undefined", 400, "errcode", invalid},
	})
	private := f.mustCreate(`{"preset":"private_chat","room_alias_name":"closed"}`)
	f.looks(private, []look{
		{bia, "v1/room_summary/ROOM", 404, "errcode", notFound},
		{"", "v1/room_summary/ROOM", 404, "errcode", notFound},
		{bia, "v1/room_summary/%23closed:acme.test", 404, "errcode", notFound},
	})
	closed := rooms.MatrixPolicy
	closed.OpenReads = false
	team := newRoomFixture(t, closed)
	room = team.mustCreate(`{"preset":"public_chat"}`)
	team.looks(room, []look{
		{"", "v1/room_summary/ROOM", 401, "errcode", `"M_MISSING_TOKEN"`},
		{bia, "v1/room_summary/ROOM", 200, "join_rule", `"public"`},
	})
}

func TestMutualRoomsOverHTTP(t *testing.T) {
	f := newRoomFixture(t, rooms.MatrixPolicy)
	room := f.mustCreate(`{"preset":"public_chat"}`)
	joined := f.must(bia, http.MethodPost, "/rooms/"+room+"/join", ``).Get("room_id").Raw
	older := "unstable/uk.half-shot.msc2666/user/"
	f.looks(room, []look{
		{ana, "v1/mutual_rooms?user_id=@bia:acme.test", 200, "@this", `{"joined":[` + joined + `],"count":1}`},
		{ana, "v1/mutual_rooms?user_id=@nobody:acme.test", 200, "@this", `{"joined":[],"count":0}`},
		{ana, "v1/mutual_rooms?user_id=@eve:other.test", 200, "@this", `{"joined":[],"count":0}`},
		{ana, older + "mutual_rooms?user_id=@bia:acme.test", 200, "joined", `[` + joined + `]`},
		{ana, older + "mutual_rooms/@bia:acme.test", 200, "joined", `[` + joined + `]`},
		{ana, older + "shared_rooms/@bia:acme.test", 200, "joined", `[` + joined + `]`},
		{ana, "v1/mutual_rooms", 400, "errcode", `"M_MISSING_PARAM"`},
		{ana, "v1/mutual_rooms?user_id=@ana:acme.test", 400, "errcode", invalid},
		{ana, "v1/mutual_rooms?user_id=bia", 400, "errcode", invalid},
		{ana, "v1/mutual_rooms?user_id=@bia:acme.test&from=x", 400, "errcode", invalid},
		{"", "v1/mutual_rooms?user_id=@bia:acme.test", 401, "errcode", `"M_MISSING_TOKEN"`},
	})
}

func TestReportsOverHTTP(t *testing.T) {
	f := newRoomFixture(t, rooms.MatrixPolicy)
	room := f.mustCreate(`{"preset":"public_chat"}`)
	message := f.must(ana, http.MethodPut, "/rooms/"+room+"/send/m.room.message/1", `{"body":"one"}`).Get("event_id").Str
	f.exchanges(room, []exchange{
		{bia, "POST", "/rooms/ROOM/report/" + message, `{"reason":"rude"}`, 404, "M_NOT_FOUND", "", ""},
		{bia, "POST", "/rooms/ROOM/report", `{"reason":""}`, 200, "", "@this", `{}`},
		{bia, "POST", "/rooms/ROOM/join", ``, 200, "", "", ""},
		{bia, "POST", "/rooms/ROOM/report/" + message, `{"score":-100,"reason":"rude"}`, 200, "", "@this", `{}`},
		{bia, "POST", "/rooms/ROOM/report/" + message, `{}`, 200, "", "@this", `{}`},
		{bia, "POST", "/users/@ana:acme.test/report", `{"reason":"rude"}`, 200, "", "@this", `{}`},

		{bia, "POST", "/rooms/ROOM/report", `{}`, 400, "M_MISSING_PARAM", "", ""},
		{bia, "POST", "/rooms/ROOM/report", `{"reason":7}`, 400, "M_BAD_JSON", "", ""},
		{bia, "POST", "/rooms/ROOM/report", ``, 400, "M_NOT_JSON", "", ""},
		{bia, "POST", "/rooms/ROOM/report", `{"reason":"` + strings.Repeat("x", 4097) + `"}`, 400, "M_INVALID_PARAM", "", ""},
		{bia, "POST", "/rooms/ROOM/report/$unknown", `{"reason":"x"}`, 404, "M_NOT_FOUND", "", ""},
		{eve, "POST", "/rooms/ROOM/report/" + message, `{"reason":"x"}`, 404, "M_NOT_FOUND", "", ""},
		{eve, "POST", "/rooms/ROOM/report", `{"reason":"x"}`, 404, "M_NOT_FOUND", "", ""},
		{bia, "POST", "/rooms/!unknown:acme.test/report", `{"reason":"x"}`, 404, "M_NOT_FOUND", "", ""},
		{bia, "POST", "/users/@nobody:acme.test/report", `{"reason":"x"}`, 404, "M_NOT_FOUND", "", ""},
		{bia, "POST", "/users/@eve:other.test/report", `{"reason":"x"}`, 404, "M_NOT_FOUND", "", ""},
		{bia, "POST", "/users/ana/report", `{"reason":"x"}`, 404, "M_NOT_FOUND", "", ""},
	})
	all, err := f.rooms.Reports(t.Context(), "acme", 0, 100)
	if err != nil || len(all) != 4 {
		t.Errorf("got %d reports, %v, want the 4 that were accepted", len(all), err)
	}
}
