package longpoll_test

import (
	"strings"
	"testing"

	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/sqldb/sqltest"
	"github.com/conversalabs/internalchat/storage/stream"
)

func TestNewlyJoinedRooms(t *testing.T) {
	for _, c := range []struct {
		visibility string
		timeline   []string
	}{
		{"shared", []string{"early", "invite @bea:hs", "middle", "join @bea:hs", "late"}},
		// What came before the room's history visibility counts as shared.
		{"invited", []string{"join @ana:hs", "invite @bea:hs", "middle", "join @bea:hs", "late"}},
		{"joined", []string{"join @ana:hs", "invite @bea:hs", "join @bea:hs", "late"}},
	} {
		t.Run(c.visibility, func(t *testing.T) {
			h := sqliteHouse(t)
			h.found(room1, ana, c.visibility)
			token := h.mustSync(bea).Get("next_batch").String()
			h.say(room1, ana, "early")
			h.member(room1, ana, bea, "invite")
			h.say(room1, ana, "middle")
			h.member(room1, bea, bea, "join")
			h.say(room1, ana, "late")
			answer := h.mustSyncTwice(bea, token, filtered(t, `{"room":{"timeline":{"not_types":["m.room.create","m.room.power_levels","m.room.join_rules","m.room.history_visibility"],"not_rooms":[],"limit":5}}}`))
			got := names(inRoom(answer, "join", room1, "timeline.events"))
			mustEqual(t, "timeline", got, c.timeline)
			if state := inRoom(answer, "join", room1, "state.events"); !state.Get(`#(type=="m.room.create")`).Exists() {
				t.Errorf("state: got %v, want all of it", names(state))
			}
			mustEqual(t, "members to ask keys of", answer.Get("device_lists.changed").String(), `["@ana:hs","@bea:hs"]`)
		})
	}
}

// Who comes back is told of what happened meanwhile, not of what they knew.
func TestRejoinedRooms(t *testing.T) {
	h := sqliteHouse(t)
	h.found(room1, ana, "shared")
	h.member(room1, bea, bea, "join")
	h.say(room1, ana, "known")
	h.member(room1, bea, bea, "leave")
	token := h.mustSync(bea).Get("next_batch").String()
	h.say(room1, ana, "meanwhile")
	h.member(room1, bea, bea, "join")
	answer := h.mustSyncTwice(bea, token)
	mustEqual(t, "timeline", names(inRoom(answer, "join", room1, "timeline.events")), []string{"meanwhile", "join @bea:hs"})
	mustEqual(t, "limited", inRoom(answer, "join", room1, "timeline.limited").Bool(), false)
	mustEqual(t, "state", len(inRoom(answer, "join", room1, "state.events").Array()), 6)
}

func TestLeftRooms(t *testing.T) {
	for _, c := range []struct {
		name     string
		do       func(h *house)
		timeline []string // nil: not in the leave section
	}{
		{"leave", func(h *house) { h.member(room1, bea, bea, "leave") }, []string{"before", "leave @bea:hs"}},
		{"kick", func(h *house) { h.member(room1, ana, bea, "leave") }, []string{"before", "leave @bea:hs"}},
		{"ban", func(h *house) { h.member(room1, ana, bea, "ban") }, []string{"before", "ban @bea:hs"}},
		{"leave, then ban", func(h *house) {
			h.member(room1, bea, bea, "leave")
			h.say(room1, ana, "unseen")
			h.member(room1, ana, bea, "ban")
		}, []string{"before", "leave @bea:hs", "ban @bea:hs"}},
		{"forgotten", func(h *house) {
			h.member(room1, bea, bea, "leave")
			h.put(stream.Item{Kind: stream.Forgotten, User: bea, Room: room1, Content: []byte("true")})
		}, []string{"leave @bea:hs"}},
		{"there and back", func(h *house) {
			h.member(room1, bea, bea, "leave")
			h.say(room1, ana, "between")
			h.member(room1, bea, bea, "join")
		}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
				h := newHouse(t, db)
				h.found(room1, ana, "shared")
				h.member(room1, bea, bea, "join")
				token := h.mustSync(bea).Get("next_batch").String()
				h.say(room1, ana, "before")
				c.do(h)
				h.say(room1, ana, "after")
				h.state(room1, ana, "m.room.name", "", `{"name":"later"}`)
				answer := h.mustSyncTwice(bea, token)
				if c.timeline == nil {
					mustEqual(t, "leave section", answer.Get("rooms.leave").Exists(), false)
					mustEqual(t, "timeline", names(inRoom(answer, "join", room1, "timeline.events")),
						[]string{"before", "leave @bea:hs", "between", "join @bea:hs", "after", "m.room.name"})
					return
				}
				mustEqual(t, "join section", answer.Get("rooms.join").Exists(), false)
				mustEqual(t, "timeline", names(inRoom(answer, "leave", room1, "timeline.events")), c.timeline)
				mustEqual(t, "no longer shared", answer.Get("device_lists.left").String(), `["@ana:hs"]`)
				if strings.Contains(answer.Raw, "later") || strings.Contains(answer.Raw, "after") {
					t.Errorf("what came after the leave is told: %s", answer.Raw)
				}
				next := h.mustSync(bea, since(answer.Get("next_batch").String()), filtered(t, `{"room":{"include_leave":true}}`))
				mustEqual(t, "leave section of the next", next.Get("rooms").Exists(), false)
			})
		})
	}
}

func TestWhoStillSharesARoom(t *testing.T) {
	h := sqliteHouse(t)
	h.found(room1, ana, "shared")
	h.found(room2, ana, "shared")
	h.member(room1, bea, bea, "join")
	h.member(room2, bea, bea, "join")
	h.member(room1, caio, caio, "join")
	token := h.mustSync(bea).Get("next_batch").String()
	h.member(room1, bea, bea, "leave")
	mustEqual(t, "own leave", h.mustSyncTwice(bea, token).Get("device_lists").String(), `{"changed":[],"left":["@caio:hs"]}`)
	token = h.mustSync(ana).Get("next_batch").String()
	h.member(room1, caio, caio, "leave")
	mustEqual(t, "leave of another", h.mustSyncTwice(ana, token).Get("device_lists").String(), `{"changed":[],"left":["@caio:hs"]}`)
}

func TestLeftRoomsOfAnInitialSync(t *testing.T) {
	h := sqliteHouse(t)
	h.found(room1, ana, "shared")
	h.state(room1, ana, "m.room.name", "", `{"name":"then"}`)
	h.member(room1, bea, bea, "join")
	h.say(room1, ana, "seen")
	h.member(room1, bea, bea, "leave")
	h.state(room1, ana, "m.room.name", "", `{"name":"now"}`)
	mustEqual(t, "rooms by default", h.mustSync(bea).Get("rooms").Exists(), false)
	include := filtered(t, `{"room":{"include_leave":true,"timeline":{"limit":2}}}`)
	answer := h.mustSync(bea, include)
	mustEqual(t, "timeline", names(inRoom(answer, "leave", room1, "timeline.events")), []string{"seen", "leave @bea:hs"})
	state := inRoom(answer, "leave", room1, "state.events")
	mustEqual(t, "name", state.Get(`#(type=="m.room.name").content.name`).String(), "then")
	mustEqual(t, "own membership before the timeline", state.Get(`#(state_key=="@bea:hs").content.membership`).String(), "join")
	h.put(stream.Item{Kind: stream.Forgotten, User: bea, Room: room1, Content: []byte("true")})
	mustEqual(t, "rooms once forgotten", h.mustSync(bea, include).Get("rooms").Exists(), false)
}

func TestInvites(t *testing.T) {
	h := sqliteHouse(t)
	h.found(room1, ana, "shared")
	h.state(room1, ana, "m.room.name", "", `{"name":"Sales"}`)
	token := h.mustSync(bea).Get("next_batch").String()
	h.member(room1, ana, bea, "invite")
	answer := h.mustSyncTwice(bea, token)
	mustEqual(t, "invite state", names(inRoom(answer, "invite", room1, "invite_state.events")),
		[]string{"m.room.create", "m.room.join_rules", "m.room.name", "join @ana:hs", "invite @bea:hs"})
	invited := answer.Get("next_batch").String()
	h.say(room1, ana, "not for bea")
	mustEqual(t, "second sync", h.mustSyncTwice(bea, invited).Get("rooms").Exists(), false)

	h.member(room1, bea, bea, "leave")
	answer = h.mustSyncTwice(bea, invited)
	mustEqual(t, "rejected", names(inRoom(answer, "leave", room1, "timeline.events")), []string{"leave @bea:hs"})
	mustEqual(t, "state of a room never been in", names(inRoom(answer, "leave", room1, "state.events")), []string{})

	h.put(stream.Item{Kind: stream.AccountData, User: bea, Key: "m.ignored_user_list", Content: []byte(`{"ignored_users":{"@ana:hs":{}}}`)})
	h.member(room1, ana, bea, "invite")
	answer = h.mustSyncTwice(bea, invited)
	mustEqual(t, "invite of an ignored user", answer.Get("rooms.invite").Exists(), false)
}

func TestKnocks(t *testing.T) {
	h := sqliteHouse(t)
	h.found(room1, ana, "shared")
	token := h.mustSync(bea).Get("next_batch").String()
	h.member(room1, bea, bea, "knock")
	answer := h.mustSyncTwice(bea, token)
	mustEqual(t, "knock state", names(inRoom(answer, "knock", room1, "knock_state.events")),
		[]string{"m.room.create", "m.room.join_rules", "knock @bea:hs"})
}
