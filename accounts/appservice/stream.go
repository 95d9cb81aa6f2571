package appservice

import (
	"context"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/rooms/event"
	"github.com/conversalabs/internalchat/storage/follow"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/stream"
)

// Target is one service of one account.
type Target struct {
	Account tenant.ID
	Service *accounts.AppService
}

// Sent is a transaction that was sent, or is about to be: what is of interest to the
// service in (After, UpTo].
type Sent struct {
	Epoch       int64
	After, UpTo stream.Position
}

// Stream is where services' transactions come from, and where it is kept how far they
// have come.
type Stream interface {
	follow.Source
	// Targets gives the services of all accounts that are told of anything.
	Targets(ctx context.Context) ([]Target, error)
	// Events gives the events in (after, upTo], in order.
	Events(ctx context.Context, account tenant.ID, after, upTo stream.Position) ([]*event.Event, error)
	// Changed gives the items of these kinds in (after, upTo], in order.
	Changed(ctx context.Context, account tenant.ID, kinds []stream.Kind, after, upTo stream.Position) ([]stream.Item, error)
	// Replaced gives, for each of these state events, the one it replaced, or nil.
	Replaced(ctx context.Context, account tenant.ID, events []*event.Event) ([]*event.Event, error)
	// JoinedAt gives who was joined to a room just behind a position.
	JoinedAt(ctx context.Context, account tenant.ID, room id.RoomID, at stream.Position) ([]id.UserID, error)
	// RoomsAt gives the rooms that a user was joined to just behind a position.
	RoomsAt(ctx context.Context, account tenant.ID, user id.UserID, at stream.Position) ([]id.RoomID, error)
	// Aliases gives a room's aliases.
	Aliases(ctx context.Context, account tenant.ID, room id.RoomID) ([]id.RoomAlias, error)
	// LastSent gives what a service was sent last, and false when that was nothing.
	LastSent(ctx context.Context, account tenant.ID, service string) (Sent, bool, error)
	// KeepSent keeps it, before it is sent.
	KeepSent(ctx context.Context, account tenant.ID, service string, sent Sent) error
	// Restart adds to b that a follower, which has come to its cursor in another
	// history, begins where both histories have come to.
	Restart(ctx context.Context, account tenant.ID, service, follower string, b *sqldb.Batch) (since stream.Position, err error)
}
