package main

import (
	"fmt"
	"net/http"
	"testing"
)

// BenchmarkSidebar reads the sidebar of somebody in 500 rooms, 50 of which are direct
// messages: with everything in memory, after a message, and on a server that has just
// started.
func BenchmarkSidebar(b *testing.B) {
	f := newTeam(b)
	var last string
	for i := range 450 {
		last = f.create("ana", fmt.Sprintf(`{"preset":"public_chat","name":"Room %d","topic":"What is said in room %d","invite":["@bia:home.test"]}`, i, i))
		f.send("ana", last, "m.room.message", `{"msgtype":"m.text","body":"A message of a usual length, as they are"}`)
	}
	for i := range 50 {
		bot := f.must(f.tokens["ana"], http.MethodPost, product+"/admin/bots", fmt.Sprintf(`{"name":"b%d"}`, i)).Get("user_id").Str
		f.create("bia", `{"is_direct":true,"invite":["`+bot+`"]}`)
	}
	read := func(b *testing.B) {
		b.Helper()
		if got := f.must(f.tokens["bia"], http.MethodGet, product+"/rooms", "").Get("rooms.#").Int(); got != 500 {
			b.Fatalf("got %d rooms, want 500", got)
		}
	}
	b.Run("warm", func(b *testing.B) {
		read(b)
		for b.Loop() {
			read(b)
		}
	})
	b.Run("after a message", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			f.send("ana", last, "m.room.message", `{"msgtype":"m.text","body":"One more"}`)
			b.StartTimer()
			read(b)
		}
	})
	b.Run("cold", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			again, err := openHouse(b.Context(), f.house.cfg, f.house.log)
			if err != nil {
				b.Fatal(err)
			}
			f.API = again.api()
			b.StartTimer()
			read(b)
			b.StopTimer()
			again.close()
			b.StartTimer()
		}
	})
}
