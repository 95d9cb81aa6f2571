package storage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/storage/sqldb"
)

const (
	spentTokenSQL = `SELECT token FROM spent_tokens WHERE account = $1 AND token = $2 AND until > $3`

	insertSpentTokenSQL = `INSERT INTO spent_tokens (account, token, until) VALUES ($1, $2, $3)`

	purgeSpentTokensSQL = `DELETE FROM spent_tokens WHERE account = $1 AND until <= $2`
)

// Spend implements accounts.LoginStore.
func (s *Store) Spend(ctx context.Context, account tenant.ID, once accounts.Once) error {
	b := &sqldb.Batch{}
	s.spend(b, account, once)
	return s.commitOnce(ctx, b)
}

// spend adds to a batch that a token was used; [Store.commitOnce] tells if it was
// before.
func (s *Store) spend(b *sqldb.Batch, account tenant.ID, once accounts.Once) {
	b.Add(purgeSpentTokensSQL, account, s.now().UnixMilli())
	b.Add(insertSpentTokenSQL, account, once.Token, once.Until)
}

// commitOnce commits a batch in which a token is used for the first time.
func (s *Store) commitOnce(ctx context.Context, b *sqldb.Batch) error {
	err := s.db.Commit(ctx, b)
	if violation := (*sqldb.Violation)(nil); errors.As(err, &violation) {
		return accounts.ErrLogin
	}
	if err != nil {
		return fmt.Errorf("use up a token: %w", err)
	}
	return nil
}

// spend uses a token up as part of an act, or is accounts.ErrLogin.
func (t *tx) spend(once accounts.Once, now int64) error {
	q, err := t.querier()
	if err != nil {
		return err
	}
	account := t.group.account.id
	_, spent, err := sqldb.One(t.ctx, q, sqldb.Value[string], spentTokenSQL, account, once.Token, now)
	if err != nil {
		return fmt.Errorf("read spent token: %w", err)
	}
	if spent {
		return accounts.ErrLogin
	}
	t.exec(purgeSpentTokensSQL, account, now)
	t.exec(insertSpentTokenSQL, account, once.Token, once.Until)
	return nil
}

const (
	purgeJourneysSQL = `DELETE FROM journeys WHERE account = $1 AND expires <= $2`

	insertJourneySQL = `INSERT INTO journeys (account, state, expires, json) VALUES ($1, $2, $3, $4)`

	journeySQL = `SELECT json FROM journeys WHERE account = $1 AND state = $2 AND expires > $3`

	endJourneySQL = `DELETE FROM journeys WHERE account = $1 AND state = $2`
)

// KeepJourney implements accounts.LoginStore. Those that have expired go with it.
func (s *Store) KeepJourney(ctx context.Context, account tenant.ID, journey accounts.Journey) error {
	text, err := json.Marshal(journey)
	if err != nil {
		return fmt.Errorf("encode journey: %w", err)
	}
	b := &sqldb.Batch{}
	b.Add(purgeJourneysSQL, account, s.now().UnixMilli())
	b.Add(insertJourneySQL, account, journey.State, journey.Expires, text)
	if err := s.db.Commit(ctx, b); err != nil {
		return fmt.Errorf("keep journey: %w", err)
	}
	return nil
}

// EndJourney implements accounts.LoginStore.
func (s *Store) EndJourney(ctx context.Context, account tenant.ID, state, browser string) (*accounts.Journey, error) {
	text, found, err := sqldb.One(ctx, s.db, sqldb.Value[[]byte], journeySQL, account, state, s.now().UnixMilli())
	if err != nil {
		return nil, fmt.Errorf("read journey: %w", err)
	}
	if !found {
		return nil, nil
	}
	journey := &accounts.Journey{State: state}
	if err := json.Unmarshal(text, journey); err != nil {
		return nil, fmt.Errorf("decode journey: %w", err)
	}
	// What another browser brings ends nothing.
	if journey.Browser != browser {
		return nil, nil
	}
	b := &sqldb.Batch{}
	b.Add(endJourneySQL, account, state)
	if err := s.db.Commit(ctx, b); err != nil {
		return nil, fmt.Errorf("end journey: %w", err)
	}
	if b.Affected(0) == 0 {
		return nil, nil
	}
	return journey, nil
}

const (
	purgeConfirmationsSQL = `DELETE FROM confirmations WHERE account = $1 AND expires <= $2`

	insertConfirmationSQL = `
		INSERT INTO confirmations (account, session, user_id, device, request, proved, expires)
		VALUES ($1, $2, $3, $4, $5, FALSE, $6)`

	confirmationSQL = `
		SELECT session, user_id, device, request, proved, expires FROM confirmations
		WHERE account = $1 AND session = $2 AND expires > $3`

	proveSQL = `UPDATE confirmations SET proved = TRUE WHERE account = $1 AND session = $2 AND user_id = $3 AND expires > $4`

	takeConfirmationSQL = `DELETE FROM confirmations WHERE account = $1 AND session = $2 AND proved AND expires > $3`
)

// KeepConfirmation implements accounts.LoginStore. Those that have expired go with
// it.
func (s *Store) KeepConfirmation(ctx context.Context, account tenant.ID, c accounts.Confirmation) error {
	b := &sqldb.Batch{}
	b.Add(purgeConfirmationsSQL, account, s.now().UnixMilli())
	b.Add(insertConfirmationSQL, account, c.Session, c.User, c.Device, c.Request, c.Expires)
	if err := s.db.Commit(ctx, b); err != nil {
		return fmt.Errorf("keep confirmation: %w", err)
	}
	return nil
}

// Confirmation implements accounts.LoginStore.
func (s *Store) Confirmation(ctx context.Context, account tenant.ID, session string) (*accounts.Confirmation, error) {
	found, ok, err := sqldb.One(ctx, s.db, func(r sqldb.Row) (*accounts.Confirmation, error) {
		var c accounts.Confirmation
		return &c, r.Scan(&c.Session, &c.User, &c.Device, &c.Request, &c.Proved, &c.Expires)
	}, confirmationSQL, account, session, s.now().UnixMilli())
	if err != nil {
		return nil, fmt.Errorf("read confirmation: %w", err)
	}
	if !ok {
		return nil, nil
	}
	return found, nil
}

// Prove implements accounts.LoginStore.
func (s *Store) Prove(ctx context.Context, account tenant.ID, session string, user id.UserID) (bool, error) {
	return s.touched(ctx, proveSQL, account, session, user, s.now().UnixMilli())
}

// TakeConfirmation implements accounts.LoginStore.
func (s *Store) TakeConfirmation(ctx context.Context, account tenant.ID, session string) (bool, error) {
	return s.touched(ctx, takeConfirmationSQL, account, session, s.now().UnixMilli())
}

// touched runs one statement about a confirmation, and tells whether there was one.
func (s *Store) touched(ctx context.Context, sql string, args ...any) (bool, error) {
	b := &sqldb.Batch{}
	b.Add(sql, args...)
	if err := s.db.Commit(ctx, b); err != nil {
		return false, fmt.Errorf("change confirmation: %w", err)
	}
	return b.Affected(0) > 0, nil
}
