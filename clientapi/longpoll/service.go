package longpoll

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/rooms/push"
	"github.com/conversalabs/internalchat/storage/stream"
)

// Store is what the long polls read beyond [rooms.Store].
type Store interface {
	// ToDevice gives at most limit of a device's messages with after < position ≤
	// upTo, oldest first. Content is the whole event as the client reads it.
	ToDevice(ctx context.Context, account tenant.ID, user id.UserID, device id.DeviceID, after, upTo stream.Position, limit int) ([]stream.Item, error)
	// DeleteToDevice deletes a device's messages up to a position.
	DeleteToDevice(ctx context.Context, account tenant.ID, user id.UserID, device id.DeviceID, upTo stream.Position) error
	// PutFilter keeps a filter of a user and gives its ID; the same JSON has the same
	// ID. A user may have most filters; one more is refused with 400
	// M_LIMIT_EXCEEDED.
	PutFilter(ctx context.Context, account tenant.ID, user id.UserID, json []byte, most int) (string, error)
	// Filter gives a user's stored filter, nil when there is none of this ID.
	Filter(ctx context.Context, account tenant.ID, user id.UserID, filter string) ([]byte, error)
	// Sent gives what had been sent on a connection after its last two answers that
	// changed it, the newest first. What there is not, or has expired, has no
	// serial.
	Sent(ctx context.Context, account tenant.ID, on stream.Connection) ([2]stream.Sent, error)
	// PutSent keeps what has been sent on a connection, made from the state with the
	// serial base (0: from nothing), which is kept beside it. It gives the new
	// state's serial, and returns once it is durable.
	PutSent(ctx context.Context, account tenant.ID, on stream.Connection, state []byte, base int64) (int64, error)
	// UseConnection notes that a connection is in use, so that it does not expire,
	// and tells whether there (still) is one.
	UseConnection(ctx context.Context, account tenant.ID, on stream.Connection) (bool, error)
	// MemberMoves gives whose m.room.member events are in (after, upTo], and where.
	MemberMoves(ctx context.Context, account tenant.ID, after, upTo stream.Position) ([]stream.Move, error)
}

// Options are what a [Service] is made with. Rooms, Store, Unread and Now are
// required.
type Options struct {
	Rooms *rooms.Service
	Store Store
	Now   func() time.Time
	// Check refuses a caller whose session has ended; it is asked after a change
	// of the caller's sessions, so that a poll does not outlive its token.
	Check func(ctx context.Context, caller tenant.Caller) error
	// PushRules gives a user's push rules, the defaults included: the content of
	// m.push_rules, which every initial sync has.
	PushRules func(ctx context.Context, account tenant.ID, user id.UserID) (json.RawMessage, error)
	// Unread counts what the reader has not read.
	Unread *push.Unread
	// KeyCounts gives how many one-time keys of each algorithm a device has left,
	// and of which algorithms it has an unused fallback key.
	KeyCounts func(ctx context.Context, account tenant.ID, user id.UserID, device id.DeviceID) (map[id.KeyAlgorithm]int, []id.KeyAlgorithm, error)
	// Presences is told who polls, and asked what is shown of it. Without it
	// presence is shown as it is kept.
	Presences Presences
	// MaxTimeout bounds how long a poll waits (60 s if 0), TimelineMax how many
	// events of a room one answer has (100), FiltersMax how many filters a user may
	// store (1,000).
	MaxTimeout  time.Duration
	TimelineMax int
	FiltersMax  int
}

// Presences is what the long polls have to do with presence.
type Presences interface {
	// Attend tells that a user begins to poll as online, unavailable or offline;
	// leave tells that the poll is over.
	Attend(ctx context.Context, caller tenant.Caller, presence string) (leave func(), err error)
	// Shown tells whether the account shows presence to anybody.
	Shown(ctx context.Context, account tenant.ID) (bool, error)
	// Content gives a kept presence as clients read it.
	Content(account tenant.ID, user id.UserID, kept []byte) []byte
}

// defaultTimeline is how many events of a room are given to who names no number.
// What createRoom appends must fit in: clients look for its first event.
const defaultTimeline = 20

// Service answers long polls.
type Service struct {
	Options
	roomStore rooms.Store

	mu      sync.Mutex // guards devices
	devices map[deviceKey]stream.Position

	counted     counted
	rosters     rosters
	connections connections
}

// New makes a Service.
func New(o Options) *Service {
	if o.MaxTimeout == 0 {
		o.MaxTimeout = time.Minute
	}
	if o.TimelineMax == 0 {
		o.TimelineMax = 100
	}
	if o.FiltersMax == 0 {
		o.FiltersMax = 1000
	}
	return &Service{Options: o, roomStore: o.Rooms.Store(), devices: map[deviceKey]stream.Position{}}
}

// Request is one /sync.
type Request struct {
	Since         string // next_batch of an earlier answer, or "" for an initial sync
	Filter        *rooms.Filter
	Timeout       time.Duration
	FullState     bool
	UseStateAfter bool
	// UnstableStateAfter gives state_after the name it had in MSC4222.
	UnstableStateAfter bool
	Presence           string // online, unavailable or offline
}

// reading is one request at work.
type reading struct {
	*Service
	caller tenant.Caller
	req    Request
	filter *rooms.Filter
	from   *stream.Token // nil: from the beginning
}

// Sync answers GET /sync: at once when there is something to say, the request is
// an initial one or wants the full state; otherwise as soon as there is, or empty
// at the end of its time. A malformed token is 400 M_INVALID_PARAM; one of another
// history is answered like no token. When the caller's session ends, so does the
// poll, with 401.
func (s *Service) Sync(ctx context.Context, caller tenant.Caller, req Request) (json.RawMessage, error) {
	r := &reading{Service: s, caller: caller, req: req, filter: req.Filter}
	if r.filter == nil {
		r.filter = &rooms.Filter{}
	}
	if req.Since != "" {
		token, err := stream.ParseToken(req.Since)
		if err != nil {
			return nil, err
		}
		r.from = &token
	}
	leave, err := s.attend(ctx, caller, req.Presence)
	if err != nil {
		return nil, err
	}
	defer leave()
	return r.poll(ctx)
}

// attend tells that a poll begins, and gives what tells that it is over.
func (s *Service) attend(ctx context.Context, caller tenant.Caller, presence string) (leave func(), err error) {
	if s.Presences == nil {
		return func() {}, nil
	}
	if leave, err = s.Presences.Attend(ctx, caller, presence); err != nil {
		return nil, fmt.Errorf("set presence: %w", err)
	}
	return leave, nil
}

// poll answers once there is something to say.
func (r *reading) poll(ctx context.Context) (json.RawMessage, error) {
	var c *changes
	err := r.await(ctx, r.caller, r.req.Timeout, func(ctx context.Context, at look) (outcome, error) {
		if c != nil {
			r.from = &c.to
		}
		var err error
		if c, err = r.read(ctx, at); err != nil {
			return outcome{}, err
		}
		return outcome{tell: !c.empty() || r.req.FullState, sessions: c.sessions}, nil
	})
	if err != nil {
		return nil, err
	}
	return r.answer(c), nil
}

// outcome is what came of a reading.
type outcome struct {
	tell     bool // there is something to say
	sessions bool // the caller's sessions may have changed
}

// await registers, reads and waits, and reads again, until there is something to
// say or the time is over; then what was read last is the answer. When the
// caller's session ends, so does the wait, with 401.
func (s *Service) await(ctx context.Context, caller tenant.Caller, timeout time.Duration, read func(context.Context, look) (outcome, error)) error {
	waiter, err := s.roomStore.Watch(ctx, caller.Account, caller.User, caller.Device)
	if err != nil {
		return fmt.Errorf("register poll: %w", err)
	}
	defer waiter.Leave()
	timer := time.NewTimer(min(timeout, s.MaxTimeout))
	defer timer.Stop()
	found, err := read(ctx, s.roomStore.View)
	if err != nil {
		return err
	}
	for {
		// Before the first wait too: the session may have ended between the check
		// of its token and Watch, and nothing would wake this poll.
		if found.sessions && s.Check != nil {
			if err := s.Check(ctx, caller); err != nil {
				return err
			}
		}
		if found.tell || timeout <= 0 {
			return nil
		}
		select {
		case <-ctx.Done(): // the client has gone: nobody reads the answer
			return nil
		case <-timer.C:
			return nil
		case _, open := <-waiter.Woken:
			if !open {
				return nil
			}
		}
		if found, err = read(ctx, s.roomStore.Glance); err != nil {
			return err
		}
	}
}

// look is [rooms.Store]'s View or Glance.
type look func(ctx context.Context, account tenant.ID, f func(rooms.View) error) error

// read finds what changed since from.
func (r *reading) read(ctx context.Context, at look) (*changes, error) {
	var c *changes
	err := at(ctx, r.caller.Account, func(v rooms.View) (err error) {
		c, err = r.gather(v)
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := r.fill(ctx, c); err != nil {
		return nil, err
	}
	if err := r.readItems(ctx, c); err != nil {
		return nil, err
	}
	if err := r.readToDevice(ctx, c); err != nil {
		return nil, err
	}
	if err := r.readDeviceLists(ctx, c); err != nil {
		return nil, err
	}
	if err := r.countUnread(ctx, c); err != nil {
		return nil, err
	}
	r.prune(c)
	return c, nil
}
