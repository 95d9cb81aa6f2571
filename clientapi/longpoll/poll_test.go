package longpoll_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tidwall/gjson"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/longpoll"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/sqldb/sqltest"
	"github.com/conversalabs/internalchat/storage/stream"
)

// polled is the end of a long poll.
type polled struct {
	answer gjson.Result
	err    error
}

// poll begins a long poll.
func (h *house) poll(user id.UserID, token string, timeout time.Duration) <-chan polled {
	done := make(chan polled, 1)
	go func() {
		answer, err := h.Sync(context.Background(), caller(user), longpoll.Request{Since: token, Timeout: timeout})
		done <- polled{gjson.ParseBytes(answer), err}
	}()
	return done
}

// Whether the message comes before the poll has registered, between that and the
// read, or after: none is missed.
func TestPollsMissNothing(t *testing.T) {
	h := sqliteHouse(t)
	h.found(room1, ana, "shared")
	h.member(room1, bea, bea, "join")
	token := h.mustSync(bea).Get("next_batch").String()
	for i := range 100 {
		done := h.poll(bea, token, time.Minute)
		h.say(room1, ana, fmt.Sprint(i))
		end := <-done
		if end.err != nil {
			t.Fatal(end.err)
		}
		mustEqual(t, "timeline", names(inRoom(end.answer, "join", room1, "timeline.events")), []string{fmt.Sprint(i)})
		token = end.answer.Get("next_batch").String()
	}
}

func TestPollsEndWithTheirTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := sqliteHouse(t)
		h.found(room1, ana, "shared")
		token := h.mustSync(ana).Get("next_batch").String()
		for _, c := range []struct{ asked, waited time.Duration }{{0, 0}, {30 * time.Second, 30 * time.Second}, {time.Hour, time.Minute}} {
			begun := time.Now()
			end := <-h.poll(ana, token, c.asked)
			mustEqual(t, "error", end.err, error(nil))
			mustEqual(t, "waited", time.Since(begun), c.waited)
			mustEqual(t, "answer", end.answer.String(), `{"next_batch":"`+token+`"}`)
		}
	})
}

// What is of no interest to the reader ends no poll.
func TestPollsAreNotWokenForNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := sqliteHouse(t)
		h.found(room1, ana, "shared")
		h.found(room2, bea, "shared")
		token := h.mustSync(ana).Get("next_batch").String()
		done := h.poll(ana, token, 30*time.Second)
		synctest.Wait()
		begun := time.Now()
		h.say(room2, bea, "elsewhere")
		h.put(
			stream.Item{Kind: stream.AccountData, User: bea, Key: "x", Content: []byte(`{}`)},
			stream.Item{Kind: stream.ToDevice, User: ana, Key: "OTHER", Content: []byte(`{}`)},
			stream.Item{Kind: stream.Receipt, User: bea, Room: room1, Key: "m.read.private|", Content: []byte(`{"event_id":"$x","ts":1}`)},
		)
		end := <-done
		mustEqual(t, "waited", time.Since(begun), 30*time.Second)
		mustEqual(t, "keys of the answer", len(end.answer.Map()), 1)
	})
}

// Somebody else's receipt may wait a second; a message may not.
func TestQuietAndLoud(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := sqliteHouse(t)
		h.found(room1, ana, "shared")
		h.member(room1, bea, bea, "join")
		for _, c := range []struct {
			name   string
			do     func()
			waited time.Duration
		}{
			{"receipt", func() {
				h.put(stream.Item{Kind: stream.Receipt, User: bea, Room: room1, Key: "m.read|", Content: []byte(`{"event_id":"$x","ts":1}`)})
			}, time.Second},
			{"message", func() { h.say(room1, bea, "x") }, 0},
			{"typing", func() { h.rooms.Typing().Start(tenant.Default, room1, bea, time.Second) }, 0},
		} {
			done := h.poll(ana, h.mustSync(ana).Get("next_batch").String(), 30*time.Second)
			synctest.Wait()
			begun := time.Now()
			c.do()
			end := <-done
			mustEqual(t, c.name+" waited", time.Since(begun), c.waited)
			mustEqual(t, c.name+" is told", end.answer.Get("rooms.join").Exists(), true)
		}
	})
}

func TestPollsEndWithTheirSession(t *testing.T) {
	ended := errors.New("the session has ended")
	for _, item := range []stream.Item{
		{Kind: stream.SessionChanged, User: ana, Key: "Dana"}, {Kind: stream.UserChanged, User: ana}, {Kind: stream.SettingsChanged},
	} {
		synctest.Test(t, func(t *testing.T) {
			h := sqliteHouse(t)
			var verdict error
			h.options.Check = func(context.Context, tenant.Caller) error { return verdict }
			h.restart()
			h.found(room1, ana, "shared")
			token := h.mustSync(ana).Get("next_batch").String()
			waiting := h.poll(ana, token, time.Minute)
			synctest.Wait()
			verdict = ended
			h.put(item)
			begun := time.Now()
			late := h.poll(ana, token, time.Minute) // as if it had been let in just before
			for name, done := range map[string]<-chan polled{"waiting": waiting, "late": late} {
				if end := <-done; !errors.Is(end.err, ended) {
					t.Errorf("the %s poll ended with %v, want that its session has ended", name, end.err)
				}
			}
			mustEqual(t, "waited", time.Since(begun), time.Duration(0))
		})
	}
}

func TestPollsEndWithTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := sqliteHouse(t)
		h.found(room1, ana, "shared")
		token := h.mustSync(ana).Get("next_batch").String()
		done := h.poll(ana, token, time.Minute)
		synctest.Wait()
		h.store.Close()
		end := <-done
		mustEqual(t, "error", end.err, error(nil))
		mustEqual(t, "answer", end.answer.String(), `{"next_batch":"`+token+`"}`)
	})
}

func TestToDeviceMessagesComeInParts(t *testing.T) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		h := newHouse(t, db)
		h.found(room1, ana, "shared")
		message := func(n int) stream.Item {
			return stream.Item{Kind: stream.ToDevice, User: ana, Key: "Dana", Content: fmt.Appendf(nil, `{"content":{"n":%d},"sender":"@bea:hs","type":"m.x"}`, n)}
		}
		var items []stream.Item
		for n := range 250 {
			items = append(items, message(n))
		}
		h.put(items...)
		left := func() int {
			rows, err := h.store.ToDevice(t.Context(), tenant.Default, ana, "Dana", 0, 1<<40, 1000)
			if err != nil {
				t.Fatal(err)
			}
			return len(rows)
		}
		token, given := "", 0
		for i, want := range []struct{ messages, left int }{{100, 250}, {100, 150}, {50, 50}, {0, 0}, {0, 0}} {
			answer := h.mustSync(ana, since(token))
			for _, m := range answer.Get("to_device.events").Array() {
				mustEqual(t, "number", int(m.Get("content.n").Int()), given)
				given++
			}
			mustEqual(t, fmt.Sprintf("messages of sync %d", i), len(answer.Get("to_device.events").Array()), want.messages)
			mustEqual(t, fmt.Sprintf("left after sync %d", i), left(), want.left)
			if i == 1 { // a token given again gives the same again
				again := h.mustSync(ana, since(token))
				mustEqual(t, "again", again.Get("to_device").String(), answer.Get("to_device").String())
			}
			if i == 2 {
				h.restart()
			}
			token = answer.Get("next_batch").String()
		}
		h.put(message(given))
		mustEqual(t, "one more", len(h.mustSync(ana, since(token)).Get("to_device.events").Array()), 1)
	})
}

func TestLargeToDeviceMessagesComeInParts(t *testing.T) {
	h := sqliteHouse(t)
	large := strings.Repeat("x", 400<<10)
	for range 3 {
		h.put(stream.Item{Kind: stream.ToDevice, User: ana, Key: "Dana", Content: []byte(`{"content":{"x":"` + large + `"}}`)})
	}
	first := h.mustSync(ana)
	mustEqual(t, "first part", len(first.Get("to_device.events").Array()), 2)
	second := h.mustSync(ana, since(first.Get("next_batch").String()))
	mustEqual(t, "second part", len(second.Get("to_device.events").Array()), 1)
}

func TestHooks(t *testing.T) {
	h := sqliteHouse(t)
	presence := ""
	h.options.PushRules = func(context.Context, tenant.ID, id.UserID) (json.RawMessage, error) {
		return json.RawMessage(`{"global":{}}`), nil
	}
	asked := 0
	h.options.KeyCounts = func(context.Context, tenant.ID, id.UserID, id.DeviceID) (map[id.KeyAlgorithm]int, []id.KeyAlgorithm, error) {
		asked++
		return map[id.KeyAlgorithm]int{"other": 2}, []id.KeyAlgorithm{"signed_curve25519"}, nil
	}
	polls := 0
	h.options.Presences = attending{func(p string) (leave func()) {
		presence = p
		polls++
		return func() { polls-- }
	}}
	h.restart()
	keyCounts := `{"other":2,"signed_curve25519":0}`
	answer := h.mustSync(ana, func(q *longpoll.Request) { q.Presence = "unavailable" })
	mustEqual(t, "push rules", answer.Get("account_data.events").String(), `[{"type":"m.push_rules","content":{"global":{}}}]`)
	mustEqual(t, "key counts", answer.Get("device_one_time_keys_count").String(), keyCounts)
	mustEqual(t, "fallback keys", answer.Get("device_unused_fallback_key_types").String(), `["signed_curve25519"]`)
	mustEqual(t, "presence", presence, "unavailable")
	mustEqual(t, "polls under way", polls, 0)
	token := answer.Get("next_batch").String()
	// Counts that an answer leaves out are read as zero, and the client uploads
	// new keys: every answer has them, and asks the database only for new ones.
	for range 3 {
		answer = h.mustSync(ana, since(token))
		mustEqual(t, "counts, and nothing new", len(answer.Map()), 3)
		mustEqual(t, "counts", answer.Get("device_one_time_keys_count").String(), keyCounts)
		mustEqual(t, "fallback keys", answer.Get("device_unused_fallback_key_types").String(), `["signed_curve25519"]`)
		h.put(stream.Item{Kind: stream.OneTimeKeys, User: ana, Key: "Another"})
		token = answer.Get("next_batch").String()
	}
	mustEqual(t, "readings of unchanged counts", asked, 1)
	h.put(stream.Item{Kind: stream.OneTimeKeys, User: ana, Key: "Dana"})
	mustEqual(t, "changed counts", h.mustSync(ana, since(token)).Get("device_one_time_keys_count").String(), keyCounts)
	mustEqual(t, "readings", asked, 2)
	mustEqual(t, "counts for another device", h.mustSync(bea).Get("device_one_time_keys_count").String(), keyCounts)
	mustEqual(t, "readings", asked, 3)
	h.put(stream.Item{Kind: stream.AccountData, User: ana, Key: "m.push_rules", Content: []byte(`{"raw":1}`)})
	answer = h.mustSyncTwice(ana, token)
	mustEqual(t, "changed push rules", answer.Get("account_data.events").String(), `[{"type":"m.push_rules","content":{"global":{}}}]`)
}

func TestNewMembersBringTheirPresence(t *testing.T) {
	h := sqliteHouse(t)
	h.found(room1, ana, "shared")
	h.put(stream.Item{Kind: stream.Presence, User: bea, Content: []byte(`{"presence":"online"}`)})
	token := h.mustSync(ana).Get("next_batch").String()
	h.member(room1, bea, bea, "join")
	answer := h.mustSyncTwice(ana, token)
	mustEqual(t, "presence", answer.Get("presence.events.0.content.presence").String(), "online")
	mustEqual(t, "device lists", answer.Get("device_lists.changed").String(), `["@bea:hs"]`)
}
