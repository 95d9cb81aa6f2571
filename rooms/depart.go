package rooms

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
)

// UserDeactivated takes a user whose access has ended out of every room they
// are in, or were invited to: each an act of its own, so that however many there
// are, nobody else waits for it. Doing it again does what is left.
func (s *Service) UserDeactivated(ctx context.Context, account tenant.ID, user id.UserID) error {
	var rooms []id.RoomID
	err := s.store.View(ctx, account, func(v View) error {
		rooms = nil
		memberships, err := v.Memberships(user)
		for roomID, spans := range memberships {
			if slices.Contains([]string{"join", "invite", "knock"}, spans.Current()) {
				rooms = append(rooms, roomID)
			}
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("find rooms to leave: %w", err)
	}
	slices.Sort(rooms)
	caller := tenant.Caller{Account: account, User: user}
	var failed []error
	for _, room := range rooms {
		if err := s.Leave(ctx, caller, Move{Room: room}); err != nil {
			failed = append(failed, fmt.Errorf("leave %s: %w", room, err))
		}
	}
	return errors.Join(failed...)
}
