package longpoll

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/tidwall/gjson"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/rooms/event"
	"github.com/conversalabs/internalchat/rooms/push"
	"github.com/conversalabs/internalchat/storage/stream"
)

// sliding is one request of the sliding sync at work.
type sliding struct {
	*reading
	req        *SlidingRequest
	on         stream.Connection
	base       *connection // what had been sent when the request's pos was given
	wishes     map[string]*wants
	subscribed map[id.RoomID]*wants
	rules      string // all that decides what rooms are told and how

	// What follows is made by each read.
	c          *changes
	window     *window
	direct     map[id.RoomID]bool
	next       *draft
	rest       *rest // what next is at, if it is known to rest
	found      *extensions
	own        []stream.Item // of the user, where memory does not reach back; nil: not read
	stale      []id.RoomID   // rooms of the window that are told from staleSince at the earliest
	staleSince stream.Position
	lacking    map[lacks][]id.RoomID // rooms of which all is to be told, as it never was
}

// Sliding answers a request of the simplified sliding sync (MSC4186): at once when
// there is something to say or the request has no pos; otherwise as soon as there
// is, or empty at the end of its time. A pos that is malformed, of another
// history, or older than the connection's last two states is 400 M_UNKNOWN_POS.
// When the caller's session ends, so does the request, with 401.
func (s *Service) Sliding(ctx context.Context, caller tenant.Caller, req *SlidingRequest) (json.RawMessage, error) {
	if err := req.check(caller.User); err != nil {
		return nil, err
	}
	r := &sliding{
		reading: &reading{Service: s, caller: caller, filter: &rooms.Filter{}}, req: req,
		on: stream.Connection{User: caller.User, Device: caller.Device, Name: req.Connection},
	}
	if err := r.begin(ctx); err != nil {
		return nil, err
	}
	leave, err := s.attend(ctx, caller, cmp.Or(req.Presence, "online"))
	if err != nil {
		return nil, err
	}
	defer leave()
	if err := s.await(ctx, caller, req.Wait(), r.read); err != nil {
		return nil, err
	}
	serial, err := s.keep(ctx, caller.Account, r.on, r.next)
	if err != nil {
		return nil, err
	}
	r.next.rest.Store(r.rest)
	return r.answer(serial), nil
}

// begin finds what the request continues, and what it wants.
func (s *sliding) begin(ctx context.Context) (err error) {
	if s.from, err = s.req.from(); err != nil {
		return err
	}
	var serial int64
	if s.from != nil {
		serial = s.from.Sent
	}
	if s.base, err = s.connection(ctx, s.caller.Account, s.on, serial); err != nil {
		return err
	}
	s.wishes, s.subscribed = map[string]*wants{}, map[id.RoomID]*wants{}
	same := map[string]*wants{}
	want := func(w SlidingWishes, lists ...string) (*wants, error) {
		made, err := newWants(min(w.TimelineLimit, s.TimelineMax), []Required{w.RequiredState}, lists)
		if err != nil {
			return nil, err
		}
		if same[made.text] == nil {
			same[made.text] = made
		}
		return same[made.text], nil
	}
	for name, list := range s.req.Lists {
		var told []string
		if s.req.Stable {
			told = []string{name}
		}
		if s.wishes[name], err = want(list.wishes(), told...); err != nil {
			return err
		}
	}
	for room, wishes := range s.req.Subscriptions {
		if !event.ValidRoomID(room) {
			continue
		}
		if s.subscribed[room], err = want(wishes); err != nil {
			return err
		}
	}
	rules, err := json.Marshal([]any{
		s.req.Lists, s.req.Subscriptions, s.req.Extensions.AccountData, s.req.Extensions.Receipts, s.req.Extensions.Typing,
	})
	s.rules = string(rules)
	return err
}

// read finds what is to be told since the request's pos. Reading again always
// begins there: what a reading that found nothing to tell has passed is not known
// to the client.
func (s *sliding) read(ctx context.Context, at look) (outcome, error) {
	o := s.rosters.of(s.caller.Account, s.caller.User)
	s.own = nil
	for {
		err := at(ctx, s.caller.Account, func(v rooms.View) error {
			o.mu.Lock()
			defer o.mu.Unlock()
			return s.gather(v, o)
		})
		if err == nil {
			break
		}
		switch {
		case errors.Is(err, errUnread):
			err = s.readRosterData(ctx, o)
		case errors.Is(err, errOwn):
			err = s.readOwn(ctx)
		}
		if err != nil {
			return outcome{}, err
		}
	}
	if err := s.fill(ctx, s.c); err != nil {
		return outcome{}, err
	}
	if err := s.countUnread(ctx, s.c); err != nil {
		return outcome{}, err
	}
	s.settle()
	if err := s.readExtensions(ctx); err != nil {
		return outcome{}, err
	}
	if !s.next.changed {
		s.base.rest.Store(s.rest)
	}
	return outcome{
		tell:     s.c.initial || len(s.c.rooms) > 0 || s.recounted() || s.news(),
		sessions: s.c.sessions,
	}, nil
}

// recounted tells whether a list is of another length than was told.
func (s *sliding) recounted() bool {
	for name, count := range s.window.counts {
		if before, told := s.base.Counts[name]; !told || before != count {
			return true
		}
	}
	return false
}

// errOwn tells that what the user did since the request's pos is to be read first:
// memory does not reach back that far.
var errOwn = errors.New("the user's receipts and rules are not in memory")

// readOwn reads the user's receipts and rules since the request's pos, which
// decide what is unread.
func (s *sliding) readOwn(ctx context.Context) (err error) {
	s.own, err = s.roomStore.Items(ctx, s.caller.Account, stream.ItemQuery{
		Kinds: []stream.Kind{stream.Receipt, stream.AccountData}, User: s.caller.User, After: s.from.Position,
	})
	if s.own == nil {
		s.own = []stream.Item{}
	}
	return err
}

// readRosterData reads what the lists need of the user's account data.
func (s *sliding) readRosterData(ctx context.Context, o *roster) error {
	content, err := s.roomStore.Item(ctx, s.caller.Account, stream.AccountData, s.caller.User, "", directType)
	if err != nil {
		return fmt.Errorf("read direct rooms: %w", err)
	}
	items, err := s.roomStore.Items(ctx, s.caller.Account, stream.ItemQuery{
		Kinds: []stream.Kind{stream.AccountData}, User: s.caller.User, Key: tagType,
	})
	if err != nil {
		return fmt.Errorf("read tags: %w", err)
	}
	direct, tags := map[id.RoomID]bool{}, map[id.RoomID]map[string]bool{}
	gjson.ParseBytes(content).ForEach(func(_, list gjson.Result) bool {
		for _, room := range list.Array() {
			direct[id.RoomID(room.String())] = true
		}
		return true
	})
	for _, item := range items {
		tags[item.Room] = map[string]bool{}
		for tag := range gjson.GetBytes(item.Content, "tags").Map() {
			tags[item.Room][tag] = true
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.direct, o.tags = direct, tags
	return nil
}

// gather takes from memory what the request's rules match and what changed there.
func (s *sliding) gather(v rooms.View, o *roster) error {
	if s.from != nil && (s.from.Epoch != v.Epoch() || s.from.Position > v.Head()) {
		return errUnknownPos
	}
	if err := o.advance(v, s.caller.User); err != nil {
		return err
	}
	if o.direct == nil || o.tags == nil {
		return errUnread
	}
	g, err := s.gathering(v)
	if err != nil {
		return err
	}
	s.direct = o.direct
	s.found = &extensions{receipts: map[id.RoomID][]stream.Item{}, data: map[id.RoomID][]stream.Item{}, read: map[id.RoomID]bool{}}
	entries, reaches := v.Changes(g.c.since)
	g.c.tail = reaches && !g.c.initial
	g.c.sessions, g.c.defaults = !g.c.tail, !g.c.tail
	if g.c.tail {
		s.takeEntries(g, entries)
	} else if !g.c.initial {
		if s.own == nil {
			return errOwn
		}
		for _, item := range s.own {
			s.found.read[item.Room] = s.found.read[item.Room] || item.Kind == stream.Receipt
			g.c.counting = g.c.counting || push.DecidesCounts(item)
		}
	}
	if s.window, err = s.slide(v, o); err != nil {
		return err
	}
	if err := s.takeRooms(v, g); err != nil {
		return err
	}
	s.takeTyping(g)
	return nil
}

func (s *sliding) gathering(v rooms.View) (*gathering, error) {
	memberships, err := v.Memberships(s.caller.User)
	if err != nil {
		return nil, err
	}
	forgotten, err := v.Forgotten(s.caller.User)
	if err != nil {
		return nil, err
	}
	ignored, err := v.Ignored(s.caller.User)
	if err != nil {
		return nil, err
	}
	c := &changes{
		to:   stream.Token{Epoch: v.Epoch(), Position: v.Head(), ToDevice: v.Head()},
		byID: map[id.RoomID]*room{}, initial: s.from == nil,
		presence: map[id.UserID][]byte{}, deviceUsers: map[id.UserID]bool{}, gone: map[id.UserID]bool{},
	}
	if s.from != nil {
		c.since = s.from.Position
	}
	s.c = c
	return &gathering{
		reading: s.reading, c: c, memberships: memberships, forgotten: forgotten, ignored: ignored,
		events: map[id.RoomID][]*event.Event{},
	}, nil
}
