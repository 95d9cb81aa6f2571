package storage

import (
	"sync"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
)

// maxGroup is how many acts are committed together at most.
const maxGroup = 256

// act is one act in the queue.
type act struct {
	caller            tenant.Caller
	path, transaction string
	lone              bool
	asks              standing
	do                func(*tx) (id.EventID, error)

	// Written by the writer, read by who waits once done is closed.
	eventID id.EventID
	err     error
	done    chan struct{}
}

// queue holds the acts of an account that wait for its writer.
type queue struct {
	mu      sync.Mutex // guards both
	waiting []*act
	writing bool // a writer goroutine runs
	idle    *sync.Cond
}

// add puts an act into the queue and tells whether a writer must be started.
func (q *queue) add(a *act) (start bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = append(q.waiting, a)
	start = !q.writing
	q.writing = true
	return start
}

// take gives the next group: one lone act, or as many others as there are before
// the next lone one. With none waiting it tells the writer to leave.
func (q *queue) take() []*act {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) == 0 {
		q.writing = false
		if q.idle != nil {
			q.idle.Broadcast()
		}
		return nil
	}
	n := 1
	for !q.waiting[0].lone && n < len(q.waiting) && n < maxGroup && !q.waiting[n].lone {
		n++
	}
	group := q.waiting[:n:n]
	q.waiting = q.waiting[n:]
	return group
}

// drain waits until no writer runs.
func (q *queue) drain() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.idle == nil {
		q.idle = sync.NewCond(&q.mu)
	}
	for q.writing {
		q.idle.Wait()
	}
}
