package follow

import (
	"context"
	"fmt"
	"time"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/storage/sqldb"
)

// advance takes one step of an account, and queues it again when that was not all.
func (r *Runner) advance(ctx context.Context, account tenant.ID) error {
	head, exists, err := r.source.Place(ctx, account)
	if err != nil || !exists {
		return err
	}
	r.mu.Lock()
	at := r.cursors[account]
	r.mu.Unlock()
	if at == head {
		return nil
	}
	to, err := r.write(ctx, account, func(b *sqldb.Batch) (Place, error) {
		if at.Epoch != head.Epoch || at.Position > head.Position {
			return r.reset(ctx, account, at, head, b)
		}
		reached, err := r.follower.Step(ctx, account, at.Position, head.Position, b)
		if err == nil && (reached <= at.Position || reached > head.Position) {
			err = fmt.Errorf("the step from %d to %d ended at %d", at.Position, head.Position, reached)
		}
		return Place{head.Epoch, reached}, err
	})
	if err != nil {
		return err
	}
	r.mu.Lock()
	r.cursors[account] = to
	r.tell()
	r.mu.Unlock()
	if to != head {
		r.hear(account)
	}
	return nil
}

// reset undoes a portion of what was done in another history. The cursor stays
// there until nothing is left of it.
func (r *Runner) reset(ctx context.Context, account tenant.ID, at, head Place, b *sqldb.Batch) (Place, error) {
	more, err := r.follower.Reset(ctx, account, b)
	if err != nil || more {
		return at, err
	}
	return Place{Epoch: head.Epoch}, nil
}

// elsewhere is how often a cursor is read that another node moves.
const elsewhere = 25 * time.Millisecond

// Await waits until the follower has passed a place, on whichever node it runs. It
// returns ctx's error when that takes longer.
func (r *Runner) Await(ctx context.Context, account tenant.ID, place Place) error {
	r.ask(+1)
	defer r.ask(-1)
	asked := false
	for {
		r.mu.Lock()
		leads, at, moved := r.cursors != nil, r.cursors[account], r.moved
		r.mu.Unlock()
		var err error
		if !leads {
			if at, err = r.cursor(ctx, account); err != nil {
				return err
			}
		}
		if at.reaches(place) {
			return nil
		}
		if leads && !asked {
			asked = true
			r.hear(account)
			nudge(r.hurry)
		}
		if err := r.pause(ctx, leads, moved); err != nil {
			return err
		}
	}
}

func (r *Runner) ask(n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asking += n
}

// pause waits until the cursor may have moved.
func (r *Runner) pause(ctx context.Context, leads bool, moved <-chan struct{}) error {
	var timeout <-chan time.Time
	if !leads {
		timer := time.NewTimer(elsewhere)
		defer timer.Stop()
		timeout = timer.C
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-r.done:
		return context.Canceled
	case <-moved:
	case <-timeout:
	}
	return nil
}
