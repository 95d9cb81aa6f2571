package rooms_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/sqldb/sqltest"
)

func TestSummary(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newOffice(t, db)
		space := o.mustCreate(rooms.Creation{})
		room := o.mustCreate(rooms.Creation{
			Version: "8", Preset: "private_chat", Name: "Sales", Topic: "All", AliasName: "sales",
			Content: map[string]json.RawMessage{"type": json.RawMessage(`"m.space"`)},
			InitialState: []rooms.InitialState{
				initial("m.room.join_rules", "", restrictedTo("restricted", space)),
				initial("m.room.encryption", "", `{"algorithm":"m.megolm.v1.aes-sha2"}`),
				initial("m.room.avatar", "", `{"url":"mxc://acme.example/a"}`),
			},
		})
		o.must(o.join(bia, space))
		got, err := o.Summary(t.Context(), by(bia), room)
		o.must(err)
		want := &rooms.Summary{
			PublicRoom: rooms.PublicRoom{
				ID: room, Type: "m.space", Name: "Sales", Topic: "All", AvatarURL: "mxc://acme.example/a",
				CanonicalAlias: "#sales:acme.example", JoinRule: "restricted", JoinedMembers: 1, GuestCanJoin: true,
			},
			Version: "8", Encryption: "m.megolm.v1.aes-sha2", AllowedRooms: []id.RoomID{space}, Membership: "leave",
		}
		if diff := cmp.Diff(got, want); diff != "" {
			t.Errorf("(-got +want):\n%s", diff)
		}
		o.must(o.join(bia, room))
		if got, err := o.Summary(t.Context(), by(bia), room); err != nil || got.Membership != "join" || got.JoinedMembers != 2 {
			t.Errorf("of a member: got %+v, %v", got, err)
		}
	})
}

// TestWhoIsShownARoom checks for each kind of room who gets its summary.
func TestWhoIsShownARoom(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newOffice(t, db)
		with := func(version id.RoomVersion, state ...rooms.InitialState) id.RoomID {
			return o.mustCreate(rooms.Creation{Version: version, Preset: "private_chat", InitialState: state})
		}
		space := o.mustCreate(rooms.Creation{Preset: "private_chat"})
		invited := with("11")
		o.must(o.invite(bia, invited))
		left := with("11")
		o.must(o.invite(bia, left))
		o.must(o.join(bia, left))
		o.must(o.leave(bia, left))
		banned := o.mustCreate(rooms.Creation{})
		o.must(o.Ban(t.Context(), by(ana), rooms.Move{Room: banned, User: bia}))
		rule := func(r string) rooms.InitialState { return initial("m.room.join_rules", "", restrictedTo(r, space)) }
		_, unknown := o.Summary(t.Context(), by(bia), "!unknown:acme.example")
		for name, c := range map[string]struct {
			room         id.RoomID
			bia, anybody bool
		}{
			"public":                          {o.mustCreate(rooms.Creation{}), true, true},
			"invite":                          {with("11"), false, false},
			"invited":                         {invited, true, false},
			"left":                            {left, false, false},
			"banned":                          {banned, false, true},
			"knock":                           {with("7", rule("knock")), true, true},
			"knock before there was":          {with("6", rule("knock")), false, false},
			"knock_restricted":                {with("10", rule("knock_restricted")), true, true},
			"knock_restricted, not there yet": {with("9", rule("knock_restricted")), false, false},
			"restricted":                      {with("8", rule("restricted")), false, false},
			"world readable":                  {with("11", initial("m.room.history_visibility", "", `{"history_visibility":"world_readable"}`)), true, true},
			"nonsense":                        {"nonsense", false, false},
		} {
			for user, shown := range map[id.UserID]bool{bia: c.bia, "": c.anybody} {
				got, err := o.Summary(t.Context(), by(user), c.room)
				switch {
				case shown && err != nil:
					t.Errorf("%s to %q: got %v, want its summary", name, user, err)
				case shown && user == "" && got.Membership != "":
					t.Errorf("%s to anybody: got membership %s", name, got.Membership)
				case !shown && fmt.Sprint(err) != fmt.Sprint(unknown):
					t.Errorf("%s to %q: got %v, %v, want what an unknown room gets: %v", name, user, got, err, unknown)
				}
			}
		}
	})
}

func TestMutualRooms(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newOffice(t, db)
		both, second, mine, invited := o.mustCreate(rooms.Creation{}), o.mustCreate(rooms.Creation{Preset: "private_chat"}), o.mustCreate(rooms.Creation{}), o.mustCreate(rooms.Creation{})
		o.must(o.join(bia, both))
		o.must(o.invite(bia, second))
		o.must(o.join(bia, second))
		o.must(o.invite(bia, invited))
		o.must(o.join(bia, mine))
		o.must(o.leave(bia, mine))
		want := []id.RoomID{both, second}
		slices.Sort(want)
		for _, pair := range [][2]id.UserID{{ana, bia}, {bia, ana}} {
			got, err := o.MutualRooms(t.Context(), by(pair[0]), pair[1], "")
			if diff := cmp.Diff(got, &rooms.MutualRooms{Joined: want, Count: 2}); err != nil || diff != "" {
				t.Errorf("%v (-got +want):\n%s", err, diff)
			}
		}
		for _, stranger := range []id.UserID{eva, "@nobody:acme.example", "@ana:other.example"} {
			got, err := o.MutualRooms(t.Context(), by(ana), stranger, "")
			if diff := cmp.Diff(got, &rooms.MutualRooms{Joined: []id.RoomID{}}); err != nil || diff != "" {
				t.Errorf("%s: %v (-got +want):\n%s", stranger, err, diff)
			}
		}
		later, err := o.MutualRooms(t.Context(), by(ana), bia, "p1")
		if diff := cmp.Diff(later, &rooms.MutualRooms{Joined: want[1:], Count: 2}); err != nil || diff != "" {
			t.Errorf("page: %v (-got +want):\n%s", err, diff)
		}
		for _, c := range []struct {
			user id.UserID
			from string
		}{{ana, ""}, {"bia", ""}, {"", ""}, {bia, "x"}} {
			_, err := o.MutualRooms(t.Context(), by(ana), c.user, c.from)
			mustBe(t, err, "M_INVALID_PARAM")
		}
	})
}
