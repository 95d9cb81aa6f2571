package clientapi_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/tidwall/gjson"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/clientapi"
	"github.com/conversalabs/internalchat/clientapi/longpoll"
	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/rooms/push"
)

// unreadFixture is a room of Ana's with Bia in it, and what Bia's clients see.
type unreadFixture struct {
	*dataFixture
	room  id.RoomID
	since string
}

func newUnreadFixture(t *testing.T) *unreadFixture {
	t.Helper()
	f := &unreadFixture{dataFixture: newDataFixture(t)}
	now := func() time.Time { return time.Unix(1_700_000_000, 0) }
	unread := push.NewUnread(f.store, f.store)
	clientapi.SyncRoutes(f.API, longpoll.New(longpoll.Options{Rooms: f.rooms, Store: f.store, Unread: unread, Now: now}))
	clientapi.NotificationRoutes(f.API, unread, now)
	f.room = f.mustRoom()
	if err := f.rooms.Join(t.Context(), caller(keyBia), rooms.Move{Room: f.room}); err != nil {
		t.Fatal(err)
	}
	f.since = f.sync("").Get("next_batch").Str
	return f
}

// sync gives an answer to Bia.
func (f *unreadFixture) sync(filter string) gjson.Result {
	f.t.Helper()
	return f.read(step{as: "bia", method: get, path: "/sync?since=" + f.since + "&filter=" + url.QueryEscape(filter)})
}

// mustCount demands of one answer to Bia the room's counts: "2/1", and what is in
// the thread, "-" where there is nothing.
func (f *unreadFixture) mustCount(filter, root, want, inThread string) {
	f.t.Helper()
	answer := f.sync(filter)
	in := answer.Get("rooms.join").Map()[string(f.room)]
	line := func(counts gjson.Result) string {
		if !counts.Exists() {
			return "-"
		}
		return fmt.Sprintf("%d/%d", counts.Get("notification_count").Int(), counts.Get("highlight_count").Int())
	}
	got, thread := line(in.Get("unread_notifications")), line(in.Get("unread_thread_notifications").Map()[root])
	if got != want || thread != inThread {
		f.t.Errorf("%s: got %s, thread %s; want %s, thread %s: %s", filter, got, thread, want, inThread, in.Raw)
	}
	if inThread == "-" && in.Get("unread_thread_notifications").Exists() {
		f.t.Errorf("got unread_thread_notifications %s, want none", in.Get("unread_thread_notifications").Raw)
	}
}

const threadFilter = `{"room":{"timeline":{"unread_thread_notifications":true}}}`

func related(kind string, to id.EventID, body string) string {
	return fmt.Sprintf(`{"msgtype":"m.text","body":%q,"m.relates_to":{"rel_type":%q,"event_id":%q}}`, body, kind, to)
}

// Receipts of the main timeline, of a thread and of the whole room each clear what
// they are of. A is answered in a thread by B, C and E; C and D mention Bia; F
// refers to A, and G reacts to F.
func TestThreadedReceipts(t *testing.T) {
	t.Parallel()
	f := newUnreadFixture(t)
	a := f.mustSay(f.room, `{"msgtype":"m.text","body":"Bom dia!"}`)
	b := f.mustSay(f.room, related("m.thread", a, "Um fio"))
	f.mustSay(f.room, related("m.thread", a, "Veja, @bia:acme.test!"))
	d := f.mustSay(f.room, `{"msgtype":"m.text","body":"Oi, @bia:acme.test!"}`)
	f.mustSay(f.room, related("m.thread", a, "Fim"))
	ref := f.mustSay(f.room, related("m.reference", a, "Referência"))
	g, err := f.rooms.Send(t.Context(), caller(keyAna), rooms.Message{
		Room: f.room, Type: "m.reaction",
		Content: fmt.Appendf(nil, `{"m.relates_to":{"rel_type":"m.annotation","event_id":%q,"key":"x"}}`, ref),
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, read           string // the event that is read, and in which thread
		thread               string
		whole, main, threadA string
	}{
		{"nothing read", "", "", "6/2", "3/1", "3/1"},
		{"A in main", string(a), "main", "5/2", "2/1", "3/1"},
		{"B in the thread", string(b), string(a), "4/2", "2/1", "2/1"},
		{"D in the room", string(d), "", "2/0", "1/0", "1/0"},
		{"G in the thread", string(g), string(a), "1/0", "1/0", "-"},
	} {
		if c.read != "" {
			body := "{}"
			if c.thread != "" {
				body = `{"thread_id":"` + c.thread + `"}`
			}
			f.play(step{as: "bia", method: post, path: "/rooms/" + string(f.room) + "/receipt/m.read/" + c.read, body: body, status: 200, want: "{}"})
		}
		t.Log(c.name)
		f.mustCount("", string(a), c.whole, "-")
		f.mustCount(threadFilter, string(a), c.main, c.threadA)
	}
}

// What changes the counts is told in the very next answer, whatever the filter
// hides; what does not is not told.
func TestCountsAreTold(t *testing.T) {
	t.Parallel()
	f := newUnreadFixture(t)
	blind := `{"room":{"timeline":{"types":[]},"state":{"types":[]},"ephemeral":{"types":[]},"account_data":{"types":[]}},"account_data":{"types":[]},"presence":{"types":[]}}`
	next := func(want string) {
		t.Helper()
		f.mustCount(blind, "", want, "-")
		f.since = f.sync("").Get("next_batch").Str
		if rest := f.sync(blind); rest.Get("rooms").Exists() {
			t.Errorf("got %s again, want nothing new", rest.Raw)
		}
	}
	message := string(f.mustSay(f.room, `{"msgtype":"m.text","body":"oi"}`))
	next("1/0")
	f.mustSay(f.room, `{"msgtype":"m.text","body":"oi","m.mentions":{"user_ids":["@bia:acme.test"]}}`)
	next("2/1")
	f.play(step{as: "bia", method: post, path: "/rooms/" + string(f.room) + "/receipt/m.read.private/" + message, body: "{}", status: 200, want: "{}"})
	next("1/1")
	rule := "/pushrules/global/override/" + url.PathEscape(string(f.room))
	f.play(step{as: "bia", method: put, path: rule, body: `{"actions":[],"conditions":[{"kind":"event_match","key":"room_id","pattern":"` + string(f.room) + `"}]}`, status: 200, want: "{}"})
	next("0/0")
	f.play(step{as: "bia", method: remove, path: rule, status: 200, want: "{}"})
	next("1/1")
	f.play(step{as: "bia", method: put, path: "/pushrules/global/content/bolo", body: `{"pattern":"bolo","actions":["notify"]}`, status: 200, want: "{}"})
	if rest := f.sync(blind); rest.Get("rooms").Exists() {
		t.Errorf("a rule that changes no count: got %s, want nothing", rest.Raw)
	}
}

func TestNotifications(t *testing.T) {
	t.Parallel()
	f := newUnreadFixture(t)
	f.mustSay(f.room, `{"msgtype":"m.notice","body":"notice"}`)
	for i := range 5 {
		mentions := ""
		if i%2 == 1 {
			mentions = `"@bia:acme.test"`
		}
		sent := f.mustSay(f.room, fmt.Sprintf(`{"msgtype":"m.text","body":"n%d","m.mentions":{"user_ids":[%s]}}`, i, mentions))
		if i == 2 {
			f.play(step{as: "bia", method: post, path: "/rooms/" + string(f.room) + "/receipt/m.read/" + string(sent), body: "{}", status: 200, want: "{}"})
		}
	}
	f.mustSay(f.mustRoom(), `{"msgtype":"m.text","body":"elsewhere, bia"}`)

	var found []string
	path := "/notifications?limit=2"
	for range 5 {
		answer := f.read(step{as: "bia", method: get, path: path})
		for _, n := range answer.Get("notifications").Array() {
			found = append(found, n.Get("event.content.body").Str+" "+n.Get("read").Raw)
			if n.Get("room_id").Str != string(f.room) || n.Get("ts").Int() != 1_700_000_000_000 || n.Get("actions.0").Str != "notify" ||
				n.Get("event.room_id").Exists() || n.Get("event.unsigned.age").Raw != "0" {
				t.Errorf("got %s", n.Raw)
			}
		}
		next := answer.Get("next_token").Str
		if next == "" {
			break
		}
		path = "/notifications?limit=2&from=" + next
	}
	if got, want := strings.Join(found, ", "), "n4 false, n3 false, n2 true, n1 true, n0 true"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	var highlights []string
	for _, n := range f.read(step{as: "bia", method: get, path: "/notifications?only=highlight"}).Get("notifications").Array() {
		highlights = append(highlights, n.Get("event.content.body").Str)
	}
	if got, want := strings.Join(highlights, ", "), "n3, n1"; got != want {
		t.Errorf("highlights: got %s, want %s", got, want)
	}
	f.play(step{as: "eve", method: get, path: "/notifications", status: 200, want: `{"notifications":[]}`})
	f.play(step{as: nobody, method: get, path: "/notifications", status: http.StatusUnauthorized, want: "M_MISSING_TOKEN"})
	f.play(step{as: "bia", method: get, path: "/notifications?from=x", status: http.StatusBadRequest, want: "M_INVALID_PARAM"})
	f.play(step{as: "bia", method: get, path: "/notifications?limit=x", status: http.StatusBadRequest, want: "M_INVALID_PARAM"})
}
