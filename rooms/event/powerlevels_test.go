package event_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/rooms/event"
)

func TestUsersDefaultIsNotRaisedAboveTheSender(t *testing.T) {
	for _, test := range []struct{ old, next, want string }{
		{"0", "50", ""},
		{"0", "51", "403 M_FORBIDDEN"},
		{"0", "-1", ""},
		{"60", "0", "403 M_FORBIDDEN"}, // nor taken from above
	} {
		r := newRoom(t, "11")
		r.mustSend(t, ana, "m.room.join_rules", "", `{"join_rule":"public"}`)
		r.mustSend(t, bea, "m.room.member", string(bea), `{"membership":"join"}`)
		levels := `{"users":{"@ana:example.org":100,"@bea:example.org":50},"users_default":%s}`
		r.mustSend(t, ana, "m.room.power_levels", "", fmt.Sprintf(levels, test.old))
		_, err := r.try(r.draft(bea, "m.room.power_levels", "", fmt.Sprintf(levels, test.next)), nil)
		if got := code(err); got != test.want {
			t.Errorf("from %s to %s: got %q (%v), want %q", test.old, test.next, got, err, test.want)
		}
	}
}

func TestTheFirstPowerLevelsAreTheCreators(t *testing.T) {
	eachVersion(t, func(t *testing.T, v id.RoomVersion) {
		r := newRoom(t, v)
		if got := r.PowerLevels().User(ana); got != 100 && v != "12" || got < 100 {
			t.Errorf("got level %d before there are any, want 100", got)
		}
		users := `{"@ana:example.org":9007199254740991}`
		if v == "12" {
			users = `{}`
		}
		r.mustSend(t, ana, "m.room.power_levels", "", `{"users":`+users+`,"state_default":200,"notifications":{"room":200}}`)
	})
}

func TestCreatorsOfVersion12(t *testing.T) {
	r := mustRoom(t, "12")
	if create := r.Event("m.room.create", ""); r.id != id.RoomID("!"+string(create.ID[1:])) {
		t.Errorf("got room %s of create event %s", r.id, create.ID)
	}
	for _, user := range []id.UserID{ana, extra} {
		if got := r.PowerLevels().User(user); got != event.CreatorPower {
			t.Errorf("%s has %d, want %d", user, got, event.CreatorPower)
		}
	}
	r.mustSend(t, extra, "m.room.member", string(extra), `{"membership":"join"}`)
	r.mustSend(t, extra, "m.room.topic", "", `{"topic":"x"}`)
	// The library takes a creator for nobody here.
	r.mustSend(t, ana, "m.room.power_levels", "", `{"invite":50,"notifications":{"room":20,"x":1}}`)
	r.mustSend(t, ana, "m.room.power_levels", "", `{"invite":50,"users":{"@bea:example.org":50}}`)
	for _, test := range []struct {
		sender  id.UserID
		content string
		want    string
	}{
		{ana, `{"users":{"@ana:example.org":100}}`, "400 M_BAD_JSON"},
		{ana, `{"users":{"@extra:example.org":100}}`, "400 M_BAD_JSON"},
		{bea, `{"invite":50,"users":{"@bea:example.org":50},"notifications":{"room":51}}`, "403 M_FORBIDDEN"},
	} {
		_, err := r.try(r.draft(test.sender, "m.room.power_levels", "", test.content), nil)
		if got := code(err); got != test.want {
			t.Errorf("%s: got %q (%v), want %q", test.content, got, err, test.want)
		}
	}
	for _, user := range []id.UserID{extra, ana} {
		if _, err := r.try(r.draft(bea, "m.room.member", string(user), `{"membership":"ban"}`), nil); code(err) != "403 M_FORBIDDEN" {
			t.Errorf("ban of a creator: got %v", err)
		}
	}
	bad := &room{version: "12", state: map[stateKey]*event.Event{}}
	content := `{"room_version":"12","additional_creators":["bea"]}`
	if _, err := bad.try(bad.draft(ana, "m.room.create", "", content), nil); code(err) != "400 M_INVALID_PARAM" {
		t.Errorf("a creator that is no user: got %v", err)
	}
}

func TestPowerLevels(t *testing.T) {
	levels := `{"ban":1,"invite":2,"kick":3,"redact":4,"events_default":5,"state_default":6,"users_default":7,` +
		`"users":{"@bea:example.org":-8},"events":{"m.x":9},"notifications":{"room":10}}`
	read := func(p *event.PowerLevels) map[string]int64 {
		return map[string]int64{
			"ban": p.Ban(), "invite": p.Invite(), "kick": p.Kick(), "redact": p.Redact(),
			"message": p.Event("m", false), "state": p.Event("m", true), "users_default": p.User(caio),
			"bea": p.User(bea), "ana": p.User(ana), "m.x": p.Event("m.x", true), "room": p.Notification("room"),
			"other": p.Notification("other"), "invitation": p.Event("m.room.third_party_invite", true),
		}
	}
	create := &event.Event{Room: "!room:example.org", Sender: ana, Content: []byte(`{}`)}
	set := map[string]int64{
		"ban": 1, "invite": 2, "kick": 3, "redact": 4, "message": 5, "state": 6, "users_default": 7,
		"bea": -8, "ana": 7, "m.x": 9, "room": 10, "other": 50, "invitation": 2,
	}
	unset := map[string]int64{
		"ban": 50, "invite": 0, "kick": 50, "redact": 50, "message": 0, "state": 50, "users_default": 0,
		"bea": 0, "ana": 100, "m.x": 50, "room": 50, "other": 50, "invitation": 0,
	}
	empty := maps.Clone(unset)
	empty["ana"] = 0
	texts := strings.NewReplacer("-8", `" -8 "`, ":1,", `:"1",`).Replace(levels)
	for _, test := range []struct {
		name    string
		version id.RoomVersion
		levels  *event.Event
		want    map[string]int64
	}{
		{"none", "11", nil, unset},
		{"empty", "11", &event.Event{Content: []byte(`{}`)}, empty},
		{"all", "11", &event.Event{Content: []byte(levels)}, set},
		{"texts", "9", &event.Event{Content: []byte(texts)}, set},
		{"texts too late", "10", &event.Event{Content: []byte(texts)}, empty},
	} {
		if diff := cmp.Diff(read(event.ParsePowerLevels(test.version, create, test.levels)), test.want); diff != "" {
			t.Errorf("%s (-got +want):\n%s", test.name, diff)
		}
	}
}
