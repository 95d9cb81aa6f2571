package main_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/event"
	"maunium.net/go/mautrix/id"
)

// said is one message as its sender knows it. Times count from the test's
// beginning.
type said struct {
	transaction string
	event       id.EventID    // "" until it is acknowledged
	asked       time.Duration // when it was first sent
	answered    time.Duration
}

// sender sends one message after the other.
type sender struct {
	*mautrix.Client
	said []said // the last one may be without an answer
}

// crowd is the load of the crash test.
type crowd struct {
	room    id.RoomID
	began   time.Time
	senders []*sender
}

// send sends the message of a transaction, for the first time or again.
func (c *crowd) send(ctx context.Context, s *sender, m *said) error {
	content := &event.MessageEventContent{MsgType: event.MsgText, Body: s.UserID.Localpart() + " " + m.transaction}
	answer, err := s.SendMessageEvent(ctx, c.room, event.EventMessage, content, mautrix.ReqSendEvent{TransactionID: m.transaction})
	if err != nil {
		return err
	}
	if answer.EventID == "" {
		return fmt.Errorf("transaction %s of %s gave no event", m.transaction, s.UserID)
	}
	if m.event == "" {
		m.event, m.answered = answer.EventID, time.Since(c.began)
	}
	if m.event != answer.EventID {
		return fmt.Errorf("transaction %s of %s gave %s first and %s now", m.transaction, s.UserID, m.event, answer.EventID)
	}
	return nil
}

// work sends until the server is gone, first what has no answer yet. It calls
// done after each acknowledged message.
func (c *crowd) work(ctx context.Context, s *sender, done func()) error {
	for {
		if n := len(s.said); n == 0 || s.said[n-1].event != "" {
			s.said = append(s.said, said{transaction: fmt.Sprintf("m%d", n), asked: time.Since(c.began)})
		}
		if err := c.send(ctx, s, &s.said[len(s.said)-1]); err != nil {
			return err
		}
		done()
	}
}

// mustWorkUntil puts the server under load, calls end when enough messages are
// acknowledged, and waits until all senders have noticed.
func (c *crowd) mustWorkUntil(t testing.TB, enough int64, end func()) {
	t.Helper()
	ctx := within(t)
	reached := make(chan struct{})
	var acknowledged atomic.Int64
	var all sync.WaitGroup
	for _, s := range c.senders {
		all.Go(func() {
			err := c.work(ctx, s, func() {
				if acknowledged.Add(1) == enough {
					close(reached)
				}
			})
			mustBeCut(t, err)
		})
	}
	select {
	case <-reached:
	case <-ctx.Done():
		t.Errorf("got %d messages acknowledged, want %d", acknowledged.Load(), enough)
	}
	end()
	all.Wait()
}

// mustBeCut demands that a request failed because the connection did, without an
// answer.
func mustBeCut(t testing.TB, err error) {
	t.Helper()
	var failed mautrix.HTTPError
	if !errors.As(err, &failed) || failed.RespError != nil || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want a connection cut by the end of the server", err)
	}
}

// mustRepeat sends each message again, and demands the event IDs of the first
// time; what has no answer yet gets one.
func (c *crowd) mustRepeat(t testing.TB) {
	t.Helper()
	ctx := within(t)
	var all sync.WaitGroup
	for _, s := range c.senders {
		all.Go(func() {
			for i := range s.said {
				// A connection that was cut may still be met in the server's pool.
				if err := insist(ctx, func() error { return c.send(ctx, s, &s.said[i]) }); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
}

// mustBeIn demands that the history has each acknowledged message exactly once,
// nothing else, and none before one that was acknowledged before it was sent.
func (c *crowd) mustBeIn(t testing.TB, history []*event.Event) {
	t.Helper()
	wanted := map[id.EventID]*said{}
	bodies := map[id.EventID]string{}
	for _, s := range c.senders {
		for i := range s.said {
			m := &s.said[i]
			if bodies[m.event] != "" {
				t.Errorf("%s is the answer to two messages", m.event)
			}
			wanted[m.event], bodies[m.event] = m, s.UserID.Localpart()+" "+m.transaction
		}
	}
	var latest *said // of those that come before: the one that was sent last
	for _, e := range history {
		if e.Type.Type != event.EventMessage.Type {
			continue
		}
		m := wanted[e.ID]
		if m == nil {
			t.Errorf("%s (%v) is in the history a second time, or was never acknowledged", e.ID, e.Content.Raw["body"])
			continue
		}
		delete(wanted, e.ID)
		if got := e.Content.Raw["body"]; got != bodies[e.ID] {
			t.Errorf("got %v as %s, want %s", got, e.ID, bodies[e.ID])
		}
		if latest != nil && m.answered < latest.asked {
			t.Errorf("%s stands after %s, which was sent after it was acknowledged", e.ID, latest.event)
		}
		if latest == nil || m.asked > latest.asked {
			latest = m
		}
	}
	for event := range wanted {
		t.Errorf("%s (%s) was acknowledged and is lost", event, bodies[event])
	}
}

// move gives all senders the server's new address.
func (c *crowd) move(t testing.TB, address string) {
	t.Helper()
	for _, s := range c.senders {
		s.Client = moved(t, s.Client, address)
	}
}

// newCrowd makes a room, with senders in it.
func newCrowd(t testing.TB, address string) *crowd {
	t.Helper()
	c := &crowd{began: time.Now()}
	for i := range 8 {
		client := mustRegister(t, address, fmt.Sprintf("sender%d", i))
		if i == 0 {
			c.room = mustCreateRoom(t, client, "load")
		} else {
			mustJoin(t, client, c.room.String())
		}
		c.senders = append(c.senders, &sender{Client: client})
	}
	return c
}

// TestKilled kills the server under load, three times. Nothing that it has
// acknowledged is lost, doubled or out of order, in the history or for who reads
// by tokens from before.
func TestKilled(t *testing.T) {
	enough := int64(400)
	if testing.Short() {
		enough = 60
	}
	each(t, func(t *testing.T, in installation) {
		s := in.mustStart(t, "--registration", "open")
		c := newCrowd(t, s.url)
		reader := mustRegister(t, s.url, "reader")
		mustJoin(t, reader, c.room.String())
		// One reader polls all the time, the other comes only after each crash and
		// finds more than it is given at once.
		awake := &chain{client: reader, room: c.room}
		asleep := &chain{client: moved(t, reader, s.url), room: c.room, filter: `{"room":{"timeline":{"limit":5}}}`}
		asleep.mustStep(t)
		for range 3 {
			following := awake.follow(t)
			c.mustWorkUntil(t, enough, func() { s.kill(t) })
			mustBeCut(t, <-following)

			s = in.mustStart(t, "--registration", "open")
			c.move(t, s.url)
			awake.client, asleep.client = moved(t, reader, s.url), moved(t, reader, s.url)
			asleep.mustStep(t)
		}
		c.mustRepeat(t)
		history := mustHistory(t, awake.client, c.room)
		c.mustBeIn(t, history)
		for _, reader := range []*chain{awake, asleep} {
			reader.mustStep(t)
			reader.mustHaveSeen(t, history)
		}
		if asleep.gaps < 4 {
			t.Errorf("got %d limited timelines, want one at the beginning and one after each crash", asleep.gaps)
		}
		c.mustRepeat(t)
		if again := mustHistory(t, awake.client, c.room); len(again) != len(history) {
			t.Errorf("got %d events after all were sent again, want %d", len(again), len(history))
		}
	})
}
