package rooms

import (
	"context"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/storage/stream"
)

// Archive takes a channel out of use, so that it can be read only and is in no
// directory, or brings it back. Its owners may, and administrators of the account
// wherever they are; for these it is in the audit.
func (s *Service) Archive(ctx context.Context, caller tenant.Caller, room id.RoomID, archived bool) error {
	return s.loneAct(ctx, caller, func(tx Tx) error {
		as := AsMember
		administrator, err := tx.Administrator(caller.User)
		if err != nil {
			return err
		}
		if administrator {
			as = AsAdministrator
		}
		m, err := s.openToManage(tx, caller, as, room)
		if err != nil {
			return err
		}
		switch {
		case as == AsMember && m.room.PowerLevels().User(caller.User) < OwnerLevel:
			return m.room.errOwner()
		case m.room.Channel().Archived == archived:
			return nil
		case archived:
			if err := m.archive(m.why()); err != nil {
				return err
			}
			return m.audit(RoomArchived, string(room), nil)
		}
		if err := m.unarchive(m.why()); err != nil {
			return err
		}
		return m.audit(RoomUnarchived, string(room), nil)
	})
}

// archive takes a room out of use: it is in no directory, and what says of which kind
// it is says so.
func (w *writing) archive(why service) error {
	if w.room.Published {
		if err := w.tx.Publish(w.room.ID, false); err != nil {
			return err
		}
	}
	if w.room.Kind() == "" {
		return nil
	}
	return w.setChannel(why, func(c *Channel) { c.Archived = true })
}

// unarchive takes a channel into use again. What became meanwhile of the team that it
// follows comes after.
func (w *writing) unarchive(why service) error {
	if err := w.setChannel(why, func(c *Channel) { c.Archived = false }); err != nil {
		return err
	}
	if team := w.room.Channel().Team; team != "" {
		w.tx.Put(stream.Item{Kind: stream.TeamChanged, Key: team, Room: w.room.ID})
	}
	return w.place()
}

// place gives a channel its place in the directory. What hangs on its kind, such as who
// is to be in it, follows from there: see [Service.Entail].
func (w *writing) place() error {
	return w.tx.Publish(w.room.ID, templates[w.room.Kind()].published)
}
