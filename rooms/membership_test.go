package rooms_test

import (
	"encoding/json"
	"testing"

	"github.com/tidwall/gjson"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/sqldb/sqltest"
)

func (o *office) knock(user id.UserID, room id.RoomID) error {
	return o.Knock(o.t.Context(), by(user), rooms.Move{Room: room, Reason: "please"})
}

func (o *office) kick(by id.UserID, user id.UserID, room id.RoomID) error {
	return o.Kick(o.t.Context(), asCaller(by), rooms.Move{Room: room, User: user})
}

var asCaller = by

// mustBeIn demands memberships in a room, as Ana sees them.
func (o *office) mustBeIn(room id.RoomID, user id.UserID, membership string) {
	o.t.Helper()
	if got := gjson.Get(o.state(ana, room, "m.room.member", string(user)), "membership").Str; got != membership {
		o.t.Errorf("%s: got %q, want %q", user, got, membership)
	}
}

// restrictedTo gives the join rules of a room for the members of others.
func restrictedTo(rule string, others ...id.RoomID) string {
	allow := []map[string]any{}
	for _, other := range others {
		allow = append(allow, map[string]any{"type": "m.room_membership", "room_id": other, "via": []string{"acme.example"}})
	}
	content, err := json.Marshal(map[string]any{"join_rule": rule, "allow": allow})
	if err != nil {
		panic(err)
	}
	return string(content)
}

func TestRestrictedJoins(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newOffice(t, db)
		for version, rule := range map[id.RoomVersion]string{"8": "restricted", "10": "knock_restricted", "12": "restricted"} {
			space := o.mustCreate(rooms.Creation{})
			room := o.mustCreate(rooms.Creation{Version: version, Preset: "private_chat", InitialState: []rooms.InitialState{
				initial("m.room.join_rules", "", restrictedTo(rule, "!unknown:acme.example", space)),
			}})
			mustBe(t, o.join(bia, room), "M_FORBIDDEN")
			o.must(o.join(bia, space))
			o.must(o.join(bia, room))
			member := gjson.Parse(o.state(ana, room, "m.room.member", string(bia)))
			if got := member.Get("join_authorised_via_users_server").Str; got != string(ana) {
				t.Errorf("version %s: let in by %q, want %s", version, got, ana)
			}
			// Who is in stays in, and gets in no more once they have left both.
			o.must(o.leave(bia, space))
			o.mustBeIn(room, bia, "join")
			o.must(o.leave(bia, room))
			mustBe(t, o.join(bia, room), "M_FORBIDDEN")

			// An invitation is enough by itself, a ban is too much in any case.
			o.must(o.invite(bia, room))
			o.must(o.join(bia, room))
			if got := gjson.Parse(o.state(ana, room, "m.room.member", string(bia))).Get("join_authorised_via_users_server"); got.Exists() {
				t.Errorf("version %s: an invited one was let in by %s", version, got.Raw)
			}
			o.must(o.Ban(t.Context(), by(ana), rooms.Move{Room: room, User: bia}))
			o.must(o.join(bia, space))
			mustBe(t, o.join(bia, room), "M_FORBIDDEN")

			// Nobody with the power to invite, nobody to let in.
			if version == "12" {
				continue // a creator always has it
			}
			closed := o.mustCreate(rooms.Creation{
				Version: version, Preset: "private_chat", LevelOverride: json.RawMessage(`{"invite":101}`),
				InitialState: []rooms.InitialState{initial("m.room.join_rules", "", restrictedTo(rule, space))},
			})
			mustBe(t, o.join(bia, closed), "M_FORBIDDEN")
		}
	})
}

func TestMangledRestrictionsLetNobodyIn(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newOffice(t, db)
		space := o.mustCreate(rooms.Creation{})
		o.must(o.join(bia, space))
		room := o.mustCreate(rooms.Creation{Version: "8", Preset: "private_chat"})
		for _, content := range []string{
			`{"join_rule":"restricted"}`,
			`{"join_rule":"restricted","allow":"` + string(space) + `"}`,
			`{"join_rule":"restricted","allow":["` + string(space) + `"]}`,
			`{"join_rule":"restricted","allow":[{"type":"other","room_id":"` + string(space) + `"}]}`,
			`{"join_rule":"restricted","allow":[{"type":"m.room_membership","room_id":7}]}`,
			restrictedTo("knock_restricted", space), // not known to version 8
		} {
			o.mustSet(ana, room, "m.room.join_rules", content)
			mustBe(t, o.join(bia, room), "M_FORBIDDEN")
		}
		o.mustSet(ana, room, "m.room.join_rules", restrictedTo("restricted", space))
		o.must(o.join(bia, room))
	})
}

func TestKnocking(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newOffice(t, db)
		for version, rule := range map[id.RoomVersion]string{"7": "knock", "10": "knock_restricted", "11": "knock", "12": "knock"} {
			room := o.mustCreate(rooms.Creation{Version: version, InitialState: []rooms.InitialState{initial("m.room.join_rules", "", restrictedTo(rule))}})
			mustBe(t, o.join(bia, room), "M_FORBIDDEN")
			o.must(o.knock(bia, room))
			o.must(o.knock(bia, room)) // once more does nothing
			o.mustBeIn(room, bia, "knock")
			mustBe(t, o.join(bia, room), "M_FORBIDDEN")
			_, err := o.State(t.Context(), by(bia), room)
			mustBe(t, err, "M_FORBIDDEN")

			o.must(o.leave(bia, room)) // thinks better of it
			o.mustBeIn(room, bia, "leave")
			o.must(o.knock(bia, room))
			o.must(o.kick(ana, bia, room)) // is turned away
			o.mustBeIn(room, bia, "leave")
			o.must(o.knock(bia, room))
			o.must(o.invite(bia, room)) // is let in
			o.must(o.join(bia, room))
			mustBe(t, o.knock(bia, room), "M_FORBIDDEN")

			o.must(o.Ban(t.Context(), by(ana), rooms.Move{Room: room, User: eva}))
			mustBe(t, o.knock(eva, room), "M_FORBIDDEN")
		}
		for version, rule := range map[id.RoomVersion]string{"6": "knock", "9": "knock_restricted", "11": "invite"} {
			room := o.mustCreate(rooms.Creation{Version: version, InitialState: []rooms.InitialState{initial("m.room.join_rules", "", restrictedTo(rule))}})
			mustBe(t, o.knock(bia, room), "M_FORBIDDEN")
		}
		mustBe(t, o.knock(bia, "!unknown:acme.example"), "M_NOT_FOUND")
	})
}

// TestKnockRoomsInTheDirectory checks that the directory tells how to get in.
func TestKnockRoomsInTheDirectory(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newOffice(t, db)
		want := map[id.RoomID]string{}
		for version, rule := range map[id.RoomVersion]string{"7": "knock", "10": "knock_restricted"} {
			room := o.mustCreate(rooms.Creation{Version: version, Visibility: "public", InitialState: []rooms.InitialState{initial("m.room.join_rules", "", restrictedTo(rule))}})
			want[room] = rule
		}
		page, err := o.PublicRooms(t.Context(), "acme", rooms.DirectoryRequest{})
		o.must(err)
		for _, room := range page.Rooms {
			if room.JoinRule != want[room.ID] {
				t.Errorf("got %q, want %q", room.JoinRule, want[room.ID])
			}
			delete(want, room.ID)
		}
		if len(want) > 0 {
			t.Errorf("missing: %v", want)
		}
	})
}

// TestOnlyWhoIsThereActs checks that power is nothing without presence, and that
// nobody is removed who is not there.
func TestOnlyWhoIsThereActs(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newOffice(t, db)
		room := o.mustCreate(rooms.Creation{})
		o.must(o.join(eva, room))
		o.mustSet(ana, room, "m.room.power_levels", `{"users":{"@ana:acme.example":100,"@bia:acme.example":100}}`)
		ban := func(by, user id.UserID) error {
			return o.Ban(t.Context(), asCaller(by), rooms.Move{Room: room, User: user})
		}
		mustBe(t, ban(bia, eva), "M_FORBIDDEN")
		mustBe(t, o.kick(bia, eva, room), "M_FORBIDDEN")
		mustBe(t, o.kick(ana, bia, room), "M_FORBIDDEN") // never came
		o.must(o.leave(eva, room))
		mustBe(t, o.kick(ana, eva, room), "M_FORBIDDEN") // has left
		o.must(ban(ana, eva))                            // but may be kept from coming back
		mustBe(t, o.kick(ana, eva, room), "M_FORBIDDEN")
		mustBe(t, o.leave(eva, room), "M_FORBIDDEN")
		o.mustBeIn(room, eva, "ban")
	})
}

func TestUsersDefaultMayBeLoweredByWhoHasIt(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newOffice(t, db)
		room := o.mustCreate(rooms.Creation{LevelOverride: json.RawMessage(`{"users_default":100,"users":{}}`)})
		o.must(o.join(bia, room))
		o.mustSet(bia, room, "m.room.power_levels", `{"users_default":40,"users":{"@bia:acme.example":100}}`)
		_, err := o.SetState(t.Context(), by(ana), rooms.StateChange{Room: room, Type: "m.room.name", Content: json.RawMessage(`{}`)})
		mustBe(t, err, "M_FORBIDDEN")
	})
}

func TestForgetting(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newOffice(t, db)
		room := o.mustCreate(rooms.Creation{})
		forget := func(user id.UserID, room id.RoomID) error { return o.Forget(t.Context(), by(user), room) }
		mustBe(t, forget(bia, room), "M_FORBIDDEN") // never had to do with it
		mustBe(t, forget(bia, "!unknown:acme.example"), "M_FORBIDDEN")
		o.must(o.join(bia, room))
		mustBe(t, forget(bia, room), "M_UNKNOWN")
		o.must(o.leave(bia, room))
		if _, err := o.State(t.Context(), by(bia), room); err != nil {
			t.Errorf("leaving alone forgets: %v", err)
		}
		o.must(forget(bia, room))
		o.must(forget(bia, room))
		_, err := o.State(t.Context(), by(bia), room)
		mustBe(t, err, "M_FORBIDDEN")
		_, err = o.Messages(t.Context(), by(bia), rooms.PageRequest{Room: room, Direction: rooms.Backwards, Limit: 5})
		mustBe(t, err, "M_FORBIDDEN")
		o.must(o.join(bia, room))
		if _, err := o.State(t.Context(), by(bia), room); err != nil {
			t.Errorf("coming back does not remember: %v", err)
		}
		o.must(o.Ban(t.Context(), by(ana), rooms.Move{Room: room, User: bia}))
		o.must(forget(bia, room))
	})
}

// TestNamesOfOneRoom names somebody for one room: they do so themselves, when they
// come, and nobody does it for another.
func TestNamesOfOneRoom(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newOffice(t, db)
		o.must(o.SetProfile(t.Context(), by(bia), "displayname", json.RawMessage(`"Bia"`)))
		room := o.mustCreate(rooms.Creation{Preset: "private_chat"})
		name := func() string { return gjson.Get(o.state(ana, room, "m.room.member", string(bia)), "displayname").Str }
		other := map[string]json.RawMessage{"displayname": json.RawMessage(`"Freddy"`)}
		o.must(o.Invite(t.Context(), by(ana), rooms.Move{Room: room, User: bia, Content: other}))
		if got := name(); got != "Bia" {
			t.Errorf("invited by another name: got %q, want Bia", got)
		}
		o.must(o.Join(t.Context(), by(bia), rooms.Move{Room: room, Content: other}))
		if got := name(); got != "Freddy" {
			t.Errorf("joined by another name: got %q, want Freddy", got)
		}
	})
}
