package rooms_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/sqldb/sqltest"
)

// members gives memberships by user.
func (o *office) members(user id.UserID, q rooms.MembersRequest) map[string]string {
	o.t.Helper()
	list, err := o.Members(o.t.Context(), by(user), q)
	o.must(err)
	got := map[string]string{}
	for _, e := range mustRead(o.t, list) {
		got[e.StateKey] = e.Content.Membership
	}
	return got
}

// TestStateOfLeave checks that who has left sees the room as they left it.
func TestStateOfLeave(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newOffice(t, db)
		room := o.mustCreate(rooms.Creation{Topic: "old"})
		o.must(o.join(bia, room))
		o.must(o.leave(bia, room))
		o.mustSet(ana, room, "m.room.topic", `{"topic":"new"}`)
		o.mustSet(ana, room, "m.room.name", `{"name":"new"}`)
		o.must(o.join(eva, room))

		topic, err := o.StateEvent(t.Context(), by(bia), room, "m.room.topic", "", false)
		o.must(err)
		var content struct{ Topic string }
		o.must(json.Unmarshal(topic, &content))
		if content.Topic != "old" {
			t.Errorf("topic: got %s, want the old one", topic)
		}
		_, err = o.StateEvent(t.Context(), by(bia), room, "m.room.name", "", true)
		mustBe(t, err, "M_NOT_FOUND")
		state, err := o.State(t.Context(), by(bia), room)
		o.must(err)
		for _, e := range mustRead(t, state) {
			if e.Type == "m.room.name" || e.Content.Topic == "new" || e.StateKey == string(eva) {
				t.Errorf("state holds what came after the leave: %+v", e)
			}
		}
		if diff := cmp.Diff(o.members(bia, rooms.MembersRequest{Room: room}), map[string]string{string(ana): "join", string(bia): "leave"}); diff != "" {
			t.Errorf("members (-got +want):\n%s", diff)
		}
		_, err = o.JoinedMembers(t.Context(), by(bia), room)
		mustBe(t, err, "M_FORBIDDEN")
		_, err = o.RoomAliases(t.Context(), by(bia), room)
		mustBe(t, err, "M_FORBIDDEN")

		whole, err := o.StateEvent(t.Context(), by(ana), room, "m.room.topic", "", true)
		o.must(err)
		if e := mustRead(t, append(append([]byte{'['}, whole...), ']'))[0]; e.Content.Topic != "new" || e.Type != "m.room.topic" {
			t.Errorf("current topic: got %s", whole)
		}
	})
}

func TestMembers(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newOffice(t, db)
		before := o.now()
		room := o.mustCreate(rooms.Creation{})
		start := o.now()
		o.must(o.join(bia, room))
		joined := o.now()
		o.must(o.leave(bia, room))
		o.must(o.invite(eva, room))
		a, b, e := string(ana), string(bia), string(eva)
		for name, c := range map[string]struct {
			q    rooms.MembersRequest
			want map[string]string
		}{
			"all":        {rooms.MembersRequest{}, map[string]string{a: "join", b: "leave", e: "invite"}},
			"membership": {rooms.MembersRequest{Membership: "leave"}, map[string]string{b: "leave"}},
			"not":        {rooms.MembersRequest{Not: "leave"}, map[string]string{a: "join", e: "invite"}},
			"either":     {rooms.MembersRequest{Membership: "leave", Not: "join"}, map[string]string{b: "leave", e: "invite"}},
			"before":     {rooms.MembersRequest{At: before}, map[string]string{a: "join"}},
			"start":      {rooms.MembersRequest{At: start}, map[string]string{a: "join"}},
			"joined":     {rooms.MembersRequest{At: joined}, map[string]string{a: "join", b: "join"}},
			"now":        {rooms.MembersRequest{At: o.now()}, map[string]string{a: "join", b: "leave", e: "invite"}},
		} {
			c.q.Room = room
			if diff := cmp.Diff(o.members(ana, c.q), c.want); diff != "" {
				t.Errorf("%s (-got +want):\n%s", name, diff)
			}
		}
		// Who left may not look ahead.
		if diff := cmp.Diff(o.members(bia, rooms.MembersRequest{Room: room, At: o.now()}), map[string]string{a: "join", b: "leave"}); diff != "" {
			t.Errorf("ahead of the leave (-got +want):\n%s", diff)
		}
		_, err := o.Members(t.Context(), by(ana), rooms.MembersRequest{Room: room, At: "x"})
		mustBe(t, err, "M_INVALID_PARAM")
	})
}

// TestMembersBefore asks for members of times that are hidden: the answer is as
// of the first that is not.
func TestMembersBefore(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newOffice(t, db)
		room := o.mustCreateWith("joined")
		o.must(o.join(eva, room))
		hidden := o.now()
		o.must(o.leave(eva, room))
		o.must(o.join(bia, room))
		want := map[string]string{string(ana): "join", string(bia): "join", string(eva): "leave"}
		if diff := cmp.Diff(o.members(bia, rooms.MembersRequest{Room: room, At: hidden}), want); diff != "" {
			t.Errorf("(-got +want):\n%s", diff)
		}
		o.must(o.leave(bia, room))
		o.must(o.join(eva, room))
		between := o.now()
		o.must(o.leave(eva, room))
		o.must(o.join(bia, room))
		if diff := cmp.Diff(o.members(bia, rooms.MembersRequest{Room: room, At: between}), want); diff != "" {
			t.Errorf("between two stays (-got +want):\n%s", diff)
		}
	})
}

func TestJoined(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newOffice(t, db)
		o.must(o.SetProfile(t.Context(), by(bia), "displayname", json.RawMessage(`"Bia \"B\" Ã"`)))
		room, second := o.mustCreate(rooms.Creation{}), o.mustCreate(rooms.Creation{})
		o.must(o.join(bia, room))
		o.must(o.join(bia, second))
		o.must(o.join(eva, room))
		o.must(o.leave(eva, room))
		object, err := o.JoinedMembers(t.Context(), by(ana), room)
		o.must(err)
		var got map[id.UserID]map[string]any
		o.must(json.Unmarshal(object, &got))
		want := map[id.UserID]map[string]any{
			ana: {"avatar_url": nil, "display_name": nil},
			bia: {"avatar_url": nil, "display_name": `Bia "B" Ã`},
		}
		if diff := cmp.Diff(got, want); diff != "" {
			t.Errorf("joined members (-got +want):\n%s", diff)
		}
		for user, want := range map[id.UserID][]id.RoomID{bia: {room, second}, eva: {}} {
			slices.Sort(want)
			joined, err := o.JoinedRooms(t.Context(), by(user))
			o.must(err)
			if diff := cmp.Diff(joined, want); diff != "" {
				t.Errorf("joined rooms of %s (-got +want):\n%s", user, diff)
			}
		}
	})
}
