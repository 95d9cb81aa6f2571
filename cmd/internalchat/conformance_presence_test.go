package main_test

import (
	"net/http"
	"testing"

	"github.com/tidwall/gjson"
)

var presenceChecks = checks{
	"Presence": func(t *testing.T, hs *homeserver) {
		alice, bob := hs.mustRegister(t, "alice"), hs.mustRegister(t, "bob")
		bob.mustJoin(t, alice.mustCreate(t, `{"preset":"public_chat"}`))
		status := "/presence/" + alice.id + "/status"
		mustBe(t, "a presence at first", alice.must(t, http.MethodGet, status, "").Get("presence").Exists(), true)

		alice.must(t, http.MethodPut, status, `{"presence":"online","status_msg":"Testing something"}`)
		now := bob.must(t, http.MethodGet, status, "")
		mustBe(t, "the presence", now.Get("presence").Str, "online")
		mustBe(t, "the status", now.Get("status_msg").Str, "Testing something")

		bob.since = bob.mustSync(t).Get("next_batch").Str
		alice.mustSync(t, "set_presence", "unavailable")
		bob.mustSeePresence(t, alice, "unavailable")
		alice.must(t, http.MethodPut, status, `{"presence":"online","status_msg":"Update for room members"}`)
		seen := bob.mustSeePresence(t, alice, "online")
		mustBe(t, "the status that members see", seen.Get("content.status_msg").Str, "Update for room members")
		alice.must(t, http.MethodPut, status, `{"presence":"unavailable"}`)
		bob.mustSeePresence(t, alice, "unavailable")
	},
	"PresenceSyncDifferentRooms": func(t *testing.T, hs *homeserver) {
		alice, bob, charlie := hs.mustRegister(t, "alice"), hs.mustRegister(t, "bob"), hs.mustRegister(t, "charlie")
		for _, other := range []*asker{bob, charlie} {
			other.mustJoin(t, alice.mustCreate(t, `{"preset":"public_chat"}`))
		}
		alice.since = alice.mustSync(t).Get("next_batch").Str
		for _, other := range []*asker{bob, charlie} {
			other.must(t, http.MethodPut, "/presence/"+other.id+"/status", `{"presence":"online"}`)
		}
		seen := map[string]bool{}
		alice.mustSyncUntil(t, "the presence of both", func(answer gjson.Result) bool {
			for _, e := range answer.Get("presence.events").Array() {
				seen[e.Get("sender").Str] = true
			}
			return seen[bob.id] && seen[charlie.id]
		})
	},
}

// mustSeePresence syncs on until somebody is seen with this presence.
func (a *asker) mustSeePresence(t testing.TB, whom *asker, presence string) (seen gjson.Result) {
	t.Helper()
	a.mustSyncUntil(t, whom.id+" as "+presence, func(answer gjson.Result) bool {
		for _, e := range answer.Get("presence.events").Array() {
			if e.Get("sender").Str == whom.id && e.Get("content.presence").Str == presence {
				seen = e
			}
		}
		return seen.Exists()
	})
	return seen
}
