package push

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/rooms"
)

const (
	// lookForMutes is how often the timer looks for what other nodes have set: one
	// that was killed ends no mutes any more.
	lookForMutes = 5 * time.Second
	// mutePage is how many mutes the timer ends at once.
	mutePage = 200
)

// Run ends mutes in time, until ctx ends. alarm is time.After; report gets what failed,
// which is tried again.
func (l *Levels) Run(ctx context.Context, alarm func(time.Duration) <-chan time.Time, report func(error)) {
	for {
		next, err := l.EndDue(ctx)
		wait := lookForMutes
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			report(err)
		case !next.IsZero():
			wait = min(wait, max(next.Sub(l.now()), 0))
		}
		select {
		case <-ctx.Done():
			return
		case <-l.sooner:
		case <-alarm(wait):
		}
	}
}

// EndDue ends all mutes whose time is over and gives when the next one's is, zero if
// none ends. Any number of nodes may do so at once: each mute ends once.
func (l *Levels) EndDue(ctx context.Context) (next time.Time, err error) {
	for {
		due, err := l.store.NextMutes(ctx, mutePage)
		if err != nil {
			return time.Time{}, err
		}
		var failed []error
		for _, m := range due {
			if m.Ends > l.now().UnixMilli() {
				return time.UnixMilli(m.Ends), errors.Join(failed...)
			}
			if err := l.end(ctx, m); err != nil {
				failed = append(failed, fmt.Errorf("end a mute in room %s of account %s: %w", m.Room, m.Account, err))
			}
		}
		if len(due) < mutePage || len(failed) > 0 || ctx.Err() != nil {
			return time.Time{}, errors.Join(failed...)
		}
	}
}

// end unmutes a room whose mute is over, unless that was done or another time was set
// meanwhile.
func (l *Levels) end(ctx context.Context, m rooms.Mute) error {
	return l.actOf(ctx, tenant.Caller{Account: m.Account}, m.User, func(t *turn) error {
		ends, err := t.tx.MuteEnds(m.User, m.Room)
		if err != nil || ends == 0 || ends > l.now().UnixMilli() {
			return err
		}
		t.tx.EndMute(m.User, m.Room, 0)
		kept, err := t.kept(m.Room)
		if err != nil || kept.until() != ends {
			return err
		}
		return t.choose(m.Room, kept, t.rules.ofRoom(m.Room).under(kept).unmuted())
	})
}
