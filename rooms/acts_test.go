package rooms_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/rooms/event"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/sqldb/sqltest"
)

// content gives the content of a room's state event, or "" when it has none.
func (o *office) content(room id.RoomID, eventType, key string) string {
	o.t.Helper()
	content := ""
	o.must(o.store.View(o.t.Context(), "acme", func(v rooms.View) error {
		r, err := v.Room(room)
		if err != nil {
			return err
		}
		if e := r.Event(eventType, key); e != nil {
			content = string(e.Content)
		}
		return nil
	}))
	return content
}

func TestCreate(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newOffice(t, db)
		for name, c := range map[string]struct {
			ask  rooms.Creation
			want map[string]string // "type" or "type|key" → content
		}{
			"public": {
				rooms.Creation{Visibility: "public"},
				map[string]string{"m.room.join_rules": `{"join_rule":"public"}`, "m.room.guest_access": `{"guest_access":"forbidden"}`},
			},
			"private": {
				rooms.Creation{},
				map[string]string{"m.room.join_rules": `{"join_rule":"invite"}`, "m.room.history_visibility": `{"history_visibility":"shared"}`},
			},
			"described": {
				rooms.Creation{Name: "Vendas", Topic: "Metas", AliasName: "vendas"},
				map[string]string{
					"m.room.name":            `{"name":"Vendas"}`,
					"m.room.topic":           `{"m.topic":{"m.text":[{"body":"Metas"}]},"topic":"Metas"}`,
					"m.room.canonical_alias": `{"alias":"#vendas:acme.example"}`,
				},
			},
			"direct": {
				rooms.Creation{IsDirect: true, Preset: "trusted_private_chat", Invite: []id.UserID{bia}},
				map[string]string{"m.room.member|" + string(bia): `{"is_direct":true,"membership":"invite"}`},
			},
			"initial state wins over the preset": {
				rooms.Creation{InitialState: []rooms.InitialState{{
					Type: "m.room.history_visibility", Content: json.RawMessage(`{"history_visibility":"joined"}`),
				}}},
				map[string]string{"m.room.history_visibility": `{"history_visibility":"joined"}`},
			},
			"creation content": {
				rooms.Creation{Version: "10", Content: map[string]json.RawMessage{"m.federate": json.RawMessage(`false`), "creator": json.RawMessage(`"@x:y"`)}},
				map[string]string{"m.room.create": `{"creator":"@ana:acme.example","m.federate":false,"room_version":"10"}`},
			},
		} {
			t.Run(name, func(t *testing.T) {
				room, _, err := o.Create(t.Context(), by(ana), c.ask)
				if err != nil {
					t.Fatal(err)
				}
				for where, want := range c.want {
					eventType, key := where, ""
					if i := slices.Index([]byte(where), '|'); i >= 0 {
						eventType, key = where[:i], where[i+1:]
					}
					if got := o.content(room, eventType, key); got != want {
						t.Errorf("%s: got %s, want %s", where, got, want)
					}
				}
			})
		}
	})
}

func TestCreateLevels(t *testing.T) {
	o := newOffice(t, sqltest.SQLite(t))
	room := o.mustCreate(rooms.Creation{
		Preset: "trusted_private_chat", Invite: []id.UserID{bia}, LevelOverride: json.RawMessage(`{"events_default":30}`),
	})
	var levels rooms.Levels
	if err := json.Unmarshal([]byte(o.content(room, "m.room.power_levels", "")), &levels); err != nil {
		t.Fatal(err)
	}
	if levels.Users[ana] != 100 || levels.Users[bia] != 100 || levels.EventsDefault != 30 || levels.StateDefault != 50 {
		t.Errorf("got %+v, want 100 for both users, 30 for events and 50 for state", levels)
	}
}

func TestCreateRefusals(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newOffice(t, db)
		o.mustCreate(rooms.Creation{AliasName: "taken"})
		for name, c := range map[string]struct {
			ask  rooms.Creation
			code string
		}{
			"unknown version":     {rooms.Creation{Version: "99"}, "M_UNSUPPORTED_ROOM_VERSION"},
			"unknown preset":      {rooms.Creation{Preset: "secret"}, "M_INVALID_PARAM"},
			"unknown visibility":  {rooms.Creation{Visibility: "hidden"}, "M_INVALID_PARAM"},
			"alias taken":         {rooms.Creation{AliasName: "taken"}, "M_ROOM_IN_USE"},
			"alias malformed":     {rooms.Creation{AliasName: "a:b"}, "M_INVALID_PARAM"},
			"stranger invited":    {rooms.Creation{AliasName: "free", Invite: []id.UserID{"@x:acme.example"}}, "M_FORBIDDEN"},
			"invitation by mail":  {rooms.Creation{Invite3PID: []any{"x"}}, "M_FORBIDDEN"},
			"initial state empty": {rooms.Creation{InitialState: []rooms.InitialState{{Type: "x"}}}, "M_BAD_JSON"},
			"levels no object":    {rooms.Creation{LevelOverride: json.RawMessage(`[]`)}, "M_BAD_JSON"},
			"float in state": {rooms.Creation{AliasName: "free", InitialState: []rooms.InitialState{{
				Type: "x", Content: json.RawMessage(`{"a":1.5}`),
			}}}, "M_BAD_JSON"},
		} {
			if c.ask.Preset == "" && name != "unknown visibility" {
				c.ask.Preset = "public_chat"
			}
			room, _, err := o.Create(t.Context(), by(ana), c.ask)
			if !refusal.Is(err, c.code) || room != "" {
				t.Errorf("%s: got %s, %v, want %s", name, room, err, c.code)
			}
		}
		// Nothing of what was refused is left.
		if room, _, err := o.store.AliasOf(t.Context(), "acme", "#free:acme.example"); room != "" || err != nil {
			t.Errorf("alias of a refused room: got %s, %v, want none", room, err)
		}
	})
}

func TestMembershipMoves(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newOffice(t, db)
		room := o.mustCreate(rooms.Creation{Preset: "private_chat"})
		move := func(user id.UserID) rooms.Move { return rooms.Move{Room: room, User: user, Reason: "why"} }
		ctx := t.Context()
		for _, step := range []struct {
			name string
			do   func() error
			code string // "" for done
			want string // Bia's membership afterwards
		}{
			{"join uninvited", func() error { return o.join(bia, room) }, "M_FORBIDDEN", ""},
			{"kick who is not there", func() error { return o.Kick(ctx, by(ana), move(bia)) }, "M_FORBIDDEN", ""},
			{"invite by a stranger", func() error { return o.Invite(ctx, by(eva), move(bia)) }, "M_FORBIDDEN", ""},
			{"invite a stranger", func() error { return o.Invite(ctx, by(ana), move("@x:acme.example")) }, "M_FORBIDDEN", ""},
			{"invite", func() error { return o.Invite(ctx, by(ana), move(bia)) }, "", "invite"},
			{"reject", func() error { return o.leave(bia, room) }, "", "leave"},
			{"leave again", func() error { return o.leave(bia, room) }, "", "leave"},
			{"invite again", func() error { return o.Invite(ctx, by(ana), move(bia)) }, "", "invite"},
			{"forget too early", func() error { return o.Forget(ctx, by(bia), room) }, "M_UNKNOWN", "invite"},
			{"join", func() error { return o.join(bia, room) }, "", "join"},
			{"join again", func() error { return o.join(bia, room) }, "", "join"},
			{"invite who is in", func() error { return o.Invite(ctx, by(ana), move(bia)) }, "M_FORBIDDEN", "join"},
			{"kick from below", func() error { return o.Kick(ctx, by(bia), move(ana)) }, "M_FORBIDDEN", "join"},
			{"unban who is not banned", func() error { return o.Unban(ctx, by(ana), move(bia)) }, "M_FORBIDDEN", "join"},
			{"kick", func() error { return o.Kick(ctx, by(ana), move(bia)) }, "", "leave"},
			{"ban who left", func() error { return o.Ban(ctx, by(ana), move(bia)) }, "", "ban"},
			{"join banned", func() error { return o.join(bia, room) }, "M_FORBIDDEN", "ban"},
			{"leave banned", func() error { return o.leave(bia, room) }, "M_FORBIDDEN", "ban"},
			{"kick who is banned", func() error { return o.Kick(ctx, by(ana), move(bia)) }, "M_FORBIDDEN", "ban"},
			{"invite banned", func() error { return o.Invite(ctx, by(ana), move(bia)) }, "M_FORBIDDEN", "ban"},
			{"unban", func() error { return o.Unban(ctx, by(ana), move(bia)) }, "", "leave"},
			{"forget", func() error { return o.Forget(ctx, by(bia), room) }, "", "leave"},
			{"forget again", func() error { return o.Forget(ctx, by(bia), room) }, "", "leave"},
			{"unknown room", func() error { return o.leave(bia, "!none:acme.example") }, "M_FORBIDDEN", "leave"},
		} {
			err := step.do()
			if (step.code == "") != (err == nil) || (step.code != "" && !refusal.Is(err, step.code)) {
				t.Errorf("%s: got %v, want %q", step.name, err, step.code)
			}
			membership := ""
			if content := o.content(room, "m.room.member", string(bia)); content != "" {
				membership = rooms.MembershipOf(&event.Event{Content: []byte(content)})
			}
			if membership != step.want {
				t.Errorf("%s: got membership %q, want %q", step.name, membership, step.want)
			}
		}
	})
}

func TestRestrictedJoin(t *testing.T) {
	o := newOffice(t, sqltest.SQLite(t))
	club := o.mustCreate(rooms.Creation{})
	rules, err := json.Marshal(map[string]any{
		"join_rule": "restricted", "allow": []any{map[string]any{"type": "m.room_membership", "room_id": club}},
	})
	o.must(err)
	room := o.mustCreate(rooms.Creation{
		Preset: "private_chat", InitialState: []rooms.InitialState{{Type: "m.room.join_rules", Content: rules}},
	})
	mustBe(t, o.join(bia, room), "M_FORBIDDEN")
	// Nor does it help to name by whom one was let in.
	_, err = o.SetState(t.Context(), by(bia), rooms.StateChange{
		Room: room, Type: "m.room.member", StateKey: string(bia),
		Content: json.RawMessage(`{"membership":"join","join_authorised_via_users_server":"@ana:acme.example"}`),
	})
	mustBe(t, err, "M_FORBIDDEN")
	o.must(o.join(bia, club))
	o.must(o.join(bia, room))
	if got, want := o.content(room, "m.room.member", string(bia)), `{"join_authorised_via_users_server":"@ana:acme.example","membership":"join"}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestSetStateTwice(t *testing.T) {
	o := newOffice(t, sqltest.SQLite(t))
	room := o.mustCreate(rooms.Creation{})
	first := o.mustSet(ana, room, "m.room.topic", `{"topic":"a", "b": [1, 2]}`)
	if again := o.mustSet(ana, room, "m.room.topic", `{"b":[1,2],"topic":"a"}`); again != first {
		t.Errorf("the same content again: got %s, want %s", again, first)
	}
	if other := o.mustSet(ana, room, "m.room.topic", `{"topic":"b"}`); other == first {
		t.Error("other content gave the same event")
	}
}

// TestSecondCreation offers a room its own first event again, which changes
// nothing and is refused nevertheless.
func TestSecondCreation(t *testing.T) {
	o := newOffice(t, sqltest.SQLite(t))
	for _, version := range []id.RoomVersion{"10", "11", "12"} {
		room := o.mustCreate(rooms.Creation{Version: version})
		for _, content := range []string{o.content(room, "m.room.create", ""), `{}`} {
			_, err := o.SetState(t.Context(), by(ana), rooms.StateChange{
				Room: room, Type: "m.room.create", Content: json.RawMessage(content),
			})
			if refused := refusal.As(err); refused == nil || refused.Status != http.StatusBadRequest {
				t.Errorf("version %s, %s: got %v, want status 400", version, content, err)
			}
		}
	}
}

func TestCanonicalAlias(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newOffice(t, db)
		room, elsewhere := o.mustCreate(rooms.Creation{}), o.mustCreate(rooms.Creation{})
		o.must(o.join(bia, room))
		set := func(content string) error {
			_, err := o.SetState(t.Context(), by(ana), rooms.StateChange{Room: room, Type: "m.room.canonical_alias", Content: json.RawMessage(content)})
			return err
		}
		mustBe(t, set(`{"alias":"#a:acme.example"}`), "M_BAD_ALIAS")
		mustBe(t, set(`{"alias":"a"}`), "M_INVALID_PARAM")
		mustBe(t, set(`{"alt_aliases":[""]}`), "M_INVALID_PARAM")
		o.must(o.AddAlias(t.Context(), by(bia), "#a:acme.example", room))
		o.must(o.AddAlias(t.Context(), by(ana), "#b:acme.example", elsewhere))
		mustBe(t, o.AddAlias(t.Context(), by(ana), "#a:acme.example", elsewhere), "M_UNKNOWN")
		mustBe(t, set(`{"alias":"#b:acme.example"}`), "M_BAD_ALIAS")
		o.must(set(`{"alias":"#a:acme.example"}`))
		mustBe(t, o.RemoveAlias(t.Context(), by(eva), "#a:acme.example"), "M_FORBIDDEN")
		o.must(o.RemoveAlias(t.Context(), by(ana), "#a:acme.example"))
		if got := o.content(room, "m.room.canonical_alias", ""); got != "{}" {
			t.Errorf("canonical alias after its removal: got %s, want {}", got)
		}
		mustBe(t, o.RemoveAlias(t.Context(), by(ana), "#a:acme.example"), "M_NOT_FOUND")
	})
}

func TestRedactionRules(t *testing.T) {
	o := newOffice(t, sqltest.SQLite(t))
	room, elsewhere := o.mustCreate(rooms.Creation{}), o.mustCreate(rooms.Creation{})
	o.must(o.join(bia, room))
	sent := o.mustSend(room, "hello")
	redact := func(user id.UserID, room id.RoomID, target id.EventID) error {
		_, err := o.Redact(t.Context(), by(user), rooms.Message{Room: room, Content: json.RawMessage(`{}`)}, target)
		return err
	}
	mustBe(t, redact(bia, room, sent), "M_FORBIDDEN")
	mustBe(t, redact(eva, room, sent), "M_FORBIDDEN")
	mustBe(t, redact(ana, elsewhere, sent), "M_NOT_FOUND")
	mustBe(t, redact(ana, room, "$nothing"), "M_NOT_FOUND")
	_, err := o.Send(t.Context(), by(ana), rooms.Message{
		Room: room, Type: "m.room.redaction", Content: json.RawMessage(`{"redacts":"` + string(sent) + `"}`),
	})
	o.must(err)
	e, err := o.store.EventByID(t.Context(), "acme", sent)
	if err != nil || string(e.Content) != "{}" {
		t.Errorf("redacted by /send: got %s, %v, want {}", e.Content, err)
	}
}

func TestNameAndTopicLimits(t *testing.T) {
	o := newOffice(t, sqltest.SQLite(t))
	room := o.mustCreate(rooms.Creation{})
	for field, most := range map[string]int{"name": 255, "topic": 4096} {
		for _, length := range []int{most - 1, most, most + 1} {
			_, err := o.SetState(t.Context(), by(ana), rooms.StateChange{
				Room: room, Type: "m.room." + field,
				Content: json.RawMessage(`{"` + field + `":"` + strings.Repeat("x", length) + `"}`),
			})
			if tooLong := length > most; refusal.Is(err, "M_TOO_LARGE") != tooLong || (err != nil) != tooLong {
				t.Errorf("%s of %d bytes: got %v, want refused: %v", field, length, err, tooLong)
			}
		}
	}
}
