package main

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tidwall/gjson"
	"maunium.net/go/mautrix/id"
)

const (
	// sequenceKey holds a message's number in its content.
	sequenceKey = "br.com.conversalabs.chatbench.sequence"
	// sequencePath is the same for gjson, seen from the event.
	sequencePath = `content.br\.com\.conversalabs\.chatbench\.sequence`

	pollTimeout = 30 * time.Second
	// pollFilter keeps what is not a message out of the answers.
	pollFilter = `{"presence":{"not_types":["*"]},"account_data":{"not_types":["*"]},"room":{` +
		`"timeline":{"limit":100},"state":{"lazy_load_members":true},` +
		`"ephemeral":{"not_types":["*"]},"account_data":{"not_types":["*"]}}}`
)

var errTwice = errors.New("sync: a message came twice, or was never sent")

// crowd is the members of one room who wait for its messages, numbered from 0.
type crowd struct {
	bench   *bench
	room    id.RoomID
	start   time.Time
	members []*member

	sent      []atomic.Int64 // when message n was sent, in ns after start
	acked     []bool         // by the sender's goroutine, while it sends
	owed      atomic.Int64   // deliveries to expect, once everything is sent
	delivered atomic.Int64
	complete  chan struct{} // closed when nothing is owed any more
	finish    func()        // closes it
}

// member is one who waits.
type member struct {
	*client
	crowd *crowd
	since string
	seen  []bool
	tally
}

func newCrowd(b *bench, room id.RoomID, messages int) *crowd {
	complete := make(chan struct{})
	return &crowd{
		bench:    b,
		room:     room,
		start:    time.Now(),
		sent:     make([]atomic.Int64, messages),
		acked:    make([]bool, messages),
		complete: complete,
		finish:   sync.OnceFunc(func() { close(complete) }),
	}
}

// gather lets the members take their first token, from which they will wait.
func (w *crowd) gather(ctx context.Context, clients []*client) error {
	w.members = make([]*member, len(clients))
	return each(ctx, clients, func(ctx context.Context, i int, c *client) error {
		since, _, err := c.sync(ctx, "", pollFilter, 0)
		w.members[i] = &member{client: c, crowd: w, since: since, seen: make([]bool, len(w.sent))}
		return err
	})
}

// poll starts everyone's long polls. The function it gives ends them.
func (w *crowd) poll(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var polls sync.WaitGroup
	for _, m := range w.members {
		polls.Go(func() { m.follow(ctx) })
	}
	return func() {
		cancel()
		polls.Wait()
	}
}

// send sends message n from outside the crowd.
func (w *crowd) send(ctx context.Context, sender *client, path string, n int, body []byte) error {
	w.sent[n].Store(int64(time.Since(w.start)))
	err := sender.send(ctx, path, "bench-"+strconv.Itoa(n), body)
	w.acked[n] = err == nil
	return err
}

// wait waits until every acknowledged message is with every member, or no
// longer than patience.
func (w *crowd) wait(ctx context.Context, patience time.Duration) {
	owed := 0
	for _, acked := range w.acked {
		if acked {
			owed += len(w.members)
		}
	}
	w.owed.Store(int64(owed))
	w.settle()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	case <-w.complete:
	}
}

// settle ends the wait if nothing is owed. Before everything is sent, owed is
// 0 and nobody knows.
func (w *crowd) settle() {
	if owed := w.owed.Load(); owed > 0 && w.delivered.Load() >= owed {
		w.finish()
	}
}

// tallies gives everyone's counts, with what never came as errors. The polls
// must have ended.
func (w *crowd) tallies() []tally {
	all := make([]tally, 0, len(w.members))
	for _, m := range w.members {
		for n, acked := range w.acked {
			if acked && !m.seen[n] {
				m.errors++
			}
		}
		all = append(all, m.tally)
	}
	return all
}

// follow polls until ctx ends.
func (m *member) follow(ctx context.Context) {
	for ctx.Err() == nil {
		next, answer, err := m.sync(ctx, m.since, pollFilter, pollTimeout)
		arrived := time.Since(m.crowd.start)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			m.errors++
			m.crowd.bench.complain(err)
			select {
			case <-ctx.Done():
			case <-time.After(100 * time.Millisecond):
			}
		default:
			m.since = next
			m.receive(answer, arrived)
		}
	}
}

// receive notes the messages in one answer.
func (m *member) receive(answer []byte, arrived time.Duration) {
	gjson.GetBytes(answer, "rooms.join").ForEach(func(room, update gjson.Result) bool {
		if room.String() != m.crowd.room.String() {
			return true
		}
		update.Get("timeline.events").ForEach(func(_, event gjson.Result) bool {
			if sequence := event.Get(sequencePath); sequence.Exists() {
				m.deliver(int(sequence.Int()), arrived)
			}
			return true
		})
		return false
	})
}

func (m *member) deliver(n int, arrived time.Duration) {
	w := m.crowd
	if n < 0 || n >= len(m.seen) || m.seen[n] {
		m.errors++
		w.bench.complain(errTwice)
		return
	}
	m.seen[n] = true
	m.took = append(m.took, arrived-time.Duration(w.sent[n].Load()))
	w.delivered.Add(1)
	w.settle()
}
