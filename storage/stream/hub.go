package stream

import (
	"sync"
	"time"

	"maunium.net/go/mautrix/id"
)

// Hub wakes the long polls of one account. A poll registers first and reads
// afterwards, so that nothing slips between.
type Hub struct {
	mu      sync.Mutex // guards all below
	waiters map[*Waiter]struct{}
	ended   bool
}

// quietDelay is how long a quiet entry may wait for a loud one to ride with.
const quietDelay = time.Second

// Waiter is one registered long poll.
type Waiter struct {
	User   id.UserID
	Device id.DeviceID
	// Woken receives when there may be something to read. Many wake-ups become
	// one. It is closed when the account's polls must end.
	Woken <-chan struct{}

	hub   *Hub
	woken chan struct{}
	quiet *time.Timer // pending quiet wake-up; guarded by hub.mu
}

// NewHub makes a hub without waiters.
func NewHub() *Hub { return &Hub{waiters: map[*Waiter]struct{}{}} }

// Register adds a waiter for this user and device. Its owner calls
// [Waiter.Leave] when it stops waiting.
func (h *Hub) Register(user id.UserID, device id.DeviceID) *Waiter {
	w := &Waiter{User: user, Device: device, hub: h, woken: make(chan struct{}, 1)}
	w.Woken = w.woken
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ended {
		close(w.woken)
		return w
	}
	h.waiters[w] = struct{}{}
	return w
}

// Leave removes the waiter.
func (w *Waiter) Leave() {
	w.hub.mu.Lock()
	defer w.hub.mu.Unlock()
	delete(w.hub.waiters, w)
	if w.quiet != nil {
		w.quiet.Stop()
	}
}

// Waiting tells how many polls are registered.
func (h *Hub) Waiting() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.waiters)
}

// Loudness says how soon an entry wakes a poll.
type Loudness int

// From not at all to at once.
const (
	Silent Loudness = iota
	Quiet           // within a second, or with whatever is loud before
	Loud
)

// Wake wakes each waiter as loudly as hear says.
func (h *Hub) Wake(hear func(*Waiter) Loudness) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for w := range h.waiters {
		switch hear(w) {
		case Loud:
			w.wake()
		case Quiet:
			w.wakeSoon()
		}
	}
}

// End wakes everyone for good: the server stops, or holds what is no longer so.
// A hub that has ended stays so.
func (h *Hub) End() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ended {
		return
	}
	h.ended = true
	for w := range h.waiters {
		if w.quiet != nil {
			w.quiet.Stop()
		}
		close(w.woken)
	}
	clear(h.waiters)
}

// wake needs hub.mu.
func (w *Waiter) wake() {
	if w.quiet != nil {
		w.quiet.Stop()
		w.quiet = nil
	}
	select {
	case w.woken <- struct{}{}:
	default:
	}
}

// wakeSoon needs hub.mu.
func (w *Waiter) wakeSoon() {
	if w.quiet != nil {
		return
	}
	w.quiet = time.AfterFunc(quietDelay, func() {
		w.hub.mu.Lock()
		defer w.hub.mu.Unlock()
		if _, waiting := w.hub.waiters[w]; waiting {
			w.wake()
		}
	})
}
