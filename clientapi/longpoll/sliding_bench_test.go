package longpoll_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/conversalabs/internalchat/storage/sqldb/sqltest"
)

// topTwenty opens a list of rooms as Element X does.
const topTwenty = `{"conn_id":"room-list","lists":{"all_rooms":{"ranges":[[0,19]],"timeline_limit":1,
	"required_state":[["m.room.name",""],["m.room.member","$LAZY"],["m.room.member","$ME"],["m.room.topic",""],["m.room.create",""]],
	"filters":{"not_room_types":["m.space"]}}},
	"extensions":{"account_data":{"enabled":true},"receipts":{"enabled":true},"typing":{"enabled":true}}}`

// everyRoom is the same list once it has grown.
const everyRoom = `{"conn_id":"room-list","lists":{"all_rooms":{"ranges":[[0,9999]],"timeline_limit":1,
	"required_state":[["m.room.name",""],["m.room.member","$LAZY"],["m.room.member","$ME"],["m.room.topic",""],["m.room.create",""]],
	"filters":{"not_room_types":["m.space"]}}}}`

// BenchmarkSlidingOpens is what it costs to open a list of so many rooms: cold is
// the first request after the server's start, warm each that follows.
func BenchmarkSlidingOpens(b *testing.B) {
	for _, rooms := range []int{100, 1000, 2000, 5000} {
		h := newHouse(b, sqltest.SQLite(b))
		h.crowd(rooms, 5)
		open := func(b *testing.B) {
			if _, err := h.Sliding(context.Background(), caller(ana), slidingRequest(b, topTwenty, "")); err != nil {
				b.Fatal(err)
			}
		}
		b.Run(fmt.Sprintf("cold/%d", rooms), func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				h.restart()
				b.StartTimer()
				open(b)
			}
		})
		b.Run(fmt.Sprintf("warm/%d", rooms), func(b *testing.B) {
			b.ReportAllocs()
			open(b)
			for b.Loop() {
				open(b)
			}
		})
		b.Run(fmt.Sprintf("message/%d", rooms), func(b *testing.B) {
			pos := posOf(h.mustSlide(ana, everyRoom, ""))
			h.say("!room0:hs", ana, "hello")
			h.GlanceOnly()
			q := slidingRequest(b, everyRoom, pos)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := h.Sliding(context.Background(), caller(ana), q); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
