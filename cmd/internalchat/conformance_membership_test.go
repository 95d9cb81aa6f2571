package main_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/tidwall/gjson"
)

var membershipChecks = checks{
	"IsDirectFlagLocal": func(t *testing.T, hs *homeserver) {
		alice, bob := hs.mustRegister(t, "alice"), hs.mustRegister(t, "bob")
		room := alice.mustCreate(t, `{"invite":[%q],"is_direct":true}`, bob.id)
		invite := stateIn(invited(bob.mustSync(t), room).Get("invite_state.events"), "m.room.member", bob.id)
		mustBe(t, "the membership", invite.Get("content.membership").Str, "invite")
		mustBe(t, "is_direct", invite.Get("content.is_direct").Raw, "true")
	},
	"RoomForget":  parts(forgetChecks),
	"RoomMembers": parts(roomMembersChecks),
	"MembershipOnEvents": func(t *testing.T, hs *homeserver) {
		alice, bob := hs.mustRegister(t, "alice"), hs.mustRegister(t, "bob")
		room := alice.mustCreate(t, `{"preset":"public_chat"}`)
		before := alice.mustSay(t, room, "prejoin")
		bob.mustJoin(t, room)
		after := alice.mustSay(t, room, "postjoin")
		membership, seen := "leave", map[string]string{}
		for _, e := range joined(bob.mustSync(t), room).Get("timeline.events").Array() {
			if e.Get("type").Str == "m.room.member" && e.Get("state_key").Str == bob.id {
				membership = "join"
			}
			seen[e.Get("event_id").Str] = membership
			mustBe(t, "the membership beside "+e.Raw, e.Get("unsigned.membership").Str, membership)
		}
		mustBe(t, "the membership before the join", seen[before], "leave")
		mustBe(t, "the membership after the join", seen[after], "join")
	},
	"NotPresentUserCannotBanOthers": func(t *testing.T, hs *homeserver) {
		alice, bob, charlie := hs.mustRegister(t, "alice"), hs.mustRegister(t, "bob"), hs.mustRegister(t, "charlie")
		room := alice.mustCreate(t, `{"preset":"public_chat"}`)
		bob.mustJoin(t, room)
		alice.mustPutState(t, room, "m.room.power_levels", "", `{"users":{%q:100}}`, charlie.id)
		charlie.mustBeRefused(t, http.StatusForbidden, "M_FORBIDDEN", http.MethodPost, inRoom(room)+"/ban", `{"user_id":%q,"reason":"testing"}`, bob.id)
		mustBe(t, "the membership", alice.mustState(t, room, "m.room.member", bob.id).Get("membership").Str, "join")
	},
	"CannotKickNonPresentUser": func(t *testing.T, hs *homeserver) {
		alice, bob := hs.mustRegister(t, "alice"), hs.mustRegister(t, "bob")
		room := alice.mustCreate(t, `{"preset":"public_chat"}`)
		alice.mustBeRefused(t, http.StatusForbidden, "M_FORBIDDEN", http.MethodPost, inRoom(room)+"/kick", `{"user_id":%q,"reason":"testing"}`, bob.id)
	},
	"CannotKickLeftUser": func(t *testing.T, hs *homeserver) {
		alice, bob := hs.mustRegister(t, "alice"), hs.mustRegister(t, "bob")
		room := alice.mustCreate(t, `{"preset":"public_chat"}`)
		bob.mustJoin(t, room)
		bob.mustLeave(t, room)
		alice.mustBeRefused(t, http.StatusForbidden, "M_FORBIDDEN", http.MethodPost, inRoom(room)+"/kick", `{"user_id":%q,"reason":"testing"}`, bob.id)
	},
	"LeftRoomFixture": func(t *testing.T, hs *homeserver) {
		alice, bob, charlie := hs.mustRegister(t, "alice"), hs.mustRegister(t, "bob"), hs.mustRegister(t, "charlie")
		room := alice.mustCreate(t, `{"preset":"public_chat","initial_state":[{"type":"m.room.history_visibility","content":{"history_visibility":"joined"}}]}`)
		bob.mustJoin(t, room)
		say := func(when string) []string {
			alice.mustPutState(t, room, "m.room.name", "", `{"name":%q}`, "name "+when)
			alice.mustPutState(t, room, "madeup.test.state", "", `{"body":%q}`, "state "+when)
			return []string{alice.mustSay(t, room, "one "+when), alice.mustSay(t, room, "two "+when)}
		}
		before := say("before")
		bob.mustLeave(t, room)
		since := bob.mustSync(t).Get("next_batch").Str
		say("after")
		charlie.mustJoin(t, room)

		for reader, when := range map[*asker]string{bob: "before", alice: "after"} {
			mustBe(t, "the name", reader.mustState(t, room, "m.room.name", "").Get("name").Str, "name "+when)
			mustBe(t, "the state", reader.mustState(t, room, "madeup.test.state", "").Get("body").Str, "state "+when)
			all := reader.must(t, http.MethodGet, inRoom(room)+"/state", "")
			mustBe(t, "the name in all state", stateIn(all, "m.room.name", "").Get("content.name").Str, "name "+when)
		}
		mustBe(t, "the members", bob.members(t, room), map[string]string{alice.id: "join", bob.id: "leave"})
		back := bob.must(t, http.MethodGet, inRoom(room)+"/messages?"+query("dir", "b", "limit", "3", "from", since), "").Get("chunk")
		mustBe(t, "the newest that is read", back.Get("0.state_key").Str, bob.id)
		mustBe(t, "the messages", eventIDs(back)[1:], []string{before[1], before[0]})
		forward := bob.must(t, http.MethodGet, inRoom(room)+"/messages?"+query("dir", "f", "limit", "100", "from", since), "")
		mustBe(t, "the messages after the leave", forward.Get("chunk").Raw, "[]")
	},
	"GetRoomMembers": func(t *testing.T, hs *homeserver) {
		alice, bob := hs.mustRegister(t, "alice"), hs.mustRegister(t, "bob")
		room := alice.mustCreate(t, `{"preset":"public_chat"}`)
		bob.mustJoin(t, room)
		mustBe(t, "the members", alice.members(t, room), map[string]string{alice.id: "join", bob.id: "join"})
		for _, in := range alice.must(t, http.MethodGet, inRoom(room)+"/members", "").Get("chunk.#.room_id").Array() {
			mustBe(t, "the room", in.Str, room)
		}
	},
	"GetRoomMembersAtPoint": func(t *testing.T, hs *homeserver) {
		alice, bob := hs.mustRegister(t, "alice"), hs.mustRegister(t, "bob")
		room := alice.mustCreate(t, `{"preset":"public_chat"}`)
		alice.mustSay(t, room, "Hello world!")
		point := joined(alice.mustSync(t), room).Get("timeline.prev_batch").Str
		bob.mustJoin(t, room)
		bob.mustSay(t, room, "Hello back")
		mustBe(t, "the members then", alice.members(t, room, "at", point), map[string]string{alice.id: "join"})
	},
	"GetFilteredRoomMembers": func(t *testing.T, hs *homeserver) {
		alice, bob := hs.mustRegister(t, "alice"), hs.mustRegister(t, "bob")
		room := alice.mustCreate(t, `{"preset":"public_chat"}`)
		bob.mustJoin(t, room)
		bob.mustLeave(t, room)
		here, gone := map[string]string{alice.id: "join"}, map[string]string{bob.id: "leave"}
		mustBe(t, "all but who has left", alice.members(t, room, "not_membership", "leave"), here)
		mustBe(t, "who has joined", alice.members(t, room, "membership", "join"), here)
		mustBe(t, "who has left", alice.members(t, room, "membership", "leave"), gone)
	},
	"RoomsInvite":  parts(inviteChecks),
	"MembersLocal": parts(membersLocalChecks),
}

// members are the memberships that /members tells, by user.
func (a *asker) members(t testing.TB, room string, parameters ...string) map[string]string {
	t.Helper()
	told := map[string]string{}
	for _, e := range a.must(t, http.MethodGet, inRoom(room)+"/members?"+query(parameters...), "").Get("chunk").Array() {
		mustBe(t, "the type", e.Get("type").Str, "m.room.member")
		told[e.Get("state_key").Str] = e.Get("content.membership").Str
	}
	return told
}

var forgetChecks = checks{
	"a room one is in": func(t *testing.T, hs *homeserver) {
		alice := hs.mustRegister(t, "alice")
		room := alice.mustCreate(t, `{"preset":"private_chat"}`)
		alice.mustBeRefused(t, http.StatusBadRequest, "M_UNKNOWN", http.MethodPost, inRoom(room)+"/forget", `{}`)
	},
	"a room one has left": func(t *testing.T, hs *homeserver) {
		alice, bob := hs.mustRegister(t, "alice"), hs.mustRegister(t, "bob")
		room := alice.mustCreate(t, `{"preset":"public_chat"}`)
		bob.mustJoin(t, room)
		alice.mustSay(t, room, "Hello world!")
		before := alice.mustSync(t).Get("next_batch").Str
		alice.mustLeave(t, room)
		alice.must(t, http.MethodPost, inRoom(room)+"/forget", `{}`)
		bob.mustSay(t, room, "Hello world!")

		alice.mustBeRefused(t, http.StatusForbidden, "M_FORBIDDEN", http.MethodGet, inRoom(room)+"/messages?dir=b", "")
		const filter = `{"room":{"include_leave":true}}`
		initial := alice.mustSync(t, "filter", filter)
		for _, section := range []string{"join", "invite", "leave", "knock"} {
			mustBe(t, "it is in "+section, member(initial.Get("rooms."+section), room).Exists(), false)
		}
		// Other devices have to learn that one has left.
		next := alice.mustSync(t, "since", before, "filter", filter)
		mustBe(t, "the leave is told", left(next, room).Exists(), true)
	},
	"a room one was removed from": func(t *testing.T, hs *homeserver) {
		alice, bob := hs.mustRegister(t, "alice"), hs.mustRegister(t, "bob")
		room := alice.mustCreate(t, `{"preset":"public_chat"}`)
		bob.mustJoin(t, room)
		alice.must(t, http.MethodPost, inRoom(room)+"/kick", `{"user_id":%q}`, bob.id)
		bob.must(t, http.MethodPost, inRoom(room)+"/forget", "")
		answer := bob.mustSync(t, "filter", `{"room":{"include_leave":true}}`)
		mustBe(t, "no room is left", answer.Get("rooms.@values.#.@keys.@flatten").Raw, "[]")
	},
	"invited again": func(t *testing.T, hs *homeserver) {
		alice, bob := hs.mustRegister(t, "alice"), hs.mustRegister(t, "bob")
		room := alice.mustCreate(t, `{"preset":"private_chat","invite":[%q]}`, bob.id)
		alice.mustSend(t, room, "m.room.join_rules", `{"join_rule":"invite"}`) // no state, and it is let through
		bob.mustJoin(t, room)
		before := alice.mustSay(t, room, "Before leave")
		bob.mustLeave(t, room)
		bob.must(t, http.MethodPost, inRoom(room)+"/forget", `{}`)
		bob.mustBeRefused(t, http.StatusForbidden, "M_FORBIDDEN", http.MethodPost, "/join/"+url.PathEscape(room), `{}`)
		alice.mustInvite(t, room, bob)
		bob.mustJoin(t, room)
		messages := inRoom(room) + "/messages?dir=b&limit="
		mustBe(t, "the old message is read", bob.must(t, http.MethodGet, messages+"100", "").Get(`chunk.#(event_id=="`+before+`")`).Exists(), true)
		after := alice.mustSay(t, room, "After rejoin")
		mustBe(t, "the newest message", bob.must(t, http.MethodGet, messages+"1", "").Get("chunk.0.event_id").Str, after)
		mustBe(t, "the room is joined", joined(bob.mustSync(t), room).Exists(), true)
	},
	"a room one never joined": func(t *testing.T, hs *homeserver) {
		alice, bob := hs.mustRegister(t, "alice"), hs.mustRegister(t, "bob")
		room := alice.mustCreate(t, `{"preset":"private_chat","invite":[%q]}`, bob.id)
		for _, leaver := range []*asker{bob, alice} {
			leaver.mustLeave(t, room)
			leaver.must(t, http.MethodPost, inRoom(room)+"/forget", `{}`)
		}
	},
}

var roomMembersChecks = checks{
	"join": func(t *testing.T, hs *homeserver) {
		alice := hs.mustRegister(t, "alice")
		alias := hs.alias("room_alias_random")
		room := alice.mustCreate(t, `{"visibility":"public","preset":"public_chat","room_alias":"helloWorld"}`)
		alice.mustName(t, room, alias)
		for _, path := range []string{inRoom(room) + "/join", "/join/" + url.PathEscape(alias), "/join/" + url.PathEscape(room)} {
			for body, foo := range map[string]string{"": "", `{"foo":"bar"}`: "bar"} {
				bob := hs.mustRegister(t, "bob")
				mustBe(t, "the room", bob.must(t, http.MethodPost, path, body).Get("room_id").Str, room)
				came := stateIn(joined(bob.mustSync(t), room).Get("timeline.events"), "m.room.member", bob.id)
				mustBe(t, "the membership in /sync", came.Get("content.membership").Str, "join")
				content := alice.mustState(t, room, "m.room.member", bob.id)
				mustBe(t, "the membership", content.Get("membership").Str, "join")
				mustBe(t, "a key of one's own", content.Get("foo").Str, foo)
			}
		}
	},
	"invited again into one's own": func(t *testing.T, hs *homeserver) {
		for _, levels := range []string{`{"invite":100,"users":{%q:100,%q:100}}`, `{"users":{%[2]q:100}}`} {
			alice, bob := hs.mustRegister(t, "alice"), hs.mustRegister(t, "bob")
			room := alice.mustCreate(t, `{"preset":"private_chat","invite":[%q]}`, bob.id)
			bob.mustJoin(t, room)
			alice.mustPutState(t, room, "m.room.power_levels", "", levels, alice.id, bob.id)
			alice.mustLeave(t, room)
			gone := stateIn(joined(bob.mustSync(t), room).Get("timeline.events"), "m.room.member", alice.id)
			mustBe(t, "the membership", gone.Get("content.membership").Str, "leave")
			bob.mustInvite(t, room, alice)
			answer := alice.mustSync(t)
			mustBe(t, "the invite is seen", invited(answer, room).Exists(), true)
			alice.mustJoin(t, room)
			answer = alice.mustSync(t, "since", answer.Get("next_batch").Str)
			mustBe(t, "the room is joined", joined(answer, room).Exists(), true)
		}
	},
	"invite, leave, ban": func(t *testing.T, hs *homeserver) {
		alice, bob := hs.mustRegister(t, "alice"), hs.mustRegister(t, "bob")
		room := alice.mustCreate(t, "{}")
		is := func(want string) {
			t.Helper()
			mustBe(t, "the membership", alice.mustState(t, room, "m.room.member", bob.id).Get("membership").Str, want)
			seen := stateIn(joined(alice.mustSync(t), room).Get("timeline.events"), "m.room.member", bob.id)
			mustBe(t, "the membership in /sync", seen.Get("content.membership").Str, want)
		}
		alice.mustInvite(t, room, bob)
		is("invite")
		bob.mustJoin(t, room)
		is("join")
		bob.mustLeave(t, room)
		is("leave")
		alice.mustInvite(t, room, bob)
		bob.mustJoin(t, room)
		since := bob.mustSync(t).Get("next_batch").Str
		alice.must(t, http.MethodPost, inRoom(room)+"/ban", `{"user_id":%q,"reason":"Testing"}`, bob.id)
		is("ban")
		banned := left(bob.mustSync(t, "since", since), room)
		mustBe(t, "the ban in /sync", stateIn(banned.Get("timeline.events"), "m.room.member", bob.id).Get("content.membership").Str, "ban")
		bob.mustBeRefused(t, http.StatusForbidden, "M_FORBIDDEN", http.MethodPost, "/join/"+url.PathEscape(room), `{}`)
	},
}

var inviteChecks = checks{
	"invite-only": func(t *testing.T, hs *homeserver) {
		alice, bob := hs.mustRegister(t, "alice"), hs.mustRegister(t, "bob")
		room := alice.mustCreate(t, `{"preset":"private_chat","name":"Invites room"}`)
		bob.mustBeRefused(t, http.StatusForbidden, "M_FORBIDDEN", http.MethodPost, "/join/"+url.PathEscape(room), `{}`)
		alice.mustInvite(t, room, bob)
		// What the room is, in stripped state.
		stripped := invited(bob.mustSync(t), room).Get("invite_state.events")
		mustBe(t, "the name", stateIn(stripped, "m.room.name", "").Get("content.name").Str, "Invites room")
		mustBe(t, "the join rule", stateIn(stripped, "m.room.join_rules", "").Get("content.join_rule").Str, "invite")
		mustBe(t, "the invite", stateIn(stripped, "m.room.member", bob.id).Get("sender").Str, alice.id)
		bob.mustJoin(t, room)
		mustBe(t, "the room is joined", joined(bob.mustSync(t), room).Exists(), true)
		seen := stateIn(joined(alice.mustSync(t), room).Get("timeline.events"), "m.room.member", bob.id)
		mustBe(t, "the membership", seen.Get("content.membership").Str, "join")
	},
	"rejected": func(t *testing.T, hs *homeserver) {
		alice, bob := hs.mustRegister(t, "alice"), hs.mustRegister(t, "bob")
		room := alice.mustCreate(t, `{"preset":"private_chat","invite":[%q]}`, bob.id)
		bob.mustLeave(t, room)
		seen := stateIn(joined(alice.mustSync(t), room).Get("timeline.events"), "m.room.member", bob.id)
		mustBe(t, "the membership", seen.Get("content.membership").Str, "leave")
	},
	"rejected of an empty room": func(t *testing.T, hs *homeserver) {
		alice, bob := hs.mustRegister(t, "alice"), hs.mustRegister(t, "bob")
		room := alice.mustCreate(t, `{"preset":"private_chat","invite":[%q]}`, bob.id)
		since := bob.mustSync(t).Get("next_batch").Str
		alice.mustLeave(t, room)
		bob.mustLeave(t, room)
		answer := bob.mustSync(t, "since", since)
		mustBe(t, "the leave is seen", left(answer, room).Exists(), true)
		for _, answer := range []gjson.Result{answer, bob.mustSync(t, "since", answer.Get("next_batch").Str), bob.mustSync(t)} {
			mustBe(t, "the invite is seen", invited(answer, room).Exists(), false)
		}
	},
	"of whom it cannot be": func(t *testing.T, hs *homeserver) {
		alice, bob := hs.mustRegister(t, "alice"), hs.mustRegister(t, "bob")
		room := alice.mustCreate(t, `{"preset":"private_chat","invite":[%q]}`, bob.id)
		bob.mustJoin(t, room)
		for _, whom := range []*asker{alice, bob} {
			alice.mustBeRefused(t, http.StatusForbidden, "M_FORBIDDEN", http.MethodPost, inRoom(room)+"/invite", `{"user_id":%q}`, whom.id)
		}
	},
}

var membersLocalChecks = checks{
	"joins": func(t *testing.T, hs *homeserver) {
		alice, bob := hs.mustRegister(t, "alice"), hs.mustRegister(t, "bob")
		room := alice.mustCreate(t, `{"preset":"public_chat"}`)
		bob.mustJoin(t, room)
		for _, reader := range []*asker{alice, bob} {
			timeline := joined(reader.mustSync(t), room).Get("timeline.events")
			for _, joiner := range []*asker{alice, bob} {
				mustBe(t, "the membership", stateIn(timeline, "m.room.member", joiner.id).Get("content.membership").Str, "join")
			}
		}
	},
	"presence": func(t *testing.T, hs *homeserver) {
		alice, bob := hs.mustRegister(t, "alice"), hs.mustRegister(t, "bob")
		room := alice.mustCreate(t, `{"preset":"public_chat"}`)
		since := alice.mustSync(t).Get("next_batch").Str
		bob.mustJoin(t, room)
		for _, answer := range []gjson.Result{alice.mustSync(t), alice.mustSync(t, "since", since)} {
			mustBe(t, "the join is seen", stateIn(joined(answer, room).Get("timeline.events"), "m.room.member", bob.id).Exists(), true)
			mustBe(t, "the presence is seen", answer.Get(`presence.events.#(sender=="`+bob.id+`")`).Exists(), true)
		}
	},
}
