package longpoll_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/tidwall/gjson"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/sqldb/sqltest"
	"github.com/conversalabs/internalchat/storage/stream"
)

// data puts account data.
func (h *house) data(user id.UserID, room id.RoomID, key, content string) {
	h.Helper()
	h.put(stream.Item{Kind: stream.AccountData, User: user, Room: room, Key: key, Content: []byte(content)})
}

// roomsOf lists the rooms that an extension tells of.
func roomsOf(answer gjson.Result, extension string) string {
	return strings.Join(keysOf(answer.Get("extensions."+extension+".rooms")), " ")
}

func keysOf(object gjson.Result) []string {
	var all []string
	object.ForEach(func(key, _ gjson.Result) bool {
		all = append(all, key.String())
		return true
	})
	return all
}

// An extension tells of the rooms that its lists and rooms name: all lists and all
// subscriptions unless it says otherwise.
func TestExtensionScopes(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		h := newHouse(t, db)
		h.found("!a:hs", ana, "shared") // in both lists, and a direct one
		h.found("!b:hs", ana, "shared") // in one list
		h.found("!c:hs", ana, "shared") // subscribed
		h.data(ana, "", "m.direct", `{"@bea:hs":["!a:hs"]}`)
		h.data(ana, "!c:hs", "m.tag", `{"tags":{"m.lowpriority":{}}}`)
		tell := func(n int) {
			for _, room := range []id.RoomID{"!a:hs", "!b:hs", "!c:hs"} {
				h.data(ana, room, "n", fmt.Sprintf(`{"n":%d}`, n))
				h.put(stream.Item{Kind: stream.Receipt, User: ana, Room: room, Key: "m.read|", Content: fmt.Appendf(nil, `{"event_id":"$%d","ts":1}`, n)})
				h.rooms.Typing().Start(tenant.Default, room, bea, time.Minute)
			}
		}
		for i, c := range []struct{ scope, want string }{
			{``, "!a:hs !b:hs !c:hs"},
			{`,"lists":null,"rooms":null`, "!a:hs !b:hs !c:hs"},
			{`,"lists":["*"],"rooms":["*"]`, "!a:hs !b:hs !c:hs"},
			{`,"rooms":["*"]`, "!a:hs !b:hs !c:hs"}, // as Element X asks
			{`,"rooms":[]`, "!a:hs !b:hs"},
			{`,"lists":[]`, "!c:hs"},
			{`,"lists":[],"rooms":[]`, ""},
			{`,"lists":["dms"],"rooms":[]`, "!a:hs"},
			{`,"lists":["dms"]`, "!a:hs !c:hs"},
			{`,"lists":["none","dms","rest"],"rooms":[]`, "!a:hs !b:hs"},
			{`,"lists":["none"],"rooms":[]`, ""},
			{`,"lists":[],"rooms":["!b:hs"]`, "!b:hs"},
			{`,"lists":["dms"],"rooms":["!c:hs","!none:hs"]`, "!a:hs !c:hs"},
		} {
			body := `{"lists":{"dms":{"timeline_limit":1,"filters":{"is_dm":true,"not_tags":["m.lowpriority"]}},
				"rest":{"timeline_limit":1,"filters":{"not_tags":["m.lowpriority"]}}},
				"room_subscriptions":{"!c:hs":{"timeline_limit":1}},"conn_id":"` + fmt.Sprint(i) + `",
				"extensions":{"account_data":{"enabled":true` + c.scope + `},"receipts":{"enabled":true` + c.scope + `},"typing":{"enabled":true` + c.scope + `}}}`
			tell(2 * i)
			answer := h.mustSlide(ana, body, "")
			for range 2 {
				for _, extension := range []string{"account_data", "receipts", "typing"} {
					mustEqual(t, c.scope+": "+extension, roomsOf(answer, extension), c.want)
				}
				for _, room := range []id.RoomID{"!a:hs", "!b:hs", "!c:hs"} {
					h.rooms.Typing().Stop(tenant.Default, room, bea)
				}
				tell(2*i + 1)
				h.rooms.Typing().Start(tenant.Default, "!a:hs", caio, time.Minute)
				h.rooms.Typing().Start(tenant.Default, "!b:hs", caio, time.Minute)
				h.rooms.Typing().Start(tenant.Default, "!c:hs", caio, time.Minute)
				answer = h.mustSlide(ana, body, posOf(answer))
			}
			h.restart()
		}
	})
}

// What a scope left out is told when it takes it in.
func TestExtensionScopesWiden(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		h := newHouse(t, db)
		h.found(room1, ana, "shared")
		h.found(room2, ana, "shared")
		read := func(room id.RoomID) {
			h.put(stream.Item{Kind: stream.Receipt, User: bea, Room: room, Key: "m.read|", Content: []byte(`{"event_id":"$e","ts":1}`)})
		}
		asked := func(data, receipts string) string {
			return `{"lists":{"l":{"timeline_limit":1}},"extensions":{"account_data":{` + data + `},"receipts":{` + receipts + `}}}`
		}
		h.data(ana, room1, "early", `{}`)
		answer := h.mustSlide(ana, asked(``, ``), "")
		h.data(ana, room2, "late", `{}`)
		read(room2)
		narrow := asked(`"enabled":true,"lists":[],"rooms":["!one:hs"]`, `"enabled":true,"lists":[]`)
		answer = h.mustSlideTwice(ana, narrow, posOf(answer))
		mustEqual(t, "data of one room", answer.Get("extensions.account_data.rooms").Raw, `{"!one:hs":[{"type":"early","content":{}}]}`)
		mustEqual(t, "receipts", roomsOf(answer, "receipts"), "")
		wide := asked(`"enabled":true`, `"enabled":true`)
		answer = h.mustSlideTwice(ana, wide, posOf(answer))
		mustEqual(t, "data of the other", answer.Get("extensions.account_data.rooms").Raw, `{"!two:hs":[{"type":"late","content":{}}]}`)
		mustEqual(t, "receipts of the other", roomsOf(answer, "receipts"), "!two:hs")
		answer = h.mustSlideTwice(ana, wide, posOf(answer))
		mustEqual(t, "told once", answer.Get("extensions").Raw, `{}`)

		// Out of scope for a while.
		answer = h.mustSlideTwice(ana, narrow, posOf(answer))
		h.data(ana, room2, "later", `{}`)
		answer = h.mustSlideTwice(ana, narrow, posOf(answer))
		mustEqual(t, "out of scope", answer.Get("extensions").Raw, `{}`)
		answer = h.mustSlideTwice(ana, wide, posOf(answer))
		mustEqual(t, "in scope again", roomsOf(answer, "account_data"), "!two:hs")
		if !strings.Contains(answer.Raw, `"later"`) {
			t.Errorf("what came meanwhile is missing: %s", answer.Raw)
		}
	})
}

// A room that becomes a direct one, or no longer is, is told for that alone.
func TestDirectRoomsAreToldAgain(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		h := newHouse(t, db)
		h.found(room1, ana, "shared")
		h.found(room2, ana, "shared")
		body := `{"lists":{"all":{"timeline_limit":1},"dms":{"timeline_limit":1,"filters":{"is_dm":true}}}}`
		answer := h.mustSlide(ana, body, "")
		mustEqual(t, "is_dm at first", inSlide(answer, room1, "is_dm").Exists(), false)
		for i, c := range []struct {
			content, is string
			dms         int64
		}{
			{`{"@bea:hs":["!one:hs"]}`, "true", 1},
			{`{"@bea:hs":["!one:hs"],"@caio:hs":[]}`, "", 1},
			{`{}`, "false", 0},
		} {
			done := h.slidePoll(ana, body, posOf(answer), time.Minute)
			before := posOf(answer)
			h.data(ana, "", "m.direct", c.content)
			if c.is == "" {
				h.say(room2, ana, "something else")
				mustEqual(t, "not told again", slidRooms((<-done).answer), []string{string(room2)})
				answer = h.mustSlide(ana, body, before)
				continue
			}
			if woken := (<-done).answer; slidRooms(woken)[0] != string(room1) {
				t.Errorf("%d: woken by %s", i, woken.Raw)
			}
			answer = h.mustSlideTwice(ana, body, before)
			mustEqual(t, "rooms", slidRooms(answer), []string{string(room1)})
			mustEqual(t, "is_dm", inSlide(answer, room1, "is_dm").Raw, c.is)
			mustEqual(t, "initial", inSlide(answer, room1, "initial").Bool(), false)
			mustEqual(t, "timeline", names(inSlide(answer, room1, "timeline")), []string{})
			mustEqual(t, "direct rooms", answer.Get("lists.dms.count").Int(), c.dms)
			answer = h.mustSlideTwice(ana, body, posOf(answer))
			mustEqual(t, "told once", slidRooms(answer), []string{})
		}
	})
}

// A tag that a filter looks at moves a room between lists: the lists' counts are
// told at once, and in /v4/sync the room with the lists that it is in.
func TestTagsMoveRooms(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		h := newHouse(t, db)
		h.found(room1, ana, "shared")
		h.found(room2, ana, "shared")
		body := `{"lists":{"fav":{"timeline_limit":1,"filters":{"tags":["m.favourite"]}},"rest":{"timeline_limit":1,"filters":{"not_tags":["m.favourite"]}}}}`
		counts := func(answer gjson.Result) string { return answer.Get("lists").Raw }
		for _, stable := range []bool{false, true} {
			slide := func(pos string) gjson.Result {
				q := slidingRequest(t, body, pos)
				q.Stable = stable
				answer, err := h.Sliding(t.Context(), caller(ana), q)
				if err != nil {
					t.Fatal(err)
				}
				return gjson.ParseBytes(answer)
			}
			answer := slide("")
			mustEqual(t, "before", counts(answer), `{"fav":{"count":0},"rest":{"count":2}}`)
			done := h.slidePoll(ana, body, posOf(answer), time.Minute)
			h.data(ana, room1, "m.tag", `{"tags":{"m.favourite":{}}}`)
			mustEqual(t, "woken", counts((<-done).answer), `{"fav":{"count":1},"rest":{"count":1}}`)
			answer = slide(posOf(answer))
			mustEqual(t, "after", counts(answer), `{"fav":{"count":1},"rest":{"count":1}}`)
			if stable {
				mustEqual(t, "rooms", slidRooms(answer), []string{string(room1)})
				mustEqual(t, "lists", inSlide(answer, room1, "lists").Raw, `["fav"]`)
			} else {
				mustEqual(t, "rooms", slidRooms(answer), []string{})
			}
			answer = slide(posOf(answer))
			mustEqual(t, "told once", slidRooms(answer), []string{})
			h.data(ana, room1, "m.tag", ``)
			answer = slide(posOf(answer))
			mustEqual(t, "taken away", counts(answer), `{"fav":{"count":0},"rest":{"count":2}}`)
			mustEqual(t, "rooms", len(slidRooms(answer)) == 1, stable)
		}
	})
}
