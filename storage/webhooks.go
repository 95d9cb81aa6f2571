package storage

import (
	"context"
	"encoding/json"
	"fmt"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/stream"
)

const webhooksSQL = `
	SELECT user_id, room, token, name, avatar_url, created, created_by FROM webhooks WHERE account = $1`

func readWebhooks(ctx context.Context, q sqldb.Querier, sql string, args ...any) ([]rooms.Webhook, error) {
	all, err := sqldb.All(ctx, q, func(r sqldb.Row) (rooms.Webhook, error) {
		var w rooms.Webhook
		return w, r.Scan(&w.User, &w.Room, &w.Token, &w.Name, &w.AvatarURL, &w.Created, &w.CreatedBy)
	}, sql, args...)
	if err != nil {
		return nil, fmt.Errorf("read webhooks: %w", err)
	}
	return all, nil
}

const webhooksOfRoomSQL = webhooksSQL + ` AND room = $2 ORDER BY created, user_id`

// Webhooks implements rooms.WebhookStore.
func (s *Store) Webhooks(ctx context.Context, account tenant.ID, room id.RoomID) ([]rooms.Webhook, error) {
	return readWebhooks(ctx, s.db, webhooksOfRoomSQL, account, room)
}

// WebhookByToken implements rooms.WebhookStore.
func (s *Store) WebhookByToken(ctx context.Context, account tenant.ID, token string) (*rooms.Webhook, error) {
	found, err := readWebhooks(ctx, s.db, webhooksSQL+` AND token = $2`, account, token)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return &found[0], nil
}

// isWebhook tells whether a user is that of a webhook. Only in a lone act.
func (t *tx) isWebhook(user id.UserID) (bool, error) {
	q, err := t.querier()
	if err != nil {
		return false, err
	}
	found, err := readWebhooks(t.ctx, q, webhooksSQL+` AND user_id = $2`, t.group.account.id, user)
	return len(found) > 0, err
}

func (t *tx) Administrator(user id.UserID) (bool, error) {
	u, err := t.user(user)
	return u != nil && u.Administrator(), err
}

func (t *tx) Webhooks(room id.RoomID) ([]rooms.Webhook, error) {
	q, err := t.querier()
	if err != nil {
		return nil, err
	}
	return readWebhooks(t.ctx, q, webhooksOfRoomSQL, t.group.account.id, room)
}

const insertWebhookSQL = `
	INSERT INTO webhooks (account, user_id, room, token, name, avatar_url, created, created_by)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`

func (t *tx) CreateWebhook(h rooms.Webhook) error {
	existing, err := t.user(h.User)
	if err != nil {
		return err
	}
	if existing != nil {
		return accounts.ErrUserInUse
	}
	account := t.group.account.id
	t.exec(insertUserSQL, account, h.User, tenant.Bot, "", h.Created)
	t.Put(stream.Item{Kind: stream.UserChanged, User: h.User})
	t.exec(insertWebhookSQL, account, h.User, h.Room, h.Token, h.Name, h.AvatarURL, h.Created, h.CreatedBy)
	if err := t.putWebhookProfile(h); err != nil {
		return err
	}
	return t.auditWebhook(accounts.TokenCreated, h)
}

func (t *tx) auditWebhook(action accounts.Action, h rooms.Webhook) error {
	return t.audit(action, string(h.User), map[string]any{"kind": "webhook", "name": h.Name, "room_id": h.Room})
}

func (t *tx) putWebhookProfile(h rooms.Webhook) error {
	for field, value := range map[string]string{"displayname": h.Name, "avatar_url": h.AvatarURL} {
		item := stream.Item{Kind: stream.Profile, User: h.User, Key: field}
		if value != "" {
			var err error
			if item.Content, err = json.Marshal(value); err != nil {
				return fmt.Errorf("encode %s: %w", field, err)
			}
		}
		t.Put(item)
	}
	return nil
}

const changeWebhookSQL = `UPDATE webhooks SET name = $3, avatar_url = $4 WHERE account = $1 AND user_id = $2`

func (t *tx) ChangeWebhook(h rooms.Webhook) error {
	t.exec(changeWebhookSQL, t.group.account.id, h.User, h.Name, h.AvatarURL)
	if err := t.putWebhookProfile(h); err != nil {
		return err
	}
	return t.auditWebhook(accounts.TokenChanged, h)
}

const dropWebhookSQL = `DELETE FROM webhooks WHERE account = $1 AND user_id = $2`

func (t *tx) EndWebhook(h rooms.Webhook) error {
	t.exec(dropWebhookSQL, t.group.account.id, h.User)
	if err := t.auditWebhook(accounts.TokenRevoked, h); err != nil {
		return err
	}
	return t.deactivate(h.User)
}
