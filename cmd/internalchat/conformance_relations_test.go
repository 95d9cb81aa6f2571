package main_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/tidwall/gjson"
)

// mustReply sends a text into a thread.
func (a *asker) mustReply(t testing.TB, room, root, text string) string {
	t.Helper()
	return a.mustSend(t, room, "m.room.message",
		`{"msgtype":"m.text","body":%q,"m.relates_to":{"rel_type":"m.thread","event_id":%q}}`, text, root)
}

// inRelations is the path of what relates to an event.
func inRelations(room, event string) string {
	return "/_matrix/client/v1" + inRoom(room) + "/relations/" + url.PathEscape(event)
}

var relationsChecks = checks{
	"Relations": func(t *testing.T, hs *homeserver) {
		alice := hs.mustRegister(t, "alice")
		room := alice.mustCreate(t, `{"preset":"public_chat"}`)
		root := alice.mustSay(t, room, "root")
		reply := alice.mustReply(t, room, root, "reply")
		other := alice.mustSend(t, room, "dummy", `{"body":"x","m.relates_to":{"rel_type":"m.thread","event_id":%q}}`, root)
		edit := alice.mustSend(t, room, "m.room.message",
			`{"msgtype":"m.text","body":"* x","m.new_content":{"msgtype":"m.text","body":"x"},"m.relates_to":{"rel_type":"m.replace","event_id":%q}}`, root)
		alice.mustSay(t, room, "elsewhere")
		for path, want := range map[string][]string{
			"":                         {edit, other, reply},
			"/m.thread":                {other, reply},
			"/m.thread/dummy":          {other},
			"/m.thread/m.room.message": {reply},
			"/m.reference":             nil,
		} {
			mustBe(t, path, eventIDs(alice.must(t, http.MethodGet, inRelations(room, root)+path, "").Get("chunk")), want)
		}
		alice.mustBeRefused(t, http.StatusNotFound, "M_NOT_FOUND", http.MethodGet, inRelations(room, "$nothing"), "")
	},
	"RelationsPagination": func(t *testing.T, hs *homeserver) {
		alice := hs.mustRegister(t, "alice")
		room := alice.mustCreate(t, `{"preset":"public_chat"}`)
		root := alice.mustSay(t, room, "root")
		var replies []string
		for i := range 10 {
			replies = append(replies, alice.mustReply(t, room, root, fmt.Sprint("reply ", i)))
		}
		mustPage(t, alice, room, root, "f", "", replies)
		slices.Reverse(replies)
		mustPage(t, alice, room, root, "b", "", replies)
	},
	"RelationsPaginationSync": func(t *testing.T, hs *homeserver) {
		alice := hs.mustRegister(t, "alice")
		room := alice.mustCreate(t, `{"preset":"public_chat"}`)
		root := alice.mustSay(t, room, "root")
		var before, after []string
		for i := range 5 {
			before = append(before, alice.mustReply(t, room, root, fmt.Sprint("before ", i)))
		}
		from := alice.mustSync(t).Get("next_batch").Str
		for i := range 5 {
			after = append(after, alice.mustReply(t, room, root, fmt.Sprint("after ", i)))
		}
		mustPage(t, alice, room, root, "f", from, after)
		upTo := alice.must(t, http.MethodGet, inRelations(room, root)+"?"+query("dir", "f", "to", from), "")
		mustBe(t, "the relations up to the token", eventIDs(upTo.Get("chunk")), before)
		slices.Reverse(before)
		mustPage(t, alice, room, root, "b", from, before)
	},
	"ThreadsEndpoint": func(t *testing.T, hs *homeserver) {
		alice, bob := hs.mustRegister(t, "alice"), hs.mustRegister(t, "bob")
		room := alice.mustCreate(t, `{"preset":"public_chat"}`)
		bob.mustJoin(t, room)
		first, second := alice.mustSay(t, room, "Thread 1 Root"), alice.mustSay(t, room, "Thread 2 Root")
		alice.mustReply(t, room, first, "Thread 1 Reply")
		latest2 := alice.mustReply(t, room, second, "Thread 2 Reply")
		threads := func(a *asker, parameters ...string) gjson.Result {
			return a.must(t, http.MethodGet, "/_matrix/client/v1"+inRoom(room)+"/threads?"+query(parameters...), "")
		}
		mustBe(t, "the threads", eventIDs(threads(alice).Get("chunk")), []string{second, first})
		latest1 := bob.mustReply(t, room, first, "Thread 1 Reply 2")
		got := threads(alice).Get("chunk")
		mustBe(t, "the threads after a reply", eventIDs(got), []string{first, second})
		for i, want := range []struct {
			latest, count string
		}{{latest1, "2"}, {latest2, "1"}} {
			thread := got.Array()[i].Get(`unsigned.m\.relations.m\.thread`)
			mustBe(t, "the latest reply", thread.Get("latest_event.event_id").Str, want.latest)
			mustBe(t, "the count", thread.Get("count").Raw, want.count)
			mustBe(t, "one took part", thread.Get("current_user_participated").Bool(), true)
		}
		mustBe(t, "Bob's own threads", eventIDs(threads(bob, "include", "participated").Get("chunk")), []string{first})
		page := threads(alice, "limit", "1")
		mustBe(t, "the first page", eventIDs(page.Get("chunk")), []string{first})
		page = threads(alice, "limit", "1", "from", page.Get("next_batch").Str)
		mustBe(t, "the second page", eventIDs(page.Get("chunk")), []string{second})
	},
	// The timeline has a thread of A, with B, C and E; D; F, which refers to A; and G,
	// a reaction to F. C and D mention the reader.
	"ThreadedReceipts": func(t *testing.T, hs *homeserver) {
		alice, bob := hs.mustRegister(t, "alice"), hs.mustRegister(t, "bob")
		room := alice.mustCreate(t, `{"preset":"public_chat"}`)
		bob.mustJoin(t, room)
		bob.since = bob.mustSync(t).Get("next_batch").Str
		a := alice.mustSay(t, room, "Hello world!")
		b := alice.mustReply(t, room, a, "Start thread!")
		alice.mustReply(t, room, a, "Thread response "+bob.id+"!")
		d := alice.mustSay(t, room, "Hello "+bob.id+"!")
		alice.mustReply(t, room, a, "End thread")
		f := alice.mustSend(t, room, "m.room.message", `{"msgtype":"m.text","body":"Reference!","m.relates_to":{"rel_type":"m.reference","event_id":%q}}`, a)
		g := alice.mustSend(t, room, "m.room.reaction", `{"m.relates_to":{"rel_type":"m.annotation","event_id":%q,"key":"test"}}`, f)
		read := func(event, thread string) {
			t.Helper()
			bob.must(t, http.MethodPost, inRoom(room)+"/receipt/m.read/"+url.PathEscape(event), "{%s}", strings.TrimPrefix(optional("thread_id", thread), ","))
		}

		mustCount(t, bob, room, a, [2]int64{6, 2}, [2]int64{3, 1}, [2]int64{3, 1})
		read(a, "main")
		mustCount(t, bob, room, a, [2]int64{5, 2}, [2]int64{2, 1}, [2]int64{3, 1})
		mustHaveReceipt(t, bob, room, a, "main")
		read(b, a)
		mustCount(t, bob, room, a, [2]int64{4, 2}, [2]int64{2, 1}, [2]int64{2, 1})
		mustHaveReceipt(t, bob, room, a, "main")
		mustHaveReceipt(t, bob, room, b, a)
		read(d, "")
		mustCount(t, bob, room, a, [2]int64{2, 0}, [2]int64{1, 0}, [2]int64{1, 0})
		mustHaveReceipt(t, bob, room, d, "")
		read(g, a)
		mustCount(t, bob, room, a, [2]int64{1, 0}, [2]int64{1, 0}, [2]int64{})
		read(g, "")
		mustCount(t, bob, room, a, [2]int64{}, [2]int64{}, [2]int64{})

		for _, receipt := range []string{`{"thread_id":""}`, `{"thread_id":7}`} {
			bob.mustBeRefused(t, http.StatusBadRequest, "", http.MethodPost, inRoom(room)+"/receipt/m.read/"+url.PathEscape(b), "%s", receipt)
		}
	},
}

// mustHaveReceipt demands one's receipt in /sync, of a thread unless it is empty.
func mustHaveReceipt(t testing.TB, a *asker, room, event, thread string) {
	t.Helper()
	for _, e := range joined(a.mustSync(t, "since", a.since), room).Get("ephemeral.events").Array() {
		receipt := member(member(e.Get("content"), event).Get(`m\.read`), a.id)
		if receipt.Exists() && receipt.Get("thread_id").Exists() == (thread != "") && receipt.Get("thread_id").Str == thread {
			return
		}
	}
	t.Errorf("got no receipt for %s in the thread %q", event, thread)
}

// mustCount demands how many events are unread, and how many of them highlighted:
// in all, as a client sees them that knows no threads; in the main timeline and in
// one thread, as one sees them that does. It syncs from where it always was.
func mustCount(t testing.TB, a *asker, room, root string, all, main, thread [2]int64) {
	t.Helper()
	counts := func(part gjson.Result) [2]int64 {
		return [2]int64{part.Get("notification_count").Int(), part.Get("highlight_count").Int()}
	}
	got := joined(a.mustSync(t, "since", a.since), room)
	mustBe(t, "there are counts", got.Get("unread_notifications").Exists(), true)
	mustBe(t, "all unread", counts(got.Get("unread_notifications")), all)
	mustBe(t, "threads are told unasked", got.Get("unread_thread_notifications").Exists(), false)
	got = joined(a.mustSync(t, "since", a.since, "filter", `{"room":{"timeline":{"unread_thread_notifications":true}}}`), room)
	mustBe(t, "unread in the main timeline", counts(got.Get("unread_notifications")), main)
	mustBe(t, "unread in the thread", counts(member(got.Get("unread_thread_notifications"), root)), thread)
}

// mustPage demands the relations of an event, page by page.
func mustPage(t testing.TB, a *asker, room, root, dir, from string, want []string) {
	t.Helper()
	var got []string
	for range len(want) + 1 {
		parameters := []string{"limit", "3", "dir", dir}
		if from != "" {
			parameters = append(parameters, "from", from)
		}
		page := a.must(t, http.MethodGet, inRelations(room, root)+"?"+query(parameters...), "")
		ids := eventIDs(page.Get("chunk"))
		if len(ids) > 3 {
			t.Errorf("got a page of %d, want 3 at most", len(ids))
		}
		got = append(got, ids...)
		if from = page.Get("next_batch").Str; from == "" {
			break
		}
	}
	mustBe(t, "the relations in the direction "+dir, got, want)
}
