package rooms_test

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tidwall/gjson"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/sqldb/sqltest"
)

// relate sends a message that relates to another one; more is what else stands in
// its content.
func (o *office) relate(user id.UserID, room id.RoomID, eventType string, to id.EventID, relType, more string) (id.EventID, error) {
	return o.Send(o.t.Context(), by(user), rooms.Message{
		Room: room, Type: eventType,
		Content: json.RawMessage(`{"m.relates_to":{"event_id":"` + string(to) + `","rel_type":"` + relType + `"}` + more + `}`),
	})
}

func (o *office) mustRelate(user id.UserID, room id.RoomID, to id.EventID, relType, body string) id.EventID {
	o.t.Helper()
	more := `,"body":"` + body + `"`
	if relType == "m.replace" {
		more += `,"m.new_content":{"body":"` + body + `"}`
	}
	sent, err := o.relate(user, room, "m.room.message", to, relType, more)
	if err != nil {
		o.t.Fatalf("%s relates by %s: %v", user, relType, err)
	}
	return sent
}

func (o *office) react(user id.UserID, room id.RoomID, to id.EventID, key string) (id.EventID, error) {
	return o.Send(o.t.Context(), by(user), rooms.Message{
		Room: room, Type: "m.reaction",
		Content: json.RawMessage(`{"m.relates_to":{"event_id":"` + string(to) + `","rel_type":"m.annotation","key":"` + key + `"}}`),
	})
}

func (o *office) mustRedact(user id.UserID, room id.RoomID, target id.EventID) {
	o.t.Helper()
	if _, err := o.Redact(o.t.Context(), by(user), rooms.Message{Room: room, Content: json.RawMessage(`{}`)}, target); err != nil {
		o.t.Fatalf("redact: %v", err)
	}
}

// tick makes no two events of the same time: of two such edits either may win.
func (o *office) tick() {
	var ticks atomic.Int64
	o.Service = rooms.New(rooms.Options{
		Store: o.store, Policies: matrixPolicy{}, Random: rand.Reader, Limits: rooms.Limits{PageMax: 1000},
		Now: func() time.Time { return time.UnixMilli(1_700_000_000_000 + ticks.Add(1)) },
	})
}

// bury sends so many messages that nothing older stays in memory.
func (o *office) bury(room id.RoomID) {
	o.t.Helper()
	for i := range 2*rooms.RecentEvents + 1 {
		o.mustSend(room, fmt.Sprint("filler ", i))
	}
}

// bundle gives an event's m.relations by every path, which must agree, in short:
// the edit's body, the thread's count, participation, latest body and its edit,
// and the number of references.
func (o *office) bundle(user id.UserID, room id.RoomID, of id.EventID) string {
	o.t.Helper()
	single, err := o.Event(o.t.Context(), by(user), room, of)
	o.must(err)
	around, err := o.Context(o.t.Context(), by(user), rooms.Surroundings{Room: room, Event: of, Limit: 2})
	o.must(err)
	page, err := o.Messages(o.t.Context(), by(user), rooms.PageRequest{Room: room, Direction: rooms.Backwards, Limit: 1000})
	o.must(err)
	inPage := gjson.ParseBytes(page.Chunk).Get(`#(event_id=="` + string(of) + `")`).Raw
	want := shortBundle(gjson.ParseBytes(single))
	for path, raw := range map[string]string{"context": string(around.Event), "messages": inPage} {
		if got := shortBundle(gjson.Parse(raw)); got != want {
			o.t.Errorf("by %s: got %s, but by event %s", path, got, want)
		}
	}
	return want
}

func shortBundle(e gjson.Result) string {
	relations := e.Get(`unsigned.m\.relations`)
	var parts []string
	if edit := relations.Get(`m\.replace`); edit.Exists() {
		parts = append(parts, "edit "+edit.Get(`content.m\.new_content.body`).Str)
	}
	if thread := relations.Get(`m\.thread`); thread.Exists() {
		latest := thread.Get("latest_event")
		parts = append(parts, fmt.Sprintf("thread %d %v %s", thread.Get("count").Int(),
			thread.Get("current_user_participated").Bool(), latest.Get("content.body").Str))
		if edit := latest.Get(`unsigned.m\.relations.m\.replace`); edit.Exists() {
			parts = append(parts, "edited "+edit.Get(`content.m\.new_content.body`).Str)
		}
	}
	if chunk := relations.Get(`m\.reference.chunk`); chunk.Exists() {
		parts = append(parts, fmt.Sprint("references ", chunk.Get("#").Int()))
	}
	return strings.Join(parts, ", ")
}

// TestBundles asks for bundles while all is in memory, and when it no longer is.
func TestBundles(t *testing.T) {
	for _, buried := range []bool{false, true} {
		t.Run(fmt.Sprint("buried=", buried), func(t *testing.T) {
			sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
				o := newOffice(t, db)
				o.tick()
				room := o.mustCreate(rooms.Creation{})
				o.must(o.join(bia, room))
				root := o.mustSend(room, "root")
				want := func(user id.UserID, want string) {
					t.Helper()
					if buried {
						o.bury(room)
					}
					if got := o.bundle(user, room, root); got != want {
						t.Errorf("%s reads %q, want %q", user, got, want)
					}
				}
				want(ana, "")

				// None of these is a valid edit, and reactions are not bundled.
				o.mustRelate(bia, room, root, "m.replace", "by another")
				_, err := o.relate(ana, room, "m.sticker", root, "m.replace", `,"m.new_content":{"body":"of another type"}`)
				o.must(err)
				_, err = o.relate(ana, room, "m.room.message", root, "m.replace", `,"body":"without new content"`)
				o.must(err)
				_, err = o.react(bia, room, root, "👍")
				o.must(err)
				want(ana, "")

				first := o.mustRelate(ana, room, root, "m.replace", "one")
				second := o.mustRelate(ana, room, root, "m.replace", "two")
				o.mustRelate(ana, room, second, "m.replace", "an edit of an edit")
				want(bia, "edit two")

				reply := o.mustRelate(bia, room, root, "m.thread", "hi")
				want(bia, "edit two, thread 1 true hi")
				want(ana, "edit two, thread 1 true hi")
				o.must(o.join(eva, room))
				want(eva, "edit two, thread 1 false hi")
				late := o.mustRelate(eva, room, root, "m.thread", "late")
				want(eva, "edit two, thread 2 true late")
				o.mustRelate(eva, room, late, "m.replace", "later")
				o.mustRelate(ana, room, root, "m.reference", "see")
				want(eva, "edit two, thread 2 true late, edited later, references 1")

				// What is redacted counts no more, from the next read on.
				o.mustRedact(ana, room, second)
				want(eva, "edit one, thread 2 true late, edited later, references 1")
				o.mustRedact(eva, room, late)
				want(eva, "edit one, thread 1 false hi, references 1")
				o.mustRedact(ana, room, first)
				want(eva, "thread 1 false hi, references 1")
				o.mustRelate(ana, room, root, "m.replace", "three")
				o.mustRedact(ana, room, root)
				want(eva, "thread 1 false hi, references 1")
				o.mustRedact(bia, room, reply)
				want(eva, "references 1")
			})
		})
	}
}

// TestBundlesEndWithTheStay: who has left learns nothing from an old event.
func TestBundlesEndWithTheStay(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newOffice(t, db)
		room := o.mustCreate(rooms.Creation{})
		o.must(o.join(bia, room))
		root := o.mustSend(room, "root")
		o.mustRelate(ana, room, root, "m.thread", "seen")
		o.must(o.leave(bia, room))
		o.mustRelate(ana, room, root, "m.thread", "secret")
		o.mustRelate(ana, room, root, "m.replace", "secret")
		o.mustRelate(ana, room, root, "m.reference", "secret")
		for _, buried := range []bool{false, true} {
			if got, want := o.bundle(bia, room, root), "thread 1 false seen"; got != want {
				t.Errorf("buried=%v: got %q, want %q", buried, got, want)
			}
			page, err := o.Relations(t.Context(), by(bia), rooms.RelationsRequest{Room: room, Event: root, Direction: rooms.Backwards, Limit: 10})
			o.must(err)
			if got := bodies(mustRead(t, page.Chunk)); !slices.Equal(got, []string{"seen"}) {
				t.Errorf("buried=%v: relations: got %v, want what was seen", buried, got)
			}
			o.bury(room)
		}
	})
}

func TestReactions(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newOffice(t, db)
		room := o.mustCreate(rooms.Creation{})
		o.must(o.join(bia, room))
		root, other := o.mustSend(room, "root"), o.mustSend(room, "other")
		first, err := o.react(ana, room, root, "👍")
		o.must(err)
		for range 2 {
			_, err = o.react(ana, room, root, "👍")
			mustBe(t, err, "M_DUPLICATE_ANNOTATION")
		}
		for name, again := range map[string]func() (id.EventID, error){
			"by another":    func() (id.EventID, error) { return o.react(bia, room, root, "👍") },
			"with a key":    func() (id.EventID, error) { return o.react(ana, room, root, "👎") },
			"to another":    func() (id.EventID, error) { return o.react(ana, room, other, "👍") },
			"of a long key": func() (id.EventID, error) { return o.react(ana, room, root, strings.Repeat("x", 10_000)) },
			"of another type": func() (id.EventID, error) {
				return o.relate(ana, room, "org.example", root, "m.annotation", `,"key":"👍"`)
			},
		} {
			if _, err := again(); err != nil {
				t.Errorf("reaction %s: %v", name, err)
			}
		}
		o.mustRedact(ana, room, first)
		_, err = o.react(ana, room, root, "👍")
		o.must(err)
		_, err = o.react(ana, room, root, "👍")
		mustBe(t, err, "M_DUPLICATE_ANNOTATION")
	})
}

func TestNestedThreads(t *testing.T) {
	o := newOffice(t, sqltest.SQLite(t))
	room := o.mustCreate(rooms.Creation{})
	root := o.mustSend(room, "root")
	reply := o.mustRelate(ana, room, root, "m.thread", "reply")
	_, err := o.relate(ana, room, "m.room.message", reply, "m.thread", "")
	mustBe(t, err, "M_UNKNOWN")
	_, err = o.relate(bia, room, "m.room.message", reply, "m.thread", "")
	mustBe(t, err, "M_FORBIDDEN")
	o.mustRedact(ana, room, reply)
	o.mustRelate(ana, room, reply, "m.thread", "at what is left of it")
}

// TestIgnoredUsersRelateToNothing: what those relate whom the reader ignores does
// not count for that reader.
func TestIgnoredUsersRelateToNothing(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newOffice(t, db)
		room := o.mustCreate(rooms.Creation{})
		o.must(o.join(bia, room))
		o.must(o.join(eva, room))
		root := o.mustSend(room, "root")
		o.mustRelate(ana, room, root, "m.thread", "one")
		o.mustRelate(eva, room, root, "m.thread", "two")
		o.mustRelate(eva, room, root, "m.reference", "see")
		hers, err := o.Send(t.Context(), by(eva), rooms.Message{Room: room, Type: "m.room.message", Content: json.RawMessage(`{"body":"hers"}`)})
		o.must(err)
		o.mustRelate(ana, room, hers, "m.thread", "three")
		o.putData(bia, "", rooms.IgnoredUsersType, `{"ignored_users":{"@eva:acme.example":{}}}`)
		for range 2 {
			for user, want := range map[id.UserID]string{
				bia: "thread 1 false one", ana: "thread 2 true two, references 1",
			} {
				if got := o.bundle(user, room, root); got != want {
					t.Errorf("%s: got %q, want %q", user, got, want)
				}
			}
			o.bury(room)
		}
		page, err := o.Relations(t.Context(), by(bia), rooms.RelationsRequest{Room: room, Event: root, Direction: rooms.Backwards, Limit: 10})
		o.must(err)
		if got := bodies(mustRead(t, page.Chunk)); !slices.Equal(got, []string{"one"}) {
			t.Errorf("relations: got %v, want what is not ignored", got)
		}
		// The root of an ignored user holds the thread together, without its content.
		for user, want := range map[id.UserID][]string{bia: {"", "root"}, ana: {"hers", "root"}} {
			threads, err := o.Threads(t.Context(), by(user), rooms.ThreadsRequest{Room: room, Limit: 10})
			o.must(err)
			if got := bodies(mustRead(t, threads.Chunk)); !slices.Equal(got, want) {
				t.Errorf("threads of %s: got %v, want %v", user, got, want)
			}
		}
	})
}
