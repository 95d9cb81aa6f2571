package storage

import (
	"context"
	"fmt"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/storage/sqldb"
)

const (
	insertOpenIDSQL = `INSERT INTO openid_tokens (account, token, user_id, expires) VALUES ($1, $2, $3, $4)`

	// The tokens that have expired, and those of the user that are too many.
	purgeOpenIDSQL = `DELETE FROM openid_tokens WHERE account = $1 AND expires <= $2`

	trimOpenIDSQL = `
		DELETE FROM openid_tokens WHERE account = $1 AND user_id = $2 AND token NOT IN (
			SELECT token FROM openid_tokens WHERE account = $1 AND user_id = $2
			ORDER BY expires DESC, token LIMIT $3)`

	openIDUserSQL = userSQL + ` AND NOT u.deactivated AND u.user_id IN (
		SELECT user_id FROM openid_tokens WHERE account = $1 AND token = $2 AND expires > $3)`
)

// KeepOpenID implements accounts.OpenIDStore. It is no act: nothing is told of
// it.
func (s *Store) KeepOpenID(ctx context.Context, account tenant.ID, token accounts.LoginToken, most int) error {
	b := &sqldb.Batch{}
	b.Add(purgeOpenIDSQL, account, s.now().UnixMilli())
	b.Add(insertOpenIDSQL, account, token.Token, token.User, token.Expires)
	b.Add(trimOpenIDSQL, account, token.User, most)
	if err := s.db.Commit(ctx, b); err != nil {
		return fmt.Errorf("keep OpenID token: %w", err)
	}
	return nil
}

// OpenIDUser implements accounts.OpenIDStore.
func (s *Store) OpenIDUser(ctx context.Context, account tenant.ID, token string, now int64) (id.UserID, error) {
	user, found, err := readOneUser(ctx, s.db, openIDUserSQL, account, token, now)
	if err != nil || !found || user.Lock != "" {
		return "", err
	}
	return user.ID, nil
}
