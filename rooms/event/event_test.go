package event_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/rooms/event"
)

func TestVersions(t *testing.T) {
	for v, want := range map[id.RoomVersion]bool{"1": false, "2": true, "11": true, "12": true, "13": false, "": false} {
		if got := event.Supported(v); got != want {
			t.Errorf("version %q: got %v, want %v", v, got, want)
		}
	}
	for _, v := range event.Versions() {
		if !event.Supported(v) {
			t.Errorf("version %s is listed and not supported", v)
		}
	}
	for _, err := range []error{
		func() error { _, err := event.Build("1", event.Draft{}, nil); return err }(),
		func() error { _, err := event.Parse("1", "$x", nil); return err }(),
		func() error { _, err := event.Redact("1", &event.Event{}, "$x"); return err }(),
		event.Authorise("1", &event.Event{}, nil, nil),
	} {
		if err == nil || !strings.Contains(err.Error(), "not supported") {
			t.Errorf("got %v for an unknown version", err)
		}
	}
}

func TestBuildRefuses(t *testing.T) {
	long := strings.Repeat("x", 256)
	for _, test := range []struct {
		name   string
		change func(*event.Draft)
		want   string
	}{
		{"a float", content(`{"a":1.5}`), "400 M_BAD_JSON"},
		{"a float without fraction", content(`{"a":1.0}`), "400 M_BAD_JSON"},
		{"an exponent", content(`{"a":{"b":[1e2]}}`), "400 M_BAD_JSON"},
		{"2^53", content(`{"a":9007199254740992}`), "400 M_BAD_JSON"},
		{"-2^53", content(`{"a":-9007199254740992}`), "400 M_BAD_JSON"},
		{"2^53-1", content(`{"a":9007199254740991}`), ""},
		{"a long number", content(`{"a":` + strings.Repeat("9", 400) + `}`), "400 M_BAD_JSON"},
		{"Infinity", content(`{"a":Infinity}`), "400 M_BAD_JSON"},
		{"an array", content(`[]`), "400 M_BAD_JSON"},
		{"nothing", content(``), "400 M_BAD_JSON"},
		{"two values", content(`{} {}`), "400 M_BAD_JSON"},
		{"a key twice", content(`{"a":1,"b":2,"\u0061":3}`), "400 M_BAD_JSON"},
		{"NUL", content(`{"a":"\u0000"}`), "400 M_BAD_JSON"},
		{"half a pair", content(`{"a":"\ud83d"}`), "400 M_BAD_JSON"},
		{"broken UTF-8", content("{\"a\":\"\xff\"}"), "400 M_BAD_JSON"},
		{"100 deep", content(strings.Repeat(`{"a":`, 100) + "1" + strings.Repeat("}", 100)), ""},
		{"101 deep", content(strings.Repeat(`{"a":`, 101) + "1" + strings.Repeat("}", 101)), "400 M_BAD_JSON"},
		{"a long type", func(d *event.Draft) { d.Type = long }, "413 M_TOO_LARGE"},
		{"a type of 255", func(d *event.Draft) { d.Type = long[1:] }, ""},
		{"a long state key", func(d *event.Draft) { d.StateKey = &long }, "413 M_TOO_LARGE"},
		{"a long sender", func(d *event.Draft) { d.Sender = id.UserID("@" + long + ":a") }, "413 M_TOO_LARGE"},
		{"a long room", func(d *event.Draft) { d.Room = id.RoomID("!" + long + ":a") }, "413 M_TOO_LARGE"},
		{"no type", func(d *event.Draft) { d.Type = "" }, "400 M_INVALID_PARAM"},
		{"a type with NUL", func(d *event.Draft) { d.Type = "a\x00" }, "400 M_INVALID_PARAM"},
		{"a state key with NUL", func(d *event.Draft) { d.StateKey = new("a\x00") }, "400 M_INVALID_PARAM"},
		{"no sender", func(d *event.Draft) { d.Sender = "" }, "400 M_INVALID_PARAM"},
		{"no room", func(d *event.Draft) { d.Room = "" }, "400 M_INVALID_PARAM"},
		{"a room without a server", func(d *event.Draft) { d.Room = id.RoomID("!" + long[:43]) }, "400 M_INVALID_PARAM"},
		{"a time before 1970", func(d *event.Draft) { d.Timestamp = -1 }, "400 M_INVALID_PARAM"},
		{"a redaction of nothing", func(d *event.Draft) { d.Type = "m.room.redaction" }, "400 M_INVALID_PARAM"},
	} {
		r := mustRoom(t, "11")
		d := r.draft(ana, "m.room.message", "-", `{}`)
		test.change(&d)
		_, err := event.Build("11", d, r)
		if got := code(err); got != test.want {
			t.Errorf("%s: got %q (%v), want %q", test.name, got, err, test.want)
		}
	}
}

func content(c string) func(*event.Draft) {
	return func(d *event.Draft) { d.Content = json.RawMessage(c) }
}

func TestCanonical(t *testing.T) {
	for in, want := range map[string]string{
		` { "b" : [ 1 , true ] , "a" : { } } `: `{"a":{},"b":[1,true]}`,
		`{"aA":1,"a\u0001":2}`:                 `{"a\u0001":2,"aA":1}`, // by what they mean
		`{"\"":1,"!":2}`:                       `{"!":2,"\"":1}`,
		`{"\u00e9\/":"\u000a\u001F\u007f"}`:    "{\"é/\":\"\\n\\u001f\u007f\"}",
		`["\ud83d\ude00",-0,-7]`:               `["😀",0,-7]`,
		`null`:                                 `null`,
	} {
		got, err := event.Canonical(nil, []byte(in))
		if err != nil || string(got) != want {
			t.Errorf("%s: got %s, %v, want %s", in, got, err, want)
		}
	}
}

func TestAnEventHas65536BytesAtMost(t *testing.T) {
	eachVersion(t, func(t *testing.T, v id.RoomVersion) {
		r := mustRoom(t, v)
		d := r.draft(ana, "m.room.message", "-", `{"body":""}`)
		e, err := event.Build(v, d, r)
		if err != nil {
			t.Fatal(err)
		}
		room := event.MaxBytes - len(e.JSON)
		for size, want := range map[int]string{room - 1: "", room: "", room + 1: "413 M_TOO_LARGE"} {
			d.Random = strings.NewReader(strings.Repeat("x", 24))
			d.Content = fmt.Appendf(nil, `{"body":%q}`, strings.Repeat("x", size))
			e, err := event.Build(v, d, r)
			if got := code(err); got != want {
				t.Errorf("got %q (%v), want %q", got, err, want)
			}
			if err == nil {
				mustAgree(t, v, e)
			}
		}
	})
}

func TestWhatIsBuiltCanBeParsed(t *testing.T) {
	eachVersion(t, func(t *testing.T, v id.RoomVersion) {
		r := mustRoom(t, v)
		events := []*event.Event{r.last}
		for _, e := range r.state {
			events = append(events, e)
		}
		d := r.draft(ana, "m.room.redaction", "-", `{"reason":"because"}`)
		d.Redacts = "$named:example.org"
		redaction, err := event.Build(v, d, r)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range append(events, redaction) {
			got, err := event.Parse(v, e.ID, e.JSON)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(got, e); diff != "" {
				t.Errorf("%s (-got +want):\n%s", e.Type, diff)
			}
		}
	})
	for _, broken := range []string{``, `{`, `[]`, `{"type":"m"}`, `null`} {
		if e, err := event.Parse("11", "$x", []byte(broken)); err == nil {
			t.Errorf("%q became %+v", broken, e)
		}
	}
}

func TestTheLineOfEvents(t *testing.T) {
	r := mustRoom(t, "11")
	before := r.last
	e := r.mustSend(t, bea, "m.room.message", "-", `{"body":"x"}`)
	var stored struct {
		Prev  []id.EventID `json:"prev_events"`
		Depth int64        `json:"depth"`
	}
	if err := json.Unmarshal(e.JSON, &stored); err != nil {
		t.Fatal(err)
	}
	if len(stored.Prev) != 1 || stored.Prev[0] != before.ID || stored.Depth != before.Depth+1 || e.Depth != stored.Depth {
		t.Errorf("got %s after %s of depth %d", e.JSON, before.ID, before.Depth)
	}
	if create := r.Event("m.room.create", ""); create.Depth != 1 {
		t.Errorf("the create event has depth %d, want 1", create.Depth)
	}
}

func TestWhatClientsRead(t *testing.T) {
	eachVersion(t, func(t *testing.T, v id.RoomVersion) {
		r := mustRoom(t, v)
		topic := r.mustSend(t, ana, "m.room.topic", "", `{"topic":"a \"b\""}`)
		want := fmt.Sprintf(`{"content":{"topic":"a \"b\""},"event_id":%q,"origin_server_ts":%d,"room_id":%q,`+
			`"sender":"@ana:example.org","state_key":"","type":"m.room.topic"`, topic.ID, topic.Timestamp, r.id)
		if got := string(topic.Client); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
		if create := r.Event("m.room.create", ""); !strings.Contains(string(create.Client), fmt.Sprintf(`"room_id":%q`, r.id)) {
			t.Errorf("clients do not read the room's ID in %s", create.Client)
		}
		d := r.draft(ana, "m.room.redaction", "-", `{"reason":"r"}`)
		d.Redacts = topic.ID
		redaction, err := r.try(d, topic)
		if err != nil {
			t.Fatal(err)
		}
		want = fmt.Sprintf(`{"content":{"reason":"r","redacts":%q},"event_id":%q,"origin_server_ts":%d,`+
			`"redacts":%q,"room_id":%q,"sender":"@ana:example.org","type":"m.room.redaction"`,
			topic.ID, redaction.ID, redaction.Timestamp, topic.ID, r.id)
		if got := string(redaction.Client); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	})
}

func TestIDs(t *testing.T) {
	long := strings.Repeat("x", 255)
	hash := strings.Repeat("x", 43)
	for _, test := range []struct {
		id                       string
		user, room, event, alias bool
	}{
		{id: "@a:b", user: true},
		{id: "@A!~:b.example:8448", user: true},
		{id: "@a:[::1]:1", user: true},
		{id: "@a"},
		{id: "@:b"},
		{id: "@a:"},
		{id: "@a b:c"},
		{id: "@é:b"},
		{id: "@a:b/c"},
		{id: ""},
		{id: "@"},
		{id: "@a:b\x00"},
		{id: "@" + long + ":b"},
		{id: "!a:b", room: true},
		{id: "!a b:c", room: true},
		{id: "!" + hash, room: true},
		{id: "!" + hash + "x"},
		{id: "!" + hash[1:] + "+"},
		{id: "!a"},
		{id: "!:b"},
		{id: "!"},
		{id: "!" + long + ":b"},
		{id: "$a", event: true},
		{id: "$a:b", event: true},
		{id: "$a/b+", event: true},
		{id: "$"},
		{id: "$" + long},
		{id: "$a\n"},
		{id: "$\xff"},
		{id: "#a:b", alias: true},
		{id: "#açaí 1:b", alias: true},
		{id: "#a"},
		{id: "#:b"},
		{id: "#a\x00:b"},
	} {
		got := [4]bool{
			event.ValidUserID(id.UserID(test.id)), event.ValidRoomID(id.RoomID(test.id)),
			event.ValidEventID(id.EventID(test.id)), event.ValidRoomAlias(id.RoomAlias(test.id)),
		}
		if want := [4]bool{test.user, test.room, test.event, test.alias}; got != want {
			t.Errorf("%.60q (user, room, event, alias): got %v, want %v", test.id, got, want)
		}
	}
}
