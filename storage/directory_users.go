package storage

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/stream"
)

const directoryUsersSQL = `
	SELECT u.user_id, u.record, n.content, p.content FROM users u
	LEFT JOIN items n ON n.account = u.account AND n.kind = $2 AND n.user_id = u.user_id AND n.room = '' AND n.key = 'displayname'
	LEFT JOIN items p ON p.account = u.account AND p.kind = $2 AND p.user_id = u.user_id AND p.room = '' AND p.key = 'avatar_url'
	WHERE u.account = $1 AND NOT u.deactivated
	ORDER BY u.user_id`

// DirectoryUsers implements accounts.DataStore.
func (s *Store) DirectoryUsers(ctx context.Context, account tenant.ID) ([]accounts.DirectoryUser, error) {
	users, err := sqldb.All(ctx, s.db, func(r sqldb.Row) (accounts.DirectoryUser, error) {
		var user accounts.DirectoryUser
		var record, name, avatar []byte
		if err := r.Scan(&user.ID, &record, &name, &avatar); err != nil {
			return user, err
		}
		user.DisplayName, user.AvatarURL = text(name), text(avatar)
		var known accounts.User
		if err := readRecord(&known, record); err != nil {
			return user, err
		}
		if known.Record != nil {
			user.Email = known.Record.Email
		}
		return user, nil
	}, directoryUsersSQL, account, int64(stream.Profile))
	if err != nil {
		return nil, fmt.Errorf("read user directory: %w", err)
	}
	return users, nil
}

// text reads a JSON string; anything else, or nothing, is "".
func text(content []byte) string {
	var s string
	if len(content) == 0 || json.Unmarshal(content, &s) != nil {
		return ""
	}
	return s
}
