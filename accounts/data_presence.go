package accounts

import (
	"context"
	"encoding/json"
	"slices"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/storage/stream"
)

// Presence is what a user shows of whether they are there: to everybody in the
// account.
type Presence struct {
	Presence string  `json:"presence"` // online, unavailable or offline
	Status   *string `json:"status_msg,omitempty"`
}

const (
	online  = "online"
	offline = "offline"
)

var presences = []string{online, "unavailable", offline}

// maxStatus is how long a status message may be, in bytes.
const maxStatus = 1024

var (
	errPresence     = refusal.BadJSON("A presence must be online, unavailable or offline.")
	errStatus       = refusal.Invalid("A status message may have at most 1,024 bytes.")
	errStrangersOwn = refusal.NotFound("This user does not exist, or shows you no presence.")
)

// Presence gives a user's presence: offline for who has never set any. Who is no
// user of the account is M_NOT_FOUND.
func (d *Data) Presence(ctx context.Context, account tenant.ID, user id.UserID) (Presence, error) {
	content, err := d.store.Item(ctx, account, stream.Presence, user, "", "")
	if err != nil {
		return Presence{}, err
	}
	if content != nil {
		return readPresence(content)
	}
	known, err := d.store.User(ctx, account, user)
	if err != nil {
		return Presence{}, err
	}
	if known == nil {
		return Presence{}, errStrangersOwn
	}
	return Presence{Presence: offline}, nil
}

// SetPresence sets the caller's presence and status message.
func (d *Data) SetPresence(ctx context.Context, caller tenant.Caller, p Presence) error {
	if !slices.Contains(presences, p.Presence) {
		return errPresence
	}
	if p.Status != nil && len(*p.Status) > maxStatus {
		return errStatus
	}
	content, err := json.Marshal(p)
	if err != nil {
		return err
	}
	return d.store.PutData(ctx, caller, stream.Item{Kind: stream.Presence, User: caller.User, Content: content})
}

// Appear tells that the caller syncs as online or unavailable ("" is online).
// The status message stays, and nothing is written where nothing changes. Who
// syncs as offline leaves no trace.
func (d *Data) Appear(ctx context.Context, caller tenant.Caller, presence string) error {
	switch presence {
	case "":
		presence = online
	case offline:
		return nil
	}
	if !slices.Contains(presences, presence) {
		return errPresence
	}
	content, err := d.store.Item(ctx, caller.Account, stream.Presence, caller.User, "", "")
	if err != nil {
		return err
	}
	if content != nil {
		now, err := readPresence(content)
		if err != nil || now.Presence == presence {
			return err
		}
	}
	at := stream.Item{Kind: stream.Presence, User: caller.User}
	return d.store.ChangeData(ctx, caller, at, func(content []byte) ([]byte, error) {
		var p Presence
		if content != nil {
			var err error
			if p, err = readPresence(content); err != nil {
				return nil, err
			}
		}
		p.Presence = presence
		return json.Marshal(p)
	})
}

func readPresence(content []byte) (Presence, error) {
	var p Presence
	err := json.Unmarshal(content, &p)
	return p, err
}
