package push

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/rooms/event"
	"github.com/conversalabs/internalchat/storage/stream"
)

// Wanted asks for notifications.
type Wanted struct {
	From       string // next_token of an earlier page, or "" for the newest
	Limit      int
	Highlights bool  // those alone that highlight
	Now        int64 // ms
}

// Page is a part of a user's notifications, newest first.
type Page struct {
	Chunk []byte // JSON list
	Next  string // the token of the next page, "" where there is none
}

// One page looks at no more than this; what it found by then is the page.
const (
	walkPage  = 250    // events read at once
	walkSpan  = 10_000 // positions of the stream looked through at once
	walkPages = 20
)

// Notifications lists what the caller was notified about in the rooms they are
// in, newest first (section "Listing notifications"): the events are walked
// through with the rules of now, and nothing is kept of what was found. A walk
// that finds little ends early, with a token to go on with. Where only mentions
// highlight, highlights are looked up in the index (see [rooms.CandidateKeys]).
func (u *Unread) Notifications(ctx context.Context, caller tenant.Caller, wanted Wanted) (Page, error) {
	w, err := u.walkFor(ctx, caller, wanted)
	if err != nil || len(w.scenes) == 0 {
		return Page{Chunk: []byte("[]")}, err
	}
	next := w.walk
	if wanted.Highlights && !w.evaluator.highlightsOwn() {
		next = w.leap
	}
	for range walkPages {
		events, err := next()
		if err != nil {
			return Page{}, fmt.Errorf("walk through notifications: %w", err)
		}
		for _, e := range events {
			w.consider(e)
			if len(w.found) == wanted.Limit {
				w.upTo = e.Position - 1
				return w.page(wanted)
			}
		}
		if w.upTo <= w.bottom {
			break
		}
	}
	return w.page(wanted)
}

// walker goes through a user's rooms, newest event first.
type walker struct {
	counting
	caller tenant.Caller
	epoch  int64
	scenes map[id.RoomID]*Scene
	rooms  []id.RoomID
	upTo   stream.Position // what is above was looked at
	bottom stream.Position // below this there is nothing

	highlights bool
	found      []notification
}

type notification struct {
	event  *event.Event
	result Result
}

// walkFor makes a walker with the caller's rooms and rules.
func (u *Unread) walkFor(ctx context.Context, caller tenant.Caller, wanted Wanted) (*walker, error) {
	w := &walker{caller: caller, highlights: wanted.Highlights}
	var mentions bool
	err := u.store.View(ctx, caller.Account, func(v rooms.View) (err error) {
		if mentions, err = v.MentionsByDefault(); err != nil {
			return err
		}
		w.upTo, w.bottom, w.epoch = v.Head(), v.Head(), v.Epoch()
		w.scenes, w.rooms = map[id.RoomID]*Scene{}, nil
		return w.enter(u, v)
	})
	if err != nil {
		return nil, err
	}
	if wanted.From != "" {
		from, err := stream.ParseToken(wanted.From)
		if err != nil {
			return nil, err
		}
		w.upTo = min(w.upTo, from.Position)
	}
	kept := u.reader(caller.Account, caller.User)
	rulesAt, _ := u.changed(kept, nil)
	kept.mu.Lock()
	defer kept.mu.Unlock()
	if err := kept.prepare(ctx, u, caller.Account, rulesAt, mentions); err != nil {
		return nil, err
	}
	// A copy, so that the user's polls need not wait for the walk.
	own := &reader{user: kept.user, evaluator: kept.evaluator}
	w.counting = counting{Unread: u, reader: own, ctx: ctx, account: caller.Account}
	return w, nil
}

// enter takes the rooms that the caller is in.
func (w *walker) enter(u *Unread, v rooms.View) error {
	memberships, err := v.Memberships(w.caller.User)
	if err != nil {
		return err
	}
	for roomID, spans := range memberships {
		if spans.Current() == "join" {
			w.rooms = append(w.rooms, roomID)
			w.bottom = min(w.bottom, spans.Since())
		}
	}
	loaded, err := v.Rooms(w.rooms)
	if err != nil {
		return err
	}
	for _, room := range loaded {
		scene, err := u.Scene(v, w.caller, room)
		if err != nil {
			return err
		}
		w.scenes[room.ID] = &scene
	}
	return nil
}

// walk gives the next events of the rooms.
func (w *walker) walk() ([]*event.Event, error) {
	after := max(w.upTo-walkSpan, w.bottom)
	events, err := w.index.Stretch(w.ctx, w.account, w.rooms, after, w.upTo, walkPage)
	w.upTo = after
	if len(events) == walkPage {
		w.upTo = events[walkPage-1].Position - 1
	}
	return events, err
}

// leap gives the next events that may mention the user.
func (w *walker) leap() ([]*event.Event, error) {
	of := make([]rooms.Slice, 0, len(w.scenes))
	for roomID, s := range w.scenes {
		of = append(of, rooms.Slice{Room: roomID, After: s.spans.Since(), UpTo: w.upTo, Limit: walkPage})
	}
	found, err := w.index.Candidates(w.ctx, w.account, []string{string(w.user), rooms.AnyMember}, of)
	if err != nil {
		return nil, err
	}
	var events []*event.Event
	for _, some := range found {
		events = append(events, some...)
	}
	slices.SortFunc(events, func(x, y *event.Event) int { return cmp.Compare(y.Position, x.Position) })
	// Of each room there may be more: what is below the first page is asked again.
	w.upTo = w.bottom
	if len(events) >= walkPage {
		events = events[:walkPage]
		w.upTo = events[walkPage-1].Position - 1
	}
	return events, nil
}

// consider takes an event if it notifies.
func (w *walker) consider(e *event.Event) {
	s := w.scenes[e.Room]
	if s == nil || e.Position <= s.spans.Since() || e.Sender == w.user || e.RedactedBy != "" || !s.visibility.Event(e) {
		return
	}
	result := w.evaluate(s.context(), s, e)
	if result.Notify && (result.Highlight || !w.highlights) {
		w.found = append(w.found, notification{e, result})
	}
}

// page writes what was found.
func (w *walker) page(wanted Wanted) (Page, error) {
	read, err := w.readings()
	if err != nil {
		return Page{}, err
	}
	out := []byte{'['}
	for i, n := range w.found {
		root, err := w.threadOf(w.scenes[n.event.Room], n.event)
		if err != nil {
			return Page{}, err
		}
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, `{"actions":`...)
		out = append(out, n.result.Actions...)
		out = append(out, `,"event":`...)
		out = rooms.AppendEvent(out, n.event, rooms.Reader{
			User: w.user, Device: w.caller.Device, Now: wanted.Now, Membership: "join", OmitRoom: true,
		})
		out = append(out, `,"read":`...)
		out = strconv.AppendBool(out, n.event.Position <= read[n.event.Room].readUpTo(root))
		out = append(out, `,"room_id":`...)
		out = rooms.AppendText(out, string(n.event.Room))
		out = append(out, `,"ts":`...)
		out = strconv.AppendInt(out, n.event.Timestamp, 10)
		out = append(out, '}')
	}
	p := Page{Chunk: append(out, ']')}
	if w.upTo > w.bottom {
		p.Next = stream.Token{Epoch: w.epoch, Position: w.upTo}.String()
	}
	return p, nil
}

// readings tells how far the rooms of what was found were read.
func (w *walker) readings() (map[id.RoomID]*tally, error) {
	var scenes []Scene
	read := map[id.RoomID]*tally{}
	for _, n := range w.found {
		if read[n.event.Room] == nil {
			read[n.event.Room] = &tally{}
			scenes = append(scenes, *w.scenes[n.event.Room])
		}
	}
	if scenes == nil {
		return read, nil
	}
	kept := w.Unread.reader(w.account, w.user)
	kept.mu.Lock()
	defer kept.mu.Unlock()
	if err := w.bring(w.ctx, w.account, kept, scenes); err != nil {
		return nil, err
	}
	for room := range read {
		t := kept.tallies[room]
		read[room] = &tally{read: t.read, threads: slices.Clone(t.threads)}
	}
	return read, nil
}
