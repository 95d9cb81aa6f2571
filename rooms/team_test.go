package rooms_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/tidwall/gjson"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/sqldb/sqltest"
	"github.com/conversalabs/internalchat/storage/stream"
)

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
		if got := o.channelOf(room).Team; got != "t1" {
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

		// An upgraded channel goes on following.
		next := o.mustUpgrade(ana, room, "11")
		o.said("t1", 4, "zoe", "noa")
		o.followTwice()
		room = next
		in(map[id.UserID]string{zoe: "join", rui: "leave", bia: "join", ana: "join"})

		o.said("t1", 5)
		o.followTwice()
		in(map[id.UserID]string{zoe: "join", ana: "join"})
		if got := o.channelOf(room).Team; got != "" {
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
	if got := o.channelOf(room).Team; got != "" {
		t.Errorf("got %q", got)
	}
	direct, err := o.OpenDirect(t.Context(), by(ana), bia)
	o.must(err)
	mustBe(t, o.FollowTeam(t.Context(), by(ana), direct, "t1"), "M_FORBIDDEN")
	news, _, err := o.Create(t.Context(), byRole(boss, tenant.Administrator), rooms.Creation{Kind: rooms.Announcement})
	o.must(err)
	mustBe(t, o.FollowTeam(t.Context(), by(boss), news, "t1"), "M_FORBIDDEN")
}

// step carries out what came after the last step, as the follower of a server does.
func (o *office) step(since *stream.Position) {
	o.t.Helper()
	head := o.head()
	o.follow(*since, head)
	*since = head
}

// mustHave wants these memberships in a room.
func (o *office) mustHave(room id.RoomID, want map[id.UserID]string) {
	o.t.Helper()
	for user, membership := range want {
		o.mustBeIn(room, user, membership)
	}
}

// What became of a team while the channel was archived is made up for when it is back.
func TestArchivedChannelCatchesUp(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newCompany(t, db)
		o.person("noa", 1, true)
		o.person("rui", 1, true)
		o.said("t1", 1, "noa")
		room := o.mustChannel(ana, rooms.Private, "Sales")
		o.must(o.FollowTeam(t.Context(), by(ana), room, "t1"))
		var since stream.Position
		o.step(&since)
		o.must(o.Archive(t.Context(), by(ana), room, true))
		o.said("t1", 2, "rui")
		o.step(&since)
		o.mustHave(room, map[id.UserID]string{noa: "join", rui: ""})
		o.must(o.Archive(t.Context(), by(ana), room, false))
		o.step(&since)
		o.mustHave(room, map[id.UserID]string{noa: "leave", rui: "join"})
	})
}

// By which team somebody came is not to be redacted: they would stay when they are
// taken out of it.
func TestTeamsMarkStays(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newCompany(t, db)
		o.person("noa", 1, true)
		o.said("t1", 1, "noa")
		room := o.mustChannel(ana, rooms.Private, "Sales")
		o.must(o.invite(bia, room))
		o.must(o.FollowTeam(t.Context(), by(ana), room, "t1"))
		o.followTwice()
		redact := func(user, member id.UserID) error {
			_, err := o.Redact(t.Context(), by(user), rooms.Message{Room: room, Content: json.RawMessage(`{}`)}, o.memberEvent(room, member))
			return err
		}
		mustBe(t, redact(noa, noa), "M_FORBIDDEN")
		mustBe(t, redact(ana, noa), "M_FORBIDDEN")
		o.must(redact(bia, bia))
		o.said("t1", 2, "rui")
		o.followTwice()
		o.mustHave(room, map[id.UserID]string{noa: "leave", bia: "join"})
	})
}

// memberEvent gives the ID of a current membership.
func (o *office) memberEvent(room id.RoomID, user id.UserID) (member id.EventID) {
	o.t.Helper()
	o.must(o.store.View(o.t.Context(), "acme", func(v rooms.View) error {
		r, err := v.Room(room)
		if err == nil {
			member = r.Member(user).ID
		}
		return err
	}))
	return member
}

// A channel that becomes an announcement follows no team any more: everybody is in it.
func TestAnnouncementFollowsNoTeam(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newCompany(t, db)
		o.person("noa", 1, true)
		o.said("t1", 1, "noa")
		room := o.mustChannel(ana, rooms.Public, "Sales")
		o.must(o.FollowTeam(t.Context(), by(ana), room, "t1"))
		var since stream.Position
		o.step(&since)
		o.must(o.SetKind(t.Context(), byRole(boss, tenant.Administrator), room, rooms.Announcement))
		if got := o.channelOf(room).Team; got != "" {
			t.Errorf("the announcement follows %q", got)
		}
		o.said("t1", 2, "rui")
		o.step(&since)
		o.mustHave(room, map[id.UserID]string{noa: "join"})
	})
}

// A team comes into a channel by several acts, each of a few people, and goes so.
func TestManyOfTeam(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newCompany(t, db)
		var team []string
		for i := range 120 {
			team = append(team, fmt.Sprintf("agent-%03d", i))
			o.person(team[i], 1, true)
		}
		o.said("t1", 1, team...)
		room := o.mustChannel(ana, rooms.Private, "Sales")
		o.must(o.FollowTeam(t.Context(), by(ana), room, "t1"))
		since := o.head()
		keep := func(joined, acts int) {
			t.Helper()
			counted := &stopping{Store: o.store, acts: 1000}
			entry := stream.Item{Kind: stream.TeamChanged, Key: "t1", Position: o.head()}
			o.must(o.serviceOn(counted).Entail(t.Context(), "acme", entry, func(err error) { t.Error(err) }))
			if got := o.joined(room); got != joined {
				t.Errorf("got %d people, want %d", got, joined)
			}
			if got := 1000 - counted.acts; got != acts {
				t.Errorf("got %d acts, want %d", got, acts)
			}
		}
		keep(121, 3)
		keep(121, 0)
		o.said("t1", 2, team[0])
		keep(2, 3)
		done := o.head()
		o.follow(since, done)
		if now := o.head(); now != done {
			t.Errorf("the second time %d entries were written, want none", now-done)
		}
	})
}
