package rooms_test

import (
	"encoding/json"
	"testing"

	"github.com/tidwall/gjson"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/sqldb/sqltest"
)

// newTeam is an office whose rooms have kinds.
func newTeam(t testing.TB, db *sqldb.DB) *office {
	t.Helper()
	o := newOffice(t, db)
	o.policy = rooms.TeamPolicy
	return o
}

// byRole is a user with a role in the account.
func byRole(user id.UserID, role tenant.Role, permissions ...string) tenant.Caller {
	caller := by(user)
	caller.Role, caller.Permissions = role, tenant.PermissionsOf(permissions)
	return caller
}

// room gives a room at the head.
func (o *office) room(room id.RoomID) *rooms.Room {
	o.t.Helper()
	var found *rooms.Room
	o.must(o.store.View(o.t.Context(), "acme", func(v rooms.View) (err error) {
		found, err = v.Room(room)
		return err
	}))
	return found
}

func mustBecause(t testing.TB, err error, reason string) {
	t.Helper()
	if r := refusal.As(err); r == nil || r.Status != 403 || r.Reason != reason {
		t.Errorf("got %v (%+v), want 403 with the reason %q", err, r, reason)
	}
}

func TestKindsOfCreatedRooms(t *testing.T) {
	announce := json.RawMessage(`{"events_default":50}`)
	for name, c := range map[string]struct {
		creation rooms.Creation
		want     rooms.Kind
		joinRule string
		level    int64 // Ana's, who makes it
	}{
		"nothing said":               {rooms.Creation{}, rooms.Private, "invite", 150},
		"private":                    {rooms.Creation{Preset: "private_chat"}, rooms.Private, "invite", 150},
		"trusted":                    {rooms.Creation{Preset: "trusted_private_chat", Invite: []id.UserID{bia}}, rooms.Private, "invite", 150},
		"public":                     {rooms.Creation{Preset: "public_chat"}, rooms.Public, "public", 150},
		"visible":                    {rooms.Creation{Visibility: "public"}, rooms.Public, "public", 150},
		"direct":                     {rooms.Creation{IsDirect: true, Preset: "trusted_private_chat", Invite: []id.UserID{bia}}, rooms.Direct, "invite", 100},
		"direct with two":            {rooms.Creation{IsDirect: true, Invite: []id.UserID{bia, eva}}, rooms.Private, "invite", 150},
		"direct with the same":       {rooms.Creation{IsDirect: true, Invite: []id.UserID{bia, bia, ana}}, rooms.Direct, "invite", 100},
		"direct with nobody":         {rooms.Creation{IsDirect: true}, rooms.Private, "invite", 150},
		"few may post":               {rooms.Creation{LevelOverride: announce}, rooms.Announcement, "public", 150},
		"named":                      {rooms.Creation{Kind: rooms.Announcement, Preset: "private_chat"}, rooms.Announcement, "public", 150},
		"a public one in version 10": {rooms.Creation{Kind: rooms.Public, Version: "10"}, rooms.Public, "public", 150},
	} {
		t.Run(name, func(t *testing.T) {
			sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
				o := newTeam(t, db)
				c.creation.InitialState = []rooms.InitialState{
					initial("m.room.encryption", "", `{"algorithm":"m.megolm.v1.aes-sha2"}`),
					initial("m.room.join_rules", "", `{"join_rule":"knock"}`),
					initial("m.room.history_visibility", "", `{"history_visibility":"world_readable"}`),
					initial("br.com.conversalabs.channel", "", `{"kind":"dm"}`),
				}
				made, _, err := o.Create(t.Context(), byRole(ana, tenant.Administrator), c.creation)
				o.must(err)
				room := o.room(made)
				if room.Kind() != c.want || room.Channel().CreatedBy != ana {
					t.Errorf("got %+v, want a room of the kind %s", room.Channel(), c.want)
				}
				if got := gjson.Get(o.content(made, "m.room.join_rules", ""), "join_rule").Str; got != c.joinRule {
					t.Errorf("got the join rule %q, want %q", got, c.joinRule)
				}
				if got := gjson.Get(o.content(made, "m.room.history_visibility", ""), "history_visibility").Str; got != "shared" {
					t.Errorf("got the history visibility %q, want shared", got)
				}
				if room.Event("m.room.encryption", "") != nil {
					t.Error("the room is encrypted")
				}
				if got := room.PowerLevels().User(ana); got != c.level {
					t.Errorf("got the level %d of who made it, want %d", got, c.level)
				}
				if got, want := room.Published, c.joinRule == "public"; got != want {
					t.Errorf("got published %t, want %t", got, want)
				}
				for _, user := range c.creation.Invite {
					if !room.Joined(user) {
						t.Errorf("%s is not in the room", user)
					}
				}
				if room.Membership(tenant.ServiceUser("acme.example")) != "" {
					t.Error("the service user has a membership")
				}
			})
		})
	}
}

func TestWhoMakesWhat(t *testing.T) {
	const private, announcement = "internal_chat_create_private", "internal_chat_create_announcement"
	closed := map[rooms.Kind]rooms.Creators{
		rooms.Public: rooms.AdministratorsCreate, rooms.Private: rooms.AdministratorsCreate, rooms.Announcement: rooms.AdministratorsCreate,
	}
	open := map[rooms.Kind]rooms.Creators{rooms.Announcement: rooms.AgentsCreate}
	for name, c := range map[string]struct {
		caller   tenant.Caller
		creators map[rooms.Kind]rooms.Creators
		may      []rooms.Kind
	}{
		"an agent":                           {byRole(ana, tenant.Agent), nil, []rooms.Kind{rooms.Public, rooms.Private}},
		"an administrator":                   {byRole(ana, tenant.Administrator), closed, []rooms.Kind{rooms.Public, rooms.Private, rooms.Announcement}},
		"an agent where all is closed":       {byRole(ana, tenant.Agent), closed, nil},
		"an agent where all is open":         {byRole(ana, tenant.Agent), open, []rooms.Kind{rooms.Public, rooms.Private, rooms.Announcement}},
		"a custom role":                      {byRole(ana, tenant.Custom), open, []rooms.Kind{rooms.Public}},
		"a custom role that may":             {byRole(ana, tenant.Custom, private, announcement), closed, []rooms.Kind{rooms.Private, rooms.Announcement}},
		"a custom role that manages the app": {byRole(ana, tenant.Custom, "internal_chat_manage"), closed, []rooms.Kind{rooms.Public, rooms.Private, rooms.Announcement}},
	} {
		t.Run(name, func(t *testing.T) {
			sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
				o := newTeam(t, db)
				if c.creators != nil {
					o.policy.Creators = c.creators
				}
				may := map[rooms.Kind]bool{}
				for _, kind := range c.may {
					may[kind] = true
				}
				before := o.head()
				for _, kind := range []rooms.Kind{rooms.Public, rooms.Private, rooms.Announcement} {
					_, _, err := o.Create(t.Context(), c.caller, rooms.Creation{Kind: kind})
					if may[kind] {
						o.must(err)
						before = o.head()
					} else {
						mustBecause(t, err, "requires_administrator")
					}
				}
				space := map[string]json.RawMessage{"type": json.RawMessage(`"m.space"`)}
				_, _, err := o.Create(t.Context(), c.caller, rooms.Creation{Content: space})
				if c.caller.Administrator() {
					o.must(err)
				} else {
					mustBecause(t, err, "requires_administrator")
					if got := o.head(); got != before {
						t.Errorf("what was refused moved the head from %d to %d", before, got)
					}
				}
				if _, err = o.OpenDirect(t.Context(), c.caller, bia); err != nil {
					t.Errorf("got %v, want that everybody may write direct messages", err)
				}
			})
		})
	}
}

// What owners may set by a stock client stays on the ladder.
func TestLevelsStayOnTheLadder(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newTeam(t, db)
		for kind, c := range map[rooms.Kind]struct{ set, want map[string]int64 }{
			rooms.Private: {
				set: map[string]int64{
					"events_default": 100, "users_default": 50, "state_default": 0, "ban": 0, "kick": 0, "redact": 0, "invite": 1,
					"events.m\\.room\\.topic": 30, "events.m\\.room\\.name": -5, "events.m\\.room\\.join_rules": 0,
					"events.m\\.room\\.power_levels": 0, "events.m\\.room\\.message": 70, "events.com\\.example": 1000,
					"events.br\\.com\\.conversalabs\\.channel": 0, "notifications.room": 10,
				},
				want: map[string]int64{
					"events_default": 0, "users_default": 0, "state_default": 100, "ban": 100, "kick": 100, "redact": 100, "invite": 100,
					"events.m\\.room\\.topic": 100, "events.m\\.room\\.name": 0, "events.m\\.room\\.join_rules": 200,
					"events.m\\.room\\.power_levels": 100, "events.m\\.room\\.message": 100, "events.com\\.example": 150,
					"events.br\\.com\\.conversalabs\\.channel": 200, "notifications.room": 100, "events.m\\.room\\.tombstone": 150,
				},
			},
			rooms.Announcement: {
				set: map[string]int64{
					"events_default": 0, "events.m\\.room\\.message": 0, "events.com\\.example": 0, "events.m\\.reaction": 50,
				},
				want: map[string]int64{
					"events_default": 50, "events.m\\.room\\.message": 50, "events.com\\.example": 50, "events.m\\.reaction": 50,
				},
			},
		} {
			room := o.as(byRole(ana, tenant.Administrator), rooms.Creation{Kind: kind, Invite: []id.UserID{bia}})
			content := json.RawMessage(`{"users":{"@ana:acme.example":150,"@bia:acme.example":100}}`)
			for path, level := range c.set {
				content = mustPut(t, content, path, level)
			}
			o.mustSet(ana, room, "m.room.power_levels", string(content))
			got := o.content(room, "m.room.power_levels", "")
			for path, level := range c.want {
				if have := gjson.Get(got, path); !have.Exists() || have.Int() != level {
					t.Errorf("%s: got %s for %s, want %d", kind, have.Raw, path, level)
				}
			}
			if users := gjson.Get(got, "users").Raw; users != `{"@ana:acme.example":150,"@bia:acme.example":100}` {
				t.Errorf("got the levels %s of people", users)
			}
		}
	})
}

// mustPut sets a number in JSON under a path of gjson's.
func mustPut(t testing.TB, content json.RawMessage, path string, value int64) json.RawMessage {
	t.Helper()
	var all map[string]any
	if err := json.Unmarshal(content, &all); err != nil {
		t.Fatal(err)
	}
	at, rest := all, path
	for _, parent := range []string{"events.", "notifications."} {
		if len(rest) > len(parent) && rest[:len(parent)] == parent {
			child, _ := all[parent[:len(parent)-1]].(map[string]any)
			if child == nil {
				child = map[string]any{}
				all[parent[:len(parent)-1]] = child
			}
			at, rest = child, unescape(rest[len(parent):])
		}
	}
	at[rest] = value
	put, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return put
}

func unescape(path string) string {
	plain := make([]byte, 0, len(path))
	for i := range len(path) {
		if path[i] != '\\' {
			plain = append(plain, path[i])
		}
	}
	return string(plain)
}

// as makes a room of somebody's.
func (o *office) as(caller tenant.Caller, c rooms.Creation) id.RoomID {
	o.t.Helper()
	room, _, err := o.Create(o.t.Context(), caller, c)
	o.must(err)
	return room
}

func TestKindsRefuse(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newTeam(t, db)
		made := map[rooms.Kind]id.RoomID{rooms.Direct: o.as(by(ana), rooms.Creation{IsDirect: true, Invite: []id.UserID{bia}})}
		for _, kind := range []rooms.Kind{rooms.Public, rooms.Private, rooms.Announcement} {
			made[kind] = o.as(byRole(ana, tenant.Administrator), rooms.Creation{Kind: kind, Invite: []id.UserID{bia}})
		}
		before := o.head()
		state := func(user id.UserID, kind rooms.Kind, eventType, key, content string) error {
			_, err := o.SetState(t.Context(), by(user), rooms.StateChange{
				Room: made[kind], Type: eventType, StateKey: key, Content: json.RawMessage(content),
			})
			return err
		}
		for kind := range made {
			mustBecause(t, state(ana, kind, "m.room.encryption", "", `{"algorithm":"m.megolm.v1.aes-sha2"}`), "encryption")
			mustBecause(t, state(ana, kind, "br.com.conversalabs.channel", "", `{"kind":"public"}`), "")
			mustBecause(t, state(ana, kind, "m.room.join_rules", "", `{"join_rule":"knock"}`), "")
			mustBecause(t, state(ana, kind, "m.room.guest_access", "", `{"guest_access":"can_join"}`), "")
			mustBecause(t, state(ana, kind, "m.room.history_visibility", "", `{"history_visibility":"world_readable"}`), "")
			mustBecause(t, o.Publish(t.Context(), by(ana), made[kind], !o.room(made[kind]).Published), "")
			if kind != rooms.Direct {
				mustBecause(t, state(ana, kind, "m.room.power_levels", "", `{"users":{"@ana:acme.example":100}}`), "last_owner")
				mustBecause(t, state(ana, kind, "m.room.power_levels", "", `{"users":{"@ana:acme.example":150,"@bia:acme.example":75}}`), "")
				mustBecause(t, o.Invite(t.Context(), by(bia), rooms.Move{Room: made[kind], User: eva}), "requires_channel_admin")
			}
		}
		mustBecause(t, state(ana, rooms.Private, "m.room.power_levels", "", `{"users":{"@ana:acme.example":150,"@bia:acme.example":50}}`), "")
		mustBecause(t, state(ana, rooms.Direct, "m.room.power_levels", "", `{"users":{"@ana:acme.example":100}}`), "")
		mustBecause(t, o.Invite(t.Context(), by(ana), rooms.Move{Room: made[rooms.Direct], User: eva}), "direct_message")
		mustBecause(t, state(ana, rooms.Direct, "m.room.member", string(eva), `{"membership":"invite"}`), "direct_message")
		mustBecause(t, o.kick(ana, bia, made[rooms.Direct]), "")
		mustBecause(t, o.AddAlias(t.Context(), by(ana), "#ours:acme.example", made[rooms.Direct]), "")
		mustBecause(t, o.leave(bia, made[rooms.Announcement]), "mandatory")
		mustBecause(t, o.leave(ana, made[rooms.Announcement]), "mandatory")
		mustBecause(t, o.kick(ana, bia, made[rooms.Announcement]), "mandatory")
		mustBecause(t, o.Ban(t.Context(), by(ana), rooms.Move{Room: made[rooms.Announcement], User: bia}), "mandatory")
		mustBecause(t, o.leave(ana, made[rooms.Private]), "last_owner")
		mustBecause(t, o.leave(ana, made[rooms.Public]), "last_owner")
		_, err := o.Send(t.Context(), by(bia), rooms.Message{Room: made[rooms.Announcement], Type: "m.room.message", Content: json.RawMessage(`{"body":"no"}`)})
		mustBe(t, err, "M_FORBIDDEN")
		if got := o.head(); got != before {
			t.Errorf("what was refused moved the head from %d to %d", before, got)
		}

		// Strangers learn nothing of which kind a room is.
		_, unknown := o.SetState(t.Context(), by(eva), rooms.StateChange{Room: "!none:acme.example", Type: "m.room.encryption", Content: json.RawMessage(`{}`)})
		for kind := range made {
			if err := state(eva, kind, "m.room.encryption", "", `{}`); err == nil || err.Error() != unknown.Error() {
				t.Errorf("%s: got %v for a stranger, want %v", kind, err, unknown)
			}
		}
	})
}

// Who is added is in the room at once, and who was made an owner lets the first go.
func TestPeopleAreAddedAtOnce(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newTeam(t, db)
		for _, kind := range []rooms.Kind{rooms.Public, rooms.Private} {
			room := o.as(by(ana), rooms.Creation{Kind: kind})
			before := o.head()
			o.must(o.invite(bia, room))
			want := int64(2)
			if kind == rooms.Public {
				want = 1 // nobody needs an invitation there
			}
			if got := int64(o.head() - before); got != want || !o.room(room).Joined(bia) {
				t.Errorf("%s: got %d events and the membership %q, want %d and join", kind, got, o.membership(room, bia), want)
			}
			mustBe(t, o.invite(bia, room), "M_FORBIDDEN")
			o.mustSet(ana, room, "m.room.power_levels", `{"users":{"@ana:acme.example":150,"@bia:acme.example":150}}`)
			o.must(o.leave(ana, room))
			o.must(o.leave(bia, room)) // nobody is left who could own it
			if !o.room(room).Channel().Archived {
				t.Error("an empty channel is in use")
			}
		}
	})
}

// The address of a private channel leads only its members there.
func TestAddressOfAPrivateChannel(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newTeam(t, db)
		for kind, found := range map[rooms.Kind]bool{rooms.Private: false, rooms.Public: true} {
			alias := id.NewRoomAlias(string(kind), "acme.example")
			room := o.as(by(ana), rooms.Creation{Kind: kind, AliasName: string(kind), Invite: []id.UserID{bia}})
			for _, member := range []id.UserID{ana, bia} {
				if got, err := o.Resolve(t.Context(), by(member), alias); got != room || err != nil {
					t.Errorf("%s: got %s, %v for a member, want %s", kind, got, err, room)
				}
			}
			got, err := o.Resolve(t.Context(), by(eva), alias)
			if found {
				o.must(err)
			} else if _, unknown := o.Resolve(t.Context(), by(eva), "#none:acme.example"); err == nil || got != "" || err.Error() != unknown.Error() {
				t.Errorf("%s: got %q, %v for who is not in it, want %v", kind, got, err, unknown)
			}
			if members, err := o.Summary(t.Context(), by(eva), room); (err == nil) != found {
				t.Errorf("%s: got the summary %+v, %v", kind, members, err)
			}
		}
	})
}
