package rooms

import (
	"context"
	"encoding/hex"
	"fmt"
	"io"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
)

// Webhook lets who knows its secret post into one room, without a session. It posts
// as a user of its own, a bot who cannot sign in.
type Webhook struct {
	User      id.UserID // whose localpart is the webhook's ID
	Room      id.RoomID
	Token     string // SHA-256 of its secret, hex
	Name      string // the user's display name, 1 to 256 bytes
	AvatarURL string // mxc URI, or empty
	Created   int64  // ms
	CreatedBy string // who made it, as in the audit
}

// ID names the webhook in its account.
func (h Webhook) ID() string { return h.User.Localpart() }

// WebhookStore keeps the webhooks.
type WebhookStore interface {
	// Webhooks lists the webhooks of a room, oldest first.
	Webhooks(ctx context.Context, account tenant.ID, room id.RoomID) ([]Webhook, error)
	// WebhookByToken gives the webhook of this hash as the database has it, or nil.
	WebhookByToken(ctx context.Context, account tenant.ID, token string) (*Webhook, error)
}

// WebhookTx is the part of [Tx] that is about webhooks. All but Administrator only in
// a lone act.
type WebhookTx interface {
	// Administrator tells whether a user administers the account.
	Administrator(user id.UserID) (bool, error)
	// Webhooks lists the webhooks of a room at this head, oldest first.
	Webhooks(room id.RoomID) ([]Webhook, error)
	// CreateWebhook adds a webhook, and its user.
	CreateWebhook(hook Webhook) error
	// ChangeWebhook replaces a webhook's name and picture, and those of its user's
	// profile.
	ChangeWebhook(hook Webhook) error
	// EndWebhook removes a webhook, and deactivates its user.
	EndWebhook(hook Webhook) error
}

// What is refused of webhooks.
var (
	ErrNoWebhook      = refusal.NotFound("There is no such webhook.")
	errWebhookName    = refusal.Missing("A webhook needs a name of at most 256 bytes, which its messages are shown with.")
	errWebhookAvatar  = refusal.Invalid("The picture of a webhook must be an mxc:// address of at most 255 bytes.")
	errWebhooksHere   = refusal.Forbidden("Only who owns this room or administers the account may manage its webhooks.")
	errWebhooksDirect = refusal.Forbidden("Direct messages have no webhooks.")
	errManyWebhooks   = refusal.Forbidden("A room can have %d webhooks at most. Delete one first.", maxWebhooks)
	errRetired        = refusal.Forbidden("This room is no longer in use, so nothing can be posted into it.")
)

const (
	// maxWebhooks is how many webhooks a room may have.
	maxWebhooks       = 100
	maxWebhookName    = 256
	maxWebhookAvatar  = 255
	webhookNamePrefix = "webhook-"
)

func checkWebhook(name, avatarURL string) error {
	if name == "" || len(name) > maxWebhookName {
		return errWebhookName
	}
	if avatarURL == "" {
		return nil
	}
	if uri, err := id.ParseContentURI(avatarURL); err != nil || !uri.IsValid() || len(avatarURL) > maxWebhookAvatar {
		return errWebhookAvatar
	}
	return nil
}

// CreateWebhook makes a webhook for a room: its user is let in and may post there.
// Of the webhook Room, Name, AvatarURL and Token are given.
func (s *Service) CreateWebhook(ctx context.Context, caller tenant.Caller, hook Webhook) (Webhook, error) {
	if err := checkWebhook(hook.Name, hook.AvatarURL); err != nil {
		return hook, err
	}
	var b [10]byte
	if _, err := io.ReadFull(s.random, b[:]); err != nil {
		return hook, fmt.Errorf("read randomness: %w", err)
	}
	hook.User = id.NewUserID(webhookNamePrefix+hex.EncodeToString(b[:]), caller.Server)
	hook.Created, hook.CreatedBy = s.timestamp(), caller.Actor()
	return hook, s.loneAct(ctx, caller, func(tx Tx) error {
		w, hooks, err := s.openForWebhooks(tx, caller, hook.Room)
		if err != nil {
			return err
		}
		if w.room.retired() {
			return errRetired
		}
		if len(hooks) >= maxWebhooks {
			return errManyWebhooks
		}
		if err := tx.CreateWebhook(hook); err != nil {
			return err
		}
		return w.admitWebhook(caller, hook)
	})
}

// Webhooks lists the webhooks of a room, oldest first, for who may manage them.
func (s *Service) Webhooks(ctx context.Context, caller tenant.Caller, room id.RoomID) ([]Webhook, error) {
	err := s.store.View(ctx, caller.Account, func(v View) error {
		r, err := v.Room(room)
		if err != nil {
			return err
		}
		return mayManageWebhooks(r, caller.User, caller.Administrator())
	})
	if err != nil {
		return nil, err
	}
	return s.store.Webhooks(ctx, caller.Account, room)
}

// ChangeWebhook gives a webhook another name and picture.
func (s *Service) ChangeWebhook(ctx context.Context, caller tenant.Caller, room id.RoomID, webhook, name, avatarURL string) error {
	if err := checkWebhook(name, avatarURL); err != nil {
		return err
	}
	return s.withWebhook(ctx, caller, room, webhook, func(w *writing, hook Webhook) error {
		hook.Name, hook.AvatarURL = name, avatarURL
		if err := w.tx.ChangeWebhook(hook); err != nil || !w.room.Joined(hook.User) {
			return err
		}
		_, err := w.setState(hook.User, "m.room.member", string(hook.User), hook.member("join").bytes())
		return err
	})
}

// DeleteWebhook ends a webhook at once, on every node. Its user leaves, and has no
// power level any more.
func (s *Service) DeleteWebhook(ctx context.Context, caller tenant.Caller, room id.RoomID, webhook string) error {
	return s.withWebhook(ctx, caller, room, webhook, func(w *writing, hook Webhook) error {
		if err := w.disempowerWebhook(caller, hook.User); err != nil {
			return err
		}
		if w.room.Joined(hook.User) {
			leave := object{}.with("membership", "leave")
			if _, err := w.append(memberPart(hook.User, hook.User, leave)); err != nil {
				return err
			}
		}
		return w.tx.EndWebhook(hook)
	})
}

// withWebhook runs an act on a webhook of a room that the caller may manage.
func (s *Service) withWebhook(ctx context.Context, caller tenant.Caller, room id.RoomID, webhook string, do func(*writing, Webhook) error) error {
	return s.loneAct(ctx, caller, func(tx Tx) error {
		w, hooks, err := s.openForWebhooks(tx, caller, room)
		if err != nil {
			return err
		}
		for _, hook := range hooks {
			if hook.ID() == webhook {
				return do(w, hook)
			}
		}
		return ErrNoWebhook
	})
}

// openForWebhooks is open for who may manage the webhooks of a room, and gives them.
func (s *Service) openForWebhooks(tx Tx, caller tenant.Caller, room id.RoomID) (*writing, []Webhook, error) {
	administrator, err := tx.Administrator(caller.User)
	if err != nil {
		return nil, nil, err
	}
	r, err := tx.Room(room)
	if err != nil {
		return nil, nil, err
	}
	if err := mayManageWebhooks(r, caller.User, administrator); err != nil {
		return nil, nil, err
	}
	hooks, err := tx.Webhooks(room)
	return s.writing(tx, r), hooks, err
}

// mayManageWebhooks tells whether a user may manage the webhooks of a room, which is
// nil where there is none of that ID.
func mayManageWebhooks(room *Room, user id.UserID, administrator bool) error {
	switch {
	case room == nil, !administrator && !room.Joined(user):
		return errNotHere()
	case room.Kind() == Direct:
		return errWebhooksDirect
	case administrator, room.PowerLevels().User(user) >= AdminLevel:
		return nil
	}
	return errWebhooksHere
}
