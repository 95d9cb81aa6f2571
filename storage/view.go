package storage

import (
	"context"
	"errors"
	"fmt"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/rooms/event"
	"github.com/conversalabs/internalchat/storage/stream"
)

// view shows a state to rooms. Its holder has the state's lock.
type view struct{ state *state }

func (v *view) Head() stream.Position { return v.state.head }
func (v *view) Epoch() int64          { return v.state.epoch }

func (v *view) Room(room id.RoomID) (*rooms.Room, error) {
	r, loaded := v.state.rooms[room]
	if !loaded {
		return nil, &missingError{rooms: []id.RoomID{room}}
	}
	return r, nil
}

func (v *view) Rooms(wanted []id.RoomID) ([]*rooms.Room, error) {
	found := make([]*rooms.Room, 0, len(wanted))
	var missing []id.RoomID
	for _, roomID := range wanted {
		r, loaded := v.state.rooms[roomID]
		if !loaded {
			missing = append(missing, roomID)
		}
		if r != nil {
			found = append(found, r)
		}
	}
	if missing != nil {
		return nil, &missingError{rooms: missing}
	}
	return found, nil
}

func (v *view) Memberships(user id.UserID) (map[id.RoomID]rooms.Spans, error) {
	spans, loaded := v.state.memberships[user]
	if !loaded {
		return nil, &missingError{members: user}
	}
	return spans, nil
}

func (v *view) Forgotten(user id.UserID) (map[id.RoomID]bool, error) {
	forgotten, loaded := v.state.forgotten[user]
	if !loaded {
		return nil, &missingError{forgot: user}
	}
	return forgotten, nil
}

func (v *view) Ignored(user id.UserID) (map[id.UserID]bool, error) {
	if user == "" {
		return nil, nil // nobody ignores nobody
	}
	ignored, loaded := v.state.ignored[user]
	if !loaded {
		return nil, &missingError{ignores: user}
	}
	return ignored, nil
}

func (v *view) Outlines(wanted []id.RoomID) ([]rooms.Outline, error) {
	found := make([]rooms.Outline, len(wanted))
	var missing []id.RoomID
	for i, roomID := range wanted {
		var loaded bool
		if found[i], loaded = v.state.outlines[roomID]; !loaded {
			missing = append(missing, roomID)
		}
	}
	if missing != nil {
		return nil, &missingError{lines: missing}
	}
	return found, nil
}

func (v *view) UserActive(user id.UserID) (bool, error) {
	u, err := v.user(user)
	return u != nil && !u.Deactivated, err
}

func (v *view) UserSucceeds(user id.UserID) (bool, error) {
	u, err := v.user(user)
	return u != nil && !u.Deactivated && u.Role != tenant.Bot, err
}

func (v *view) UserErased(user id.UserID) (bool, error) {
	u, err := v.user(user)
	return u != nil && u.Deactivated && u.Record != nil && u.Record.Erased, err
}

func (v *view) MentionsByDefault() (bool, error) {
	if v.state.settings == nil {
		return false, &missingError{settings: true}
	}
	return v.state.settings.DefaultLevel == accounts.MentionsByDefault, nil
}

func (v *view) UserRings(user id.UserID) (bool, error) {
	u, err := v.user(user)
	return u != nil && !u.Deactivated && u.Role != tenant.Bot && u.Lock == "", err
}

func (v *view) Standings(users []id.UserID) ([]rooms.Standing, error) {
	standings := make([]rooms.Standing, len(users))
	var missing []id.UserID
	for i, user := range users {
		u, loaded := v.state.users[user]
		switch {
		case !loaded:
			missing = append(missing, user)
		case u != nil && !u.Deactivated:
			standings[i] = rooms.Standing{Active: true, Person: u.Role != tenant.Bot}
		}
	}
	if missing != nil {
		return nil, &missingError{users: missing}
	}
	return standings, nil
}

// user gives a user of the account, or nil.
func (v *view) user(user id.UserID) (*accounts.User, error) {
	u, loaded := v.state.users[user]
	if !loaded {
		return nil, &missingError{users: []id.UserID{user}}
	}
	return u, nil
}

func (v *view) Changes(after stream.Position) ([]rooms.Change, bool) {
	return v.state.tail.After(after)
}

// refuseUnknownAccount turns errNoAccount into what a foreign ID gets.
func refuseUnknownAccount(err error) error {
	if errors.Is(err, errNoAccount) {
		return refusal.UnknownToken(false)
	}
	return err
}

// View implements rooms.Store.
func (s *Store) View(ctx context.Context, account tenant.ID, f func(rooms.View) error) error {
	a, err := s.account(ctx, account)
	if err != nil {
		return refuseUnknownAccount(err)
	}
	if err := a.current(ctx); err != nil {
		return fmt.Errorf("bring account to its head: %w", err)
	}
	return a.view(ctx, f)
}

// Current brings an account to a head that was read after the call.
func (s *Store) Current(ctx context.Context, account tenant.ID) error {
	a, err := s.account(ctx, account)
	if err != nil {
		return refuseUnknownAccount(err)
	}
	return a.current(ctx)
}

// Glance implements rooms.Store.
func (s *Store) Glance(ctx context.Context, account tenant.ID, f func(rooms.View) error) error {
	a, err := s.account(ctx, account)
	if err != nil {
		return refuseUnknownAccount(err)
	}
	return a.view(ctx, f)
}

// Watch implements rooms.Store.
func (s *Store) Watch(ctx context.Context, account tenant.ID, user id.UserID, device id.DeviceID) (*stream.Waiter, error) {
	a, err := s.account(ctx, account)
	if err != nil {
		return nil, refuseUnknownAccount(err)
	}
	a.mu.RLock()
	defer a.mu.RUnlock()
	return a.state.hub.Register(user, device), nil
}

// Nudge implements rooms.Store.
func (s *Store) Nudge(account tenant.ID, room id.RoomID) {
	s.mu.Lock()
	a := s.accounts[account]
	s.mu.Unlock()
	if a != nil {
		a.wakes.add([]rooms.Change{{Event: &event.Event{Room: room}}})
	}
}
