package search

import (
	"context"
	"time"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/storage/follow"
	"github.com/conversalabs/internalchat/storage/stream"
)

// Index keeps documents and finds them.
type Index interface {
	// Find gives the documents that have all of the words, those of the newest
	// messages first and of one message the newest first.
	Find(ctx context.Context, account tenant.ID, q Query) ([]Hit, error)
}

// Query asks for documents.
type Query struct {
	Words []string // folded
	Types []string // of the message
	Rooms []id.RoomID
	Limit int
}

// Hit is a [Document] that was found.
type Hit struct {
	Position   stream.Position // of Source
	Superseded stream.Position // of the edit after Source, or [Never]
	Message    stream.Position
	Source, ID id.EventID // ID is the message's
	Room       id.RoomID
	Sender     id.UserID
	Type       string
	Length     int // words
}

// patience is how long a search waits for the index, so that it finds what was
// said just before.
const patience = 500 * time.Millisecond

// Options are what a Service is made with.
type Options struct {
	Rooms *rooms.Service
	Index Index
	// Await returns when the index has come to a place, or ctx's error.
	Await func(ctx context.Context, account tenant.ID, place follow.Place) error
}

// Service answers searches.
type Service struct {
	rooms *rooms.Service
	index Index
	await func(ctx context.Context, account tenant.ID, place follow.Place) error
}

// New makes a Service.
func New(o Options) *Service { return &Service{rooms: o.Rooms, index: o.Index, await: o.Await} }

// Request is a search for events of rooms (section "Server side search").
type Request struct {
	Term   string
	Keys   []string // content.body, content.name, content.topic; empty: all of them
	Filter *rooms.RoomEventFilter
	Recent bool // the newest first; otherwise what fits best
	// From is where an earlier answer said that there is more.
	From    string
	Context *Context // nil: none
	State   bool
	GroupBy []string // room_id, sender
}

// Context asks for what was said around each result.
type Context struct {
	Before, After int
	Profiles      bool
}

// Limits of one answer.
const (
	defaultResults = 10
	maxResults     = 50
	maxContext     = 10 // on each side
)

// Results is the answer to a [Request]. Events are JSON as the reader reads them.
type Results struct {
	Count      int // of all there are, up to maxHits
	Highlights []string
	Results    []Result
	State      map[id.RoomID][]byte // JSON lists; nil unless asked for
	Groups     []Grouping           // as they were asked for
	Next       string               // for Request.From; "" when there is no more
}

// Result is one event that was found.
type Result struct {
	Rank    float64 // up to 1: how much of the text was asked for
	Event   []byte
	Context *rooms.Vicinity // nil unless asked for
}

// Grouping parts the results by a key.
type Grouping struct {
	Key    string
	Groups []Group
}

// Group is the results of one value of a key, the groups in the order of their
// first results.
type Group struct {
	Value   string
	Results []id.EventID
	Next    string // as Results.Next, for this group alone
}
