package rooms_test

import (
	"crypto/rand"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tidwall/gjson"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/sqldb/sqltest"
)

// TestRelations pages through relations both ways.
func TestRelations(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newOffice(t, db)
		room := o.mustCreate(rooms.Creation{})
		o.must(o.join(bia, room))
		before := o.now()
		root := o.mustSend(room, "root")
		var threaded []id.EventID
		for _, body := range numbered(10) {
			threaded = append(threaded, o.mustRelate(ana, room, root, "m.thread", body))
		}
		o.mustRelate(bia, room, threaded[3], "m.reference", "below")
		deep := o.mustRelate(bia, room, o.mustRelate(bia, room, threaded[4], "m.reference", "second"), "m.reference", "third")
		o.mustRelate(bia, room, deep, "m.reference", "fourth")
		_, err := o.react(bia, room, root, "👍")
		o.must(err)

		q := rooms.RelationsRequest{Room: room, Event: root, RelType: "m.thread", Direction: rooms.Backwards, Limit: 4}
		backwards := slices.Clone(numbered(10))
		slices.Reverse(backwards)
		mustPage(t, o, q, backwards)
		q.Direction = rooms.Forwards
		mustPage(t, o, q, numbered(10))
		q.From = before
		mustPage(t, o, q, numbered(10))
		q.From, q.To = "", before
		mustPage(t, o, q, []string{})

		q = rooms.RelationsRequest{Room: room, Event: root, Direction: rooms.Forwards, Limit: 100}
		q.RelType, q.EventType = "m.thread", "m.room.message"
		mustPage(t, o, q, numbered(10))
		q.EventType = "m.sticker"
		mustPage(t, o, q, []string{})
		q.RelType, q.EventType, q.Recurse = "", "m.room.message", true
		mustPage(t, o, q, append(numbered(10), "below", "second", "third"))
		q.RelType = "m.reference"
		mustPage(t, o, q, []string{"below", "second", "third"})
		q.Recurse = false
		mustPage(t, o, q, []string{})

		for _, user := range []id.UserID{ana, eva} {
			for _, target := range []id.EventID{root, "$unknown"} {
				_, err := o.Relations(t.Context(), by(user), rooms.RelationsRequest{Room: room, Event: target, Limit: 1, Direction: rooms.Backwards})
				if user == eva || target != root {
					mustBe(t, err, "M_NOT_FOUND")
				} else if err != nil {
					t.Error(err)
				}
			}
		}
	})
}

// mustPage reads page by page and demands the bodies.
func mustPage(t *testing.T, o *office, q rooms.RelationsRequest, want []string) {
	t.Helper()
	got := []string{}
	for range 20 {
		page, err := o.Relations(t.Context(), by(bia), q)
		if err != nil {
			t.Fatal(err)
		}
		events := bodies(mustRead(t, page.Chunk))
		if len(events) > q.Limit {
			t.Fatalf("page of %d, want at most %d", len(events), q.Limit)
		}
		got = append(got, events...)
		if page.Prev != q.From {
			t.Errorf("prev_batch: got %q, want %q", page.Prev, q.From)
		}
		if q.From = page.Next; page.Next == "" {
			break
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("relations (-want +got):\n%s", diff)
	}
}

func TestThreads(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newOffice(t, db)
		room := o.mustCreate(rooms.Creation{})
		o.must(o.join(bia, room))
		elsewhere := o.mustSend(o.mustCreate(rooms.Creation{}), "elsewhere")
		var roots []id.EventID
		for _, body := range []string{"a", "b", "c", "d"} {
			roots = append(roots, o.mustSend(room, body))
		}
		lone := o.mustRelate(bia, room, roots[3], "m.thread", "d1")
		o.mustRelate(bia, room, roots[0], "m.thread", "a1")
		o.mustRelate(ana, room, roots[1], "m.thread", "b1")
		o.mustRelate(ana, room, roots[2], "m.thread", "c1")
		o.mustRelate(ana, room, roots[0], "m.thread", "a2")
		o.mustRelate(ana, room, elsewhere, "m.thread", "of another room")
		o.mustRedact(bia, room, lone)

		mustList := func(user id.UserID, participated bool, limit int, want ...string) {
			t.Helper()
			var got []string
			q := rooms.ThreadsRequest{Room: room, Participated: participated, Limit: limit}
			for range 10 {
				page, err := o.Threads(t.Context(), by(user), q)
				if err != nil {
					t.Fatal(err)
				}
				for _, e := range gjson.ParseBytes(page.Chunk).Array() {
					got = append(got, e.Get("content.body").Str+": "+shortBundle(e))
				}
				if q.From = page.Next; page.Next == "" {
					break
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("threads of %s, %v, by %d (-want +got):\n%s", user, participated, limit, diff)
			}
		}
		for _, limit := range []int{1, 2, 3, 100} {
			mustList(ana, false, limit, "a: thread 2 true a2", "c: thread 1 true c1", "b: thread 1 true b1")
			mustList(bia, true, limit, "a: thread 2 true a2")
			mustList(bia, false, limit, "a: thread 2 true a2", "c: thread 1 false c1", "b: thread 1 false b1")
		}
		_, err := o.Threads(t.Context(), by(eva), rooms.ThreadsRequest{Room: room, Limit: 1})
		mustBe(t, err, "M_FORBIDDEN")
		_, err = o.Threads(t.Context(), by(ana), rooms.ThreadsRequest{Room: room, Limit: 1, From: "nonsense"})
		mustBe(t, err, "M_INVALID_PARAM")
	})
}

func TestEventAt(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newOffice(t, db)
		clock := time.UnixMilli(1000)
		o.Service = rooms.New(rooms.Options{
			Store: o.store, Policies: matrixPolicy{}, Now: func() time.Time { return clock }, Random: rand.Reader,
			Limits: rooms.Limits{PageMax: 100},
		})
		room := o.mustCreateWith("joined")
		sent := map[id.EventID]int64{}
		for moment := int64(2000); moment < 60_000; moment += 1000 {
			clock = time.UnixMilli(moment)
			sent[o.mustSend(room, "x")] = moment
			if moment == 30_000 {
				o.must(o.join(bia, room))
			}
		}
		for _, c := range []struct {
			user id.UserID
			ts   int64
			way  rooms.Direction
			want int64 // 0: none
		}{
			{ana, 5000, rooms.Forwards, 5000},
			{ana, 5000, rooms.Backwards, 5000},
			{ana, 5001, rooms.Forwards, 6000},
			{ana, 5999, rooms.Backwards, 5000},
			{ana, 0, rooms.Forwards, 1000},
			{ana, 999, rooms.Backwards, 0},
			{ana, 59_000, rooms.Forwards, 59_000},
			{ana, 59_001, rooms.Forwards, 0},
			{ana, 1 << 50, rooms.Backwards, 59_000},
			{bia, 5000, rooms.Forwards, 30_000}, // her join
			{bia, 5000, rooms.Backwards, 1000},  // before the room's history was closed
		} {
			eventID, ts, err := o.EventAt(t.Context(), by(c.user), room, c.ts, c.way)
			if c.want == 0 {
				mustBe(t, err, "M_NOT_FOUND")
				continue
			}
			if err != nil || ts != c.want || sent[eventID] != 0 && sent[eventID] != ts {
				t.Errorf("%s %d %c: got %s at %d, %v, want one at %d", c.user, c.ts, c.way, eventID, ts, err, c.want)
			}
		}
		for ts := int64(1000); ts <= 59_000; ts += 500 {
			_, after, err := o.EventAt(t.Context(), by(ana), room, ts, rooms.Forwards)
			o.must(err)
			_, before, err := o.EventAt(t.Context(), by(ana), room, ts, rooms.Backwards)
			o.must(err)
			if after != (ts+999)/1000*1000 || before != ts/1000*1000 {
				t.Errorf("at %d: got %d before and %d after", ts, before, after)
			}
		}
		_, _, err := o.EventAt(t.Context(), by(eva), room, 1, rooms.Forwards)
		mustBe(t, err, "M_FORBIDDEN")
	})
}

// TestRelationFilters: filters may ask for what relates, and for what is related to.
func TestRelationFilters(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		o := newOffice(t, db)
		room := o.mustCreate(rooms.Creation{})
		o.must(o.join(bia, room))
		one, two := o.mustSend(room, "one"), o.mustSend(room, "two")
		o.mustSend(room, "three")
		o.mustRelate(bia, room, one, "m.thread", "reply")
		o.mustRelate(ana, room, two, "m.reference", "see")
		for filter, want := range map[string][]string{
			`{"related_by_rel_types":["m.thread"]}`:                                            {"one"},
			`{"related_by_rel_types":["m.thread","m.reference"]}`:                              {"two", "one"},
			`{"related_by_senders":["@ana:acme.example"]}`:                                     {"two"},
			`{"related_by_senders":["@ana:acme.example"],"related_by_rel_types":["m.thread"]}`: {},
			`{"related_by_rel_types":[]}`:                                                      {},
			`{"org.matrix.msc3874.rel_types":["m.thread"]}`:                                    {"reply"},
			`{"types":["m.room.message"],"org.matrix.msc3874.not_rel_types":["m.thread"]}`:     {"see", "three", "two", "one"},
		} {
			parsed, err := rooms.ParseRoomEventFilter([]byte(filter))
			if err != nil {
				t.Errorf("%s: %v", filter, err)
				continue
			}
			for _, limit := range []int{1, 10} {
				got := bodies(o.all(bia, rooms.PageRequest{Room: room, Direction: rooms.Backwards, Limit: limit, Filter: parsed}))
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s by %d (-want +got):\n%s", filter, limit, diff)
				}
			}
		}
		for _, wrong := range []string{`{"related_by_senders":["ana"]}`, `{"related_by_rel_types":["` + strings.Repeat("x", 256) + `"]}`} {
			_, err := rooms.ParseRoomEventFilter([]byte(wrong))
			mustBe(t, err, "M_INVALID_PARAM")
		}
	})
}
