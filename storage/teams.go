package storage

import (
	"context"
	"fmt"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/storage/sqldb"
)

const teamUsersSQL = `
	SELECT user_id FROM users
	WHERE account = $1 AND external <> '' AND external = ANY($2) AND NOT deactivated ORDER BY user_id`

// readTeamMembers gives the active users of a team, and false when there is none.
func readTeamMembers(ctx context.Context, q sqldb.Querier, account tenant.ID, team string) ([]id.UserID, bool, error) {
	found, ok, err := sqldb.One(ctx, q, scanTeam, saidTeamsSQL, account, []string{team})
	if err != nil {
		return nil, false, fmt.Errorf("read team: %w", err)
	}
	if !ok || found.Deleted {
		return nil, false, nil
	}
	users, err := sqldb.All(ctx, q, sqldb.Value[id.UserID], teamUsersSQL, account, found.Record.Members)
	if err != nil {
		return nil, false, fmt.Errorf("read who is in the team: %w", err)
	}
	return users, true, nil
}

// TeamMembers implements rooms.TeamStore.
func (s *Store) TeamMembers(ctx context.Context, account tenant.ID, team string) ([]id.UserID, bool, error) {
	return readTeamMembers(ctx, s.db, account, team)
}

// TeamMembers implements rooms.TeamTx.
func (t *tx) TeamMembers(team string) ([]id.UserID, bool, error) {
	q, err := t.querier()
	if err != nil {
		return nil, false, err
	}
	return readTeamMembers(t.ctx, q, t.group.account.id, team)
}
