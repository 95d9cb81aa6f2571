package rooms_test

import (
	"encoding/json"
	"sync"
	"testing"

	"github.com/tidwall/gjson"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/sqldb/sqltest"
	"github.com/conversalabs/internalchat/storage/stream"
)

func (o *office) mustOpenDirect(user, peer id.UserID) id.RoomID {
	o.t.Helper()
	room, err := o.OpenDirect(o.t.Context(), by(user), peer)
	o.must(err)
	return room
}

// directs gives what m.direct of a user lists under a peer.
func (o *office) directs(user, peer id.UserID) string {
	o.t.Helper()
	content, err := o.store.Item(o.t.Context(), "acme", stream.AccountData, user, "", "m.direct")
	o.must(err)
	var direct map[id.UserID]json.RawMessage
	o.must(json.Unmarshal(content, &direct))
	return string(direct[peer])
}

func TestTwoPeopleHaveOneRoom(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newTeam(t, db)
		other := delayedNode(t, db, &clock{})
		second := rooms.New(rooms.Options{Store: other.store, Policies: o, Now: ascending(), Random: zeroes{}})
		opened := make([]id.RoomID, 8)
		var all sync.WaitGroup
		for i := range opened {
			all.Go(func() {
				node, user, peer := o.Service, ana, bia
				if i%2 == 1 {
					node, user, peer = second, bia, ana
				}
				room, err := node.OpenDirect(t.Context(), by(user), peer)
				if err != nil {
					t.Error(err)
				}
				opened[i] = room
			})
		}
		all.Wait()
		for _, room := range opened {
			if room != opened[0] {
				t.Fatalf("got the rooms %v, want one", opened)
			}
		}
		o.must(o.store.Current(t.Context(), "acme"))
		room := opened[0]
		if again := o.as(by(bia), rooms.Creation{IsDirect: true, Invite: []id.UserID{ana}, Name: "Us"}); again != room {
			t.Errorf("got %s by createRoom, want %s", again, room)
		}
		for user, peer := range map[id.UserID]id.UserID{ana: bia, bia: ana} {
			if got, want := o.directs(user, peer), `["`+string(room)+`"]`; got != want {
				t.Errorf("got %s in m.direct of %s, want %s", got, user, want)
			}
			if got := gjson.Get(o.content(room, "m.room.member", string(user)), "is_direct"); !got.Bool() {
				t.Errorf("the membership of %s is not marked as direct", user)
			}
		}
		if eves := o.mustOpenDirect(ana, eva); eves == room {
			t.Error("two pairs have one room")
		}
	})
}

// zeroes is a source of randomness that makes both nodes' rooms collide: only one of
// them is ever made.
type zeroes struct{}

// Read implements io.Reader.
func (zeroes) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// Who has left reads all of it again when either writes or opens it.
func TestWhoLeftADirectMessageComesBack(t *testing.T) {
	for name, back := range map[string]func(o *office, room id.RoomID){
		"the other writes": func(o *office, room id.RoomID) { o.mustSend(room, "are you there?") },
		"the other opens it": func(o *office, room id.RoomID) {
			if got := o.mustOpenDirect(ana, bia); got != room {
				o.t.Errorf("got %s, want %s", got, room)
			}
		},
		"they open it":         func(o *office, room id.RoomID) { o.mustOpenDirect(bia, ana) },
		"they join":            func(o *office, room id.RoomID) { o.must(o.join(bia, room)) },
		"both left, one opens": func(o *office, room id.RoomID) { o.must(o.leave(ana, room)); o.mustOpenDirect(bia, ana) },
		"a delayed message": func(o *office, room id.RoomID) {
			_, err := o.Schedule(o.t.Context(), by(ana), rooms.Later{Room: room, Type: "m.room.message", Content: json.RawMessage(`{"body":"later"}`), Delay: 1})
			o.must(err)
			for o.membership(room, bia) != "join" {
				_, err := o.SendDue(o.t.Context())
				o.must(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
				o := newTeam(t, db)
				room := o.mustOpenDirect(ana, bia)
				first := o.mustSend(room, "hello")
				o.must(o.leave(bia, room))
				o.must(o.Forget(t.Context(), by(bia), room))
				if got := o.membership(room, bia); got != "leave" {
					t.Fatalf("got %q, want a real leave", got)
				}
				back(o, room)
				for _, user := range []id.UserID{ana, bia} {
					o.mustBeIn(room, user, "join")
				}
				_, read := o.page(bia, rooms.PageRequest{Room: room, Direction: rooms.Forwards, Limit: 100})
				found := false
				for _, e := range read {
					found = found || e.ID == first
				}
				if !found {
					t.Errorf("got %+v, want the history", read)
				}
			})
		})
	}
}

// What clients write as m.direct keeps the rooms that the server knows of.
func TestDirectsAreMerged(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newTeam(t, db)
		room := o.mustOpenDirect(ana, bia)
		listed := `["` + string(room) + `"]`
		for _, c := range []struct{ put, bias, evas string }{
			{`{}`, listed, ""},
			{`{"@eva:acme.example":["!x:acme.example"]}`, listed, `["!x:acme.example"]`},
			{`{"@bia:acme.example":["!old:acme.example"]}`, `["` + string(room) + `","!old:acme.example"]`, ""},
			{`{"@bia:acme.example":` + listed + `,"other":5}`, listed, ""},
		} {
			o.must(o.store.PutData(t.Context(), by(ana), stream.Item{
				Kind: stream.AccountData, User: ana, Key: "m.direct", Content: []byte(c.put),
			}))
			if got := o.directs(ana, bia); got != c.bias {
				t.Errorf("after %s: got %s for Bia, want %s", c.put, got, c.bias)
			}
			if got := o.directs(ana, eva); got != c.evas {
				t.Errorf("after %s: got %s for Eva, want %s", c.put, got, c.evas)
			}
		}
	})
}

func TestNobodyAnswersForWhoIsGone(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newTeam(t, db)
		room := o.mustOpenDirect(ana, bia)
		o.mustSend(room, "hello")
		o.deactivate(bia)
		o.followTwice()
		_, err := o.Send(t.Context(), by(ana), rooms.Message{Room: room, Type: "m.room.message", Content: json.RawMessage(`{"body":"?"}`)})
		mustBecause(t, err, "peer_inactive")
		if _, read := o.page(ana, rooms.PageRequest{Room: room, Direction: rooms.Forwards, Limit: 100}); len(read) < 5 {
			t.Errorf("got %+v, want that it can be read", read)
		}
		_, err = o.OpenDirect(t.Context(), by(ana), bia)
		mustBe(t, err, "M_FORBIDDEN")
		_, err = o.OpenDirect(t.Context(), by(ana), ana)
		mustBe(t, err, "M_INVALID_PARAM")
	})
}
