package rooms

import (
	"context"
	"encoding/json"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
)

// Delayed is an event that is sent later (MSC4140), or was. Times are in ms.
type Delayed struct {
	ID       string
	User     id.UserID
	Room     id.RoomID
	Type     string
	StateKey *string         // nil: not a state event
	Content  json.RawMessage // as the client sent it
	Delay    int64
	Since    int64 // when it was scheduled or last restarted
	// Finalised is when it was sent, cancelled or given up; 0: it is scheduled.
	Finalised int64
	EventID   id.EventID      // of what was sent, "" otherwise
	Error     json.RawMessage // why it could not be sent, nil otherwise
}

// Due gives when the event is to be sent.
func (d Delayed) Due() int64 { return d.Since + d.Delay }

// DelayedStatus is how far a delayed event has come (MSC4486).
type DelayedStatus string

// These are what a list can be asked for. Sent, cancelled and failed ones are
// finalised.
const (
	DelayedAny       DelayedStatus = ""
	DelayedScheduled DelayedStatus = "scheduled"
	DelayedFinalised DelayedStatus = "finalised"
	DelayedSent      DelayedStatus = "sent"
	DelayedCancelled DelayedStatus = "cancelled"
	DelayedFailed    DelayedStatus = "failed"
)

// DelayedQuery asks for delayed events of one user, in the order in which they
// are or were due.
type DelayedQuery struct {
	User   id.UserID
	Status DelayedStatus
	Room   id.RoomID // "": all rooms
	Type   string    // "": all types
	// From and To bound when the events are due, both included.
	From, To int64
	// Backwards gives the latest due first.
	Backwards bool
	// After is the last one of the page before, nil for the first page.
	After *DelayedPlace
	Limit int
}

// DelayedPlace is where a delayed event stands in the list.
type DelayedPlace struct {
	Due int64 // ms
	ID  string
}

// DueDelayed names a scheduled event and when it is due.
type DueDelayed struct {
	Account tenant.ID
	User    id.UserID
	ID      string
	Due     int64 // ms
}

// DelayedStore is the part of [Store] that keeps delayed events. They change in
// acts alone.
type DelayedStore interface {
	// Delayed gives a user's delayed event, nil when they have none of this ID.
	Delayed(ctx context.Context, account tenant.ID, user id.UserID, delayID string) (*Delayed, error)
	// DelayedEvents gives what a query asks for.
	DelayedEvents(ctx context.Context, account tenant.ID, query DelayedQuery) ([]Delayed, error)
	// NextDelayed gives those scheduled events of all accounts that are due first,
	// in order.
	NextDelayed(ctx context.Context, limit int) ([]DueDelayed, error)
	// FinalisedBefore gives the accounts with delayed events that were finalised
	// before a time (ms).
	FinalisedBefore(ctx context.Context, before int64) ([]tenant.ID, error)
}

// DelayedTx is the part of [Tx] that keeps delayed events, for lone acts.
type DelayedTx interface {
	// Delayed gives a user's delayed event at this head, nil when they have none
	// of this ID.
	Delayed(user id.UserID, delayID string) (*Delayed, error)
	// Scheduled gives how many events a user has scheduled, and when the first of
	// them is due.
	Scheduled(user id.UserID) (count int, first int64, err error)
	// KeepDelayed adds a delayed event, or changes its Since, Finalised, EventID
	// and Error. Of the user's finalised ones the newest 1,000 stay.
	KeepDelayed(d Delayed)
	// ForgetDelayed forgets what was finalised before a time (ms).
	ForgetDelayed(before int64)
}
