package main_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"testing"

	"github.com/tidwall/gjson"
)

// mustMakeSpace makes a space that anybody may join.
func (a *asker) mustMakeSpace(t testing.TB, name string) string {
	t.Helper()
	return a.mustCreate(t, `{"preset":"public_chat","name":%q,"creation_content":{"type":"m.space"}}`, name)
}

// mustLink puts a room into a space.
func (a *asker) mustLink(t testing.TB, space, room string, more string) string {
	t.Helper()
	return a.mustPutState(t, space, "m.space.child", room, `{"via":["hs1"]%s}`, more)
}

// mustAllow makes a room whose version and rule these are, which members of the
// other room may join.
func (a *asker) mustAllow(t testing.TB, version, rule, other string) string {
	t.Helper()
	return a.mustCreate(t, `{"preset":"public_chat","name":"Room","room_version":%q,"initial_state":[{"type":"m.room.join_rules","state_key":"",
		"content":{"join_rule":%q,"allow":[{"type":"m.room_membership","room_id":%q,"via":["hs1"]}]}}]}`, version, rule, other)
}

// hierarchy is the tree of a space, and how it is asked for.
func (a *asker) hierarchy(t testing.TB, space string, parameters ...string) gjson.Result {
	t.Helper()
	return a.must(t, http.MethodGet, "/_matrix/client/v1"+inRoom(space)+"/hierarchy?"+query(parameters...), "")
}

// mustFind demands the rooms of a tree, in any order.
func mustFind(t testing.TB, what string, tree gjson.Result, rooms ...string) {
	t.Helper()
	slices.Sort(rooms)
	mustBe(t, what, strs(tree.Get("rooms.#.room_id")), rooms)
}

// links are the edges of a tree, as parent and child.
func links(tree gjson.Result) (all []string) {
	for _, room := range tree.Get("rooms").Array() {
		for _, child := range room.Get("children_state").Array() {
			all = append(all, room.Get("room_id").Str+" "+child.Get("state_key").Str)
		}
	}
	slices.Sort(all)
	return all
}

var spacesChecks = checks{
	"RestrictedRoomsSpacesSummaryLocal": func(t *testing.T, hs *homeserver) {
		alice, bob := hs.mustRegister(t, "alice"), hs.mustRegister(t, "bob")
		space := alice.mustCreate(t, `{"preset":"public_chat","name":"Space","creation_content":{"type":"m.space"},
			"initial_state":[{"type":"m.room.history_visibility","state_key":"","content":{"history_visibility":"world_readable"}}]}`)
		room := alice.mustAllow(t, "8", "restricted", space)
		alice.mustLink(t, space, room, "")
		mustFind(t, "from outside", bob.hierarchy(t, space), space)
		bob.mustJoin(t, space)
		tree := bob.hierarchy(t, space)
		mustFind(t, "from inside", tree, space, room)
		for _, r := range tree.Get("rooms").Array() {
			if r.Get("room_id").Str == room {
				mustBe(t, "the rooms whose members may join", strs(r.Get("allowed_room_ids")), []string{space})
				mustBe(t, "the join rule", r.Get("join_rule").Str, "restricted")
				mustBe(t, "the version", r.Get("room_version").Str, "8")
			}
		}
		bob.mustLeave(t, space)
		mustFind(t, "from outside again", bob.hierarchy(t, space), space)
	},
	"ClientSpacesSummary": func(t *testing.T, hs *homeserver) {
		alice := hs.mustRegister(t, "alice")
		public := func(name string) string { return alice.mustCreate(t, `{"preset":"public_chat","name":%q}`, name) }
		root, space1, space2 := alice.mustMakeSpace(t, "Root"), alice.mustMakeSpace(t, "SS1"), alice.mustMakeSpace(t, "SS2")
		room1, room2, room3, room4 := public("R1"), public("R2"), public("R3"), public("R4")
		alice.mustLink(t, root, room1, `,"suggested":true`)
		first := alice.mustLink(t, root, space1, "")
		alice.mustLink(t, root, room2, `,"suggested":true`)
		alice.mustLink(t, space1, space2, "")
		alice.mustLink(t, space2, room3, "")
		alice.mustLink(t, space2, room4, "")
		alice.mustPutState(t, room1, "m.space.child", room4, `{"via":["hs1"]}`) // not a space: it has no children

		whole := []string{root, room1, space1, room2, space2, room3, room4}
		edges := []string{root + " " + room1, root + " " + space1, root + " " + room2, space1 + " " + space2, space2 + " " + room3, space2 + " " + room4}
		slices.Sort(edges)
		tree := alice.hierarchy(t, root)
		mustFind(t, "the whole", tree, whole...)
		mustBe(t, "its links", links(tree), edges)
		mustBe(t, "the root comes first", tree.Get("rooms.0.room_id").Str, root)
		top := tree.Get("rooms.0")
		mustBe(t, "the root's name", top.Get("name").Str, "Root")
		mustBe(t, "its type", top.Get("room_type").Str, "m.space")
		mustBe(t, "its members", top.Get("num_joined_members").Raw, "1")
		mustBe(t, "its join rule", top.Get("join_rule").Str, "public")
		mustBe(t, "guests may join", top.Get("guest_can_join").Type, gjson.False)
		mustBe(t, "all may read", top.Get("world_readable").Type, gjson.False)
		for _, child := range top.Get("children_state").Array() {
			mustBe(t, "the link's type", child.Get("type").Str, "m.space.child")
			mustBe(t, "the link's sender", child.Get("sender").Str, alice.id)
			mustBe(t, "the link's servers", strs(child.Get("content.via")), []string{"hs1"})
			mustBe(t, "the link has a time", child.Get("origin_server_ts").Int() > 0, true)
		}
		mustFind(t, "one level", alice.hierarchy(t, root, "max_depth", "1"), root, room1, space1, room2)
		suggested := alice.hierarchy(t, root, "suggested_only", "true")
		mustFind(t, "what is suggested", suggested, root, room1, room2)
		mustBe(t, "its links", len(links(suggested)), 2)

		var paged []string
		from := ""
		for range len(whole) {
			parameters := []string{"limit", "4"}
			if from != "" {
				parameters = append(parameters, "from", from)
			}
			page := alice.hierarchy(t, root, parameters...)
			if n := len(page.Get("rooms").Array()); n > 4 {
				t.Errorf("got a page of %d, want 4 at most", n)
			}
			paged = append(paged, strs(page.Get("rooms.#.room_id"))...)
			if from = page.Get("next_batch").Str; from == "" {
				break
			}
		}
		slices.Sort(paged)
		slices.Sort(whole)
		mustBe(t, "all pages", paged, whole)

		alice.must(t, http.MethodPut, inRoom(root)+"/redact/"+first+"/txn", `{}`)
		mustFind(t, "without a redacted link", alice.hierarchy(t, root), root, room1, room2)
		alice.mustPutState(t, root, "m.space.child", room1, `{}`)
		mustFind(t, "without a removed link", alice.hierarchy(t, root), root, room2)
	},
	"ClientSpacesSummaryJoinRules": func(t *testing.T, hs *homeserver) {
		alice, bob := hs.mustRegister(t, "alice"), hs.mustRegister(t, "bob")
		root := alice.mustMakeSpace(t, "Root")
		shut := alice.mustCreate(t, `{"preset":"private_chat","name":"R1"}`)
		shutSpace := alice.mustCreate(t, `{"preset":"private_chat","name":"SS1","creation_content":{"type":"m.space"}}`)
		behind := alice.mustCreate(t, `{"preset":"public_chat","name":"R2"}`)
		alice.mustLink(t, root, shut, "")
		alice.mustLink(t, root, shutSpace, "")
		alice.mustLink(t, shutSpace, behind, "")
		mustFind(t, "one's own", alice.hierarchy(t, root), root, shut, shutSpace, behind)
		tree := bob.hierarchy(t, root)
		mustFind(t, "another's", tree, root)
		mustBe(t, "the links of another's", len(links(tree)), 2)
		alice.mustInvite(t, shut, bob)
		alice.mustInvite(t, shutSpace, bob)
		mustFind(t, "another's, invited", bob.hierarchy(t, root), root, shut, shutSpace, behind)
		bob.mustBeRefused(t, http.StatusForbidden, "M_FORBIDDEN", http.MethodGet, "/_matrix/client/v1"+inRoom(alice.mustCreate(t, `{}`))+"/hierarchy", "")
	},
	"RoomSummaryAllowedRoomIDs": func(t *testing.T, hs *homeserver) {
		alice, bob := hs.mustRegister(t, "alice"), hs.mustRegister(t, "bob")
		space := alice.mustMakeSpace(t, "Space")
		room := alice.mustAllow(t, "8", "restricted", space)
		summary := "/_matrix/client/v1/room_summary/" + url.PathEscape(room)
		bob.mustJoin(t, space)
		for reader, membership := range map[*asker]string{alice: "join", bob: "leave"} {
			got := reader.must(t, http.MethodGet, summary, "")
			mustBe(t, "the room", got.Get("room_id").Str, room)
			mustBe(t, "the name", got.Get("name").Str, "Room")
			mustBe(t, "the rooms whose members may join", strs(got.Get("allowed_room_ids")), []string{space})
			mustBe(t, "the join rule", got.Get("join_rule").Str, "restricted")
			mustBe(t, "the version", got.Get("room_version").Str, "8")
			mustBe(t, "the members", got.Get("num_joined_members").Raw, "1")
			mustBe(t, "the membership", got.Get("membership").Str, membership)
		}
		hs.mustRegister(t, "charlie").mustBeRefused(t, http.StatusNotFound, "M_NOT_FOUND", http.MethodGet, summary, "")
	},
}

// restricted checks the joins by way of another room, of one rule.
func restricted(version, rule string) func(*testing.T, *homeserver) {
	return func(t *testing.T, hs *homeserver) {
		alice, bob := hs.mustRegister(t, "alice"), hs.mustRegister(t, "bob")
		other := alice.mustCreate(t, `{"preset":"public_chat"}`)
		room := alice.mustAllow(t, version, rule, other)
		fail := func() {
			t.Helper()
			bob.mustBeRefused(t, http.StatusForbidden, "M_FORBIDDEN", http.MethodPost, "/join/"+url.PathEscape(room), `{}`)
		}
		fail()
		bob.mustJoin(t, other)
		bob.mustJoin(t, room)
		content := alice.must(t, http.MethodGet, inState(room, "m.room.member", bob.id), "")
		mustBe(t, "who let Bob in", content.Get("join_authorised_via_users_server").Str, alice.id)
		// A change of one's own member event needs nobody.
		bob.mustPutState(t, room, "m.room.member", bob.id, `{"membership":"join","displayname":"Bobby","join_authorised_via_users_server":"unused"}`)
		bob.mustLeave(t, room)
		bob.mustLeave(t, other)
		fail()
		alice.mustInvite(t, room, bob)
		bob.mustJoin(t, room)
		bob.mustLeave(t, room)

		// With what cannot be understood, nobody is let in.
		bob.mustJoin(t, other)
		for _, allow := range []string{
			`"invalid"`, `{}`, `[]`, `["invalid"]`, `[{}]`, `[{"type":"m.room_membership"}]`,
			`[{"type":"m.room_membership","room_id":7,"via":["hs1"]}]`,
			fmt.Sprintf(`[{"type":"invalid","room_id":%q,"via":["hs1"]}]`, other),
		} {
			alice.mustPutState(t, room, "m.room.join_rules", "", `{"join_rule":%q,"allow":%s}`, rule, allow)
			fail()
		}
		alice.mustPutState(t, room, "m.room.join_rules", "", `{"join_rule":%q,"allow":["invalid",{"type":"m.room_membership","room_id":%q}]}`, rule, other)
		bob.mustJoin(t, room)
		bob.mustLeave(t, room)

		// Who is banned is not let in, and nobody is by one who may not invite.
		alice.must(t, http.MethodPost, inRoom(room)+"/ban", `{"user_id":%q}`, bob.id)
		fail()
		alice.must(t, http.MethodPost, inRoom(room)+"/unban", `{"user_id":%q}`, bob.id)
		alice.mustPutState(t, room, "m.room.power_levels", "", `{"invite":100,"users":{%q:100}}`, alice.id)
		for _, who := range []*asker{hs.mustRegister(t, "charlie"), bob} {
			who.mustJoin(t, other)
			who.mustJoin(t, room)
			mustBe(t, "who let them in", alice.must(t, http.MethodGet, inState(room, "m.room.member", who.id), "").Get("join_authorised_via_users_server").Str, alice.id)
		}
		bob.mustLeave(t, room)
		alice.mustLeave(t, room)
		fail()
	}
}

// knockable checks how a room in the directory looks that one may knock at.
func knockable(version, rule string) func(*testing.T, *homeserver) {
	return func(t *testing.T, hs *homeserver) {
		alice := hs.mustRegister(t, "alice")
		name := hs.fresh("Knock")
		room := alice.mustCreate(t, `{"visibility":"public","preset":"private_chat","name":%q,"room_version":%q,
			"initial_state":[{"type":"m.room.join_rules","state_key":"","content":{"join_rule":%q}}]}`, name, version, rule)
		found := hs.mustRegister(t, "bob").must(t, http.MethodPost, "/publicRooms", `{"filter":{"generic_search_term":%q}}`, name)
		mustBe(t, "the rooms", strs(found.Get("chunk.#.room_id")), []string{room})
		mustBe(t, "the join rule", found.Get("chunk.0.join_rule").Str, rule)
		listed := map[string]string{}
		for _, r := range alice.must(t, http.MethodGet, "/publicRooms", "").Get("chunk").Array() {
			listed[r.Get("room_id").Str] = r.Get("join_rule").Str
		}
		mustBe(t, "the join rule in the whole list", listed[room], rule)
	}
}

var restrictedChecks = checks{
	"KnockRoomsInPublicRoomsDirectoryInMSC3787Room": knockable("10", "knock_restricted"),
	"RestrictedRoomsLocalJoinInMSC3787Room":         restricted("10", "knock_restricted"),
	"KnockRoomsInPublicRoomsDirectory":              knockable("7", "knock"),
	"RestrictedRoomsLocalJoin":                      restricted("8", "restricted"),
}
