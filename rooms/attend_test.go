package rooms_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/sqldb/sqltest"
	"github.com/conversalabs/internalchat/storage/stream"
)

// newManaged is a team with Ana as the account's administrator.
func newManaged(t testing.TB, db *sqldb.DB) *office {
	t.Helper()
	o := newTeam(t, db)
	o.become(db, ana, "role = 'administrator'")
	return o
}

func (o *office) channel(user id.UserID, kind rooms.Kind, invite ...id.UserID) id.RoomID {
	o.t.Helper()
	room, _, err := o.Create(o.t.Context(), byRole(user, tenant.Administrator), rooms.Creation{Kind: kind, Name: "Sala", Invite: invite})
	o.must(err)
	return room
}

// memberEvents gives the memberships that a user has had in a room.
func (o *office) memberEvents(room id.RoomID, user id.UserID) (all []string) {
	o.t.Helper()
	for _, e := range o.all(ana, rooms.PageRequest{Room: room, Direction: rooms.Forwards, Limit: 100}) {
		if e.Type == "m.room.member" && e.StateKey == string(user) {
			all = append(all, e.Content.Membership)
		}
	}
	return all
}

func TestEverybodyAttends(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newManaged(t, db)
		const bot, hired = id.UserID("@bot:acme.example"), id.UserID("@hired:acme.example")
		o.hire(bot, tenant.Bot, 0)
		public := o.channel(ana, rooms.Public)
		room := o.channel(ana, rooms.Announcement)
		o.must(o.Ban(t.Context(), by(ana), rooms.Move{Room: room, User: eva}))
		o.followTwice()
		for user, want := range map[id.UserID]string{ana: "join", bia: "join", eva: "ban", bot: ""} {
			o.mustBeIn(room, user, want)
		}
		o.mustBeIn(public, bia, "")
		if got := o.memberEvents(room, bia); !slices.Equal(got, []string{"join"}) {
			t.Errorf("got %v for Bia, want one join", got)
		}
		o.hire(hired, tenant.Agent, 0)
		o.followTwice()
		o.mustBeIn(room, hired, "join")
		mustBe(t, o.leave(bia, room), "M_FORBIDDEN")

		// Archived ones wait; who has come meanwhile is in them when they are back.
		const later = id.UserID("@later:acme.example")
		o.must(o.Archive(t.Context(), by(ana), room, true))
		o.hire(later, tenant.Agent, 0)
		o.followTwice()
		o.mustBeIn(room, later, "")
		o.must(o.Archive(t.Context(), by(ana), room, false))
		o.followTwice()
		o.mustBeIn(room, later, "join")
	})
}

func TestReactivatedUserAttends(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newManaged(t, db)
		notice, optional := o.channel(ana, rooms.Announcement), o.channel(ana, rooms.Announcement)
		public, private := o.channel(ana, rooms.Public, bia), o.channel(ana, rooms.Private, bia)
		no := false
		o.must(o.ChangeRoom(t.Context(), by(ana), optional, rooms.RoomSettings{Mandatory: &no}))
		o.followTwice()
		o.must(o.leave(eva, optional)) // by choice: she stays out of it
		o.deactivate(bia)
		o.deactivate(eva)
		o.followTwice()
		for _, room := range []id.RoomID{notice, optional, public, private} {
			o.mustBeIn(room, bia, "leave")
		}
		o.become(db, bia, "deactivated = FALSE")
		o.become(db, eva, "deactivated = FALSE")
		o.followTwice()
		for room, want := range map[id.RoomID]string{notice: "join", optional: "join", public: "leave", private: "leave"} {
			o.mustBeIn(room, bia, want)
		}
		o.mustBeIn(notice, eva, "join")
		o.mustBeIn(optional, eva, "leave")
		yes := true
		o.must(o.ChangeRoom(t.Context(), by(ana), optional, rooms.RoomSettings{Mandatory: &yes}))
		o.followTwice()
		o.mustBeIn(optional, eva, "join")
	})
}

// stopping is a store that fails after some acts, as one that was killed.
type stopping struct {
	rooms.Store
	acts int
}

var errStopped = errors.New("stopped")

func (s *stopping) Act(ctx context.Context, act rooms.Act) (id.EventID, error) {
	if s.acts--; s.acts < 0 {
		return "", errStopped
	}
	return s.Store.Act(ctx, act)
}

// A new announcement is filled by several acts, each of a few people, and what was cut
// short goes on.
func TestManyAttend(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newManaged(t, db)
		const people = 120
		for i := range people {
			o.hire(id.NewUserID(fmt.Sprintf("agent-%03d", i), "acme.example"), tenant.Agent, 0)
		}
		hired := o.head()
		room := o.channel(ana, rooms.Announcement)
		whole := o.Service
		cut := &stopping{Store: o.store, acts: 2}
		o.Service = o.serviceOn(cut)
		entry := stream.Item{Kind: stream.DirectoryChanged, Room: room, Position: o.head()}
		err := o.Entail(t.Context(), "acme", entry, func(err error) { t.Error(err) })
		if !errors.Is(err, errStopped) {
			t.Fatalf("got %v, want that it stopped", err)
		}
		if got := o.joined(room); got <= 1 || got > 101 {
			t.Errorf("got %d people after two acts, want some of them", got)
		}
		o.Service = whole
		o.follow(hired, o.head())
		if got, want := o.joined(room), people+3; got != want {
			t.Errorf("got %d people, want %d", got, want)
		}
		done := o.head()
		o.follow(0, done)
		if now := o.head(); now != done {
			t.Errorf("the second time %d entries were written, want none", now-done)
		}
	})
}

// serviceOn is a service of the office on another store.
func (o *office) serviceOn(store rooms.Store) *rooms.Service {
	return rooms.New(rooms.Options{Store: store, Policies: o, Now: ascending(), Limits: rooms.Limits{PageMax: 1000}})
}

func (o *office) joined(room id.RoomID) (n int) {
	o.t.Helper()
	o.must(o.store.View(o.t.Context(), "acme", func(v rooms.View) error {
		r, err := v.Room(room)
		if err == nil {
			n = r.JoinedCount()
		}
		return err
	}))
	return n
}

// Webhooks of a mandatory announcement post there, and end.
func TestWebhookOfAnnouncement(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newManaged(t, db)
		o.become(db, eva, "role = 'administrator'")
		room := o.channel(ana, rooms.Announcement)
		for _, maker := range []id.UserID{ana, eva} { // the owner, and who is not there yet
			hook, err := o.CreateWebhook(t.Context(), byRole(maker, tenant.Administrator), rooms.Webhook{Room: room, Name: "Avisos", Token: string(maker)})
			o.must(err)
			if _, err := o.Post(t.Context(), "acme", hook, json.RawMessage(`{"msgtype":"m.text","body":"x"}`), ""); err != nil {
				t.Errorf("the webhook of %s may not post: %v", maker, err)
			}
			o.must(o.DeleteWebhook(t.Context(), by(maker), room, hook.ID()))
			o.mustBeIn(room, hook.User, "leave")
		}
	})
}
