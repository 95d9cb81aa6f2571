package main_test

import (
	"fmt"
	"net/http"
	"net/url"
	"testing"

	"github.com/tidwall/gjson"
)

// TestKindsByStockClients makes each kind of room with what stock clients send, and finds
// that they keep to it.
func TestKindsByStockClients(t *testing.T) {
	each(t, func(t *testing.T, in installation) {
		o := mustOpenOffice(t, in)
		boss, ana, bia, eva := o.mustHire(t, "1", "administrator"), o.mustHire(t, "2", "agent"), o.mustHire(t, "3", "agent"), o.mustHire(t, "4", "agent")
		kindOf := func(room string) string {
			t.Helper()
			return boss.roomOf(t, ana, room).Get("kind").Str
		}
		for name, c := range map[string]struct{ body, kind, joinRule string }{
			"Element's private room": {`{"preset":"private_chat","visibility":"private","name":"x","initial_state":[{"type":"m.room.encryption","state_key":"","content":{"algorithm":"m.megolm.v1.aes-sha2"}},{"type":"m.room.guest_access","state_key":"","content":{"guest_access":"can_join"}}]}`, "private", "invite"},
			"Element's public room":  {`{"preset":"public_chat","visibility":"public","name":"x"}`, "public", "public"},
			"a group":                {`{"is_direct":true,"preset":"trusted_private_chat","invite":["@u3:acme.test","@u4:acme.test"]}`, "private", "invite"},
		} {
			room := ana.mustCreate(t, c.body)
			if got := kindOf(room); got != c.kind {
				t.Errorf("%s: got the kind %q, want %s", name, got, c.kind)
			}
			if got := ana.mustState(t, room, "m.room.join_rules", "").Get("join_rule").Str; got != c.joinRule {
				t.Errorf("%s: got the join rule %q, want %s", name, got, c.joinRule)
			}
			ana.mustBeRefused(t, http.StatusNotFound, "M_NOT_FOUND", http.MethodGet, inState(room, "m.room.encryption", ""), "")
			o.mustStayOnTheLadder(t, room, ana, bia, eva)
		}
		ana.mustBeRefused(t, http.StatusForbidden, "M_FORBIDDEN", http.MethodPost, "/createRoom", `{"power_level_content_override":{"events_default":50}}`)
		ana.mustBeRefused(t, http.StatusForbidden, "M_FORBIDDEN", http.MethodPost, "/createRoom", `{"creation_content":{"type":"m.space"}}`)
		ana.mustBeRefused(t, http.StatusBadRequest, "M_UNSUPPORTED_ROOM_VERSION", http.MethodPost, "/createRoom", `{"room_version":"12"}`)
		ana.mustBeRefused(t, http.StatusForbidden, "M_FORBIDDEN", http.MethodPost, "/createRoom", `{"invite":["@somebody:elsewhere.test"]}`)

		// Two people have one room, and who left it is back with the next word.
		direct := ana.mustCreate(t, `{"is_direct":true,"preset":"trusted_private_chat","invite":["@u3:acme.test"]}`)
		if again := bia.mustCreate(t, `{"is_direct":true,"invite":["@u2:acme.test"]}`); again != direct {
			t.Errorf("got two rooms, %s and %s", direct, again)
		}
		bia.must(t, http.MethodPut, "/user/"+url.PathEscape(bia.id)+"/account_data/m.direct", `{}`)
		if got := bia.must(t, http.MethodGet, "/user/"+url.PathEscape(bia.id)+"/account_data/m.direct", ""); member(got, ana.id).Get("0").Str != direct {
			t.Errorf("got m.direct %s, want the room in it", got.Raw)
		}
		bia.mustLeave(t, direct)
		ana.mustSay(t, direct, "still there?")
		bia.mustBeRefused(t, http.StatusForbidden, "M_FORBIDDEN", http.MethodPost, inRoom(direct)+"/invite", `{"user_id":%q}`, eva.id)
		if got := len(bia.must(t, http.MethodGet, inRoom(direct)+"/messages?dir=b&limit=1", "").Get("chunk").Array()); got != 1 {
			t.Error("who came back does not read")
		}
	})
}

// roomOf gives a room as its member's sidebar has it.
func (a *asker) roomOf(t testing.TB, of *asker, room string) gjson.Result {
	t.Helper()
	return of.must(t, http.MethodGet, team+"/rooms", "").Get(fmt.Sprintf("rooms.#(room_id==%q)", room))
}

// mustStayOnTheLadder promotes and demotes by a stock client's power levels: roles are
// on the ladder, the last owner stays, and who is added is there at once.
func (o *office) mustStayOnTheLadder(t testing.TB, room string, owner, other, third *asker) {
	t.Helper()
	for _, whom := range []*asker{other, third} {
		if !member(owner.must(t, http.MethodGet, inRoom(room)+"/joined_members", "").Get("joined"), whom.id).Exists() {
			owner.mustInvite(t, room, whom)
		}
		whom.must(t, http.MethodGet, inRoom(room)+"/state", "") // without an answer to the invitation
	}
	levels := inState(room, "m.room.power_levels", "")
	owner.must(t, http.MethodPut, levels, `{"users":{%q:150,%q:100},"kick":0,"events":{"m.room.join_rules":0,"m.room.topic":10}}`, owner.id, other.id)
	set := owner.mustState(t, room, "m.room.power_levels", "")
	for path, want := range map[string]int64{"kick": 100, `events.m\.room\.join_rules`: 200, `events.m\.room\.topic`: 100, "state_default": 100} {
		if got := set.Get(path).Int(); got != want {
			t.Errorf("got %d for %s, want %d", got, path, want)
		}
	}
	for _, refused := range []string{
		`{"users":{%[1]q:100,%[2]q:100}}`, `{"users":{%[1]q:150,%[2]q:75}}`, `{"users":{%[2]q:100}}`,
	} {
		owner.mustBeRefused(t, http.StatusForbidden, "M_FORBIDDEN", http.MethodPut, levels, refused, owner.id, other.id)
	}
	third.mustBeRefused(t, http.StatusForbidden, "M_FORBIDDEN", http.MethodPut, levels, `{"users":{%q:150,%q:100,%q:100}}`, owner.id, other.id, third.id)
	owner.mustBeRefused(t, http.StatusForbidden, "M_FORBIDDEN", http.MethodPost, inRoom(room)+"/leave", `{}`)
	other.must(t, http.MethodPost, inRoom(room)+"/kick", `{"user_id":%q}`, third.id)
	owner.must(t, http.MethodPut, levels, `{"users":{%q:150,%q:150}}`, owner.id, other.id)
	owner.mustLeave(t, room)
	other.must(t, http.MethodPut, inState(room, "m.room.name", ""), `{"name":"mine now"}`)
	other.mustInvite(t, room, owner)
}
