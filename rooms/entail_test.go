package rooms_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/tidwall/gjson"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/storage"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/sqldb/sqltest"
	"github.com/conversalabs/internalchat/storage/stream"
)

const service = id.UserID("@conversalabs:acme.example")

// head is how far the account's stream goes.
func (o *office) head() stream.Position {
	o.t.Helper()
	at, _, err := o.store.Place(o.t.Context(), "acme")
	o.must(err)
	return at.Position
}

// follow carries out what the changes of users above after and up to upTo entail.
func (o *office) follow(after, upTo stream.Position) {
	o.t.Helper()
	f := storage.FollowMembership(o.store, o.Entail)
	for after < upTo {
		reached, err := f.Step(o.t.Context(), "acme", after, upTo, nil)
		o.must(err)
		if reached <= after || reached > upTo {
			o.t.Fatalf("a step from %d to %d reached %d", after, upTo, reached)
		}
		after = reached
	}
}

// followTwice carries out all there is, and demands that it is done then.
func (o *office) followTwice() {
	o.t.Helper()
	o.follow(0, o.head())
	done := o.head()
	o.follow(0, done)
	if now := o.head(); now != done {
		o.t.Errorf("the second time %d entries were written, want none", now-done)
	}
}

func (o *office) deactivate(user id.UserID) {
	o.t.Helper()
	o.must(o.store.Deactivate(o.t.Context(), tenant.Caller{Account: "acme"}, user))
}

// become changes the row of a user, as the stream tells.
func (o *office) become(db *sqldb.DB, user id.UserID, set string, args ...any) {
	o.t.Helper()
	b := &sqldb.Batch{}
	b.Add(`UPDATE users SET `+set+` WHERE account = 'acme' AND user_id = $1`, append([]any{user}, args...)...)
	o.must(db.Commit(o.t.Context(), b))
	o.put(stream.Item{Kind: stream.UserChanged, User: user})
}

// put adds to the stream what rooms would not.
func (o *office) put(items ...stream.Item) {
	o.t.Helper()
	_, err := o.store.Act(o.t.Context(), rooms.Act{Caller: tenant.Caller{Account: "acme"}, Do: func(tx rooms.Tx) (id.EventID, error) {
		for _, item := range items {
			tx.Put(item)
		}
		return "", nil
	}})
	o.must(err)
}

// of makes a public room of a user's, with others' power levels, if any.
func (o *office) of(user id.UserID, users string, c rooms.Creation) id.RoomID {
	o.t.Helper()
	c.Preset = "public_chat"
	if users != "" {
		c.LevelOverride = json.RawMessage(`{"users":` + users + `}`)
	}
	room, _, err := o.Create(o.t.Context(), by(user), c)
	o.must(err)
	return room
}

func (o *office) membership(room id.RoomID, user id.UserID) string {
	o.t.Helper()
	return gjson.Get(o.content(room, "m.room.member", string(user)), "membership").Str
}

// levels gives the levels of users, and by whom they were set last.
func (o *office) levels(room id.RoomID) (users string, by id.UserID) {
	o.t.Helper()
	o.must(o.store.View(o.t.Context(), "acme", func(v rooms.View) error {
		r, err := v.Room(room)
		if err == nil {
			by = r.Event("m.room.power_levels", "").Sender
		}
		return err
	}))
	return gjson.Get(o.content(room, "m.room.power_levels", ""), "users").Raw, by
}

// eachPolicy runs a test with the rooms of both policies, on both databases.
func eachPolicy(t *testing.T, f func(t *testing.T, db *sqldb.DB, policy rooms.Policy)) {
	for _, policy := range []rooms.Policy{rooms.MatrixPolicy, rooms.TeamPolicy} {
		t.Run(policy.Name, func(t *testing.T) {
			sqltest.Each(t, func(t *testing.T, db *sqldb.DB) { f(t, db, policy) })
		})
	}
}

func TestDeactivatedUserLeaves(t *testing.T) {
	eachPolicy(t, func(t *testing.T, db *sqldb.DB, policy rooms.Policy) {
		o := newOffice(t, db)
		joined, invited, banned := o.mustCreate(rooms.Creation{}), o.mustCreate(rooms.Creation{}), o.mustCreate(rooms.Creation{})
		knocked := o.mustCreate(rooms.Creation{InitialState: []rooms.InitialState{
			initial("m.room.join_rules", "", `{"join_rule":"knock"}`),
		}})
		o.must(o.join(bia, joined))
		o.must(o.invite(bia, invited))
		o.must(o.knock(bia, knocked))
		o.must(o.Ban(t.Context(), by(ana), rooms.Move{Room: banned, User: bia}))
		o.must(o.join(eva, joined))
		o.policy = policy
		o.deactivate(bia)
		o.followTwice()
		for room, want := range map[id.RoomID]string{joined: "leave", invited: "leave", knocked: "leave", banned: "ban"} {
			o.mustBeIn(room, bia, want)
		}
		if got := o.members(ana, rooms.MembersRequest{Room: joined, Membership: "join"}); len(got) != 2 || got[string(bia)] != "" {
			t.Errorf("got the members %v, want Ana and Eva", got)
		}
		if _, events := o.page(ana, rooms.PageRequest{Room: joined, Direction: rooms.Backwards, Limit: 1}); events[0].Sender != bia || events[0].Content.Membership != "leave" {
			t.Errorf("got %+v as the last event, want that Bia left", events[0])
		}
	})
}

// Who was deactivated and came back keeps what came after: an entry touches only
// memberships that are older.
func TestReactivatedUserStays(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newOffice(t, db)
		before, after := o.mustCreate(rooms.Creation{}), o.mustCreate(rooms.Creation{Preset: "private_chat"})
		o.must(o.join(bia, before))
		o.deactivate(bia)
		gone := o.head()
		o.become(db, bia, "deactivated = FALSE")
		o.must(o.invite(bia, after))
		o.must(o.join(bia, after))
		back := o.head()
		o.follow(0, gone)
		o.follow(0, back)
		o.mustBeIn(before, bia, "join")
		o.mustBeIn(after, bia, "join")

		o.deactivate(bia)
		o.follow(0, gone) // late, at an entry from before
		o.mustBeIn(before, bia, "leave")
		o.mustBeIn(after, bia, "join")
		o.follow(gone, o.head())
		o.mustBeIn(after, bia, "leave")
	})
}

// meanwhile is a store where something happens after the first act.
type meanwhile struct {
	rooms.Store
	happens func()
	once    sync.Once
}

func (m *meanwhile) Act(ctx context.Context, act rooms.Act) (id.EventID, error) {
	eventID, err := m.Store.Act(ctx, act)
	m.once.Do(m.happens)
	return eventID, err
}

// Who comes back while they are being taken out of their rooms stays in the rest.
func TestReactivatedMeanwhile(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newOffice(t, db)
		var all []id.RoomID
		for range 5 {
			room := o.mustCreate(rooms.Creation{})
			o.must(o.join(bia, room))
			all = append(all, room)
		}
		o.deactivate(bia)
		back := &meanwhile{Store: o.store, happens: func() { o.become(db, bia, "deactivated = FALSE") }}
		o.Service = rooms.New(rooms.Options{Store: back, Policies: o, Now: ascending()})
		o.follow(0, o.head())
		memberships := map[string]int{}
		for _, room := range all {
			memberships[o.membership(room, bia)]++
		}
		if memberships["leave"] != 1 || memberships["join"] != 4 {
			t.Errorf("got %v, want one room left and four kept", memberships)
		}
	})
}

// Of who is erased no history tells the name and picture any more; that they came
// and went stays.
func TestErasedUserIsForgotten(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newOffice(t, db)
		o.policy = rooms.TeamPolicy
		picture := json.RawMessage(`"mxc://acme.example/face"`)
		o.must(o.SetProfile(t.Context(), by(bia), "displayname", json.RawMessage(`"Bia Nogueira"`)))
		o.must(o.SetProfile(t.Context(), by(ana), "displayname", json.RawMessage(`"Ana Nogueira"`)))
		var all []id.RoomID
		for i := range 12 {
			room := o.mustCreate(rooms.Creation{Version: id.RoomVersion([]string{"10", "11"}[i%2])})
			o.must(o.invite(bia, room))
			o.must(o.join(bia, room))
			all = append(all, room)
		}
		o.must(o.SetProfile(t.Context(), by(bia), "avatar_url", picture))
		o.must(o.leave(bia, all[0]))
		said, err := o.Send(t.Context(), by(bia), rooms.Message{Room: all[1], Type: "m.room.message", Content: json.RawMessage(`{"body":"olá"}`)})
		o.must(err)
		other := delayedNode(t, db, &clock{})
		other.policy = o.policy
		for _, room := range all { // is in the other node's memory
			other.content(room, "m.room.member", string(bia))
		}

		o.deactivate(bia)
		o.follow(0, o.head())
		for _, room := range all[1:] {
			if !strings.Contains(o.told(room), "Bia Nogueira") {
				t.Fatalf("the name is gone before it was to be: %s", o.told(room))
			}
		}
		o.become(db, bia, "record = $2", []byte(`{"erased":true}`))
		o.followTwice()
		for _, node := range []*office{o, other} {
			for _, room := range all {
				told := node.told(room)
				if strings.Contains(told, "Bia Nogueira") || strings.Contains(told, "face") {
					t.Errorf("the history still tells who it was: %s", told)
				}
				if !strings.Contains(told, "Ana Nogueira") || !strings.Contains(told, `"invite"`) || !strings.Contains(told, string(bia)) {
					t.Errorf("the history has lost more than it should: %s", told)
				}
				o.mustBeIn(room, bia, "leave")
			}
		}
		if e, err := o.store.EventByID(t.Context(), "acme", said); err != nil || e.RedactedBy != "" {
			t.Errorf("got a message redacted by %q, %v, want it untouched", e.RedactedBy, err)
		}
	})
}

// told gives everything that Ana is told of a room.
func (o *office) told(room id.RoomID) string {
	o.t.Helper()
	page, _ := o.page(ana, rooms.PageRequest{Room: room, Direction: rooms.Forwards, Limit: 1000})
	members, err := o.Members(o.t.Context(), by(ana), rooms.MembersRequest{Room: room})
	o.must(err)
	return fmt.Sprintf("%s %s %s", page.Chunk, page.State, members)
}

// A profile that is changed from outside is shown in rooms, but where a user has
// another name since.
func TestProfileFromOutside(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newOffice(t, db)
		room, nick, later, left := o.mustCreate(rooms.Creation{}), o.mustCreate(rooms.Creation{}), o.mustCreate(rooms.Creation{}), o.mustCreate(rooms.Creation{})
		for _, room := range []id.RoomID{room, nick, left} {
			o.must(o.join(bia, room))
		}
		o.must(o.leave(bia, left))
		field := func(key, value string) stream.Item {
			return stream.Item{Kind: stream.Profile, User: bia, Key: key, Content: []byte(value)}
		}
		changed := stream.Item{Kind: stream.UserChanged, User: bia}
		o.put(field("displayname", `"Béa"`), field("avatar_url", `"mxc://acme.example/a"`), field("m.tz", `"UTC"`), changed)
		_, err := o.SetState(t.Context(), by(bia), rooms.StateChange{
			Room: nick, Type: "m.room.member", StateKey: string(bia), Content: json.RawMessage(`{"membership":"join","displayname":"Chefe"}`),
		})
		o.must(err)
		o.must(o.join(bia, later))
		o.followTwice()
		shown := `{"avatar_url":"mxc://acme.example/a","displayname":"Béa","membership":"join"}`
		for room, want := range map[id.RoomID]string{
			room: shown, later: shown, nick: `{"displayname":"Chefe","membership":"join"}`, left: `{"membership":"leave"}`,
		} {
			if got := o.content(room, "m.room.member", string(bia)); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		}
		o.put(field("avatar_url", ""), changed)
		o.followTwice()
		if got, want := o.content(room, "m.room.member", string(bia)), `{"displayname":"Béa","membership":"join"}`; got != want {
			t.Errorf("without a picture: got %s, want %s", got, want)
		}
	})
}

// Two nodes that carry out the same entry, because the lease was lost in between,
// do everything once.
func TestTwoNodesEntailOnce(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newOffice(t, db)
		other := delayedNode(t, db, &clock{})
		o.policy = rooms.TeamPolicy
		second := rooms.New(rooms.Options{Store: other.store, Policies: o, Now: ascending()})
		var all []id.RoomID
		for range 20 {
			room := o.of(bia, "", rooms.Creation{Invite: []id.UserID{eva}})
			all = append(all, room)
		}
		o.deactivate(bia)
		entry := stream.Item{Kind: stream.UserChanged, User: bia, Position: o.head()}
		before := o.head()
		var both sync.WaitGroup
		for _, node := range []*rooms.Service{o.Service, second} {
			both.Go(func() {
				if err := node.Entail(t.Context(), "acme", entry, func(err error) { t.Error(err) }); err != nil {
					t.Error(err)
				}
			})
		}
		both.Wait()
		o.must(o.store.Current(t.Context(), "acme"))
		if got := o.head() - before; got != 40 {
			t.Errorf("got %d entries, want a handing over and a leave in each of the 20 rooms", got)
		}
		for _, room := range all {
			if users, _ := o.levels(room); users != `{"@eva:acme.example":150}` || o.membership(room, bia) != "leave" {
				t.Errorf("got the levels %s and %q for Bia", users, o.membership(room, bia))
			}
		}
	})
}
