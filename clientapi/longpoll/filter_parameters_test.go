package longpoll_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tidwall/gjson"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/sqldb/sqltest"
	"github.com/conversalabs/internalchat/storage/stream"
)

// furnish gives Ana two rooms, one that she left and one to which she is invited,
// with something of every kind that a filter chooses among.
func furnish(h *house) {
	const left, invited = id.RoomID("!left:hs"), id.RoomID("!invited:hs")
	for _, room := range []id.RoomID{room1, room2, left} {
		h.found(room, ana, "shared")
	}
	h.member(room1, bea, bea, "join")
	h.member(room1, caio, caio, "join")
	h.member(left, ana, ana, "leave")
	h.found(invited, bea, "shared")
	h.member(invited, bea, ana, "invite")
	h.state(room1, ana, "m.room.name", "", `{"name":"x"}`) // or its members name it
	h.state(room1, bea, "m.room.topic", "", `{"topic":"x"}`)
	h.say(room2, ana, "two")
	h.content(room1, bea, `{"body":"picture","url":"mxc://hs/x"}`)
	said := h.say(room1, ana, "words")
	h.put(
		stream.Item{Kind: stream.AccountData, User: ana, Key: "m.direct", Content: []byte(`{}`)},
		stream.Item{Kind: stream.AccountData, User: ana, Key: "x.y", Content: []byte(`{}`)},
		stream.Item{Kind: stream.AccountData, User: ana, Room: room1, Key: "m.tag", Content: []byte(`{}`)},
		stream.Item{Kind: stream.AccountData, User: ana, Room: room1, Key: "x.y", Content: []byte(`{}`)},
		stream.Item{Kind: stream.Presence, User: bea, Content: []byte(`{"presence":"online"}`)},
		stream.Item{Kind: stream.Presence, User: caio, Content: []byte(`{"presence":"online"}`)},
		stream.Item{Kind: stream.Receipt, User: bea, Room: room1, Key: "m.read|", Content: fmt.Appendf(nil, `{"event_id":"%s","ts":1}`, said)},
	)
}

// part names what an answer has in one part: its rooms, what is about no room, or
// a part of the first room.
func part(answer gjson.Result, of string) []string {
	all := []string{}
	switch of {
	case "rooms":
		for section, rooms := range answer.Get("rooms").Map() {
			for room := range rooms.Map() {
				all = append(all, section+" "+strings.TrimSuffix(room, ":hs"))
			}
		}
		slices.Sort(all)
		return all
	case "presence":
		for _, e := range answer.Get("presence.events").Array() {
			all = append(all, e.Get("sender").Str)
		}
		return all
	case "account_data":
		return names(answer.Get("account_data.events"))
	}
	return names(inRoom(answer, "join", room1, strings.TrimPrefix(of, "room.")+".events"))
}

// Every parameter of a filter (sections "Filtering" and "Lazy-loading room
// members") chooses what /sync tells.
func TestFilterParameters(t *testing.T) {
	const (
		state   = `"timeline":{"limit":1},"state":`
		created = "m.room.create,m.room.power_levels,m.room.join_rules,m.room.history_visibility,m.room.name,m.room.topic"
		members = "join @ana:hs,join @bea:hs,join @caio:hs"
	)
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		h := newHouse(t, db)
		furnish(h)
		h.rooms.Typing().Start(tenant.Default, room1, bea, time.Minute)
		for _, c := range []struct{ part, filter, want string }{
			{"rooms", `{}`, "invite !invited,join !one,join !two"},
			{"rooms", `{"room":{"include_leave":true}}`, "invite !invited,join !one,join !two,leave !left"},
			{"rooms", `{"room":{"include_leave":true,"rooms":["!left:hs","!two:hs"]}}`, "join !two,leave !left"},
			{"rooms", `{"room":{"rooms":[]}}`, ""},
			{"rooms", `{"room":{"not_rooms":["!one:hs","!invited:hs"]}}`, "join !two"},
			{"rooms", `{"room":{"rooms":["!one:hs"],"not_rooms":["!one:hs"]}}`, ""},

			{"presence", `{}`, "@bea:hs,@caio:hs"},
			{"presence", `{"presence":{"senders":["@bea:hs"]}}`, "@bea:hs"},
			{"presence", `{"presence":{"not_senders":["@bea:hs"]}}`, "@caio:hs"},
			{"presence", `{"presence":{"types":[]}}`, ""},
			{"presence", `{"presence":{"types":["m.pres*"]}}`, "@bea:hs,@caio:hs"},
			{"presence", `{"presence":{"not_types":["*"]}}`, ""},

			{"account_data", `{}`, "m.direct,x.y"},
			{"account_data", `{"account_data":{"types":["m.*"]}}`, "m.direct"},
			{"account_data", `{"account_data":{"not_types":["m.direct"]}}`, "x.y"},

			{"room.account_data", `{}`, "m.tag,x.y"},
			{"room.account_data", `{"room":{"account_data":{"types":["m.tag"]}}}`, "m.tag"},
			{"room.account_data", `{"room":{"account_data":{"not_types":["m.*"]}}}`, "x.y"},
			{"room.account_data", `{"room":{"account_data":{"rooms":["!two:hs"]}}}`, ""},
			{"room.account_data", `{"room":{"account_data":{"not_rooms":["!two:hs"]}}}`, "m.tag,x.y"},

			{"room.ephemeral", `{}`, "m.typing,m.receipt"},
			{"room.ephemeral", `{"room":{"ephemeral":{"types":["m.receipt"]}}}`, "m.receipt"},
			{"room.ephemeral", `{"room":{"ephemeral":{"not_types":["m.rec*"]}}}`, "m.typing"},
			{"room.ephemeral", `{"room":{"ephemeral":{"rooms":["!two:hs"]}}}`, ""},
			{"room.ephemeral", `{"room":{"ephemeral":{"not_rooms":["!one:hs"]}}}`, ""},

			{"room.timeline", `{"room":{"timeline":{"limit":2}}}`, "picture,words"},
			{"room.timeline", `{"room":{"timeline":{"types":["m.room.message"]}}}`, "picture,words"},
			{"room.timeline", `{"room":{"timeline":{"types":["m.*.topic","x"]}}}`, "m.room.topic"},
			{"room.timeline", `{"room":{"timeline":{"not_types":["m.room.[a-m]","m.room.me*","m.room.?*"],"limit":1}}}`, "m.room.topic"},
			{"room.timeline", `{"room":{"timeline":{"senders":["@bea:hs"],"types":["m.room.message"]}}}`, "picture"},
			{"room.timeline", `{"room":{"timeline":{"not_senders":["@bea:hs"],"types":["m.room.message"]}}}`, "words"},
			{"room.timeline", `{"room":{"timeline":{"contains_url":true}}}`, "picture"},
			{"room.timeline", `{"room":{"timeline":{"contains_url":false,"types":["m.room.message"]}}}`, "words"},
			{"room.timeline", `{"room":{"timeline":{"rooms":["!two:hs"]}}}`, ""},
			{"room.timeline", `{"room":{"timeline":{"rooms":["!one:hs"],"limit":1}}}`, "words"},
			{"room.timeline", `{"room":{"timeline":{"not_rooms":["!one:hs"]}}}`, ""},

			{"room.state", `{"room":{` + state + `{}}}`, created + "," + members},
			{"room.state", `{"room":{` + state + `{"types":["m.room.topic"]}}}`, "m.room.topic"},
			{"room.state", `{"room":{` + state + `{"not_types":["m.room.m*"]}}}`, created},
			{"room.state", `{"room":{` + state + `{"senders":["@caio:hs"]}}}`, "join @caio:hs"},
			{"room.state", `{"room":{` + state + `{"not_senders":["@ana:hs"]}}}`, "join @bea:hs,join @caio:hs,m.room.topic"},
			{"room.state", `{"room":{` + state + `{"rooms":["!two:hs"]}}}`, ""},
			{"room.state", `{"room":{` + state + `{"not_rooms":["!two:hs"]}}}`, created + "," + members},
			{"room.state", `{"room":{` + state + `{"contains_url":true}}}`, ""},
			{"room.state", `{"room":{` + state + `{"lazy_load_members":true,"types":["m.room.member"]}}}`, "join @ana:hs"},
		} {
			got := part(h.mustSync(ana, filtered(t, c.filter)), c.part)
			want := strings.FieldsFunc(c.want, func(r rune) bool { return r == ',' })
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("%s: got %s %q, want %q", c.filter, c.part, got, want)
			}
		}

		h.restart() // so that nobody is typing
		// Members that were told already are told again with include_redundant_members,
		// and may be without.
		token := h.mustSync(ana).Get("next_batch").Str
		h.say(room1, bea, "again")
		redundant := h.mustSyncTwice(ana, token,
			filtered(t, `{"room":{"state":{"lazy_load_members":true,"include_redundant_members":true}}}`))
		mustEqual(t, "redundant members", part(redundant, "room.state"), []string{"join @bea:hs"})
	})
}

// Fields are chosen of a room's events alone; the federation's format is the event
// as it is stored.
func TestFormatsOfEvents(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		h := newHouse(t, db)
		furnish(h)
		token := h.mustSync(ana).Get("next_batch").Str
		message := h.content(room1, bea, `{"body":"b","a.b":1}`)
		topic := h.state(room1, bea, "m.room.topic", "", `{"topic":"y"}`)
		h.put(stream.Item{Kind: stream.AccountData, User: ana, Room: room1, Key: "m.tag", Content: []byte(`{"tags":{}}`)})
		get := func(filter, path string) string {
			t.Helper()
			return inRoom(h.mustSyncTwice(ana, token, filtered(t, filter)), "join", room1, path).Raw
		}
		fields := `{"event_fields":["type","content.a\\.b","content.topic","unsigned.prev_content"]%s}`
		mustEqual(t, "chosen fields", get(fmt.Sprintf(fields, ""), "timeline.events"),
			`[{"content":{"a.b":1},"type":"m.room.message"},{"content":{"topic":"y"},"type":"m.room.topic","unsigned":{"prev_content":{"topic":"x"}}}]`)
		mustEqual(t, "chosen fields of state", get(fmt.Sprintf(fields, `,"room":{"timeline":{"types":[]}}`), "state.events"),
			`[{"content":{"topic":"y"},"type":"m.room.topic"}]`)
		mustEqual(t, "account data", get(`{"event_fields":["type"]}`, "account_data.events"), `[{"type":"m.tag","content":{"tags":{}}}]`)

		raw := inRoom(h.mustSyncTwice(ana, token, filtered(t, `{"event_format":"federation"}`)), "join", room1, "timeline.events").Array()
		for i, eventID := range []id.EventID{message, topic} {
			stored, err := h.store.EventByID(t.Context(), tenant.Default, eventID)
			if err != nil {
				t.Fatal(err)
			}
			open := stored.JSON[:len(stored.JSON)-1]
			if !bytes.HasPrefix([]byte(raw[i].Raw), append(open, `,"unsigned":{"age":`...)) || !raw[i].Get("auth_events").IsArray() ||
				!raw[i].Get("hashes.sha256").Exists() || raw[i].Get("room_id").Str != string(room1) || raw[i].Get("event_id").Exists() {
				t.Errorf("got %s, want what is stored: %s", raw[i].Raw, stored.JSON)
			}
		}
		mustEqual(t, "both", get(`{"event_format":"federation","event_fields":["depth"],"room":{"timeline":{"limit":1}}}`, "timeline.events.0.depth"),
			raw[1].Get("depth").Raw)
		mustEqual(t, "client's", get(`{"event_format":"client"}`, "timeline.events"), get(`{}`, "timeline.events"))
		h.redact(room1, ana, message)
		redacted := get(`{"event_format":"federation"}`, "timeline.events.0")
		mustEqual(t, "redacted content", gjson.Get(redacted, "content").Raw, `{}`)
		if !gjson.Get(redacted, "unsigned.redacted_because.auth_events").IsArray() {
			t.Errorf("got %s, want the redaction in the same format", redacted)
		}
	})
}
