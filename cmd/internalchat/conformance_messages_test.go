package main_test

import (
	"fmt"
	"net/http"
	"slices"
	"testing"

	"github.com/tidwall/gjson"
)

var levelsChecks = checks{
	"DemotingUsersViaUsersDefault": func(t *testing.T, hs *homeserver) {
		alice, bob, charlie := hs.mustRegister(t, "alice"), hs.mustRegister(t, "bob"), hs.mustRegister(t, "charlie")
		levels := `"users":{%q:100,%q:100},"events":{},"notifications":{}`
		room := alice.mustCreate(t, `{"preset":"public_chat","power_level_content_override":{"users_default":100,`+levels+`}}`, alice.id, bob.id)
		bob.mustJoin(t, room)
		lowered := bob.mustPutState(t, room, "m.room.power_levels", "", `{"users_default":40,`+levels+`}`, alice.id, bob.id)
		bob.mustSyncUntil(t, "the lowered levels", inTimeline(room, lowered))
		charlie.mustJoin(t, room)
		charlie.mustBeRefused(t, http.StatusForbidden, "M_FORBIDDEN", http.MethodPut, inState(room, "m.room.name", ""), `{"name":"Charlie's"}`)
	},
	"PowerLevels": func(t *testing.T, hs *homeserver) {
		alice := hs.mustRegister(t, "alice")
		room := alice.mustCreate(t, `{"room_version":"11"}`)
		path := inState(room, "m.room.power_levels", "")
		levels := alice.must(t, http.MethodGet, path, "")
		for _, key := range []string{"ban", "kick", "redact", "state_default", "events_default", "users_default"} {
			if levels.Get(key).Type != gjson.Number {
				t.Errorf("%s: got %s, want a number", key, levels.Get(key).Raw)
			}
		}
		for _, key := range []string{"events", "users"} {
			if !levels.Get(key).IsObject() {
				t.Errorf("%s: got %s, want an object", key, levels.Get(key).Raw)
			}
			for name, level := range levels.Get(key).Map() {
				mustBe(t, "the level of "+name+" is a number", level.Type, gjson.Number)
			}
		}
		mustBe(t, "the creator's level", member(levels.Get("users"), alice.id).Int() > levels.Get("users_default").Int(), true)
		alice.must(t, http.MethodPut, path, `{"users":{%q:100,"@somebody:their.home":20},"invite":77}`, alice.id)
		levels = alice.must(t, http.MethodGet, path, "")
		mustBe(t, "the level of invitations", levels.Get("invite").Raw, "77")
		mustBe(t, "somebody's level", member(levels.Get("users"), "@somebody:their.home").Raw, "20")

		alice.must(t, http.MethodPut, path, `{"users":{%q:100}}`, alice.id)
		alice.must(t, http.MethodPut, path, `{}`)
		mustBe(t, "the empty levels", alice.must(t, http.MethodGet, path, "").Raw, "{}")
		alice.mustBeRefused(t, http.StatusForbidden, "M_FORBIDDEN", http.MethodPut, path, `{"users":{}}`)
		mustBe(t, "the levels after a refusal", alice.must(t, http.MethodGet, path, "").Raw, "{}")
	},
}

var messagesChecks = checks{
	"RoomImageRoundtrip": func(t *testing.T, hs *homeserver) {
		alice := hs.mustRegister(t, "alice")
		room := alice.mustCreate(t, `{"preset":"public_chat"}`)
		text := alice.mustSay(t, room, "no picture")
		image := alice.mustSend(t, room, "m.room.message", `{"msgtype":"m.file","body":"test.png","url":"mxc://hs1/picture"}`)
		for contains, want := range map[string]string{"true": image, "false": text} {
			page := alice.must(t, http.MethodGet, inRoom(room)+"/messages?"+query("dir", "b", "limit", "1",
				"filter", `{"types":["m.room.message"],"contains_url":`+contains+`}`), "")
			mustBe(t, "the events with a URL: "+contains, eventIDs(page.Get("chunk")), []string{want})
		}
	},
	"Redact": func(t *testing.T, hs *homeserver) {
		alice := hs.mustRegister(t, "alice")
		room := alice.mustCreate(t, `{}`)
		said := alice.mustSay(t, room, "wrong")
		mustSeeEvent(t, alice, room, said, "wrong")
		redaction := alice.must(t, http.MethodPut, inRoom(room)+"/redact/"+said+"/txn", `{"reason":"a slip"}`).Get("event_id").Str
		mustBe(t, "the redaction sent again",
			alice.must(t, http.MethodPut, inRoom(room)+"/redact/"+said+"/txn", `{"reason":"a slip"}`).Get("event_id").Str, redaction)
		event := alice.must(t, http.MethodGet, inEvent(room, said), "")
		mustBe(t, "the content", event.Get("content").Raw, "{}")
		because := event.Get("unsigned.redacted_because")
		mustBe(t, "what redacted it", because.Get("event_id").Str, redaction)
		mustBe(t, "why", because.Get("content.reason").Str, "a slip")
		answer := alice.mustSyncUntil(t, "the redaction", inTimeline(room, redaction))
		for _, e := range joined(answer, room).Get("timeline.events").Array() {
			switch e.Get("event_id").Str {
			case said:
				mustBe(t, "the content in /sync", e.Get("content").Raw, "{}")
			case redaction:
				mustBe(t, "what is redacted, in the content", e.Get("content.redacts").Str, said)
				mustBe(t, "what is redacted, for old clients", e.Get("redacts").Str, said)
			}
		}
	},
	"SendAndFetchMessage": func(t *testing.T, hs *homeserver) {
		alice := hs.mustRegister(t, "alice")
		room := alice.mustCreate(t, `{"preset":"public_chat"}`)
		from := alice.mustSync(t).Get("next_batch").Str
		said := alice.mustSay(t, room, "hello")
		for _, version := range []string{"v3", "r0"} {
			page := alice.must(t, http.MethodGet, "/_matrix/client/"+version+inRoom(room)+"/messages?"+query("dir", "f", "from", from), "")
			mustBe(t, "the events", eventIDs(page.Get("chunk")), []string{said})
			mustBe(t, "the text", page.Get("chunk.0.content.body").Str, "hello")
			mustBe(t, "the start", page.Get("start").Str, from)
		}
		to := alice.mustSync(t).Get("next_batch").Str
		alice.mustSay(t, room, "after")
		page := alice.must(t, http.MethodGet, inRoom(room)+"/messages?"+query("dir", "b", "from", to, "to", from), "")
		mustBe(t, "the events between two tokens", eventIDs(page.Get("chunk")), []string{said})
	},
	"FetchMessagesFromNonExistentRoom": func(t *testing.T, hs *homeserver) {
		hs.mustRegister(t, "alice").mustBeRefused(t, http.StatusForbidden, "M_FORBIDDEN", http.MethodGet, inRoom("!nowhere:hs1")+"/messages?dir=b", "")
	},
	"SendMessageWithTxn": func(t *testing.T, hs *homeserver) {
		alice := hs.mustRegister(t, "alice")
		room := alice.mustCreate(t, `{}`)
		path := inRoom(room) + "/send/m.room.message/txn"
		first := alice.must(t, http.MethodPut, path, `{"msgtype":"m.text","body":"once"}`)
		again := alice.must(t, http.MethodPut, path, `{"msgtype":"m.text","body":"once"}`)
		mustBe(t, "the event sent again", again.Get("event_id").Str, first.Get("event_id").Str)
	},
	"RoomMessagesLazyLoading": func(t *testing.T, hs *homeserver) {
		alice, bob, charlie := hs.mustRegister(t, "alice"), hs.mustRegister(t, "bob"), hs.mustRegister(t, "charlie")
		room := alice.mustCreate(t, `{"preset":"public_chat"}`)
		bob.mustJoin(t, room)
		charlie.mustJoin(t, room)
		start := alice.mustSync(t).Get("next_batch").Str
		bob.mustSay(t, room, "test 1")
		middle := alice.mustSync(t).Get("next_batch").Str
		charlie.mustSay(t, room, "test 2")
		charlie.mustSay(t, room, "test 3")
		end := alice.mustSync(t).Get("next_batch").Str
		for _, page := range []struct {
			dir, from, to string
			senders       []string
		}{
			{"f", start, middle, []string{bob.id}},
			{"f", middle, end, []string{charlie.id}},
			{"b", end, middle, []string{charlie.id}},
			{"b", end, start, []string{bob.id, charlie.id}},
		} {
			got := alice.must(t, http.MethodGet, inRoom(room)+"/messages?"+query("dir", page.dir, "from", page.from, "to", page.to,
				"filter", `{"lazy_load_members":true}`), "")
			mustBe(t, "the members of "+page.dir, strs(got.Get(`state.#.state_key`)), page.senders)
			for _, e := range got.Get("state").Array() {
				mustBe(t, "the type", e.Get("type").Str, "m.room.member")
			}
		}
	},
	"RoomMessagesLazyLoadingLocalUser": func(t *testing.T, hs *homeserver) {
		alice := hs.mustRegister(t, "alice")
		room := alice.mustCreate(t, `{"preset":"public_chat"}`)
		alice.mustSay(t, room, "test")
		from := alice.mustSync(t).Get("next_batch").Str
		page := alice.must(t, http.MethodGet, inRoom(room)+"/messages?"+query("dir", "b", "from", from, "filter", `{"lazy_load_members":true}`), "")
		mustBe(t, "the members", strs(page.Get(`state.#.state_key`)), []string{alice.id})
		mustBe(t, "the membership", page.Get("state.0.content.membership").Str, "join")
	},
	"TxnInEvent": func(t *testing.T, hs *homeserver) {
		alice := hs.mustRegister(t, "alice")
		room := alice.mustCreate(t, `{}`)
		said := alice.must(t, http.MethodPut, inRoom(room)+"/send/m.room.message/my-txn", `{"msgtype":"m.text","body":"x"}`).Get("event_id").Str
		mustBe(t, "the transaction", alice.must(t, http.MethodGet, inEvent(room, said), "").Get("unsigned.transaction_id").Str, "my-txn")
		other := alice.mustLogIn(t, "").must(t, http.MethodGet, inEvent(room, said), "")
		mustBe(t, "the transaction, for another device", other.Get("unsigned.transaction_id").Str, "")
	},
	"TxnScopeOnLocalEcho": func(t *testing.T, hs *homeserver) {
		alice := hs.mustRegister(t, "alice")
		room := alice.mustCreate(t, `{}`)
		said := alice.must(t, http.MethodPut, inRoom(room)+"/send/m.room.message/my-txn", `{"msgtype":"m.text","body":"x"}`).Get("event_id").Str
		echo := func(session *asker) string {
			events := joined(session.mustSyncUntil(t, "the event", inTimeline(room, said)), room).Get("timeline.events").Array()
			at := slices.IndexFunc(events, func(e gjson.Result) bool { return e.Get("event_id").Str == said })
			return events[at].Get("unsigned.transaction_id").Str
		}
		mustBe(t, "the transaction", echo(alice), "my-txn")
		mustBe(t, "the transaction, for another device", echo(alice.mustLogIn(t, "")), "")
		mustBe(t, "the transaction, for the device's next session", echo(alice.mustLogIn(t, alice.device)), "my-txn")
	},
	"TxnIdempotencyScopedToDevice": func(t *testing.T, hs *homeserver) {
		alice := hs.mustRegister(t, "alice")
		path := inRoom(alice.mustCreate(t, `{}`)) + "/send/m.room.message/txn"
		send := func(session *asker) string {
			return session.must(t, http.MethodPut, path, `{"msgtype":"m.text","body":"x"}`).Get("event_id").Str
		}
		first := send(alice)
		mustBe(t, "the device's next session", send(alice.mustLogIn(t, alice.device)), first)
		if send(alice.mustLogIn(t, "")) == first {
			t.Error("another device's transaction of that name gave the same event")
		}
	},
	"TxnIdempotency": func(t *testing.T, hs *homeserver) {
		alice := hs.mustRegister(t, "alice")
		one, other := alice.mustCreate(t, `{}`), alice.mustCreate(t, `{}`)
		send := func(room, kind, txn, text string) string {
			return alice.must(t, http.MethodPut, fmt.Sprintf("%s/send/%s/%s", inRoom(room), kind, txn), `{"msgtype":"m.text","body":%q}`, text).Get("event_id").Str
		}
		first := send(one, "m.room.message", "txn", "first")
		mustBe(t, "the same path with another body", send(one, "m.room.message", "txn", "second"), first)
		for what, event := range map[string]string{
			"another transaction": send(one, "m.room.message", "txn2", "first"),
			"another room":        send(other, "m.room.message", "txn", "first"),
			"another type":        send(one, "com.example.other", "txn", "first"),
		} {
			if event == first {
				t.Errorf("%s: got the same event", what)
			}
		}
	},
}
