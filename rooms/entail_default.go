package rooms

import (
	"context"

	"maunium.net/go/mautrix/id"
)

// settle puts a person who is new in the account into its default channels: those that
// were that when the person was made, and that they have never had to do with. Who has
// left one, or was there before it was a default, stays out.
func (e *entailing) settle(ctx context.Context) error {
	if !e.policy.Kinds {
		return nil
	}
	published, err := e.service.store.PublishedRooms(ctx, e.account)
	if err != nil {
		return err
	}
	var rooms []id.RoomID
	err = e.service.store.View(ctx, e.account, func(v View) error {
		rooms = nil
		found, err := v.Rooms(published)
		if err != nil {
			return err
		}
		for _, room := range found {
			if welcome, err := e.welcome(v, room); err != nil {
				return err
			} else if welcome {
				rooms = append(rooms, room.ID)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return e.each(ctx, rooms, func(w *writing) error {
		welcome, err := e.welcome(w.tx, w.room)
		if err != nil || !welcome {
			return err
		}
		return e.service.admit(w, admission{why: e.why()}, Move{User: e.user})
	})
}

func (e *entailing) welcome(v View, room *Room) (bool, error) {
	if room.Membership(e.user) != "" {
		return false, nil
	}
	since, err := v.UserSince(e.user)
	if err != nil || !room.welcomes(since) {
		return false, err
	}
	return v.UserSucceeds(e.user)
}
