package push

import (
	"context"
	"fmt"
	"sync"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/rooms/event"
	"github.com/conversalabs/internalchat/storage/stream"
)

// Counts are the unread notifications of a room for one user (section "Receiving
// notifications"), at most [MaxUnread] of each.
type Counts struct {
	Notify    int // notifications
	Highlight int // those of them that highlight
	// Threads has those of each thread that has any, by its root. They are among
	// the room's too; the rest are the main timeline's.
	Threads map[id.EventID]Counts
}

// Main gives what of a room's counts is in no thread.
func (c Counts) Main() Counts {
	main := Counts{Notify: c.Notify, Highlight: c.Highlight}
	for _, thread := range c.Threads {
		main.Notify -= thread.Notify
		main.Highlight -= thread.Highlight
	}
	return main
}

// MaxUnread is where the counts of a room stop.
const MaxUnread = 1000

// Index is what counting reads of the storage beyond [rooms.Store].
type Index interface {
	// Candidates gives for each slice its newest events that stand under one of the
	// keys (see [rooms.CandidateKeys]), newest first.
	Candidates(ctx context.Context, account tenant.ID, keys []string, slices []rooms.Slice) ([][]*event.Event, error)
	// Threaded gives for each slice its newest events that are in threads, newest
	// first.
	Threaded(ctx context.Context, account tenant.ID, slices []rooms.Slice) ([][]*event.Event, error)
	// Stretch gives the newest events of several rooms with after < position ≤ upTo,
	// newest first and at most limit.
	Stretch(ctx context.Context, account tenant.ID, of []id.RoomID, after, upTo stream.Position, limit int) ([]*event.Event, error)
}

// Unread counts what users have not read. It keeps each user's compiled rules
// and, per room, what was counted up to which position, and goes on from there:
// a message costs each of its readers one evaluation. All of it can be counted
// again from the database, so that nothing of it is stored.
type Unread struct {
	store rooms.Store
	index Index

	mu       sync.Mutex // guards accounts and all in it but what readers guard
	accounts map[tenant.ID]*followed
	readers  int
}

// NewUnread makes the service.
func NewUnread(store rooms.Store, index Index) *Unread {
	return &Unread{store: store, index: index, accounts: map[tenant.ID]*followed{}}
}

// followed is an account whose stream was looked through up to a position.
type followed struct {
	at      stream.Position
	epoch   int64
	readers map[id.UserID]*reader
}

// maxReaders is of how many users counts are kept.
const maxReaders = 20_000

// reader is one user.
type reader struct {
	user id.UserID

	// Guarded by Unread.mu: where the user's rules (or whom they ignore), and their
	// receipts in each room, last changed.
	rulesAt    stream.Position
	receiptsAt map[id.RoomID]stream.Position

	mu        sync.Mutex // guards what follows; it is taken before Unread.mu
	loaded    bool
	rulesOf   stream.Position // the rulesAt that evaluator is of
	mentions  bool            // the account's default level that it is of
	evaluator *Evaluator
	tallies   map[id.RoomID]*tally
}

// follow looks through what is new in the stream for changes of rules and
// receipts.
func (u *Unread) follow(account tenant.ID, v rooms.View) {
	u.mu.Lock()
	defer u.mu.Unlock()
	f := u.accounts[account]
	if f == nil {
		f = &followed{at: v.Head(), epoch: v.Epoch(), readers: map[id.UserID]*reader{}}
		u.accounts[account] = f
	}
	if f.at == v.Head() && f.epoch == v.Epoch() {
		return
	}
	entries, reaches := v.Changes(f.at)
	if !reaches || f.at > v.Head() || f.epoch != v.Epoch() {
		u.readers -= len(f.readers)
		clear(f.readers)
		entries = nil
	}
	f.at, f.epoch = v.Head(), v.Epoch()
	for _, entry := range entries {
		if entry.Event == nil {
			f.take(entry.Item)
		}
	}
}

func (f *followed) take(item stream.Item) {
	r := f.readers[item.User]
	switch {
	case r == nil:
	case item.Kind == stream.Receipt:
		r.receiptsAt[item.Room] = item.Position
	case DecidesCounts(item):
		r.rulesAt = item.Position
	}
}

const rulesType = "m.push_rules"

// DecidesCounts tells whether an item changes what counts for its user in every
// room: push rules, and ignored users; for everybody the account's
// default level.
func DecidesCounts(item stream.Item) bool {
	return item.Kind == stream.SettingsChanged && item.Key == stream.LevelChanged || item.Kind == stream.AccountData && item.Room == "" && (item.Key == rulesType || item.Key == rooms.IgnoredUsersType)
}

// reader gives who is kept of a user.
func (u *Unread) reader(account tenant.ID, user id.UserID) *reader {
	u.mu.Lock()
	defer u.mu.Unlock()
	f := u.accounts[account]
	if f != nil && f.readers[user] != nil {
		return f.readers[user]
	}
	r := &reader{user: user, receiptsAt: map[id.RoomID]stream.Position{}, tallies: map[id.RoomID]*tally{}}
	if f != nil { // otherwise nobody follows its stream
		f.readers[user] = r
		u.readers++
		u.makeRoom(r)
	}
	return r
}

// makeRoom forgets somebody else where too many are kept.
func (u *Unread) makeRoom(but *reader) {
	for _, f := range u.accounts {
		for user, r := range f.readers {
			if u.readers <= maxReaders {
				return
			}
			if r != but {
				delete(f.readers, user)
				u.readers--
			}
		}
	}
}

// changed gives where the user's rules, and their receipts in some rooms, last
// changed.
func (u *Unread) changed(r *reader, scenes []Scene) (rules stream.Position, receipts []stream.Position) {
	u.mu.Lock()
	defer u.mu.Unlock()
	receipts = make([]stream.Position, len(scenes))
	for i := range scenes {
		receipts[i] = r.receiptsAt[scenes[i].room]
	}
	return r.rulesAt, receipts
}

// prepare compiles the user's rules, unless that was done since they, or the account's
// default level, changed.
func (r *reader) prepare(ctx context.Context, u *Unread, account tenant.ID, rulesAt stream.Position, mentions bool) error {
	if r.loaded && r.rulesOf == rulesAt && r.mentions == mentions {
		return nil
	}
	stored, err := u.store.Item(ctx, account, stream.AccountData, r.user, "", rulesType)
	if err != nil {
		return fmt.Errorf("read push rules: %w", err)
	}
	rules, err := Parse(r.user, stored)
	if err != nil {
		return err
	}
	r.evaluator, r.loaded, r.rulesOf, r.mentions = Compile(rules.Under(mentions)), true, rulesAt, mentions
	return nil
}
