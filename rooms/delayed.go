package rooms

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/tidwall/gjson"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/rooms/event"
)

// Later is an event to be sent after a delay.
type Later struct {
	Room     id.RoomID
	Type     string
	StateKey *string         // nil: not a state event
	Content  json.RawMessage // a JSON object
	Delay    int64           // ms
	// Path and Transaction are those of [Act].
	Path, Transaction string
}

// DelayLimits gives how many events a user may have scheduled, and how long one
// may wait.
func (s *Service) DelayLimits() (most int, longest time.Duration) {
	return s.limits.DelayedEvents, s.limits.DelayMax
}

// Schedule keeps an event to be sent after a delay and gives its delay ID
// (MSC4140); a retry gives the first one's. What no event can be is refused now,
// whether the sender may send it is asked when its time has come.
func (s *Service) Schedule(ctx context.Context, caller tenant.Caller, l Later) (string, error) {
	if err := s.checkDelay(l.Delay); err != nil {
		return "", err
	}
	delayID, err := s.newDelayID()
	if err != nil {
		return "", err
	}
	kept, err := s.store.Act(ctx, Act{
		Caller: caller, Path: l.Path, Transaction: l.Transaction, Lone: true,
		Do: func(tx Tx) (id.EventID, error) {
			if err := s.checkLater(tx, caller.User, l); err != nil {
				return "", err
			}
			now := s.timestamp()
			if err := s.checkScheduled(tx, caller.User, now); err != nil {
				return "", err
			}
			tx.KeepDelayed(Delayed{
				ID: delayID, User: caller.User, Room: l.Room, Type: l.Type, StateKey: l.StateKey, Content: l.Content,
				Delay: l.Delay, Since: now,
			})
			return id.EventID(delayID), nil
		},
	})
	if err != nil {
		return "", err
	}
	select {
	case s.sooner <- struct{}{}:
	default:
	}
	return string(kept), nil
}

func (s *Service) newDelayID() (string, error) {
	var b [18]byte
	if _, err := io.ReadFull(s.random, b[:]); err != nil {
		return "", fmt.Errorf("make delay ID: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(b[:]), nil
}

func (s *Service) checkDelay(delay int64) error {
	if delay <= 0 {
		return refusal.Invalid("A delay is a whole number of milliseconds above zero.")
	}
	longest := s.limits.DelayMax.Milliseconds()
	if delay > longest {
		return refusal.New(http.StatusBadRequest, "M_DELAY_TOO_LARGE",
			"An event can wait for %d milliseconds at most; this one should wait for %d.", longest, delay)
	}
	return nil
}

// checkLater refuses what can never be sent: by who is not in the room, or what
// no event can be.
func (s *Service) checkLater(tx Tx, user id.UserID, l Later) error {
	w, err := s.open(tx, l.Room)
	if err != nil {
		return err
	}
	if !w.room.Joined(user) {
		return errNotHere()
	}
	draft := event.Draft{
		Room: l.Room, Sender: user, Type: l.Type, StateKey: l.StateKey, Content: l.Content,
		Timestamp: w.now, Prev: w.room.Last(),
	}
	if l.Type == "m.room.redaction" && l.StateKey == nil {
		draft.Redacts = id.EventID(gjson.GetBytes(l.Content, "redacts").Str)
		if draft.Redacts == "" {
			return refusal.BadJSON("A redaction must name the event it redacts in redacts.")
		}
	}
	if err := s.limits.check(part{kind: l.Type, stateKey: l.StateKey, content: l.Content}); err != nil {
		return err
	}
	_, err = event.Build(w.room.Version, draft, w.room)
	return err
}

func (s *Service) checkScheduled(tx Tx, user id.UserID, now int64) error {
	count, first, err := tx.Scheduled(user)
	if err != nil {
		return err
	}
	if count >= s.limits.DelayedEvents {
		return refusal.New(http.StatusTooManyRequests, "M_LIMIT_EXCEEDED",
			"You have %d scheduled events, which is the most there may be. Cancel one first, or wait until one is sent.", count).
			With("retry_after_ms", max(first-now, 1000))
	}
	return nil
}

// DelayedEvent gives one of the caller's delayed events.
func (s *Service) DelayedEvent(ctx context.Context, caller tenant.Caller, delayID string) (*Delayed, error) {
	d, err := s.store.Delayed(ctx, caller.Account, caller.User, delayID)
	if err == nil && d == nil {
		err = errNoDelayed()
	}
	return d, err
}

// DelayedEvents gives those of the caller's delayed events that the query asks
// for.
func (s *Service) DelayedEvents(ctx context.Context, caller tenant.Caller, q DelayedQuery) ([]Delayed, error) {
	q.User = caller.User
	return s.store.DelayedEvents(ctx, caller.Account, q)
}

// CancelDelayed keeps a scheduled event from being sent. Doing it again is no
// mistake.
func (s *Service) CancelDelayed(ctx context.Context, caller tenant.Caller, delayID string) error {
	return s.loneAct(ctx, caller, func(tx Tx) error {
		d, err := ownDelayed(tx, caller.User, delayID)
		if err != nil {
			return err
		}
		switch {
		case d.EventID != "":
			return errDelayedSent()
		case d.Finalised == 0:
			d.Finalised = s.timestamp()
			tx.KeepDelayed(*d)
		}
		return nil
	})
}

// RestartDelayed lets a scheduled event wait for its whole delay again.
func (s *Service) RestartDelayed(ctx context.Context, caller tenant.Caller, delayID string) error {
	return s.loneAct(ctx, caller, func(tx Tx) error {
		d, err := ownDelayed(tx, caller.User, delayID)
		if err != nil {
			return err
		}
		switch {
		case d.EventID != "":
			return errDelayedSent()
		case d.Finalised != 0:
			return errDelayedCancelled()
		}
		d.Since = s.timestamp()
		tx.KeepDelayed(*d)
		return nil
	})
}

// SendDelayed sends a scheduled event now. Doing it again is no mistake. When
// the event is refused, it stays scheduled.
func (s *Service) SendDelayed(ctx context.Context, caller tenant.Caller, delayID string) error {
	d, err := s.DelayedEvent(ctx, caller, delayID)
	if err != nil {
		return err
	}
	return s.sendAs(ctx, caller, *d, true)
}

func ownDelayed(tx Tx, user id.UserID, delayID string) (*Delayed, error) {
	d, err := tx.Delayed(user, delayID)
	if err == nil && d == nil {
		err = errNoDelayed()
	}
	return d, err
}

// errNoDelayed is the refusal for a delayed event that is not there, or somebody
// else's.
func errNoDelayed() error { return refusal.NotFound("You have no scheduled event of this ID.") }

func errDelayedSent() error {
	return refusal.New(http.StatusConflict, "M_UNKNOWN", "This scheduled event has been sent.")
}

func errDelayedCancelled() error {
	return refusal.New(http.StatusConflict, "M_UNKNOWN", "This scheduled event was cancelled, or could not be sent.")
}
