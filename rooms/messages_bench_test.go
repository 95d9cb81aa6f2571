package rooms_test

import (
	"fmt"
	"testing"

	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/storage/sqldb/sqltest"
)

// BenchmarkMessages reads a page of 30 events: the newest, which are in memory,
// and older ones, which are not; each also with the senders' member events.
func BenchmarkMessages(b *testing.B) {
	o := newOffice(b, sqltest.SQLite(b))
	room := o.mustCreate(rooms.Creation{})
	for i := range 200 {
		o.mustSend(room, fmt.Sprint("message ", i))
	}
	lazy, err := rooms.ParseRoomEventFilter([]byte(`{"lazy_load_members":true}`))
	o.must(err)
	newest := rooms.PageRequest{Room: room, Direction: rooms.Backwards, Limit: 30}
	first, _ := o.page(ana, rooms.PageRequest{Room: room, Direction: rooms.Backwards, Limit: 100})
	older := newest
	older.From = first.End
	for _, c := range []struct {
		name string
		q    rooms.PageRequest
	}{{"newest", newest}, {"older", older}} {
		for name, filter := range map[string]*rooms.RoomEventFilter{"": nil, "/lazy": lazy} {
			c.q.Filter = filter
			b.Run(c.name+name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if _, err := o.Messages(b.Context(), by(ana), c.q); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
