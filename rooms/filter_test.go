package rooms_test

import (
	"strings"
	"testing"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/rooms/event"
)

func TestParseFilterRefuses(t *testing.T) {
	long := `["` + strings.Repeat("a", 256) + `"]`
	many := `["@a:hs"` + strings.Repeat(`,"@a:hs"`, 1000) + `]`
	for _, c := range []struct{ filter, code string }{
		{``, "M_NOT_JSON"},
		{`{`, "M_NOT_JSON"},
		{`[]`, "M_BAD_JSON"},
		{`{"presence":"x"}`, "M_BAD_JSON"},
		{`{"room":{"timeline":"x"}}`, "M_BAD_JSON"},
		{`{"room":{"state":"x"}}`, "M_BAD_JSON"},
		{`{"room":{"ephemeral":"x"}}`, "M_BAD_JSON"},
		{`{"room":{"account_data":[]}}`, "M_BAD_JSON"},
		{`{"room":{"rooms":"x"}}`, "M_BAD_JSON"},
		{`{"room":{"timeline":{"rooms":"x"}}}`, "M_BAD_JSON"},
		{`{"room":{"timeline":{"not_rooms":"x"}}}`, "M_BAD_JSON"},
		{`{"room":{"timeline":{"senders":"x"}}}`, "M_BAD_JSON"},
		{`{"room":{"timeline":{"not_senders":{}}}}`, "M_BAD_JSON"},
		{`{"room":{"timeline":{"types":"x"}}}`, "M_BAD_JSON"},
		{`{"room":{"timeline":{"types":[1]}}}`, "M_BAD_JSON"},
		{`{"room":{"timeline":{"contains_url":"x"}}}`, "M_BAD_JSON"},
		{`{"room":{"timeline":{"limit":"10"}}}`, "M_BAD_JSON"},
		{`{"room":{"timeline":{"limit":1.5}}}`, "M_BAD_JSON"},
		{`{"room":{"timeline":{"limit":99999999999999999999}}}`, "M_BAD_JSON"},
		{`{"room":{"state":{"lazy_load_members":1}}}`, "M_BAD_JSON"},
		{`{"room":{"include_leave":"yes"}}`, "M_BAD_JSON"},
		{`{"event_fields":"x"}`, "M_BAD_JSON"},
		{`{"room":{},"room":{}}`, "M_BAD_JSON"},
		{`{"event_fields":[1]}`, "M_BAD_JSON"},
		{`{"event_format":1}`, "M_BAD_JSON"},
		{`{"account_data":[]}`, "M_BAD_JSON"},
		{`{"account_data":{"types":{}}}`, "M_BAD_JSON"},
		{`{"presence":{"senders":"@a:hs"}}`, "M_BAD_JSON"},
		{`{"presence":{"not_senders":[1]}}`, "M_BAD_JSON"},
		{`{"room":{"not_rooms":{}}}`, "M_BAD_JSON"},
		{`{"room":{"timeline":{"not_types":"x"}}}`, "M_BAD_JSON"},
		{`{"room":{"state":{"include_redundant_members":"true"}}}`, "M_BAD_JSON"},
		{`{"room":{"timeline":{"unread_thread_notifications":1}}}`, "M_BAD_JSON"},
		{`{"event_fields":` + long + `}`, "M_INVALID_PARAM"},
		{`{"event_fields":` + many + `}`, "M_INVALID_PARAM"},
		{`{"event_format":""}`, "M_INVALID_PARAM"},
		{`{"account_data":{"limit":-1}}`, "M_INVALID_PARAM"},
		{`{"presence":{"not_senders":["x"]}}`, "M_INVALID_PARAM"},
		{`{"room":{"ephemeral":{"rooms":["x"]}}}`, "M_INVALID_PARAM"},
		{`{"room":{"state":{"not_types":` + long + `}}}`, "M_INVALID_PARAM"},
		{`{"event_format":"other"}`, "M_INVALID_PARAM"},
		{`{"room":{"timeline":{"limit":-1}}}`, "M_INVALID_PARAM"},
		{`{"room":{"rooms":["x"]}}`, "M_INVALID_PARAM"},
		{`{"room":{"not_rooms":["x"]}}`, "M_INVALID_PARAM"},
		{`{"room":{"timeline":{"rooms":["not_a_room_id"]}}}`, "M_INVALID_PARAM"},
		{`{"room":{"timeline":{"not_rooms":["x"]}}}`, "M_INVALID_PARAM"},
		{`{"room":{"timeline":{"senders":["not_a_sender_id"]}}}`, "M_INVALID_PARAM"},
		{`{"room":{"timeline":{"not_senders":["x"]}}}`, "M_INVALID_PARAM"},
		{`{"presence":{"senders":["x"]}}`, "M_INVALID_PARAM"},
		{`{"room":{"timeline":{"types":` + long + `}}}`, "M_INVALID_PARAM"},
		{`{"room":{"timeline":{"senders":` + many + `}}}`, "M_INVALID_PARAM"},
	} {
		if _, err := rooms.ParseFilter([]byte(c.filter)); !refusal.Is(err, c.code) {
			t.Errorf("%.60s: got %v, want %s", c.filter, err, c.code)
		}
	}
	if _, err := rooms.ParseRoomEventFilter([]byte(`{"limit":-1}`)); !refusal.Is(err, "M_INVALID_PARAM") {
		t.Errorf("room event filter: got %v, want M_INVALID_PARAM", err)
	}
}

func TestRoomEventFilterMatches(t *testing.T) {
	message := &event.Event{Room: "!r:hs", Sender: "@a:hs", Type: "m.room.message", Content: []byte(`{"body":"x"}`)}
	image := &event.Event{Room: "!r:hs", Sender: "@a:hs", Type: "m.room.message", Content: []byte(`{"url":"mxc://a/b"}`)}
	for _, c := range []struct {
		filter         string
		message, image bool
	}{
		{`{}`, true, true},
		{`{"types":[]}`, false, false},
		{`{"types":["m.room.message"]}`, true, true},
		{`{"types":["m.room.*"]}`, true, true},
		{`{"types":["*"]}`, true, true},
		{`{"types":["m.*.message"]}`, true, true},
		{`{"types":["m.*.mes*ge"]}`, true, true},
		{`{"types":["m.room.message*m.room"]}`, false, false},
		{`{"types":["m.room"]}`, false, false},
		{`{"types":["*"],"not_types":["m.room.*"]}`, false, false},
		{`{"senders":["@b:hs"]}`, false, false},
		{`{"senders":["@a:hs"]}`, true, true},
		{`{"senders":["@a:hs"],"not_senders":["@a:hs"]}`, false, false},
		{`{"rooms":["!r:hs"]}`, true, true},
		{`{"rooms":[]}`, false, false},
		{`{"rooms":["!other:hs"]}`, false, false},
		{`{"not_rooms":["!r:hs"]}`, false, false},
		{`{"contains_url":true}`, false, true},
		{`{"contains_url":false}`, true, false},
		{`{"types":null,"senders":null}`, true, true},
		{`{"unknown":1,"Types":[]}`, true, true},
	} {
		f, err := rooms.ParseRoomEventFilter([]byte(c.filter))
		if err != nil {
			t.Errorf("%s: %v", c.filter, err)
			continue
		}
		if got := f.Match(message); got != c.message {
			t.Errorf("%s: message: got %v, want %v", c.filter, got, c.message)
		}
		if got := f.Match(image); got != c.image {
			t.Errorf("%s: image: got %v, want %v", c.filter, got, c.image)
		}
	}
}

func TestParseFilter(t *testing.T) {
	f, err := rooms.ParseFilter([]byte(`{
		"presence": {"not_types": ["*"]}, "account_data": {"types": ["m.direct"]},
		"room": {"not_rooms": ["!a:hs"], "include_leave": true, "timeline": {"limit": 7}, "state": {"lazy_load_members": true}}}`))
	if err != nil {
		t.Fatal(err)
	}
	if f.Presence.Takes("m.presence", "@a:hs") {
		t.Error("presence is taken, want not")
	}
	if !f.AccountData.Takes("m.direct", "") || f.AccountData.Takes("m.tag", "") {
		t.Error("account data: want m.direct alone")
	}
	if f.Room.Wants(id.RoomID("!a:hs")) || !f.Room.Wants(id.RoomID("!b:hs")) {
		t.Error("rooms: want all but !a:hs")
	}
	if !f.Room.IncludeLeave || !f.Room.State.LazyLoadMembers {
		t.Error("include_leave and lazy_load_members: want both")
	}
	if got := f.Room.Timeline.Limit(20, 100); got != 7 {
		t.Errorf("limit: got %d, want 7", got)
	}
	if got := f.Room.Timeline.Limit(20, 5); got != 5 {
		t.Errorf("bounded limit: got %d, want 5", got)
	}
	if got := f.Room.State.Limit(20, 100); got != 20 {
		t.Errorf("absent limit: got %d, want 20", got)
	}
}

func TestFields(t *testing.T) {
	const whole = `{"content":{"a.b":1,"body":"x","m":{"k":{},"l":[1]},"n\\u0001":2},"origin_server_ts":5,"sender":"@a:hs","type":"m.x"}`
	for fields, want := range map[string]string{
		`"type"`:                                 `{"type":"m.x"}`,
		`"type","sender"`:                        `{"sender":"@a:hs","type":"m.x"}`,
		`"content.body"`:                         `{"content":{"body":"x"}}`,
		`"content.body","content.m.l","type"`:    `{"content":{"body":"x","m":{"l":[1]}},"type":"m.x"}`,
		`"content.body","content"`:               `{"content":{"a.b":1,"body":"x","m":{"k":{},"l":[1]},"n\u0001":2}}`,
		`"content","content.body"`:               `{"content":{"a.b":1,"body":"x","m":{"k":{},"l":[1]},"n\u0001":2}}`,
		`"content.m.k"`:                          `{"content":{"m":{"k":{}}}}`,
		`"content.a\\.b"`:                        `{"content":{"a.b":1}}`,
		`"content.a.b"`:                          `{}`,
		`"content.n\u0001"`:                      `{"content":{"n\u0001":2}}`,
		`"content.m.l.0","sender.x","","nope"`:   `{}`,
		`"content.m.k.x","content.m.l.x","type"`: `{"type":"m.x"}`,
	} {
		f, err := rooms.ParseFilter([]byte(`{"event_fields":[` + fields + `]}`))
		if err != nil {
			t.Errorf("%s: %v", fields, err)
			continue
		}
		event := strings.ReplaceAll(whole, `\\u`, `\u`)
		if got := string(f.Fields.Append([]byte("x"), []byte(event))); got != "x"+want {
			t.Errorf("%s: got %s, want %s", fields, got, want)
		}
	}
	for _, none := range []string{`{}`, `{"event_fields":[]}`, `{"event_fields":null}`} {
		if f, err := rooms.ParseFilter([]byte(none)); err != nil || f.Fields != nil {
			t.Errorf("%s: got %v, %v, want no fields", none, f, err)
		}
	}
}

func FuzzParseFilter(f *testing.F) {
	f.Add([]byte(`{"room":{"timeline":{"types":["m.*"],"limit":1}}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		parsed, err := rooms.ParseFilter(text)
		if err != nil && refusal.As(err) == nil {
			t.Fatalf("not a refusal: %v", err)
		}
		if err == nil {
			parsed.Room.Timeline.Match(&event.Event{Type: "m.room.message"})
		}
	})
}
