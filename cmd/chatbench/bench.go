package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"
	"maunium.net/go/mautrix/id"
)

// bench is one run: the server, the users made for it, and where complaints go.
type bench struct {
	options
	server *server
	name   string // distinguishes this run's users and rooms
	log    io.Writer

	clients []*client // all ever made; touched by the scenario's goroutine only

	complaints sync.Once
}

func newBench(o options, dial dialer, log io.Writer) (*bench, error) {
	s, err := parseServer(o.url, dial)
	if err != nil {
		return nil, err
	}
	if o.duration <= 0 {
		return nil, errors.New("--duration must be above zero")
	}
	return &bench{options: o, server: s, name: strings.ToLower(rand.Text()[:10]), log: log}, nil
}

func (b *bench) close() {
	for _, c := range b.clients {
		c.wire.close()
	}
}

// complain prints the first error of a run; the rest are only counted.
func (b *bench) complain(err error) {
	b.complaints.Do(func() { _, _ = fmt.Fprintf(b.log, "chatbench: first error: %v\n", err) })
}

// atOnce is how many requests the preparation has under way.
const atOnce = 8

// users gives n clients, each of another user: registered now, or logged in
// with the first n lines of the users file.
func (b *bench) users(ctx context.Context, n int) ([]*client, error) {
	type credentials struct{ name, password string }
	known := make([]credentials, 0, n)
	if b.usersFile == "" {
		for i := range n {
			known = append(known, credentials{fmt.Sprintf("bench-%s-%d", b.name, i), rand.Text()})
		}
	} else {
		file, err := os.Open(b.usersFile)
		if err != nil {
			return nil, fmt.Errorf("--users-file: %w", err)
		}
		defer func() { _ = file.Close() }() // only read
		lines := bufio.NewScanner(file)
		for lines.Scan() && len(known) < n {
			name, password, _ := strings.Cut(strings.TrimSpace(lines.Text()), " ")
			if name != "" && !strings.HasPrefix(name, "#") {
				known = append(known, credentials{name, strings.TrimSpace(password)})
			}
		}
		if err := lines.Err(); err != nil {
			return nil, fmt.Errorf("--users-file: %w", err)
		}
	}
	if len(known) < n {
		return nil, fmt.Errorf("%d users are needed, and %s names %d", n, b.usersFile, len(known))
	}
	made := make([]*client, n)
	for i := range made {
		made[i] = &client{wire: wire{server: b.server}}
	}
	b.clients = append(b.clients, made...)
	err := each(ctx, made, func(ctx context.Context, i int, c *client) error {
		if b.usersFile == "" {
			return c.register(ctx, known[i].name, known[i].password)
		}
		return c.login(ctx, known[i].name, known[i].password)
	})
	return made, err
}

// room makes a room of the first client and lets the others join.
func (b *bench) room(ctx context.Context, members []*client) (id.RoomID, error) {
	room, err := members[0].createRoom(ctx, "chatbench "+b.name)
	if err != nil {
		return "", err
	}
	return room, each(ctx, members[1:], func(ctx context.Context, _ int, c *client) error {
		return c.join(ctx, room)
	})
}

// each runs f for every client, some at once, until the first error.
func each(ctx context.Context, clients []*client, f func(ctx context.Context, i int, c *client) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for i, c := range clients {
		group.Go(func() error { return f(ctx, i, c) })
	}
	return group.Wait()
}
