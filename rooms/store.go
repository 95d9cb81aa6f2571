package rooms

import (
	"context"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/rooms/event"
	"github.com/conversalabs/internalchat/storage/stream"
)

// View is an account's state at one head. It is valid only inside the function
// it is given to, which must return any error it gets from it unchanged: what
// is not in memory is loaded then, and the function runs again from scratch.
type View interface {
	// Head is the position that all of this is valid at.
	Head() stream.Position
	// Epoch is what tokens of this account carry.
	Epoch() int64
	// Room gives a room, or nil when the account has none of this ID.
	Room(room id.RoomID) (*Room, error)
	// Rooms gives those of the rooms that exist, loading what is not in memory at
	// once.
	Rooms(wanted []id.RoomID) ([]*Room, error)
	// Memberships gives, for every room the user ever had to do with, their
	// history in it. The map must not be changed.
	Memberships(user id.UserID) (map[id.RoomID]Spans, error)
	// Forgotten tells which rooms the user has forgotten.
	Forgotten(user id.UserID) (map[id.RoomID]bool, error)
	// Ignored tells whom the user ignores. The map is never changed.
	Ignored(user id.UserID) (map[id.UserID]bool, error)
	// Outlines gives the outline of each of the rooms, loading all that are not in
	// memory at once; the zero one for a room that does not exist. In an act they
	// are those of before its group.
	Outlines(wanted []id.RoomID) ([]Outline, error)
	// UserActive tells whether this is a user of the account who is not
	// deactivated.
	UserActive(user id.UserID) (bool, error)
	// UserSucceeds tells whether this is an active user who can own a room: a person,
	// and neither a bot nor a webhook.
	UserSucceeds(user id.UserID) (bool, error)
	// UserSince gives when a user of the account was made, in ms; 0 where there is none.
	UserSince(user id.UserID) (int64, error)
	// UserErased tells whether this is a deactivated user who is to be forgotten.
	UserErased(user id.UserID) (bool, error)
	// MentionsByDefault tells whether the account's default level is mentions: that
	// other messages in rooms of more than two do not notify, unless the user has chosen
	// so. In an act it is that of before its group.
	MentionsByDefault() (bool, error)
	// UserRings tells whether the bell rings for this user: an active person who is
	// not locked out.
	UserRings(user id.UserID) (bool, error)
	// Standings gives how each of some users stands, loading all who are not in memory
	// at once.
	Standings(users []id.UserID) ([]Standing, error)
	// Changes gives the stream's entries above a position, and false when memory
	// does not reach back that far.
	Changes(after stream.Position) ([]Change, bool)
}

// Standing is how a user of the account stands; the zero one for who is none.
type Standing struct {
	Active bool // not deactivated
	Person bool // active, and neither a bot nor a webhook
}

// Change is one entry of the stream: an event, or an item.
type Change struct {
	Event *event.Event // nil: an item
	Item  stream.Item
}

// Position gives the entry's position.
func (c Change) Position() stream.Position {
	if c.Event != nil {
		return c.Event.Position
	}
	return c.Item.Position
}

// Tx is what an act sees and does: the view at the head it is built on, with
// what the acts before it in its group have done. Nothing it is told has any
// effect unless the act returns nil and its group is committed.
type Tx interface {
	View
	DelayedTx
	WebhookTx
	DirectTx
	MuteTx
	BellTx
	TeamTx
	AckTx
	// Create adds a new room, empty.
	Create(room id.RoomID, version id.RoomVersion) (*Room, error)
	// Append gives the event its position and applies it to its room.
	Append(e *event.Event) error
	// Redact puts the redacted form in the place of an event.
	Redact(redacted *event.Event)
	// Annotated tells whether there is an annotation already that says what this
	// event would say: of the same sender, type, parent and key. What it cannot
	// know without asking the database makes the commit fail, and the act runs
	// again.
	Annotated(e *event.Event) (bool, error)
	// Put adds an item to the stream, in place of the one under its key.
	Put(item stream.Item)
	// Publish puts a room into the account's directory, or takes it out.
	Publish(room id.RoomID, published bool) error
	// SetAlias makes an alias point to a room; an empty room removes it. Only in
	// a lone act.
	SetAlias(alias id.RoomAlias, room id.RoomID, creator id.UserID)
	// Alias gives the room and creator of an alias at this head, "" when there is
	// none. Only in a lone act.
	Alias(alias id.RoomAlias) (id.RoomID, id.UserID, error)
	// CheckAlias refuses an alias that is set aside for somebody else than the caller
	// (M_EXCLUSIVE).
	CheckAlias(alias id.RoomAlias) error
	// Aliases gives a room's aliases at this head. Only in a lone act.
	Aliases(room id.RoomID) ([]id.RoomAlias, error)
	// Item gives the content under a key at this head, nil when there is none.
	// Only in a lone act.
	Item(kind stream.Kind, user id.UserID, room id.RoomID, key string) ([]byte, error)
	// Items gives the items that a query names at this head, lowest position
	// first. Only in a lone act.
	Items(query stream.ItemQuery) ([]stream.Item, error)
	// Joined gives who is in a room at this head, longest standing first. Only in a
	// lone act.
	Joined(room id.RoomID) ([]id.UserID, error)
	// MemberEvents gives at most limit of a user's member events in all rooms with
	// after < position ≤ upTo that were not redacted by this head, oldest first.
	// Only in a lone act.
	MemberEvents(user id.UserID, after, upTo stream.Position, limit int) ([]*event.Event, error)
	// Report keeps a report and gives it the next position.
	Report(report Report)
	// Audit makes it part of the act that its caller did something to a target, for the
	// account's administrators to read. details are JSON, and never what people write.
	Audit(action Action, target string, details map[string]any) error
}

// Act is one change to an account, all or nothing.
type Act struct {
	// Caller is who acts. The act is refused (401) when the session has ended by
	// the time it runs. A zero Session is the server itself.
	Caller tenant.Caller
	// Path and Transaction make a retry give the first answer; Path is the
	// request's without the transaction ID. Empty: no such promise.
	Path, Transaction string
	// Lone acts run first and only in their group, so they may look things up in
	// the database. An act that does so without being one is run again as one: for
	// what is seldom needed.
	Lone bool
	// Suspended acts may be done by a suspended user too (section "Account
	// suspension"). All others are refused to them with M_USER_SUSPENDED.
	Suspended bool
	// Do does it and gives the event ID that the request is answered with, if
	// any. It may run several times.
	Do func(Tx) (id.EventID, error)
}

// Direction is which way a timeline is read.
type Direction byte

// Backwards is from the newest to the oldest, "b"; Forwards "f".
const (
	Backwards Direction = 'b'
	Forwards  Direction = 'f'
)

// Slice asks for a part of a room's timeline: at most Limit events with After <
// position ≤ UpTo, beginning at the end that Direction names.
type Slice struct {
	Room        id.RoomID
	After, UpTo stream.Position
	Limit       int
	Direction   Direction
}

// Store keeps rooms. All its reads are of what is committed.
type Store interface {
	RelationStore
	DelayedStore
	WebhookStore
	MuteStore
	BellStore
	TeamStore
	AckStore
	OnboardingStore
	// Act runs an act and gives its event ID, or that of the first time when its
	// transaction is known. It returns once the act is durable. Refusals come
	// back as they are.
	Act(ctx context.Context, act Act) (id.EventID, error)
	// Done gives the event ID that an act of this caller, path and transaction was
	// answered with, "" when there was none.
	Done(ctx context.Context, caller tenant.Caller, path, transaction string) (id.EventID, error)
	// View runs f at the account's head, which was read after View was called.
	View(ctx context.Context, account tenant.ID, f func(View) error) error
	// Glance is View at the head this node has, without looking for a newer one:
	// for who has just been woken.
	Glance(ctx context.Context, account tenant.ID, f func(View) error) error
	// Watch registers a long poll.
	Watch(ctx context.Context, account tenant.ID, user id.UserID, device id.DeviceID) (*stream.Waiter, error)
	// Nudge wakes who is joined to a room, for what is never stored (typing).
	Nudge(account tenant.ID, room id.RoomID)

	// Timelines gives each slice's events in the slice's direction.
	Timelines(ctx context.Context, account tenant.ID, slices []Slice) ([][]*event.Event, error)
	// EventByID gives an event, nil when the account has none of this ID.
	EventByID(ctx context.Context, account tenant.ID, eventID id.EventID) (*event.Event, error)
	// EventsByID gives those of the events that the account has.
	EventsByID(ctx context.Context, account tenant.ID, wanted []id.EventID) (map[id.EventID]*event.Event, error)
	// Positions gives where those of the events are that are in a room.
	Positions(ctx context.Context, account tenant.ID, room id.RoomID, wanted []id.EventID) (map[id.EventID]stream.Position, error)
	// Replaced gives for each event the newest state event of its room, type and
	// key with a lower position, or nil. Of the events nothing else need be set.
	Replaced(ctx context.Context, account tenant.ID, events []*event.Event) ([]*event.Event, error)
	// StateAt gives the room's state just behind a position: of each type and key
	// the newest event, if it is above since (0: all).
	StateAt(ctx context.Context, account tenant.ID, room id.RoomID, since, at stream.Position) ([]*event.Event, error)
	// Items gives the items that a query names, lowest position first.
	Items(ctx context.Context, account tenant.ID, query stream.ItemQuery) ([]stream.Item, error)
	// Item gives the content under a key, nil when there is none.
	Item(ctx context.Context, account tenant.ID, kind stream.Kind, user id.UserID, room id.RoomID, key string) ([]byte, error)
	// AliasOf gives the room an alias points to and who made it, "" for none.
	AliasOf(ctx context.Context, account tenant.ID, alias id.RoomAlias) (id.RoomID, id.UserID, error)
	// Aliases gives a room's aliases.
	Aliases(ctx context.Context, account tenant.ID, room id.RoomID) ([]id.RoomAlias, error)
	// Reports gives at most limit of the account's reports above a position,
	// oldest first.
	Reports(ctx context.Context, account tenant.ID, after stream.Position, limit int) ([]Report, error)
	// Stays gives who is in a room, longest standing first.
	Stays(ctx context.Context, account tenant.ID, room id.RoomID) ([]Stay, error)
	// People gives the users of the account who are active and no bots, by ID.
	People(ctx context.Context, account tenant.ID) ([]id.UserID, error)
	// Channels gives the rooms of the account that are not for direct messages, by ID.
	Channels(ctx context.Context, account tenant.ID) ([]id.RoomID, error)
	// PublishedRooms gives the rooms of the account's directory.
	PublishedRooms(ctx context.Context, account tenant.ID) ([]id.RoomID, error)
}
