package rooms

import (
	"encoding/json"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/rooms/event"
)

// What the server itself does in a room is an event of the account's service user
// (see [tenant.ServiceUser]), who is in no room and has no power in any: its
// events are accepted without. That hangs on [writing.serve], by which alone such
// an event is made, and not on the sender's name: whoever came to act under that
// name would be a stranger in every room.

// actorKey is the key of the content that tells for whom the service user acts.
const actorKey = "br.com.conversalabs.actor"

// service is which service user acts, and why.
type service struct {
	server string    // the account's server name
	actor  id.UserID // who wanted it; "" for nobody
	// reason is for people to read, and "" for none. State other than memberships
	// has none: whoever changes it next would repeat it.
	reason string
}

// serve appends an event of the service user. The part's sender is left out.
func (w *writing) serve(why service, p part) (*event.Event, error) {
	content := object{}
	if err := json.Unmarshal(p.content, &content); err != nil {
		return nil, err
	}
	if why.actor != "" {
		content.with(actorKey, why.actor)
	}
	if why.reason != "" {
		content.with("reason", why.reason)
	}
	p.sender, p.content, p.served = tenant.ServiceUser(why.server), content.bytes(), true
	return w.append(p)
}
