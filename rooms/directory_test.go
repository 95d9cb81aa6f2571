package rooms_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/sqldb/sqltest"
)

func TestDirectory(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newOffice(t, db)
		large := o.mustCreate(rooms.Creation{Visibility: "public", Name: "Vendas São Paulo", AliasName: "vendas"})
		o.must(o.join(bia, large))
		space := o.mustCreate(rooms.Creation{
			Visibility: "public", Topic: "All of SALES",
			Content: map[string]json.RawMessage{"type": json.RawMessage(`"m.space"`)},
		})
		o.must(o.join(bia, space))
		o.must(o.join(eva, space))
		small := o.mustCreate(rooms.Creation{Visibility: "public"})
		hidden := o.mustCreate(rooms.Creation{Preset: "private_chat", Name: "vendas"})
		closed := o.mustCreate(rooms.Creation{Visibility: "public"})
		o.must(o.Publish(t.Context(), by(ana), closed, false))

		for name, c := range map[string]struct {
			q    rooms.DirectoryRequest
			want []id.RoomID
		}{
			"all":         {rooms.DirectoryRequest{}, []id.RoomID{space, large, small}},
			"name":        {rooms.DirectoryRequest{Search: " são "}, []id.RoomID{large}},
			"alias":       {rooms.DirectoryRequest{Search: "#VENDAS"}, []id.RoomID{large}},
			"topic":       {rooms.DirectoryRequest{Search: "sales"}, []id.RoomID{space}},
			"nothing":     {rooms.DirectoryRequest{Search: "nothing"}, []id.RoomID{}},
			"spaces":      {rooms.DirectoryRequest{Types: []string{"m.space"}}, []id.RoomID{space}},
			"no type":     {rooms.DirectoryRequest{Types: []string{""}}, []id.RoomID{large, small}},
			"no types":    {rooms.DirectoryRequest{Types: []string{}}, []id.RoomID{}},
			"far page":    {rooms.DirectoryRequest{Since: "p77"}, []id.RoomID{}},
			"second page": {rooms.DirectoryRequest{Since: "p1", Limit: 1}, []id.RoomID{large}},
		} {
			page, err := o.PublicRooms(t.Context(), "acme", c.q)
			o.must(err)
			got := []id.RoomID{}
			for _, room := range page.Rooms {
				got = append(got, room.ID)
			}
			if diff := cmp.Diff(got, c.want); diff != "" {
				t.Errorf("%s (-got +want):\n%s", name, diff)
			}
		}
		page, err := o.PublicRooms(t.Context(), "acme", rooms.DirectoryRequest{Since: "p1", Limit: 1})
		o.must(err)
		want := &rooms.Directory{Next: "p2", Prev: "p0", Total: 3, Rooms: []rooms.PublicRoom{{
			ID: large, Name: "Vendas São Paulo", CanonicalAlias: "#vendas:acme.example", JoinRule: "public", JoinedMembers: 2,
		}}}
		if diff := cmp.Diff(page, want); diff != "" {
			t.Errorf("page (-got +want):\n%s", diff)
		}
		_, err = o.PublicRooms(t.Context(), "acme", rooms.DirectoryRequest{Since: "x"})
		mustBe(t, err, "M_INVALID_PARAM")

		for room, want := range map[id.RoomID]bool{large: true, hidden: false} {
			if got, err := o.Published(t.Context(), by(ana), room); err != nil || got != want {
				t.Errorf("published: got %v, %v, want %v", got, err, want)
			}
		}
		_, err = o.Published(t.Context(), by(eva), hidden)
		mustBe(t, err, "M_NOT_FOUND")
		_, err = o.Published(t.Context(), by(""), hidden)
		mustBe(t, err, "M_NOT_FOUND")
		_, err = o.Published(t.Context(), by(eva), "!unknown:acme.example")
		mustBe(t, err, "M_NOT_FOUND")

		aliases, err := o.RoomAliases(t.Context(), by(bia), large)
		if diff := cmp.Diff(aliases, []id.RoomAlias{"#vendas:acme.example"}); err != nil || diff != "" {
			t.Errorf("aliases: %v (-got +want):\n%s", err, diff)
		}
		_, err = o.RoomAliases(t.Context(), by(eva), large)
		mustBe(t, err, "M_FORBIDDEN")
	})
}
