package rooms

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
)

// A channel is deleted in two steps, so that nobody does it by one wrong click: who asks
// for it is told what would be lost, and comes back with the token given then. Nothing
// is destroyed: the history stays in the database. But nobody is in the channel any
// more, nobody comes in again, and nothing leads there.

// deletionTime is how long the token of a deletion is good.
const deletionTime = 10 * time.Minute

var errDeletionToken = refusal.New(400, "M_INVALID_PARAM", "This confirmation is not good, or no longer. Ask for a new one by a request without it.")

// Deletion is what deleting a channel would do, and the token to do it with.
type Deletion struct {
	Token   string      `json:"confirmation_token"`
	Expires int64       `json:"expires_ts"` // ms
	Room    ManagedRoom `json:"room"`
	Aliases int         `json:"aliases"`  // addresses that become free
	Hooks   int         `json:"webhooks"` // that end
}

// AskDeletion is the first step of deleting a channel, as an administrator of the
// account. It changes nothing.
func (s *Service) AskDeletion(ctx context.Context, caller tenant.Caller, room id.RoomID) (*Deletion, error) {
	managed, err := s.ManagedRoom(ctx, caller.Account, room)
	if err != nil {
		return nil, err
	}
	aliases, err := s.store.Aliases(ctx, caller.Account, room)
	if err != nil {
		return nil, err
	}
	hooks, err := s.store.Webhooks(ctx, caller.Account, room)
	if err != nil {
		return nil, err
	}
	expires := s.now().Add(deletionTime).UnixMilli()
	return &Deletion{
		Token: deletionToken(caller, room, expires), Expires: expires,
		Room: *managed, Aliases: len(aliases), Hooks: len(hooks),
	}, nil
}

// deletionToken is bound to the session that asked, which every node knows. It guards
// against mistakes and not against its owner, who may delete the channel anyway.
func deletionToken(caller tenant.Caller, room id.RoomID, expires int64) string {
	mac := hmac.New(sha256.New, []byte(caller.Session))
	mac.Write(fmt.Appendf(nil, "delete %s %s %s %d", caller.Account, caller.User, room, expires))
	return strconv.FormatInt(expires, 10) + "." + hex.EncodeToString(mac.Sum(nil)[:16])
}

func (s *Service) checkDeletionToken(caller tenant.Caller, room id.RoomID, token string) error {
	digits, _, _ := strings.Cut(token, ".")
	expires, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || expires < s.timestamp() || !hmac.Equal([]byte(token), []byte(deletionToken(caller, room, expires))) {
		return errDeletionToken
	}
	return nil
}

// Delete is the second step, with the token that [Service.AskDeletion] gave. The channel
// is out of use at once; whoever is in it is taken out after that, with the
// administrator's reason.
func (s *Service) Delete(ctx context.Context, caller tenant.Caller, room id.RoomID, token, said string) error {
	return s.manage(ctx, caller, AsAdministrator, room, func(m *managing) error {
		if err := s.checkDeletionToken(caller, room, token); err != nil {
			return err
		}
		why, err := m.why(), error(nil)
		if why.reason, err = m.reason("Deleted", said); err != nil {
			return err
		}
		details := map[string]any{"kind": m.room.Kind(), "members": m.room.JoinedCount()}
		if err := m.detach(); err != nil {
			return err
		}
		if err := m.setChannel(why, func(c *Channel) { c.Archived, c.Deleted = true, true }); err != nil {
			return err
		}
		// Its follower hears of this: see disperse.
		if err := m.tx.Publish(room, false); err != nil {
			return err
		}
		return m.audit(RoomDeleted, string(room), details)
	})
}

// detach ends what leads into the channel from outside.
func (m *managing) detach() error {
	aliases, err := m.tx.Aliases(m.room.ID)
	if err != nil {
		return err
	}
	for _, alias := range aliases {
		m.tx.SetAlias(alias, "", "")
	}
	if m.room.Event("m.room.canonical_alias", "") != nil {
		if err := m.serveState(m.why(), "m.room.canonical_alias", object{}.bytes()); err != nil {
			return err
		}
	}
	hooks, err := m.tx.Webhooks(m.room.ID)
	if err != nil {
		return err
	}
	for _, hook := range hooks {
		if err := m.tx.EndWebhook(hook); err != nil {
			return err
		}
	}
	return nil
}
