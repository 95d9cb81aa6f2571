package main

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"
	"maunium.net/go/mautrix/id"
)

// send has clients that send one message after the other, each waiting for
// the answer to its last one. With one sender it tells the latency of an idle
// server.
type send struct {
	senders, rooms, count, size int
}

func newSend() scenario { return &send{} }

func (s *send) flags(c *cobra.Command) {
	c.Use = "send"
	c.Short = "Many clients send messages as fast as they are answered"
	c.Flags().IntVar(&s.senders, "senders", 64, "clients that send at once, each one user")
	c.Flags().IntVar(&s.rooms, "rooms", 16, "rooms they are spread over (never more than senders)")
	c.Flags().IntVar(&s.count, "count", 20000, "messages to send, all senders together")
	c.Flags().IntVar(&s.size, "size", 100, "length of a message's text in bytes")
}

func (s *send) check() error {
	return errors.Join(positive("senders", s.senders), positive("rooms", s.rooms),
		positive("count", s.count), positive("size", s.size))
}

func (s *send) run(ctx context.Context, b *bench) (*result, error) {
	clients, rooms, err := s.prepare(ctx, b)
	if err != nil {
		return nil, err
	}
	body, err := json.Marshal(object{"msgtype": "m.text", "body": strings.Repeat("x", s.size)})
	if err != nil {
		return nil, err
	}
	var (
		taken   atomic.Int64
		tallies = make([]tally, len(clients))
		senders sync.WaitGroup
		watch   = startWatch(b.pid)
		end     = watch.begun.Add(b.duration)
	)
	for i, c := range clients {
		path, mine := sendPath(rooms[i%len(rooms)]), &tallies[i]
		senders.Go(func() {
			for n := taken.Add(1); n <= int64(s.count) && ctx.Err() == nil; n = taken.Add(1) {
				begun := time.Now()
				if !begun.Before(end) {
					return
				}
				if err := c.send(ctx, path, "bench-"+strconv.FormatInt(n, 10), body); err != nil {
					mine.errors++
					b.complain(err)
					continue
				}
				mine.took = append(mine.took, time.Since(begun))
			}
		})
	}
	senders.Wait()
	watch.stop()
	return watch.result("send", tallies), nil
}

// prepare gives the senders and the rooms: sender i is in room i modulo rooms.
func (s *send) prepare(ctx context.Context, b *bench) ([]*client, []id.RoomID, error) {
	clients, err := b.users(ctx, s.senders)
	if err != nil {
		return nil, nil, err
	}
	rooms := make([]id.RoomID, min(s.rooms, s.senders))
	for r := range rooms {
		var members []*client
		for i := r; i < len(clients); i += len(rooms) {
			members = append(members, clients[i])
		}
		if rooms[r], err = b.room(ctx, members); err != nil {
			return nil, nil, err
		}
	}
	return clients, rooms, nil
}
