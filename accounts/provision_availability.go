package accounts

import (
	"context"
	"encoding/json"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
)

// Availability is what ConversaLabs says of whether a user is there.
type Availability string

// presenceOf is what each availability is shown as.
var presenceOf = map[Availability]string{"online": online, "busy": "unavailable", "offline": offline}

var errAvailability = refusal.BadJSON("An availability must be online, busy or offline.")

// SetAvailability shows a user as ConversaLabs says that they are. The status
// message stays. Unlike what clients say it does not end by itself, because nobody
// is expected to be seen here for it. Nothing of it ever goes the other way.
func (p *Presences) SetAvailability(ctx context.Context, account tenant.ID, user *User, availability Availability) error {
	presence, known := presenceOf[availability]
	if !known {
		return errAvailability
	}
	if user.Deactivated {
		return ErrDeactivated
	}
	caller := tenant.Caller{Account: account, User: user.ID}
	return p.store.ChangePresence(ctx, caller, func(content []byte) (*PresenceChange, error) {
		next, err := readPresence(content)
		if err != nil || next.Presence == presence {
			return nil, err
		}
		next.Presence = presence
		if presence == online {
			next.LastActive = p.now().UnixMilli()
		}
		written, err := json.Marshal(next)
		return &PresenceChange{Content: written}, err
	})
}
