package main_test

import (
	"net/http"
	"net/url"
	"slices"
	"testing"

	"github.com/tidwall/gjson"
)

var receiptsChecks = checks{
	"RoomReceipts": func(t *testing.T, hs *homeserver) {
		alice, bob := hs.mustRegister(t, "alice"), hs.mustRegister(t, "bob")
		room := alice.mustCreate(t, `{"preset":"public_chat"}`)
		bob.mustJoin(t, room)
		said := alice.mustSay(t, room, "hello")
		for _, reader := range []*asker{alice, bob} {
			reader.must(t, http.MethodPost, inRoom(room)+"/receipt/m.read/"+url.PathEscape(said), `{}`)
			answer := alice.mustSyncUntil(t, "the receipt", hasRead(room, said, reader))
			for _, e := range joined(answer, room).Get("ephemeral.events").Array() {
				mustBe(t, "the event has a room_id", e.Get("room_id").Exists(), false)
			}
		}
	},
	"RoomReadMarkers": func(t *testing.T, hs *homeserver) {
		alice := hs.mustRegister(t, "alice")
		room := alice.mustCreate(t, `{}`)
		said := alice.mustSay(t, room, "hello")
		alice.must(t, http.MethodPost, inRoom(room)+"/read_markers", `{"m.fully_read":%q,"m.read":%q}`, said, said)
		marked, read := false, false
		alice.mustSyncUntil(t, "the marker and the receipt", func(answer gjson.Result) bool {
			for _, e := range joined(answer, room).Get("account_data.events").Array() {
				marked = marked || e.Get("type").Str == "m.fully_read" && e.Get("content.event_id").Str == said
			}
			read = read || hasRead(room, said, alice)(answer)
			return marked && read
		})
	},
}

// hasRead wants a user's public receipt for an event.
func hasRead(room, event string, who *asker) func(gjson.Result) bool {
	return func(answer gjson.Result) bool {
		for _, e := range joined(answer, room).Get("ephemeral.events").Array() {
			receipt := member(member(e.Get("content"), event).Get(`m\.read`), who.id)
			if e.Get("type").Str == "m.receipt" && receipt.Get("ts").Int() > 0 {
				return true
			}
		}
		return false
	}
}

var typingChecks = checks{
	"Typing": func(t *testing.T, hs *homeserver) {
		alice, bob := hs.mustRegister(t, "alice"), hs.mustRegister(t, "bob")
		room := alice.mustCreate(t, `{"preset":"public_chat"}`)
		bob.mustJoin(t, room)
		for _, reader := range []*asker{alice, bob} {
			alice.must(t, http.MethodPut, inRoom(room)+"/typing/"+url.PathEscape(alice.id), `{"typing":true,"timeout":30000}`)
			reader.mustSyncUntil(t, "that somebody types", typing(room, alice.id))
			alice.must(t, http.MethodPut, inRoom(room)+"/typing/"+url.PathEscape(alice.id), `{"typing":false}`)
			reader.mustSyncUntil(t, "that nobody types", typing(room))
		}
		bob.mustBeRefused(t, http.StatusForbidden, "M_FORBIDDEN", http.MethodPut, inRoom(room)+"/typing/"+url.PathEscape(alice.id), `{"typing":true,"timeout":1000}`)
	},
	"LeakyTyping": func(t *testing.T, hs *homeserver) {
		alice, bob, charlie := hs.mustRegister(t, "alice"), hs.mustRegister(t, "bob"), hs.mustRegister(t, "charlie")
		ours, theirs := alice.mustCreate(t, `{"preset":"public_chat"}`), charlie.mustCreate(t, `{"preset":"public_chat"}`)
		bob.mustJoin(t, ours)
		bob.mustJoin(t, theirs)
		alice.must(t, http.MethodPut, inRoom(ours)+"/typing/"+url.PathEscape(alice.id), `{"typing":true,"timeout":30000}`)
		charlie.must(t, http.MethodPut, inRoom(theirs)+"/typing/"+url.PathEscape(charlie.id), `{"typing":true,"timeout":30000}`)
		alice.mustSyncUntil(t, "that Alice types", typing(ours, alice.id))
		charlie.mustSyncUntil(t, "that Charlie types", typing(theirs, charlie.id))
		bob.mustSyncUntil(t, "each in their room", func(answer gjson.Result) bool {
			return typing(ours, alice.id)(answer) && typing(theirs, charlie.id)(answer)
		})
	},
}

// typing wants that these users type in a room, and nobody else.
func typing(room string, users ...string) func(gjson.Result) bool {
	return func(answer gjson.Result) bool {
		for _, e := range joined(answer, room).Get("ephemeral.events").Array() {
			if e.Get("type").Str == "m.typing" && slices.Equal(strs(e.Get("content.user_ids")), users) {
				return true
			}
		}
		return false
	}
}
