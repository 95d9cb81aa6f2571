package longpoll_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/tidwall/gjson"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/rooms/event"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/sqldb/sqltest"
)

// relate says something that relates to another event.
func (h *house) relate(room id.RoomID, sender id.UserID, to id.EventID, relType, body string) id.EventID {
	h.Helper()
	h.sent++
	d := event.Draft{
		Room: room, Sender: sender, Type: "m.room.message", Timestamp: clock.UnixMilli() - 100_000 + h.sent*1000,
		Content: json.RawMessage(`{"body":"` + body + `","m.new_content":{"body":"` + body + `"},"m.relates_to":{"rel_type":"` + relType + `","event_id":"` + string(to) + `"}}`),
	}
	return h.act(sender, "", func(tx rooms.Tx) (id.EventID, error) { return h.draft(tx, d) })
}

// TestBundlesInTimelines: out of memory as out of the database.
func TestBundlesInTimelines(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		h := newHouse(t, db)
		for _, room := range []id.RoomID{room1, room2} {
			h.found(room, ana, "shared")
			h.member(room, bea, bea, "join")
		}
		token := h.mustSync(bea).Get("next_batch").String()
		root := h.say(room1, ana, "root")
		h.relate(room1, ana, root, "m.replace", "edited")
		h.relate(room1, bea, root, "m.thread", "one")
		h.relate(room1, ana, root, "m.thread", "two")
		other := h.say(room2, ana, "elsewhere")
		h.relate(room2, ana, other, "m.reference", "see")
		many := filtered(t, `{"room":{"timeline":{"limit":100}}}`)
		check := func() {
			t.Helper()
			for _, answer := range []gjson.Result{h.mustSync(bea, many), h.mustSync(bea, many, since(token))} {
				at := func(room id.RoomID, of id.EventID, path string) string {
					events := inRoom(answer, "join", room, "timeline.events")
					return events.Get(`#(event_id=="` + string(of) + `").unsigned.m\.relations.` + path).String()
				}
				mustEqual(t, "edit", at(room1, root, `m\.replace.content.body`), "edited")
				mustEqual(t, "thread", at(room1, root, `m\.thread.count`), "2")
				mustEqual(t, "participation", at(room1, root, `m\.thread.current_user_participated`), "true")
				mustEqual(t, "latest reply", at(room1, root, `m\.thread.latest_event.content.body`), "two")
				mustEqual(t, "references", at(room2, other, `m\.reference.chunk.#`), "1")
			}
		}
		check()
		for i := range 2*rooms.RecentEvents + 1 {
			h.say(room1, ana, fmt.Sprint(i))
		}
		check()
		h.restart()
		check()
	})
}

// TestTimelineOfRelated: a filter may ask for what others relate to.
func TestTimelineOfRelated(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		h := newHouse(t, db)
		h.found(room1, ana, "shared")
		token := h.mustSync(ana).Get("next_batch").String()
		one := h.say(room1, ana, "one")
		for i := range 50 {
			h.say(room1, ana, fmt.Sprint(i))
		}
		two := h.say(room1, ana, "two")
		h.relate(room1, ana, one, "m.thread", "x")
		h.relate(room1, ana, two, "m.thread", "y")
		threads := filtered(t, `{"room":{"timeline":{"related_by_rel_types":["m.thread"]}}}`)
		for range 2 {
			for _, answer := range []gjson.Result{h.mustSync(ana, threads), h.mustSync(ana, threads, since(token))} {
				mustEqual(t, "timeline", names(inRoom(answer, "join", room1, "timeline.events")), []string{"one", "two"})
			}
			h.restart()
		}
	})
}
