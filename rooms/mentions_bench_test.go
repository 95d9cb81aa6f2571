package rooms_test

import (
	"encoding/json"
	"testing"

	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/storage/sqldb/sqltest"
)

// BenchmarkSend sends messages that mention nobody, and somebody, into a channel.
func BenchmarkSend(b *testing.B) {
	o := newOffice(b, sqltest.SQLite(b))
	o.policy = rooms.TeamPolicy
	room := o.mustCreate(rooms.Creation{})
	for name, content := range map[string]string{
		"plain":   `{"msgtype":"m.text","body":"A message of a usual length, as they are"}`,
		"mention": `{"msgtype":"m.text","body":"A message of a usual length, as they are","m.mentions":{"user_ids":["@bia:acme.example"]}}`,
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetParallelism(32)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if _, err := o.Send(b.Context(), by(ana), rooms.Message{Room: room, Type: "m.room.message", Content: json.RawMessage(content)}); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}
