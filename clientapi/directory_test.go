package clientapi_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/conversalabs/internalchat/rooms"
)

func TestDirectoryOverHTTP(t *testing.T) {
	f := newRoomFixture(t, rooms.MatrixPolicy)
	room := f.mustCreate(`{"preset":"public_chat","name":"Here"}`)
	alias := "/directory/room/%23caf%C3%A9:acme.test"
	f.exchanges(room, []exchange{
		{ana, "GET", alias, "", 404, "M_NOT_FOUND", "", ""},
		{bia, "PUT", alias, `{"room_id":"ROOM"}`, 403, "M_FORBIDDEN", "", ""},
		{ana, "PUT", alias, `{}`, 400, "M_MISSING_PARAM", "", ""},
		{ana, "PUT", alias, `{"room_id":"ROOM"}`, 200, "", "@this", `{}`},
		{ana, "PUT", alias, `{"room_id":"ROOM"}`, 409, "M_UNKNOWN", "", ""},
		{ana, "PUT", "/directory/room/nonsense", `{"room_id":"ROOM"}`, 400, "M_INVALID_PARAM", "", ""},
		{bia, "GET", alias, "", 200, "", "@this", `{"room_id":"ROOM","servers":["acme.test"]}`},
		{eve, "GET", alias, "", 404, "M_NOT_FOUND", "", ""},
		{ana, "GET", "/rooms/ROOM/aliases", "", 200, "", "aliases", `["#café:acme.test"]`},
		{bia, "GET", "/rooms/ROOM/aliases", "", 403, "M_FORBIDDEN", "", ""},
		{bia, "DELETE", alias, "", 403, "M_FORBIDDEN", "", ""},
		{ana, "DELETE", alias, "", 200, "", "", ""},
		{ana, "GET", "/rooms/ROOM/aliases", "", 200, "", "aliases", `[]`},

		{ana, "GET", "/directory/list/room/ROOM", "", 200, "", "visibility", `"private"`},
		{bia, "GET", "/directory/list/room/ROOM", "", 404, "M_NOT_FOUND", "", ""},
		{bia, "PUT", "/directory/list/room/ROOM", `{}`, 403, "M_FORBIDDEN", "", ""},
		{ana, "PUT", "/directory/list/room/ROOM", `{"visibility":"x"}`, 400, "M_INVALID_PARAM", "", ""},
		{ana, "GET", "/publicRooms", "", 200, "", "@this", `{"chunk":[],"total_room_count_estimate":0}`},
		{ana, "PUT", "/directory/list/room/ROOM", `{}`, 200, "", "", ""},
		{bia, "GET", "/directory/list/room/ROOM", "", 200, "", "visibility", `"public"`},
		{
			bia, "GET", "/publicRooms?limit=1", "", 200, "", "chunk.0",
			`{"room_id":"ROOM","name":"Here","join_rule":"public","num_joined_members":1,"world_readable":false,"guest_can_join":false}`,
		},
		{bia, "POST", "/publicRooms", `{"filter":{"generic_search_term":"HERE","room_types":[null]}}`, 200, "", "chunk.#", `1`},
		{bia, "POST", "/publicRooms", `{"filter":{"room_types":["m.space"]}}`, 200, "", "chunk.#", `0`},
		{bia, "POST", "/publicRooms", `{"filter":{"generic_search_term":7}}`, 400, "M_BAD_JSON", "", ""},
		{bia, "GET", "/publicRooms?since=x", "", 400, "M_INVALID_PARAM", "", ""},
		{bia, "GET", "/publicRooms?server=elsewhere.test", "", 404, "M_NOT_FOUND", "", ""},
		{eve, "GET", "/publicRooms", "", 200, "", "chunk.#", `0`},
	})
}

func TestProfileOverHTTP(t *testing.T) {
	f := newRoomFixture(t, rooms.MatrixPolicy)
	profile := "/profile/@ana:acme.test"
	f.exchanges("", []exchange{
		{bia, "GET", profile, "", 200, "", "@this", `{}`},
		{bia, "GET", profile + "/displayname", "", 404, "M_NOT_FOUND", "", ""},
		{ana, "PUT", profile + "/displayname", `{"displayname":"Ana"}`, 200, "", "@this", `{}`},
		{ana, "PUT", profile + "/displayname", `{"avatar_url":"mxc://x/y"}`, 400, "M_MISSING_PARAM", "", ""},
		{ana, "PUT", profile + "/avatar_url", `{"avatar_url":"mxc://x/y"}`, 200, "", "", ""},
		{bia, "PUT", profile + "/displayname", `{"displayname":"Bia"}`, 403, "M_FORBIDDEN", "", ""},
		{bia, "GET", profile, "", 200, "", "@this", `{"avatar_url":"mxc://x/y","displayname":"Ana"}`},
		{bia, "GET", profile + "/avatar_url", "", 200, "", "@this", `{"avatar_url":"mxc://x/y"}`},
		{ana, "DELETE", profile + "/avatar_url", "", 200, "", "", ""},
		{bia, "GET", profile + "/avatar_url", "", 404, "M_NOT_FOUND", "", ""},
		{bia, "GET", "/profile/@nobody:acme.test", "", 404, "M_NOT_FOUND", "", ""},
		{eve, "GET", profile, "", 404, "M_NOT_FOUND", "", ""},
	})
}

// TestOpenReads asks without a token what only one of the policies answers so.
func TestOpenReads(t *testing.T) {
	for _, c := range []struct {
		policy rooms.Policy
		status int
	}{{rooms.MatrixPolicy, 200}, {rooms.TeamPolicy, 401}} {
		f := newRoomFixture(t, c.policy)
		room := f.mustCreate(`{"visibility":"public","room_alias_name":"here"}`)
		f.must(ana, http.MethodPut, "/profile/@ana:acme.test/displayname", `{"displayname":"Ana"}`)
		for _, path := range []string{
			"/profile/@ana:acme.test", "/profile/@ana:acme.test/displayname", "/publicRooms",
			"/directory/room/%23here:acme.test", "/directory/list/room/" + room,
		} {
			w := httptest.NewRecorder()
			f.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/_matrix/client/v3"+path, nil))
			if w.Code != c.status {
				t.Errorf("%s: %s: got %d %s, want %d", c.policy.Name, path, w.Code, w.Body, c.status)
			}
			if code, answer := f.ask(bia, http.MethodGet, path, ""); code != 200 {
				t.Errorf("%s: %s with a token: got %d %s", c.policy.Name, path, code, answer.Raw)
			}
		}
	}
}

// TestNobodyReadsAcross asks for all of a room with another account's token: the
// answers are those for a room that does not exist.
func TestNobodyReadsAcross(t *testing.T) {
	f := newRoomFixture(t, rooms.MatrixPolicy)
	room := f.mustCreate(`{"preset":"public_chat","initial_state":[{"type":"m.room.history_visibility","content":{"history_visibility":"world_readable"}}]}`)
	sent := f.must(ana, http.MethodPut, "/rooms/"+room+"/send/m.room.message/1", `{}`).Get("event_id").Str
	for _, path := range []string{
		"/rooms/ROOM/state", "/rooms/ROOM/state/m.room.create", "/rooms/ROOM/messages?dir=b", "/rooms/ROOM/members",
		"/rooms/ROOM/joined_members", "/rooms/ROOM/aliases", "/rooms/ROOM/event/" + sent, "/rooms/ROOM/context/" + sent,
		"/directory/list/room/ROOM",
	} {
		if code, answer := f.ask(bia, http.MethodGet, strings.ReplaceAll(path, "ROOM", room), ""); code != 200 {
			t.Errorf("%s: who has not joined a world-readable room got %d %s", path, code, answer.Raw)
		}
		ask := func(room string) (int, gjson.Result) {
			return f.ask(eve, http.MethodGet, strings.ReplaceAll(path, "ROOM", room), "")
		}
		code, answer := ask(room)
		unknownCode, unknown := ask("!unknown:acme.test")
		if code < 400 || code != unknownCode || answer.Raw != unknown.Raw {
			t.Errorf("%s: got %d %s, want %d %s", path, code, answer.Raw, unknownCode, unknown.Raw)
		}
	}
}
