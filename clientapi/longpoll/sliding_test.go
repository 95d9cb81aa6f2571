package longpoll_test

import (
	"fmt"
	"testing"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/sqldb/sqltest"
	"github.com/conversalabs/internalchat/storage/stream"
)

// One connection, as Element X reads it.
func TestSlidingGolden(t *testing.T) {
	h := sqliteHouse(t)
	h.found(room1, ana, "shared")
	h.state(room1, ana, "m.room.name", "", `{"name":"Sales"}`)
	h.found(room2, bea, "shared")
	h.member(room2, ana, ana, "join")
	h.say(room2, bea, "hello")
	h.put(stream.Item{Kind: stream.AccountData, User: ana, Key: "m.direct", Content: []byte(`{"@bea:hs":["!two:hs"]}`)})
	body := `{"conn_id":"room-list","lists":{"all_rooms":{"ranges":[[0,19]],"timeline_limit":1,
		"required_state":[["m.room.name",""],["m.room.encryption",""],["m.room.member","$LAZY"],["m.room.member","$ME"],["m.room.topic",""],["m.room.create",""],["m.space.child","*"]],
		"filters":{"not_room_types":["m.space"]}}},
		"extensions":{"account_data":{"enabled":true},"receipts":{"enabled":true,"rooms":["*"]},"typing":{"enabled":true},"to_device":{"enabled":true},"e2ee":{"enabled":true}}}`
	first := h.mustSlide(ana, body, "")
	mustBeGolden(t, "slide_initial", withoutPos(t, first))
	message := h.say(room1, ana, "Olá")
	h.state(room1, ana, "m.room.name", "", `{"name":"Sales team"}`)
	h.member("!three:hs", bea, bea, "join")
	h.member("!three:hs", bea, ana, "invite")
	h.put(
		stream.Item{Kind: stream.Receipt, User: bea, Room: room2, Key: "m.read|", Content: fmt.Appendf(nil, `{"event_id":"%s","ts":1}`, message)},
		stream.Item{Kind: stream.AccountData, User: ana, Room: room1, Key: "m.tag", Content: []byte(`{"tags":{"m.favourite":{"order":0.5}}}`)},
		stream.Item{Kind: stream.ToDevice, User: ana, Key: "Dana", Content: []byte(`{"content":{},"sender":"@bea:hs","type":"m.dummy"}`)},
	)
	mustBeGolden(t, "slide_incremental", withoutPos(t, h.mustSlideTwice(ana, body, posOf(first))))
}

// The top of the list moves as things happen in rooms; what falls out of the window is told
// from where it was left when it comes back.
func TestListsMove(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		h := newHouse(t, db)
		rooms := []id.RoomID{"!a:hs", "!b:hs", "!c:hs"}
		for _, room := range rooms {
			h.found(room, ana, "shared")
			h.say(room, ana, "first in "+string(room))
		}
		body := `{"lists":{"top":{"ranges":[[0,1]],"timeline_limit":5}}}`
		answer := h.mustSlide(ana, body, "")
		mustEqual(t, "rooms", slidRooms(answer), []string{"!c:hs", "!b:hs"})
		mustEqual(t, "count", answer.Get("lists.top.count").Int(), int64(3))

		h.say("!a:hs", ana, "second in a")
		answer = h.mustSlideTwice(ana, body, posOf(answer))
		mustEqual(t, "rooms after a message", slidRooms(answer), []string{"!a:hs"})
		mustEqual(t, "initial", inSlide(answer, "!a:hs", "initial").Bool(), true)
		mustEqual(t, "num_live", inSlide(answer, "!a:hs", "num_live").Int(), int64(1))

		h.say("!b:hs", ana, "second in b") // b is back: c falls out
		answer = h.mustSlideTwice(ana, body, posOf(answer))
		mustEqual(t, "rooms as b is back", slidRooms(answer), []string{"!b:hs"})
		mustEqual(t, "initial", inSlide(answer, "!b:hs", "initial").Bool(), false)
		mustEqual(t, "timeline", names(inSlide(answer, "!b:hs", "timeline")), []string{"second in b"})

		wide := `{"lists":{"top":{"ranges":[[0,99]],"timeline_limit":5}}}`
		h.state("!c:hs", ana, "m.room.topic", "", `{"topic":"while away"}`)
		h.say("!a:hs", ana, "third in a")
		h.say("!b:hs", ana, "third in b")
		answer = h.mustSlideTwice(ana, body, posOf(answer))
		mustEqual(t, "rooms of the old window", slidRooms(answer), []string{"!b:hs", "!a:hs"})
		answer = h.mustSlideTwice(ana, wide, posOf(answer))
		mustEqual(t, "rooms of a wider window", slidRooms(answer), []string{"!c:hs"})
		mustEqual(t, "timeline of the missed", names(inSlide(answer, "!c:hs", "timeline")), []string{"m.room.topic"})
		answer = h.mustSlideTwice(ana, wide, posOf(answer))
		mustEqual(t, "rooms at rest", slidRooms(answer), []string{})
	})
}

func TestFiltersOfLists(t *testing.T) {
	h := sqliteHouse(t)
	for _, room := range []id.RoomID{"!plain:hs", "!crypt:hs", "!direct:hs", "!tagged:hs"} {
		h.found(room, ana, "shared")
	}
	h.state("!crypt:hs", ana, "m.room.encryption", "", `{"algorithm":"m.megolm.v1.aes-sha2"}`)
	h.state("!space:hs", ana, "m.room.create", "", `{"type":"m.space"}`)
	h.member("!space:hs", ana, ana, "join")
	h.state("!space:hs", ana, "m.space.child", "!crypt:hs", `{"via":["hs"]}`)
	h.state("!space:hs", ana, "m.space.child", "!plain:hs", `{}`)
	h.found("!invite:hs", bea, "shared")
	h.member("!invite:hs", bea, ana, "invite")
	h.put(
		stream.Item{Kind: stream.AccountData, User: ana, Key: "m.direct", Content: []byte(`{"@bea:hs":["!direct:hs"]}`)},
		stream.Item{Kind: stream.AccountData, User: ana, Room: "!tagged:hs", Key: "m.tag", Content: []byte(`{"tags":{"m.favourite":{}}}`)},
	)
	for _, c := range []struct {
		filters string
		want    []string
	}{
		{`{}`, []string{"!invite:hs", "!space:hs", "!crypt:hs", "!tagged:hs", "!direct:hs", "!plain:hs"}},
		{`{"is_dm":true}`, []string{"!direct:hs"}},
		{`{"is_dm":false,"is_invite":false}`, []string{"!space:hs", "!crypt:hs", "!tagged:hs", "!plain:hs"}},
		{`{"is_invite":true}`, []string{"!invite:hs"}},
		{`{"is_encrypted":true}`, []string{"!crypt:hs"}},
		{`{"room_types":["m.space"]}`, []string{"!space:hs"}},
		{`{"room_types":[null],"is_encrypted":false,"is_dm":false,"is_invite":false}`, []string{"!tagged:hs", "!plain:hs"}},
		{`{"not_room_types":[null]}`, []string{"!space:hs"}},
		{`{"room_types":["m.space"],"not_room_types":["m.space"]}`, []string{}},
		{`{"tags":["m.favourite"]}`, []string{"!tagged:hs"}},
		{`{"not_tags":["m.favourite"],"is_encrypted":true}`, []string{"!crypt:hs"}},
		{`{"tags":["m.favourite"],"not_tags":["m.favourite"]}`, []string{}},
		{`{"spaces":["!space:hs"]}`, []string{"!crypt:hs"}},
		{`{"spaces":["!elsewhere:hs"]}`, []string{}},
	} {
		answer := h.mustSlide(ana, `{"lists":{"l":{"timeline_limit":1,"filters":`+c.filters+`}}}`, "")
		mustEqual(t, c.filters, slidRooms(answer), c.want)
		mustEqual(t, "count of "+c.filters, answer.Get("lists.l.count").Int(), int64(len(c.want)))
	}
	// What a filter looks at may change.
	dms := `{"lists":{"l":{"timeline_limit":1,"filters":{"is_dm":true}}}}`
	answer := h.mustSlide(ana, dms, "")
	h.put(stream.Item{Kind: stream.AccountData, User: ana, Key: "m.direct", Content: []byte(`{"@bea:hs":["!direct:hs","!plain:hs"]}`)})
	answer = h.mustSlideTwice(ana, dms, posOf(answer))
	mustEqual(t, "new direct room", slidRooms(answer), []string{"!plain:hs"})
	mustEqual(t, "is_dm", inSlide(answer, "!plain:hs", "is_dm").Bool(), true)
}

// A room that several rules match gets what they want together, and what is
// wanted newly is told at once.
func TestExpansion(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		h := newHouse(t, db)
		h.found(room1, ana, "shared")
		h.state(room1, ana, "m.room.topic", "", `{"topic":"t"}`)
		h.state(room1, ana, "m.room.name", "", `{"name":"n"}`)
		for i := range 5 {
			h.say(room1, ana, fmt.Sprint(i))
		}
		list := `"lists":{"l":{"ranges":[[0,9]],"timeline_limit":1,"required_state":[["m.room.name",""]]}}`
		subscribe := func(limit int, state string) string {
			return fmt.Sprintf(`{%s,"room_subscriptions":{"!one:hs":{"timeline_limit":%d,"required_state":%s}}}`, list, limit, state)
		}
		answer := h.mustSlide(ana, `{`+list+`}`, "")
		mustEqual(t, "timeline", names(inSlide(answer, room1, "timeline")), []string{"4"})
		mustEqual(t, "limited", inSlide(answer, room1, "limited").Bool(), true)
		mustEqual(t, "state", names(inSlide(answer, room1, "required_state")), []string{"m.room.name"})

		opened := subscribe(4, `[["m.room.topic",""],["m.room.name",""]]`)
		answer = h.mustSlideTwice(ana, opened, posOf(answer))
		mustEqual(t, "longer timeline", names(inSlide(answer, room1, "timeline")), []string{"1", "2", "3", "4"})
		mustEqual(t, "expanded", inSlide(answer, room1, "unstable_expanded_timeline").Bool(), true)
		mustEqual(t, "num_live", inSlide(answer, room1, "num_live").Int(), int64(0))
		mustEqual(t, "initial", inSlide(answer, room1, "initial").Bool(), false)
		mustEqual(t, "more state", names(inSlide(answer, room1, "required_state")), []string{"m.room.topic"})
		answer = h.mustSlideTwice(ana, opened, posOf(answer))
		mustEqual(t, "at rest", slidRooms(answer), []string{})

		// Closed and opened again: nothing new.
		answer = h.mustSlideTwice(ana, `{`+list+`}`, posOf(answer))
		mustEqual(t, "closed", slidRooms(answer), []string{})
		answer = h.mustSlideTwice(ana, opened, posOf(answer))
		mustEqual(t, "opened again", slidRooms(answer), []string{})

		// Changed while nobody wanted it.
		answer = h.mustSlideTwice(ana, `{`+list+`}`, posOf(answer))
		h.state(room1, ana, "m.room.topic", "", `{"topic":"later"}`)
		answer = h.mustSlideTwice(ana, `{`+list+`}`, posOf(answer))
		mustEqual(t, "state not wanted", names(inSlide(answer, room1, "required_state")), []string{})
		answer = h.mustSlideTwice(ana, opened, posOf(answer))
		mustEqual(t, "topic", inSlide(answer, room1, `required_state.#(type=="m.room.topic").content.topic`).String(), "later")

		star := subscribe(1, `[["*","*"]]`)
		answer = h.mustSlideTwice(ana, star, posOf(answer))
		mustEqual(t, "all other state", names(inSlide(answer, room1, "required_state")),
			[]string{"m.room.create", "join @ana:hs", "m.room.power_levels", "m.room.join_rules", "m.room.history_visibility"})
	})
}

// Where all that is wanted newly fits, clients must still be told to put it before
// what they have.
func TestExpansionThatFits(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		h := newHouse(t, db)
		h.found(room1, ana, "shared")
		h.say(room1, ana, "last")
		body := `{"room_subscriptions":{"!one:hs":{"timeline_limit":%d}}}`
		answer := h.mustSlide(ana, fmt.Sprintf(body, 1), "")
		mustEqual(t, "timeline", names(inSlide(answer, room1, "timeline")), []string{"last"})
		h.say(room1, ana, "newer")
		answer = h.mustSlideTwice(ana, fmt.Sprintf(body, 50), posOf(answer))
		all := names(inSlide(answer, room1, "timeline"))
		mustEqual(t, "ends of the timeline", []string{all[0], all[len(all)-2], all[len(all)-1]}, []string{"m.room.create", "last", "newer"})
		mustEqual(t, "limited", inSlide(answer, room1, "limited").Bool(), true)
		mustEqual(t, "expanded", inSlide(answer, room1, "unstable_expanded_timeline").Bool(), true)
		mustEqual(t, "initial", inSlide(answer, room1, "initial").Bool(), false)
		mustEqual(t, "num_live", inSlide(answer, room1, "num_live").Int(), int64(1))
		batch, err := stream.ParseToken(inSlide(answer, room1, "prev_batch").String())
		mustEqual(t, "error", err, error(nil))
		mustEqual(t, "prev_batch", batch.Position, stream.Position(0))
		h.say(room1, ana, "newest")
		answer = h.mustSlideTwice(ana, fmt.Sprintf(body, 50), posOf(answer))
		mustEqual(t, "then", names(inSlide(answer, room1, "timeline")), []string{"newest"})
		mustEqual(t, "limited then", inSlide(answer, room1, "limited").Bool(), false)
		mustEqual(t, "expanded then", inSlide(answer, room1, "unstable_expanded_timeline").Exists(), false)
	})
}
