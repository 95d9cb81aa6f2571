package push

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/rooms/event"
	"github.com/conversalabs/internalchat/storage/stream"
)

// Levels keeps push rules, and what members have chosen for rooms: levels and mutes.
// Both change together, in one act, whichever of them a client writes.
type Levels struct {
	store  rooms.Store
	now    func() time.Time
	sooner chan struct{} // of one: a mute that ends was set
}

// NewLevels makes the service.
func NewLevels(store rooms.Store, now func() time.Time) *Levels {
	return &Levels{store: store, now: now, sooner: make(chan struct{}, 1)}
}

// What is refused of levels and mutes.
var (
	errNotHere   = refusal.Forbidden("You are not in this room.")
	errLevel     = refusal.Invalid("The level must be one of: everything, mentions, nothing, default.")
	errMuteEnded = refusal.Invalid("The time at which the mute ends must lie ahead.")
	errNotMuted  = refusal.Invalid("A time at which the mute ends can be given only together with a mute.")
)

// Rules gives a user's push rules as they are in their account.
func (l *Levels) Rules(ctx context.Context, account tenant.ID, user id.UserID) (Ruleset, error) {
	var mentions bool
	err := l.store.View(ctx, account, func(v rooms.View) (err error) {
		mentions, err = v.MentionsByDefault()
		return err
	})
	if err != nil {
		return Ruleset{}, err
	}
	stored, err := l.store.Item(ctx, account, stream.AccountData, user, "", rulesType)
	if err != nil {
		return Ruleset{}, fmt.Errorf("read push rules: %w", err)
	}
	rules, err := Parse(user, stored)
	return rules.Under(mentions), err
}

// ChangeRules changes the caller's push rules as they are when it is their turn; what
// is kept of the rooms concerned follows. change may run several times.
func (l *Levels) ChangeRules(ctx context.Context, caller tenant.Caller, change func(Ruleset) (Ruleset, error)) error {
	return l.act(ctx, caller, func(t *turn) error {
		before := t.rules.ofRooms()
		changed, err := change(t.rules)
		if err != nil {
			return err
		}
		t.rules = changed
		return t.follow(before)
	})
}

// Of gives what the caller has chosen for a room that they are in.
func (l *Levels) Of(ctx context.Context, caller tenant.Caller, room id.RoomID) (Notifications, error) {
	if err := l.store.View(ctx, caller.Account, func(v rooms.View) error { return checkIn(v, caller.User, room) }); err != nil {
		return Notifications{}, err
	}
	all, err := l.All(ctx, caller, []id.RoomID{room})
	if err != nil {
		return Notifications{}, err
	}
	return all[0], nil
}

// All gives what the caller has chosen for each of some rooms.
func (l *Levels) All(ctx context.Context, caller tenant.Caller, of []id.RoomID) ([]Notifications, error) {
	items, err := l.store.Items(ctx, caller.Account, stream.ItemQuery{
		Kinds: []stream.Kind{stream.AccountData}, User: caller.User, Keys: []string{rulesType, rooms.NotificationsType},
	})
	if err != nil {
		return nil, fmt.Errorf("read what is chosen: %w", err)
	}
	var stored []byte
	kept := map[id.RoomID][]byte{}
	for _, item := range items {
		switch {
		case item.Room == "" && item.Key == rulesType:
			stored = item.Content
		case item.Key == rooms.NotificationsType:
			kept[item.Room] = item.Content
		}
	}
	rules, err := Parse(caller.User, stored)
	if err != nil {
		return nil, err
	}
	heardOf := rules.ofRooms()
	all := make([]Notifications, len(of))
	for i, room := range of {
		h, found := heardOf[room]
		if !found {
			h = heard{level: AsAccount}
		}
		all[i] = h.under(readNotifications(kept[room]))
	}
	return all, nil
}

// checkIn refuses a room that the user is not in, and one that does not exist alike.
func checkIn(v rooms.View, user id.UserID, room id.RoomID) error {
	if !event.ValidRoomID(room) {
		return errNotHere
	}
	r, err := v.Room(room)
	if err == nil && (r == nil || !r.Joined(user)) {
		err = errNotHere
	}
	return err
}

// Choice is what a member chooses for a room. What is nil stays as it is.
type Choice struct {
	Level *Level `json:"level"`
	Muted *bool  `json:"muted"`
	// Until is when the mute ends, in ms. Muted without it lasts until it is taken back.
	Until     *int64 `json:"muted_until"`
	BreakMute *bool  `json:"mentions_break_mute"`
}

// on gives what is chosen after this, where it was before.
func (c Choice) on(before Notifications, now int64) (Notifications, error) {
	n := before
	if c.Level != nil {
		if !slices.Contains([]Level{Everything, Mentions, Nothing, AsAccount}, *c.Level) {
			return n, errLevel
		}
		n.Level = *c.Level
	}
	if c.Muted != nil {
		n.Muted, n.Until = *c.Muted, nil
	}
	if c.Until != nil {
		switch {
		case !n.Muted:
			return n, errNotMuted
		case *c.Until <= now:
			return n, errMuteEnded
		}
		n.Until = c.Until
	}
	if c.BreakMute != nil {
		n.BreakMute = *c.BreakMute
	}
	return n, nil
}

// Choose changes what the caller has chosen for a room that they are in, and gives
// it as it is then. A room that they are not in is M_FORBIDDEN.
func (l *Levels) Choose(ctx context.Context, caller tenant.Caller, room id.RoomID, c Choice) (Notifications, error) {
	var chosen Notifications
	err := l.act(ctx, caller, func(t *turn) error {
		if err := checkIn(t.tx, caller.User, room); err != nil {
			return err
		}
		kept, err := t.kept(room)
		if err != nil {
			return err
		}
		if chosen, err = c.on(t.rules.ofRoom(room).under(kept), l.now().UnixMilli()); err != nil {
			return err
		}
		return t.choose(room, kept, chosen)
	})
	if err != nil {
		return Notifications{}, err
	}
	if chosen.Until != nil {
		select {
		case l.sooner <- struct{}{}:
		default:
		}
	}
	return chosen, nil
}

// Forget takes back all that the caller has chosen for a room, as removing its account
// data does (MSC3391).
func (l *Levels) Forget(ctx context.Context, caller tenant.Caller, room id.RoomID) error {
	return l.act(ctx, caller, func(t *turn) error {
		content, err := t.tx.Item(stream.AccountData, caller.User, room, rooms.NotificationsType)
		if err != nil || len(content) == 0 {
			return err
		}
		if t.rules, err = t.rules.hearing(room, Notifications{Level: AsAccount}); err != nil {
			return err
		}
		t.put(room, readNotifications(content), Notifications{}, nil)
		return nil
	})
}

// turn is an act at work on one user's push rules.
type turn struct {
	tx    rooms.Tx
	user  id.UserID
	rules Ruleset
}

// act runs an act on the caller's push rules, and writes them if it has changed them.
func (l *Levels) act(ctx context.Context, caller tenant.Caller, do func(*turn) error) error {
	return l.actOf(ctx, caller, caller.User, do)
}

func (l *Levels) actOf(ctx context.Context, caller tenant.Caller, user id.UserID, do func(*turn) error) error {
	_, err := l.store.Act(ctx, rooms.Act{Caller: caller, Lone: true, Suspended: true, Do: func(tx rooms.Tx) (id.EventID, error) {
		stored, err := tx.Item(stream.AccountData, user, "", rulesType)
		if err != nil {
			return "", err
		}
		rules, err := Parse(user, stored)
		if err != nil {
			return "", err
		}
		unchanged := rules.Stored()
		t := &turn{tx: tx, user: user, rules: rules}
		if err := do(t); err != nil {
			return "", err
		}
		if after := t.rules.Stored(); !bytes.Equal(after, unchanged) {
			tx.Put(stream.Item{Kind: stream.AccountData, User: user, Key: rulesType, Content: after})
		}
		return "", nil
	}})
	return err
}

// kept is what is kept of a room.
func (t *turn) kept(room id.RoomID) (Notifications, error) {
	content, err := t.tx.Item(stream.AccountData, t.user, room, rooms.NotificationsType)
	return readNotifications(content), err
}

// choose makes a room as chosen, where this was kept of it.
func (t *turn) choose(room id.RoomID, kept, chosen Notifications) error {
	var err error
	if t.rules, err = t.rules.hearing(room, chosen); err != nil {
		return err
	}
	t.keep(room, kept, chosen)
	return nil
}

// keep writes what is kept of a room, if that is something else now.
func (t *turn) keep(room id.RoomID, kept, chosen Notifications) {
	if !kept.same(chosen) {
		t.put(room, kept, chosen, mustMarshal(chosen))
	}
}

func (t *turn) put(room id.RoomID, kept, chosen Notifications, content json.RawMessage) {
	t.tx.Put(stream.Item{Kind: stream.AccountData, User: t.user, Room: room, Key: rooms.NotificationsType, Content: content})
	if kept.until() != chosen.until() {
		t.tx.EndMute(t.user, room, chosen.until())
	}
}

// follow has what is kept of rooms follow the rules that a client has changed. Of rooms
// that the user has nothing to do with nothing is kept.
func (t *turn) follow(before map[id.RoomID]heard) error {
	after := t.rules.ofRooms()
	concerned := map[id.RoomID]bool{}
	for _, all := range []map[id.RoomID]heard{before, after} {
		for room := range all {
			concerned[room] = concerned[room] || before[room] != after[room]
		}
	}
	var memberships map[id.RoomID]rooms.Spans
	for _, room := range slices.Sorted(maps.Keys(concerned)) {
		if !concerned[room] {
			continue
		}
		if memberships == nil {
			var err error
			if memberships, err = t.tx.Memberships(t.user); err != nil {
				return err
			}
		}
		if len(memberships[room]) == 0 {
			continue
		}
		if err := t.followIn(room, before[room].silenced); err != nil {
			return err
		}
	}
	return nil
}

// followIn is follow in one room.
func (t *turn) followIn(room id.RoomID, wasSilenced bool) error {
	kept, err := t.kept(room)
	if err != nil {
		return err
	}
	now := t.rules.ofRoom(room)
	chosen := now.under(kept)
	// The rule by which mentions break the silence comes and goes with it. In between
	// it is the client's to remove.
	if now.silenced != wasSilenced {
		if t.rules, err = t.rules.breaking(room, now.silenced && kept.BreakMute); err != nil {
			return err
		}
	}
	t.keep(room, kept, chosen)
	return nil
}
