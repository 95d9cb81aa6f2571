package rooms

import (
	"context"
	"encoding/json"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
)

// WebhookByToken gives the webhook of an account by the SHA-256 (hex) of its secret,
// or [ErrNoWebhook].
func (s *Service) WebhookByToken(ctx context.Context, account tenant.ID, token string) (Webhook, error) {
	hook, err := s.store.WebhookByToken(ctx, account, token)
	if err != nil {
		return Webhook{}, err
	}
	if hook == nil {
		return Webhook{}, ErrNoWebhook
	}
	return *hook, nil
}

// webhookPath is the path of the transactions of webhooks.
const webhookPath = "webhook"

// Post sends an m.room.message as a webhook. The same key, unless it is empty, gives
// the first message's event ID. While the module is switched off for the account
// or for bots, that is 403 with the reason.
func (s *Service) Post(ctx context.Context, account tenant.ID, hook Webhook, content json.RawMessage, key string) (id.EventID, error) {
	eventID, err := s.store.Act(ctx, Act{
		Caller: tenant.Caller{Account: account, User: hook.User}, Path: webhookPath, Transaction: key, Lone: namesTeams(content),
		Do: func(tx Tx) (id.EventID, error) {
			// Its user ends with the webhook, in the stream, so that every node knows.
			active, err := tx.UserActive(hook.User)
			if err != nil {
				return "", err
			}
			if !active {
				return "", ErrNoWebhook
			}
			w, err := s.open(tx, hook.Room)
			if err != nil {
				return "", err
			}
			if err := w.checkWebhook(hook); err != nil {
				return "", err
			}
			e, err := w.append(part{sender: hook.User, kind: "m.room.message", content: content})
			if err != nil {
				return "", err
			}
			return e.ID, nil
		},
	})
	if locked := refusal.As(err); locked != nil && locked.Code == "M_USER_LOCKED" {
		return "", refusal.Forbidden("This webhook is switched off at the moment. An administrator of the account can tell you more.").
			Because(locked.Reason)
	}
	return eventID, err
}

func (w *writing) checkWebhook(hook Webhook) error {
	if w.room.retired() {
		return errRetired
	}
	if !w.room.Joined(hook.User) {
		return refusal.Forbidden("This webhook has been removed from its room.")
	}
	return nil
}

// retired tells whether a room was replaced by another one or archived.
func (r *Room) retired() bool {
	return r.Event("m.room.tombstone", "") != nil || r.channel.Archived
}

// member is the content of the member event of the webhook's user. Their profile
// is made in the same act, and cannot be read yet.
func (h Webhook) member(membership string) object {
	content := object{}.with("membership", membership).with("displayname", h.Name)
	if h.AvatarURL != "" {
		content.with("avatar_url", h.AvatarURL)
	}
	return content
}

// admitWebhook lets the user of a new webhook into its room, with the power to post.
func (w *writing) admitWebhook(caller tenant.Caller, hook Webhook) error {
	if most := w.limits.MembersPerRoom; most > 0 && w.room.JoinedCount() >= most {
		return errFull(w.room)
	}
	if err := w.empowerWebhook(caller, hook.User); err != nil {
		return err
	}
	if !w.open() {
		if err := w.inviteWebhook(caller, hook); err != nil {
			return err
		}
	}
	_, err := w.append(memberPart(hook.User, hook.User, hook.member("join")))
	return err
}

// inviteWebhook invites in the name of the caller, if they are there and may; for
// other administrators the server itself does.
func (w *writing) inviteWebhook(caller tenant.Caller, hook Webhook) (err error) {
	invite := memberPart(caller.User, hook.User, hook.member("invite"))
	levels := w.room.PowerLevels()
	if w.room.Joined(caller.User) && levels.User(caller.User) >= levels.Invite() {
		_, err = w.append(invite)
	} else {
		_, err = w.serve(service{server: caller.Server, actor: caller.User}, invite)
	}
	return err
}

// empowerWebhook gives the user of a webhook the power that messages need, in the
// name of the caller: nobody gets by a webhook what they could not give. In channels
// of the team administrators of the account need no power of their own.
func (w *writing) empowerWebhook(caller tenant.Caller, user id.UserID) error {
	levels := w.room.PowerLevels()
	need := levels.Event("m.room.message", false)
	if levels.UsersDefault() >= need {
		return nil
	}
	content, err := readLevels(w.room)
	if err != nil {
		return err
	}
	users := object{}
	if err := json.Unmarshal(content["users"], &users); err != nil {
		return err
	}
	content.with("users", users.with(string(user), need))
	_, err = w.setState(caller.User, "m.room.power_levels", "", content.bytes())
	if refusal.As(err) != nil && w.room.Kind() != "" && caller.Administrator() {
		return w.serveState(service{server: caller.Server, actor: caller.User}, "m.room.power_levels", content.bytes())
	}
	if refusal.As(err) != nil {
		return refusal.Forbidden("Messages in this room need the power level %d, and you may not give it to the webhook.", need)
	}
	return err
}

// disempowerWebhook takes back what empowerWebhook gave, in the name of the caller if
// they may, or else of the server itself. What nobody may do keeps no webhook alive.
func (w *writing) disempowerWebhook(caller tenant.Caller, user id.UserID) error {
	content, err := readLevels(w.room)
	if err != nil {
		return err
	}
	users := object{}
	if err := json.Unmarshal(content["users"], &users); err != nil {
		return err
	}
	if users[string(user)] == nil {
		return nil
	}
	delete(users, string(user))
	content.with("users", users)
	const kind = "m.room.power_levels"
	if _, err = w.setState(caller.User, kind, "", content.bytes()); refusal.As(err) == nil {
		return err
	}
	key := ""
	if _, err = w.serve(service{server: caller.Server}, part{kind: kind, stateKey: &key, content: content.bytes()}); refusal.As(err) != nil {
		return nil
	}
	return err
}
