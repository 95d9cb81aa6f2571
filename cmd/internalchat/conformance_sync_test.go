package main_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"testing"

	"github.com/tidwall/gjson"
)

var syncChecks = checks{
	"Filter": func(t *testing.T, hs *homeserver) {
		alice := hs.mustRegister(t, "alice")
		for _, shape := range []string{
			`{"presence":"not_an_object"}`,
			`{"presence":{"senders":"not_a_list"}}`,
			`{"room":"not_an_object"}`,
			`{"room":{"timeline":"not_an_object"}}`,
			`{"room":{"state":"not_an_object"}}`,
			`{"room":{"ephemeral":"not_an_object"}}`,
			`{"room":{"account_data":"not_an_object"}}`,
			`{"room":{"timeline":{"rooms":"not_a_list"}}}`,
			`{"room":{"timeline":{"not_rooms":"not_a_list"}}}`,
			`{"room":{"timeline":{"senders":"not_a_list"}}}`,
			`{"room":{"timeline":{"not_senders":"not_a_list"}}}`,
			`{"room":{"timeline":{"types":"not_a_list"}}}`,
			`{"room":{"timeline":{"not_types":"not_a_list"}}}`,
			`{"room":{"timeline":{"types":[1]}}}`,
			`{"room":{"timeline":{"rooms":["not_a_room_id"]}}}`,
			`{"room":{"timeline":{"senders":["not_a_sender_id"]}}}`,
			`{"room":{"rooms":["not_a_room_id"]}}`,
			`{"room":{"not_rooms":["not_a_room_id"]}}`,
			`{"event_fields":"not_a_list"}`,
			`{"event_format":"not_a_format"}`,
		} {
			code, answer := alice.ask(t, http.MethodPost, "/user/"+url.PathEscape(alice.id)+"/filter", "%s", shape)
			if code < 400 || code > 499 {
				t.Errorf("%s: got %d %s, want 4xx", shape, code, answer.Raw)
			}
		}
	},
	"SyncFilter": func(t *testing.T, hs *homeserver) {
		alice := hs.mustRegister(t, "alice")
		filters := "/user/" + url.PathEscape(alice.id) + "/filter"
		made := alice.must(t, http.MethodPost, filters, `{"room":{"timeline":{"limit":10}}}`).Get("filter_id").Str
		got := alice.must(t, http.MethodGet, filters+"/"+url.PathEscape(made), "")
		mustBe(t, "the filter", got.Get("room.timeline.limit").Raw, "10")
		alice.mustBeRefused(t, http.StatusNotFound, "M_NOT_FOUND", http.MethodGet, filters+"/12345678", "")
	},
	"CumulativeJoinLeaveJoinSync": func(t *testing.T, hs *homeserver) {
		alice, bob := hs.mustRegister(t, "alice"), hs.mustRegister(t, "bob")
		room := alice.mustCreate(t, `{"preset":"public_chat"}`)
		since := bob.mustSync(t).Get("next_batch").Str
		bob.mustJoin(t, room)
		bob.mustLeave(t, room)
		bob.mustJoin(t, room)
		answer := bob.mustSync(t, "since", since)
		mustBe(t, "the room is joined", joined(answer, room).Exists(), true)
		mustBe(t, "the room is left", left(answer, room).Exists(), false)
	},
	"TentativeEventualJoiningAfterRejecting": func(t *testing.T, hs *homeserver) {
		alice, bob := hs.mustRegister(t, "alice"), hs.mustRegister(t, "bob")
		room := alice.mustCreate(t, `{"preset":"private_chat"}`)
		bob.mustSyncUntil(t, "anything", func(gjson.Result) bool { return true })
		alice.mustInvite(t, room, bob)
		bob.mustSyncUntil(t, "the invitation", func(answer gjson.Result) bool { return member(answer.Get("rooms.invite"), room).Exists() })
		bob.mustLeave(t, room)
		bob.mustSyncUntil(t, "the rejection", func(answer gjson.Result) bool { return left(answer, room).Exists() })
		alice.mustPutState(t, room, "m.room.join_rules", "", `{"join_rule":"public"}`)
		bob.mustJoin(t, room)
		for _, since := range [][]string{nil, {"since", bob.since}, {"since", bob.since, "full_state", "true"}} {
			answer := bob.mustSync(t, since...)
			mustBe(t, "the room is joined", joined(answer, room).Exists(), true)
			mustBe(t, "the room is left", left(answer, room).Exists(), false)
			mustBe(t, "one is invited", member(answer.Get("rooms.invite"), room).Exists(), false)
		}
	},
	"Sync: a joined room": func(t *testing.T, hs *homeserver) {
		alice := hs.mustRegister(t, "alice")
		room := alice.mustCreate(t, `{"preset":"public_chat"}`)
		answer := alice.mustSync(t)
		mustHaveParts(t, joined(answer, room))
		mustBe(t, "the first event", joined(answer, room).Get("timeline.events.0.type").Str, "m.room.create")
		since := answer.Get("next_batch").Str
		mustBe(t, "the room comes again", joined(alice.mustSync(t, "since", since), room).Exists(), false)
		mustHaveParts(t, joined(alice.mustSync(t, "since", since, "full_state", "true"), room))
	},
	"Sync: a newly joined room": func(t *testing.T, hs *homeserver) {
		alice, bob := hs.mustRegister(t, "alice"), hs.mustRegister(t, "bob")
		room := alice.mustCreate(t, `{"preset":"public_chat"}`)
		since := bob.mustSync(t).Get("next_batch").Str
		bob.mustJoin(t, room)
		answer := bob.mustSync(t, "since", since)
		mustHaveParts(t, joined(answer, room))
		mustBe(t, "the room comes again", joined(bob.mustSync(t, "since", answer.Get("next_batch").Str), room).Exists(), false)
	},
	"Sync: the timeline of a newly joined room": func(t *testing.T, hs *homeserver) {
		alice, bob := hs.mustRegister(t, "alice"), hs.mustRegister(t, "bob")
		room := alice.mustCreate(t, `{"preset":"public_chat"}`)
		var said []string
		for i := range 4 {
			said = append(said, alice.mustSay(t, room, fmt.Sprint("before ", i)))
		}
		filter := `{"room":{"timeline":{"limit":10},"state":{"limit":10}}}`
		since := bob.mustSync(t, "filter", filter).Get("next_batch").Str
		for i := range 4 {
			said = append(said, alice.mustSay(t, room, fmt.Sprint("after ", i)))
		}
		bob.mustJoin(t, room)
		timeline := joined(bob.mustSync(t, "filter", filter, "since", since), room).Get("timeline")
		ids := eventIDs(timeline.Get("events"))
		if len(ids) != 10 {
			t.Fatalf("got %d events, want 10", len(ids))
		}
		mustBe(t, "the messages", ids[1:9], said)
		mustBe(t, "whose membership comes last", timeline.Get("events.9.state_key").Str, bob.id)
		mustBe(t, "the timeline is limited", timeline.Get("limited").Bool(), true)
		if timeline.Get("prev_batch").Str == "" {
			t.Error("got no prev_batch")
		}
	},
	"Sync: the filtered timeline of a newly joined room": func(t *testing.T, hs *homeserver) {
		alice, bob := hs.mustRegister(t, "alice"), hs.mustRegister(t, "bob")
		room := alice.mustCreate(t, `{"preset":"public_chat"}`)
		said := []string{alice.mustSay(t, room, "before")}
		filter := `{"room":{"timeline":{"limit":10,"types":["m.room.message"]},"state":{"types":[]}}}`
		since := bob.mustSync(t, "filter", filter).Get("next_batch").Str
		said = append(said, alice.mustSay(t, room, "after"))
		bob.mustJoin(t, room)
		got := joined(bob.mustSync(t, "filter", filter, "since", since), room)
		mustBe(t, "the messages", eventIDs(got.Get("timeline.events")), said)
		mustBe(t, "the timeline is limited", got.Get("timeline.limited").Bool(), true)
		mustBe(t, "the state", len(got.Get("state.events").Array()), 0)
	},
	"Sync: presence in a newly joined room": func(t *testing.T, hs *homeserver) {
		alice, bob := hs.mustRegister(t, "alice"), hs.mustRegister(t, "bob")
		room := alice.mustCreate(t, `{"preset":"public_chat"}`)
		alice.mustSyncUntil(t, "anything", func(gjson.Result) bool { return true })
		bob.mustSyncUntil(t, "anything", func(gjson.Result) bool { return true })
		bob.mustJoin(t, room)
		for reader, whom := range map[*asker]*asker{bob: alice, alice: bob} {
			answer := reader.mustSyncUntil(t, "the other's presence", showsPresence(whom))
			for _, e := range answer.Get("presence.events").Array() {
				mustBe(t, "the type", e.Get("type").Str, "m.presence")
				mustBe(t, "there is content", e.Get("content").IsObject(), true)
			}
		}
	},
	"Sync: device lists with lazy loading": func(t *testing.T, hs *homeserver) {
		alice, bob := hs.mustRegister(t, "alice"), hs.mustRegister(t, "bob")
		room := alice.mustCreate(t, `{"preset":"public_chat"}`)
		filter := `{"room":{"state":{"lazy_load_members":true}}}`
		seen := func(list string) func(gjson.Result) bool {
			return func(answer gjson.Result) bool {
				return slices.Contains(strs(answer.Get("device_lists."+list)), bob.id)
			}
		}
		alice.mustSyncUntil(t, "anything", func(gjson.Result) bool { return true }, "filter", filter)
		bob.mustJoin(t, room)
		alice.mustSyncUntil(t, "the devices of who came", seen("changed"), "filter", filter)
		bob.mustLeave(t, room)
		alice.mustSyncUntil(t, "that the devices of who left matter no more", seen("left"), "filter", filter)
	},
	"RoomSummary": func(t *testing.T, hs *homeserver) {
		alice, bob := hs.mustRegister(t, "alice"), hs.mustRegister(t, "bob")
		room := alice.mustCreate(t, `{"preset":"public_chat"}`)
		counts := func(joins, invites string) func(gjson.Result) bool {
			return func(answer gjson.Result) bool {
				summary := joined(answer, room).Get("summary")
				return summary.Get(`m\.joined_member_count`).Raw == joins && summary.Get(`m\.invited_member_count`).Raw == invites
			}
		}
		alice.mustSyncUntil(t, "oneself", counts("1", "0"))
		alice.mustInvite(t, room, bob)
		alice.mustSyncUntil(t, "one invitation", counts("1", "1"))
		bob.mustJoin(t, room)
		answer := alice.mustSyncUntil(t, "two members", counts("2", "0"))
		mustBe(t, "the heroes", strs(joined(answer, room).Get(`summary.m\.heroes`)), []string{bob.id})
		bob.mustSyncUntil(t, "two members", counts("2", "0"))
	},
}

// showsPresence wants the presence of a user.
func showsPresence(whom *asker) func(gjson.Result) bool {
	return func(answer gjson.Result) bool {
		return slices.Contains(strs(answer.Get(`presence.events.#.sender`)), whom.id)
	}
}

// mustHaveParts demands what the suite reads of a joined room that is told whole.
func mustHaveParts(t testing.TB, room gjson.Result) {
	t.Helper()
	for _, list := range []string{"timeline.events", "state.events", "ephemeral.events"} {
		if !room.Get(list).IsArray() {
			t.Errorf("%s: got %q, want a list", list, room.Get(list).Raw)
		}
	}
	if !room.Get("timeline.limited").IsBool() || room.Get("timeline.prev_batch").Str == "" {
		t.Errorf("got the timeline %s, want limited and prev_batch", room.Get("timeline").Raw)
	}
}

const withLeft = `{"room":{"include_leave":true}}`

var leftChecks = checks{
	"SyncLeaveSection": func(t *testing.T, hs *homeserver) {
		alice := hs.mustRegister(t, "alice")
		room := alice.mustCreate(t, `{}`)
		since := alice.mustSync(t).Get("next_batch").Str
		alice.mustLeave(t, room)
		for what, parameters := range map[string][]string{
			"initial":     {"filter", withLeft},
			"incremental": {"since", since},
			"full":        {"since", since, "full_state", "true", "filter", withLeft},
		} {
			answer := alice.mustSync(t, parameters...)
			mustBe(t, what+": the room is left", left(answer, room).Exists(), true)
			mustBe(t, what+": the room is joined", joined(answer, room).Exists(), false)
		}
		mustBe(t, "the left room is there unasked", left(alice.mustSync(t), room).Exists(), false)
	},
	"GappedSyncLeaveSection": func(t *testing.T, hs *homeserver) {
		alice := hs.mustRegister(t, "alice")
		filter := `{"room":{"timeline":{"limit":1}}}`
		room, other := alice.mustCreate(t, `{}`), alice.mustCreate(t, `{}`)
		since := alice.mustSync(t, "filter", filter).Get("next_batch").Str
		alice.mustLeave(t, room)
		for i := range 20 {
			alice.mustSay(t, other, fmt.Sprint("Filler message ", i))
		}
		answer := alice.mustSync(t, "filter", filter, "since", since)
		mustBe(t, "the room is left", left(answer, room).Exists(), true)
		mustBe(t, "the other timeline is limited", joined(answer, other).Get("timeline.limited").Bool(), true)
	},
	"ArchivedRoomsHistory": func(t *testing.T, hs *homeserver) {
		alice, bob := hs.mustRegister(t, "alice"), hs.mustRegister(t, "bob")
		room := alice.mustCreate(t, `{"preset":"public_chat"}`)
		bob.mustJoin(t, room)
		since := bob.mustSync(t).Get("next_batch").Str
		before := alice.mustSay(t, room, "before")
		alice.mustPutState(t, room, "a.madeup.test.state", "", `{"my_key":1}`)
		bob.mustLeave(t, room)
		after := alice.mustSay(t, room, "after")
		alice.mustPutState(t, room, "a.madeup.test.state", "", `{"my_key":2}`)
		for what, parameters := range map[string][]string{
			"initial":     {"filter", withLeft},
			"incremental": {"since", since},
		} {
			got := left(bob.mustSync(t, parameters...), room)
			ids := eventIDs(got.Get("timeline.events"))
			mustBe(t, what+": what was said before is there", slices.Contains(ids, before), true)
			mustBe(t, what+": what was said after is there", slices.Contains(ids, after), false)
			all := gjson.Parse("[" + join(got.Get("state.events"), got.Get("timeline.events")) + "]")
			mustBe(t, what+": the state", stateIn(all, "a.madeup.test.state", "").Get("content.my_key").Raw, "1")
			mustBe(t, what+": the last event's state key", got.Get("timeline.events|@reverse|0.state_key").Str, bob.id)
		}
		filter := `{"room":{"include_leave":true,"timeline":{"types":["m.room.message","a.madeup.test.state"]},"state":{"types":["a.madeup.test.state"]}}}`
		for _, parameters := range [][]string{{"filter", filter}, {"filter", filter, "since", since}} {
			got := left(bob.mustSync(t, parameters...), room)
			mustBe(t, "the filtered events", len(got.Get("timeline.events").Array()), 2)
			mustBe(t, "the first of them", got.Get("timeline.events.0.event_id").Str, before)
			mustBe(t, "the state beside them", len(got.Get("state.events").Array()), 0)
		}
	},
	"OlderLeftRoomsNotInLeaveSection": func(t *testing.T, hs *homeserver) {
		alice, bob := hs.mustRegister(t, "alice"), hs.mustRegister(t, "bob")
		room, other := alice.mustCreate(t, `{"preset":"public_chat"}`), bob.mustCreate(t, `{"preset":"public_chat"}`)
		bob.mustJoin(t, room)
		bob.mustLeave(t, room)
		since := bob.mustSync(t).Get("next_batch").Str
		alice.mustSay(t, room, "unheard")
		bob.mustSay(t, other, "elsewhere")
		alice.mustPutState(t, room, "m.room.member", alice.id, `{"membership":"join","filler":"x"}`)
		for _, filter := range []string{"", `{"room":{"include_leave":true,"timeline":{"limit":1}}}`} {
			answer := bob.mustSync(t, "since", since, "filter", filter)
			mustBe(t, "the left rooms", len(answer.Get("rooms.leave").Map()), 0)
			mustBe(t, "the other room is there", joined(answer, other).Exists(), true)
		}
	},
	"LeaveEventVisibility": func(t *testing.T, hs *homeserver) {
		alice, bob := hs.mustRegister(t, "alice"), hs.mustRegister(t, "bob")
		room := withHistory(t, alice, "joined")
		bob.mustJoin(t, room)
		since := bob.mustSync(t).Get("next_batch").Str
		bob.mustLeave(t, room)
		mustSeeLeave(t, bob, room, since)
		got := left(bob.mustSync(t, "since", since, "filter", withLeft), room)
		mustBe(t, "the events", len(got.Get("timeline.events").Array()), 1)
		mustBe(t, "the state beside them", len(got.Get("state.events").Array()), 0)
	},
	"LeaveEventInviteRejection": func(t *testing.T, hs *homeserver) {
		alice, bob := hs.mustRegister(t, "alice"), hs.mustRegister(t, "bob")
		room := withHistory(t, alice, "joined")
		alice.mustInvite(t, room, bob)
		since := bob.mustSync(t).Get("next_batch").Str
		bob.mustLeave(t, room)
		mustSeeLeave(t, bob, room, since)
	},
}

// join is the events of some lists, in this order.
func join(lists ...gjson.Result) (events string) {
	for _, list := range lists {
		for _, e := range list.Array() {
			if events != "" {
				events += ","
			}
			events += e.Raw
		}
	}
	return events
}

// mustSeeLeave demands that one's own leaving is in the timeline.
func mustSeeLeave(t testing.TB, a *asker, room, since string) {
	t.Helper()
	events := left(a.mustSync(t, "since", since), room).Get("timeline.events")
	mustBe(t, "the membership in the timeline", stateIn(events, "m.room.member", a.id).Get("content.membership").Str, "leave")
}
