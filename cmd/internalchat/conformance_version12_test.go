package main_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/tidwall/gjson"
)

// levelsOf are a room's power levels.
func levelsOf(t testing.TB, a *asker, room string) gjson.Result {
	t.Helper()
	return a.must(t, http.MethodGet, inState(room, "m.room.power_levels", ""), "")
}

// mustHaveCreators demands the additional creators in the create event, and that no
// creator has a power level.
func mustHaveCreators(t testing.TB, a *asker, room string, additional ...*asker) {
	t.Helper()
	want := []string{}
	for _, creator := range additional {
		want = append(want, creator.id)
	}
	slices.Sort(want)
	mustBe(t, "the additional creators", strs(a.must(t, http.MethodGet, inState(room, "m.room.create", ""), "").Get("additional_creators")), want)
	users := levelsOf(t, a, room).Get("users")
	for _, creator := range append(additional, a) {
		mustBe(t, "a creator's power level", member(users, creator.id).Raw, "")
	}
}

// mustUpgrade upgrades a room to version 12, and gives its replacement.
func (a *asker) mustUpgrade(t testing.TB, room, more string) string {
	t.Helper()
	return a.must(t, http.MethodPost, inRoom(room)+"/upgrade", `{"new_version":"12"%s}`, more).Get("replacement_room").Str
}

// mustBeTheHash demands that a room's ID is made of its create event's.
func mustBeTheHash(t testing.TB, a *asker, room string) {
	t.Helper()
	create := a.must(t, http.MethodGet, inState(room, "m.room.create", "")+"?format=event", "").Get("event_id").Str
	mustBe(t, "the room's ID", room, "!"+strings.TrimPrefix(create, "$"))
	mustBe(t, "the room's ID has a server name", strings.Contains(room, ":"), false)
	answer := a.mustSyncUntil(t, "the create event", inTimeline(room, create), "filter", `{"room":{"timeline":{"limit":50}}}`)
	mustBe(t, "the room is joined", joined(answer, room).Exists(), true)
}

var version12Checks = checks{
	"MSC4289PrivilegedRoomCreators": func(t *testing.T, hs *homeserver) {
		alice, bob, charlie := hs.mustRegister(t, "alice"), hs.mustRegister(t, "bob"), hs.mustRegister(t, "charlie")
		room := alice.mustCreate(t, `{"room_version":"12","preset":"public_chat"}`)
		mustHaveCreators(t, alice, room)
		mustBe(t, "the users' levels", levelsOf(t, alice, room).Get("users").Raw, "{}")
		mustBe(t, "the level of an upgrade", levelsOf(t, alice, room).Get(`events.m\.room\.tombstone`).Raw, "150")
		bob.mustJoin(t, room)
		charlie.mustJoin(t, room)

		// As high as can be is below the creator, who has no level to be named.
		alice.mustPutState(t, room, "m.room.power_levels", "", `{"state_default":9007199254740991,"users":{%q:9007199254740991}}`, bob.id)
		for _, deed := range []string{"kick", "ban"} {
			bob.mustBeRefused(t, http.StatusForbidden, "M_FORBIDDEN", http.MethodPost, inRoom(room)+"/"+deed, `{"user_id":%q}`, alice.id)
		}
		alice.mustPutState(t, room, "m.room.name", "", `{"name":"Creators' name"}`)
		for _, who := range []*asker{alice, bob} {
			who.mustBeRefused(t, http.StatusBadRequest, "", http.MethodPut, inState(room, "m.room.power_levels", ""), `{"users":{%q:100,%q:9007199254740991}}`, alice.id, bob.id)
		}
		alice.mustBeRefused(t, http.StatusBadRequest, "", http.MethodPut, inState(room, "m.room.power_levels", ""), `{"users":{%q:9007199254740992}}`, bob.id)
		alice.must(t, http.MethodPost, inRoom(room)+"/kick", `{"user_id":%q}`, bob.id)
		alice.mustBeRefused(t, http.StatusBadRequest, "", http.MethodPost, "/createRoom",
			`{"room_version":"12","power_level_content_override":{"users":{%q:100}}}`, alice.id)
		mustBe(t, "a given level", member(levelsOf(t, alice, alice.mustCreate(t,
			`{"room_version":"12","power_level_content_override":{"users":{%q:50}}}`, charlie.id)).Get("users"), charlie.id).Raw, "50")
	},
	"MSC4289PrivilegedRoomCreators_Additional": func(t *testing.T, hs *homeserver) {
		alice, bob, charlie := hs.mustRegister(t, "alice"), hs.mustRegister(t, "bob"), hs.mustRegister(t, "charlie")
		room := alice.mustCreate(t, `{"room_version":"12","preset":"public_chat","creation_content":{"additional_creators":[%q]}}`, bob.id)
		mustHaveCreators(t, alice, room, bob)
		bob.mustJoin(t, room)
		charlie.mustJoin(t, room)
		bob.mustPutState(t, room, "m.room.power_levels", "", `{"users":{%q:100}}`, charlie.id)
		for _, creator := range []*asker{alice, bob} {
			for _, other := range []*asker{alice, bob} {
				if other != creator {
					creator.mustBeRefused(t, http.StatusForbidden, "M_FORBIDDEN", http.MethodPost, inRoom(room)+"/kick", `{"user_id":%q}`, other.id)
				}
			}
			charlie.mustBeRefused(t, http.StatusForbidden, "M_FORBIDDEN", http.MethodPost, inRoom(room)+"/kick", `{"user_id":%q}`, creator.id)
			bob.mustBeRefused(t, http.StatusBadRequest, "", http.MethodPut, inState(room, "m.room.power_levels", ""), `{"users":{%q:100}}`, creator.id)
		}
		bob.must(t, http.MethodPost, inRoom(room)+"/kick", `{"user_id":%q}`, charlie.id)
		alice.mustBeRefused(t, http.StatusBadRequest, "", http.MethodPost, "/createRoom", `{"room_version":"12",
			"creation_content":{"additional_creators":[%q]},"power_level_content_override":{"users":{%q:100}}}`, bob.id, bob.id)
	},
	"MSC4289PrivilegedRoomCreators_InvitedAreCreators": func(t *testing.T, hs *homeserver) {
		alice, bob := hs.mustRegister(t, "alice"), hs.mustRegister(t, "bob")
		room := alice.mustCreate(t, `{"room_version":"12","preset":"trusted_private_chat","invite":[%q]}`, bob.id)
		mustHaveCreators(t, alice, room, bob)
		bob.mustJoin(t, room)
		alice.mustBeRefused(t, http.StatusForbidden, "M_FORBIDDEN", http.MethodPost, inRoom(room)+"/kick", `{"user_id":%q}`, bob.id)
		private := alice.mustCreate(t, `{"room_version":"12","preset":"private_chat","invite":[%q]}`, bob.id)
		mustHaveCreators(t, alice, private)
	},
	"MSC4289PrivilegedRoomCreators_AdditionalCreatorsAndInvited": func(t *testing.T, hs *homeserver) {
		alice, bob, charlie := hs.mustRegister(t, "alice"), hs.mustRegister(t, "bob"), hs.mustRegister(t, "charlie")
		room := alice.mustCreate(t, `{"room_version":"12","preset":"trusted_private_chat","invite":[%q],
			"creation_content":{"additional_creators":[%q]}}`, bob.id, charlie.id)
		mustHaveCreators(t, alice, room, bob, charlie)
		room = alice.mustCreate(t, `{"room_version":"12","preset":"trusted_private_chat","invite":[%q,%q],
			"creation_content":{"additional_creators":[%q]}}`, bob.id, charlie.id, bob.id)
		mustHaveCreators(t, alice, room, bob, charlie)
	},
	"MSC4289PrivilegedRoomCreators_AdditionalValidation": func(t *testing.T, hs *homeserver) {
		alice := hs.mustRegister(t, "alice")
		for _, creators := range []string{
			`"not a list"`, `{}`, `42`, `[42]`, `[{}]`, `[null]`, `[""]`, `["not a user"]`, `["!room:hs1"]`, `["@nodomain"]`,
			`["@user:hs1",42]`, fmt.Sprintf(`["@%s:hs1"]`, strings.Repeat("a", 255)), `["@user:not a domain"]`, `["@invalid:dom$ain$.com"]`,
		} {
			code, answer := alice.ask(t, http.MethodPost, "/createRoom", `{"room_version":"12","creation_content":{"additional_creators":%s}}`, creators)
			if code != http.StatusBadRequest {
				t.Errorf("%s: got %d %s, want 400", creators, code, answer.Raw)
			}
		}
		alice.mustCreate(t, `{"room_version":"12","creation_content":{"additional_creators":["@foo:example.com","@bar:baz.code"]}}`)
	},
	"MSC4289PrivilegedRoomCreators_Upgrades": func(t *testing.T, hs *homeserver) {
		alice, bob, charlie := hs.mustRegister(t, "alice"), hs.mustRegister(t, "bob"), hs.mustRegister(t, "charlie")
		old := alice.mustCreate(t, `{"room_version":"11","preset":"public_chat","power_level_content_override":{"users":{%q:100,%q:100,%q:50}}}`, alice.id, bob.id, charlie.id)
		bob.mustJoin(t, old)
		upgraded := alice.mustUpgrade(t, old, "")
		mustHaveCreators(t, alice, upgraded)
		users := levelsOf(t, alice, upgraded).Get("users")
		mustBe(t, "the other administrator's level", member(users, bob.id).Raw, "100")
		mustBe(t, "the moderator's level", member(users, charlie.id).Raw, "50")
		mustBe(t, "the predecessor", alice.must(t, http.MethodGet, inState(upgraded, "m.room.create", ""), "").Get("predecessor.room_id").Str, old)
		mustBe(t, "the replacement", alice.must(t, http.MethodGet, inState(old, "m.room.tombstone", ""), "").Get("replacement_room").Str, upgraded)

		// Creators are named anew by each upgrade, and those there were lose it.
		named := alice.mustUpgrade(t, upgraded, fmt.Sprintf(`,"additional_creators":[%q]`, bob.id))
		mustHaveCreators(t, alice, named, bob)
		mustBe(t, "the moderator's level after both", member(levelsOf(t, alice, named).Get("users"), charlie.id).Raw, "50")
		bob.mustJoin(t, named)
		mine := bob.mustUpgrade(t, named, "")
		mustHaveCreators(t, bob, mine)
		mustBe(t, "the last creator", bob.must(t, http.MethodGet, inState(mine, "m.room.create", "")+"?format=event", "").Get("sender").Str, bob.id)
		mustHaveCreators(t, bob, bob.mustUpgrade(t, mine, fmt.Sprintf(`,"additional_creators":[%q,%q]`, alice.id, charlie.id)), alice, charlie)

		// By one who is no creator, and whose own level goes with the room.
		for _, test := range []struct {
			version, levels, more, users string
			additional                   []*asker
		}{
			{"11", fmt.Sprintf(`{%q:100}`, bob.id), "", `{}`, nil},
			{"11", fmt.Sprintf(`{%q:100,%q:100}`, bob.id, charlie.id), "", fmt.Sprintf(`{%q:100}`, charlie.id), nil},
			{"12", fmt.Sprintf(`{%q:150}`, bob.id), fmt.Sprintf(`,"additional_creators":[%q]`, charlie.id), `{}`, []*asker{charlie}},
			{"12", fmt.Sprintf(`{%q:150,%q:50}`, bob.id, charlie.id), fmt.Sprintf(`,"additional_creators":[%q]`, charlie.id), `{}`, []*asker{charlie}},
		} {
			room := alice.mustCreate(t, `{"room_version":%q,"preset":"public_chat"}`, test.version)
			bob.mustJoin(t, room)
			alice.mustPutState(t, room, "m.room.power_levels", "", `{"users":%s}`, test.levels)
			upgraded := bob.mustUpgrade(t, room, test.more)
			mustHaveCreators(t, bob, upgraded, test.additional...)
			mustBe(t, "the users' levels", levelsOf(t, bob, upgraded).Get("users").Raw, test.users)
		}
		alice.mustBeRefused(t, http.StatusBadRequest, "", http.MethodPost, inRoom(alice.mustCreate(t, `{}`))+"/upgrade", `{"new_version":"12","additional_creators":["nobody"]}`)
	},
	"MSC4291RoomIDAsHashOfCreateEvent": func(t *testing.T, hs *homeserver) {
		alice := hs.mustRegister(t, "alice")
		mustBeTheHash(t, alice, alice.mustCreate(t, `{"room_version":"12","preset":"public_chat"}`))
	},
	"MSC4291RoomIDAsHashOfCreateEvent_UpgradedRooms": func(t *testing.T, hs *homeserver) {
		alice := hs.mustRegister(t, "alice")
		for _, version := range []string{"10", "11", "12"} {
			old := alice.mustCreate(t, `{"room_version":%q,"preset":"public_chat"}`, version)
			upgraded := alice.mustUpgrade(t, old, "")
			mustBeTheHash(t, alice, upgraded)
			predecessor := alice.must(t, http.MethodGet, inState(upgraded, "m.room.create", ""), "").Get("predecessor")
			mustBe(t, "the predecessor", predecessor.Get("room_id").Str, old)
			mustBe(t, "the predecessor's last event is named", predecessor.Get("event_id").Exists(), false)
			mustBe(t, "the replacement", alice.must(t, http.MethodGet, inState(old, "m.room.tombstone", ""), "").Get("replacement_room").Str, upgraded)
		}
	},
	"MSC4291RoomIDAsHashOfCreateEvent_CannotSendCreateEvent": func(t *testing.T, hs *homeserver) {
		alice := hs.mustRegister(t, "alice")
		for _, version := range []string{"11", "12"} {
			room := alice.mustCreate(t, `{"room_version":%q}`, version)
			for _, path := range []string{"/state/m.room.create/", "/state/m.room.create", "/state/m.room.create/key", "/send/m.room.create/txn"} {
				alice.mustBeRefused(t, http.StatusBadRequest, "", http.MethodPut, inRoom(room)+path, `{"room_version":%q}`, version)
			}
		}
	},
	"MSC4291RoomIDAsHashOfCreateEvent_RoomIDIsOnCreateEvent": func(t *testing.T, hs *homeserver) {
		alice := hs.mustRegister(t, "alice")
		room := alice.mustCreate(t, `{"room_version":"12","preset":"public_chat"}`)
		create := "$" + strings.TrimPrefix(room, "!")
		said := alice.mustSay(t, room, "hello")
		context := alice.must(t, http.MethodGet, inRoom(room)+"/context/"+url.PathEscape(create)+"?limit=3", "")
		around := alice.must(t, http.MethodGet, inRoom(room)+"/context/"+url.PathEscape(said)+"?limit=100", "")
		first := stateIn(alice.must(t, http.MethodGet, inRoom(room)+"/messages?dir=f", "").Get("chunk"), "m.room.create", "")
		for what, event := range map[string]gjson.Result{
			"/event":                      alice.must(t, http.MethodGet, inEvent(room, create), ""),
			"/context":                    context.Get("event"),
			"/context, what came before":  stateIn(around.Get("events_before"), "m.room.create", ""),
			"/context, its state":         stateIn(around.Get("state"), "m.room.create", ""),
			"/messages":                   first,
			"/state":                      stateIn(alice.must(t, http.MethodGet, inRoom(room)+"/state", ""), "m.room.create", ""),
			"/state/m.room.create, whole": alice.must(t, http.MethodGet, inState(room, "m.room.create", "")+"?format=event", ""),
		} {
			mustBe(t, what+": the room's ID", event.Get("room_id").Str, room)
			mustBe(t, what+": the event's ID", event.Get("event_id").Str, create)
		}
		mustBe(t, "/sync: the room's ID", stateIn(joined(alice.mustSync(t), room).Get("timeline.events"), "m.room.create", "").Get("room_id").Exists(), false)
	},
}
