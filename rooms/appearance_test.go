package rooms_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"image/png"
	"io"
	"testing"

	"github.com/tidwall/gjson"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/sqldb/sqltest"
)

// album keeps pictures in memory.
type album struct {
	t    testing.TB
	kept [][]byte
}

// Keep implements rooms.Pictures.
func (a *album) Keep(_ context.Context, account tenant.ID, owner id.UserID, name, contentType string, r io.Reader) (id.ContentURIString, error) {
	content, err := io.ReadAll(r)
	if account != "acme" || owner == "" || name == "" || contentType != "image/png" {
		a.t.Errorf("got %s %s %s %s", account, owner, name, contentType)
	}
	a.kept = append(a.kept, content)
	return id.ContentURIString("mxc://acme.example/" + string(rune('a'+len(a.kept)-1))), err
}

// A channel has a picture or an icon on a colour, and whoever changes it the stock way
// changes the picture alone.
func TestAppearance(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newCompany(t, db)
		pictures := &album{t: t}
		o.Service = rooms.New(rooms.Options{Store: o.store, Policies: o, Now: ascending(), Random: rand.Reader, Pictures: pictures})
		ctx := t.Context()
		room := o.mustChannel(ana, rooms.Private, "Sales")
		o.must(o.invite(bia, room))
		flag := rooms.Appearance{Icon: "flag", Color: "#2563EB"}
		for _, bad := range []rooms.Appearance{
			{Icon: "flag"},
			{Color: "#2563EB"},
			{Icon: "flag", Color: "blue"},
			{Icon: "dragon", Color: "#2563EB"},
			{Icon: "flag", Color: "#2563EB", AvatarURL: "mxc://acme.example/x"},
			{AvatarURL: "https://example.org/x.png"},
		} {
			mustBe(t, o.SetAppearance(ctx, by(ana), room, bad), "M_INVALID_PARAM")
		}
		mustBe(t, o.SetAppearance(ctx, by(bia), room, flag), "M_FORBIDDEN")
		mustBe(t, o.SetAppearance(ctx, by(eva), room, flag), "M_FORBIDDEN")
		if len(pictures.kept) != 0 {
			t.Errorf("kept %d pictures for what was refused", len(pictures.kept))
		}
		o.must(o.SetAppearance(ctx, by(ana), room, flag))
		o.must(o.SetAppearance(ctx, by(ana), room, flag))
		if len(pictures.kept) != 1 {
			t.Fatalf("kept %d pictures of one icon", len(pictures.kept))
		}
		if _, err := png.Decode(bytes.NewReader(pictures.kept[0])); err != nil {
			t.Error(err)
		}
		avatar := gjson.Parse(o.content(room, "m.room.avatar", ""))
		if avatar.Get("url").Str != "mxc://acme.example/a" || !avatar.Get(`info.br\.com\.conversalabs\.generated`).Bool() ||
			avatar.Get("info.w").Int() != 512 || avatar.Get("info.size").Int() != int64(len(pictures.kept[0])) || avatar.Get("info.mimetype").Str != "image/png" {
			t.Errorf("got the avatar %s", avatar.Raw)
		}
		if c := o.channelOf(room); c.Icon != "flag" || c.Color != "#2563EB" {
			t.Errorf("got %+v", c)
		}

		before := o.head()
		_, err := o.SetState(ctx, by(ana), rooms.StateChange{Room: room, Type: "m.room.avatar", Content: json.RawMessage(`{"url":"mxc://acme.example/z"}`)})
		o.must(err)
		if c := o.channelOf(room); c.Icon != "" || c.Color != "" || c.Kind != rooms.Private {
			t.Errorf("got %+v after a picture", c)
		}
		if wrote := o.head() - before; wrote != 2 {
			t.Errorf("%d entries for a picture in place of an icon, want 2", wrote)
		}

		admin := byRole(boss, tenant.Administrator)
		o.must(o.SetAppearance(ctx, admin, room, flag))
		o.must(o.SetAppearance(ctx, admin, room, rooms.Appearance{AvatarURL: "mxc://acme.example/y"}))
		if c, got := o.channelOf(room), gjson.Get(o.content(room, "m.room.avatar", ""), "url").Str; c.Icon != "" || got != "mxc://acme.example/y" {
			t.Errorf("got %+v and %s", c, got)
		}
		direct, err := o.OpenDirect(ctx, by(ana), bia)
		o.must(err)
		mustBe(t, o.SetAppearance(ctx, by(ana), direct, flag), "M_FORBIDDEN")
		mustBe(t, o.SetAppearance(ctx, admin, direct, flag), "M_FORBIDDEN")
	})
}
