package clientapi_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/conversalabs/internalchat/clientapi"
	"github.com/conversalabs/internalchat/clientapi/longpoll"
	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/rooms/push"
)

// newTimelineFixture is a server of rooms and of /sync, where Ana has made a room
// that Bia has joined.
func newTimelineFixture(t *testing.T) (f *roomFixture, room string) {
	t.Helper()
	f = newRoomFixture(t, rooms.MatrixPolicy)
	now := func() time.Time { return time.Unix(1_700_000_000, 0) }
	clientapi.SyncRoutes(f.API, longpoll.New(longpoll.Options{
		Rooms: f.rooms, Store: f.store, Unread: push.NewUnread(f.store, f.store), Now: now,
	}))
	room = f.mustCreate(`{"preset":"public_chat"}`)
	f.must(bia, http.MethodPost, "/join/"+room, "")
	return f, room
}

// send sends an event and gives its ID.
func (f *roomFixture) send(token, room, eventType, transaction, content string) string {
	f.t.Helper()
	return f.must(token, http.MethodPut, "/rooms/"+room+"/send/"+eventType+"/"+transaction, content).Get("event_id").Str
}

func relation(to, relType, more string) string {
	return `{"m.relates_to":{"event_id":"` + to + `","rel_type":"` + relType + `"}` + more + `}`
}

// v1 begins the paths that are not under v3.
const v1 = "/_matrix/client/v1"

func TestRelationsOverHTTP(t *testing.T) {
	f, room := newTimelineFixture(t)
	start := f.must(ana, http.MethodGet, "/sync", "").Get("next_batch").Str
	root := f.send(ana, room, "m.room.message", "1", `{"body":"root"}`)
	f.send(bia, room, "m.room.message", "2", relation(root, "m.thread", `,"body":"one"`))
	two := f.send(ana, room, "m.room.message", "3", relation(root, "m.thread", `,"body":"two"`))
	f.send(bia, room, "m.reaction", "4", `{"m.relates_to":{"event_id":"`+root+`","rel_type":"m.annotation","key":"x"}}`)
	f.send(ana, room, "m.room.message", "5", relation(two, "m.replace", `,"body":"* 2","m.new_content":{"body":"2"}`))
	here := v1 + "/rooms/ROOM/relations/" + root
	thread := `unsigned.m\.relations.m\.thread.`
	f.exchanges(room, []exchange{
		{bia, "PUT", "/rooms/ROOM/send/m.reaction/6", `{"m.relates_to":{"event_id":"` + root + `","rel_type":"m.annotation","key":"x"}}`, 400, "M_DUPLICATE_ANNOTATION", "", ""},
		{bia, "PUT", "/rooms/ROOM/send/m.room.message/7", relation(two, "m.thread", ""), 400, "M_UNKNOWN", "", ""},
		// A retry is answered, not refused.
		{bia, "PUT", "/rooms/ROOM/send/m.reaction/4", `{}`, 200, "", "", ""},

		{ana, "GET", here, "", 200, "", "chunk.#.type", `["m.reaction","m.room.message","m.room.message"]`},
		{ana, "GET", here, "", 200, "", "recursion_depth", ``},
		{ana, "GET", here, "", 200, "", "next_batch", ``},
		{ana, "GET", here, "", 200, "", "prev_batch", ``},
		{ana, "GET", here + "?recurse=true", "", 200, "", "chunk.#", `4`},
		{ana, "GET", here + "?recurse=true", "", 200, "", "recursion_depth", `3`},
		{ana, "GET", here + "?recurse=true&dir=f", "", 200, "", "chunk.3.content.body", `"* 2"`},
		{ana, "GET", here + "/m.thread", "", 200, "", "chunk.#.content.body", `["two","one"]`},
		{ana, "GET", here + "/m.thread", "", 200, "", `chunk.0.unsigned.m\.relations.m\.replace.content.body`, `"* 2"`},
		{ana, "GET", here + "/m.thread?dir=f&limit=1", "", 200, "", "chunk.#.content.body", `["one"]`},
		{ana, "GET", here + "/m.thread?dir=f&from=" + start, "", 200, "", "chunk.#.content.body", `["one","two"]`},
		{ana, "GET", here + "/m.thread?dir=f&from=" + start, "", 200, "", "prev_batch", `"` + start + `"`},
		{ana, "GET", here + "/m.annotation/m.reaction", "", 200, "", "chunk.#", `1`},
		{ana, "GET", here + "/m.annotation/m.room.message", "", 200, "", "chunk", `[]`},
		{ana, "GET", here + "?dir=x", "", 400, "M_INVALID_PARAM", "", ""},
		{ana, "GET", here + "?recurse=1", "", 400, "M_INVALID_PARAM", "", ""},
		{ana, "GET", here + "?limit=0", "", 400, "M_INVALID_PARAM", "", ""},
		{ana, "GET", here + "?from=x", "", 400, "M_INVALID_PARAM", "", ""},
		{ana, "GET", here + "?to=x", "", 400, "M_INVALID_PARAM", "", ""},
		{ana, "GET", v1 + "/rooms/ROOM/relations/$unknown", "", 404, "M_NOT_FOUND", "", ""},
		{ana, "GET", v1 + "/rooms/!unknown:acme.test/relations/" + root, "", 404, "M_NOT_FOUND", "", ""},
		{eve, "GET", here, "", 404, "M_NOT_FOUND", "", ""},

		{bia, "GET", v1 + "/rooms/ROOM/threads", "", 200, "", "chunk.#.event_id", `["` + root + `"]`},
		{bia, "GET", v1 + "/rooms/ROOM/threads", "", 200, "", "chunk.0." + thread + "count", `2`},
		{bia, "GET", v1 + "/rooms/ROOM/threads?include=participated", "", 200, "", "chunk.0." + thread + "latest_event.event_id", `"` + two + `"`},
		{bia, "GET", v1 + "/rooms/ROOM/threads?include=x", "", 400, "M_INVALID_PARAM", "", ""},
		{bia, "GET", v1 + "/rooms/ROOM/threads?limit=0", "", 400, "M_INVALID_PARAM", "", ""},
		{bia, "GET", v1 + "/rooms/ROOM/threads?from=x", "", 400, "M_INVALID_PARAM", "", ""},
		{eve, "GET", v1 + "/rooms/ROOM/threads", "", 403, "M_FORBIDDEN", "", ""},

		{ana, "GET", v1 + "/rooms/ROOM/timestamp_to_event?ts=0&dir=f", "", 200, "", "origin_server_ts", `1700000000000`},
		{ana, "GET", v1 + "/rooms/ROOM/timestamp_to_event?ts=0&dir=b", "", 404, "M_NOT_FOUND", "", ""},
		{ana, "GET", v1 + "/rooms/ROOM/timestamp_to_event?dir=f", "", 400, "M_MISSING_PARAM", "", ""},
		{ana, "GET", v1 + "/rooms/ROOM/timestamp_to_event?ts=0", "", 400, "M_MISSING_PARAM", "", ""},
		{ana, "GET", v1 + "/rooms/ROOM/timestamp_to_event?ts=x&dir=f", "", 400, "M_INVALID_PARAM", "", ""},
		{eve, "GET", v1 + "/rooms/ROOM/timestamp_to_event?ts=0&dir=f", "", 403, "M_FORBIDDEN", "", ""},
	})
}

// TestRedactionIsSeenEverywhere asks every path that gives events right after a
// redaction, by either endpoint.
func TestRedactionIsSeenEverywhere(t *testing.T) {
	f, room := newTimelineFixture(t)
	transactions := 0
	for name, redact := range map[string]func(target string){
		"redact": func(target string) {
			transactions++
			f.must(ana, http.MethodPut, "/rooms/"+room+"/redact/"+target+"/r"+string(rune('a'+transactions)), `{}`)
		},
		"send": func(target string) {
			transactions++
			f.send(ana, room, "m.room.redaction", "s"+string(rune('a'+transactions)), `{"redacts":"`+target+`"}`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			before := f.must(bia, http.MethodGet, "/sync", "").Get("next_batch").Str
			root := f.send(bia, room, "m.room.message", name+"1", `{"body":"root"}`)
			open := f.send(bia, room, "m.room.message", name+"2", relation(root, "m.thread", `,"body":"open"`))
			secrets := []string{
				f.send(ana, room, "m.room.message", name+"3", `{"body":"secret"}`),
				f.send(ana, room, "m.room.message", name+"4", relation(root, "m.thread", `,"body":"secret"`)),
				f.send(ana, room, "m.room.message", name+"5", relation(root, "m.reference", `,"body":"secret"`)),
				f.must(ana, http.MethodPut, "/rooms/"+room+"/state/m.room.topic", `{"topic":"secret `+name+`"}`).Get("event_id").Str,
			}
			during := f.must(bia, http.MethodGet, "/sync", "")
			if !strings.Contains(during.Raw, "secret") {
				t.Fatal("before the redaction nothing is to be seen")
			}
			for _, secret := range secrets {
				redact(secret)
			}
			paths := []string{
				"/sync", "/sync?since=" + before, "/sync?since=" + during.Get("next_batch").Str, "/sync?full_state=true&since=" + before,
				"/sync?use_state_after=true&since=" + before,
				"/rooms/" + room + "/messages?dir=b&limit=100", "/rooms/" + room + "/messages?dir=f&limit=100",
				"/rooms/" + room + "/messages?dir=b&limit=100&filter=" + url.QueryEscape(`{"lazy_load_members":true}`),
				"/rooms/" + room + "/context/" + root + "?limit=50", "/rooms/" + room + "/event/" + root,
				"/rooms/" + room + "/state", "/rooms/" + room + "/state/m.room.topic", "/rooms/" + room + "/state/m.room.topic?format=event",
				v1 + "/rooms/" + room + "/relations/" + root, v1 + "/rooms/" + room + "/relations/" + root + "?recurse=true",
				v1 + "/rooms/" + room + "/threads", "/publicRooms",
			}
			for _, secret := range secrets {
				paths = append(paths, "/rooms/"+room+"/event/"+secret, "/rooms/"+room+"/context/"+secret+"?limit=50")
			}
			for _, path := range paths {
				if answer := f.must(bia, http.MethodGet, path, ""); strings.Contains(answer.Raw, "secret") {
					t.Errorf("%s: what was redacted is still there: %s", path, answer.Raw)
				}
			}
			thread := f.must(bia, http.MethodGet, "/rooms/"+room+"/event/"+root, "").Get(`unsigned.m\.relations`)
			if got := thread.Get(`m\.thread.count`).Int(); got != 1 || thread.Get(`m\.thread.latest_event.event_id`).Str != open {
				t.Errorf("thread: got %s, want the one reply that is left", thread.Raw)
			}
			if thread.Get(`m\.reference`).Exists() {
				t.Errorf("references: got %s, want none", thread.Raw)
			}
		})
	}
}

// TestMembershipOnEveryPath: unsigned tells the reader's membership at the event.
func TestMembershipOnEveryPath(t *testing.T) {
	f, room := newTimelineFixture(t)
	alone := f.must(ana, http.MethodGet, "/rooms/"+room+"/state/m.room.create?format=event", "").Get("event_id").Str
	together := f.send(ana, room, "m.room.message", "1", `{"body":"x"}`)
	f.send(ana, room, "m.room.message", "2", relation(together, "m.thread", `,"body":"y"`))
	const at = "unsigned.membership"
	byID := func(eventID string) string { return `#(event_id=="` + eventID + `").` + at }
	f.exchanges(room, []exchange{
		{bia, "GET", "/rooms/ROOM/event/" + alone, "", 200, "", at, `"leave"`},
		{bia, "GET", "/rooms/ROOM/event/" + together, "", 200, "", at, `"join"`},
		{bia, "GET", "/rooms/ROOM/event/" + together, "", 200, "", `unsigned.m\.relations.m\.thread.latest_event.` + at, `"join"`},
		{bia, "GET", "/rooms/ROOM/context/" + together, "", 200, "", "event." + at, `"join"`},
		{bia, "GET", "/rooms/ROOM/messages?dir=f&limit=100", "", 200, "", "chunk." + byID(alone), `"leave"`},
		{bia, "GET", "/rooms/ROOM/messages?dir=f&limit=100", "", 200, "", "chunk." + byID(together), `"join"`},
		{bia, "GET", v1 + "/rooms/ROOM/relations/" + together, "", 200, "", "chunk.0." + at, `"join"`},
		{bia, "GET", v1 + "/rooms/ROOM/threads", "", 200, "", "chunk.0." + at, `"join"`},
		{bia, "GET", "/rooms/ROOM/state/m.room.create?format=event", "", 200, "", at, `"leave"`},
		{bia, "GET", "/sync", "", 200, "", "rooms.join.*.timeline.events." + byID(together), `"join"`},
		{bia, "GET", "/sync", "", 200, "", "rooms.join.*.timeline.events." + byID(alone), `"leave"`},
	})
}

// TestContextOverHTTP: the filter is for what surrounds the event, and members are
// loaded lazily where it says so.
func TestContextOverHTTP(t *testing.T) {
	f, room := newTimelineFixture(t)
	f.send(ana, room, "m.room.message", "1", `{"body":"before"}`)
	f.send(bia, room, "m.sticker", "2", `{"body":"sticker"}`)
	at := f.send(ana, room, "org.example.note", "3", `{"body":"here"}`)
	f.send(bia, room, "m.sticker", "4", `{"body":"sticker"}`)
	f.send(ana, room, "m.room.message", "5", `{"body":"after"}`)
	filtered := func(filter string) string {
		return "/rooms/ROOM/context/" + at + "?limit=2&filter=" + url.QueryEscape(filter)
	}
	members := `state.#(type=="m.room.member")#.state_key`
	f.exchanges(room, []exchange{
		{bia, "GET", "/rooms/ROOM/context/" + at + "?limit=2", "", 200, "", "events_before.#.content.body", `["sticker"]`},
		{bia, "GET", filtered(`{"types":["m.room.message"]}`), "", 200, "", "events_before.#.content.body", `["before"]`},
		{bia, "GET", filtered(`{"types":["m.room.message"]}`), "", 200, "", "events_after.#.content.body", `["after"]`},
		{bia, "GET", filtered(`{"types":["m.room.message"]}`), "", 200, "", "event.content.body", `"here"`},
		{bia, "GET", "/rooms/ROOM/context/" + at + "?limit=2", "", 200, "", members, `["@ana:acme.test","@bia:acme.test"]`},
		{bia, "GET", filtered(`{"lazy_load_members":true,"types":["m.room.message","m.room.member"]}`), "", 200, "", members, `["@ana:acme.test"]`},
		{bia, "GET", filtered(`{"lazy_load_members":true}`), "", 200, "", members, `["@ana:acme.test","@bia:acme.test"]`},
		{eve, "GET", "/rooms/ROOM/context/" + at, "", 403, "M_FORBIDDEN", "", ""},
		{bia, "GET", "/rooms/ROOM/context/$unknown", "", 404, "M_NOT_FOUND", "", ""},
	})
}

// TestStateAfter: both names of the parameter, each with its own in the answer.
func TestStateAfter(t *testing.T) {
	f, room := newTimelineFixture(t)
	since := f.must(bia, http.MethodGet, "/sync", "").Get("next_batch").Str
	f.must(ana, http.MethodPut, "/rooms/"+room+"/state/m.room.topic", `{"topic":"new"}`)
	const here = "rooms.join.*."
	topic := `.events.#(type=="m.room.topic").content.topic`
	f.exchanges(room, []exchange{
		{bia, "GET", "/sync?since=" + since, "", 200, "", here + "state" + topic, ``},
		{bia, "GET", "/sync?since=" + since + "&use_state_after=true", "", 200, "", here + "state_after" + topic, `"new"`},
		{bia, "GET", "/sync?since=" + since + "&use_state_after=true", "", 200, "", here + "state", ``},
		{bia, "GET", "/sync?since=" + since + "&org.matrix.msc4222.use_state_after=true", "", 200, "", here + `org\.matrix\.msc4222\.state_after` + topic, `"new"`},
		{bia, "GET", "/sync?since=" + since + "&org.matrix.msc4222.use_state_after=true", "", 200, "", here + "state", ``},
	})
}
