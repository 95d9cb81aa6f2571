package longpoll_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/rooms/event"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/sqldb/sqltest"
	"github.com/conversalabs/internalchat/storage/stream"
)

// send appends an event of any type that is no state.
func (h *house) send(room id.RoomID, sender id.UserID, kind, content string) {
	h.Helper()
	h.sent++
	d := event.Draft{Room: room, Sender: sender, Type: kind, Content: json.RawMessage(content), Timestamp: clock.UnixMilli() - 100_000 + h.sent*1000}
	h.act(sender, fmt.Sprintf("t%d", h.sent), func(tx rooms.Tx) (id.EventID, error) { return h.draft(tx, d) })
}

// Whatever happens in a room puts it on top of the list; bump_stamp rises only
// with what its definition names.
func TestRecencyOfEvents(t *testing.T) {
	state := func(kind, key string) func(*house) {
		return func(h *house) { h.state(room1, ana, kind, key, `{}`) }
	}
	message := func(kind string) func(*house) {
		return func(h *house) { h.send(room1, ana, kind, `{}`) }
	}
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		h := newHouse(t, db)
		h.found(room1, ana, "shared")
		h.found(room2, ana, "shared")
		top := `{"lists":{"l":{"ranges":[[0,0]],"timeline_limit":1}}}`
		answer := h.mustSlide(ana, top, "")
		mustEqual(t, "the room made last", slidRooms(answer), []string{string(room2)})
		stamp := int64(1) // of m.room.create, the account's first event
		for _, c := range []struct {
			kind  string
			do    func(*house)
			bumps bool
		}{
			{"m.room.message", message("m.room.message"), true},
			{"m.room.encrypted", message("m.room.encrypted"), true},
			{"m.sticker", message("m.sticker"), true},
			{"m.call.invite", message("m.call.invite"), true},
			{"m.poll.start", message("m.poll.start"), true},
			{"org.matrix.msc3381.poll.start", message("org.matrix.msc3381.poll.start"), true},
			{"m.beacon_info", state("m.beacon_info", string(ana)), true},
			{"org.matrix.msc3672.beacon_info", state("org.matrix.msc3672.beacon_info", string(ana)), true},
			{"m.reaction", message("m.reaction"), false},
			{"m.poll.response", message("m.poll.response"), false},
			{"com.example.own", message("com.example.own"), false},
			{"m.room.topic", state("m.room.topic", ""), false},
			{"m.room.name", state("m.room.name", ""), false},
			{"m.room.member of another", func(h *house) { h.member(room1, bea, bea, "join") }, false},
			{"m.room.member of one's own", func(h *house) {
				h.state(room1, ana, "m.room.member", string(ana), `{"membership":"join","displayname":"A"}`)
			}, false},
		} {
			answer = h.mustSlide(ana, top, posOf(answer))
			c.do(h)
			answer = h.mustSlideTwice(ana, top, posOf(answer))
			mustEqual(t, "on top after "+c.kind, slidRooms(answer), []string{string(room1)})
			got := inSlide(answer, room1, "bump_stamp").Int()
			mustEqual(t, "bump_stamp rises by "+c.kind, got > stamp, c.bumps)
			stamp = got
			h.state(room2, ana, "m.room.topic", "", `{}`)
			answer = h.mustSlideTwice(ana, top, posOf(answer))
			mustEqual(t, "then the other", slidRooms(answer), []string{string(room2)})
		}
	})
}

// A room that one is not in stands, and bumps, where one's membership began;
// nothing that happens in it afterwards moves it.
func TestRecencyOfMemberships(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		h := newHouse(t, db)
		all := `{"lists":{"l":{"timeline_limit":1}}}`
		others := []id.RoomID{"!invite:hs", "!knock:hs", "!kick:hs", "!ban:hs"}
		for _, room := range others {
			h.found(room, ana, "shared")
		}
		h.found("!quiet:hs", bea, "shared") // nothing but state
		h.member("!kick:hs", bea, bea, "join")
		h.member("!ban:hs", bea, bea, "join")
		h.member("!knock:hs", bea, bea, "knock")
		h.member("!ban:hs", ana, bea, "ban")
		h.say(room1, bea, "between")
		h.member(room1, bea, bea, "join")
		h.member("!kick:hs", ana, bea, "leave")
		h.member("!invite:hs", ana, bea, "invite")
		for _, room := range others {
			h.say(room, ana, "unheard")
		}
		want := []string{"!invite:hs", "!kick:hs", string(room1), "!ban:hs", "!knock:hs", "!quiet:hs"}
		answer := h.mustSlide(bea, all, "")
		mustEqual(t, "order", slidRooms(answer), want)
		h.restart()
		mustEqual(t, "order after a restart", slidRooms(h.mustSlide(bea, all, "")), want)
		stamps := []int64{}
		for _, room := range []id.RoomID{"!knock:hs", "!ban:hs", "!kick:hs", "!invite:hs"} {
			stamps = append(stamps, inSlide(answer, room, "bump_stamp").Int())
		}
		mustEqual(t, "bump stamps of the memberships", stamps, []int64{28, 29, 32, 33})
		mustEqual(t, "bump stamp of the quiet", inSlide(answer, "!quiet:hs", "bump_stamp").Int(), int64(21))
	})
}

// What one has left oneself is told where it had been told, once; what others
// threw one out of is told on every connection.
func TestSlidingDepartures(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		h := newHouse(t, db)
		rooms := []id.RoomID{"!left:hs", "!kicked:hs", "!banned:hs", "!unbanned:hs", "!revoked:hs", "!rejected:hs", "!stays:hs"}
		for _, room := range rooms {
			h.found(room, ana, "shared")
			switch room {
			case "!revoked:hs":
				h.member(room, ana, bea, "invite")
			case "!rejected:hs":
				h.member(room, bea, bea, "knock")
			default:
				h.member(room, bea, bea, "join")
			}
		}
		body := `{"lists":{"l":{"ranges":[[0,99]],"timeline_limit":1,"required_state":[["m.room.member","$ME"]]}}%s}`
		list, other := fmt.Sprintf(body, ""), fmt.Sprintf(body, `,"conn_id":"other"`)
		answer := h.mustSlide(bea, list, "")
		mustEqual(t, "before", answer.Get("lists.l.count").Int(), int64(7))
		ends := []string{"!left:hs", "!kicked:hs", "!banned:hs", "!unbanned:hs", "!revoked:hs", "!rejected:hs"}
		h.member("!left:hs", bea, bea, "leave")
		h.member("!kicked:hs", ana, bea, "leave")
		h.member("!banned:hs", ana, bea, "ban")
		h.member("!unbanned:hs", ana, bea, "ban")
		h.member("!unbanned:hs", ana, bea, "leave")
		h.member("!revoked:hs", ana, bea, "leave")
		h.member("!rejected:hs", ana, bea, "leave")
		answer = h.mustSlideTwice(bea, list, posOf(answer))
		told := map[string]string{}
		for _, room := range slidRooms(answer) {
			told[room] = names(inSlide(answer, id.RoomID(room), "required_state"))[0]
		}
		want := map[string]string{}
		for _, room := range ends {
			want[room] = "leave @bea:hs"
		}
		want["!banned:hs"] = "ban @bea:hs"
		mustEqual(t, "told where it had been told", told, want)
		mustEqual(t, "count", answer.Get("lists.l.count").Int(), int64(7))
		answer = h.mustSlideTwice(bea, list, posOf(answer))
		mustEqual(t, "told once", slidRooms(answer), []string{})

		fresh := h.mustSlide(bea, other, "")
		mustEqual(t, "on a new connection", slidRooms(fresh), []string{"!banned:hs", "!kicked:hs", "!stays:hs"})
		mustEqual(t, "count of the new connection", fresh.Get("lists.l.count").Int(), int64(3))
		subscribe := `{"conn_id":"third","room_subscriptions":{"!kicked:hs":{"timeline_limit":1},"!left:hs":{"timeline_limit":1},"!stays:hs":{"timeline_limit":1}}}`
		mustEqual(t, "subscribed", slidRooms(h.mustSlide(bea, subscribe, "")), []string{"!stays:hs"})

		// Filters look at what has ended as at everything else.
		for filter, want := range map[string][]string{
			`{"is_invite":true}`:  {},
			`{"is_invite":false}`: {"!banned:hs", "!kicked:hs", "!stays:hs"},
			`{"is_dm":true}`:      {"!kicked:hs"},
		} {
			h.put(stream.Item{Kind: stream.AccountData, User: bea, Key: "m.direct", Content: []byte(`{"@ana:hs":["!kicked:hs"]}`)})
			body := `{"lists":{"l":{"timeline_limit":1,"filters":` + filter + `}}}`
			mustEqual(t, filter, slidRooms(h.mustSlide(bea, body, "")), want)
		}
		h.put(stream.Item{Kind: stream.Forgotten, User: bea, Room: "!kicked:hs", Content: []byte("true")})
		mustEqual(t, "once forgotten", slidRooms(h.mustSlide(bea, other, "")), []string{"!banned:hs", "!stays:hs"})
	})
}
