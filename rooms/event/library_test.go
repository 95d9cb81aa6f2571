package event_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/matrix-org/gomatrixserverlib"
	"github.com/matrix-org/gomatrixserverlib/spec"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/rooms/event"
)

func library(v id.RoomVersion) gomatrixserverlib.IRoomVersion {
	return gomatrixserverlib.MustGetRoomVersion(gomatrixserverlib.RoomVersion(v))
}

func sender(_ spec.RoomID, sender spec.SenderID) (*spec.UserID, error) {
	return spec.NewUserID(string(sender), true)
}

// mustAgree demands that the library reads e as it was meant: whole, under the
// same ID, with the same bytes.
func mustAgree(t testing.TB, v id.RoomVersion, e *event.Event) gomatrixserverlib.PDU {
	t.Helper()
	pdu, err := library(v).NewEventFromUntrustedJSON(e.JSON)
	if err != nil {
		t.Fatalf("version %s: the library refuses %s: %v", v, e.JSON, err)
	}
	if pdu.Redacted() {
		t.Fatalf("version %s: the library redacts %s", v, e.JSON)
	}
	if got := pdu.EventID(); got != string(e.ID) {
		t.Fatalf("version %s: the library names %s %s, want %s", v, e.JSON, got, e.ID)
	}
	if string(pdu.JSON()) != string(e.JSON) {
		t.Fatalf("version %s: not canonical:\n got %s\nwant %s", v, e.JSON, pdu.JSON())
	}
	if room := pdu.RoomID(); room.String() != string(e.Room) {
		t.Fatalf("version %s: got room %s, want %s", v, e.Room, room.String())
	}
	return pdu
}

// authProvider gives the library a test room's state, read by the library.
func authProvider(t testing.TB, r *room) *gomatrixserverlib.AuthEvents {
	t.Helper()
	provider, err := gomatrixserverlib.NewAuthEvents(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range r.state {
		pdu, err := library(r.version).NewEventFromTrustedJSONWithEventID(string(e.ID), e.JSON, e.RedactedBy != "")
		if err != nil {
			t.Fatal(err)
		}
		if err := provider.AddEvent(pdu); err != nil {
			t.Fatal(err)
		}
	}
	return provider
}

// contents are bodies of every kind, for every type of event.
var contents = []string{
	`{}`,
	`{"body":"olá, mundo","msgtype":"m.text"}`,
	`{"z":1,"a":{"y":[1,2,{"c":null,"b":true}],"x":-0},"é":false,"<&>":"<&>\u2028\u003c\/","\u0062":2}`,
	`{"body":"\u0001\b\f\n\r\t\"\\\u001f\u007f😀 \ud83d\ude00"}`,
	`{"n":9007199254740991,"m":-9007199254740991}`,
	`{"membership":"join","displayname":"Ana","join_authorised_via_users_server":"@ana:example.org","x":1}`,
	`{"ban":1,"events":{"a":1},"events_default":0,"kick":2,"redact":3,"state_default":4,"users":{"@a:b":5},` +
		`"users_default":0,"invite":6,"notifications":{"room":7}}`,
	`{"join_rule":"restricted","allow":[{"type":"m.room_membership","room_id":"!a:b"}],"other":1}`,
	`{"aliases":["#a:b"],"history_visibility":"shared","creator":"@ana:example.org","redacts":"$x:example.org"}`,
	`{"membership":null,"join_rule":[],"history_visibility":{"b":1,"a":2}}`,
}

var types = []string{
	"m.room.message", "m.room.member", "m.room.power_levels", "m.room.join_rules", "m.room.aliases",
	"m.room.history_visibility", "m.room.redaction", "m.room.topic", "ünusual \"type\"",
}

func TestBuiltEventsAreTheLibrarys(t *testing.T) {
	eachVersion(t, func(t *testing.T, v id.RoomVersion) {
		r := mustRoom(t, v)
		for _, eventType := range types {
			for _, key := range []string{"-", "", string(bea)} {
				for _, content := range contents {
					d := r.draft(ana, eventType, key, content)
					if eventType == "m.room.redaction" {
						d.Redacts = "$x:example.org"
					}
					e, err := event.Build(v, d, r)
					if err != nil {
						t.Fatalf("build %s %s: %v", eventType, content, err)
					}
					mustAgree(t, v, e)
				}
			}
		}
	})
}

var restricted = &event.Event{Content: []byte(`{"join_rule":"restricted"}`)}

func TestAuthEventsAreTheLibrarys(t *testing.T) {
	eachVersion(t, func(t *testing.T, v id.RoomVersion) {
		r := mustRoom(t, v)
		provider := authProvider(t, r)
		via := `{"membership":"join","join_authorised_via_users_server":"@bea:example.org"}`
		if _, known := event.Restricted(v, restricted); !known {
			via = `{"membership":"join"}` // the library names bea in every version
		}
		for _, test := range []struct{ eventType, key, content string }{
			{"m.room.message", "-", `{}`},
			{"m.room.topic", "", `{}`},
			{"m.room.member", string(ana), `{"membership":"join"}`},
			{"m.room.member", string(bea), `{"membership":"leave"}`},
			{"m.room.member", string(davi), `{"membership":"invite"}`},
			{"m.room.member", string(caio), `{"membership":"ban"}`},
			{"m.room.member", string(ana), `{"membership":"knock"}`},
			{"m.room.member", string(ana), via},
		} {
			e, err := event.Build(v, r.draft(ana, test.eventType, test.key, test.content), r)
			if err != nil {
				t.Fatal(err)
			}
			needed := gomatrixserverlib.StateNeededForAuth([]gomatrixserverlib.PDU{mustAgree(t, v, e)})
			want, err := needed.AuthEventReferences(provider)
			if err != nil {
				t.Fatal(err)
			}
			got := mustAgree(t, v, e).AuthEventIDs()
			sorted := cmpopts.SortSlices(func(a, b string) bool { return a < b })
			if diff := cmp.Diff(got, want, sorted); diff != "" {
				t.Errorf("auth events of %s %s (-got +want):\n%s", test.eventType, test.content, diff)
			}
		}
	})
}

func TestRedactionIsTheLibrarys(t *testing.T) {
	eachVersion(t, func(t *testing.T, v id.RoomVersion) {
		r := mustRoom(t, v)
		for _, eventType := range types {
			for _, content := range contents {
				d := r.draft(ana, eventType, "", content)
				d.Redacts = "$x:example.org"
				e, err := event.Build(v, d, r)
				if err != nil {
					t.Fatal(err)
				}
				mustRedactAlike(t, v, e)
			}
		}
		mustRedactAlike(t, v, r.Event("m.room.create", ""))
	})
}

func mustRedactAlike(t testing.TB, v id.RoomVersion, e *event.Event) {
	t.Helper()
	before := string(e.JSON) + string(e.Client)
	e.Position = 7
	got, err := event.Redact(v, e, "$by")
	if err != nil {
		t.Fatal(err)
	}
	pdu := mustAgree(t, v, e)
	pdu.Redact()
	if string(got.JSON) != string(pdu.JSON()) {
		t.Fatalf("redact %s:\n got %s\nwant %s", e.JSON, got.JSON, pdu.JSON())
	}
	if got.ID != e.ID || got.Room != e.Room || got.Position != 7 || got.RedactedBy != "$by" {
		t.Errorf("got ID %s, room %s, position %d, redacted by %s", got.ID, got.Room, got.Position, got.RedactedBy)
	}
	if after := string(e.JSON) + string(e.Client); after != before {
		t.Errorf("redacting changed the event itself: %s", after)
	}
	client := string(got.Client) + "}"
	if !json.Valid([]byte(client)) || !strings.HasPrefix(client, `{"content":`+string(got.Content)) &&
		e.Type != "m.room.redaction" {
		t.Errorf("clients get %s", client)
	}
}

func FuzzCanonical(f *testing.F) {
	for _, content := range contents {
		f.Add([]byte(content))
	}
	for _, seed := range []string{`{"a":1.5}`, `[1e2]`, `{"a":1,"a":2}`, `{"a":"\ud800"}`, "{\"a\":\"\xff\"}", `{"\"":1,"!":2}`, `-0`, `{"a":01}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		got, err := event.Canonical(nil, in)
		if err != nil {
			if code(err) != "400 M_BAD_JSON" {
				t.Fatalf("%q: %v", in, err)
			}
			return
		}
		if !json.Valid(in) || !json.Valid(got) {
			t.Fatalf("%q became %q, which is not valid JSON", in, got)
		}
		again, err := event.Canonical(nil, got)
		if err != nil || string(again) != string(got) {
			t.Fatalf("%q became %q and then %q, %v", in, got, again, err)
		}
		if escapedKeys(in) {
			return // the library writes such keys without their escapes
		}
		want, err := gomatrixserverlib.CanonicalJSON(in)
		if err != nil || string(want) != string(got) {
			t.Fatalf("%q: got %q, want %q, %v", in, got, want, err)
		}
	})
}

// escapedKeys tells whether a key of this JSON needs an escape.
func escapedKeys(in []byte) bool {
	var value any
	return json.Unmarshal(in, &value) != nil || escapedKey(value)
}

func escapedKey(value any) bool {
	switch value := value.(type) {
	case map[string]any:
		for key, inner := range value {
			if strings.ContainsFunc(key, func(r rune) bool { return r < ' ' || r == '"' || r == '\\' }) || escapedKey(inner) {
				return true
			}
		}
	case []any:
		return slices.ContainsFunc(value, escapedKey)
	}
	return false
}

func FuzzBuild(f *testing.F) {
	for i, content := range contents {
		f.Add(byte(i), types[i%len(types)], "key", true, content)
		f.Add(byte(i), types[(i+1)%len(types)], "", false, content)
	}
	rooms := map[id.RoomVersion]*room{}
	for _, v := range event.Versions() {
		rooms[v] = mustRoom(f, v)
	}
	f.Fuzz(func(t *testing.T, version byte, eventType, key string, isState bool, content string) {
		v := event.Versions()[int(version)%len(event.Versions())]
		r := rooms[v]
		d := r.draft(ana, eventType, "-", content)
		if isState {
			d.StateKey = &key
		}
		e, err := event.Build(v, d, r)
		if err != nil {
			if got := code(err); !strings.HasPrefix(got, "4") {
				t.Fatalf("build %q %q: %v", eventType, content, err)
			}
			return
		}
		if eventType == "m.room.create" || escapedKeys([]byte(content)) {
			return // a second create event; keys that the library corrupts
		}
		mustAgree(t, v, e)
		parsed, err := event.Parse(v, e.ID, e.JSON)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(parsed, e); diff != "" {
			t.Fatalf("parse (-got +want):\n%s", diff)
		}
		mustRedactAlike(t, v, e)
	})
}

// FuzzAuthorise holds the fast path to the library's verdict: for messages of
// any type, in rooms with any power levels and memberships.
func FuzzAuthorise(f *testing.F) {
	f.Add(byte(9), "m.room.message", int64(0), int64(50), int64(0), byte(0), true, true)
	f.Add(byte(10), "m.reaction", int64(100), int64(50), int64(-5), byte(1), true, true)
	f.Add(byte(0), "m.room.redaction", int64(1), int64(0), int64(5), byte(2), false, true)
	f.Add(byte(3), "m.room.topic", int64(9007199254740991), int64(0), int64(5), byte(4), true, false)
	f.Add(byte(25), "m.room.message", int64(49), int64(50), int64(0), byte(0), true, true)
	f.Add(byte(25), "m.room.message", int64(50), int64(50), int64(0), byte(0), true, true)
	for _, federate := range []bool{false, true} { // a sender of another server
		f.Add(byte(48+5), "m.room.message", int64(50), int64(0), int64(0), byte(0), federate, true)
	}
	memberships := []string{"join", "leave", "invite", "ban", "knock", ""}
	f.Fuzz(func(t *testing.T, version byte, eventType string, user, need, usersDefault int64, was byte, federate, haveLevels bool) {
		v := event.Versions()[int(version)%len(event.Versions())]
		r := newRoom(t, v)
		create := strings.TrimSuffix(createContent(v, ana), "}") + fmt.Sprintf(`,"m.federate":%v}`, federate)
		fresh := &room{version: v, state: map[stateKey]*event.Event{}}
		if v != "12" {
			fresh.id = r.id
		}
		fresh.id = fresh.mustSend(t, ana, "m.room.create", "", create).Room
		r = fresh
		from := []id.UserID{ana, bea, extra, "@bea:elsewhere.org"}[int(version/16)%4]
		put := func(d event.Draft) {
			if e, err := event.Build(v, d, r); err == nil {
				r.apply(e)
			}
		}
		member, _ := json.Marshal(map[string]string{"membership": memberships[int(was)%len(memberships)]})
		if haveLevels {
			levels, _ := json.Marshal(map[string]any{
				"users": map[id.UserID]int64{from: user}, "users_default": usersDefault,
				"events": map[string]int64{eventType: need}, "events_default": need / 2, "invite": need / 3,
			})
			put(r.draft(ana, "m.room.power_levels", "", string(levels)))
		}
		put(r.draft(from, "m.room.member", string(from), string(member)))
		d := r.draft(from, eventType, "-", `{"body":"x"}`)
		d.Redacts = "$x:example.org"
		e, err := event.Build(v, d, r)
		if err != nil {
			return
		}
		switch eventType {
		case "m.room.create", "m.room.member", "m.room.power_levels", "m.room.aliases",
			"m.room.third_party_invite", "m.room.join_rules":
			return // these have refusals of our own
		}
		// A redaction of one's own event: the refusal of others' is ours alone.
		target := &event.Event{ID: e.Redacts, Room: e.Room, Sender: from}
		got := event.Authorise(v, e, target, r)
		want := gomatrixserverlib.Allowed(mustAgree(t, v, e), authProvider(t, r), sender)
		if (got == nil) != (want == nil) {
			t.Fatalf("version %s, %s by %s: got %v, want %v", v, eventType, from, got, want)
		}
		var notAllowed *gomatrixserverlib.NotAllowed
		if want != nil && (!errors.As(want, &notAllowed) || code(got) != "403 M_FORBIDDEN") {
			t.Fatalf("got %v, want 403; the library says %v", got, want)
		}
	})
}
