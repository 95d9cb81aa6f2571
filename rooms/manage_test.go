package rooms_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/sqldb/sqltest"
)

// mustRequire demands a refusal to who has not one of these roles.
func mustRequire(t testing.TB, err error, reason string, roles ...rooms.Role) {
	t.Helper()
	mustBecause(t, err, reason)
	if r := refusal.As(err); r != nil {
		if diff := cmp.Diff(r.Extra["br.com.conversalabs.required_roles"], any(roles)); diff != "" {
			t.Errorf("%v: the roles (-got +want):\n%s", err, diff)
		}
	}
}

// roles gives what people are in a room.
func (o *office) roles(reader id.UserID, room id.RoomID) map[id.UserID]rooms.Role {
	o.t.Helper()
	list, err := o.Roster(o.t.Context(), by(reader), rooms.AsMember, room, "", 0)
	o.must(err)
	roles := map[id.UserID]rooms.Role{}
	for _, m := range list.Members {
		roles[m.User] = m.Role
	}
	return roles
}

func (o *office) mustHaveRoles(reader id.UserID, room id.RoomID, want map[id.UserID]rooms.Role) {
	o.t.Helper()
	if diff := cmp.Diff(o.roles(reader, room), want); diff != "" {
		o.t.Errorf("roles (-got +want):\n%s", diff)
	}
}

// audited gives what administrators did in rooms, newest first, as "action target".
func (o *office) audited() (all []string) {
	o.t.Helper()
	entries, err := o.store.Audit(o.t.Context(), "acme", accounts.AuditQuery{Actor: string(ana), Limit: 100})
	o.must(err)
	for _, e := range entries {
		all = append(all, string(e.Action)+" "+e.Target)
	}
	return all
}

func TestOwnersAndAdminsManage(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newManaged(t, db)
		ctx, room := t.Context(), o.channel(bia, rooms.Private, eva)
		set := func(who, user id.UserID, role rooms.Role) error {
			return o.SetMember(ctx, by(who), rooms.AsMember, room, user, role)
		}
		for name, err := range map[string]error{
			"add":       set(eva, ana, rooms.RoleMember),
			"invite":    o.Invite(ctx, by(eva), rooms.Move{Room: room, User: ana}),
			"promote":   set(eva, eva, rooms.RoleAdmin),
			"remove":    o.RemoveMember(ctx, by(eva), rooms.AsMember, rooms.Move{Room: room, User: bia}),
			"kick":      o.kick(eva, bia, room),
			"ban":       o.Ban(ctx, by(eva), rooms.Move{Room: room, User: bia}),
			"power":     o.set(eva, room, "m.room.power_levels", `{"users":{"@eva:acme.example":100}}`),
			"rename":    o.set(eva, room, "m.room.name", `{"name":"x"}`),
			"hand over": o.SetOwner(ctx, by(eva), rooms.AsMember, room, eva),
		} {
			want := []rooms.Role{rooms.RoleAdmin, rooms.RoleOwner}
			if name == "hand over" {
				want = want[1:]
			}
			mustRequire(t, err, "requires_channel_admin", want...)
		}
		mustBe(t, set(ana, eva, rooms.RoleAdmin), "M_FORBIDDEN") // who administers the account is not there
		mustBe(t, set(bia, eva, rooms.RolePoster), "M_INVALID_PARAM")
		mustBe(t, set(bia, "@nobody:acme.example", rooms.RoleMember), "M_FORBIDDEN")
		o.must(set(bia, ana, rooms.RoleAdmin)) // added and promoted
		o.mustHaveRoles(eva, room, map[id.UserID]rooms.Role{bia: rooms.RoleOwner, ana: rooms.RoleAdmin, eva: rooms.RoleMember})
		if got := o.memberEvents(room, ana); !slices.Equal(got, []string{"invite", "join"}) {
			t.Errorf("got %v for Ana, want that she was added at once", got)
		}

		mustBe(t, set(ana, bia, rooms.RoleMember), "M_FORBIDDEN") // from below
		mustBe(t, set(ana, eva, rooms.RoleOwner), "M_FORBIDDEN")  // above herself
		mustBe(t, o.RemoveMember(ctx, by(ana), rooms.AsMember, rooms.Move{Room: room, User: bia}), "M_FORBIDDEN")
		mustBecause(t, set(bia, bia, rooms.RoleAdmin), "last_owner")
		mustBecause(t, o.leave(bia, room), "last_owner")

		o.must(o.SetOwner(ctx, by(bia), rooms.AsMember, room, eva))
		o.mustHaveRoles(eva, room, map[id.UserID]rooms.Role{eva: rooms.RoleOwner, bia: rooms.RoleAdmin, ana: rooms.RoleAdmin})
		mustBe(t, set(bia, ana, rooms.RoleMember), "M_FORBIDDEN") // an equal
		o.must(o.RemoveMember(ctx, by(eva), rooms.AsMember, rooms.Move{Room: room, User: bia, Reason: "done"}))
		o.mustHaveRoles(eva, room, map[id.UserID]rooms.Role{eva: rooms.RoleOwner, ana: rooms.RoleAdmin})
		o.must(set(ana, bia, ""))
		o.mustHaveRoles(eva, room, map[id.UserID]rooms.Role{eva: rooms.RoleOwner, ana: rooms.RoleAdmin, bia: rooms.RoleMember})
		mustBe(t, o.Archive(ctx, by(bia), room, true), "M_FORBIDDEN")
		o.must(o.Archive(ctx, by(eva), room, true))
		mustBecause(t, set(eva, bia, rooms.RoleAdmin), "archived")
		if got := o.audited(); len(got) != 0 {
			t.Errorf("got %v in the audit, want nothing of what owners and admins do", got)
		}
	})
}

// set sends state.
func (o *office) set(user id.UserID, room id.RoomID, eventType, content string) error {
	_, err := o.SetState(o.t.Context(), by(user), rooms.StateChange{Room: room, Type: eventType, Content: json.RawMessage(content)})
	return err
}

func TestRolesByStockClients(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newManaged(t, db)
		room := o.channel(bia, rooms.Announcement)
		o.followTwice()
		users := func(by id.UserID, users string) error {
			return o.set(by, room, "m.room.power_levels", `{"users":`+users+`}`)
		}
		_, err := o.relate(eva, room, "m.room.message", "", "", "")
		mustRequire(t, err, "requires_channel_poster", rooms.RolePoster, rooms.RoleAdmin, rooms.RoleOwner)
		o.must(users(bia, `{"@bia:acme.example":150,"@eva:acme.example":50,"@ana:acme.example":100}`))
		o.mustHaveRoles(eva, room, map[id.UserID]rooms.Role{bia: rooms.RoleOwner, eva: rooms.RolePoster, ana: rooms.RoleAdmin})
		said, err := o.SendBy(eva, room, "hello")
		o.must(err)
		o.mustRelate(eva, room, said, "m.replace", "hi") // their own
		o.must(users(ana, `{"@bia:acme.example":150,"@ana:acme.example":100}`))
		o.mustHaveRoles(eva, room, map[id.UserID]rooms.Role{bia: rooms.RoleOwner, eva: rooms.RoleMember, ana: rooms.RoleAdmin})
		_, err = o.react(eva, room, said, "👍")
		o.must(err)
		o.mustRedact(eva, room, said) // their own still
		_, err = o.SendBy(eva, room, "more")
		mustBecause(t, err, "requires_channel_poster")
		mustBe(t, users(ana, `{"@bia:acme.example":150,"@ana:acme.example":150}`), "M_FORBIDDEN")
		mustBe(t, users(ana, `{"@ana:acme.example":100}`), "M_FORBIDDEN")
		mustBecause(t, users(bia, `{"@ana:acme.example":100}`), "last_owner")
		mustBe(t, users(bia, `{"@bia:acme.example":150,"@ana:acme.example":77}`), "M_FORBIDDEN")
		mustBecause(t, o.kick(bia, eva, room), "mandatory")
		mustBecause(t, o.leave(eva, room), "mandatory")
		mustBecause(t, o.Ban(t.Context(), by(bia), rooms.Move{Room: room, User: eva}), "mandatory")
	})
}

// SendBy sends a message.
func (o *office) SendBy(user id.UserID, room id.RoomID, body string) (id.EventID, error) {
	content, _ := json.Marshal(map[string]string{"msgtype": "m.text", "body": body})
	return o.Send(o.t.Context(), by(user), rooms.Message{Room: room, Type: "m.room.message", Content: content})
}

// Who is the only person in a channel may leave it, bots or not, and it is archived.
func TestLastPersonLeaves(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newManaged(t, db)
		room := o.channel(bia, rooms.Public)
		hook, err := o.CreateWebhook(t.Context(), by(bia), rooms.Webhook{Room: room, Name: "Avisos", Token: "t"})
		o.must(err)
		o.must(o.leave(bia, room))
		if got := o.membership(room, hook.User); got != "join" {
			t.Errorf("got %q for the webhook, want that it is there", got)
		}
		found, err := o.ManagedRoom(t.Context(), "acme", room)
		o.must(err)
		if !found.Archived || len(found.Owners) != 0 || found.Joined != 1 {
			t.Errorf("got %+v, want it archived and without owners", found)
		}
	})
}

func TestRoster(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newManaged(t, db)
		o.must(o.SetProfile(t.Context(), by(eva), "displayname", json.RawMessage(`"Eva"`)))
		room := o.channel(bia, rooms.Private, eva)
		hook, err := o.CreateWebhook(t.Context(), by(bia), rooms.Webhook{Room: room, Name: "Avisos", Token: "t"})
		o.must(err)
		o.must(o.SetMember(t.Context(), by(bia), rooms.AsMember, room, ana, rooms.RoleAdmin))
		first, err := o.Roster(t.Context(), by(eva), rooms.AsMember, room, "", 3)
		o.must(err)
		rest, err := o.Roster(t.Context(), by(eva), rooms.AsMember, room, first.Next, 3)
		o.must(err)
		all := append(first.Members, rest.Members...)
		var users []id.UserID
		for i, m := range all {
			users = append(users, m.User)
			if m.Since == 0 || i > 1 && m.Role == all[i-1].Role && m.Since < all[i-1].Since {
				t.Errorf("%s is here since %d", m.User, m.Since)
			}
			if m.Bot != (m.User == hook.User) {
				t.Errorf("%s: got bot %v", m.User, m.Bot)
			}
		}
		if want := []id.UserID{bia, ana, eva, hook.User}; !slices.Equal(users, want) || first.Total != 4 || rest.Next != "" {
			t.Errorf("got %v, want %v", users, want)
		}
		if all[2].DisplayName != "Eva" {
			t.Errorf("got %+v, want Eva by name", all[2])
		}
		o.must(o.leave(eva, room))
		_, err = o.Roster(t.Context(), by(eva), rooms.AsMember, room, "", 0)
		mustBe(t, err, "M_FORBIDDEN")
	})
}
