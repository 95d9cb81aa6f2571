package main_test

import (
	"fmt"
	"net/http"
	"net/url"
	"testing"
)

// surpriseChecks are what clients and suites count on without saying so.
var surpriseChecks = checks{
	"InitialSync": func(t *testing.T, hs *homeserver) {
		user := hs.mustRegister(t, "user")
		room := user.mustCreate(t, `{"preset":"public_chat","name":"Name","topic":"Topic","room_alias_name":%q}`, hs.fresh("alias"))
		// It waits for nothing, even where it may.
		timeline := joined(user.mustSync(t, "timeout", fmt.Sprint(2*patience.Milliseconds())), room).Get("timeline")
		mustBe(t, "the first event", timeline.Get("events.0.type").Str, "m.room.create")
		var sent []string
		for i := range 10 {
			sent = append(sent, user.mustSay(t, room, fmt.Sprint(i)))
			got := eventIDs(joined(user.mustSync(t), room).Get("timeline.events"))
			mustBe(t, "the newest event", got[len(got)-1], sent[i])
		}
		got := eventIDs(joined(user.mustSync(t), room).Get("timeline.events"))
		mustBe(t, "the last ten", got[max(0, len(got)-10):], sent)
	},
	"RoomVersions": func(t *testing.T, hs *homeserver) {
		user := hs.mustRegister(t, "user")
		for _, version := range []string{"2", "6", "7", "8", "9", "10", "11"} {
			room := user.mustCreate(t, `{"room_version":%q,"room_opts":{"room_version":"1"},"room_alias":"helloWorld"}`, version)
			mustBe(t, "the version", user.mustState(t, room, "m.room.create", "").Get("room_version").Str, version)
			mustBe(t, "the message is seen", user.must(t, http.MethodGet, inRoom(room)+"/event/"+url.PathEscape(user.mustSay(t, room, "hello")), "").Get("content.body").Str, "hello")
		}
	},
	"PushRuleOfUnknownKind": func(t *testing.T, hs *homeserver) {
		user := hs.mustRegister(t, "user")
		user.mustBeRefused(t, http.StatusNotFound, "M_NOT_FOUND", http.MethodGet, "/pushrules/global/not_a_kind/.m.rule.master", "")
		user.mustBeRefused(t, http.StatusNotFound, "M_NOT_FOUND", http.MethodGet, "/pushrules/global/override/unknown", "")
	},
	"TrailingSlashes": func(t *testing.T, hs *homeserver) {
		user := hs.mustRegister(t, "user")
		mustBe(t, "the rules are told", user.must(t, http.MethodGet, "/pushrules/", "").Get("global.override").IsArray(), true)
		room := user.mustCreate(t, `{}`)
		for i, put := range []string{"", "/"} {
			topic := fmt.Sprintf(`{"topic":"%d"}`, i)
			user.must(t, http.MethodPut, inRoom(room)+"/state/m.room.topic"+put, topic)
			for _, get := range []string{"", "/"} {
				mustBe(t, "the topic", user.must(t, http.MethodGet, inRoom(room)+"/state/m.room.topic"+get, "").Raw, topic)
			}
		}
	},
	"OneKindOfToken": func(t *testing.T, hs *homeserver) {
		user := hs.mustRegister(t, "user")
		room := user.mustCreate(t, `{"preset":"public_chat"}`)
		root := user.mustSay(t, room, "root")
		reply := func() string {
			return user.mustSend(t, room, "m.room.message", `{"msgtype":"m.text","body":"reply","m.relates_to":{"rel_type":"m.thread","event_id":%q}}`, root)
		}
		old, first := user.mustSync(t), reply()
		middle := user.mustSync(t, "since", old.Get("next_batch").Str)
		second := reply()
		from, to := old.Get("next_batch").Str, middle.Get("next_batch").Str
		read := func(path string, parameters ...string) []string {
			t.Helper()
			return eventIDs(user.must(t, http.MethodGet, path+"?"+query(parameters...), "").Get("chunk"))
		}
		messages := inRoom(room) + "/messages"
		mustBe(t, "forwards from a token", read(messages, "dir", "f", "from", from), []string{first, second})
		mustBe(t, "forwards between two", read(messages, "dir", "f", "from", from, "to", to), []string{first})
		mustBe(t, "backwards between two", read(messages, "dir", "b", "from", to, "to", from), []string{first})
		relations := "/_matrix/client/v1" + inRoom(room) + "/relations/" + url.PathEscape(root)
		mustBe(t, "relations before a token", read(relations, "from", to), []string{first})
		mustBe(t, "relations after a token", read(relations, "from", to, "dir", "f"), []string{second})
		changes := user.must(t, http.MethodGet, "/keys/changes?"+query("from", from, "to", to), "")
		mustBe(t, "key changes are told", changes.Get("changed").IsArray(), true)
		point := joined(middle, room).Get("timeline.prev_batch").Str
		mustBe(t, "the members at a point", user.members(t, room, "at", point), map[string]string{user.id: "join"})
		mustBe(t, "backwards from a point", read(messages, "dir", "b", "from", point)[0], root)
	},
	"OldPaths": func(t *testing.T, hs *homeserver) {
		user := hs.mustRegister(t, "user")
		const old = "/_matrix/client/r0"
		mustBe(t, "the flows", hs.nobody().must(t, http.MethodGet, old+"/login", "").Get("flows").IsArray(), true)
		in := hs.nobody().must(t, http.MethodPost, old+"/login", passwordLogin, user.id, user.password, "")
		mustBe(t, "the user", in.Get("user_id").Str, user.id)
		room := user.mustCreate(t, `{}`)
		sent := user.mustSay(t, room, "hello")
		mustBe(t, "the members", member(user.must(t, http.MethodGet, old+inRoom(room)+"/joined_members", "").Get("joined"), user.id).Exists(), true)
		mustBe(t, "the newest", user.must(t, http.MethodGet, old+inRoom(room)+"/messages?dir=b&limit=1", "").Get("chunk.0.event_id").Str, sent)
		nearest := user.must(t, http.MethodGet, "/_matrix/client/v1"+inRoom(room)+"/timestamp_to_event?dir=b&ts=99999999999999", "")
		mustBe(t, "the nearest", nearest.Get("event_id").Str, sent)
	},
	"TokenBeforePath": func(t *testing.T, hs *homeserver) {
		for _, nonsense := range []string{"/rooms/nonsense/state", "/rooms/nonsense/messages?dir=x", "/user/nonsense/filter/x", "/join/nonsense", "/devices/%00"} {
			method := http.MethodGet
			if nonsense == "/join/nonsense" {
				method = http.MethodPost
			}
			hs.nobody().mustBeRefused(t, http.StatusUnauthorized, "M_MISSING_TOKEN", method, nonsense, "")
		}
	},
	"NamelessMembers": func(t *testing.T, hs *homeserver) {
		user := hs.mustRegister(t, "user")
		room := user.mustCreate(t, `{}`)
		user.mustPutState(t, room, "m.room.member", user.id, `{"membership":"join"}`)
		members := user.must(t, http.MethodGet, inRoom(room)+"/joined_members", "")
		me := member(members.Get("joined"), user.id)
		for _, key := range []string{"display_name", "avatar_url"} {
			mustBe(t, key, me.Get(key).Raw, "null")
		}
	},
	"UnknownAndUnseen": func(t *testing.T, hs *homeserver) {
		user, stranger := hs.mustRegister(t, "user"), hs.mustRegister(t, "stranger")
		user.mustBeRefused(t, http.StatusForbidden, "M_FORBIDDEN", http.MethodGet, inRoom("!unknown:hs1")+"/messages?dir=b", "")
		room := user.mustCreate(t, `{"preset":"private_chat"}`)
		sent := url.PathEscape(user.mustSay(t, room, "hello"))
		stranger.mustBeRefused(t, http.StatusNotFound, "M_NOT_FOUND", http.MethodGet, inRoom(room)+"/event/"+sent, "")
		user.mustBeRefused(t, http.StatusNotFound, "M_NOT_FOUND", http.MethodGet, inRoom(room)+"/event/$unknown", "")
	},
	"ReadYourWrites": func(t *testing.T, hs *homeserver) {
		user := hs.mustRegister(t, "user")
		room := user.mustCreate(t, `{}`)
		sent := user.mustSay(t, room, "hello")
		user.must(t, http.MethodPut, inRoom(room)+"/redact/"+url.PathEscape(sent)+"/"+hs.fresh("txn"), `{"reason":"gone"}`)
		mustBe(t, "the redacted content", user.must(t, http.MethodGet, inRoom(room)+"/event/"+url.PathEscape(sent), "").Get("content").Raw, "{}")
		for i, presence := range []string{"unavailable", "online"} {
			status := "/presence/" + user.id + "/status"
			user.must(t, http.MethodPut, status, `{"presence":%q,"status_msg":%q}`, presence, fmt.Sprint(i))
			mustBe(t, "the presence", user.must(t, http.MethodGet, status, "").Get("presence").Str, presence)
			mustBe(t, "the status", user.must(t, http.MethodGet, status, "").Get("status_msg").Str, fmt.Sprint(i))

			since := user.mustSync(t).Get("next_batch").Str
			rule := "/pushrules/global/sender/@bob:hs1"
			actions := []string{`["dont_notify"]`, `["notify"]`}[i]
			user.must(t, http.MethodPut, rule, `{"actions":%s}`, actions)
			user.must(t, http.MethodGet, rule, "")
			rules := ofType(user.mustSync(t, "since", since).Get("account_data.events"), "m.push_rules")
			mustBe(t, "the rule in /sync", rules.Get(`content.global.sender.#(rule_id=="@bob:hs1")`).Exists(), true)
			user.must(t, http.MethodPut, rule+"/enabled", `{"enabled":false}`)
			mustBe(t, "it is enabled", user.must(t, http.MethodGet, rule+"/enabled", "").Get("enabled").Raw, "false")
			user.must(t, http.MethodDelete, rule, "")
			user.mustBeRefused(t, http.StatusNotFound, "M_NOT_FOUND", http.MethodGet, rule, "")
		}
	},
	"SecondCreateEvent": func(t *testing.T, hs *homeserver) {
		user := hs.mustRegister(t, "user")
		room := user.mustCreate(t, `{"room_version":"11"}`)
		user.mustBeRefused(t, http.StatusBadRequest, "", http.MethodPut, inState(room, "m.room.create", ""), `{"room_version":"11"}`)
		user.mustBeRefused(t, http.StatusBadRequest, "", http.MethodPut, inRoom(room)+"/state/m.room.create", `{}`)
	},
}
