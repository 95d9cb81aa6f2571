package storage

import (
	"context"
	"fmt"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/stream"
)

const botsSQL = `
	SELECT u.user_id, n.content, u.created FROM users u
	LEFT JOIN items n ON n.account = u.account AND n.kind = $2 AND n.user_id = u.user_id AND n.room = '' AND n.key = 'displayname'
	WHERE u.account = $1 AND u.role = $3 AND NOT u.deactivated
		AND NOT EXISTS (SELECT 1 FROM webhooks w WHERE w.account = u.account AND w.user_id = u.user_id)
	ORDER BY u.user_id`

// Bots implements accounts.BotStore.
func (s *Store) Bots(ctx context.Context, account tenant.ID) ([]accounts.Bot, error) {
	all, err := sqldb.All(ctx, s.db, func(r sqldb.Row) (accounts.Bot, error) {
		var b accounts.Bot
		var name []byte
		err := r.Scan(&b.User, &name, &b.Created)
		b.DisplayName = text(name)
		return b, err
	}, botsSQL, account, int64(stream.Profile), string(tenant.Bot))
	if err != nil {
		return nil, fmt.Errorf("read bots: %w", err)
	}
	return all, nil
}

// byAdministrator runs a lone act that administrators may do, by the role that they
// have at the head; and the operator and other systems, who are no users.
func (s *Store) byAdministrator(ctx context.Context, caller tenant.Caller, do func(*tx) error) error {
	return s.loneBy(ctx, caller, inGoodStanding, func(t *tx) error {
		if caller.User != "" {
			u, err := t.user(caller.User)
			if err != nil {
				return err
			}
			if u == nil || !u.Administrator() {
				return accounts.ErrNotAdministrator
			}
		}
		return do(t)
	})
}

// bot gives a bot that is active. The user of a webhook is none: it ends with the
// webhook, and has no tokens.
func (t *tx) bot(user id.UserID) (*accounts.User, error) {
	u, err := t.user(user)
	if err != nil {
		return nil, err
	}
	if u == nil || u.Role != tenant.Bot || u.Deactivated {
		return nil, accounts.ErrNoBot
	}
	webhook, err := t.isWebhook(user)
	if err != nil {
		return nil, err
	}
	if webhook {
		return nil, accounts.ErrNoBot
	}
	return u, nil
}

const insertBotTokenSQL = `
	INSERT INTO bot_tokens (account, user_id, device, rooms, created, created_by) VALUES ($1, $2, $3, $4, $5, $6)`

// CreateBotToken implements accounts.BotStore.
func (s *Store) CreateBotToken(ctx context.Context, caller tenant.Caller, session accounts.NewSession, rooms tenant.Rooms) error {
	return s.byAdministrator(ctx, caller, func(t *tx) error {
		if _, err := t.bot(session.User); err != nil {
			return err
		}
		if err := t.beginSession(session); err != nil {
			return err
		}
		t.exec(insertBotTokenSQL, caller.Account, session.User, session.Device, string(rooms), session.Now, caller.Actor())
		return t.audit(accounts.TokenCreated, string(session.User), map[string]any{"kind": "bot", "name": session.DisplayName})
	})
}

const botTokensSQL = `
	SELECT b.device, d.display_name, b.rooms, b.created, b.created_by, d.last_seen FROM bot_tokens b
	JOIN devices d ON d.account = b.account AND d.user_id = b.user_id AND d.device = b.device
	WHERE b.account = $1 AND b.user_id = $2 ORDER BY b.device`

func readBotTokens(ctx context.Context, q sqldb.Querier, account tenant.ID, bot id.UserID) ([]accounts.BotToken, error) {
	all, err := sqldb.All(ctx, q, func(r sqldb.Row) (accounts.BotToken, error) {
		var b accounts.BotToken
		err := r.Scan(&b.ID, &b.Name, &b.Rooms, &b.Created, &b.CreatedBy, &b.LastSeen)
		if b.LastSeen <= b.Created {
			b.LastSeen = 0 // a device is first seen when it is made
		}
		return b, err
	}, botTokensSQL, account, bot)
	if err != nil {
		return nil, fmt.Errorf("read tokens of a bot: %w", err)
	}
	return all, nil
}

// BotTokens implements accounts.BotStore.
func (s *Store) BotTokens(ctx context.Context, account tenant.ID, bot id.UserID) ([]accounts.BotToken, error) {
	return readBotTokens(ctx, s.db, account, bot)
}

// EndBotToken implements accounts.BotStore.
func (s *Store) EndBotToken(ctx context.Context, caller tenant.Caller, bot id.UserID, token id.DeviceID) error {
	return s.byAdministrator(ctx, caller, func(t *tx) error {
		if _, err := t.bot(bot); err != nil {
			return err
		}
		q, err := t.querier()
		if err != nil {
			return err
		}
		tokens, err := readBotTokens(t.ctx, q, caller.Account, bot)
		if err != nil {
			return err
		}
		for _, known := range tokens {
			if known.ID != token {
				continue
			}
			if err := t.endDevices(bot, func(device id.DeviceID) bool { return device == token }); err != nil {
				return err
			}
			return t.audit(accounts.TokenRevoked, string(bot), map[string]any{"kind": "bot", "name": known.Name})
		}
		return accounts.ErrNoBotToken
	})
}

// EndBot implements accounts.BotStore.
func (s *Store) EndBot(ctx context.Context, caller tenant.Caller, bot id.UserID) error {
	return s.byAdministrator(ctx, caller, func(t *tx) error {
		if _, err := t.bot(bot); err != nil {
			return err
		}
		return t.deactivate(bot)
	})
}
