package storage

import (
	"context"
	"fmt"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/storage/sqldb"
)

const sessionSQL = `
	SELECT s.token, s.user_id, s.device, s.expires, s.replaces, u.role FROM sessions s
	JOIN users u ON u.account = s.account AND u.user_id = s.user_id
	WHERE s.account = $1 AND s.token = $2 AND NOT u.deactivated`

func readSession(ctx context.Context, q sqldb.Querier, account tenant.ID, token string) (*accounts.Session, error) {
	session, found, err := sqldb.One(ctx, q, func(r sqldb.Row) (*accounts.Session, error) {
		var s accounts.Session
		return &s, r.Scan(&s.Token, &s.User, &s.Device, &s.Expires, &s.Replaces, &s.Role)
	}, sessionSQL, account, token)
	if err != nil || !found {
		return nil, err
	}
	return session, nil
}

const userSQL = `SELECT user_id, role, password, deactivated, created FROM users WHERE account = $1 AND user_id = $2`

func scanUser(r sqldb.Row) (accounts.User, error) {
	var u accounts.User
	err := r.Scan(&u.ID, &u.Role, &u.Password, &u.Deactivated, &u.Created)
	return u, err
}

func readUser(ctx context.Context, q sqldb.Querier, account tenant.ID, user id.UserID) (accounts.User, bool, error) {
	u, found, err := sqldb.One(ctx, q, scanUser, userSQL, account, user)
	if err != nil {
		return u, false, fmt.Errorf("read user: %w", err)
	}
	return u, found, nil
}
