package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
)

// fanout has one client that sends at a fixed rate into a room whose members
// all wait on long polls. A latency is the time from the call that sends to a
// member's answer that holds the message, read whole.
type fanout struct {
	members, count int
	rate           float64
	drain          time.Duration
}

func newFanout() scenario { return &fanout{} }

func (f *fanout) flags(c *cobra.Command) {
	c.Use = "fanout"
	c.Short = "One client sends into a room whose members wait on long polls"
	c.Flags().IntVar(&f.members, "members", 200, "members who wait; the sender comes on top")
	c.Flags().IntVar(&f.count, "count", 200, "messages to send")
	c.Flags().Float64Var(&f.rate, "rate", 20, "messages a second")
	c.Flags().DurationVar(&f.drain, "drain", 10*time.Second, "how long to wait for deliveries after the last message")
}

func (f *fanout) check() error {
	var err error
	if f.rate <= 0 || f.rate > 1e6 {
		err = errors.New("--rate must be above 0 and at most 1000000")
	}
	if f.drain <= 0 {
		err = errors.Join(err, errors.New("--drain must be above zero"))
	}
	return errors.Join(err, positive("members", f.members), positive("count", f.count))
}

func (f *fanout) run(ctx context.Context, b *bench) (*result, error) {
	clients, err := b.users(ctx, f.members+1)
	if err != nil {
		return nil, err
	}
	room, err := b.room(ctx, clients)
	if err != nil {
		return nil, err
	}
	w := newCrowd(b, room, f.count)
	if err := w.gather(ctx, clients[1:]); err != nil {
		return nil, err
	}
	stopPolls := w.poll(ctx)
	watch := startWatch(b.pid)
	failed := f.sendAll(ctx, w, clients[0])
	w.wait(ctx, f.drain)
	watch.stop()
	stopPolls()
	return watch.result("fanout", append(w.tallies(), tally{errors: failed})), nil
}

// sendAll sends the messages at their times, later only where the server's
// answer to the last one took longer. It gives the number of failed sends.
func (f *fanout) sendAll(ctx context.Context, w *crowd, sender *client) (failed int) {
	path, start := sendPath(w.room), time.Now()
	for n := range f.count {
		due := time.Duration(float64(n) / f.rate * float64(time.Second))
		select {
		case <-ctx.Done():
			return failed
		case <-time.After(due - time.Since(start)):
		}
		if time.Since(start) >= w.bench.duration {
			return failed
		}
		body := fmt.Appendf(nil, `{"msgtype":"m.text","body":"How may I help you?","%s":%d}`, sequenceKey, n)
		if err := w.send(ctx, sender, path, n, body); err != nil {
			failed++
			w.bench.complain(err)
		}
	}
	return failed
}
