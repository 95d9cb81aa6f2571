package bell_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/rooms/bell"
	"github.com/conversalabs/internalchat/storage"
	"github.com/conversalabs/internalchat/storage/follow"
	"github.com/conversalabs/internalchat/storage/stream"
)

// reads is a receipt of Ana's.
func (h *house) reads(room id.RoomID, thread string, event id.EventID) {
	h.t.Helper()
	h.must(h.rooms.MarkRead(h.t.Context(), by(ana), rooms.Reading{Room: room, Private: event, Thread: thread}))
}

// Receipts read what they reach, in their thread or in the room, and so does writing.
func TestReading(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		room, other := h.found("dm", ana, bia), h.found("dm", ana, bia)
		h.say(other, bia, "")
		root := h.say(room, bia, "")
		reply := h.say(room, bia, `,"m.relates_to":{"rel_type":"m.thread","event_id":"`+string(root)+`"}`)
		last := h.say(room, bia, "")
		const unread, read = "direct_message", "direct_message read"
		h.demand(ana, unread, unread, unread, unread)
		h.reads(room, rooms.MainThread, last)
		h.demand(ana, read, unread, read, unread)
		h.reads(room, string(root), reply)
		h.demand(ana, read, read, read, unread)
		// In one step with what it reads.
		h.reads(room, "", h.say(room, bia, ""))
		h.demand(ana, read, read, read, read, unread)
		h.say(other, ana, "")
		h.demand(ana, read, read, read, read, read)
		if got := h.state(ana); got != `{"unread":0}` {
			t.Errorf("clients are told %s, want nothing unread", got)
		}
	})
}

// What was redacted, and what is about a room that one has left, is gone: from the
// list at once, and soon from what clients are told.
func TestGone(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		room, other := h.found("announcement", ana, bia), h.found("private", ana, bia)
		h.say(room, boss, "")
		wrong := h.say(room, boss, "")
		h.say(other, bia, mention(ana))
		h.demand(ana, "mention", "announcement", "announcement")
		_, err := h.rooms.Redact(t.Context(), by(boss), rooms.Message{Room: room, Content: json.RawMessage(`{}`)}, wrong)
		h.must(err)
		h.must(h.rooms.Kick(t.Context(), by(boss), rooms.Move{Room: other, User: ana}))
		// As long as nothing has followed.
		late := bell.New(bell.Options{Store: h.store, Await: h.never})
		page, err := late.List(t.Context(), by(ana), bell.Wanted{Limit: 10})
		h.must(err)
		if len(page.Entries) != 1 || page.Entries[0].Kind != rooms.BellAnnouncement {
			t.Errorf("got %+v, want the first announcement alone", page)
		}
		h.demand(ana, "announcement")
		h.demand(bia, "announcement")
		// Who comes back is not told again.
		h.must(h.rooms.Join(t.Context(), by(ana), rooms.Move{Room: other}))
		h.demand(ana, "announcement")
		// Redacted before anybody was told.
		soon := h.say(room, boss, "")
		_, err = h.rooms.Redact(t.Context(), by(boss), rooms.Message{Room: room, Content: json.RawMessage(`{}`)}, soon)
		h.must(err)
		h.demand(ana, "announcement")
	})
}

// never is a follower that does not come on.
func (h *house) never(ctx context.Context, _ tenant.ID, _ follow.Place) error {
	<-ctx.Done()
	return ctx.Err()
}

// The list comes in pages, all of it or what is unread, and is read one by one or up
// to an entry.
func TestPages(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		room := h.found("dm", ana, bia)
		for range 5 {
			h.say(room, bia, "")
		}
		list := func(w bell.Wanted) bell.Page {
			t.Helper()
			page, err := h.List(t.Context(), by(ana), w)
			h.must(err)
			return page
		}
		all := list(bell.Wanted{Limit: 10})
		if len(all.Entries) != 5 || all.Next != "" || all.Unread != 5 || all.Entries[0].Sender != bia || all.Entries[0].Time != h.clock.Load() {
			t.Fatalf("got %+v, want all five", all)
		}
		h.must(h.ReadOne(t.Context(), by(ana), all.Entries[1].ID))
		h.must(h.ReadUpTo(t.Context(), by(ana), all.Entries[3].ID))
		h.must(h.ReadUpTo(t.Context(), by(bia), all.Entries[0].ID)) // nothing of hers
		var got []string
		for w := (bell.Wanted{Limit: 1, Unread: true}); ; {
			page := list(w)
			for _, e := range page.Entries {
				got = append(got, e.ID)
			}
			if page.Unread != 2 {
				t.Errorf("got %d unread, want 2", page.Unread)
			}
			if w.From = page.Next; w.From == "" {
				break
			}
		}
		if want := []string{all.Entries[0].ID, all.Entries[2].ID}; !slices.Equal(got, want) {
			t.Errorf("unread are %v, want %v", got, want)
		}
		want := fmt.Sprintf(`{"unread":2,"latest":{"id":%q,"kind":"direct_message","room_id":%q,"event_id":%q,"ts":%d}}`,
			all.Entries[0].ID, room, all.Entries[0].Event, all.Entries[0].Time)
		if got := h.state(ana); got != want {
			t.Errorf("clients are told %s, want %s", got, want)
		}
		for _, bad := range []string{"x", "", "-1"} {
			if err := h.ReadOne(t.Context(), by(ana), bad); !refusal.Is(err, "M_INVALID_PARAM") {
				t.Errorf("entry %q: got %v, want M_INVALID_PARAM", bad, err)
			}
		}
	})
}

// counted notes how much of the stream the largest act took.
type counted struct {
	*storage.Store
	h    *house
	most stream.Position
}

func (c *counted) Act(ctx context.Context, act rooms.Act) (id.EventID, error) {
	before := c.h.head()
	eventID, err := c.Store.Act(ctx, act)
	c.most = max(c.most, c.h.head()-before)
	return eventID, err
}

// An announcement is sent as to one, and told to many by acts of a few each. Following
// it again tells nobody twice, whatever they have read.
func TestManyMembers(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		members := []id.UserID{ana}
		for i := range 249 {
			members = append(members, id.UserID(fmt.Sprintf("@u%d:hs", i)))
			h.mustUser(members[i+1], tenant.Agent)
		}
		room := h.found("announcement", members...)
		before := h.head()
		sent := h.say(room, boss, mention(ana))
		if took := h.head() - before; took != 1 {
			t.Errorf("sending took %d positions, want 1", took)
		}
		small := &counted{Store: h.store, h: h}
		h.follower = bell.Follow(small, func() time.Time { return time.UnixMilli(h.clock.Load()) })
		h.follow()
		if small.most > 100 || h.head()-before < 250 {
			t.Errorf("the largest act told %d, all of them %d, want at most 100 of at least 250", small.most, h.head()-before-1)
		}
		h.demand(ana, "mention")
		h.demand(members[249], "announcement")
		h.reads(room, "", sent)
		h.demand(ana, "mention read")
		head := h.head()
		h.at = 0
		h.follow()
		if now := h.head(); now != head {
			t.Errorf("following again moved the head from %d to %d", head, now)
		}
		_, err := h.rooms.Redact(t.Context(), by(boss), rooms.Message{Room: room, Content: json.RawMessage(`{}`)}, sent)
		h.must(err)
		small.most = 0
		h.follow()
		if small.most > 100 {
			t.Errorf("the largest act took %d entries back, want at most 100", small.most)
		}
		for _, user := range []id.UserID{ana, members[1], members[249]} {
			h.demand(user)
			if got := h.state(user); got != `{"unread":0}` {
				t.Errorf("%s is told %s, want nothing unread", user, got)
			}
		}
	})
}

// Of a bell the newest thousand entries are unread, and what was read is forgotten
// after 90 days, when it rings again.
func TestBounds(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		room := h.found("public", ana)
		ring := func(from, to int) {
			t.Helper()
			var entries []rooms.BellEntry
			for i := from; i < to; i++ {
				entries = append(entries, rooms.BellEntry{
					User: ana, Kind: rooms.BellReminder, Room: room, Reference: fmt.Sprint(i), Time: h.clock.Load(),
				})
			}
			_, err := h.store.Act(t.Context(), rooms.Act{
				Caller: tenant.Caller{Account: "acme"}, Lone: true,
				Do: func(tx rooms.Tx) (id.EventID, error) { return "", tx.Ring(entries...) },
			})
			h.must(err)
		}
		count := func(unread bool) int {
			t.Helper()
			found, err := h.store.Bell(t.Context(), "acme", rooms.BellQuery{User: ana, Unread: unread, Limit: 5000})
			h.must(err)
			return len(found)
		}
		ring(0, 1005)
		ring(0, 3) // there already
		if all, unread := count(false), count(true); all != 1005 || unread != 1000 {
			t.Errorf("got %d, %d of them unread, want 1005 and 1000", all, unread)
		}
		h.clock.Add((91 * 24 * time.Hour).Milliseconds())
		ring(2000, 2001)
		if all, unread := count(false), count(true); all != 1001 || unread != 1000 {
			t.Errorf("later got %d, %d of them unread, want 1001 and 1000", all, unread)
		}
	})
}
