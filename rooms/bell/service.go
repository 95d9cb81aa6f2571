package bell

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/tidwall/gjson"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/rooms/event"
	"github.com/conversalabs/internalchat/storage/follow"
	"github.com/conversalabs/internalchat/storage/stream"
)

// patience is how long a list waits for the follower, so that it has what was said
// just before.
const patience = 500 * time.Millisecond

// Options are what a Service is made with. All are required.
type Options struct {
	Store Store
	// Await returns when the follower has come to a place, or ctx's error.
	Await func(ctx context.Context, account tenant.ID, place follow.Place) error
}

// Service shows bells to their users.
type Service struct {
	store Store
	await func(ctx context.Context, account tenant.ID, place follow.Place) error
}

// New makes a Service.
func New(o Options) *Service { return &Service{o.Store, o.Await} }

// Wanted asks for a part of a user's bell.
type Wanted struct {
	From   string // Page.Next of an earlier page, or "" for the newest
	Limit  int
	Unread bool // those alone
}

// Entry is an entry as its user is shown it.
type Entry struct {
	ID     string         `json:"id"`
	Kind   rooms.BellKind `json:"kind"`
	Room   id.RoomID      `json:"room_id"`
	Event  id.EventID     `json:"event_id,omitempty"`
	Sender id.UserID      `json:"sender,omitempty"` // of the event
	Time   int64          `json:"ts"`               // ms, of the event or the reminder
	Read   bool           `json:"read"`
}

// Page is a part of a bell, newest first.
type Page struct {
	Entries []Entry
	Unread  int    // of the whole bell
	Next    string // the token of the next page, "" where there is none
}

// listPage is how many entries are read at once, and listPages how often: where most
// of them are not to be seen any more, a page ends early, with a token to go on with.
const (
	listPage  = 100
	listPages = 10
)

var errNoEntry = refusal.Invalid("This is not the ID of an entry of the bell.")

// List gives a part of the caller's bell. Every entry is judged again: what is about an
// event that was redacted or that the caller may not see any more, or about a room that
// they are not in, is not there.
func (s *Service) List(ctx context.Context, caller tenant.Caller, wanted Wanted) (Page, error) {
	query := rooms.BellQuery{User: caller.User, Unread: wanted.Unread, Limit: listPage}
	var err error
	if wanted.From != "" {
		if query.Before, err = parse(wanted.From); err != nil {
			return Page{}, err
		}
	}
	if err := s.catchUp(ctx, caller.Account); err != nil {
		return Page{}, err
	}
	state, err := s.store.Item(ctx, caller.Account, stream.AccountData, caller.User, "", accounts.BellType)
	if err != nil {
		return Page{}, err
	}
	page := Page{Entries: []Entry{}, Unread: int(gjson.GetBytes(state, "unread").Int())}
	for range listPages {
		entries, err := s.store.Bell(ctx, caller.Account, query)
		if err != nil {
			return Page{}, err
		}
		shown, err := s.show(ctx, caller, entries)
		if err != nil {
			return Page{}, err
		}
		for i, e := range entries {
			query.Before = e.Position
			if shown[i] != nil {
				page.Entries = append(page.Entries, *shown[i])
			}
			if len(page.Entries) == wanted.Limit && (i < len(entries)-1 || len(entries) == listPage) {
				page.Next = name(e.Position)
				return page, nil
			}
		}
		if len(entries) < listPage {
			return page, nil
		}
	}
	page.Next = name(query.Before)
	return page, nil
}

// catchUp waits until the follower has come to where the account is.
func (s *Service) catchUp(ctx context.Context, account tenant.ID) error {
	var head follow.Place
	err := s.store.View(ctx, account, func(v rooms.View) error {
		head = follow.Place{Epoch: v.Epoch(), Position: v.Head()}
		return nil
	})
	if err != nil {
		return err
	}
	waiting, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err = s.await(waiting, account, head)
	if ctx.Err() == nil && (errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)) {
		return nil // there is what there is
	}
	return err
}

// show gives entries as the caller is shown them, nil for what is not to be seen.
func (s *Service) show(ctx context.Context, caller tenant.Caller, entries []rooms.BellEntry) ([]*Entry, error) {
	var wanted []id.EventID
	var in []id.RoomID
	for _, e := range entries {
		in = append(in, e.Room)
		if e.Event != "" {
			wanted = append(wanted, e.Event)
		}
	}
	events := map[id.EventID]*event.Event{}
	var err error
	if len(wanted) > 0 {
		if events, err = s.store.EventsByID(ctx, caller.Account, wanted); err != nil {
			return nil, err
		}
	}
	var shown []*Entry
	err = s.store.Glance(ctx, caller.Account, func(v rooms.View) error {
		shown = make([]*Entry, len(entries))
		sees, err := seen(v, caller.User, in)
		if err != nil {
			return err
		}
		for i, e := range entries {
			about := events[e.Event]
			visibility, joined := sees[e.Room]
			if !joined || e.Event != "" && (about == nil || about.RedactedBy != "" || !visibility.Event(about)) {
				continue
			}
			shown[i] = &Entry{ID: name(e.Position), Kind: e.Kind, Room: e.Room, Event: e.Event, Time: e.Time, Read: e.Read}
			if about != nil {
				shown[i].Sender = about.Sender
			}
		}
		return nil
	})
	return shown, err
}

// seen gives what a user may see of those rooms that they are in.
func seen(v rooms.View, user id.UserID, in []id.RoomID) (map[id.RoomID]rooms.Visibility, error) {
	memberships, err := v.Memberships(user)
	if err != nil {
		return nil, err
	}
	loaded, err := v.Rooms(in)
	if err != nil {
		return nil, err
	}
	sees := map[id.RoomID]rooms.Visibility{}
	for _, room := range loaded {
		if spans := memberships[room.ID]; spans.Current() == "join" {
			sees[room.ID] = rooms.VisibilityOf(room, spans, false)
		}
	}
	return sees, nil
}

// ReadUpTo marks the entry of an ID of the caller's, and all before it, as read.
func (s *Service) ReadUpTo(ctx context.Context, caller tenant.Caller, entry string) error {
	return s.read(ctx, caller, entry, func(e, upTo stream.Position) bool { return e <= upTo })
}

// ReadOne marks the entry of an ID of the caller's as read.
func (s *Service) ReadOne(ctx context.Context, caller tenant.Caller, entry string) error {
	return s.read(ctx, caller, entry, func(e, one stream.Position) bool { return e == one })
}

func (s *Service) read(ctx context.Context, caller tenant.Caller, entry string, covers func(e, named stream.Position) bool) error {
	named, err := parse(entry)
	if err != nil {
		return err
	}
	_, err = s.store.Act(ctx, rooms.Act{Caller: caller, Lone: true, Suspended: true, Do: func(tx rooms.Tx) (id.EventID, error) {
		return "", tx.ReadBell(caller.User, func(e rooms.BellEntry) bool { return covers(e.Position, named) })
	}})
	return err
}

// name is how clients name an entry.
func name(p stream.Position) string { return strconv.FormatInt(int64(p), 10) }

func parse(entry string) (stream.Position, error) {
	p, err := strconv.ParseInt(entry, 10, 64)
	if err != nil || p <= 0 {
		return 0, errNoEntry
	}
	return stream.Position(p), nil
}
