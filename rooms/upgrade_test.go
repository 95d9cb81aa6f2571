package rooms_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tidwall/gjson"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"

	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/sqldb/sqltest"
	"github.com/conversalabs/internalchat/storage/stream"
)

// state gives the content of a state event, "" when there is none.
func (o *office) state(user id.UserID, room id.RoomID, eventType, key string) string {
	o.t.Helper()
	content, err := o.StateEvent(o.t.Context(), by(user), room, eventType, key, false)
	if err != nil {
		mustBe(o.t, err, "M_NOT_FOUND")
		return ""
	}
	return string(content)
}

func (o *office) mustUpgrade(user id.UserID, room id.RoomID, version id.RoomVersion, creators ...id.UserID) id.RoomID {
	o.t.Helper()
	next, err := o.Upgrade(o.t.Context(), by(user), rooms.Upgrade{Room: room, Version: version, Creators: creators})
	o.must(err)
	return next
}

// putData writes account data.
func (o *office) putData(user id.UserID, room id.RoomID, kind, content string) {
	o.t.Helper()
	o.must(o.store.PutData(o.t.Context(), by(user), stream.Item{
		Kind: stream.AccountData, User: user, Room: room, Key: kind, Content: []byte(content),
	}))
}

func (o *office) data(user id.UserID, room id.RoomID, kind string) string {
	o.t.Helper()
	content, err := o.store.Item(o.t.Context(), "acme", stream.AccountData, user, room, kind)
	o.must(err)
	return string(content)
}

func mustJSON(t testing.TB, what, got, want string) {
	t.Helper()
	var g, w any
	_ = json.Unmarshal([]byte(got), &g) // "" stays nothing
	_ = json.Unmarshal([]byte(want), &w)
	if diff := cmp.Diff(g, w); diff != "" {
		t.Errorf("%s (-got +want):\n%s", what, diff)
	}
}

func initial(eventType, key, content string) rooms.InitialState {
	return rooms.InitialState{Type: eventType, StateKey: key, Content: json.RawMessage(content)}
}

func TestUpgradeMovesARoom(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newOffice(t, db)
		moved := map[string]string{
			"m.room.join_rules":         `{"join_rule":"knock"}`,
			"m.room.history_visibility": `{"history_visibility":"joined"}`,
			"m.room.guest_access":       `{"guest_access":"forbidden"}`,
			"m.room.server_acl":         `{"allow":["*"]}`,
			"m.room.encryption":         `{"algorithm":"m.megolm.v1.aes-sha2"}`,
			"m.room.name":               `{"name":"Sales"}`,
			"m.room.topic":              `{"topic":"All of them"}`,
			"m.room.avatar":             `{"url":"mxc://acme.example/a"}`,
		}
		c := rooms.Creation{
			Version: "10", Visibility: "public", AliasName: "sales",
			Content:      map[string]json.RawMessage{"type": json.RawMessage(`"m.space"`)},
			InitialState: []rooms.InitialState{initial("m.space.child", "!child:acme.example", `{"via":["acme.example"]}`), initial("com.example", "", `{"a":1}`)},
		}
		for eventType, content := range moved {
			c.InitialState = append(c.InitialState, initial(eventType, "", content))
		}
		old := o.mustCreate(c)
		o.must(o.AddAlias(t.Context(), by(ana), "#other:acme.example", old))
		o.must(o.Ban(t.Context(), by(ana), rooms.Move{Room: old, User: eva, Reason: "noise"}))
		o.must(o.invite(bia, old))
		o.must(o.join(bia, old))
		levels := gjson.Parse(o.state(ana, old, "m.room.power_levels", ""))

		next := o.mustUpgrade(ana, old, "11")
		for eventType, content := range moved {
			mustJSON(t, eventType, o.state(ana, next, eventType, ""), content)
		}
		mustJSON(t, "child", o.state(ana, next, "m.space.child", "!child:acme.example"), `{"via":["acme.example"]}`)
		mustJSON(t, "what other people made up", o.state(ana, next, "com.example", ""), "")
		mustJSON(t, "power levels", o.state(ana, next, "m.room.power_levels", ""), levels.Raw)
		mustJSON(t, "canonical alias", o.state(ana, next, "m.room.canonical_alias", ""), `{"alias":"#sales:acme.example"}`)
		mustJSON(t, "old canonical alias", o.state(ana, old, "m.room.canonical_alias", ""), `{}`)
		mustJSON(t, "ban", o.state(ana, next, "m.room.member", string(eva)), `{"membership":"ban","reason":"noise"}`)
		mustBe(t, o.join(eva, next), "M_FORBIDDEN")
		mustJSON(t, "member who has not followed", o.state(ana, next, "m.room.member", string(bia)), "")

		tombstone, err := o.StateEvent(t.Context(), by(ana), old, "m.room.tombstone", "", true)
		o.must(err)
		if got := gjson.GetBytes(tombstone, "content.replacement_room").Str; got != string(next) {
			t.Errorf("replacement: got %s, want %s", got, next)
		}
		create := gjson.Parse(o.state(ana, next, "m.room.create", ""))
		mustJSON(t, "create", create.Raw, `{"room_version":"11","type":"m.space","predecessor":{"room_id":"`+string(old)+
			`","event_id":"`+gjson.GetBytes(tombstone, "event_id").Str+`"}}`)
		for alias, want := range map[id.RoomAlias]id.RoomID{"#sales:acme.example": next, "#other:acme.example": next} {
			if got, err := o.Resolve(t.Context(), tenant.Caller{Account: "acme"}, alias); got != want || err != nil {
				t.Errorf("%s: got %s, %v, want %s", alias, got, err, want)
			}
		}
		page, err := o.PublicRooms(t.Context(), "acme", rooms.DirectoryRequest{})
		o.must(err)
		if len(page.Rooms) != 1 || page.Rooms[0].ID != next {
			t.Errorf("directory: got %v, want %s alone", page.Rooms, next)
		}
		closed := gjson.Parse(o.state(ana, old, "m.room.power_levels", ""))
		if closed.Get("events_default").Int() != 50 || closed.Get("invite").Int() != 50 {
			t.Errorf("power levels of the old room: got %s, want 50 to send and invite", closed.Raw)
		}
		_, err = o.Send(t.Context(), by(bia), rooms.Message{Room: old, Type: "m.room.message", Content: json.RawMessage(`{}`)})
		mustBe(t, err, "M_FORBIDDEN")
	})
}

func TestUpgradeCarriesSettings(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newOffice(t, db)
		old := o.mustCreate(rooms.Creation{})
		o.must(o.join(bia, old))
		other := o.mustCreate(rooms.Creation{})
		o.must(o.join(bia, other))
		rule := `{"global":{"override":[{"rule_id":"OLD","actions":[],"conditions":[{"kind":"event_match","key":"room_id","pattern":"OLD"}]}],"content":[],"room":[{"rule_id":"OLD","actions":["notify"]}],"sender":[],"underride":[]}}`
		for _, user := range []id.UserID{ana, bia} {
			o.putData(user, old, "m.tag", `{"tags":{"m.favourite":{"order":0.5}}}`)
			o.putData(user, old, "br.com.conversalabs.note", `{"body":"mine"}`)
			o.putData(user, old, "m.fully_read", `{"event_id":"$x"}`)
			o.putData(user, "", "m.direct", `{"@x:acme.example":["`+string(old)+`"],"@y:acme.example":["`+string(other)+`"]}`)
			o.putData(user, "", "m.push_rules", strings.ReplaceAll(rule, "OLD", string(old)))
		}
		next := o.mustUpgrade(ana, old, "11")
		mustJSON(t, "tags before joining", o.data(bia, next, "m.tag"), "")
		o.must(o.join(bia, next))
		for _, user := range []id.UserID{ana, bia} {
			mustJSON(t, "tags", o.data(user, next, "m.tag"), `{"tags":{"m.favourite":{"order":0.5}}}`)
			mustJSON(t, "note", o.data(user, next, "br.com.conversalabs.note"), `{"body":"mine"}`)
			mustJSON(t, "note stays", o.data(user, old, "br.com.conversalabs.note"), `{"body":"mine"}`)
			mustJSON(t, "read marker", o.data(user, next, "m.fully_read"), "")
			mustJSON(t, "direct", o.data(user, "", "m.direct"),
				`{"@x:acme.example":["`+string(old)+`","`+string(next)+`"],"@y:acme.example":["`+string(other)+`"]}`)
			rules := gjson.Parse(o.data(user, "", "m.push_rules"))
			mustJSON(t, "room rules", rules.Get("global.room.#.rule_id").Raw, `["`+string(old)+`","`+string(next)+`"]`)
			mustJSON(t, "overrides", rules.Get("global.override.#.rule_id").Raw, `["`+string(old)+`","`+string(next)+`"]`)
			mustJSON(t, "condition", rules.Get("global.override.1.conditions.0.pattern").Raw, `"`+string(next)+`"`)
		}

		// What was changed there since is not undone by coming back.
		o.putData(bia, next, "m.tag", `{"tags":{}}`)
		o.putData(bia, "", "m.direct", `{}`)
		o.must(o.leave(bia, next))
		o.must(o.join(bia, next))
		mustJSON(t, "tags after coming back", o.data(bia, next, "m.tag"), `{"tags":{}}`)
		mustJSON(t, "direct after coming back", o.data(bia, "", "m.direct"), `{}`)
	})
}

// TestFollowingARoomNeedsBothToSaySo checks that a room that only claims to
// replace another gets nothing, until the other says so too.
func TestFollowingARoomNeedsBothToSaySo(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newOffice(t, db)
		old := o.mustCreate(rooms.Creation{})
		for _, user := range []id.UserID{ana, bia, eva} {
			o.must(o.join(user, old))
			o.putData(user, old, "m.tag", `{"tags":{"u.work":{}}}`)
		}
		next := o.mustCreate(rooms.Creation{Content: map[string]json.RawMessage{
			"predecessor": json.RawMessage(`{"room_id":"` + string(old) + `"}`),
		}})
		o.must(o.join(bia, next))
		mustJSON(t, "tags from a mere claim", o.data(bia, next, "m.tag"), "")
		o.mustSet(ana, old, "m.room.tombstone", `{"body":"moved","replacement_room":"`+string(next)+`"}`)
		mustJSON(t, "tags of who replaced the room", o.data(ana, next, "m.tag"), `{"tags":{"u.work":{}}}`)
		mustJSON(t, "tags of who was there before", o.data(bia, next, "m.tag"), "")
		o.must(o.join(eva, next))
		mustJSON(t, "tags of who came later", o.data(eva, next, "m.tag"), `{"tags":{"u.work":{}}}`)
	})
}

func TestUpgradeIsRefused(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newOffice(t, db)
		room := o.mustCreate(rooms.Creation{})
		o.must(o.join(bia, room))
		before := o.now()
		for _, c := range []struct {
			user id.UserID
			q    rooms.Upgrade
			code string
		}{
			{bia, rooms.Upgrade{Room: room, Version: "11"}, "M_FORBIDDEN"},
			{eva, rooms.Upgrade{Room: room, Version: "11"}, "M_FORBIDDEN"},
			{ana, rooms.Upgrade{Room: "!unknown:acme.example", Version: "11"}, "M_FORBIDDEN"},
			{ana, rooms.Upgrade{Room: "nonsense", Version: "11"}, "M_FORBIDDEN"},
			{ana, rooms.Upgrade{Room: room, Version: "1"}, "M_UNSUPPORTED_ROOM_VERSION"},
			{ana, rooms.Upgrade{Room: room, Version: "12", Creators: []id.UserID{"bia"}}, "M_INVALID_PARAM"},
		} {
			_, err := o.Upgrade(t.Context(), by(c.user), c.q)
			mustBe(t, err, c.code)
		}
		if after := o.now(); after != before {
			t.Errorf("refused upgrades moved the head from %s to %s", before, after)
		}
		o.policy = rooms.TeamPolicy
		_, err := o.Upgrade(t.Context(), by(ana), rooms.Upgrade{Room: room, Version: "12"})
		mustBe(t, err, "M_UNSUPPORTED_ROOM_VERSION")
		o.mustUpgrade(ana, room, "10")
	})
}
