package rooms

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/rooms/event"
)

// lookForDelayed is how often the timer looks for what other nodes scheduled:
// one that was killed sends nothing any more.
const lookForDelayed = 5 * time.Second

// delayedPage is how many due events the timer takes at once.
const delayedPage = 200

const (
	// finalisedFor is how long it is kept what became of a delayed event, or up to
	// forgetEvery longer.
	finalisedFor = 7 * 24 * time.Hour
	forgetEvery  = time.Hour
)

// errNotDue tells the timer that there is nothing to do: the event was sent,
// cancelled or restarted meanwhile.
var errNotDue = errors.New("the event is not due")

// RunDelayed sends delayed events in time and forgets what became of them a week
// later, until ctx ends. alarm is time.After; report gets what failed, which is
// tried again.
func (s *Service) RunDelayed(ctx context.Context, alarm func(time.Duration) <-chan time.Time, report func(error)) {
	var forget time.Time
	for {
		next, err := s.SendDue(ctx)
		if now := s.now(); err == nil && !now.Before(forget) {
			forget = now.Add(forgetEvery)
			err = s.forgetFinalised(ctx)
		}
		wait := lookForDelayed
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
		case <-s.sooner:
		case <-alarm(wait):
		}
	}
}

// SendDue sends all delayed events whose time has come and gives when the next
// one's comes, zero if none is scheduled. Any number of nodes may do so at once:
// each event is sent once. What the room's rules or the sender's leave have made
// impossible is finalised with the refusal.
func (s *Service) SendDue(ctx context.Context) (next time.Time, err error) {
	for {
		due, err := s.store.NextDelayed(ctx, delayedPage)
		if err != nil {
			return time.Time{}, err
		}
		var failed []error
		for _, d := range due {
			if d.Due > s.timestamp() {
				return time.UnixMilli(d.Due), errors.Join(failed...)
			}
			if err := s.sendDue(ctx, d); err != nil {
				failed = append(failed, fmt.Errorf("send delayed event %s of account %s: %w", d.ID, d.Account, err))
			}
		}
		if len(due) < delayedPage || len(failed) > 0 || ctx.Err() != nil {
			return time.Time{}, errors.Join(failed...)
		}
	}
}

// forgetFinalised forgets in all accounts what was finalised long ago.
func (s *Service) forgetFinalised(ctx context.Context) error {
	before := s.timestamp() - finalisedFor.Milliseconds()
	accounts, err := s.store.FinalisedBefore(ctx, before)
	failed := []error{err}
	for _, account := range accounts {
		err := s.loneAct(ctx, tenant.Caller{Account: account}, func(tx Tx) error {
			tx.ForgetDelayed(before)
			return nil
		})
		if err != nil {
			failed = append(failed, fmt.Errorf("forget finalised delayed events of account %s: %w", account, err))
		}
	}
	return errors.Join(failed...)
}

func (s *Service) sendDue(ctx context.Context, due DueDelayed) error {
	d, err := s.store.Delayed(ctx, due.Account, due.User, due.ID)
	if err != nil || d == nil {
		return err
	}
	caller := tenant.Caller{Account: due.Account, Server: due.User.Homeserver(), User: due.User}
	err = s.sendAs(ctx, caller, *d, false)
	refused := refusal.As(err)
	switch {
	case errors.Is(err, errNotDue):
		return nil
	case refused == nil || refused.Status >= http.StatusInternalServerError:
		return err
	}
	return s.giveUp(ctx, due, refused)
}

// giveUp finalises a due event with the refusal that it met.
func (s *Service) giveUp(ctx context.Context, due DueDelayed, refused *refusal.Refusal) error {
	sentence, _ := refused.In("en")
	reason, err := json.Marshal(map[string]string{"errcode": refused.Code, "error": sentence})
	if err != nil {
		return err
	}
	return s.loneAct(ctx, tenant.Caller{Account: due.Account}, func(tx Tx) error {
		d, err := tx.Delayed(due.User, due.ID)
		if err != nil || d == nil || d.Finalised != 0 || d.Due() > s.timestamp() {
			return err
		}
		d.Finalised, d.Error = s.timestamp(), reason
		tx.KeepDelayed(*d)
		return nil
	})
}

// sendAs sends a delayed event as if the caller sent it now, with all that is
// asked of such an event; the act that sends it finalises it. early sends it
// whether its time has come or not.
func (s *Service) sendAs(ctx context.Context, caller tenant.Caller, d Delayed, early bool) error {
	sender := *s
	sender.store = &finalising{Store: s.store, service: s, delayed: d, early: early}
	var err error
	if d.StateKey == nil {
		_, err = sender.Send(ctx, caller, Message{Room: d.Room, Type: d.Type, Content: d.Content})
	} else {
		_, err = sender.SetState(ctx, caller, StateChange{
			Room: d.Room, Type: d.Type, StateKey: *d.StateKey, Content: d.Content,
		})
	}
	if errors.Is(err, errAlreadySent) {
		return nil
	}
	return err
}

// errAlreadySent answers who wants sent now what has been sent.
var errAlreadySent = errors.New("the event has been sent")

// finalising is the store as who sends a delayed event sees it: the first act
// finalises the event as well, or is refused.
type finalising struct {
	Store
	service *Service
	delayed Delayed
	early   bool
	done    bool
}

// Act implements Store.
func (f *finalising) Act(ctx context.Context, act Act) (id.EventID, error) {
	if f.done {
		return f.Store.Act(ctx, act)
	}
	do := act.Do
	act.Lone = true
	act.Do = func(tx Tx) (id.EventID, error) {
		d, err := f.scheduled(tx)
		if err != nil {
			return "", err
		}
		marking := &markingTx{Tx: tx, delayed: d}
		sent, err := do(marking)
		if err != nil {
			return "", err
		}
		d.EventID, err = marking.eventID(sent)
		if err != nil {
			return "", err
		}
		d.Finalised = f.service.timestamp()
		tx.KeepDelayed(*d)
		return sent, nil
	}
	eventID, err := f.Store.Act(ctx, act)
	f.done = err == nil
	return eventID, err
}

// scheduled gives the event as it is at this head, if it may be sent now.
func (f *finalising) scheduled(tx Tx) (*Delayed, error) {
	d, err := ownDelayed(tx, f.delayed.User, f.delayed.ID)
	switch {
	case err != nil:
		return nil, err
	case !f.early && (d.Finalised != 0 || d.Due() > f.service.timestamp()):
		return nil, errNotDue
	case d.EventID != "":
		return nil, errAlreadySent
	case d.Finalised != 0:
		return nil, errDelayedCancelled()
	}
	active, err := tx.UserActive(d.User)
	if err == nil && !active {
		err = refusal.Forbidden("Who scheduled this event is no longer a member of this team.")
	}
	return d, err
}

// markingTx notes the delay ID on the event that is sent.
type markingTx struct {
	Tx
	delayed *Delayed
	sent    id.EventID
}

// Append implements Tx.
func (t *markingTx) Append(e *event.Event) error {
	d := t.delayed
	sameKey := (e.StateKey == nil) == (d.StateKey == nil) && (e.StateKey == nil || *e.StateKey == *d.StateKey)
	if t.sent == "" && e.Sender == d.User && e.Room == d.Room && e.Type == d.Type && sameKey {
		e.Delay, t.sent = d.ID, e.ID
	}
	return t.Tx.Append(e)
}

// eventID gives the event that was sent or, for state that was so already, the
// one that is there.
func (t *markingTx) eventID(answered id.EventID) (id.EventID, error) {
	if sent := cmp.Or(t.sent, answered); sent != "" {
		return sent, nil
	}
	room, err := t.Room(t.delayed.Room)
	if err != nil {
		return "", err
	}
	if room != nil && t.delayed.StateKey != nil {
		if e := room.Event(t.delayed.Type, *t.delayed.StateKey); e != nil {
			return e.ID, nil
		}
	}
	return "", fmt.Errorf("delayed event %s was sent, but as which event?", t.delayed.ID)
}
