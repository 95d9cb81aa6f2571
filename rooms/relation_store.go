package rooms

import (
	"context"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/rooms/event"
	"github.com/conversalabs/internalchat/storage/stream"
)

// RelationStore reads what events relate to each other. A redacted event relates
// to nothing. Every query names the windows in which its reader may see events, and
// some name users whose events do not count.
type RelationStore interface {
	// Related sums up, for each query, what relates to its parents by m.replace,
	// m.thread and m.reference. Parents to which nothing relates are left out.
	Related(ctx context.Context, account tenant.ID, asked []RelatedQuery) ([][]RelatedSummary, error)
	// Replacements gives for each query the events that may replace one, in no
	// order.
	Replacements(ctx context.Context, account tenant.ID, asked []ReplacementQuery) ([][]*event.Event, error)
	// References gives the first events, at most most, that relate by m.reference
	// to each query's one parent.
	References(ctx context.Context, account tenant.ID, asked []RelatedQuery, most int) ([][]id.EventID, error)
	// Descendants gives a page of the events that relate to one, in the query's
	// direction.
	Descendants(ctx context.Context, account tenant.ID, q DescendantsQuery) ([]*event.Event, error)
	// Threads gives a page of a room's threads, that with the newest reply first.
	Threads(ctx context.Context, account tenant.ID, q ThreadsQuery) ([]ThreadSummary, error)
	// RelatedBy gives those of the parents to which an event relates that the query
	// wants.
	RelatedBy(ctx context.Context, account tenant.ID, q RelatedByQuery) ([]id.EventID, error)
}

// RelatedQuery asks what relates to events of one room.
type RelatedQuery struct {
	Room    id.RoomID
	Windows []Window
	Parents []id.EventID
	User    id.UserID // for TookPart
	Ignored map[id.UserID]bool
}

// RelatedSummary is what relates to one event by one type of relation.
type RelatedSummary struct {
	Parent   id.EventID
	Type     string // rel_type
	Count    int
	TookPart bool // whether the query's user sent some of it
	// Newest is the last of them: its ID, type, sender and position.
	Newest event.Event
}

// ReplacementQuery asks for the at most Most newest replacements of an event, of
// which ID, type, sender and position are set, up to a position. They have its
// sender and type. With Itself the event is given too.
type ReplacementQuery struct {
	Of     *event.Event
	UpTo   stream.Position
	Most   int
	Itself bool
}

// DescendantsQuery asks for events that relate to one.
type DescendantsQuery struct {
	Room      id.RoomID
	Windows   []Window
	Parent    id.EventID
	RelType   string // "": all
	Type      string // of the events; "": all
	Depth     int    // how many relations there may be between the parent and an event
	Ignored   map[id.UserID]bool
	Direction Direction
	Limit     int
}

// ThreadsQuery asks for a room's threads whose newest reply is at UpTo or before.
type ThreadsQuery struct {
	Room    id.RoomID
	Windows []Window
	User    id.UserID // for TookPart
	Ignored map[id.UserID]bool
	UpTo    stream.Position
	Limit   int
}

// ThreadSummary is one thread.
type ThreadSummary struct {
	Root     id.EventID
	Newest   stream.Position
	TookPart bool // whether the query's user sent a reply
}

// RelatedByQuery asks which parents are related to by an event of one of the
// types of relation, and by one of the senders; nil lists stand for any.
type RelatedByQuery struct {
	Room    id.RoomID
	Windows []Window
	Parents []id.EventID
	Types   []string
	Senders []id.UserID
}
