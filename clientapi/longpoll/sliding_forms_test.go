package longpoll_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/sqldb/sqltest"
)

// The two forms of a request and its answer: that of the unstable path and that of
// /v4/sync, each with its own names and without the other's.
func TestFormsOfSliding(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		h := newHouse(t, db)
		h.found(room1, ana, "shared")
		h.say(room1, ana, "one")
		h.say(room1, ana, "two")
		h.found(room2, bea, "shared")
		h.member(room2, bea, ana, "invite")
		h.found("!knock:hs", bea, "shared")
		h.member("!knock:hs", ana, ana, "knock")
		joined := "bump_stamp heroes highlight_count initial invited_count joined_count limited notification_count num_live prev_batch required_state "
		for _, c := range []struct {
			name                     string
			stable                   bool
			state                    string // required_state
			ranged, ignored          string // the list's range, and the other form's
			filter, unknown          string
			timeline, stripped, wide string
			joined, invited          string // keys of rooms
		}{
			{
				name: "unstable", state: `[["*","*"],["m.room.member","$LAZY"]]`, ranged: `"ranges":[[0,1],[1,2]]`, ignored: `"range":[0,0]`,
				filter: `"is_invite":true`, unknown: `"is_invited":false`,
				timeline: "timeline", stripped: "invite_state", wide: "unstable_expanded_timeline",
				joined: joined + "timeline", invited: "bump_stamp initial invite_state",
			},
			{
				name: "stable", stable: true, state: `{"include":[{}],"exclude":[{"type":"m.room.create","state_key":""},{"type":"m.room.power_levels"}],"lazy_members":true}`,
				ranged: `"range":[0,2]`, ignored: `"ranges":[[0,0]]`, filter: `"is_invited":true`, unknown: `"is_invite":false`,
				timeline: "timeline_events", stripped: "stripped_state", wide: "expanded_timeline",
				joined: joined + "timeline_events lists membership", invited: "bump_stamp lists membership stripped_state",
			},
		} {
			t.Run(c.name, func(t *testing.T) {
				slide := func(limit, pos string) gjson.Result {
					body := `{"conn_id":"` + c.name + `","lists":{"all":{` + c.ranged + `,` + c.ignored + `,"timeline_limit":` + limit + `,"required_state":` + c.state + `},
						"invites":{"timeline_limit":0,"filters":{` + c.filter + `,` + c.unknown + `}}}}`
					q := slidingRequest(t, body, pos)
					q.Stable = c.stable
					answer, err := h.Sliding(t.Context(), caller(ana), q)
					if err != nil {
						t.Fatal(err)
					}
					return gjson.ParseBytes(answer)
				}
				keys := func(room gjson.Result) string {
					all := keysOf(room)
					slices.Sort(all)
					return strings.Join(all, " ")
				}
				sorted := func(names string) string {
					all := strings.Fields(names)
					slices.Sort(all)
					return strings.Join(all, " ")
				}
				first := slide("1", "")
				mustEqual(t, "rooms", slidRooms(first), []string{"!knock:hs", "!two:hs", "!one:hs"})
				mustEqual(t, "counts", first.Get("lists").Raw, `{"all":{"count":3},"invites":{"count":1}}`)
				room := first.Get("rooms").Map()
				want := sorted(strings.ReplaceAll(c.joined, "heroes ", ""))
				mustEqual(t, "joined", keys(room["!one:hs"]), want)
				mustEqual(t, "invited", keys(room["!two:hs"]), sorted(c.invited))
				mustEqual(t, "knocked", keys(room["!knock:hs"]), sorted(c.invited))
				mustEqual(t, "timeline", names(room["!one:hs"].Get(c.timeline)), []string{"two"})
				state := names(room["!one:hs"].Get("required_state"))
				mustEqual(t, "create event", slices.Contains(state, "m.room.create"), !c.stable)
				mustEqual(t, "member", slices.Contains(state, "join @ana:hs"), true)
				stripped := names(room["!two:hs"].Get(c.stripped))
				mustEqual(t, "stripped", slices.Contains(stripped, "invite @ana:hs"), true)
				if c.stable {
					mustEqual(t, "memberships", []string{
						room["!one:hs"].Get("membership").Str, room["!two:hs"].Get("membership").Str, room["!knock:hs"].Get("membership").Str,
					}, []string{"join", "invite", "knock"})
					mustEqual(t, "lists", room["!two:hs"].Get("lists").Raw, `["all","invites"]`)
				}
				second := slide("2", posOf(first))
				mustEqual(t, "expanded", inSlide(second, room1, c.wide).Raw, "true")
			})
		}
	})
}

// A room that only a subscription matches is in no list.
func TestStableSubscription(t *testing.T) {
	h := sqliteHouse(t)
	h.found(room1, ana, "shared")
	q := slidingRequest(t, `{"room_subscriptions":{"!one:hs":{"timeline_limit":1,"required_state":{"include":[{"state_key":"@ana:hs"}]}}}}`, "")
	q.Stable = true
	text, err := h.Sliding(t.Context(), caller(ana), q)
	if err != nil {
		t.Fatal(err)
	}
	answer := gjson.ParseBytes(text)
	mustEqual(t, "lists", inSlide(answer, room1, "lists").Exists(), false)
	mustEqual(t, "membership", inSlide(answer, room1, "membership").Str, "join")
	mustEqual(t, "state", names(inSlide(answer, room1, "required_state")), []string{"join @ana:hs"})
}
