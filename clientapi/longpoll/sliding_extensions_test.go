package longpoll_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/tidwall/gjson"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/sqldb/sqltest"
	"github.com/conversalabs/internalchat/storage/stream"
)

// Messages to the device come until they are acknowledged, and never again.
func TestSlidingToDevice(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		h := newHouse(t, db)
		body := func(since string, limit int) string {
			return fmt.Sprintf(`{"conn_id":"encryption","extensions":{"to_device":{"enabled":true,"since":%q,"limit":%d}}}`, since, limit)
		}
		send := func(n int) {
			for i := range n {
				h.put(stream.Item{Kind: stream.ToDevice, User: ana, Key: "Dana", Content: fmt.Appendf(nil, `{"type":"%d"}`, i)})
			}
		}
		got := func(answer gjson.Result) string { return answer.Get("extensions.to_device.events.#.type").Raw }
		batch := func(answer gjson.Result) string { return answer.Get("extensions.to_device.next_batch").String() }
		send(3)
		first := h.mustSlide(ana, body("", 2), "")
		mustEqual(t, "first two", got(first), `["0","1"]`)
		again := h.mustSlideTwice(ana, body("", 2), posOf(first))
		mustEqual(t, "not acknowledged", got(again), `["0","1"]`)
		third := h.mustSlideTwice(ana, body(batch(again), 2), posOf(again))
		mustEqual(t, "the rest", got(third), `["2"]`)
		mustEqual(t, "deleted", got(h.mustSlide(ana, body("", 2), posOf(third))), `["2"]`)
		last := h.mustSlideTwice(ana, body(batch(third), 2), posOf(third))
		mustEqual(t, "nothing left", got(last), `[]`)
		done := h.slidePoll(ana, body(batch(last), 2), posOf(last), time.Minute)
		send(1)
		mustEqual(t, "woken", got((<-done).answer), `["0"]`)
		mustEqual(t, "of another history", got(h.mustSlide(ana, body("s77_99_0_0", 2), posOf(last))), `["0"]`)
	})
}

func TestSlidingE2EE(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		h := newHouse(t, db)
		counts := map[id.KeyAlgorithm]int{"signed_curve25519": 7}
		h.options.KeyCounts = func(context.Context, tenant.ID, id.UserID, id.DeviceID) (map[id.KeyAlgorithm]int, []id.KeyAlgorithm, error) {
			return counts, []id.KeyAlgorithm{"signed_curve25519"}, nil
		}
		h.restart()
		h.found(room1, ana, "shared")
		h.found(room2, caio, "shared")
		h.member(room1, bea, bea, "join")
		body := `{"extensions":{"e2ee":{"enabled":true}}}`
		answer := h.mustSlide(ana, body, "")
		mustEqual(t, "initial", answer.Get("extensions.e2ee").Raw, `{"device_lists":{"changed":[],"left":[]},"device_one_time_keys_count":{"signed_curve25519":7},"device_unused_fallback_key_types":["signed_curve25519"]}`)
		for _, c := range []struct {
			name          string
			do            func()
			changed, left string
		}{
			{"devices of who shares a room", func() { h.put(stream.Item{Kind: stream.DeviceList, User: bea}) }, `["@bea:hs"]`, `[]`},
			{"devices of a stranger", func() { h.put(stream.Item{Kind: stream.DeviceList, User: caio}) }, `[]`, `[]`},
			{"a new name", func() { h.state(room1, bea, "m.room.member", string(bea), `{"membership":"join","displayname":"B"}`) }, `[]`, `[]`},
			{"who came", func() { h.member(room1, caio, caio, "join") }, `["@caio:hs"]`, `[]`},
			{"who left one of two rooms", func() {
				h.member(room2, ana, ana, "join")
				h.member(room1, caio, caio, "leave")
			}, `["@ana:hs","@caio:hs"]`, `[]`},
			{"own leave", func() { h.member(room2, ana, ana, "leave") }, `[]`, `["@caio:hs"]`},
			{"who left", func() { h.member(room1, bea, bea, "leave") }, `[]`, `["@bea:hs"]`},
			{"own join", func() { h.member(room2, ana, ana, "join") }, `["@ana:hs","@caio:hs"]`, `[]`},
		} {
			c.do()
			answer = h.mustSlideTwice(ana, body, posOf(answer))
			mustEqual(t, c.name+": changed", answer.Get("extensions.e2ee.device_lists.changed").Raw, c.changed)
			mustEqual(t, c.name+": left", answer.Get("extensions.e2ee.device_lists.left").Raw, c.left)
		}
		answer = h.mustSlide(ana, body, posOf(answer))
		done := h.slidePoll(ana, body, posOf(answer), time.Minute)
		counts = map[id.KeyAlgorithm]int{}
		h.put(stream.Item{Kind: stream.OneTimeKeys, User: ana, Key: "Dana"})
		mustEqual(t, "counts", (<-done).answer.Get("extensions.e2ee.device_one_time_keys_count").Raw, `{"signed_curve25519":0}`)
	})
}

func TestSlidingAccountData(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		h := newHouse(t, db)
		h.found(room1, ana, "shared")
		h.found(room2, ana, "shared")
		set := func(user id.UserID, room id.RoomID, key, content string) {
			h.put(stream.Item{Kind: stream.AccountData, User: user, Room: room, Key: key, Content: []byte(content)})
		}
		set(ana, "", "a", `{"v":1}`)
		set(ana, "", "gone", ``)
		set(bea, "", "b", `{}`)
		set(ana, room1, "r", `{"v":1}`)
		set(ana, room2, "r", `{"v":2}`)
		top := `{"lists":{"l":{"ranges":[[0,0]],"timeline_limit":1}},"extensions":{"account_data":{"enabled":true}}}`
		all := `{"lists":{"l":{"timeline_limit":1}},"extensions":{"account_data":{"enabled":true}}}`
		answer := h.mustSlide(ana, top, "")
		mustEqual(t, "of the window", answer.Get("extensions.account_data").Raw, `{"global":[{"type":"a","content":{"v":1}}],"rooms":{"!two:hs":[{"type":"r","content":{"v":2}}]}}`)
		set(ana, room1, "r", `{"v":3}`)
		set(ana, room2, "r", ``)
		set(ana, "", "a", `{"v":2}`)
		answer = h.mustSlideTwice(ana, top, posOf(answer))
		mustEqual(t, "changed", answer.Get("extensions.account_data").Raw, `{"global":[{"type":"a","content":{"v":2}}],"rooms":{"!two:hs":[{"type":"r","content":{}}]}}`)
		answer = h.mustSlideTwice(ana, all, posOf(answer))
		mustEqual(t, "of a wider window", answer.Get("extensions.account_data").Raw, `{"global":[],"rooms":{"!one:hs":[{"type":"r","content":{"v":3}}]}}`)
		none := `{"lists":{"l":{"ranges":[[0,0]],"timeline_limit":1}}}`
		answer = h.mustSlideTwice(ana, top, posOf(answer))
		set(ana, room1, "r", `{"v":4}`)
		answer = h.mustSlideTwice(ana, top, posOf(answer))
		mustEqual(t, "out of the window", answer.Get("extensions").Raw, `{}`)
		answer = h.mustSlideTwice(ana, all, posOf(answer))
		mustEqual(t, "back in the window", answer.Get("extensions.account_data.rooms").Raw, `{"!one:hs":[{"type":"r","content":{"v":4}}]}`)
		answer = h.mustSlideTwice(ana, all, posOf(answer))
		mustEqual(t, "told once", answer.Get("extensions").Raw, `{}`)
		set(ana, "", "a", `{"v":5}`)
		mustEqual(t, "not asked for", h.mustSlideTwice(ana, none, posOf(answer)).Get("extensions").Raw, `{}`)
	})
}

func TestSlidingReceipts(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		h := newHouse(t, db)
		h.found(room1, ana, "shared")
		h.member(room1, bea, bea, "join")
		old := h.say(room1, ana, "old")
		h.say(room1, ana, "between")
		last := h.say(room1, ana, "last")
		read := func(user id.UserID, kind string, e id.EventID) {
			h.put(stream.Item{Kind: stream.Receipt, User: user, Room: room1, Key: kind + "|", Content: fmt.Appendf(nil, `{"event_id":%q,"ts":1}`, e)})
		}
		read(ana, "m.read", old)
		read(bea, "m.read", last)
		read(caio, "m.read", old)
		read(bea, "m.read.private", old)
		body := everything + `,"extensions":{"receipts":{"enabled":true}}}`
		receipts := func(answer gjson.Result) string {
			return answer.Get("extensions.receipts.rooms").Map()[string(room1)].Get("content").Raw
		}
		want := func(e id.EventID, user string) string { return fmt.Sprintf(`%q:{"m.read":{%q:{"ts":1}}}`, e, user) }
		answer := h.mustSlide(ana, body, "")
		both := []string{want(old, "@ana:hs"), want(last, "@bea:hs")}
		if last < old {
			both[0], both[1] = both[1], both[0]
		}
		mustEqual(t, "own, and those of the timeline", receipts(answer), "{"+both[0]+","+both[1]+"}")
		read(bea, "m.read.private", last)
		answer = h.mustSlideTwice(ana, body, posOf(answer))
		mustEqual(t, "private", answer.Get("extensions").Raw, `{}`)
		read(caio, "m.read", last)
		answer = h.mustSlideTwice(ana, body, posOf(answer))
		mustEqual(t, "new", receipts(answer), "{"+want(last, "@caio:hs")+"}")
		mustEqual(t, "told once", h.mustSlideTwice(ana, body, posOf(answer)).Get("extensions").Raw, `{}`)
	})
}

func TestSlidingTyping(t *testing.T) {
	h := sqliteHouse(t)
	h.found(room1, ana, "shared")
	h.found(room2, bea, "shared")
	body := everything + `,"extensions":{"typing":{"enabled":true}}}`
	answer := h.mustSlide(ana, body, "")
	typing := h.rooms.Typing()
	typing.Start(tenant.Default, room2, bea, time.Minute)
	answer = h.mustSlide(ana, body, posOf(answer))
	mustEqual(t, "in a foreign room", answer.Get("extensions").Raw, `{}`)
	done := h.slidePoll(ana, body, posOf(answer), time.Minute)
	typing.Start(tenant.Default, room1, bea, time.Minute)
	answer = (<-done).answer
	mustEqual(t, "begun", answer.Get("extensions.typing.rooms").Raw, `{"!one:hs":{"type":"m.typing","content":{"user_ids":["@bea:hs"]}}}`)
	mustEqual(t, "told once", h.mustSlide(ana, body, posOf(answer)).Get("extensions").Raw, `{}`)
	typing.Stop(tenant.Default, room1, bea)
	answer = h.mustSlide(ana, body, posOf(answer))
	mustEqual(t, "ended", answer.Get("extensions.typing.rooms").Raw, `{"!one:hs":{"type":"m.typing","content":{"user_ids":[]}}}`)
	mustEqual(t, "told once", h.mustSlide(ana, body, posOf(answer)).Get("extensions").Raw, `{}`)
}
