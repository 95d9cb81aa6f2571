package longpoll_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tidwall/gjson"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/httpapi"
	"github.com/conversalabs/internalchat/clientapi/longpoll"
	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/sqldb/sqltest"
	"github.com/conversalabs/internalchat/storage/stream"
)

// A client that has not got an answer asks for it again, and gets at least the
// same, from whichever node.
func TestPosIsRetried(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		h := newHouse(t, db)
		other := &house{TB: t, db: db}
		other.restart()
		t.Cleanup(func() { other.store.Close() })
		h.found(room1, ana, "shared")
		first := h.mustSlide(ana, everything+`}`, "")
		h.found(room2, ana, "shared")
		lost := h.mustSlide(ana, everything+`}`, posOf(first))
		mustEqual(t, "lost answer", slidRooms(lost), []string{"!two:hs"})
		h.say(room1, ana, "meanwhile")
		again := other.mustSlide(ana, everything+`}`, posOf(first))
		mustEqual(t, "second answer, of another node", slidRooms(again), []string{"!one:hs", "!two:hs"})
		mustEqual(t, "initial", inSlide(again, room2, "initial").Bool(), true)
		h.say(room2, ana, "later")
		answer := h.mustSlide(ana, everything+`}`, posOf(again))
		mustEqual(t, "rooms of the first node", slidRooms(answer), []string{"!two:hs"})
		mustEqual(t, "timeline", names(inSlide(answer, room2, "timeline")), []string{"later"})
		answer = other.mustSlide(ana, everything+`}`, posOf(answer))
		mustEqual(t, "rooms at rest", slidRooms(answer), []string{})
	})
}

// Two requests from the same pos at once each get a pos that tells their own
// answer apart.
func TestPosOfTwoAtOnce(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		h := newHouse(t, db)
		on := stream.Connection{User: ana, Device: "D"}
		put := func(state string, base int64) int64 {
			serial, err := h.store.PutSent(t.Context(), tenant.Default, on, []byte(state), base)
			if err != nil {
				t.Fatal(err)
			}
			return serial
		}
		base := put("base", 0)
		one := put("one", base)
		two := put("two", base)
		if base == one || one == two || base == two {
			t.Errorf("serials %d, %d, %d: want different ones", base, one, two)
		}
		sent, err := h.store.Sent(t.Context(), tenant.Default, on)
		if err != nil {
			t.Fatal(err)
		}
		mustEqual(t, "kept", sent, [2]stream.Sent{{Serial: two, State: []byte("two")}, {Serial: base, State: []byte("base")}})
	})
}

// Reading what others say writes nothing.
func TestRestIsNotWritten(t *testing.T) {
	h := sqliteHouse(t)
	h.found(room1, ana, "shared")
	answer := h.mustSlide(ana, everything+`}`, "")
	serial := func(pos string) string { return pos[strings.LastIndexByte(pos, '_'):] }
	want := serial(posOf(answer))
	for i := range 3 {
		h.say(room1, ana, fmt.Sprint(i))
		answer = h.mustSlide(ana, everything+`}`, posOf(answer))
		mustEqual(t, "serial", serial(posOf(answer)), want)
	}
}

func TestUnknownPos(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		h := newHouse(t, db)
		h.found(room1, ana, "shared")
		first := posOf(h.mustSlide(ana, everything+`}`, ""))
		head, serial := first[:strings.LastIndexByte(first, '_')], first[strings.LastIndexByte(first, '_'):]
		token, err := stream.ParseToken(first)
		if err != nil {
			t.Fatal(err)
		}
		h.mustForgetPos(ana, everything+`}`, "nonsense")
		h.mustForgetPos(ana, everything+`}`, head+"_17")
		h.mustForgetPos(ana, everything+`,"conn_id":"other"}`, first)
		h.mustForgetPos(bea, everything+`}`, first)
		token.Position += 100
		h.mustForgetPos(ana, everything+`}`, token.String())
		h.mustForgetPos(ana, everything+`}`, fmt.Sprintf("s%d_1_0_0%s", token.Epoch+1, serial))

		// The last two states are kept, whatever comes.
		h.found(room2, ana, "shared")
		second := posOf(h.mustSlide(ana, everything+`}`, first))
		h.restart()
		h.mustSlide(ana, everything+`}`, first)
		h.found("!three:hs", ana, "shared")
		third := posOf(h.mustSlide(ana, everything+`}`, second[:0]))
		h.restart()
		h.mustSlide(ana, everything+`}`, third)
		h.mustForgetPos(ana, everything+`}`, first)
	})
}

// A device has so many connections and no more.
func TestConnectionsOfADevice(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		h := newHouse(t, db)
		h.found(room1, ana, "shared")
		connection := func(i int) string { return everything + fmt.Sprintf(`,"conn_id":"%d"}`, i) }
		var given []string
		for i := range 23 {
			given = append(given, posOf(h.mustSlide(ana, connection(i), "")))
		}
		h.restart()
		known := 0
		for i, pos := range given {
			if _, err := h.trySlide(ana, connection(i), pos); err == nil {
				known++
			} else if !refusal.Is(err, "M_UNKNOWN_POS") {
				t.Errorf("connection %d: got %v, want M_UNKNOWN_POS", i, err)
			}
		}
		mustEqual(t, "known connections", known, 20)
	})
}

// A connection that is used lives on; one that nobody has used for a week has
// expired, whichever node is asked, and its row goes with the next new one.
func TestConnectionsExpire(t *testing.T) {
	const day = 24 * time.Hour
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		now := clock
		h := newHouse(t, db)
		h.clock = func() time.Time { return now }
		h.restart()
		h.found(room1, ana, "shared")
		used, unused, pinned := everything+`,"conn_id":"used"}`, everything+`,"conn_id":"unused"}`, everything+`,"conn_id":"pinned"}`
		pos := posOf(h.mustSlide(ana, used, ""))
		left := posOf(h.mustSlide(ana, unused, ""))
		kept := posOf(h.mustSlide(ana, pinned, ""))
		old := &house{TB: t, db: db, clock: h.clock} // a node with the connections in memory
		old.restart()
		t.Cleanup(func() { old.store.Close() })
		old.mustSlide(ana, used, pos)
		for days := range 4 {
			now = now.Add(2 * day)
			h.restart()
			pos = posOf(h.mustSlide(ana, used, pos))
			if days == 2 {
				kept = posOf(h.mustSlide(ana, pinned, kept))
			}
		}
		h.mustForgetPos(ana, unused, left)
		h.mustSlide(ana, pinned, kept)
		old.mustSlide(ana, used, pos)

		rows := func() []string {
			names, err := sqldb.All(t.Context(), db, sqldb.Value[string], `SELECT name FROM connections WHERE account = $1 ORDER BY name`, tenant.Default)
			if err != nil {
				t.Fatal(err)
			}
			return names
		}
		mustEqual(t, "rows", rows(), []string{"pinned", "unused", "used"})
		h.mustSlide(ana, everything+`,"conn_id":"new"}`, "")
		mustEqual(t, "rows after a new connection", rows(), []string{"new", "pinned", "used"})
	})
}

// A node that stays up looks again, once a day, whether what it has in memory
// still is.
func TestConnectionsExpireInMemory(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		now := clock
		h := newHouse(t, db)
		h.clock = func() time.Time { return now }
		h.restart()
		h.found(room1, ana, "shared")
		pos := posOf(h.mustSlide(ana, everything+`}`, ""))
		for range 10 {
			now = now.Add(6 * 24 * time.Hour)
			pos = posOf(h.mustSlide(ana, everything+`}`, pos))
		}
		now = now.Add(7*24*time.Hour - time.Millisecond)
		pos = posOf(h.mustSlide(ana, everything+`}`, pos))
		now = now.Add(7 * 24 * time.Hour)
		h.mustForgetPos(ana, everything+`}`, pos)
	})
}

func TestPosIsAPlaceInRooms(t *testing.T) {
	h := sqliteHouse(t)
	h.found(room1, ana, "shared")
	if _, err := stream.ParseToken(posOf(h.mustSlide(ana, everything+`}`, ""))); err != nil {
		t.Error(err)
	}
}

func TestSlidingRefusals(t *testing.T) {
	h := sqliteHouse(t)
	patterns := strings.TrimSuffix(strings.Repeat(`["a","b"],`, 201), ",")
	for body, code := range map[string]string{
		`{"conn_id":"` + strings.Repeat("x", 255) + `"}`:                "",
		`{"conn_id":"` + strings.Repeat("x", 256) + `"}`:                "M_INVALID_PARAM",
		`{"set_presence":"busy"}`:                                       "M_INVALID_PARAM",
		`{"timeout":-1}`:                                                "M_INVALID_PARAM",
		`{"lists":{"l":{"timeline_limit":-1}}}`:                         "M_INVALID_PARAM",
		`{"lists":{"l":{"ranges":[[2,1]]}}}`:                            "M_INVALID_PARAM",
		`{"lists":{"l":{"range":[-1,1]}}}`:                              "M_INVALID_PARAM",
		`{"lists":{"l":{"required_state":[` + patterns + `]}}}`:         "M_INVALID_PARAM",
		`{"extensions":{"to_device":{"enabled":true,"limit":0}}}`:       "M_INVALID_PARAM",
		`{"extensions":{"to_device":{"enabled":true,"since":"x"}}}`:     "M_INVALID_PARAM",
		`{"lists":{"l":{"required_state":{"include":[]}}}}`:             "M_BAD_JSON",
		`{"room_subscriptions":{"!a:hs":{"required_state":{}}}}`:        "M_BAD_JSON",
		`{"lists":{"l":{"ranges":[[1]]}}}`:                              "M_BAD_JSON",
		`{"lists":{"l":{"required_state":[["a"]]}}}`:                    "M_BAD_JSON",
		`{"lists":{"l":{"required_state":"all"}}}`:                      "M_BAD_JSON",
		`{"lists":{"l":{"timeline_limit":"1"}}}`:                        "M_BAD_JSON",
		`{"lists":{"l":{"timeline_limit":1},"l":{"timeline_limit":2}}}`: "M_NOT_JSON",
		`{"room_subscriptions":{"no room":{"timeline_limit":1}}}`:       "",
	} {
		q := &longpoll.SlidingRequest{}
		err := httpapi.Unmarshal([]byte(body), q)
		if err == nil {
			_, err = h.Sliding(context.Background(), caller(ana), q)
		}
		if code == "" && err != nil || code != "" && !refusal.Is(err, code) {
			t.Errorf("%.80s: got %v, want %q", body, err, code)
		}
	}
}

// slidePoll begins a request that waits.
func (h *house) slidePoll(user id.UserID, body, pos string, timeout time.Duration) <-chan polled {
	done := make(chan polled, 1)
	q := slidingRequest(h, body, pos)
	ms := timeout.Milliseconds()
	q.Timeout = &ms
	go func() {
		answer, err := h.Sliding(context.Background(), caller(user), q)
		done <- polled{gjson.ParseBytes(answer), err}
	}()
	return done
}

func TestSlidingPollsMissNothing(t *testing.T) {
	h := sqliteHouse(t)
	h.found(room1, ana, "shared")
	h.member(room1, bea, bea, "join")
	pos := posOf(h.mustSlide(bea, everything+`}`, ""))
	for i := range 100 {
		done := h.slidePoll(bea, everything+`}`, pos, time.Minute)
		h.say(room1, ana, fmt.Sprint(i))
		end := <-done
		if end.err != nil {
			t.Fatal(end.err)
		}
		mustEqual(t, "timeline", names(inSlide(end.answer, room1, "timeline")), []string{fmt.Sprint(i)})
		pos = posOf(end.answer)
	}
}

func TestSlidingPollsWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := sqliteHouse(t)
		h.found(room1, ana, "shared")
		h.found(room2, bea, "shared")
		pos := posOf(h.mustSlide(ana, everything+`}`, ""))
		for _, c := range []struct {
			pos           string
			asked, waited time.Duration
		}{{pos, 0, 0}, {pos, 30 * time.Second, 30 * time.Second}, {pos, time.Hour, time.Minute}, {"", time.Minute, 0}} {
			begun := time.Now()
			end := <-h.slidePoll(ana, everything+`}`, c.pos, c.asked)
			mustEqual(t, "error", end.err, error(nil))
			mustEqual(t, "waited", time.Since(begun), c.waited)
			if c.pos != "" {
				mustEqual(t, "rooms", slidRooms(end.answer), []string{})
			}
		}
		pos = posOf(h.mustSlide(ana, everything+`}`, ""))
		begun := time.Now()
		done := h.slidePoll(ana, everything+`}`, pos, 30*time.Second)
		synctest.Wait()
		h.say(room2, bea, "not for ana")
		end := <-done
		mustEqual(t, "waited", time.Since(begun), 30*time.Second)
		mustEqual(t, "rooms", slidRooms(end.answer), []string{})
	})
}

func TestSlidingPollsEndWithTheSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ended := false
		h := sqliteHouse(t)
		h.options.Check = func(context.Context, tenant.Caller) error {
			if ended {
				return refusal.UnknownToken(false)
			}
			return nil
		}
		h.restart()
		h.found(room1, ana, "shared")
		pos := posOf(h.mustSlide(ana, everything+`}`, ""))
		done := h.slidePoll(ana, everything+`}`, pos, time.Minute)
		synctest.Wait()
		ended = true
		h.put(stream.Item{Kind: stream.SessionChanged, User: ana, Key: "Dana"})
		if end := <-done; !refusal.Is(end.err, "M_UNKNOWN_TOKEN") {
			t.Errorf("got %v, want M_UNKNOWN_TOKEN", end.err)
		}
		if _, err := h.trySlide(ana, everything+`}`, ""); !refusal.Is(err, "M_UNKNOWN_TOKEN") {
			t.Errorf("a new connection: got %v, want M_UNKNOWN_TOKEN", err)
		}
	})
}
