package main_test

import (
	"net/http"
	"testing"

	"github.com/tidwall/gjson"
)

var accountDataChecks = checks{
	"WriteMDirectAccountData": func(t *testing.T, hs *homeserver) {
		alice, bob := hs.mustRegister(t, "alice"), hs.mustRegister(t, "bob")
		room := alice.mustCreate(t, `{"invite":[%q],"is_direct":true}`, bob.id)
		alice.since = alice.mustSync(t).Get("next_batch").Str
		path := "/user/" + alice.id + "/account_data/m.direct"
		alice.must(t, http.MethodPut, path, `{%q:[%q]}`, bob.id, room)
		want := `{"` + bob.id + `":["` + room + `"]}`
		mustBe(t, "m.direct", alice.must(t, http.MethodGet, path, "").Raw, want)
		var pushed gjson.Result
		alice.mustSyncUntil(t, "m.direct", func(answer gjson.Result) bool {
			pushed = ofType(answer.Get("account_data.events"), "m.direct")
			return pushed.Exists()
		})
		mustBe(t, "m.direct in /sync", pushed.Get("content").Raw, want)
	},
	"AddAccountData": func(t *testing.T, hs *homeserver) {
		user := hs.mustRegister(t, "user")
		room := user.mustCreate(t, `{}`)
		global := "/user/" + user.id + "/account_data/test.key"
		inside := "/user/" + user.id + inRoom(room) + "/account_data/test.key"
		for _, value := range []string{"first", "second"} {
			since := user.mustSync(t).Get("next_batch").Str
			user.must(t, http.MethodPut, global, `{"value":%q}`, value)
			user.must(t, http.MethodPut, inside, `{"value":%q}`, "room "+value)
			mustBe(t, "what is kept", user.must(t, http.MethodGet, global, "").Raw, `{"value":"`+value+`"}`)
			mustBe(t, "what is kept of the room", user.must(t, http.MethodGet, inside, "").Raw, `{"value":"room `+value+`"}`)
			for _, answer := range []gjson.Result{user.mustSync(t, "since", since), user.mustSync(t)} {
				seen := ofType(answer.Get("account_data.events"), "test.key")
				mustBe(t, "in /sync", seen.Get("content.value").Str, value)
				seen = ofType(joined(answer, room).Get("account_data.events"), "test.key")
				mustBe(t, "in the room's part of /sync", seen.Get("content.value").Str, "room "+value)
			}
		}
		user.mustBeRefused(t, http.StatusNotFound, "M_NOT_FOUND", http.MethodGet, global+".unknown", "")
		user.mustBeRefused(t, http.StatusNotFound, "M_NOT_FOUND", http.MethodGet, inside+".unknown", "")
		stranger := hs.mustRegister(t, "stranger")
		stranger.mustBeRefused(t, http.StatusForbidden, "M_FORBIDDEN", http.MethodPut, global, `{"value":"theirs"}`)
	},
	"InviteFromIgnoredUsersDoesNotAppearInSync": func(t *testing.T, hs *homeserver) {
		alice, bob, chris := hs.mustRegister(t, "alice"), hs.mustRegister(t, "bob"), hs.mustRegister(t, "chris")
		alice.mustCreate(t, `{"preset":"public_chat"}`)
		alice.must(t, http.MethodPut, "/user/"+alice.id+"/account_data/m.ignored_user_list", `{"ignored_users":{%q:{}}}`, bob.id)
		since := alice.mustSync(t).Get("next_batch").Str
		ignored := bob.mustCreate(t, `{"preset":"private_chat","invite":[%q]}`, alice.id)
		wanted := chris.mustCreate(t, `{"preset":"private_chat","invite":[%q]}`, alice.id)
		for _, answer := range []gjson.Result{alice.mustSync(t, "since", since), alice.mustSync(t)} {
			mustBe(t, "the invite of the ignored shows", invited(answer, ignored).Exists(), false)
			mustBe(t, "the other invite shows", invited(answer, wanted).Exists(), true)
		}
	},
}
