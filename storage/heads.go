package storage

import (
	"context"
	"sync"
)

// headReads lets requests that arrive while the head is being read share the
// next read: an answer must come from one that began after the request arrived.
type headReads struct {
	mu      sync.Mutex // guards both
	next    *headRead  // collects who waits for the read after this one
	running bool
}

type headRead struct {
	done chan struct{}
	err  error
}

// current brings the account to a head that was read after the call.
func (a *account) current(ctx context.Context) error {
	h := &a.heads
	h.mu.Lock()
	if h.next == nil {
		h.next = &headRead{done: make(chan struct{})}
	}
	mine := h.next
	if !h.running {
		h.running = true
		a.store.work.Go(a.readHeads)
	}
	h.mu.Unlock()
	select {
	case <-mine.done:
		return mine.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// readHeads serves reads until nobody waits.
func (a *account) readHeads() {
	h := &a.heads
	for {
		h.mu.Lock()
		read := h.next
		h.next = nil
		if read == nil {
			h.running = false
			h.mu.Unlock()
			return
		}
		h.mu.Unlock()
		read.err = a.confirm(a.store.life)
		close(read.done)
	}
}

// confirm reads the head once and catches up if this node is behind it.
func (a *account) confirm(ctx context.Context) error {
	known := a.place()
	at, same, err := a.readHead(ctx, a.store.db, known)
	if err != nil {
		return err
	}
	if same && at.head <= known.head {
		return nil
	}
	// The head may be our own writer's, about to be applied: then the lock is
	// all there is to wait for.
	a.moving.Lock()
	defer a.moving.Unlock()
	if same && a.place() == at {
		return nil
	}
	return a.catchUpHeld(ctx)
}
