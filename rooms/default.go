package rooms

import (
	"cmp"
	"context"
	"slices"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
)

// What is refused of channels to who administers the account.
var (
	errNoChannel     = refusal.NotFound("There is no such channel.")
	errDefaultPublic = refusal.Forbidden("Only a public channel can be one that everybody new is in: announcements have everybody anyway, and who is in a private channel its admins say.")
)

// SetDefault says whether people who are new in the account are in a public channel
// from the start. Who is there already is not put into it. For administrators.
func (s *Service) SetDefault(ctx context.Context, caller tenant.Caller, room id.RoomID, on bool) error {
	return s.loneAct(ctx, caller, func(tx Tx) error {
		w, err := s.openToAdminister(tx, caller, room)
		if err != nil {
			return err
		}
		channel := w.room.Channel()
		switch {
		case on == (channel.DefaultSince != 0):
			return nil
		case on && channel.Archived:
			return errArchived
		case on && channel.Kind != Public:
			return errDefaultPublic
		}
		since := int64(0)
		if on {
			since = w.now
		}
		why := service{server: caller.Server, actor: caller.User}
		if err := w.setChannel(why, func(c *Channel) { c.DefaultSince = since }); err != nil {
			return err
		}
		return tx.Audit(auditDefault, string(room), map[string]any{"default": on})
	})
}

// openToAdminister is open for administrators of the account, who see all channels and
// no direct messages.
func (s *Service) openToAdminister(tx Tx, caller tenant.Caller, room id.RoomID) (*writing, error) {
	administrator, err := tx.Administrator(caller.User)
	if err != nil {
		return nil, err
	}
	if !administrator {
		return nil, errAdministrator
	}
	r, err := tx.Room(room)
	if err != nil {
		return nil, err
	}
	if r == nil || r.Kind() == "" || r.Kind() == Direct {
		return nil, errNoChannel
	}
	return s.writing(tx, r), nil
}

// welcomes tells whether people who are new in the account since a time (ms) are in
// the room from the start.
func (r *Room) welcomes(since int64) bool {
	c := r.Channel()
	return c.Kind == Public && !c.Archived && c.DefaultSince != 0 && since >= c.DefaultSince
}

// DefaultChannel is a channel that people who are new in the account are in.
type DefaultChannel struct {
	Room  id.RoomID `json:"room_id"`
	Name  string    `json:"name"`
	Since int64     `json:"since_ts"` // ms
}

// DefaultChannels lists them by their names.
func (s *Service) DefaultChannels(ctx context.Context, account tenant.ID) ([]DefaultChannel, error) {
	published, err := s.store.PublishedRooms(ctx, account)
	if err != nil {
		return nil, err
	}
	var all []DefaultChannel
	err = s.store.View(ctx, account, func(v View) error {
		all = []DefaultChannel{}
		rooms, err := v.Rooms(published)
		for _, r := range rooms {
			if since := r.Channel().DefaultSince; r.welcomes(since) {
				all = append(all, DefaultChannel{r.ID, publicRoom(r).Name, since})
			}
		}
		return err
	})
	slices.SortFunc(all, func(x, y DefaultChannel) int { return cmp.Or(cmp.Compare(x.Name, y.Name), cmp.Compare(x.Room, y.Room)) })
	return all, err
}
