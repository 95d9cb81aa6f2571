package main_test

import (
	"net/http"
	"testing"
)

var createChecks = checks{
	"RoomCreate": parts(checks{
		"public": func(t *testing.T, hs *homeserver) {
			user := hs.mustRegister(t, "user")
			alias := hs.fresh("30-room-create-alias-random")
			room := user.mustCreate(t, `{"visibility":"public","room_alias_name":%q}`, alias)
			address := "#" + alias + ":hs1"
			mustBe(t, "where the alias points", user.must(t, http.MethodGet, inDirectory(address), "").Get("room_id").Str, room)
			mustBe(t, "the alias", user.mustState(t, room, "m.room.canonical_alias", "").Get("alias").Str, address)
			mustBe(t, "the join rule", user.mustState(t, room, "m.room.join_rules", "").Get("join_rule").Str, "public")
			user.mustBeRefused(t, http.StatusBadRequest, "M_ROOM_IN_USE", http.MethodPost, "/createRoom", `{"room_alias_name":%q}`, alias)
		},
		"private": func(t *testing.T, hs *homeserver) {
			user, bob := hs.mustRegister(t, "user"), hs.mustRegister(t, "bob")
			room := user.mustCreate(t, `{"visibility":"private","invite":[%q]}`, bob.id)
			mustBe(t, "the join rule", user.mustState(t, room, "m.room.join_rules", "").Get("join_rule").Str, "invite")
			mustBe(t, "the invite", invited(bob.mustSync(t), room).Exists(), true)
		},
		"topic": func(t *testing.T, hs *homeserver) {
			user := hs.mustRegister(t, "user")
			const others = `"preset":"public_chat","initial_state":[{"type":"m.room.topic","content":{"topic":"Shenanigans"}}]`
			for _, body := range []string{`{"topic":"Test Room","preset":"public_chat"}`, `{"topic":"Test Room",` + others + `}`} {
				topic := user.mustState(t, user.mustCreate(t, body), "m.room.topic", "")
				mustBe(t, "the topic", topic.Get("topic").Str, "Test Room")
				texts := topic.Get(`m\.topic.m\.text`).Array()
				if len(texts) != 1 || texts[0].Get("body").Str != "Test Room" {
					t.Fatalf("got the topic %s, want it as one text, too", topic.Raw)
				}
				if kind := texts[0].Get("mimetype"); kind.Exists() && kind.Str != "text/plain" {
					t.Errorf("got the topic %s, want it as plain text", topic.Raw)
				}
			}
			topic := user.mustState(t, user.mustCreate(t, `{`+others+`}`), "m.room.topic", "")
			mustBe(t, "the topic as it was sent", topic.Raw, `{"topic":"Shenanigans"}`)
		},
		"name": func(t *testing.T, hs *homeserver) {
			user := hs.mustRegister(t, "user")
			room := user.mustCreate(t, `{"name":"Test Room","preset":"public_chat"}`)
			mustBe(t, "the name", user.mustState(t, room, "m.room.name", "").Get("name").Str, "Test Room")
		},
		"version": func(t *testing.T, hs *homeserver) {
			user := hs.mustRegister(t, "user")
			room := user.mustCreate(t, `{"room_version":"2","preset":"public_chat"}`)
			mustBe(t, "the version", user.mustState(t, room, "m.room.create", "").Get("room_version").Str, "2")
			user.mustBeRefused(t, http.StatusBadRequest, "M_BAD_JSON", http.MethodPost, "/createRoom",
				`{"visibility":"private","room_version":1,"preset":"public_chat"}`)
			user.mustBeRefused(t, http.StatusBadRequest, "M_UNSUPPORTED_ROOM_VERSION", http.MethodPost, "/createRoom",
				`{"visibility":"private","room_version":"ahfgwjyerhgiuveisbruvybseyrugvi","preset":"public_chat"}`)
		},
		"creation content": func(t *testing.T, hs *homeserver) {
			user := hs.mustRegister(t, "user")
			room := user.mustCreate(t, `{"creation_content":{"test":"azerty","room_version":"test"}}`)
			first := joined(user.mustSync(t), room).Get("timeline.events.0")
			mustBe(t, "the first event", first.Get("type").Str, "m.room.create")
			mustBe(t, "the version", first.Get("content.room_version").Str, "11")
			mustBe(t, "a key of one's own", first.Get("content.test").Str, "azerty")
		},
		"synced at once": func(t *testing.T, hs *homeserver) {
			user := hs.mustRegister(t, "user")
			room := user.mustCreate(t, `{}`)
			sent := user.mustSend(t, room, "m.room.test", `{}`)
			seen := ofType(joined(user.mustSync(t), room).Get("timeline.events"), "m.room.test")
			mustBe(t, "the event", seen.Get("event_id").Str, sent)
		},
	}),
	"RoomCreationReportsEventsToMyself": func(t *testing.T, hs *homeserver) {
		user := hs.mustRegister(t, "user")
		room := user.mustCreate(t, `{}`)
		user.mustPutState(t, room, "m.room.topic", "", `{"topic":"Testing topic for the new room"}`)
		timeline := joined(user.mustSync(t), room).Get("timeline.events")
		for kind, key := range map[string]string{"m.room.create": "", "m.room.member": user.id, "m.room.topic": ""} {
			mustBe(t, "the sender of "+kind, stateIn(timeline, kind, key).Get("sender").Str, user.id)
		}
		mustBe(t, "the membership", stateIn(timeline, "m.room.member", user.id).Get("content.membership").Str, "join")
		mustBe(t, "the topic", stateIn(timeline, "m.room.topic", "").Get("content.topic").Str, "Testing topic for the new room")

		once := user.mustPutState(t, room, "a.test.state.type", "", `{"a_key":"a_value"}`)
		twice := user.mustPutState(t, room, "a.test.state.type", "", `{"a_key":"a_value"}`)
		mustBe(t, "the state set twice", twice, once)

		bob := hs.mustRegister(t, "bob")
		theirs := bob.mustCreate(t, `{"visibility":"public","preset":"public_chat"}`)
		var joins []string
		for range 2 {
			user.mustJoin(t, theirs)
			all := user.must(t, http.MethodGet, inRoom(theirs)+"/state", "")
			joins = append(joins, stateIn(all, "m.room.member", user.id).Get("event_id").Str)
		}
		mustBe(t, "the join, done twice", joins[1], joins[0])
	},
}

var stateChecks = checks{
	"RoomState": parts(checks{
		"membership": func(t *testing.T, hs *homeserver) {
			user := hs.mustRegister(t, "user")
			room := user.mustCreate(t, `{"visibility":"public","preset":"public_chat"}`)
			mustBe(t, "the membership", user.mustState(t, room, "m.room.member", user.id).Get("membership").Str, "join")
			event := user.must(t, http.MethodGet, inState(room, "m.room.member", user.id)+"?format=event", "")
			mustBe(t, "the sender", event.Get("sender").Str, user.id)
			mustBe(t, "the room", event.Get("room_id").Str, room)
			mustBe(t, "the membership in the event", event.Get("content.membership").Str, "join")

			members := user.must(t, http.MethodGet, "/_matrix/client/r0"+inRoom(room)+"/joined_members", "")
			me := member(members.Get("joined"), user.id)
			if !me.Get("display_name").Exists() || !me.Get("avatar_url").Exists() {
				t.Errorf("got the members %s, want the name and the avatar", members.Raw)
			}
			rooms := user.must(t, http.MethodGet, "/joined_rooms", "").Get("joined_rooms")
			mustBe(t, "the joined rooms", rooms.Raw, `["`+room+`"]`)
		},
		"power levels": func(t *testing.T, hs *homeserver) {
			user := hs.mustRegister(t, "user")
			room := user.mustCreate(t, `{"visibility":"public","preset":"public_chat","room_alias_name":%q}`, hs.fresh("room_alias"))
			levels := user.must(t, http.MethodGet, inRoom(room)+"/state/m.room.power_levels", "")
			for _, key := range []string{"ban", "kick", "redact", "users_default", "state_default", "events_default", "users", "events"} {
				mustBe(t, key+" is told", levels.Get(key).Exists(), true)
			}
			mustBe(t, "the creator's level", member(levels.Get("users"), user.id).Int(), 100)
		},
		"directory": func(t *testing.T, hs *homeserver) {
			user, alias := hs.mustRegister(t, "user"), hs.fresh("room_new")
			room := user.mustCreate(t, `{"visibility":"public","preset":"public_chat","room_alias_name":%q}`, alias)
			mustBe(t, "the room is published", user.mustFindPublic(t, "", room).Exists(), true)
			pointer := user.must(t, http.MethodGet, inDirectory("#"+alias+":hs1"), "")
			mustBe(t, "the room of the alias", pointer.Get("room_id").Str, room)
			mustBe(t, "the servers of the alias", pointer.Get("servers").Raw, `["hs1"]`)
		},
		"name and topic": func(t *testing.T, hs *homeserver) {
			user := hs.mustRegister(t, "user")
			room := user.mustCreate(t, `{"visibility":"public","preset":"public_chat","name":"room name","topic":"room topic"}`)
			for _, key := range []string{"name", "topic"} {
				path := inRoom(room) + "/state/m.room." + key
				mustBe(t, key, user.must(t, http.MethodGet, path, "").Get(key).Str, "room "+key)
				user.must(t, http.MethodPut, path, `{%q:"another"}`, key)
				mustBe(t, "the new "+key, user.must(t, http.MethodGet, path, "").Get(key).Str, "another")
			}
			all := user.must(t, http.MethodGet, inRoom(room)+"/state", "")
			for _, kind := range []string{"create", "join_rules", "name", "power_levels", "topic", "history_visibility"} {
				mustBe(t, kind+" is told", stateIn(all, "m.room."+kind, "").Exists(), true)
			}
			mustBe(t, "the name in all state", stateIn(all, "m.room.name", "").Get("content.name").Str, "another")
		},
		"not federated": func(t *testing.T, hs *homeserver) {
			user := hs.mustRegister(t, "user")
			room := user.mustCreate(t, `{"visibility":"public","preset":"public_chat","creation_content":{"m.federate":false}}`)
			created := user.must(t, http.MethodGet, inRoom(room)+"/state/m.room.create", "")
			mustBe(t, "m.federate", created.Get(`m\.federate`).Raw, "false")
		},
		"unknown": func(t *testing.T, hs *homeserver) {
			user := hs.mustRegister(t, "user")
			room := user.mustCreate(t, `{}`)
			user.mustBeRefused(t, http.StatusNotFound, "M_NOT_FOUND", http.MethodGet, inState(room, "unknown", ""), "")
			stranger := hs.mustRegister(t, "stranger")
			stranger.mustBeRefused(t, http.StatusForbidden, "M_FORBIDDEN", http.MethodGet, inRoom(room)+"/state", "")
			stranger.mustBeRefused(t, http.StatusForbidden, "M_FORBIDDEN", http.MethodPut, inState(room, "m.room.topic", ""), `{"topic":"mine"}`)
		},
	}),
}
