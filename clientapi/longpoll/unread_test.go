package longpoll_test

import (
	"fmt"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/conversalabs/internalchat/storage/stream"
)

// Counts that change are told even where the filter hides what changed them, from
// memory and from the database; a poll that learns of no change waits on.
func TestCountsBehindFilters(t *testing.T) {
	h := sqliteHouse(t)
	h.found(room1, ana, "shared")
	h.member(room1, bea, bea, "join")
	h.found(room2, ana, "shared")
	h.member(room2, bea, bea, "join")
	blind := filtered(t, `{"room":{"timeline":{"types":[]},"state":{"types":[]},"ephemeral":{"types":[]},"account_data":{"types":[]}},"account_data":{"types":[]}}`)
	mustTell := func(token, want string) string {
		t.Helper()
		answer := h.mustSyncTwice(bea, token, blind)
		got := inRoom(answer, "join", room1, "unread_notifications.notification_count").Raw
		if got != want || len(answer.Get("rooms.join").Map()) > 1 {
			t.Errorf("got %q unread in the room, want %q: %s", got, want, answer.Raw)
		}
		return answer.Get("next_batch").String()
	}
	receipt := func(kind string, event any) {
		t.Helper()
		h.put(stream.Item{Kind: stream.Receipt, User: bea, Room: room1, Key: kind + "|", Content: fmt.Appendf(nil, `{"event_id":"%s","ts":1}`, event)})
	}
	token := h.mustSync(bea, blind).Get("next_batch").String()
	first := h.say(room1, ana, "olá")
	token = mustTell(token, "1")
	h.say(room1, ana, "de novo")
	token = mustTell(token, "2")
	receipt("m.read.private", first)
	token = mustTell(token, "1")
	last := h.say(room1, ana, "e de novo")
	token = mustTell(token, "2")
	receipt("m.read", last)
	token = mustTell(token, "0")
	h.state(room1, ana, "m.room.topic", "", `{"topic":"x"}`)
	if answer := h.mustSync(bea, since(token), blind); answer.Get("rooms").Exists() {
		t.Errorf("got %s, want nothing", answer.Raw)
	}
}

// A rule that mutes a room shows in the next answer, of this room alone.
func TestMutingShows(t *testing.T) {
	h := sqliteHouse(t)
	h.found(room1, ana, "shared")
	h.member(room1, bea, bea, "join")
	h.found(room2, ana, "shared")
	h.member(room2, bea, bea, "join")
	h.say(room1, ana, "olá")
	h.say(room2, ana, "olá")
	token := h.mustSync(bea).Get("next_batch").String()
	h.put(stream.Item{Kind: stream.AccountData, User: bea, Key: "m.push_rules", Content: []byte(`{"global":{"room":[{"rule_id":"` + string(room1) + `","actions":[]}]}}`)})
	counts := func(answer gjson.Result) map[string]gjson.Result {
		all := map[string]gjson.Result{}
		for room, in := range answer.Get("rooms.join").Map() {
			all[room] = in.Get("unread_notifications.notification_count")
		}
		return all
	}
	if got := counts(h.mustSync(bea, since(token))); len(got) != 1 || got[string(room1)].Raw != "0" {
		t.Errorf("got %v, want 0 in the muted room alone", got)
	}
	h.restart()
	if got := counts(h.mustSync(bea, since(token))); got[string(room1)].Raw != "0" || got[string(room2)].Raw != "1" {
		t.Errorf("from the database: got %v, want 0 in the muted room and 1 in the other", got)
	}
}
