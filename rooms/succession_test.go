package rooms_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
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

func TestSuccession(t *testing.T) {
	for name, c := range map[string]struct {
		matrix  bool
		version id.RoomVersion
		created string                          // power levels of users to begin with
		users   string                          // those that Bia sets then
		meet    func(o *office, room id.RoomID) // after Bia has made the room
		want    string                          // power levels of users afterwards; "": as they were
	}{
		"an administrator before others": {
			created: `{"@bia:acme.example":150,"@ana:acme.example":100}`,
			meet:    func(o *office, room id.RoomID) { o.must(errors.Join(o.join(eva, room), o.join(ana, room))) },
			want:    `{"@ana:acme.example":150}`,
		},
		"who has been there longest": {
			meet: func(o *office, room id.RoomID) {
				o.must(errors.Join(o.join(eva, room), o.join(ana, room), o.leave(eva, room), o.join(eva, room)))
				o.must(o.SetProfile(o.t.Context(), by(ana), "displayname", json.RawMessage(`"Ana, renamed"`)))
			},
			want: `{"@ana:acme.example":100}`,
		},
		"levels of an old version": {
			version: "10",
			meet:    func(o *office, room id.RoomID) { o.must(o.join(eva, room)) },
			want:    `{"@eva:acme.example":100}`,
		},
		"another owner is there": {
			users: `{"@bia:acme.example":100,"@ana:acme.example":100}`,
			meet:  func(o *office, room id.RoomID) { o.must(errors.Join(o.join(eva, room), o.join(ana, room))) },
		},
		"the other owner was only invited": {
			users: `{"@bia:acme.example":100,"@ana:acme.example":100}`,
			meet: func(o *office, room id.RoomID) {
				o.must(errors.Join(o.join(eva, room), o.Invite(o.t.Context(), by(bia), rooms.Move{Room: room, User: ana})))
			},
			want: `{"@ana:acme.example":100,"@eva:acme.example":100}`,
		},
		"the other owner goes too": {
			users: `{"@bia:acme.example":100,"@ana:acme.example":100}`,
			meet: func(o *office, room id.RoomID) {
				o.must(errors.Join(o.join(ana, room), o.join(eva, room)))
				o.deactivate(ana)
			},
			// Ana is followed first, and finds nobody else but Eva.
			want: `{"@bia:acme.example":100,"@eva:acme.example":100}`,
		},
		"no owner": {
			users: `{"@bia:acme.example":0,"@ana:acme.example":100}`,
			meet:  func(o *office, room id.RoomID) { o.must(errors.Join(o.join(ana, room), o.join(eva, room))) },
		},
		"everybody is equal": {
			users: `{}`,
			meet:  func(o *office, room id.RoomID) { o.must(o.join(eva, room)) },
		},
		"only the muted stay": {
			users: `{"@eva:acme.example":-1}`,
			meet:  func(o *office, room id.RoomID) { o.must(o.join(eva, room)) },
		},
		"the specification's rooms": {
			matrix: true,
			meet:   func(o *office, room id.RoomID) { o.must(o.join(eva, room)) },
		},
		"version 12": {
			version: "12",
			meet:    func(o *office, room id.RoomID) { o.must(o.join(eva, room)) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
				o := newOffice(t, db)
				room := o.of(bia, c.created, rooms.Creation{Version: c.version})
				if c.users != "" {
					o.mustSet(bia, room, "m.room.power_levels", `{"users":`+c.users+`}`)
				}
				c.meet(o, room)
				before, setter := o.levels(room)
				if !c.matrix {
					o.policy = rooms.TeamPolicy
				}
				o.deactivate(bia)
				o.followTwice()
				want, by := c.want, service
				if want == "" {
					want, by = before, setter
				}
				got, who := o.levels(room)
				if got != want || who != by {
					t.Errorf("got the levels %s by %s, want %s by %s", got, who, want, by)
				}
				if got := o.membership(room, bia); got != "leave" {
					t.Errorf("got %q for Bia, want that she left", got)
				}
				if o.membership(room, service) != "" {
					t.Error("the service user has a membership")
				}
			})
		})
	}
}

// A room in which nobody is left is not offered to anybody any more, and nobody writes
// there.
func TestEmptyRoomIsArchived(t *testing.T) {
	eachPolicy(t, func(t *testing.T, db *sqldb.DB, policy rooms.Policy) {
		o := newOffice(t, db)
		o.policy = policy
		left := o.of(bia, "", rooms.Creation{Visibility: "public"})
		empty := o.of(bia, "", rooms.Creation{Visibility: "public"})
		shared := o.of(bia, "", rooms.Creation{Visibility: "public"})
		o.must(o.join(eva, shared))
		o.must(o.leave(bia, left))
		o.deactivate(bia)
		o.followTwice()
		want, archived := []id.RoomID{shared}, true
		if !policy.Kinds {
			want, archived = []id.RoomID{left, empty, shared}, false
		}
		published, err := o.store.PublishedRooms(t.Context(), "acme")
		slices.Sort(published)
		slices.Sort(want)
		if err != nil || !slices.Equal(published, want) {
			t.Errorf("got %v, %v in the directory, want %v", published, err, want)
		}
		for _, room := range []id.RoomID{left, empty} {
			if got := gjson.Get(o.content(room, "br.com.conversalabs.channel", ""), "archived").Bool(); got != archived {
				t.Errorf("got archived %t, want %t", got, archived)
			}
		}
	})
}

// Bots and webhooks own nothing: they are neither heirs nor other owners, and a room
// with only them in it is out of use.
func TestBotsDoNotSucceed(t *testing.T) {
	for name, c := range map[string]struct {
		users    string      // that Bia sets
		members  []id.UserID // beside Bia; Ana is a bot
		want     string      // power levels of users afterwards
		archived bool
	}{
		"a bot has been there longest": {
			users:   `{"@bia:acme.example":150}`,
			members: []id.UserID{ana, eva},
			want:    `{"@eva:acme.example":150}`,
		},
		"a bot administers": {
			users:   `{"@bia:acme.example":150,"@ana:acme.example":100}`,
			members: []id.UserID{ana, eva},
			want:    `{"@ana:acme.example":100,"@eva:acme.example":150}`,
		},
		"only a bot stays": {
			users:    `{"@bia:acme.example":150}`,
			members:  []id.UserID{ana},
			want:     `{"@bia:acme.example":150}`,
			archived: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
				o := newOffice(t, db)
				o.policy = rooms.TeamPolicy
				o.become(db, ana, "role = 'bot'")
				room := o.of(bia, "", rooms.Creation{Visibility: "public", Invite: c.members})
				o.mustSet(bia, room, "m.room.power_levels", `{"users":`+c.users+`}`)
				o.deactivate(bia)
				o.followTwice()
				if got, _ := o.levels(room); got != c.want {
					t.Errorf("got the levels %s, want %s", got, c.want)
				}
				if got := gjson.Get(o.content(room, "br.com.conversalabs.channel", ""), "archived").Bool(); got != c.archived {
					t.Errorf("got archived %t, want %t", got, c.archived)
				}
				o.mustBeIn(room, bia, "leave")
			})
		})
	}
}

// A room whose levels have no space for the heir is left all the same.
func TestLeavesWhatCannotBeHandedOver(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newOffice(t, db)
		room := o.of(bia, "", rooms.Creation{})
		heir := id.NewUserID(strings.Repeat("h", 200), "acme.example")
		o.must(o.store.CreateUser(t.Context(), tenant.Caller{Account: "acme"}, accounts.User{ID: heir, Role: tenant.Agent}, "", nil))
		o.must(o.join(heir, room))
		const users = `{"@bia:acme.example":100}`
		fill := func(size int) error {
			_, err := o.SetState(t.Context(), by(bia), rooms.StateChange{
				Room: room, Type: "m.room.power_levels",
				Content: json.RawMessage(`{"users":` + users + `,"x":"` + strings.Repeat("x", size) + `"}`),
			})
			return err
		}
		size, err := 1<<16, error(nil)
		for ; size > 1<<15; size-- { // the largest there may be
			if err = fill(size); err == nil {
				break
			}
		}
		o.must(err)
		o.policy = rooms.TeamPolicy
		o.deactivate(bia)
		var reported []error
		o.must(o.Entail(t.Context(), "acme", stream.Item{Kind: stream.UserChanged, User: bia, Position: o.head()}, func(err error) {
			reported = append(reported, err)
		}))
		if got := o.membership(room, bia); got != "leave" {
			t.Errorf("got %q for Bia, want that she left", got)
		}
		if got, who := o.levels(room); got != users || who != bia {
			t.Errorf("got the levels %s by %s, want them as they were", got, who)
		}
		if len(reported) != 1 || !refusal.Is(reported[0], "M_TOO_LARGE") {
			t.Errorf("got the reports %v, want that it was too large", reported)
		}
	})
}
