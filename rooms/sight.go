package rooms

import (
	"context"
	"strings"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/mediaapi/media"
	"github.com/conversalabs/internalchat/rooms/event"
)

// Sees implements media.Sight.
func (s *Service) Sees(ctx context.Context, caller tenant.Caller, link media.Link) (sees bool, err error) {
	var of *event.Event
	if link.Kind == media.EventLink {
		// Before the view, so that no event comes behind the head that it is judged at.
		if of, err = s.store.EventByID(ctx, caller.Account, id.EventID(link.Reference)); err != nil {
			return false, err
		}
	}
	err = s.store.View(ctx, caller.Account, func(v View) (err error) {
		sees, err = SeesLink(v, caller.User, link, of)
		return err
	})
	return sees, err
}

// SeesLink tells whether a user of the account sees what a link to media names. of is
// the event of a [media.EventLink], nil when there is none; of it Room, Position, Type,
// StateKey and RedactedBy need be set.
func SeesLink(v View, user id.UserID, link media.Link, of *event.Event) (bool, error) {
	switch link.Kind {
	case media.EventLink:
		if of == nil || of.Room != link.Room || of.RedactedBy != "" {
			return false, nil
		}
		r, visibility, err := visibilityIn(v, user, link.Room)
		return r != nil && visibility.Room() && visibility.Event(of), err
	case media.RoomLink:
		r, err := v.Room(link.Room)
		if r == nil || err != nil {
			return false, err
		}
		memberships, err := membershipsOf(v, user)
		return err == nil && r.shownTo(memberships), err
	case media.AccountDataLink, media.DelayedLink:
		owner, _, _ := strings.Cut(link.Reference, " ")
		return owner == string(user), nil
	case media.ProfileLink, media.PreviewLink: // all of the account see these
		return true, nil
	}
	return false, nil
}
