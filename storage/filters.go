package storage

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/storage/sqldb"
)

const (
	countFiltersSQL = `SELECT COUNT(*) FROM filters WHERE account = $1 AND user_id = $2`
	filterSQL       = `SELECT json FROM filters WHERE account = $1 AND user_id = $2 AND filter = $3`
	insertFilterSQL = `
		INSERT INTO filters (account, user_id, filter, json) VALUES ($1, $2, $3, $4)
		ON CONFLICT (account, user_id, filter) DO NOTHING`
)

// PutFilter keeps a filter of a user and gives its ID; the same JSON has the same
// ID. A user may have most filters; one more is refused with 400 M_LIMIT_EXCEEDED.
// Filters are in no stream: nobody but who names them reads them.
func (s *Store) PutFilter(ctx context.Context, account tenant.ID, user id.UserID, json []byte, most int) (string, error) {
	sum := sha256.Sum256(json)
	filter := base64.RawURLEncoding.EncodeToString(sum[:16])
	known, err := s.Filter(ctx, account, user, filter)
	if err != nil || known != nil {
		return filter, err
	}
	count, _, err := sqldb.One(ctx, s.db, sqldb.Value[int], countFiltersSQL, account, user)
	if err != nil {
		return "", fmt.Errorf("count filters: %w", err)
	}
	if count >= most {
		return "", refusal.New(400, "M_LIMIT_EXCEEDED", "A user cannot store more than %d filters.", most)
	}
	b := &sqldb.Batch{}
	b.Add(insertFilterSQL, account, user, filter, json)
	if err := s.db.Commit(ctx, b); err != nil {
		return "", fmt.Errorf("keep filter: %w", err)
	}
	return filter, nil
}

// Filter gives a user's stored filter, nil when there is none of this ID.
func (s *Store) Filter(ctx context.Context, account tenant.ID, user id.UserID, filter string) ([]byte, error) {
	json, _, err := sqldb.One(ctx, s.db, sqldb.Value[[]byte], filterSQL, account, user, filter)
	if err != nil {
		return nil, fmt.Errorf("read filter: %w", err)
	}
	return json, nil
}
