package longpoll_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/clientapi/longpoll"
	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/rooms/event"
	"github.com/conversalabs/internalchat/storage/sqldb/sqltest"
)

// hamlets makes rooms with no more in them than one member, many in each act.
func (h *house) hamlets(count int) {
	h.Helper()
	for first := 0; first < count; first += 100 {
		h.act(ana, "", func(tx rooms.Tx) (last id.EventID, err error) {
			for n := range 100 {
				room := id.RoomID(fmt.Sprintf("!room%d:hs", first+n))
				key := string(ana)
				for _, d := range []event.Draft{
					{Type: "m.room.create", StateKey: new(string), Content: []byte(`{"room_version":"11"}`)},
					{Type: "m.room.member", StateKey: &key, Content: []byte(`{"membership":"join"}`)},
				} {
					d.Room, d.Sender, d.Timestamp = room, ana, clock.UnixMilli()-1000
					if last, err = h.draft(tx, d); err != nil {
						return "", err
					}
				}
			}
			return last, nil
		})
	}
}

// What it costs to open the list of rooms with its first twenty, and to learn of a
// message afterwards, does not depend on how many rooms there are. The quickest of
// many turns is compared, since only that tells of the work and not of what else
// the machine does.
func TestSlidingCostDoesNotGrow(t *testing.T) {
	if testing.Short() {
		t.Skip("makes thousands of rooms")
	}
	opening := strings.Replace(topTwenty, "room-list", "opening", 1)
	sizes := []int{100, 1000, 2000}
	type measured struct{ open, message, quiet time.Duration }
	var best [3]measured
	var houses [3]*house
	var polls [3]*longpoll.SlidingRequest
	var ends [3]*longpoll.SlidingRequest
	for i, size := range sizes {
		h := newHouse(t, sqltest.SQLite(t))
		houses[i] = h
		h.hamlets(size)
		pos := posOf(h.mustSlide(ana, everyRoom, ""))
		h.say(id.RoomID(fmt.Sprintf("!room%d:hs", size/2)), ana, "hello")
		h.GlanceOnly()
		first := h.mustSlide(ana, opening, "")
		mustEqual(t, "rooms in the first answer", len(slidRooms(first)), 20)
		mustEqual(t, "count", first.Get("lists.all_rooms.count").Int(), int64(size))
		polls[i] = slidingRequest(t, everyRoom, pos)
		told := h.mustSlide(ana, everyRoom, pos)
		mustEqual(t, "rooms with news", len(slidRooms(told)), 1)
		ends[i] = slidingRequest(t, everyRoom, posOf(told))
		mustEqual(t, "rooms at rest", len(slidRooms(h.mustSlide(ana, everyRoom, posOf(told)))), 0)
	}
	for range 60 {
		for i, h := range houses {
			turn := func(least *time.Duration, q *longpoll.SlidingRequest) {
				begun := time.Now()
				if _, err := h.Sliding(context.Background(), caller(ana), q); err != nil {
					t.Fatal(err)
				}
				if took := time.Since(begun); *least == 0 || took < *least {
					*least = took
				}
			}
			turn(&best[i].open, slidingRequest(t, opening, ""))
			turn(&best[i].message, polls[i])
			turn(&best[i].quiet, ends[i])
		}
	}
	for i, size := range sizes[1:] {
		for name, times := range map[string][2]time.Duration{
			"open":    {best[0].open, best[i+1].open},
			"message": {best[0].message, best[i+1].message},
			"quiet":   {best[0].quiet, best[i+1].quiet},
		} {
			ratio := float64(times[1]) / float64(times[0])
			t.Logf("%s: %v with %d rooms, %v with %d: %.2f times as long", name, times[0], sizes[0], times[1], size, ratio)
			if ratio > 2.5 {
				t.Errorf("%s takes %.2f times as long with %d rooms as with %d", name, ratio, size, sizes[0])
			}
		}
	}
}
