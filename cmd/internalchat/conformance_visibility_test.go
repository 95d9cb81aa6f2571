package main_test

import (
	"net/http"
	"testing"
)

// withHistory makes a room of this history visibility, which anybody may join.
func withHistory(t testing.TB, alice *asker, visibility string) (room string) {
	t.Helper()
	return alice.mustCreate(t, `{"preset":"public_chat","initial_state":[
		{"type":"m.room.history_visibility","state_key":"","content":{"history_visibility":%q}}]}`, visibility)
}

// mustSeeEvent demands that one reads the event by its ID, as it was sent.
func mustSeeEvent(t testing.TB, a *asker, room, event, text string) {
	t.Helper()
	got := a.must(t, http.MethodGet, inEvent(room, event), "")
	mustBe(t, "the event's ID", got.Get("event_id").Str, event)
	mustBe(t, "the room", got.Get("room_id").Str, room)
	mustBe(t, "the type", got.Get("type").Str, "m.room.message")
	mustBe(t, "the kind of message", got.Get("content.msgtype").Str, "m.text")
	mustBe(t, "the text", got.Get("content.body").Str, text)
}

var visibilityChecks = checks{
	"FetchEvent": func(t *testing.T, hs *homeserver) {
		alice, bob := hs.mustRegister(t, "alice"), hs.mustRegister(t, "bob")
		room := withHistory(t, alice, "shared")
		bob.mustJoin(t, room)
		mustSeeEvent(t, bob, room, bob.mustSay(t, room, "hello"), "hello")
		bob.mustBeRefused(t, http.StatusNotFound, "M_NOT_FOUND", http.MethodGet, inEvent(room, "$nothing"), "")
	},
	"FetchHistoricalJoinedEventDenied": func(t *testing.T, hs *homeserver) {
		alice, bob := hs.mustRegister(t, "alice"), hs.mustRegister(t, "bob")
		room := withHistory(t, alice, "joined")
		before := alice.mustSay(t, room, "before the join")
		bob.mustJoin(t, room)
		bob.mustBeRefused(t, http.StatusNotFound, "M_NOT_FOUND", http.MethodGet, inEvent(room, before), "")
		mustSeeEvent(t, bob, room, alice.mustSay(t, room, "after it"), "after it")
	},
	"FetchHistoricalSharedEvent": func(t *testing.T, hs *homeserver) {
		alice, bob := hs.mustRegister(t, "alice"), hs.mustRegister(t, "bob")
		room := withHistory(t, alice, "shared")
		before := alice.mustSay(t, room, "before the join")
		bob.mustJoin(t, room)
		mustSeeEvent(t, bob, room, before, "before the join")
	},
	"FetchHistoricalInvitedEventFromBetweenInvite": func(t *testing.T, hs *homeserver) {
		alice, bob := hs.mustRegister(t, "alice"), hs.mustRegister(t, "bob")
		room := withHistory(t, alice, "invited")
		alice.mustInvite(t, room, bob)
		between := alice.mustSay(t, room, "between")
		bob.mustJoin(t, room)
		mustSeeEvent(t, bob, room, between, "between")
	},
	"FetchHistoricalInvitedEventFromBeforeInvite": func(t *testing.T, hs *homeserver) {
		alice, bob := hs.mustRegister(t, "alice"), hs.mustRegister(t, "bob")
		room := withHistory(t, alice, "invited")
		before := alice.mustSay(t, room, "before the invitation")
		alice.mustInvite(t, room, bob)
		bob.mustJoin(t, room)
		bob.mustBeRefused(t, http.StatusNotFound, "M_NOT_FOUND", http.MethodGet, inEvent(room, before), "")
	},
	"FetchEventNonWorldReadable": func(t *testing.T, hs *homeserver) {
		alice, bob := hs.mustRegister(t, "alice"), hs.mustRegister(t, "bob")
		room := withHistory(t, alice, "shared")
		said := alice.mustSay(t, room, "among us")
		bob.mustBeRefused(t, http.StatusNotFound, "M_NOT_FOUND", http.MethodGet, inEvent(room, said), "")
	},
	"FetchEventWorldReadable": func(t *testing.T, hs *homeserver) {
		alice, bob := hs.mustRegister(t, "alice"), hs.mustRegister(t, "bob")
		room := withHistory(t, alice, "world_readable")
		mustSeeEvent(t, bob, room, alice.mustSay(t, room, "for all"), "for all")
	},
}
