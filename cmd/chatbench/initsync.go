package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"github.com/tidwall/gjson"
	"maunium.net/go/mautrix/id"
)

// initsync has clients without a token ask for everything, one after the
// other.
type initsync struct {
	rooms, members, messages, count int
}

func newInitsync() scenario { return &initsync{} }

func (s *initsync) flags(c *cobra.Command) {
	c.Use = "initsync"
	c.Short = "Clients that know nothing yet ask for all their rooms"
	c.Flags().IntVar(&s.rooms, "rooms", 200, "rooms, each with all members")
	c.Flags().IntVar(&s.members, "members", 20, "members of every room")
	c.Flags().IntVar(&s.messages, "messages", 5, "messages in each room")
	c.Flags().IntVar(&s.count, "count", 20, "syncs to measure, the members taking turns")
}

func (s *initsync) check() error {
	if s.messages < 0 {
		return fmt.Errorf("--messages must not be negative, as %d is", s.messages)
	}
	return errors.Join(positive("rooms", s.rooms), positive("members", s.members), positive("count", s.count))
}

func (s *initsync) run(ctx context.Context, b *bench) (*result, error) {
	clients, rooms, err := s.prepare(ctx, b)
	if err != nil {
		return nil, err
	}
	var (
		mine  tally
		bytes int
		watch = startWatch(b.pid)
		end   = watch.begun.Add(b.duration)
	)
	for n := 0; n < s.count && ctx.Err() == nil; n++ {
		begun := time.Now()
		if !begun.Before(end) {
			break
		}
		_, answer, err := clients[n%len(clients)].sync(ctx, "", "", 0)
		took := time.Since(begun)
		if err == nil {
			err = holdsRooms(answer, rooms)
		}
		if err != nil {
			mine.errors++
			b.complain(err)
			continue
		}
		mine.took = append(mine.took, took)
		bytes += len(answer)
	}
	watch.stop()
	found := watch.result("initsync", []tally{mine})
	if found.Count > 0 {
		found.AnswerBytes = bytes / found.Count
	}
	return found, nil
}

// holdsRooms tells whether a sync's answer has all these rooms as joined.
func holdsRooms(answer []byte, rooms []id.RoomID) error {
	missing := make(map[string]bool, len(rooms))
	for _, room := range rooms {
		missing[room.String()] = true
	}
	gjson.GetBytes(answer, "rooms.join").ForEach(func(room, _ gjson.Result) bool {
		delete(missing, room.String())
		return true
	})
	if len(missing) > 0 {
		return fmt.Errorf("sync: %d of %d rooms are missing from the answer", len(missing), len(rooms))
	}
	return nil
}

// prepare makes the rooms, each by another member in turn, and fills them.
func (s *initsync) prepare(ctx context.Context, b *bench) ([]*client, []id.RoomID, error) {
	clients, err := b.users(ctx, s.members)
	if err != nil {
		return nil, nil, err
	}
	body, err := json.Marshal(object{"msgtype": "m.text", "body": "How may I help you?"})
	if err != nil {
		return nil, nil, err
	}
	rooms := make([]id.RoomID, s.rooms)
	for r := range rooms {
		first := r % len(clients)
		members := append(append([]*client(nil), clients[first:]...), clients[:first]...)
		if rooms[r], err = b.room(ctx, members); err != nil {
			return nil, nil, err
		}
		for m := range s.messages {
			txn := fmt.Sprintf("bench-%d-%s", r, strconv.Itoa(m))
			if err := members[m%len(members)].send(ctx, sendPath(rooms[r]), txn, body); err != nil {
				return nil, nil, err
			}
		}
	}
	return clients, rooms, nil
}
