package rooms

import (
	"context"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
)

// Remove removes a member from a room in the name of the server, as somebody who is
// not in the room wanted it.
func (s *Service) Remove(ctx context.Context, account tenant.ID, m Move, actor id.UserID) error {
	return s.act(ctx, tenant.Caller{Account: account}, func(tx Tx) error {
		w, err := s.open(tx, m.Room)
		if err != nil {
			return err
		}
		removal := memberPart("", m.User, object{}.with("membership", "leave"))
		_, err = w.serve(service{server: m.User.Homeserver(), actor: actor, reason: m.Reason}, removal)
		return err
	})
}
