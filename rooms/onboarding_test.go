package rooms_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/tidwall/gjson"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/storage"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/sqldb/sqltest"
	"github.com/conversalabs/internalchat/storage/stream"
)

const (
	boss = id.UserID("@boss:acme.example") // administers the account, and is in no room
	noa  = id.UserID("@noa:acme.example")
	rui  = id.UserID("@rui:acme.example")
)

// newCompany is a team with an administrator.
func newCompany(t testing.TB, db *sqldb.DB) *office {
	t.Helper()
	o := newTeam(t, db)
	o.policy.Server = "acme.example"
	o.hire(boss, tenant.Administrator, 0)
	return o
}

// hire makes a user at a time (ms).
func (o *office) hire(user id.UserID, role tenant.Role, at int64) {
	o.t.Helper()
	o.must(o.store.CreateUser(o.t.Context(), tenant.Caller{Account: "acme"}, accounts.User{ID: user, Role: role, Created: at}, "", nil))
}

func (o *office) channel(room id.RoomID) (c rooms.Channel) {
	o.t.Helper()
	o.must(json.Unmarshal([]byte(o.content(room, "br.com.conversalabs.channel", "")), &c))
	return c
}

func (o *office) mustChannel(user id.UserID, kind rooms.Kind, name string) id.RoomID {
	o.t.Helper()
	room, _, err := o.Create(o.t.Context(), by(user), rooms.Creation{Kind: kind, Name: name})
	o.must(err)
	return room
}

// resume carries out all there is, and breaks off after each act, as if the server were
// killed there, and begins again.
func (o *office) resume() {
	o.t.Helper()
	for acts := 1; ; acts++ {
		cut := &cutStore{Store: o.store, left: acts}
		service := rooms.New(rooms.Options{Store: cut, Policies: o, Now: ascending(), Random: zeros{}})
		f := storage.FollowMembership(o.store, service.Entail)
		after, upTo := stream.Position(0), o.head()
		var err error
		for after < upTo && err == nil {
			after, err = f.Step(o.t.Context(), "acme", after, upTo, nil)
		}
		if err == nil {
			return
		}
		if !errors.Is(err, errCut) {
			o.t.Fatal(err)
		}
	}
}

var errCut = errors.New("the server was killed")

// cutStore does so many acts, and no more.
type cutStore struct {
	rooms.Store
	left int
}

func (c *cutStore) Act(ctx context.Context, act rooms.Act) (id.EventID, error) {
	if c.left == 0 {
		return "", errCut
	}
	c.left--
	return c.Store.Act(ctx, act)
}

// zeros is no randomness: of a room made twice the second would fail.
type zeros struct{}

func (zeros) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}

// Who is new is in the default channels; who was there before, has left, or is a bot is
// not; and who comes back is where they were.
func TestDefaultChannels(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newCompany(t, db)
		ctx := t.Context()
		hall, lab, den := o.mustChannel(ana, rooms.Public, "Hall"), o.mustChannel(ana, rooms.Public, "Lab"), o.mustChannel(ana, rooms.Private, "Den")
		o.must(o.SetDefault(ctx, by(boss), hall, true))
		o.must(o.SetDefault(ctx, by(boss), lab, true))
		mustBe(t, o.SetDefault(ctx, by(boss), den, true), "M_FORBIDDEN")
		mustBe(t, o.SetDefault(ctx, by(ana), lab, false), "M_FORBIDDEN")
		mustBe(t, o.SetDefault(ctx, by(boss), "!x:acme.example", true), "M_NOT_FOUND")
		listed, err := o.DefaultChannels(ctx, "acme")
		if err != nil || len(listed) != 2 || listed[0].Room != hall || listed[0].Name != "Hall" || listed[0].Since == 0 {
			t.Errorf("got %+v, %v, want Hall and Lab", listed, err)
		}
		later := o.channel(lab).DefaultSince + 1
		o.hire(noa, tenant.Agent, later)
		o.hire(rui, tenant.Bot, later)
		o.become(db, bia, "suspended = FALSE") // any change of who was there before
		o.resume()
		o.followTwice()
		for _, room := range []id.RoomID{hall, lab} {
			o.mustBeIn(room, noa, "join")
			o.mustBeIn(room, bia, "")
			o.mustBeIn(room, rui, "")
			o.mustBeIn(room, boss, "")
		}
		o.mustBeIn(den, noa, "")
		if got := gjson.Get(o.content(hall, "m.room.member", string(noa)), "membership").Str; got != "join" {
			t.Errorf("got %s", got)
		}

		o.must(o.leave(noa, lab))
		o.deactivate(noa)
		o.followTwice()
		o.become(db, noa, "deactivated = FALSE")
		o.followTwice()
		o.mustBeIn(hall, noa, "leave")
		o.mustBeIn(lab, noa, "leave")

		o.must(o.SetDefault(ctx, by(boss), hall, false))
		o.hire("@zoe:acme.example", tenant.Agent, later+1000)
		o.followTwice()
		o.mustBeIn(hall, "@zoe:acme.example", "")
		o.mustBeIn(lab, "@zoe:acme.example", "join")
	})
}

// said tells of people whom ConversaLabs knows by the names they have here.
func (o *office) said(team string, version int64, members ...string) {
	o.t.Helper()
	o.provision(accounts.Provision{Team: &accounts.TeamChange{
		ID: team, Version: version, Record: accounts.TeamRecord{Name: "Team", Members: members}, Delete: members == nil,
	}})
}

func (o *office) person(external string, version int64, active bool) {
	o.t.Helper()
	o.provision(accounts.Provision{User: &accounts.UserChange{External: external, Version: version, Record: accounts.Record{
		Localpart: external, DisplayName: external, Role: tenant.Agent, InternalChat: true, Active: active,
	}}})
}

func (o *office) provision(change accounts.Provision) {
	o.t.Helper()
	done, err := o.store.Provision(o.t.Context(), tenant.Caller{Account: "acme", Server: "acme.example"}, []accounts.Provision{change}, 1)
	o.must(err)
	o.must(done[0].Err)
}

// A channel that follows a team has its people, beside those whom somebody has added.
func TestChannelFollowsTeam(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newCompany(t, db)
		ctx := t.Context()
		o.person("noa", 1, true)
		o.person("rui", 1, true)
		o.said("t1", 1, "noa", "rui", "zoe") // Zoe is not known yet
		zoe := id.UserID("@zoe:acme.example")
		room := o.mustChannel(ana, rooms.Private, "Sales")
		o.must(o.invite(bia, room))
		mustBe(t, o.FollowTeam(ctx, by(bia), room, "t1"), "M_FORBIDDEN")
		mustBe(t, o.FollowTeam(ctx, by(eva), room, "t1"), "M_FORBIDDEN")
		mustBe(t, o.FollowTeam(ctx, by(ana), room, "t9"), "M_NOT_FOUND")
		o.must(o.FollowTeam(ctx, by(ana), room, "t1"))
		if got := o.channel(room).Team; got != "t1" {
			t.Errorf("got the team %q", got)
		}
		o.resume()
		o.followTwice()
		in := func(want map[id.UserID]string) {
			t.Helper()
			for user, membership := range want {
				o.mustBeIn(room, user, membership)
			}
		}
		in(map[id.UserID]string{noa: "join", rui: "join", zoe: "", ana: "join", bia: "join", eva: ""})
		if got := gjson.Get(o.content(room, "m.room.member", string(noa)), gjson.Escape("br.com.conversalabs.team")).Str; got != "t1" {
			t.Errorf("a member came by the team %q, want t1", got)
		}

		// What Rui says of himself does not hide by which team he came.
		_, err := o.SetState(ctx, by(rui), rooms.StateChange{
			Room: room, Type: "m.room.member", StateKey: string(rui), Content: json.RawMessage(`{"membership":"join","displayname":"R"}`),
		})
		o.must(err)
		o.person("zoe", 1, true)
		o.said("t1", 2, "noa", "zoe", "bia")
		o.followTwice()
		in(map[id.UserID]string{noa: "join", rui: "leave", zoe: "join", bia: "join"})

		// Who has left stays out until the team changes that; who was deactivated comes back.
		o.must(o.leave(noa, room))
		o.person("zoe", 2, false)
		o.said("t1", 3, "noa", "zoe", "rui")
		o.followTwice()
		in(map[id.UserID]string{noa: "leave", zoe: "leave", rui: "join"})
		o.person("zoe", 3, true)
		o.followTwice()
		in(map[id.UserID]string{noa: "leave", zoe: "join"})

		o.said("t1", 4)
		o.followTwice()
		in(map[id.UserID]string{zoe: "join", rui: "join", ana: "join"})
		if got := o.channel(room).Team; got != "" {
			t.Errorf("the channel follows %q, which was deleted", got)
		}
	})
}

// An administrator who is not there may make a channel follow a team; announcements and
// direct messages follow none.
func TestWhoMakesChannelsFollow(t *testing.T) {
	o := newCompany(t, sqltest.SQLite(t))
	o.said("t1", 1, "noa")
	room := o.mustChannel(ana, rooms.Public, "Sales")
	o.must(o.FollowTeam(t.Context(), by(boss), room, "t1"))
	o.must(o.FollowTeam(t.Context(), by(ana), room, ""))
	if got := o.channel(room).Team; got != "" {
		t.Errorf("got %q", got)
	}
	direct, err := o.OpenDirect(t.Context(), by(ana), bia)
	o.must(err)
	mustBe(t, o.FollowTeam(t.Context(), by(ana), direct, "t1"), "M_FORBIDDEN")
	news, _, err := o.Create(t.Context(), byRole(boss, tenant.Administrator), rooms.Creation{Kind: rooms.Announcement})
	o.must(err)
	mustBe(t, o.FollowTeam(t.Context(), by(boss), news, "t1"), "M_FORBIDDEN")
}

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
		o.must(o.SetEmoji(ctx, by(boss), "cat", cat))
		o.followTwice()
		space := o.space()
		o.mustBeIn(space, bia, "join") // it was made for the emoji
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
