package storage

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/stream"
)

// errNoAccount answers for an account that does not exist.
var errNoAccount = errors.New("no such account")

// account is one account in memory.
type account struct {
	store *Store
	id    tenant.ID

	// moving is held by who moves the head: the writer from its commit to the
	// apply, and catching up. It is taken before mu.
	moving sync.Mutex

	mu    sync.RWMutex // guards state
	state *state

	queue   queue
	written []rooms.Change // committed, polls not yet woken; the writer's alone
	heads   headReads
	wakes   wakes
}

func newAccount(s *Store, id tenant.ID) *account {
	a := &account{store: s, id: id}
	a.wakes.signal = make(chan struct{}, 1)
	return a
}

// close ends the polls and waits until the queue is empty.
func (a *account) close() {
	a.mu.Lock()
	a.state.hub.End()
	a.mu.Unlock()
	a.queue.drain()
}

const headSQL = `
	SELECT g.head, g.mark, EXISTS (SELECT 1 FROM groups o WHERE o.account = $1 AND o.head = $2 AND o.mark = $3)
	FROM groups g WHERE g.account = $1 ORDER BY g.prev_head DESC LIMIT 1`

// place is a point of one history.
type place struct {
	head stream.Position
	mark int64
}

// readHead gives the database's head, and whether known is part of its history.
func (a *account) readHead(ctx context.Context, q sqldb.Querier, known place) (place, bool, error) {
	var at place
	var same bool
	found := false
	err := q.Query(ctx, headSQL, []any{a.id, known.head, known.mark}, func(r sqldb.Row) error {
		found = true
		return r.Scan(&at.head, &at.mark, &same)
	})
	if err != nil {
		return place{}, false, fmt.Errorf("read head: %w", err)
	}
	if !found {
		return place{}, false, errNoAccount
	}
	return at, same, nil
}

// reload drops all that is held and begins at the database's head. The caller
// holds moving, or is the only one to know the account.
func (a *account) reload(ctx context.Context) error {
	at, _, err := a.readHead(ctx, a.store.db, place{head: -1})
	if err != nil {
		return err
	}
	epoch, err := a.store.epoch(ctx, a.id)
	if err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.state != nil {
		a.state.hub.End()
	}
	a.state = newState(at, epoch)
	a.store.moves.tell(a.id)
	return nil
}

// place gives where this node is.
func (a *account) place() place {
	a.mu.RLock()
	defer a.mu.RUnlock()
	return a.state.place
}

// maxBehind is how many positions are caught up one by one; further behind, the
// account is loaded anew.
const maxBehind = 50_000

// catchUp brings the account to the database's head.
func (a *account) catchUp(ctx context.Context) error {
	a.moving.Lock()
	defer a.moving.Unlock()
	return a.catchUpHeld(ctx)
}

// catchUpHeld is catchUp for who holds moving.
func (a *account) catchUpHeld(ctx context.Context) error {
	known := a.place()
	var to place
	var same bool
	var changes []rooms.Change
	var redacted []redactedEvent
	err := a.store.db.Read(ctx, func(q sqldb.Querier) error {
		var err error
		if to, same, err = a.readHead(ctx, q, known); err != nil || !same || to.head == known.head {
			return err
		}
		if to.head-known.head > maxBehind {
			return nil
		}
		changes, redacted, err = a.readChanges(ctx, q, known.head, to.head)
		return err
	})
	if err != nil {
		return err
	}
	if !same || to.head-known.head > maxBehind {
		a.store.log.WithField("account", a.id).Warn("the database is on another history, or far ahead: loading the account anew")
		return a.reload(ctx)
	}
	a.apply(to, changes, redacted)
	a.wakes.add(changes)
	return nil
}

// apply brings committed changes, in their order, into the state. The polls are
// still to be woken. The caller holds moving.
func (a *account) apply(to place, changes []rooms.Change, redacted []redactedEvent) {
	if len(changes) == 0 && len(redacted) == 0 && to == a.place() {
		return
	}
	a.mu.Lock()
	a.state.apply(to, changes, redacted)
	a.mu.Unlock()
}

// view runs f on the state at the local head, loading what f finds missing.
func (a *account) view(ctx context.Context, f func(rooms.View) error) error {
	look := func() error {
		a.mu.RLock()
		defer a.mu.RUnlock() // also when f panics, which must not stop the account
		return f(&view{state: a.state})
	}
	for {
		err := look()
		var missing *missingError
		if !errors.As(err, &missing) {
			return err
		}
		if err := a.load(ctx, missing); err != nil {
			return err
		}
	}
}
