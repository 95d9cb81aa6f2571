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

const (
	attendSQL = `
		INSERT INTO present (account, user_id, seen, active) VALUES ($1, $2, $3, $4)
		ON CONFLICT (account, user_id) DO UPDATE SET seen = excluded.seen, active = excluded.active`

	leaveSQL = `DELETE FROM present WHERE account = $1 AND user_id = ANY($2)`
)

// ChangePresence implements accounts.PresenceStore.
func (s *Store) ChangePresence(ctx context.Context, caller tenant.Caller, change func([]byte) (*accounts.PresenceChange, error)) error {
	return s.lone(ctx, caller, func(t *tx) error {
		settings, err := t.settings()
		if err != nil || settings.PresenceOff {
			return err
		}
		before, err := t.Item(stream.Presence, caller.User, "", "")
		if err != nil {
			return err
		}
		to, err := change(before)
		if err != nil || to == nil {
			return err
		}
		if to.There {
			t.exec(attendSQL, caller.Account, caller.User, to.Seen, to.Active)
		} else {
			t.exec(leaveSQL, caller.Account, texts([]id.UserID{caller.User}))
		}
		t.Put(stream.Item{Kind: stream.Presence, User: caller.User, Content: to.Content})
		return nil
	})
}

// seePresentSQL leaves out who is not shown as there.
const seePresentSQL = `
	UPDATE present SET seen = $3, active = CASE WHEN active < $4 THEN $4 ELSE active END
	WHERE account = $1 AND user_id = $2 AND seen < $3`

// presentRows is how many rows one transaction renews: it must not keep others
// from writing.
const presentRows = 200

// SeePresent implements accounts.PresenceStore.
func (s *Store) SeePresent(ctx context.Context, seen []accounts.Attendance) error {
	for len(seen) > 0 {
		n := min(len(seen), presentRows)
		b := &sqldb.Batch{}
		for _, one := range seen[:n] {
			b.Add(seePresentSQL, one.Account, one.User, one.Seen, one.Active)
		}
		if err := s.db.Commit(ctx, b); err != nil {
			return fmt.Errorf("note who is there: %w", err)
		}
		seen = seen[n:]
	}
	return nil
}

const overdueSQL = `SELECT account, user_id, seen, active FROM present WHERE seen <= $1 ORDER BY seen, account LIMIT $2`

// Overdue implements accounts.PresenceStore.
func (s *Store) Overdue(ctx context.Context, before int64, limit int) ([]accounts.Attendance, error) {
	overdue, err := sqldb.All(ctx, s.db, func(r sqldb.Row) (accounts.Attendance, error) {
		var one accounts.Attendance
		err := r.Scan(&one.Account, &one.User, &one.Seen, &one.Active)
		return one, err
	}, overdueSQL, before, limit)
	if err != nil {
		return nil, fmt.Errorf("read who is overdue: %w", err)
	}
	return overdue, nil
}

const overdueContentSQL = `
	SELECT p.user_id, p.active, i.content FROM present p
	LEFT JOIN items i ON i.account = $1 AND i.kind = $2 AND i.user_id = p.user_id AND i.room = '' AND i.key = ''
	WHERE p.account = $1 AND p.user_id = ANY($3) AND p.seen <= $4 ORDER BY p.user_id`

// Depart implements accounts.PresenceStore.
func (s *Store) Depart(ctx context.Context, account tenant.ID, users []id.UserID, before int64, offline func([]byte, int64) ([]byte, error)) error {
	return s.lone(ctx, server(account), func(t *tx) error {
		q, err := t.querier()
		if err != nil {
			return err
		}
		var gone []id.UserID
		err = q.Query(t.ctx, overdueContentSQL, []any{account, int64(stream.Presence), texts(users), before}, func(r sqldb.Row) error {
			var user id.UserID
			var active int64
			var content []byte
			if err := r.Scan(&user, &active, &content); err != nil {
				return err
			}
			gone = append(gone, user)
			content, err := offline(content, active)
			if content != nil {
				t.Put(stream.Item{Kind: stream.Presence, User: user, Content: content})
			}
			return err
		})
		if err != nil {
			return fmt.Errorf("read who is overdue: %w", err)
		}
		if len(gone) > 0 {
			t.exec(leaveSQL, account, texts(gone))
		}
		return nil
	})
}

const emptyPresentSQL = `DELETE FROM present WHERE account = $1`

// switchPresence does what else there is to do when an account's presence is
// switched on or off. Off, nobody is due any more. On, everybody is told to be
// offline anew: whoever read the stream meanwhile was told of no presence, and
// may remember people as they were long before. Who is there says so with their
// next poll.
func (t *tx) switchPresence(off bool) error {
	if off {
		t.exec(emptyPresentSQL, t.group.account.id)
		return nil
	}
	known, err := t.Items(stream.ItemQuery{Kinds: []stream.Kind{stream.Presence}})
	if err != nil {
		return fmt.Errorf("read presence: %w", err)
	}
	for _, item := range known {
		if len(item.Content) == 0 {
			continue
		}
		if item.Content, err = accounts.Offline(item.Content, 0); err != nil {
			return err
		}
		t.Put(item)
	}
	return nil
}

// Settings implements accounts.PresenceStore.
func (s *Store) Settings(ctx context.Context, account tenant.ID) (accounts.Settings, error) {
	a, err := s.account(ctx, account)
	if err != nil {
		return accounts.Settings{}, refuseUnknownAccount(err)
	}
	for {
		a.mu.RLock()
		settings := a.state.settings
		a.mu.RUnlock()
		if settings != nil {
			return *settings, nil
		}
		if err := a.load(ctx, &missingError{settings: true}); err != nil {
			return accounts.Settings{}, err
		}
	}
}

// settings gives the account's settings at this head.
func (t *tx) settings() (accounts.Settings, error) {
	if t.state.settings == nil {
		return accounts.Settings{}, &missingError{settings: true}
	}
	return *t.state.settings, nil
}
