package rooms_test

import (
	"encoding/json"
	"testing"

	"github.com/tidwall/gjson"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/sqldb/sqltest"
	"github.com/conversalabs/internalchat/storage/stream"
)

func (o *office) space() (room id.RoomID) {
	o.t.Helper()
	content, err := o.store.Item(o.t.Context(), "acme", stream.AccountSpace, "", "", "")
	o.must(err)
	if content != nil {
		o.must(json.Unmarshal(content, &room))
	}
	return room
}

// shows tells whether the account's space shows a room, as suggested.
func (o *office) shows(room id.RoomID) bool {
	o.t.Helper()
	child := gjson.Parse(o.content(o.space(), "m.space.child", string(room)))
	return child.Get("via.0").Str == "acme.example" && child.Get("suggested").Bool()
}

// The account's space has everybody, its public channels and announcements, and its name.
func TestAccountSpace(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newCompany(t, db)
		ctx := t.Context()
		hall := o.mustChannel(ana, rooms.Public, "Hall")
		o.followTwice()
		if got := o.space(); got != "" {
			t.Fatalf("got the space %s where there is to be none", got)
		}
		o.policy.Space = "Acme"
		den := o.mustChannel(ana, rooms.Private, "Den")
		o.must(o.store.ChangeAccount(ctx, tenant.Caller{Account: "acme"}, func(s *accounts.Settings) error {
			s.Space = true
			return nil
		}))
		o.hire(rui, tenant.Bot, 0)
		o.resume()
		o.followTwice()
		space := o.space()
		if got := o.content(space, "m.room.name", ""); got != `{"name":"Acme"}` {
			t.Errorf("got the name %s", got)
		}
		for user, want := range map[id.UserID]string{ana: "join", bia: "join", eva: "join", boss: "join", rui: "", service: ""} {
			o.mustBeIn(space, user, want)
		}
		if !o.shows(hall) || o.shows(den) {
			t.Error("the space shows something else than the public channel")
		}
		for _, kind := range []string{"m.image_pack.rooms", "im.ponies.emote_rooms"} {
			if got, want := o.data(bia, "", kind), `{"rooms":{"`+string(space)+`":{"":{}}}}`; got != want {
				t.Errorf("%s: got %s, want %s", kind, got, want)
			}
		}

		mustBecause(t, o.leave(bia, space), "mandatory")
		for _, err := range []error{
			o.invite(noa, space),
			func() error {
				_, err := o.SetState(ctx, by(ana), rooms.StateChange{Room: space, Type: "m.room.name", Content: json.RawMessage(`{"name":"x"}`)})
				return err
			}(),
		} {
			mustBe(t, err, "M_FORBIDDEN")
		}
		o.hire(noa, tenant.Agent, 5)
		o.deactivate(eva)
		o.must(o.leave(ana, hall)) // the last one: it is archived
		news, _, err := o.Create(ctx, byRole(boss, tenant.Administrator), rooms.Creation{Kind: rooms.Announcement})
		o.must(err)
		o.policy.Space = "Acme S.A."
		o.followTwice()
		o.mustBeIn(space, noa, "join")
		o.mustBeIn(space, eva, "leave")
		if o.shows(hall) || !o.shows(news) {
			t.Error("the space does not show the announcements alone")
		}
		if got := o.content(space, "m.room.name", ""); got != `{"name":"Acme S.A."}` {
			t.Errorf("got the name %s", got)
		}
		o.become(db, eva, "deactivated = FALSE")
		o.followTwice()
		o.mustBeIn(space, eva, "join")

		o.policy.Space = ""
		o.put(stream.Item{Kind: stream.SettingsChanged})
		o.followTwice()
		o.mustBeIn(space, ana, "leave")
		if o.shows(news) {
			t.Error("an emptied space shows something")
		}
		o.policy.Space = "Acme"
		o.put(stream.Item{Kind: stream.SettingsChanged})
		o.followTwice()
		o.mustBeIn(space, ana, "join")
		if o.space() != space || !o.shows(news) {
			t.Error("the space is not as it was")
		}
	})
}

func TestEmoji(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newCompany(t, db)
		ctx := t.Context()
		cat := rooms.Emoji{URL: "mxc://acme.example/cat", Body: "a cat"}
		mustBe(t, o.SetEmoji(ctx, by(boss), "cat", cat), "M_FORBIDDEN")
		o.policy.Space = "Acme"
		mustBe(t, o.SetEmoji(ctx, by(ana), "cat", cat), "M_FORBIDDEN")
		mustBe(t, o.SetEmoji(ctx, by(boss), "a cat", cat), "M_INVALID_PARAM")
		mustBe(t, o.SetEmoji(ctx, by(boss), "cat", rooms.Emoji{URL: "https://example.org/cat.png"}), "M_INVALID_PARAM")
		mustBe(t, o.RemoveEmoji(ctx, by(boss), "cat"), "M_NOT_FOUND")
		before := o.head()
		o.must(o.SetEmoji(ctx, by(boss), "cat", cat))
		o.follow(before, o.head())
		space := o.space()
		o.mustBeIn(space, bia, "join") // it was made for the emoji
		o.followTwice()
		want := `{"br.com.conversalabs.actor":"@boss:acme.example","images":{"cat":{"body":"a cat","url":"mxc://acme.example/cat"}},"pack":{"usage":["emoticon"]}}`
		for _, kind := range []string{"m.room.image_pack", "im.ponies.room_emotes"} {
			if got := o.content(space, kind, ""); got != want {
				t.Errorf("%s: got %s, want %s", kind, got, want)
			}
		}
		if got, err := o.EmojiNamed(ctx, "acme", "cat"); err != nil || got != cat {
			t.Errorf("got %+v, %v", got, err)
		}
		o.must(o.store.CreateAccount(ctx, accounts.Account{ID: "other", ServerName: "other.example"}))
		if _, err := o.EmojiNamed(ctx, "other", "cat"); !refusal.Is(err, "M_NOT_FOUND") {
			t.Errorf("another account's emoji: got %v", err)
		}
		o.must(o.SetEmoji(ctx, by(boss), "dog", rooms.Emoji{URL: "mxc://acme.example/dog"}))
		o.must(o.RemoveEmoji(ctx, by(boss), "cat"))
		if got, err := o.Emoji(ctx, "acme"); err != nil || len(got) != 1 || got["dog"].URL == "" {
			t.Errorf("got %+v, %v, want the dog alone", got, err)
		}
	})
}
