package event_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/rooms/event"
)

// bigRoom is a room that lists 500 users in its power levels.
func bigRoom(b *testing.B) *room {
	r := mustRoom(b, "11")
	users := map[id.UserID]int64{ana: 100}
	for i := range 500 {
		users[id.UserID(fmt.Sprintf("@user%d:example.org", i))] = 50
	}
	content, err := json.Marshal(map[string]any{"users": users})
	if err != nil {
		b.Fatal(err)
	}
	r.mustSend(b, ana, "m.room.power_levels", "", string(content))
	return r
}

func BenchmarkBuildMessage(b *testing.B) {
	for _, body := range []string{
		`{"body":"a small message","msgtype":"m.text"}`,
		`{"msgtype": "m.text", "body": "a small message"}`,
	} {
		r := bigRoom(b)
		d := r.draft(bea, "m.room.message", "-", body)
		b.Run(fmt.Sprintf("%d bytes", len(body)), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := event.Build("11", d, r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkAuthoriseMessage(b *testing.B) {
	r := bigRoom(b)
	e := r.mustSend(b, bea, "m.room.message", "-", `{"body":"a small message","msgtype":"m.text"}`)
	b.ReportAllocs()
	for b.Loop() {
		if err := event.Authorise("11", e, nil, r); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAuthoriseState(b *testing.B) {
	r := bigRoom(b)
	e := r.mustSend(b, ana, "m.room.topic", "", `{"topic":"x"}`)
	b.ReportAllocs()
	for b.Loop() {
		if err := event.Authorise("11", e, nil, r); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParse(b *testing.B) {
	r := mustRoom(b, "11")
	e := r.mustSend(b, bea, "m.room.message", "-", `{"body":"a small message","msgtype":"m.text"}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := event.Parse("11", e.ID, e.JSON); err != nil {
			b.Fatal(err)
		}
	}
}
