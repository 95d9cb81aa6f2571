package longpoll_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tidwall/gjson"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/sqldb/sqltest"
	"github.com/conversalabs/internalchat/storage/stream"
)

const oneRoom = `{"room_subscriptions":{"!one:hs":{"timeline_limit":10,"required_state":[["m.room.member","$ME"],["m.room.name",""]]}}`

// Who is not in a room learns nothing of it, by whatever rule.
func TestSlidingShowsNoRoomsOfOthers(t *testing.T) {
	h := sqliteHouse(t)
	h.found(room1, ana, "shared")
	h.say(room1, ana, "secret")
	h.member(room1, ana, caio, "ban") // never was in it
	for _, user := range []id.UserID{bea, caio} {
		for _, body := range []string{oneRoom + `}`, everything + `}`, `{"lists":{"l":{"timeline_limit":9,"required_state":[["*","*"]]}},"extensions":{"receipts":{"enabled":true},"typing":{"enabled":true},"account_data":{"enabled":true}}}`} {
			answer := h.mustSlide(user, body, "")
			mustEqual(t, "rooms", slidRooms(answer), []string{})
			unknown := h.mustSlide(user, strings.ReplaceAll(body, "!one:hs", "!none:hs"), "")
			mustEqual(t, "answer", withoutPos(t, answer), withoutPos(t, unknown))
		}
	}
}

// An invite shows what the invited may see; a join all; a leave the end, and
// nothing later.
func TestSlidingMembership(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		h := newHouse(t, db)
		h.found(room1, ana, "joined")
		h.state(room1, ana, "m.room.name", "", `{"name":"Sales"}`)
		h.say(room1, ana, "before")
		answer := h.mustSlide(bea, everything+`}`, "")
		h.member(room1, ana, bea, "invite")
		answer = h.mustSlideTwice(bea, everything+`}`, posOf(answer))
		mustEqual(t, "invite state", names(inSlide(answer, room1, "invite_state")),
			[]string{"m.room.create", "m.room.join_rules", "m.room.name", "join @ana:hs", "invite @bea:hs"})
		mustEqual(t, "timeline of the invited", inSlide(answer, room1, "timeline").Exists(), false)
		mustEqual(t, "initial", inSlide(answer, room1, "initial").Bool(), true)
		invited := inSlide(answer, room1, "bump_stamp").Int()
		h.say(room1, ana, "not for the invited")
		answer = h.mustSlideTwice(bea, everything+`}`, posOf(answer))
		mustEqual(t, "rooms", slidRooms(answer), []string{})

		h.member(room1, bea, bea, "join")
		h.say(room1, ana, "welcome")
		answer = h.mustSlideTwice(bea, everything+`}`, posOf(answer))
		mustEqual(t, "timeline of the joined", names(inSlide(answer, room1, "timeline")), []string{"join @bea:hs", "welcome"})
		mustEqual(t, "initial", inSlide(answer, room1, "initial").Bool(), true)
		mustEqual(t, "name", inSlide(answer, room1, "name").String(), "Sales")
		mustEqual(t, "state", names(inSlide(answer, room1, "required_state")), []string{"join @ana:hs", "m.room.name", "join @bea:hs"})
		mustEqual(t, "joined", inSlide(answer, room1, "joined_count").Int(), int64(2))
		if stamp := inSlide(answer, room1, "bump_stamp").Int(); stamp <= invited {
			t.Errorf("bump_stamp: got %d, want more than the invite's %d", stamp, invited)
		}

		h.say(room1, ana, "last words")
		h.member(room1, ana, bea, "leave")
		h.say(room1, ana, "unheard")
		h.state(room1, ana, "m.room.name", "", `{"name":"Secret"}`)
		answer = h.mustSlideTwice(bea, everything+`}`, posOf(answer))
		mustEqual(t, "timeline of the kicked", names(inSlide(answer, room1, "timeline")), []string{"last words", "leave @bea:hs"})
		if strings.Contains(answer.Raw, "Secret") || strings.Contains(answer.Raw, "unheard") {
			t.Errorf("what came after the leave is told: %s", answer.Raw)
		}
		answer = h.mustSlideTwice(bea, everything+`}`, posOf(answer))
		mustEqual(t, "rooms after the leave", slidRooms(answer), []string{})
		mustEqual(t, "rooms of a new connection", slidRooms(h.mustSlide(bea, everything+`,"conn_id":"new"}`, "")), []string{"!one:hs"})

		h.member(room1, bea, bea, "join")
		answer = h.mustSlideTwice(bea, everything+`}`, posOf(answer))
		mustEqual(t, "initial of the returned", inSlide(answer, room1, "initial").Bool(), true)
		mustEqual(t, "timeline of the returned", names(inSlide(answer, room1, "timeline")), []string{"leave @bea:hs", "join @bea:hs"})
		mustEqual(t, "name of the returned", inSlide(answer, room1, "name").String(), "Secret")
	})
}

func TestSlidingRejectedInvite(t *testing.T) {
	h := sqliteHouse(t)
	h.found(room1, ana, "shared")
	h.member(room1, ana, bea, "invite")
	answer := h.mustSlide(bea, everything+`}`, "")
	mustEqual(t, "rooms", slidRooms(answer), []string{"!one:hs"})
	h.member(room1, bea, bea, "leave")
	h.say(room1, ana, "unheard")
	answer = h.mustSlideTwice(bea, everything+`}`, posOf(answer))
	mustEqual(t, "timeline", names(inSlide(answer, room1, "timeline")), []string{"leave @bea:hs"})
	mustEqual(t, "state", names(inSlide(answer, room1, "required_state")), []string{"leave @bea:hs"})
	h.put(stream.Item{Kind: stream.AccountData, User: caio, Key: "m.ignored_user_list", Content: []byte(`{"ignored_users":{"@ana:hs":{}}}`)})
	h.member(room1, ana, caio, "invite")
	mustEqual(t, "invite of an ignored user", slidRooms(h.mustSlide(caio, everything+`}`, "")), []string{})
}

func TestSlidingBans(t *testing.T) {
	h := sqliteHouse(t)
	h.found(room1, ana, "shared")
	h.member(room1, bea, bea, "join")
	h.member(room1, ana, bea, "ban")
	h.say(room1, ana, "unheard")
	answer := h.mustSlide(bea, everything+`}`, "")
	mustEqual(t, "timeline", names(inSlide(answer, room1, "timeline")), []string{"join @bea:hs", "ban @bea:hs"})
	h.put(stream.Item{Kind: stream.Forgotten, User: bea, Room: room1, Content: []byte("true")})
	mustEqual(t, "once forgotten", slidRooms(h.mustSlide(bea, everything+`}`, "")), []string{})
}

// A gap says that it is one, and lazily loaded members come with what they said.
func TestSlidingTimelines(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		h := newHouse(t, db)
		h.found(room1, ana, "shared")
		h.member(room1, bea, bea, "join")
		h.member(room1, caio, caio, "join")
		answer := h.mustSlide(ana, everything+`}`, "")
		mustEqual(t, "lazy members", names(inSlide(answer, room1, "required_state")), []string{"join @ana:hs", "join @bea:hs", "join @caio:hs"})
		h.say(room1, bea, "1")
		h.state(room1, caio, "m.room.member", string(caio), `{"membership":"join","displayname":"C"}`)
		answer = h.mustSlideTwice(ana, everything+`}`, posOf(answer))
		mustEqual(t, "members of the timeline", names(inSlide(answer, room1, "required_state")), []string{"join @bea:hs", "join @caio:hs"})
		for i := range 70 {
			h.say(room1, bea, fmt.Sprint(i))
		}
		h.state(room1, ana, "m.room.name", "", `{}`)
		h.say(room1, bea, "last")
		answer = h.mustSlideTwice(ana, everything+`}`, posOf(answer))
		mustEqual(t, "timeline", names(inSlide(answer, room1, "timeline")), []string{"m.room.name", "last"})
		mustEqual(t, "limited", inSlide(answer, room1, "limited").Bool(), true)
		mustEqual(t, "num_live", inSlide(answer, room1, "num_live").Int(), int64(2))
		mustEqual(t, "name taken away", inSlide(answer, room1, "name").Raw, "null")
		mustEqual(t, "heroes", inSlide(answer, room1, `heroes.#(user_id=="@caio:hs").displayname`).String(), "C")
		batch, err := stream.ParseToken(inSlide(answer, room1, "prev_batch").String())
		if err != nil {
			t.Fatal(err)
		}
		mustEqual(t, "prev_batch", batch.Position, stream.Position(5+2+2+70))
		mustEqual(t, "rooms at rest", slidRooms(h.mustSlideTwice(ana, everything+`}`, posOf(answer))), []string{})
	})
}

// Counts come with the message that changes them, and a room comes again when its
// counts alone have changed.
func TestSlidingUnread(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		h := newHouse(t, db)
		h.found(room1, ana, "shared")
		h.member(room1, bea, bea, "join")
		h.member(room1, caio, caio, "join") // three: a message is not loud
		counts := func(answer gjson.Result) [2]int64 {
			return [2]int64{inSlide(answer, room1, "notification_count").Int(), inSlide(answer, room1, "highlight_count").Int()}
		}
		answer := h.mustSlide(bea, everything+`}`, "")
		mustEqual(t, "at first", counts(answer), [2]int64{0, 0})
		h.say(room1, ana, "one")
		h.say(room1, ana, "two")
		answer = h.mustSlideTwice(bea, everything+`}`, posOf(answer))
		mustEqual(t, "after two messages", counts(answer), [2]int64{2, 0})
		last := inSlide(answer, room1, "timeline").Array()
		read := last[len(last)-1].Get("event_id").String()
		h.put(stream.Item{
			Kind: stream.Receipt, User: bea, Room: room1, Key: "m.read.private|",
			Content: fmt.Appendf(nil, `{"event_id":"%s","ts":1}`, read),
		})
		answer = h.mustSlideTwice(bea, everything+`}`, posOf(answer))
		mustEqual(t, "rooms after reading", slidRooms(answer), []string{string(room1)})
		mustEqual(t, "after reading", counts(answer), [2]int64{0, 0})
		answer = h.mustSlideTwice(bea, everything+`}`, posOf(answer))
		mustEqual(t, "rooms when nothing happened", slidRooms(answer), []string{})
	})
}
