package storage

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/storage/sqldb"
)

// submit puts an act into the account's queue and waits until it is durable or
// refused. It waits whatever becomes of the request: the act is not undone.
func (a *account) submit(todo *act) error {
	todo.done = make(chan struct{})
	if a.queue.add(todo) {
		a.store.work.Go(a.write)
	}
	<-todo.done
	return todo.err
}

// write is the account's writer: it runs until nothing waits. Who acted is
// answered before others are woken: clients that read of their own message before
// the answer to it take it for somebody else's. An act that turns out to need the
// database follows its group at once, alone.
func (a *account) write() {
	for group := a.queue.take(); group != nil; group = a.queue.take() {
		a.settle(group)
		var alone []*act
		for _, done := range group {
			if !done.lone && errors.Is(done.err, errNotLone) {
				alone = append(alone, done)
			} else {
				close(done.done)
			}
		}
		for _, one := range alone {
			one.lone = true
			a.settle([]*act{one})
			close(one.done)
		}
		a.wakes.add(a.written)
		a.written = nil
	}
}

// maxAttempts is how often a group is built anew before its acts are told that
// the server is too busy. Only other nodes' writes cost attempts, a millisecond or
// two each: beside a node that writes without a pause, 50 in a row were lost.
const maxAttempts = 5_000

// errUnavailable is what acts get that could not be decided.
func errUnavailable() error {
	return refusal.New(http.StatusServiceUnavailable, "M_UNKNOWN", "The server could not save this just now. Please try again.")
}

// settle decides every act of the group. When it returns, each has its event ID
// or its error, and what they wrote is committed and applied.
func (a *account) settle(acts []*act) {
	// The acts' lives do not end with the requests': what waits is finished even
	// while the Store closes.
	ctx := context.WithoutCancel(a.store.life)
	lookUp := false
	for range maxAttempts {
		again, err := a.attempt(ctx, acts, lookUp)
		if err != nil {
			a.fail(ctx, acts, err)
			return
		}
		if !again {
			return
		}
		lookUp = true
	}
	a.fail(ctx, acts, errors.New("the head was lost in every attempt"))
}

// fail gives up a group. One act that the database refuses must not take the
// others with it, so a group of several is tried one by one.
func (a *account) fail(ctx context.Context, acts []*act, err error) {
	if len(acts) > 1 && !errors.Is(err, sqldb.ErrUnknown) {
		for _, one := range acts {
			a.settle([]*act{one})
		}
		return
	}
	a.store.log.WithField("account", a.id).WithError(err).Error("group not committed")
	if errors.Is(err, sqldb.ErrUnknown) {
		// Whether it is there, the stream tells: nothing is built before that is
		// known. The clients' retries find the truth by their transactions.
		if err := a.catchUp(ctx); err != nil {
			a.store.log.WithField("account", a.id).WithError(err).Error("cannot catch up after a lost commit")
		}
	}
	for _, one := range acts {
		one.err = errUnavailable()
	}
}

// attempt builds the group on the state at head and commits it. It tells to try
// again when the head was no longer the database's.
func (a *account) attempt(ctx context.Context, acts []*act, lookUp bool) (again bool, err error) {
	g, err := a.build(ctx, acts, lookUp)
	if err != nil {
		return false, err
	}
	if g.empty() {
		// Nothing to claim with, so the head is confirmed by reading it.
		if err := a.current(ctx); err != nil {
			return false, err
		}
		return a.place() != g.base, nil
	}
	a.moving.Lock()
	defer a.moving.Unlock()
	if a.place() != g.base {
		return true, nil
	}
	// A group that adds nothing to the stream (an alias) takes a position all the
	// same: its claim is what orders it.
	to := place{head: max(g.next, g.base.head+1), mark: mark()}
	err = a.store.db.Commit(ctx, g.batch(a.id, to))
	if err == nil {
		a.apply(to, g.changes, g.redacted)
		a.written = append(a.written, g.changes...)
		a.store.announce(a.id, to.head)
		return false, nil
	}
	var violation *sqldb.Violation
	if !errors.As(err, &violation) {
		return false, fmt.Errorf("commit group: %w", err)
	}
	if lookUp && violation.Statement != claimStatement {
		// Everything was looked up at a head that held: this is a bug of an act.
		return false, fmt.Errorf("commit group: %w", err)
	}
	if err := a.catchUpHeld(ctx); err != nil {
		return false, fmt.Errorf("catch up: %w", err)
	}
	return true, nil
}

// build runs the acts, in order, on an overlay of the state at head. What an act
// finds missing is loaded, and the act runs again.
func (a *account) build(ctx context.Context, acts []*act, lookUp bool) (*group, error) {
	var g *group
	for i := 0; i < len(acts); {
		a.mu.RLock()
		if g == nil || g.state != a.state || g.base != a.state.place {
			g, i = newGroup(a, a.state), 0
		}
		var missing *missingError
		for ; i < len(acts); i++ {
			one := acts[i]
			one.eventID, one.err = g.run(ctx, one, lookUp)
			if errors.As(one.err, &missing) {
				break
			}
		}
		a.mu.RUnlock()
		if missing == nil {
			break
		}
		err := a.load(ctx, missing)
		if refusal.As(err) != nil {
			acts[i].err = err
			i++
			missing = nil
			continue
		}
		if err != nil {
			return nil, err
		}
	}
	return g, nil
}
