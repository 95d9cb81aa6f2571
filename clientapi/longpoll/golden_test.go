package longpoll_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/clientapi/longpoll"
	"github.com/conversalabs/internalchat/storage/stream"
)

var update = flag.Bool("update", false, "write the golden files anew")

var eventID = regexp.MustCompile(`\$[A-Za-z0-9_-]{43}`)

// mustBeGolden compares an answer with a file of testdata, with event IDs
// numbered in the order in which they appear.
func mustBeGolden(t *testing.T, name, answer string) {
	t.Helper()
	numbers := map[string]string{}
	got := eventID.ReplaceAllStringFunc(pretty(t, answer), func(found string) string {
		if numbers[found] == "" {
			numbers[found] = fmt.Sprintf("$event%d", len(numbers)+1)
		}
		return numbers[found]
	}) + "\n"
	path := filepath.Join("testdata", name+".json")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

// One conversation, as its members' clients read it.
func TestGolden(t *testing.T) {
	h := sqliteHouse(t)
	h.found(room1, ana, "shared")
	h.state(room1, ana, "m.room.name", "", `{"name":"Sales"}`)
	h.put(stream.Item{Kind: stream.AccountData, User: ana, Key: "m.direct", Content: []byte(`{}`)})
	first := h.mustSync(ana)
	mustBeGolden(t, "initial", first.Raw)

	token := first.Get("next_batch").String()
	message := h.say(room1, ana, "Olá \\\"mundo\\\"")
	h.state(room1, ana, "m.room.name", "", `{"name":"Sales team"}`)
	h.member(room1, ana, bea, "invite")
	mustBeGolden(t, "invite", h.mustSync(bea).Raw)
	h.member(room1, bea, bea, "join")
	h.redact(room1, ana, message)
	h.put(
		stream.Item{Kind: stream.Receipt, User: bea, Room: room1, Key: "m.read|", Content: fmt.Appendf(nil, `{"event_id":"%s","ts":1}`, message)},
		stream.Item{Kind: stream.AccountData, User: ana, Room: room1, Key: "m.tag", Content: []byte(`{"tags":{"m.favourite":{"order":0.5}}}`)},
		stream.Item{Kind: stream.ToDevice, User: ana, Key: "Dana", Content: []byte(`{"content":{},"sender":"@bea:hs","type":"m.dummy"}`)},
		stream.Item{Kind: stream.Presence, User: bea, Content: []byte(`{"presence":"online"}`)},
	)
	mustBeGolden(t, "incremental", h.mustSyncTwice(ana, token).Raw)
	limited := filtered(t, `{"room":{"timeline":{"limit":1},"state":{"lazy_load_members":true}}}`)
	mustBeGolden(t, "limited", h.mustSyncTwice(ana, token, limited).Raw)
	mustBeGolden(t, "full_state", h.mustSync(ana, since(token), limited, func(q *longpoll.Request) { q.FullState, q.UseStateAfter = true, true }).Raw)

	token = h.mustSync(bea).Get("next_batch").String()
	threads := filtered(t, `{"room":{"timeline":{"unread_thread_notifications":true}}}`)
	root := h.say(room1, ana, "bea, veja")
	h.content(room1, ana, `{"body":"fio","m.mentions":{"user_ids":["@bea:hs"]},"m.relates_to":{"rel_type":"m.thread","event_id":"`+string(root)+`"}}`)
	h.content(room1, ana, `{"body":"mais","m.mentions":{}}`)
	mustBeGolden(t, "unread", h.mustSyncTwice(bea, token).Raw)
	mustBeGolden(t, "unread_threads", h.mustSyncTwice(bea, token, threads).Raw)

	token = h.mustSync(bea).Get("next_batch").String()
	h.member(room1, ana, bea, "leave")
	mustBeGolden(t, "left", h.mustSyncTwice(bea, token).Raw)
	h.member(room1, "@davi:hs", id.UserID("@davi:hs"), "knock")
	mustBeGolden(t, "knock", h.mustSync("@davi:hs").Raw)
}
