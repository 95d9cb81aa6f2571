package rooms

import (
	"cmp"
	"context"
	"io"
	"time"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
)

// Service is what rooms does for the Matrix API and the product's extensions.
type Service struct {
	store    Store
	policies Policies
	now      func() time.Time
	random   io.Reader
	limits   Limits
	typing   *Typing
	marking  *userLocks // of who moves receipts
	rules    CarryRules
	begin    JoinRules
	makers   Makers        // may be nil
	ackBell  AckBell       // may be nil
	pictures Pictures      // may be nil
	sooner   chan struct{} // of one: an event was scheduled
}

// CarryRules gives a user's push rules, as they are stored, with those for one
// room made for another too; nil when there are none for it.
type CarryRules func(user id.UserID, stored []byte, from, to id.RoomID) ([]byte, error)

// JoinRules gives a user's push rules, as they are stored, with those that one begins
// with who is let into a room whose members are told everything: an announcement. It is
// nil when there are none to add.
type JoinRules func(user id.UserID, stored []byte, room id.RoomID) ([]byte, error)

// Policies tells which policy an account's rooms follow.
type Policies interface {
	RoomPolicy(ctx context.Context, account tenant.ID) (Policy, error)
}

// Makers make users and rooms when they are asked for: application services. Each
// tells whether what was missing may be there now.
type Makers interface {
	MakeUser(ctx context.Context, account tenant.ID, user id.UserID) bool
	MakeAlias(ctx context.Context, account tenant.ID, alias id.RoomAlias) bool
}

// Limits bound what clients may ask of rooms.
type Limits struct {
	MembersPerRoom int
	RoomsPerUser   int
	AliasesPerRoom int
	TimelineMax    int // events of one room in one answer of /sync
	PageMax        int // events in one page of /messages
	NameBytes      int // of a room's name: 255 if 0
	TopicBytes     int // of a room's topic: 4 KiB if 0
	// DelayedEvents is how many events a user may have scheduled (100 if 0), and
	// DelayMax how long one may wait (30 days if 0).
	DelayedEvents int
	DelayMax      time.Duration
}

// Options are what a Service is made with.
type Options struct {
	Store    Store
	Policies Policies
	Now      func() time.Time
	Random   io.Reader // crypto/rand
	Limits   Limits
	// CarryRules takes push rules along when a room is upgraded; nil: they stay
	// behind.
	CarryRules CarryRules
	// JoinRules are the push rules that announcements begin with; nil: none.
	JoinRules JoinRules
	// Makers are asked for who is invited and for addresses that do not exist, if set.
	Makers Makers
	// AckBell reminds people of what is to be acknowledged; nil: nobody is reminded,
	// and the reminders wait for a server that can.
	AckBell AckBell
	// Pictures keep the icons of channels; nil: there are none.
	Pictures Pictures
}

// New makes a Service.
func New(o Options) *Service {
	o.Limits.NameBytes = cmp.Or(o.Limits.NameBytes, 255)
	o.Limits.TopicBytes = cmp.Or(o.Limits.TopicBytes, 4<<10)
	o.Limits.DelayedEvents = cmp.Or(o.Limits.DelayedEvents, 100)
	o.Limits.DelayMax = cmp.Or(o.Limits.DelayMax, 30*24*time.Hour)
	return &Service{
		store: o.Store, policies: o.Policies, now: o.Now, random: o.Random, limits: o.Limits,
		typing: newTyping(o.Store, o.Now), marking: &userLocks{}, rules: o.CarryRules, begin: o.JoinRules, makers: o.Makers,
		ackBell: o.AckBell, pictures: o.Pictures, sooner: make(chan struct{}, 1),
	}
}

// Typing gives who is typing where.
func (s *Service) Typing() *Typing { return s.typing }

// Store gives the store, for who composes answers from several parts.
func (s *Service) Store() Store { return s.store }

func (s *Service) timestamp() int64 { return s.now().UnixMilli() }

// at is the service with a clock that stands at a time (ms), for events that another
// system dates; 0 is the service itself.
func (s *Service) at(ms int64) *Service {
	if ms == 0 {
		return s
	}
	dated := *s
	dated.now = func() time.Time { return time.UnixMilli(ms) }
	return &dated
}

// MakeUser asks the makers for a user who does not exist, and tells whether they may
// exist now.
func (s *Service) MakeUser(ctx context.Context, account tenant.ID, user id.UserID) bool {
	return s.makers != nil && s.makers.MakeUser(ctx, account, user)
}
