package clientapi_test

import (
	"testing"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/storage/stream"
)

// receipts gives what is kept of somebody's receipts in a room, by key.
func (f *dataFixture) receipts(user id.UserID, room id.RoomID) map[string]string {
	f.t.Helper()
	items, err := f.store.Items(f.t.Context(), "acme", stream.ItemQuery{
		Kinds: []stream.Kind{stream.Receipt}, User: user, Rooms: []id.RoomID{room},
	})
	if err != nil {
		f.t.Fatal(err)
	}
	found := map[string]string{}
	for _, item := range items {
		found[item.Key] = string(item.Content)
	}
	return found
}

func TestReceipts(t *testing.T) {
	t.Parallel()
	f := newDataFixture(t)
	room := f.mustRoom()
	first, second := f.mustSay(room, `{"body":"1"}`), f.mustSay(room, `{"body":"2"}`)
	f.name("ROOM", string(room), "FIRST", string(first), "SECOND", string(second))
	const receipt = "/rooms/ROOM/receipt/"
	f.play(
		step{method: post, path: receipt + "m.read/FIRST", body: `{}`, status: 200, want: `{}`},
		step{method: post, path: receipt + "m.read.private/SECOND", status: 200, want: `{}`},
		step{method: post, path: receipt + "m.read/SECOND", body: `{"thread_id":"main"}`, status: 200, want: `{}`},
		step{method: post, path: receipt + "m.fully_read/SECOND", body: `{}`, status: 200, want: `{}`},
		step{method: get, path: "/user/USER/rooms/ROOM/account_data/m.fully_read", status: 200, want: `{"event_id":"SECOND"}`},
	)
	for key, want := range map[string]string{
		"m.read|":         `{"event_id":"FIRST","ts":1700000000000}`,
		"m.read.private|": `{"event_id":"SECOND","ts":1700000000000}`,
		"m.read|main":     `{"event_id":"SECOND","ts":1700000000000,"thread_id":"main"}`,
	} {
		if got := f.receipts(keyAna, room)[key]; got != f.replace.Replace(want) {
			t.Errorf("receipt %s: got %s, want %s", key, got, f.replace.Replace(want))
		}
	}
	// Backwards is no refusal, and no movement.
	f.play(
		step{method: post, path: receipt + "m.read.private/FIRST", body: `{}`, status: 200, want: `{}`},
		step{method: post, path: "/rooms/ROOM/read_markers", body: `{"m.fully_read":"FIRST","m.read":"SECOND"}`, status: 200, want: `{}`},
		step{method: get, path: "/user/USER/rooms/ROOM/account_data/m.fully_read", status: 200, want: `{"event_id":"SECOND"}`},
	)
	after := f.receipts(keyAna, room)
	if got, want := after["m.read.private|"], f.replace.Replace(`{"event_id":"SECOND","ts":1700000000000}`); got != want {
		t.Errorf("after going back: got %s, want %s", got, want)
	}
	if got, want := after["m.read|"], f.replace.Replace(`{"event_id":"SECOND","ts":1700000000000}`); got != want {
		t.Errorf("after read_markers: got %s, want %s", got, want)
	}
}

func TestReceiptsAreRefused(t *testing.T) {
	t.Parallel()
	f := newDataFixture(t)
	room, other := f.mustRoom(), f.mustRoom()
	f.name("ROOM", string(room), "EVENT", string(f.mustSay(room, `{}`)), "ELSEWHERE", string(f.mustSay(other, `{}`)))
	const receipt = "/rooms/ROOM/receipt/"
	f.play(
		step{method: post, path: receipt + "m.seen/EVENT", body: `{}`, status: 400, want: "M_INVALID_PARAM"},
		step{method: post, path: receipt + "m.read/$none", body: `{}`, status: 404, want: "M_NOT_FOUND"},
		step{method: post, path: receipt + "m.read/ELSEWHERE", body: `{}`, status: 404, want: "M_NOT_FOUND"},
		step{method: post, path: receipt + "m.read/EVENT", body: `{"thread_id":""}`, status: 400, want: "M_INVALID_PARAM"},
		step{method: post, path: receipt + "m.read/EVENT", body: `{"thread_id":5}`, status: 400, want: "M_INVALID_PARAM"},
		step{method: post, path: receipt + "m.read/EVENT", body: `{"thread_id":null}`, status: 400, want: "M_INVALID_PARAM"},
		step{method: post, path: receipt + "m.read/EVENT", body: `{"thread_id":"$none"}`, status: 400, want: "M_INVALID_PARAM"},
		step{method: post, path: receipt + "m.fully_read/EVENT", body: `{"thread_id":"main"}`, status: 400, want: "M_INVALID_PARAM"},
		step{as: "bia", method: post, path: receipt + "m.read/EVENT", body: `{}`, status: 403, want: "M_FORBIDDEN"},
		step{as: "eve", method: post, path: receipt + "m.read/EVENT", body: `{}`, status: 403, want: "M_FORBIDDEN"},
		step{method: post, path: "/rooms/!none:acme.test/receipt/m.read/EVENT", body: `{}`, status: 403, want: "M_FORBIDDEN"},
		step{method: post, path: "/rooms/ROOM/read_markers", body: `{"m.read":"EVENT","m.fully_read":"$none"}`, status: 404, want: "M_NOT_FOUND"},
		step{method: post, path: "/rooms/ROOM/read_markers", body: `{"m.read":5}`, status: 400, want: "M_BAD_JSON"},
	)
	if got := f.receipts(keyAna, room); len(got) != 0 {
		t.Errorf("refused receipts left %v", got)
	}
}

func TestReceiptsOfThreads(t *testing.T) {
	t.Parallel()
	f := newDataFixture(t)
	room := f.mustRoom()
	root := string(f.mustSay(room, `{}`))
	reply := string(f.mustSay(room, `{"m.relates_to":{"rel_type":"m.thread","event_id":"`+root+`"}}`))
	reaction := string(f.mustSay(room, `{"m.relates_to":{"rel_type":"m.annotation","event_id":"`+reply+`"}}`))
	plain := string(f.mustSay(room, `{}`))
	f.name("ROOM", string(room), "ROOT", root, "REPLY", reply, "REACTION", reaction, "PLAIN", plain)
	const read = "/rooms/ROOM/receipt/m.read/"
	f.play(
		step{method: post, path: read + "ROOT", body: `{"thread_id":"ROOT"}`, status: 200, want: `{}`},
		step{method: post, path: read + "REPLY", body: `{"thread_id":"ROOT"}`, status: 200, want: `{}`},
		step{method: post, path: read + "REACTION", body: `{"thread_id":"ROOT"}`, status: 200, want: `{}`},
		step{method: post, path: read + "PLAIN", body: `{"thread_id":"ROOT"}`, status: 400, want: "M_INVALID_PARAM"},
		step{method: post, path: read + "REPLY", body: `{"thread_id":"main"}`, status: 400, want: "M_INVALID_PARAM"},
		step{method: post, path: read + "ROOT", body: `{"thread_id":"main"}`, status: 200, want: `{}`},
		step{method: post, path: read + "REPLY", body: `{}`, status: 200, want: `{}`},
	)
	got := f.receipts(keyAna, room)
	if want := f.replace.Replace(`{"event_id":"REACTION","ts":1700000000000,"thread_id":"ROOT"}`); got["m.read|"+root] != want {
		t.Errorf("the thread: got %s, want %s", got["m.read|"+root], want)
	}
	if len(got) != 3 {
		t.Errorf("got %d receipts, want those of the thread, of main and of the room", len(got))
	}
}

func TestTyping(t *testing.T) {
	t.Parallel()
	f := newDataFixture(t)
	room := f.mustRoom()
	f.name("ROOM", string(room))
	const typing = "/rooms/ROOM/typing/USER"
	mustType := func(want ...id.UserID) {
		t.Helper()
		var got []id.UserID
		in, _ := f.rooms.Typing().Now("acme", func(id.RoomID) bool { return true })
		for _, room := range in {
			got = append(got, room.Users...)
		}
		if len(got) != len(want) || len(got) > 0 && got[0] != want[0] {
			t.Errorf("got %v typing, want %v", got, want)
		}
	}
	f.play(
		step{method: put, path: typing, body: `{"timeout":1000}`, status: 400, want: "M_MISSING_PARAM"},
		step{method: put, path: typing, body: `{"typing":"yes"}`, status: 400, want: "M_BAD_JSON"},
		step{method: put, path: typing, body: `{"typing":true,"timeout":-1}`, status: 400, want: "M_INVALID_PARAM"},
		step{as: "bia", method: put, path: typing, body: `{"typing":true}`, status: 403, want: "M_FORBIDDEN"},
		step{as: "bia", method: put, path: "/rooms/ROOM/typing/@bia:acme.test", body: `{"typing":true}`, status: 403, want: "M_FORBIDDEN"},
		step{method: put, path: "/rooms/!none:acme.test/typing/USER", body: `{"typing":true}`, status: 403, want: "M_FORBIDDEN"},
	)
	mustType()
	f.play(step{method: put, path: typing, body: `{"typing":true,"timeout":9000000000000000}`, status: 200, want: `{}`})
	mustType(keyAna)
	f.play(step{method: put, path: typing, body: `{"typing":false}`, status: 200, want: `{}`})
	mustType()
}
