package rooms

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/rooms/event"
)

const (
	// lookForReminders is how often the timer looks for reminders that other requests
	// and nodes have made: they lie ahead, and a minute is soon enough.
	lookForReminders = time.Minute
	// remindersPage is how many due reminders the timer takes at once.
	remindersPage = 200
	// maxReminded is how many people one act reminds.
	maxReminded = 200
)

// AckBell tells people that a message waits for their acknowledgement, as a part of an
// act. Of one reminder it may be called several times, each time with others.
type AckBell func(tx Tx, e *event.Event, r AckReminder, users []id.UserID) error

// RingAcknowledge is the [AckBell] that rings the bells of people, once for each of
// the two times, whatever they have read of it.
func RingAcknowledge(tx Tx, e *event.Event, r AckReminder, users []id.UserID) error {
	entries := make([]BellEntry, len(users))
	for i, user := range users {
		entries[i] = BellEntry{
			User: user, Kind: BellAcknowledge, Reference: string(e.ID), Room: e.Room, Event: e.ID, Thread: MainThread,
			At: e.Position, Time: r.Next,
		}
		if r.Next == r.Due {
			entries[i].Reference += "/due"
		}
	}
	return tx.Ring(entries...)
}

// RunAckReminders reminds in time of what is to be acknowledged, until ctx ends. alarm
// is time.After; report gets what failed, which is tried again.
func (s *Service) RunAckReminders(ctx context.Context, alarm func(time.Duration) <-chan time.Time, report func(error)) {
	for {
		next, err := s.RemindDue(ctx)
		wait := lookForReminders
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			report(err)
		case !next.IsZero():
			wait = min(wait, max(next.Sub(s.now()), 0))
		}
		select {
		case <-ctx.Done():
			return
		case <-alarm(wait):
		}
	}
}

// RemindDue reminds everybody who is to be reminded by now and gives when that is so
// next, zero for never. Any number of nodes may do so at once: everybody is reminded
// once. Without a bell, reminders wait.
func (s *Service) RemindDue(ctx context.Context) (next time.Time, err error) {
	for s.ackBell != nil {
		due, err := s.store.NextAckReminders(ctx, remindersPage)
		if err != nil {
			return time.Time{}, err
		}
		var failed []error
		for _, d := range due {
			if d.Next > s.timestamp() {
				return time.UnixMilli(d.Next), errors.Join(failed...)
			}
			if err := s.remindAll(ctx, d); err != nil {
				failed = append(failed, fmt.Errorf("remind of event %s of account %s: %w", d.Event, d.Account, err))
			}
		}
		if len(due) == 0 || len(failed) > 0 || ctx.Err() != nil {
			return time.Time{}, errors.Join(failed...)
		}
	}
	return time.Time{}, nil
}

// remindAll carries out one reminder, some people at a time.
func (s *Service) remindAll(ctx context.Context, due DueAckReminder) error {
	for more := true; more; {
		if err := ctx.Err(); err != nil {
			return err
		}
		err := s.loneAct(ctx, tenant.Caller{Account: due.Account}, func(tx Tx) (err error) {
			more, err = s.remindSome(ctx, tx, due)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// remindSome reminds the next people, and tells whether there are more.
func (s *Service) remindSome(ctx context.Context, tx Tx, due DueAckReminder) (more bool, err error) {
	r, err := tx.AckReminder(due.Event)
	if err != nil || r == nil || r.Next > s.timestamp() {
		return false, err // another node has been here
	}
	// The act is lone, so this is as it is at its head.
	e, err := s.store.EventByID(ctx, due.Account, r.Event)
	if err != nil {
		return false, err
	}
	room, err := tx.Room(r.Room)
	if err != nil {
		return false, err
	}
	if e == nil || askedBy(e) == nil || room == nil || room.retired() {
		r.Next = 0
		tx.KeepAckReminder(*r)
		return false, nil
	}
	users, more := nextAfter(room, r.After, e.Sender)
	outstanding, err := s.outstanding(tx, e, users)
	if err != nil {
		return false, err
	}
	if len(outstanding) > 0 {
		if err := s.ackBell(tx, e, *r, outstanding); err != nil {
			return false, err
		}
	}
	switch {
	case more:
		r.After = users[len(users)-1]
	case r.Next < r.Due:
		r.Next, r.After = r.Due, ""
		more = r.Due <= s.timestamp() // the server was down at the first time
	default:
		r.Next = 0
	}
	tx.KeepAckReminder(*r)
	return more, nil
}

// nextAfter gives the next who are in a room, by their IDs, but for one; and whether
// there are more.
func nextAfter(room *Room, after, but id.UserID) (users []id.UserID, more bool) {
	for user, member := range room.Members() {
		if user > after && user != but && MembershipOf(member) == "join" {
			users = append(users, user)
		}
	}
	slices.Sort(users)
	if len(users) > maxReminded {
		return users[:maxReminded], true
	}
	return users, false
}

// outstanding gives those of some users who are people and have not acknowledged a
// message.
func (s *Service) outstanding(tx Tx, e *event.Event, users []id.UserID) ([]id.UserID, error) {
	standings, err := tx.Standings(users)
	if err != nil {
		return nil, err
	}
	given, err := tx.AcknowledgedBy(e.ID, users)
	if err != nil {
		return nil, err
	}
	var left []id.UserID
	for i, user := range users {
		if standings[i].Person && !given[user] {
			left = append(left, user)
		}
	}
	return left, nil
}
