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

func (o *office) channelOf(room id.RoomID) (c rooms.Channel) {
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
		later := o.channelOf(lab).DefaultSince + 1
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
