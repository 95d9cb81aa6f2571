package rooms

import (
	"context"
	"time"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/rooms/event"
)

// SetTyping tells a room that the caller types, for at most timeout, or, where
// that is 0, no longer does. The account must be at its head: nothing is written,
// so no act looks again whether the caller is in the room.
func (s *Service) SetTyping(ctx context.Context, caller tenant.Caller, room id.RoomID, timeout time.Duration) error {
	if !event.ValidRoomID(room) {
		return errNotHere()
	}
	err := s.store.Glance(ctx, caller.Account, func(v View) error {
		r, err := v.Room(room)
		if err != nil {
			return err
		}
		if r == nil || !r.Joined(caller.User) {
			return errNotHere()
		}
		return nil
	})
	if err != nil {
		return err
	}
	if timeout <= 0 {
		s.typing.Stop(caller.Account, room, caller.User)
		return nil
	}
	s.typing.Start(caller.Account, room, caller.User, timeout)
	return nil
}
