package storage

import (
	"context"
	"fmt"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/storage/sqldb"
)

const teamUsersSQL = `
	SELECT user_id FROM users
	WHERE account = $1 AND external <> '' AND external = ANY($2) AND NOT deactivated ORDER BY user_id`

// readTeam gives a team, and false when there is none.
func readTeam(ctx context.Context, q sqldb.Querier, account tenant.ID, team string) (accounts.Team, bool, error) {
	found, ok, err := sqldb.One(ctx, q, scanTeam, saidTeamsSQL, account, []string{team})
	if err != nil {
		return accounts.Team{}, false, fmt.Errorf("read team: %w", err)
	}
	return found, ok && !found.Deleted, nil
}

// readTeamMembers gives the active users of a team, and false when there is none.
func readTeamMembers(ctx context.Context, q sqldb.Querier, account tenant.ID, team string) ([]id.UserID, bool, error) {
	found, ok, err := readTeam(ctx, q, account, team)
	if err != nil || !ok {
		return nil, false, err
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

// InTeam implements rooms.TeamTx.
func (t *tx) InTeam(team string, users ...id.UserID) (map[id.UserID]bool, bool, error) {
	q, err := t.querier()
	if err != nil {
		return nil, false, err
	}
	found, ok, err := readTeam(t.ctx, q, t.group.account.id, team)
	if err != nil || !ok {
		return nil, false, err
	}
	members := make(map[string]bool, len(found.Record.Members))
	for _, external := range found.Record.Members {
		members[external] = true
	}
	in := make(map[id.UserID]bool, len(users))
	for _, user := range users {
		u, err := t.user(user)
		if err != nil {
			return nil, false, err
		}
		in[user] = u != nil && u.External != "" && !u.Deactivated && members[u.External]
	}
	return in, true, nil
}
