package appservice

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
)

// Typing tells who is typing, as far as this node knows.
type Typing interface {
	// Watch has f called with every room where somebody has begun or ended to type,
	// until stop is called. f must not block.
	Watch(f func(account tenant.ID, room id.RoomID)) (stop func())
	// In gives who is typing in a room, sorted.
	In(account tenant.ID, room id.RoomID) []id.UserID
}

const (
	// maxTypingRooms bounds of how many rooms one transaction tells.
	maxTypingRooms = 100
	// typistRest is how long a service that has not taken one is not told anything.
	typistRest = 30 * time.Second
)

// typist tells one service who is typing in the rooms that concern it, beside its
// other transactions: each node tells what it knows, once. What the service does not
// take is not repeated, for it would be old by then.
type typist struct {
	Target
	options Options
	end     context.CancelFunc
	done    chan struct{}
	changed chan struct{} // of one

	mu    sync.Mutex // guards rooms
	rooms map[id.RoomID]bool
	count int // of transactions, the goroutine run's alone
}

func startTypist(ctx context.Context, o Options, target Target) *typist {
	ctx, end := context.WithCancel(ctx)
	y := &typist{
		Target: target, options: o, end: end, done: make(chan struct{}), changed: make(chan struct{}, 1),
		rooms: map[id.RoomID]bool{},
	}
	stop := o.Typing.Watch(y.note)
	go func() {
		defer close(y.done)
		defer stop()
		y.run(ctx)
	}()
	return y
}

func (y *typist) close() {
	y.end()
	<-y.done
}

// note keeps that something has changed in a room, for as many rooms as one
// transaction tells of.
func (y *typist) note(account tenant.ID, room id.RoomID) {
	if account != y.Account {
		return
	}
	y.mu.Lock()
	if len(y.rooms) < maxTypingRooms {
		y.rooms[room] = true
	}
	y.mu.Unlock()
	select {
	case y.changed <- struct{}{}:
	default:
	}
}

func (y *typist) take() []id.RoomID {
	y.mu.Lock()
	defer y.mu.Unlock()
	rooms := slices.Sorted(maps.Keys(y.rooms))
	clear(y.rooms)
	return rooms
}

func (y *typist) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-y.changed:
		}
		err := y.tell(ctx, y.take())
		if err == nil || ctx.Err() != nil {
			continue
		}
		y.options.Log.WithError(err).WithField("account", string(y.Account)).WithField("service", y.Service.ID).
			Debug("an application service is not told who is typing")
		rest := time.NewTimer(typistRest)
		select {
		case <-ctx.Done():
			rest.Stop()
			return
		case <-rest.C:
			y.take()
		}
	}
}

// tell sends who is typing in those of the rooms that concern the service.
func (y *typist) tell(ctx context.Context, rooms []id.RoomID) error {
	at, _, err := y.options.Stream.Place(ctx, y.Account)
	if err != nil {
		return err
	}
	about := interest{Target: y.Target, stream: y.options.Stream}
	about.moveTo(at.Position)
	var body transaction
	for _, room := range rooms {
		concerns, err := about.room(ctx, room)
		if err != nil {
			return err
		}
		if !concerns {
			continue
		}
		content, err := json.Marshal(map[string][]id.UserID{"user_ids": y.options.Typing.In(y.Account, room)})
		if err != nil {
			return fmt.Errorf("encode who is typing: %w", err)
		}
		body.Ephemeral = append(body.Ephemeral, ephemeral{Type: "m.typing", Room: string(room), Content: content})
	}
	if body.empty() {
		return nil
	}
	body.Events, body.UnstableEphemeral = []json.RawMessage{}, body.Ephemeral
	y.count++
	// No node has another one's time to the nanosecond, and no two of its transactions one number.
	name := fmt.Sprintf("typing-%d-%d", y.options.Now().UnixNano(), y.count)
	return y.options.Client.send(ctx, y.Service, name, body)
}
