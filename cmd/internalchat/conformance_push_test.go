package main_test

import (
	"net/http"
	"net/url"
	"slices"
	"testing"

	"github.com/tidwall/gjson"
)

// mustSetPusher sets a pusher, whose key this is.
func (a *asker) mustSetPusher(t testing.TB, key string) {
	t.Helper()
	a.must(t, http.MethodPost, "/pushers/set", `{"pushkey":%q,"kind":"http","app_id":"complement","app_display_name":"complement_display_name",
		"device_display_name":"device_display_name","profile_tag":"x","lang":"en","data":{"url":"https://dummy.url/_matrix/push/v1/notify"}}`, key)
}

// pushRules is a user's push rules in a /sync answer, if they are there.
func pushRules(answer gjson.Result) gjson.Result {
	for _, e := range answer.Get("account_data.events").Array() {
		if e.Get("type").Str == "m.push_rules" {
			return e.Get("content.global")
		}
	}
	return gjson.Result{}
}

// rule is one of them.
func rule(rules gjson.Result, kind, id string) gjson.Result {
	for _, r := range rules.Get(kind).Array() {
		if r.Get("rule_id").Str == id {
			return r
		}
	}
	return gjson.Result{}
}

var pushChecks = checks{
	"ChangePasswordPushers": func(t *testing.T, hs *homeserver) {
		alice := hs.mustRegister(t, "alice")
		other := alice.mustLogIn(t, "")
		alice.mustSetPusher(t, "own")
		other.mustSetPusher(t, "other")
		mustBe(t, "the pushers", strs(alice.must(t, http.MethodGet, "/pushers", "").Get("pushers.#.pushkey")), []string{"other", "own"})
		alice.must(t, http.MethodPost, "/account/password", `{"new_password":"my_new_password","auth":{"type":"m.login.password",
			"identifier":{"type":"m.id.user","user":%q},"password":%q}}`, alice.name, alice.password)
		mustBe(t, "the pushers after it", strs(alice.must(t, http.MethodGet, "/pushers", "").Get("pushers.#.pushkey")), []string{"own"})
		other.mustBeRefused(t, http.StatusUnauthorized, "M_UNKNOWN_TOKEN", http.MethodGet, "/pushers", "")
	},
	"PushRuleCacheHealth": func(t *testing.T, hs *homeserver) {
		alice := hs.mustRegister(t, "alice")
		path := "/pushrules/global/sender/" + url.PathEscape(alice.id)
		alice.must(t, http.MethodPut, path, `{"actions":["dont_notify"]}`)
		for range 2 {
			mustBe(t, "whose rule it is", alice.must(t, http.MethodGet, path, "").Get("rule_id").Str, alice.id)
			mustBe(t, "whose rule it is, of all", rule(alice.must(t, http.MethodGet, "/pushrules/", "").Get("global"), "sender", alice.id).Exists(), true)
		}
		alice.mustBeRefused(t, http.StatusNotFound, "M_NOT_FOUND", http.MethodGet, "/pushrules/global/sender/"+url.PathEscape("@nobody:hs1"), "")
		alice.mustBeRefused(t, http.StatusNotFound, "", http.MethodGet, "/pushrules/global/nokind/x", "")
	},
	"PushSync": func(t *testing.T, hs *homeserver) {
		alice := hs.mustRegister(t, "alice")
		const path = "/pushrules/global/room/!foo:example.com"
		answer := alice.mustSyncUntil(t, "the push rules", func(answer gjson.Result) bool { return pushRules(answer).Exists() })
		for _, kind := range []string{"override", "content", "room", "sender", "underride"} {
			if !pushRules(answer).Get(kind).IsArray() {
				t.Errorf("%s: got %q, want a list", kind, pushRules(answer).Get(kind).Raw)
			}
		}
		for _, change := range []struct {
			what, path, body string
			wanted           func(gjson.Result) bool
		}{
			{"a new rule", "", `{"actions":["notify"]}`, gjson.Result.Exists},
			{"a rule off", "/enabled", `{"enabled":false}`, func(r gjson.Result) bool { return !r.Get("enabled").Bool() }},
			{"a rule on", "/enabled", `{"enabled":true}`, func(r gjson.Result) bool { return r.Get("enabled").Bool() }},
			{"other actions", "/actions", `{"actions":["dont_notify"]}`, func(r gjson.Result) bool { return r.Get("actions.0").Str != "notify" }},
		} {
			// It waits already when the rule changes.
			woken := make(chan gjson.Result, 1)
			waiting := *alice
			go func() {
				// Something else, her presence say, may be told before.
				woken <- waiting.mustSyncUntil(t, change.what, func(answer gjson.Result) bool { return pushRules(answer).Exists() }, "timeout", "20000")
			}()
			alice.must(t, http.MethodPut, path+change.path, change.body)
			answer := <-woken
			alice.since = waiting.since
			if got := rule(pushRules(answer), "room", "!foo:example.com"); !change.wanted(got) {
				t.Errorf("%s: got the rule %s in /sync", change.what, got.Raw)
			}
			mustBe(t, change.what+": the rule itself", change.wanted(alice.must(t, http.MethodGet, path, "")), true)
		}
		alice.must(t, http.MethodDelete, path, "")
		alice.mustSyncUntil(t, "no rule", func(answer gjson.Result) bool {
			rules := pushRules(answer)
			return rules.Exists() && !rule(rules, "room", "!foo:example.com").Exists()
		})
	},
}

// mustSearch searches for a text, with more criteria, and gives the room events.
func (a *asker) mustSearch(t testing.TB, from, text, criteria string) gjson.Result {
	t.Helper()
	return a.must(t, http.MethodPost, "/search?"+query("next_batch", from),
		`{"search_categories":{"room_events":{"keys":["content.body"],"search_term":%q,%s}}}`, text, criteria).Get("search_categories.room_events")
}

var searchChecks = checks{
	"Search: by body": func(t *testing.T, hs *homeserver) {
		alice := hs.mustRegister(t, "alice")
		room := alice.mustCreate(t, `{}`)
		alice.mustSay(t, room, "nothing here")
		said := alice.mustSay(t, room, "hello, world")
		for _, order := range []string{"rank", "recent"} {
			found := alice.mustSearch(t, "", "hello", `"order_by":"`+order+`","filter":{"limit":10}`)
			mustBe(t, "the count", found.Get("count").Raw, "1")
			mustBe(t, "the events", strs(found.Get("results.#.result.event_id")), []string{said})
			mustBe(t, "the text", found.Get("results.0.result.content.body").Str, "hello, world")
			mustBe(t, "the room", found.Get("results.0.result.room_id").Str, room)
			mustBe(t, "the rank is a number", found.Get("results.0.rank").Type, gjson.Number)
			mustBe(t, "the highlights", strs(found.Get("highlights")), []string{"hello"})
		}
	},
	"Search: context": func(t *testing.T, hs *homeserver) {
		alice := hs.mustRegister(t, "alice")
		alice.must(t, http.MethodPut, "/profile/"+url.PathEscape(alice.id)+"/displayname", `{"displayname":"Alice"}`)
		room := alice.mustCreate(t, `{}`)
		var said []string
		for i := range 7 {
			said = append(said, alice.mustSay(t, room, "Message number "+string(rune('1'+i))))
		}
		found := alice.mustSearch(t, "", "Message 4", `"order_by":"recent","filter":{"limit":1},
			"event_context":{"before_limit":2,"after_limit":2,"include_profile":true}`)
		mustBe(t, "the events", strs(found.Get("results.#.result.event_id")), []string{said[3]})
		context := found.Get("results.0.context")
		mustBe(t, "what came before", eventIDs(context.Get("events_before")), []string{said[2], said[1]})
		mustBe(t, "what came after", eventIDs(context.Get("events_after")), []string{said[4], said[5]})
		mustBe(t, "the sender's profile", member(context.Get("profile_info"), alice.id).Get("displayname").Str, "Alice")
		for _, token := range []string{context.Get("start").Str, context.Get("end").Str, found.Get("next_batch").Str} {
			if token == "" {
				t.Errorf("got no start, end or next_batch: %s", found.Raw)
			}
		}
	},
	"Search: paging": func(t *testing.T, hs *homeserver) {
		alice := hs.mustRegister(t, "alice")
		room := alice.mustCreate(t, `{}`)
		var newest []string
		for i := range 20 {
			newest = append([]string{alice.mustSay(t, room, "Message number "+string(rune('a'+i)))}, newest...)
		}
		criteria := `"order_by":"recent","filter":{"limit":10,"rooms":["` + room + `"]}`
		first := alice.mustSearch(t, "", "Message", criteria)
		second := alice.mustSearch(t, first.Get("next_batch").Str, "Message", criteria)
		var got []string
		for _, page := range []gjson.Result{first, second} {
			mustBe(t, "the count", page.Get("count").Raw, "20")
			for _, r := range page.Get("results").Array() {
				got = append(got, r.Get("result.event_id").Str)
			}
		}
		mustBe(t, "the events of both pages", got, newest)
		third := alice.mustSearch(t, second.Get("next_batch").Str, "Message", criteria)
		mustBe(t, "the count after all", third.Get("count").Raw, "20")
		mustBe(t, "the events of a third page", len(third.Get("results").Array()), 0)
		mustBe(t, "there is a fourth page", third.Get("next_batch").Exists(), false)
	},
	"Search: an upgraded room": func(t *testing.T, hs *homeserver) {
		alice := hs.mustRegister(t, "alice")
		old := alice.mustCreate(t, `{"room_version":"8"}`)
		before := alice.mustSay(t, old, "Message before upgrade")
		upgraded := alice.must(t, http.MethodPost, inRoom(old)+"/upgrade", `{"new_version":"9"}`).Get("replacement_room").Str
		after := alice.mustSay(t, upgraded, "Message after upgrade")
		for _, order := range []string{"rank", "recent"} {
			found := alice.mustSearch(t, "", "upgrade", `"order_by":"`+order+`","filter":{"rooms":["`+old+`","`+upgraded+`"]}`)
			mustBe(t, "the count", found.Get("count").Raw, "2")
			want := []string{before, after}
			slices.Sort(want)
			mustBe(t, "the events", strs(found.Get("results.#.result.event_id")), want)
		}
	},
	"Search: redacted events": func(t *testing.T, hs *homeserver) {
		alice := hs.mustRegister(t, "alice")
		room := alice.mustCreate(t, `{}`)
		gone := alice.mustSay(t, room, "This message is going to be redacted")
		kept := alice.mustSay(t, room, "This message is not going to be redacted")
		alice.must(t, http.MethodPut, inRoom(room)+"/redact/"+gone+"/txn", `{"reason":"testing"}`)
		for _, order := range []string{"rank", "recent"} {
			found := alice.mustSearch(t, "", "redacted", `"order_by":"`+order+`","filter":{"rooms":["`+room+`"]}`)
			mustBe(t, "the count", found.Get("count").Raw, "1")
			mustBe(t, "the events", strs(found.Get("results.#.result.event_id")), []string{kept})
		}
	},
}
