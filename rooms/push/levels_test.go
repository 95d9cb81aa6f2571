package push_test

import (
	"context"
	"crypto/rand"
	"sync"
	"testing"
	"time"

	"github.com/tidwall/gjson"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/rooms/push"
	"github.com/conversalabs/internalchat/storage"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/sqldb/sqltest"
	"github.com/conversalabs/internalchat/storage/stream"
)

// clock is a time that tests move.
type clock struct {
	mu sync.Mutex // guards at
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

func (h *house) head() (head stream.Position) {
	h.Helper()
	h.check(h.store.View(h.Context(), "acme", func(v rooms.View) error {
		head = v.Head()
		return nil
	}))
	return head
}

func (h *house) choose(levels *push.Levels, room id.RoomID, c push.Choice) {
	h.Helper()
	_, err := levels.Choose(h.Context(), by(reader), room, c)
	h.check(err)
}

// TestMutesEndOnce has many nodes end the same mutes at the same moment: each ends
// once, by one entry for the rules and one for what is kept.
func TestMutesEndOnce(t *testing.T) {
	t.Parallel()
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		h := newHouse(t, db)
		c := &clock{at: time.UnixMilli(1_700_000_000_000)}
		nodes := []*push.Levels{push.NewLevels(h.store, c.now)}
		for range 3 {
			store := storage.Open(storage.Options{DB: db, Log: h.log, Now: c.now})
			t.Cleanup(store.Close)
			nodes = append(nodes, push.NewLevels(store, c.now))
		}
		first, second := c.at.Add(time.Minute), c.at.Add(time.Hour)
		other := h.found(reader)
		for room, end := range map[id.RoomID]time.Time{h.room: first, other: second} {
			h.choose(nodes[0], room, push.Choice{Level: new(push.Mentions), Muted: new(true), Until: new(end.UnixMilli())})
		}
		if next, err := nodes[1].EndDue(t.Context()); err != nil || !next.Equal(first) {
			t.Errorf("got %v, %v before the first is due, want %v", next, err, first)
		}
		before := h.head()
		c.pass(time.Minute)
		var all sync.WaitGroup
		for _, node := range nodes {
			all.Go(func() {
				if next, err := node.EndDue(t.Context()); err != nil || !next.Equal(second) {
					t.Errorf("got %v, %v, want that the next ends at %v", next, err, second)
				}
			})
		}
		all.Wait()
		if moved := h.head() - before; moved != 2 {
			t.Errorf("the head moved by %d, want 2: the rules, and what is kept", moved)
		}
		for room, want := range map[id.RoomID]bool{h.room: false, other: true} {
			n, err := nodes[2].Of(t.Context(), by(reader), room)
			h.check(err)
			if n.Muted != want || n.Level != push.Mentions {
				t.Errorf("%s: got %+v, want that it is muted: %v", room, n, want)
			}
		}
		// What is muted anew, for longer or for good, does not end at the earlier time.
		h.choose(nodes[0], other, push.Choice{Muted: new(true)})
		c.pass(time.Hour)
		if next, err := nodes[1].EndDue(t.Context()); err != nil || !next.IsZero() {
			t.Errorf("got %v, %v, want that no mute ends", next, err)
		}
		if n, err := nodes[0].Of(t.Context(), by(reader), other); err != nil || !n.Muted {
			t.Errorf("got %+v, %v, want that it is muted still", n, err)
		}
	})
}

// TestTimerIsWokenByShorterMutes has the timer wait long, and a mute end before that.
func TestTimerIsWokenByShorterMutes(t *testing.T) {
	t.Parallel()
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		h := newHouse(t, db)
		c := &clock{at: time.UnixMilli(1_700_000_000_000)}
		levels := push.NewLevels(h.store, c.now)
		waits, ring := make(chan time.Duration), make(chan time.Time)
		alarm := func(d time.Duration) <-chan time.Time {
			waits <- d
			return ring
		}
		var runs sync.WaitGroup
		runs.Go(func() { levels.Run(t.Context(), alarm, func(err error) { t.Error(err) }) })
		t.Cleanup(runs.Wait)
		mustWait := func() time.Duration {
			t.Helper()
			select {
			case wait := <-waits:
				return wait
			case <-time.After(time.Minute):
				t.Fatal("the timer has not looked again for a minute")
				return 0
			}
		}
		mustWait()
		h.choose(levels, h.room, push.Choice{Muted: new(true), Until: new(c.now().Add(time.Second).UnixMilli())})
		if wait := mustWait(); wait != time.Second {
			t.Errorf("the timer waits for %v, want a second", wait)
		}
		c.pass(time.Second)
		ring <- c.now()
		mustWait()
		if n, err := levels.Of(t.Context(), by(reader), h.room); err != nil || n.Muted {
			t.Errorf("got %+v, %v, want that the mute has ended", n, err)
		}
	})
}

// TestDefaultLevel changes the account's default level: messages count or not, unless
// the user has changed the rule or chosen for the room.
func TestDefaultLevel(t *testing.T) {
	t.Parallel()
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		h := newHouse(t, db)
		levels := push.NewLevels(h.store, time.Now)
		set := func(level accounts.DefaultLevel) {
			t.Helper()
			h.check(h.store.ChangeAccount(t.Context(), tenant.Caller{Account: "acme"}, func(s *accounts.Settings) error {
				s.DefaultLevel = level
				return nil
			}))
		}
		demand := func(what, counts, actions string) {
			t.Helper()
			if got := h.counts(h.unread, h.room); got != counts {
				t.Errorf("%s: got the counts %s, want %s", what, got, counts)
			}
			rules, err := levels.Rules(t.Context(), "acme", reader)
			h.check(err)
			if got := gjson.GetBytes(rules.JSON(), `global.underride.#(rule_id==".m.rule.message").actions`).Raw; got != actions {
				t.Errorf("%s: .m.rule.message does %s, want %s", what, got, actions)
			}
		}
		says(bia, "A", "")(h)
		says(bia, "B", `"m.mentions":{"user_ids":["@ana:hs"]}`)(h)
		demand("before", "2/1", `["notify"]`)
		set(accounts.MentionsByDefault)
		demand("mentions", "1/1", `[]`)
		if page, err := h.unread.Notifications(t.Context(), by(reader), push.Wanted{Limit: 10}); err != nil || gjson.GetBytes(page.Chunk, "#").Int() != 1 {
			t.Errorf("got the notifications %s, %v, want the mention alone", page.Chunk, err)
		}
		h.choose(levels, h.room, push.Choice{Level: new(push.Everything)})
		demand("mentions, but everything of this room", "2/1", `[]`)
		h.choose(levels, h.room, push.Choice{Level: new(push.AsAccount)})
		demand("mentions again", "1/1", `[]`)
		h.check(levels.ChangeRules(t.Context(), by(reader), func(r push.Ruleset) (push.Ruleset, error) {
			return r.SetActions(push.Underride, ".m.rule.message", []byte(`["notify"]`))
		}))
		demand("the user's own rule", "2/1", `["notify"]`)
		set(accounts.EverythingByDefault)
		demand("everything", "2/1", `["notify"]`)
	})
}

func TestAnnounce(t *testing.T) {
	t.Parallel()
	const room id.RoomID = "!news:hs"
	rule := func(stored []byte) string {
		return gjson.GetBytes(stored, `global.room.#(rule_id=="!news:hs").actions`).Raw
	}
	first, err := push.Announce(reader, nil, room)
	if want := `["notify",{"set_tweak":"sound","value":"default"}]`; err != nil || rule(first) != want {
		t.Errorf("got %s, %v, want the rule %s", first, err, want)
	}
	for name, stored := range map[string]string{
		"had it":    string(first),
		"mentions":  `{"global":{"room":[{"rule_id":"!news:hs","actions":[]}]}}`,
		"off":       `{"global":{"room":[{"rule_id":"!news:hs","actions":["notify"],"enabled":false}]}}`,
		"silenced":  `{"global":{"override":[{"rule_id":"x","actions":[],"conditions":[{"kind":"event_match","key":"room_id","pattern":"!news:hs"}]}]}}`,
		"in legacy": `{"global":{"override":[{"rule_id":"x","actions":["dont_notify"],"conditions":[{"kind":"event_match","key":"room_id","pattern":"!news:hs"}]}]}}`,
	} {
		if got, err := push.Announce(reader, []byte(stored), room); got != nil || err != nil {
			t.Errorf("%s: got %s, %v, want nothing", name, got, err)
		}
	}
	if got, err := push.Announce(reader, []byte(`{"global":{"room":[{"rule_id":"!else:hs","actions":[]}]}}`), room); err != nil || rule(got) == "" ||
		gjson.GetBytes(got, "global.room.#").Int() != 2 {
		t.Errorf("got %s, %v, want both rules", got, err)
	}
	if _, err := push.Announce(reader, []byte(`[]`), room); err == nil {
		t.Error("got no error of what are no rules")
	}
}

type teamPolicy struct{}

func (teamPolicy) RoomPolicy(context.Context, tenant.ID) (rooms.Policy, error) {
	return rooms.TeamPolicy, nil
}

// TestAnnouncementsBegin lets people into an announcement, which rings from then on
// until they have it otherwise; that stays in the room's successor. Its maker, and who
// is added, are no different.
func TestAnnouncementsBegin(t *testing.T) {
	t.Parallel()
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		h := newHouse(t, db)
		team := rooms.New(rooms.Options{
			Store: h.store, Policies: teamPolicy{}, Now: time.Now, Random: rand.Reader, CarryRules: push.Carry, JoinRules: push.Announce,
		})
		levels := push.NewLevels(h.store, time.Now)
		demand := func(user id.UserID, room id.RoomID, want push.Level) {
			t.Helper()
			if n, err := levels.Of(t.Context(), by(user), room); err != nil || n.Level != want {
				t.Errorf("%s: got %+v, %v, want the level %s", user, n, err, want)
			}
		}
		admin := by(boss)
		admin.Role = tenant.Administrator
		room, _, err := team.Create(t.Context(), admin, rooms.Creation{Kind: rooms.Announcement, Name: "news"})
		h.check(err)
		h.check(team.Join(t.Context(), by(reader), rooms.Move{Room: room}))
		h.check(team.Invite(t.Context(), admin, rooms.Move{Room: room, User: bia}))
		for _, user := range []id.UserID{boss, reader, bia} {
			demand(user, room, push.Everything)
		}
		h.choose(levels, room, push.Choice{Level: new(push.AsAccount)})
		demand(reader, room, push.AsAccount)
		next, err := team.Upgrade(t.Context(), admin, rooms.Upgrade{Room: room, Version: "11"})
		h.check(err)
		h.check(team.Join(t.Context(), by(reader), rooms.Move{Room: next}))
		demand(reader, next, push.AsAccount)
		h.check(team.Join(t.Context(), by(caio), rooms.Move{Room: next}))
		demand(caio, next, push.Everything)
		demand(reader, h.room, push.AsAccount)
	})
}
