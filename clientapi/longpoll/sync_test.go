package longpoll_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tidwall/gjson"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/clientapi/longpoll"
	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/sqldb/sqltest"
	"github.com/conversalabs/internalchat/storage/stream"
)

func mustEqual(t testing.TB, what string, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func TestInitialSyncBeginsWithTheCreateEvent(t *testing.T) {
	h := sqliteHouse(t)
	h.found(room1, ana, "shared")
	answer := h.mustSync(ana)
	mustEqual(t, "first event", inRoom(answer, "join", room1, "timeline.events.0.type").String(), "m.room.create")
	mustEqual(t, "limited", inRoom(answer, "join", room1, "timeline.limited").Bool(), false)
	mustEqual(t, "state", names(inRoom(answer, "join", room1, "state.events")), []string{})
	if answer.Get("rooms.join.*.timeline.events.0.room_id").Exists() {
		t.Error("the event has a room_id, want none")
	}
}

func TestLimitedTimelines(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		h := newHouse(t, db)
		h.found(room1, ana, "shared")
		h.state(room1, ana, "m.room.topic", "", `{"topic":"old"}`)
		token := h.mustSync(ana).Get("next_batch").String()
		h.state(room1, ana, "m.room.name", "", `{"name":"gap"}`)
		for i := range 100 {
			h.say(room1, ana, fmt.Sprint(i))
		}
		h.state(room1, ana, "m.room.topic", "", `{"topic":"new"}`)
		h.say(room1, ana, "last")

		small := filtered(t, `{"room":{"timeline":{"limit":3}}}`)
		answer := h.mustSyncTwice(ana, token, small)
		mustEqual(t, "timeline", names(inRoom(answer, "join", room1, "timeline.events")), []string{"99", "m.room.topic", "last"})
		mustEqual(t, "limited", inRoom(answer, "join", room1, "timeline.limited").Bool(), true)
		mustEqual(t, "state of the gap", names(inRoom(answer, "join", room1, "state.events")), []string{"m.room.name"})

		answer = h.mustSync(ana, small)
		state := inRoom(answer, "join", room1, "state.events")
		mustEqual(t, "topic before the timeline", state.Get(`#(type=="m.room.topic").content.topic`).String(), "old")
		mustEqual(t, "prev_content", inRoom(answer, "join", room1, "timeline.events.1.unsigned.prev_content.topic").String(), "old")

		after := func(q *longpoll.Request) { q.UseStateAfter = true }
		answer = h.mustSyncTwice(ana, token, small, after)
		state = inRoom(answer, "join", room1, "state_after.events")
		mustEqual(t, "state after", names(state), []string{"m.room.name", "m.room.topic"})
		mustEqual(t, "topic after the timeline", state.Get("1.content.topic").String(), "new")

		// A page of /messages from prev_batch on meets the timeline exactly.
		batch, err := stream.ParseToken(inRoom(answer, "join", room1, "timeline.prev_batch").String())
		if err != nil {
			t.Fatal(err)
		}
		older, err := h.store.Timelines(t.Context(), "default", []rooms.Slice{{Room: room1, UpTo: batch.Position, Limit: 1, Direction: rooms.Backwards}})
		if err != nil {
			t.Fatal(err)
		}
		mustEqual(t, "event before the timeline", string(older[0][0].Content), `{"body":"98"}`)
	})
}

func TestFilteredStateIsToldElsewhere(t *testing.T) {
	h := sqliteHouse(t)
	h.found(room1, ana, "shared")
	token := h.mustSync(ana).Get("next_batch").String()
	h.say(room1, ana, "a")
	h.state(room1, ana, "m.room.name", "", `{"name":"x"}`)
	h.say(room1, ana, "b")
	answer := h.mustSyncTwice(ana, token, filtered(t, `{"room":{"timeline":{"types":["m.room.message"]}}}`))
	mustEqual(t, "timeline", names(inRoom(answer, "join", room1, "timeline.events")), []string{"a", "b"})
	mustEqual(t, "state", names(inRoom(answer, "join", room1, "state.events")), []string{"m.room.name"})
}

// A filter may ask for what is rare: the search for it ends, and says so.
func TestRareEventsAreSoughtInVain(t *testing.T) {
	h := sqliteHouse(t)
	h.found(room1, ana, "shared")
	for i := range 90 {
		h.say(room1, ana, fmt.Sprint(i))
	}
	h.restart()
	rare := filtered(t, `{"room":{"timeline":{"types":["m.room.create"]}}}`)
	answer := h.mustSync(ana, rare)
	mustEqual(t, "timeline", names(inRoom(answer, "join", room1, "timeline.events")), []string{"m.room.create"})
	none := filtered(t, `{"room":{"timeline":{"types":["no.such"]}}}`)
	for i := range 1300 {
		h.say(room1, ana, fmt.Sprint(i))
	}
	answer = h.mustSync(ana, none)
	mustEqual(t, "timeline", names(inRoom(answer, "join", room1, "timeline.events")), []string{})
	mustEqual(t, "limited", inRoom(answer, "join", room1, "timeline.limited").Bool(), true)
	batch, err := stream.ParseToken(inRoom(answer, "join", room1, "timeline.prev_batch").String())
	if err != nil {
		t.Fatal(err)
	}
	if head := stream.Position(5 + 90 + 1300); batch.Position < 1 || batch.Position > head-1200 {
		t.Errorf("the search ended at %d of %d, want after more than a thousand events and before the beginning", batch.Position, head)
	}
}

func TestLazyLoading(t *testing.T) {
	h := sqliteHouse(t)
	h.found(room1, ana, "shared")
	h.state(room1, ana, "m.room.name", "", `{"name":"named"}`)
	for _, user := range []id.UserID{bea, caio, "@davi:hs"} {
		h.member(room1, user, user, "join")
	}
	for range 5 {
		h.say(room1, caio, "hello")
	}
	lazy := filtered(t, `{"room":{"timeline":{"limit":2},"state":{"lazy_load_members":true,"types":["m.room.member"]}}}`)
	answer := h.mustSync(bea, lazy)
	mustEqual(t, "members at first", names(inRoom(answer, "join", room1, "state.events")), []string{"join @bea:hs", "join @caio:hs"})
	token := answer.Get("next_batch").String()
	h.say(room1, ana, "hello")
	answer = h.mustSyncTwice(bea, token, lazy)
	mustEqual(t, "members of one message", names(inRoom(answer, "join", room1, "state.events")), []string{"join @ana:hs"})
	h.member(room1, "@davi:hs", "@davi:hs", "leave")
	h.say(room1, caio, "1")
	h.say(room1, caio, "2")
	answer = h.mustSyncTwice(bea, token, lazy)
	mustEqual(t, "members of a gap", names(inRoom(answer, "join", room1, "state.events")), []string{"join @caio:hs", "leave @davi:hs"})
}

func TestSummaries(t *testing.T) {
	h := sqliteHouse(t)
	h.found(room1, ana, "shared")
	for _, user := range []id.UserID{bea, caio, "@u1:hs", "@u2:hs", "@u3:hs", "@u4:hs"} {
		h.member(room1, user, user, "join")
	}
	answer := h.mustSync(bea)
	mustEqual(t, "summary", inRoom(answer, "join", room1, "summary").String(),
		`{"m.joined_member_count":7,"m.invited_member_count":0,"m.heroes":["@ana:hs","@caio:hs","@u1:hs","@u2:hs","@u3:hs"]}`)
	token := answer.Get("next_batch").String()
	h.say(room1, ana, "x")
	mustEqual(t, "summary with a message", inRoom(h.mustSyncTwice(bea, token), "join", room1, "summary").Exists(), false)
	h.member(room1, ana, "@u9:hs", "invite")
	answer = h.mustSyncTwice(bea, token)
	mustEqual(t, "invited", inRoom(answer, "join", room1, `summary.m\.invited_member_count`).Int(), int64(1))
}

func TestItems(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		h := newHouse(t, db)
		h.found(room1, ana, "shared")
		h.member(room1, bea, bea, "join")
		h.found(room2, ana, "shared")
		message := h.say(room1, ana, "x")
		token := h.mustSync(bea).Get("next_batch").String()
		receipt := func(user id.UserID, room id.RoomID, key, thread string) stream.Item {
			return stream.Item{Kind: stream.Receipt, User: user, Room: room, Key: key, Content: fmt.Appendf(nil, `{"event_id":"%s","ts":5%s}`, message, thread)}
		}
		h.put(
			stream.Item{Kind: stream.AccountData, User: bea, Key: "m.direct", Content: []byte(`{"a":1}`)},
			stream.Item{Kind: stream.AccountData, User: bea, Key: "m.direct", Content: []byte(`{"a":2}`)},
			stream.Item{Kind: stream.AccountData, User: ana, Key: "secret", Content: []byte(`{"of":"ana"}`)},
			stream.Item{Kind: stream.AccountData, User: bea, Room: room1, Key: "m.tag", Content: []byte(`{"tags":{}}`)},
			stream.Item{Kind: stream.AccountData, User: bea, Key: "gone"},
			stream.Item{Kind: stream.Presence, User: ana, Content: []byte(`{"presence":"online"}`)},
			stream.Item{Kind: stream.DeviceList, User: ana},
			stream.Item{Kind: stream.DeviceList, User: caio},
			receipt(ana, room1, "m.read|", ""), receipt(ana, room1, "m.read|main", `,"thread_id":"main"`),
			receipt(ana, room1, "m.read.private|", ""), receipt(bea, room1, "m.read.private|", ""),
			receipt(ana, room2, "m.read|", ""),
		)
		answer := h.mustSyncTwice(bea, token)
		mustEqual(t, "account data", answer.Get("account_data.events").String(),
			`[{"type":"m.direct","content":{"a":2}},{"type":"gone","content":{}}]`)
		mustEqual(t, "of the room", inRoom(answer, "join", room1, "account_data.events").String(), `[{"type":"m.tag","content":{"tags":{}}}]`)
		mustEqual(t, "presence", answer.Get("presence.events").String(), `[{"type":"m.presence","sender":"@ana:hs","content":{"presence":"online"}}]`)
		mustEqual(t, "device lists", answer.Get("device_lists").String(), `{"changed":["@ana:hs"],"left":[]}`)
		mustEqual(t, "receipts", inRoom(answer, "join", room1, "ephemeral.events").String(), strings.ReplaceAll(
			`[{"type":"m.receipt","content":{"EVENT":{"m.read":{"@ana:hs":{"ts":5}},"m.read.private":{"@bea:hs":{"ts":5}}}}},`+
				`{"type":"m.receipt","content":{"EVENT":{"m.read":{"@ana:hs":{"ts":5,"thread_id":"main"}}}}}]`, "EVENT", string(message)))
		mustEqual(t, "rooms", len(answer.Get("rooms.join").Map()), 1)
		first := h.mustSync(bea)
		mustEqual(t, "account data at first", answer.Get("account_data.events.0").String(), first.Get("account_data.events.0").String())
		mustEqual(t, "removed account data at first", len(first.Get("account_data.events").Array()), 1)
		nothing := h.mustSync(bea, since(answer.Get("next_batch").String()))
		mustEqual(t, "keys of an empty answer", len(nothing.Map()), 1)
	})
}

func TestTyping(t *testing.T) {
	h := sqliteHouse(t)
	h.found(room1, ana, "shared")
	h.member(room1, bea, bea, "join")
	h.found(room2, ana, "shared")
	token := h.mustSync(bea).Get("next_batch").String()
	h.rooms.Typing().Start("default", room1, ana, 1<<40)
	h.rooms.Typing().Start("default", room2, ana, 1<<40)
	answer := h.mustSync(bea, since(token))
	mustEqual(t, "typing", answer.Get("rooms.join").Map()[string(room1)].Get("ephemeral.events").String(),
		`[{"type":"m.typing","content":{"user_ids":["@ana:hs"]}}]`)
	mustEqual(t, "rooms", len(answer.Get("rooms.join").Map()), 1)
	token = answer.Get("next_batch").String()
	mustEqual(t, "again", h.mustSync(bea, since(token)).Get("rooms").Exists(), false)
	h.rooms.Typing().Stop("default", room1, ana)
	answer = h.mustSync(bea, since(token))
	mustEqual(t, "nobody", inRoom(answer, "join", room1, "ephemeral.events.0.content.user_ids").String(), `[]`)
	h.rooms.Typing().Stop("default", room2, ana)
}

func TestUnsigned(t *testing.T) {
	h := sqliteHouse(t)
	h.found(room1, ana, "shared")
	h.say(room1, ana, "mine")
	h.member(room1, bea, bea, "join")
	for _, c := range []struct {
		user       id.UserID
		membership string
		own        bool
	}{{ana, "join", true}, {bea, "leave", false}} {
		message := inRoom(h.mustSync(c.user), "join", room1, `timeline.events.#(content.body=="mine").unsigned`)
		mustEqual(t, "membership", message.Get("membership").String(), c.membership)
		mustEqual(t, "transaction_id", message.Get("transaction_id").Exists(), c.own)
		mustEqual(t, "age", message.Get("age").Int(), int64(94_000))
	}
}

func TestRedactedEvents(t *testing.T) {
	h := sqliteHouse(t)
	h.found(room1, ana, "shared")
	secret := h.say(room1, ana, "secret")
	h.redact(room1, ana, secret)
	for range 2 {
		answer := h.mustSync(ana)
		e := inRoom(answer, "join", room1, `timeline.events.#(event_id=="`+string(secret)+`")`)
		mustEqual(t, "content", e.Get("content").String(), `{}`)
		mustEqual(t, "redacted_because", e.Get("unsigned.redacted_because.type").String(), "m.room.redaction")
		mustEqual(t, "secret told", strings.Contains(answer.Raw, "secret"), false)
		h.restart()
	}
}

func TestFullState(t *testing.T) {
	h := sqliteHouse(t)
	h.found(room1, ana, "shared")
	token := h.mustSync(ana).Get("next_batch").String()
	full := func(q *longpoll.Request) { q.FullState = true }
	answer := h.mustSyncTwice(ana, token, full)
	mustEqual(t, "timeline", names(inRoom(answer, "join", room1, "timeline.events")), []string{})
	mustEqual(t, "state", len(inRoom(answer, "join", room1, "state.events").Array()), 5)
}

func TestTokensOfAnotherHistory(t *testing.T) {
	h := sqliteHouse(t)
	h.found(room1, ana, "shared")
	for _, token := range []string{"s1_999_0_0", "s7_5_0_0"} {
		mustEqual(t, token, inRoom(h.mustSync(ana, since(token)), "join", room1, "timeline.events.0.type").String(), "m.room.create")
	}
	if _, err := h.Sync(t.Context(), caller(ana), longpoll.Request{Since: "x"}); err == nil {
		t.Error("a token that is none was taken")
	}
}

func TestRoomFilters(t *testing.T) {
	h := sqliteHouse(t)
	h.found(room1, ana, "shared")
	h.found(room2, ana, "shared")
	answer := h.mustSync(ana, filtered(t, `{"room":{"rooms":["!one:hs"]}}`))
	mustEqual(t, "rooms", len(answer.Get("rooms.join").Map()), 1)
	token := answer.Get("next_batch").String()
	h.say(room1, ana, "a")
	h.say(room2, ana, "b")
	answer = h.mustSyncTwice(ana, token, filtered(t, `{"room":{"not_rooms":["!one:hs"]}}`))
	mustEqual(t, "other room", names(inRoom(answer, "join", room2, "timeline.events")), []string{"b"})
	mustEqual(t, "filtered room", inRoom(answer, "join", room1, ""), gjson.Result{})
}
