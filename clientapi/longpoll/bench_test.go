package longpoll_test

import (
	"context"
	"fmt"
	"testing"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/longpoll"
	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/rooms/event"
	"github.com/conversalabs/internalchat/rooms/push"
)

// crowd fills the account: rooms of as many members, ten messages each.
func (h *house) crowd(roomCount, members int) {
	h.Helper()
	for n := range roomCount {
		room := id.RoomID(fmt.Sprintf("!room%d:hs", n))
		h.act(ana, "", func(tx rooms.Tx) (id.EventID, error) {
			add := func(sender id.UserID, kind, key, content string) error {
				d := event.Draft{Room: room, Sender: sender, Type: kind, Content: []byte(content), Timestamp: clock.UnixMilli() - 1000}
				if key != "-" {
					d.StateKey = &key
				}
				_, err := h.draft(tx, d)
				return err
			}
			if err := add(ana, "m.room.create", "", `{"room_version":"11"}`); err != nil {
				return "", err
			}
			if err := add(ana, "m.room.name", "", fmt.Sprintf(`{"name":"Room %d"}`, n)); err != nil {
				return "", err
			}
			for m := range members {
				user := id.UserID(fmt.Sprintf("@user%d:hs", m))
				if m == 0 {
					user = ana
				}
				if err := add(user, "m.room.member", string(user), `{"membership":"join","displayname":"Somebody"}`); err != nil {
					return "", err
				}
			}
			for m := range 10 {
				if err := add(ana, "m.room.message", "-", fmt.Sprintf(`{"msgtype":"m.text","body":"message %d"}`, m)); err != nil {
					return "", err
				}
			}
			return "", nil
		})
	}
}

func BenchmarkInitialSync(b *testing.B) {
	h := sqliteHouse(b)
	h.crowd(200, 20)
	b.Run("cold", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			h.restart()
			b.StartTimer()
			h.mustAnswer(b, "")
		}
	})
	b.Run("warm", func(b *testing.B) {
		h.mustAnswer(b, "")
		for b.Loop() {
			h.mustAnswer(b, "")
		}
	})
}

func (h *house) mustAnswer(b *testing.B, token string) {
	b.Helper()
	answer, err := h.Sync(context.Background(), caller(ana), longpoll.Request{Since: token})
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(answer)))
}

// BenchmarkFanOut is what one message costs each of the polls it wakes.
func BenchmarkFanOut(b *testing.B) {
	h := sqliteHouse(b)
	h.crowd(200, 20)
	token := h.mustSync(ana).Get("next_batch").String()
	h.say("!room0:hs", ana, "hello")
	h.GlanceOnly()
	for _, c := range []struct {
		name   string
		change query
	}{
		{"plain", func(*longpoll.Request) {}},
		{"lazy", filtered(b, `{"room":{"state":{"lazy_load_members":true},"timeline":{"limit":20}}}`)},
	} {
		b.Run(c.name, func(b *testing.B) {
			q := longpoll.Request{Since: token}
			c.change(&q)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := h.Sync(context.Background(), caller("@user1:hs"), q); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkFanOutCounted is what each new message costs each of 200 polls, their
// counts of unread messages included. One operation is one poll.
func BenchmarkFanOutCounted(b *testing.B) {
	h := sqliteHouse(b)
	h.crowd(1, 200)
	token := h.mustSync(ana).Get("next_batch").String()
	h.GlanceOnly()
	readers := make([]tenant.Caller, 200)
	for i := range readers {
		readers[i] = caller(id.UserID(fmt.Sprintf("@user%d:hs", i)))
		if _, err := h.Sync(context.Background(), readers[i], longpoll.Request{}); err != nil {
			b.Fatal(err)
		}
	}
	n := 0
	b.ReportAllocs()
	for b.Loop() {
		if n%len(readers) == 0 {
			b.StopTimer()
			token = h.mustSync(ana, since(token)).Get("next_batch").String()
			h.say("!room0:hs", ana, "hello")
			b.StartTimer()
		}
		if _, err := h.Sync(context.Background(), readers[n%len(readers)], longpoll.Request{Since: token}); err != nil {
			b.Fatal(err)
		}
		n++
	}
}

// glancing is a store whose views do not look for a newer head, as after a
// wake-up.
type glancing struct{ rooms.Store }

func (g glancing) View(ctx context.Context, account tenant.ID, f func(rooms.View) error) error {
	return g.Glance(ctx, account, f)
}

// GlanceOnly makes the house answer as after a wake-up.
func (h *house) GlanceOnly() {
	o := h.options
	o.Now = h.Now
	o.Store = h.store
	o.Unread = push.NewUnread(h.store, h.store)
	o.Rooms = rooms.New(rooms.Options{Store: glancing{h.store}, Now: h.Now})
	h.Service = longpoll.New(o)
}
