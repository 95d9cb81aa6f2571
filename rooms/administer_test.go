package rooms_test

import (
	"context"
	"encoding/json"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/sqldb/sqltest"
)

// administration are the acts of an administrator of the account on a room.
func (o *office) administration(ctx context.Context, who id.UserID, room id.RoomID) map[string]error {
	name := "x"
	return map[string]error{
		"set":       o.SetMember(ctx, by(who), rooms.AsAdministrator, room, eva, rooms.RoleMember),
		"remove":    o.RemoveMember(ctx, by(who), rooms.AsAdministrator, rooms.Move{Room: room, User: eva}),
		"owner":     o.SetOwner(ctx, by(who), rooms.AsAdministrator, room, eva),
		"kind":      o.SetKind(ctx, by(who), room, rooms.Public),
		"change":    o.ChangeRoom(ctx, by(who), room, rooms.RoomSettings{Name: &name}),
		"delete":    o.Delete(ctx, by(who), room, "x", ""),
		"archive":   o.Archive(ctx, by(who), room, true),
		"unarchive": o.Archive(ctx, by(who), room, false),
	}
}

func TestAdministratorsManage(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newManaged(t, db)
		ctx := t.Context()
		o.must(o.SetProfile(ctx, by(ana), "displayname", json.RawMessage(`"Ana Lima"`)))
		room := o.channel(bia, rooms.Private, eva)
		said, err := o.SendBy(bia, room, "secret")
		o.must(err)
		set := func(user id.UserID, role rooms.Role) error {
			return o.SetMember(ctx, by(ana), rooms.AsAdministrator, room, user, role)
		}
		o.must(set(eva, rooms.RoleAdmin))
		if _, who := o.levels(room); who != service {
			t.Errorf("got levels by %s, want by the service user", who)
		}
		mustBecause(t, set(bia, rooms.RoleMember), "last_owner")
		mustBecause(t, o.RemoveMember(ctx, by(ana), rooms.AsAdministrator, rooms.Move{Room: room, User: bia}), "last_owner")
		o.must(o.SetOwner(ctx, by(ana), rooms.AsAdministrator, room, eva))
		o.mustHaveRoles(eva, room, map[id.UserID]rooms.Role{eva: rooms.RoleOwner, bia: rooms.RoleAdmin})
		o.must(set(bia, rooms.RoleOwner))
		o.must(set(eva, rooms.RoleMember)) // an owner, whom no other owner could demote
		o.must(o.RemoveMember(ctx, by(ana), rooms.AsAdministrator, rooms.Move{Room: room, User: eva, Reason: "moved"}))
		want := `{"br.com.conversalabs.actor":"@ana:acme.example","membership":"leave","reason":"Removed by account administrator Ana Lima: moved"}`
		if got := o.content(room, "m.room.member", string(eva)); got != want {
			t.Errorf("got %s, want %s", got, want)
		}

		// Nothing of the content.
		for name, read := range map[string]func() error{
			"messages": func() error {
				_, err := o.Messages(ctx, by(ana), rooms.PageRequest{Room: room, Direction: rooms.Backwards, Limit: 10})
				return err
			},
			"state":   func() error { _, err := o.State(ctx, by(ana), room); return err },
			"one":     func() error { _, err := o.StateEvent(ctx, by(ana), room, "m.room.name", "", false); return err },
			"event":   func() error { _, err := o.Event(ctx, by(ana), room, said); return err },
			"members": func() error { _, err := o.Members(ctx, by(ana), rooms.MembersRequest{Room: room}); return err },
			"roster":  func() error { _, err := o.Roster(ctx, by(ana), rooms.AsMember, room, "", 0); return err },
		} {
			if read() == nil {
				t.Errorf("%s: an administrator reads a room that they are not in", name)
			}
		}

		o.must(set(ana, "")) // for everybody to see
		if got := o.memberEvents(room, ana); !slices.Equal(got, []string{"invite", "join"}) {
			t.Errorf("got %v for Ana, want that she is seen to come in", got)
		}
		wantAudit := []string{
			"member.added " + string(ana), "member.removed " + string(eva), "role.changed " + string(eva),
			"role.changed " + string(bia), "owner.changed " + string(eva), "role.changed " + string(eva),
		}
		if diff := cmp.Diff(o.audited(), wantAudit); diff != "" {
			t.Errorf("audit (-got +want):\n%s", diff)
		}

		for name, err := range o.administration(ctx, bia, room) { // an owner, but no administrator
			if name != "archive" && name != "unarchive" {
				mustBecause(t, err, "requires_administrator")
			}
		}
		o.become(db, ana, "role = 'agent'")
		mustBecause(t, set(eva, ""), "requires_administrator")
	})
}

func TestDirectMessagesAreNoAdministrators(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newManaged(t, db)
		direct, err := o.OpenDirect(t.Context(), by(bia), eva)
		o.must(err)
		own, err := o.OpenDirect(t.Context(), by(ana), eva)
		o.must(err)
		for _, room := range []id.RoomID{direct, own, "!none:acme.example"} {
			for name, err := range o.administration(t.Context(), ana, room) {
				if err == nil || err.Error() != "M_NOT_FOUND: There is no such room." {
					t.Errorf("%s: got %v, want that there is no such room", name, err)
				}
			}
			_, err := o.ManagedRoom(t.Context(), "acme", room)
			mustBe(t, err, "M_NOT_FOUND")
			_, err = o.AskDeletion(t.Context(), by(ana), room)
			mustBe(t, err, "M_NOT_FOUND")
			_, err = o.Roster(t.Context(), by(ana), rooms.AsAdministrator, room, "", 0)
			mustBe(t, err, "M_NOT_FOUND")
		}
		list, err := o.ManagedRooms(t.Context(), "acme", rooms.ManagedQuery{})
		o.must(err)
		if list.Total != 0 {
			t.Errorf("got %+v, want no room", list.Rooms)
		}
	})
}

func TestManagedRooms(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newManaged(t, db)
		ctx := t.Context()
		for _, name := range []string{"Vendas", "financeiro", "Avisos"} {
			kind := map[string]rooms.Kind{"Avisos": rooms.Announcement, "Vendas": rooms.Public, "financeiro": rooms.Private}[name]
			_, _, err := o.Create(ctx, byRole(ana, tenant.Administrator), rooms.Creation{Kind: kind, Name: name})
			o.must(err)
		}
		names := func(q rooms.ManagedQuery) (names []string, next string) {
			t.Helper()
			list, err := o.ManagedRooms(ctx, "acme", q)
			o.must(err)
			for _, r := range list.Rooms {
				names = append(names, r.Name)
				if r.Created == 0 || r.LastActivity < r.Created || !slices.Equal(r.Owners, []id.UserID{ana}) || r.Joined != 1 {
					t.Errorf("got %+v", r)
				}
			}
			return names, list.Next
		}
		first, next := names(rooms.ManagedQuery{Limit: 2})
		second, end := names(rooms.ManagedQuery{Limit: 2, From: next})
		if got := append(first, second...); !slices.Equal(got, []string{"Avisos", "financeiro", "Vendas"}) || end != "" {
			t.Errorf("got %v", got)
		}
		for want, q := range map[string]rooms.ManagedQuery{"Vendas": {Search: "vEND"}, "financeiro": {Kind: rooms.Private}} {
			if got, _ := names(q); !slices.Equal(got, []string{want}) {
				t.Errorf("got %v, want %s", got, want)
			}
		}
		_, err := o.ManagedRooms(ctx, "acme", rooms.ManagedQuery{Kind: rooms.Direct})
		mustBe(t, err, "M_INVALID_PARAM")
	})
}

func TestKindChanges(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newManaged(t, db)
		ctx, room := t.Context(), o.channel(bia, rooms.Public)
		o.must(o.SetKind(ctx, by(ana), room, rooms.Announcement))
		o.followTwice()
		o.mustBeIn(room, ana, "join")
		o.must(o.SetMember(ctx, by(bia), rooms.AsMember, room, eva, rooms.RolePoster))
		o.must(o.SetMember(ctx, by(bia), rooms.AsMember, room, ana, rooms.RoleAdmin))
		o.must(o.SetKind(ctx, by(ana), room, rooms.Private))
		o.mustHaveRoles(eva, room, map[id.UserID]rooms.Role{bia: rooms.RoleOwner, ana: rooms.RoleAdmin, eva: rooms.RoleMember})
		if got := o.content(room, "m.room.join_rules", ""); got != `{"br.com.conversalabs.actor":"@ana:acme.example","join_rule":"invite"}` {
			t.Errorf("got %s, want that people are added", got)
		}
		published, err := o.store.PublishedRooms(ctx, "acme")
		if err != nil || len(published) != 0 {
			t.Errorf("got %v, %v in the directory, want nothing", published, err)
		}
		_, err = o.SendBy(eva, room, "a member of a channel writes")
		o.must(err)
		o.must(o.leave(eva, room)) // no longer mandatory
		mustBe(t, o.join(eva, room), "M_FORBIDDEN")
		o.must(o.SetKind(ctx, by(ana), room, rooms.Public))
		o.must(o.join(eva, room))
		mustBe(t, o.SetKind(ctx, by(ana), room, rooms.Direct), "M_INVALID_PARAM")
		if got := o.audited(); len(got) != 3 || got[0] != "room.kind "+string(room) {
			t.Errorf("got %v in the audit", got)
		}
	})
}

func TestRoomSettings(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newManaged(t, db)
		ctx, room := t.Context(), o.channel(bia, rooms.Public)
		name, topic, picture, empty, yes := "Vendas", "Metas", "mxc://acme.example/a", "", true
		o.must(o.ChangeRoom(ctx, by(ana), room, rooms.RoomSettings{Name: &name, Topic: &topic, AvatarURL: &picture}))
		found, err := o.ManagedRoom(ctx, "acme", room)
		o.must(err)
		if found.Name != name || found.Topic != topic || found.AvatarURL != picture {
			t.Errorf("got %+v", found)
		}
		o.must(o.ChangeRoom(ctx, by(ana), room, rooms.RoomSettings{Topic: &empty}))
		if found, err = o.ManagedRoom(ctx, "acme", room); err != nil || found.Topic != "" || found.Name != name {
			t.Errorf("got %+v, %v, want no topic", found, err)
		}
		mustBe(t, o.ChangeRoom(ctx, by(ana), room, rooms.RoomSettings{Name: &empty}), "M_MISSING_PARAM")
		mustBe(t, o.ChangeRoom(ctx, by(ana), room, rooms.RoomSettings{AvatarURL: &name}), "M_INVALID_PARAM")
		mustBe(t, o.ChangeRoom(ctx, by(ana), room, rooms.RoomSettings{Mandatory: &yes}), "M_INVALID_PARAM")
		if got := o.audited(); !slices.Equal(got, []string{"room.changed " + string(room), "room.changed " + string(room)}) {
			t.Errorf("got %v in the audit", got)
		}
	})
}

func TestDeletion(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newManaged(t, db)
		ctx := t.Context()
		room, alias, err := o.Create(ctx, byRole(bia, tenant.Administrator), rooms.Creation{Kind: rooms.Public, Name: "Vendas", AliasName: "vendas", Invite: []id.UserID{eva}})
		o.must(err)
		hook, err := o.CreateWebhook(ctx, by(bia), rooms.Webhook{Room: room, Name: "Avisos", Token: "t"})
		o.must(err)
		asked, err := o.AskDeletion(ctx, by(ana), room)
		o.must(err)
		if asked.Room.Joined != 3 || asked.Aliases != 1 || asked.Hooks != 1 {
			t.Errorf("got %+v", asked)
		}
		another := o.channel(bia, rooms.Public)
		for _, bad := range []struct {
			caller tenant.Caller
			room   id.RoomID
			token  string
		}{{by(ana), room, "x"}, {by(ana), another, asked.Token}, {by(ana), room, asked.Token + "0"}} {
			mustBe(t, o.Delete(ctx, bad.caller, bad.room, bad.token, ""), "M_INVALID_PARAM")
		}
		if got := o.membership(room, eva); got != "join" {
			t.Errorf("got %q for Eva, want that she is still there", got)
		}
		o.must(o.Delete(ctx, by(ana), room, asked.Token, "over"))
		mustBecause(t, o.join(ana, room), "archived")
		_, err = o.SendBy(eva, room, "x")
		mustBecause(t, err, "archived")
		o.followTwice()
		for _, user := range []id.UserID{bia, eva, hook.User} {
			if got := o.membership(room, user); got != "leave" {
				t.Errorf("got %q for %s, want that nobody is there", got, user)
			}
		}
		want := `{"br.com.conversalabs.actor":"@ana:acme.example","membership":"leave","reason":"Deleted by account administrator ana: over"}`
		if got := o.content(room, "m.room.member", string(eva)); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		mustBe(t, o.Archive(ctx, by(ana), room, false), "M_NOT_FOUND")
		mustBe(t, o.Delete(ctx, by(ana), room, asked.Token, ""), "M_NOT_FOUND")
		_, err = o.Resolve(ctx, by(eva), alias)
		mustBe(t, err, "M_NOT_FOUND")
		list, err := o.ManagedRooms(ctx, "acme", rooms.ManagedQuery{Search: "vendas"})
		o.must(err)
		if list.Total != 0 {
			t.Errorf("got %+v, want no deleted room", list.Rooms)
		}
		if got := o.audited(); !slices.Contains(got, "room.deleted "+string(room)) {
			t.Errorf("got %v in the audit", got)
		}
	})
}
