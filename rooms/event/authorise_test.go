package event_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/rooms/event"
)

// act is something that somebody tries in [mustRoom].
type act struct {
	name    string
	sender  id.UserID
	kind    string
	key     string // "-": no state event
	content string
	want    string // the refusal, or ""
}

var acts = []act{
	// Messages and ordinary state.
	{"a member writes", bea, "m.room.message", "-", `{"body":"x"}`, ""},
	{"a stranger writes", caio, "m.room.message", "-", `{"body":"x"}`, "403 M_FORBIDDEN"},
	{"the banned write", davi, "m.room.message", "-", `{"body":"x"}`, "403 M_FORBIDDEN"},
	{"a member sets the topic", bea, "m.room.topic", "", `{"topic":"x"}`, "403 M_FORBIDDEN"},
	{"the creator sets the topic", ana, "m.room.topic", "", `{"topic":"x"}`, ""},
	{"the creator sets another's state", ana, "org.example", string(bea), `{}`, "403 M_FORBIDDEN"},

	// (1) Keys that only look like known ones.
	{"MEMBERSHIP", bea, "m.room.member", string(bea), `{"membership":"join","Membership":"ban"}`, "400 M_BAD_JSON"},
	{"memberſhip", bea, "m.room.member", string(bea), `{"memberſhip":"join"}`, "400 M_BAD_JSON"},
	{"USERS", bea, "m.room.power_levels", "", `{"USERS":{"@bea:example.org":100}}`, "400 M_BAD_JSON"},
	{"uſers", ana, "m.room.power_levels", "", `{"uſers":{}}`, "400 M_BAD_JSON"},
	{"Kick with a Kelvin sign", ana, "m.room.power_levels", "", "{\"\u212aick\":0}", "400 M_BAD_JSON"},
	{"Join_rule", ana, "m.room.join_rules", "", `{"join_rule":"public","Join_rule":"invite"}`, "400 M_BAD_JSON"},
	{"a key twice", bea, "m.room.member", string(bea), `{"membership":"join","membership":"ban"}`, "400 M_BAD_JSON"},

	// (2) Leaving and removing.
	{"a member leaves", bea, "m.room.member", string(bea), `{"membership":"leave"}`, ""},
	{"a stranger leaves", caio, "m.room.member", string(caio), `{"membership":"leave"}`, "403 M_FORBIDDEN"},
	{"the banned leave", davi, "m.room.member", string(davi), `{"membership":"leave"}`, "403 M_FORBIDDEN"},
	{"kick a member", ana, "m.room.member", string(bea), `{"membership":"leave"}`, ""},
	{"kick a stranger", ana, "m.room.member", string(caio), `{"membership":"leave"}`, "403 M_FORBIDDEN"},
	{"unban", ana, "m.room.member", string(davi), `{"membership":"leave"}`, ""},
	{"a member unbans", bea, "m.room.member", string(davi), `{"membership":"leave"}`, "403 M_FORBIDDEN"},
	{"a member kicks the creator", bea, "m.room.member", string(ana), `{"membership":"leave"}`, "403 M_FORBIDDEN"},
	{"a stranger kicks", caio, "m.room.member", string(bea), `{"membership":"leave"}`, "403 M_FORBIDDEN"},

	// Other memberships.
	{"a stranger joins", caio, "m.room.member", string(caio), `{"membership":"join"}`, ""},
	{"the banned join", davi, "m.room.member", string(davi), `{"membership":"join"}`, "403 M_FORBIDDEN"},
	{"join for another", ana, "m.room.member", string(caio), `{"membership":"join"}`, "403 M_FORBIDDEN"},
	{"invite", ana, "m.room.member", string(caio), `{"membership":"invite"}`, ""},
	{"a member invites", bea, "m.room.member", string(caio), `{"membership":"invite"}`, "403 M_FORBIDDEN"},
	{"invite a member", ana, "m.room.member", string(bea), `{"membership":"invite"}`, "403 M_FORBIDDEN"},
	{"invite the banned", ana, "m.room.member", string(davi), `{"membership":"invite"}`, "403 M_FORBIDDEN"},
	{"invite by e-mail", ana, "m.room.member", string(caio), `{"membership":"invite","third_party_invite":{}}`, "403 M_FORBIDDEN"},
	{"ban", ana, "m.room.member", string(caio), `{"membership":"ban"}`, ""},
	{"knock on an open door", caio, "m.room.member", string(caio), `{"membership":"knock"}`, "403 M_FORBIDDEN"},
	{"no membership", bea, "m.room.member", string(bea), `{}`, "400 M_BAD_JSON"},
	{"a membership that is a number", bea, "m.room.member", string(bea), `{"membership":1}`, "400 M_BAD_JSON"},
	{"a membership of nobody", ana, "m.room.member", "bea", `{"membership":"invite"}`, "400 M_INVALID_PARAM"},
	{"a membership as a message", ana, "m.room.member", "-", `{"membership":"join"}`, "400 M_INVALID_PARAM"},

	// (3) Types that are not used.
	{"aliases", ana, "m.room.aliases", "example.org", `{"aliases":[]}`, "403 M_FORBIDDEN"},
	{"aliases as a message", ana, "m.room.aliases", "-", `{}`, "403 M_FORBIDDEN"},
	{"third_party_invite", ana, "m.room.third_party_invite", "x", `{}`, "403 M_FORBIDDEN"},

	// (4) Power levels.
	{"a member takes power", bea, "m.room.power_levels", "", `{"users":{"@bea:example.org":100}}`, "403 M_FORBIDDEN"},
	{"null", ana, "m.room.power_levels", "", `{"invite":50,"users_default":null}`, "400 M_BAD_JSON"},
	{"null among users", ana, "m.room.power_levels", "", `{"users":{"@bea:example.org":null}}`, "400 M_BAD_JSON"},
	{"users that is no object", ana, "m.room.power_levels", "", `{"users":[]}`, "400 M_BAD_JSON"},
	{"a user that is none", ana, "m.room.power_levels", "", `{"users":{"bea":1}}`, "400 M_BAD_JSON"},
	{"a level that is true", ana, "m.room.power_levels", "", `{"ban":true}`, "400 M_BAD_JSON"},

	// (6) A second create event.
	{"a second create event", ana, "m.room.create", "", `{"room_version":"11"}`, "400 M_BAD_JSON"},

	{"a join rule that is a number", ana, "m.room.join_rules", "", `{"join_rule":1}`, "400 M_BAD_JSON"},
	{"mangled conditions", ana, "m.room.join_rules", "", `{"join_rule":"public","allow":["x"]}`, ""},
}

func TestAuthorise(t *testing.T) {
	eachVersion(t, func(t *testing.T, v id.RoomVersion) {
		for _, a := range acts {
			r := mustRoom(t, v)
			_, err := r.try(r.draft(a.sender, a.kind, a.key, a.content), nil)
			if v == "12" && a.kind == "m.room.create" && code(err) == "400 M_INVALID_PARAM" {
				continue
			}
			if got := code(err); got != a.want {
				t.Errorf("%s: got %q (%v), want %q", a.name, got, err, a.want)
			}
		}
	})
}

func TestARefusalNamesWhatIsMissing(t *testing.T) {
	for _, test := range []struct {
		sender        id.UserID
		kind, key     string
		content, want string
	}{
		{bea, "m.room.topic", "", `{}`, "Sending m.room.topic here needs power level 50, and yours is 0."},
		{caio, "m.room.message", "-", `{}`, "You are not in this room."},
		{bea, "m.room.member", string(caio), `{"membership":"invite"}`, "Inviting people here needs power level 50, and yours is 0."},
		{bea, "m.room.member", string(ana), `{"membership":"leave"}`, "Removing people here needs power level 50, and yours is 0."},
		{bea, "m.room.member", string(ana), `{"membership":"ban"}`, "Banning people here needs power level 50, and yours is 0."},
		{ana, "m.room.member", string(bea), `{"membership":"invite"}`, "@bea:example.org is already in this room."},
		{ana, "m.room.member", string(caio), `{"membership":"invite","third_party_invite":{}}`, "People can only be invited by their user ID."},
		{davi, "m.room.member", string(davi), `{"membership":"join"}`, "You are banned from this room."},
		{caio, "m.room.member", string(bea), `{"membership":"leave"}`, "You are not in this room."},
		{ana, "org.example", string(bea), `{}`, "Only @bea:example.org can change this setting."},
	} {
		r := mustRoom(t, "11")
		_, err := r.try(r.draft(test.sender, test.kind, test.key, test.content), nil)
		if got := fmt.Sprint(err); got != "M_FORBIDDEN: "+test.want {
			t.Errorf("%s %s: got %s, want %s", test.sender, test.content, got, test.want)
		}
	}
}

func TestRedactionsOfOthersNeedTheLevel(t *testing.T) {
	eachVersion(t, func(t *testing.T, v id.RoomVersion) {
		r := mustRoom(t, v)
		hers := r.mustSend(t, bea, "m.room.message", "-", `{"body":"x"}`)
		his := r.mustSend(t, ana, "m.room.message", "-", `{"body":"x"}`)
		elsewhere := *hers
		elsewhere.Room = "!other:example.org"
		for _, test := range []struct {
			name   string
			sender id.UserID
			named  *event.Event
			target *event.Event
			want   string
		}{
			{"one's own", bea, hers, hers, ""},
			{"another's", bea, his, his, "403 M_FORBIDDEN"},
			{"another's, with the level", ana, hers, hers, ""},
			{"an unknown one", bea, hers, nil, "403 M_FORBIDDEN"},
			{"one's own of another room", bea, hers, &elsewhere, "403 M_FORBIDDEN"},
			{"a target that is not the named", bea, his, hers, "403 M_FORBIDDEN"},
			{"by a stranger", caio, hers, hers, "403 M_FORBIDDEN"},
			{"the create event", ana, r.Event("m.room.create", ""), r.Event("m.room.create", ""), "403 M_FORBIDDEN"},
		} {
			for _, inContent := range []bool{false, true} {
				d := r.draft(test.sender, "m.room.redaction", "-", `{"reason":"r"}`)
				d.Redacts = test.named.ID
				if inContent {
					d.Redacts, d.Content = "", fmt.Appendf(nil, `{"redacts":%q}`, test.named.ID)
				}
				e, err := event.Build(v, d, r)
				if err != nil {
					t.Fatal(err)
				}
				if got := code(event.Authorise(v, e, test.target, r)); got != test.want {
					t.Errorf("%s: got %q, want %q", test.name, got, test.want)
				}
			}
		}
	})
}

func TestCreateContentIsOfTheRightType(t *testing.T) {
	eachVersion(t, func(t *testing.T, v id.RoomVersion) {
		for _, test := range []struct{ add, want string }{
			{`,"m.federate":false,"type":"m.space","predecessor":{"room_id":"!a:b","event_id":"$a"}`, ""},
			{`,"m.federate":"false"`, "400 M_BAD_JSON"},
			{`,"M.federate":false`, "400 M_BAD_JSON"},
			{`,"type":1`, "400 M_BAD_JSON"},
			{`,"predecessor":"!a:b"`, "400 M_BAD_JSON"},
			{`,"predecessor":{"room_id":1}`, "400 M_BAD_JSON"},
			{`,"additional_creators":"@bea:example.org"`, "400 M_BAD_JSON"},
			{`,"additional_creators":[1]`, "400 M_BAD_JSON"},
		} {
			r := &room{version: v, state: map[stateKey]*event.Event{}}
			base := fmt.Sprintf(`{"room_version":%q,"creator":%q`, v, ana)
			if v != "12" {
				r.id = "!room:example.org"
			}
			_, err := r.try(r.draft(ana, "m.room.create", "", base+test.add+"}"), nil)
			if got := code(err); got != test.want {
				t.Errorf("%s: got %q (%v), want %q", test.add, got, err, test.want)
			}
		}
		r := &room{version: v, state: map[stateKey]*event.Event{}}
		if v != "12" {
			r.id = "!room:example.org"
		}
		contents := []string{`{}`, `{"room_version":1}`, `{"room_version":"1"}`}
		if v != "11" && v != "12" {
			contents = append(contents, fmt.Sprintf(`{"room_version":%q}`, v),
				fmt.Sprintf(`{"room_version":%q,"creator":%q}`, v, bea))
		}
		for _, content := range contents {
			if _, err := r.try(r.draft(ana, "m.room.create", "", content), nil); code(err) != "400 M_BAD_JSON" {
				t.Errorf("%s: got %v, want 400", content, err)
			}
		}
	})
}

func TestKnocking(t *testing.T) {
	eachVersion(t, func(t *testing.T, v id.RoomVersion) {
		r := mustRoom(t, v)
		r.mustSend(t, ana, "m.room.join_rules", "", `{"join_rule":"knock"}`)
		want := ""
		if slices.Index(event.Versions(), v) < slices.Index(event.Versions(), "7") {
			want = "403 M_FORBIDDEN"
		}
		_, err := r.try(r.draft(caio, "m.room.member", string(caio), `{"membership":"knock"}`), nil)
		if got := code(err); got != want {
			t.Errorf("got %q (%v), want %q", got, err, want)
		}
		if want != "" {
			return
		}
		if _, err := r.try(r.draft(caio, "m.room.member", string(caio), `{"membership":"join"}`), nil); code(err) != "403 M_FORBIDDEN" {
			t.Errorf("a join after a knock: got %v, want 403", err)
		}
		r.mustSend(t, caio, "m.room.member", string(caio), `{"membership":"leave"}`)
		r.mustSend(t, caio, "m.room.member", string(caio), `{"membership":"knock"}`)
		r.mustSend(t, ana, "m.room.join_rules", "", `{"join_rule":"public"}`)
		r.mustSend(t, caio, "m.room.member", string(caio), `{"membership":"join"}`)
	})
}

func TestMangledConditionsDoNotCloseAPublicRoom(t *testing.T) {
	eachVersion(t, func(t *testing.T, v id.RoomVersion) {
		r := mustRoom(t, v)
		r.mustSend(t, ana, "m.room.join_rules", "", `{"join_rule":"public","allow":["x",{"room_id":1}]}`)
		r.mustSend(t, caio, "m.room.member", string(caio), `{"membership":"join"}`)
	})
}

func TestRestrictedJoins(t *testing.T) {
	eachVersion(t, func(t *testing.T, v id.RoomVersion) {
		r := mustRoom(t, v)
		rules := r.mustSend(t, ana, "m.room.join_rules", "",
			`{"join_rule":"restricted","allow":[{"type":"m.room_membership","room_id":"!a:b"},{"type":"x"},5]}`)
		known := slices.Index(event.Versions(), v) >= slices.Index(event.Versions(), "8")
		rooms, ok := event.Restricted(v, rules)
		if ok != known || known && !slices.Equal(rooms, []id.RoomID{"!a:b"}) {
			t.Errorf("got %v, %v", rooms, ok)
		}
		via := event.Inviter(r, slices.Values([]id.UserID{davi, bea, ana}))
		if via != ana {
			t.Fatalf("got inviter %q, want ana", via)
		}
		join := `{"membership":"join","join_authorised_via_users_server":%q}`
		for _, test := range []struct {
			content string
			want    bool
		}{
			{`{"membership":"join"}`, false},
			{fmt.Sprintf(join, bea), false},  // may not invite
			{fmt.Sprintf(join, caio), false}, // is not in the room
			{fmt.Sprintf(join, ana), known},
		} {
			_, err := r.try(r.draft(caio, "m.room.member", string(caio), test.content), nil)
			if (err == nil) != test.want || err != nil && code(err) != "403 M_FORBIDDEN" {
				t.Errorf("%s: got %v", test.content, err)
			}
		}
	})
}

func TestAnEventOfAnotherRoomIsRefused(t *testing.T) {
	eachVersion(t, func(t *testing.T, v id.RoomVersion) {
		r := mustRoom(t, v)
		d := r.draft(ana, "m.room.message", "-", `{}`)
		d.Room = "!other:example.org"
		if v == "12" {
			d.Room = id.RoomID("!" + strings.Repeat("A", 43))
		}
		for _, key := range []*string{nil, new(string)} {
			d.StateKey, d.Random = key, nil
			e, err := event.Build(v, d, r)
			if err != nil {
				t.Fatal(err)
			}
			if err := event.Authorise(v, e, nil, r); code(err) != "403 M_FORBIDDEN" {
				t.Errorf("got %v, want 403", err)
			}
		}
	})
}
