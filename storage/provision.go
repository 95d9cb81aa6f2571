package storage

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/stream"
)

// provisioning is an act that does what ConversaLabs says: the users and teams it
// is about, as they are after what it has done so far.
type provisioning struct {
	*tx
	now      int64                     // ms
	users    map[string]*accounts.User // by ConversaLabs' IDs
	taken    map[id.UserID]bool
	profiles map[id.UserID]map[string][]byte
	teams    map[string]*accounts.Team
}

// Provision implements accounts.ProvisionStore.
func (s *Store) Provision(ctx context.Context, caller tenant.Caller, changes []accounts.Provision, now int64) ([]accounts.Provisioned, error) {
	var done []accounts.Provisioned
	err := s.lone(ctx, caller, func(t *tx) error {
		done = make([]accounts.Provisioned, len(changes))
		p := &provisioning{tx: t, now: now}
		if err := p.read(changes); err != nil {
			return err
		}
		for i, c := range changes {
			var err error
			if c.User != nil {
				done[i], err = p.user(c.User)
			} else {
				done[i], err = p.team(c.Team)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	return done, err
}

const (
	// Two queries in one: with OR, SQLite would read all users of the account.
	saidUsersSQL = `
		SELECT ` + userColumns + ` FROM users u WHERE u.account = $1 AND u.user_id = ANY($2)
		UNION
		SELECT ` + userColumns + ` FROM users u WHERE u.account = $1 AND u.external <> '' AND u.external = ANY($3)`

	profilesSQL = `
		SELECT kind, user_id, room, key, position, content FROM items
		WHERE account = $1 AND kind = $2 AND user_id = ANY($3)`

	saidTeamsSQL = `SELECT team, version, record FROM teams WHERE account = $1 AND team = ANY($2)`
)

// read finds what the changes are about.
func (p *provisioning) read(changes []accounts.Provision) error {
	q, err := p.querier()
	if err != nil {
		return err
	}
	var externals, teams []string
	var wanted []id.UserID
	for _, c := range changes {
		if c.User != nil {
			externals = append(externals, c.User.External)
			wanted = append(wanted, c.User.ID(p.act.caller.Server))
		} else {
			teams = append(teams, c.Team.ID)
		}
	}
	account := p.group.account.id
	users, err := sqldb.All(p.ctx, q, func(r sqldb.Row) (accounts.User, error) { return scanUser(r) },
		saidUsersSQL, account, texts(wanted), externals)
	if err != nil {
		return fmt.Errorf("read users: %w", err)
	}
	p.users, p.taken = map[string]*accounts.User{}, map[id.UserID]bool{}
	p.profiles = map[id.UserID]map[string][]byte{}
	var known []id.UserID
	for _, u := range users {
		p.taken[u.ID] = true
		if u.External != "" {
			p.users[u.External] = &u
			p.profiles[u.ID] = map[string][]byte{}
			known = append(known, u.ID)
		}
	}
	items, err := sqldb.All(p.ctx, q, scanItem, profilesSQL, account, int64(stream.Profile), texts(known))
	if err != nil {
		return fmt.Errorf("read profiles: %w", err)
	}
	for _, item := range items {
		p.profiles[item.User][item.Key] = item.Content
	}
	found, err := sqldb.All(p.ctx, q, scanTeam, saidTeamsSQL, account, teams)
	if err != nil {
		return fmt.Errorf("read teams: %w", err)
	}
	p.teams = map[string]*accounts.Team{}
	for _, team := range found {
		p.teams[team.ID] = &team
	}
	return nil
}

// user does the change of a user. Its error is not about this one alone.
func (p *provisioning) user(c *accounts.UserChange) (accounts.Provisioned, error) {
	present := p.users[c.External]
	after, err := c.On(present, p.act.caller.Server, p.now)
	switch {
	case err != nil:
		return accounts.Provisioned{User: present, Err: err}, nil
	case after == present:
		return accounts.Provisioned{User: present}, nil
	case present == nil && p.taken[after.ID]:
		return accounts.Provisioned{Err: accounts.ErrUserInUse}, nil
	}
	if present == nil {
		if err := p.checkUserExclusive(after.ID); refusal.As(err) != nil {
			return accounts.Provisioned{Err: err}, nil
		} else if err != nil {
			return accounts.Provisioned{}, err
		}
	}
	if err := p.writeUser(present, after); err != nil {
		return accounts.Provisioned{}, err
	}
	if err := p.auditUser(present, after, c.Remove); err != nil {
		return accounts.Provisioned{}, err
	}
	if c.Remove == accounts.Erase {
		p.erase(after.ID)
	}
	p.users[c.External], p.taken[after.ID] = after, true
	return accounts.Provisioned{User: after}, nil
}

const (
	insertSaidUserSQL = `
		INSERT INTO users (account, user_id, role, password, deactivated, created, external, version, record)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`

	updateSaidUserSQL = `
		UPDATE users SET role = $3, password = $4, deactivated = $5, version = $6, record = $7
		WHERE account = $1 AND user_id = $2`

	endAllRefreshTokensSQL = `DELETE FROM refresh_tokens WHERE account = $1 AND user_id = $2`
)

// writeUser writes a user, and what follows from how they were before.
func (p *provisioning) writeUser(present, u *accounts.User) error {
	record, err := json.Marshal(u.Record)
	if err != nil {
		return fmt.Errorf("encode record: %w", err)
	}
	account := p.group.account.id
	if present == nil {
		p.exec(insertSaidUserSQL, account, u.ID, u.Role, u.Password, u.Deactivated, u.Created, u.External, u.Version, record)
	} else {
		p.exec(updateSaidUserSQL, account, u.ID, u.Role, u.Password, u.Deactivated, u.Version, record)
	}
	p.Put(stream.Item{Kind: stream.UserChanged, User: u.ID})
	said := accounts.SaidProfile(present, u)
	for _, field := range slices.Sorted(maps.Keys(said)) {
		p.putProfile(u.ID, field, said[field])
	}
	if err := p.putPreferences(present, u); err != nil {
		return err
	}
	switch {
	case present == nil:
	case u.Deactivated && !present.Deactivated:
		p.dropProofs(u.ID)
		if err := p.absent(u.ID); err != nil {
			return err
		}
		return p.endDevices(u.ID, everyDevice)
	case accounts.Narrowed(present, u):
		p.exec(endAllRefreshTokensSQL, account, u.ID)
	}
	return nil
}

// putPreferences sets what is said of what a user prefers.
func (p *provisioning) putPreferences(present, u *accounts.User) error {
	if said, changed := accounts.SaidNotificationPreferences(present, u); changed {
		p.Put(stream.Item{Kind: stream.AccountData, User: u.ID, Key: accounts.NotificationPreferencesType, Content: said})
	}
	said, changed, err := accounts.SaidPreferences(present, u, func() ([]byte, error) {
		if present == nil {
			return nil, nil
		}
		return p.Item(stream.AccountData, u.ID, "", accounts.PreferencesType)
	})
	if err == nil && changed {
		p.Put(stream.Item{Kind: stream.AccountData, User: u.ID, Key: accounts.PreferencesType, Content: said})
	}
	return err
}

// putProfile sets a field of a profile, nil for none, if that changes it.
func (p *provisioning) putProfile(user id.UserID, field string, value []byte) {
	if p.profiles[user] == nil {
		p.profiles[user] = map[string][]byte{}
	}
	if bytes.Equal(p.profiles[user][field], value) {
		return
	}
	p.profiles[user][field] = value
	p.Put(stream.Item{Kind: stream.Profile, User: user, Key: field, Content: value})
}

// absent ends the presence of a user who is gone, which nothing else would end if
// another system has said it.
func (p *provisioning) absent(user id.UserID) error {
	content, err := p.Item(stream.Presence, user, "", "")
	if err != nil || content == nil {
		return err
	}
	if content, err = accounts.Offline(content, 0); err != nil {
		return fmt.Errorf("presence of %s: %w", user, err)
	}
	p.exec(leaveSQL, p.group.account.id, texts([]id.UserID{user}))
	p.Put(stream.Item{Kind: stream.Presence, User: user, Content: content})
	return nil
}

// erase removes what is known of a person beside their record: the profile and
// their status message.
func (p *provisioning) erase(user id.UserID) {
	for _, field := range slices.Sorted(maps.Keys(p.profiles[user])) {
		p.putProfile(user, field, nil)
	}
	p.Put(stream.Item{Kind: stream.Presence, User: user, Content: []byte(`{"presence":"offline"}`)})
}

// auditUser notes what has been done to a user.
func (p *provisioning) auditUser(present, u *accounts.User, removal accounts.Removal) error {
	if present == nil {
		return p.audit(accounts.UserCreated, string(u.ID), map[string]any{"role": u.Role})
	}
	var actions []accounts.Action
	switch {
	case u.Deactivated && !present.Deactivated:
		actions = append(actions, accounts.UserDeactivated)
	case !u.Deactivated && present.Deactivated:
		actions = append(actions, accounts.UserActivated)
	}
	if removal == accounts.Erase {
		actions = append(actions, accounts.UserErased)
	}
	if removal == "" {
		details := map[string]any{"version": u.Version}
		if u.Role != present.Role {
			details["role"] = u.Role
		}
		if err := p.audit(accounts.UserChanged, string(u.ID), details); err != nil {
			return err
		}
	}
	for _, action := range actions {
		if err := p.audit(action, string(u.ID), nil); err != nil {
			return err
		}
	}
	return nil
}

const putTeamSQL = `
	INSERT INTO teams (account, team, version, record) VALUES ($1, $2, $3, $4)
	ON CONFLICT (account, team) DO UPDATE SET version = excluded.version, record = excluded.record`

// team does the change of a team.
func (p *provisioning) team(c *accounts.TeamChange) (accounts.Provisioned, error) {
	present := p.teams[c.ID]
	after, err := c.On(present)
	if err != nil || after == present {
		return accounts.Provisioned{Team: present, Err: err}, nil
	}
	record := []byte{}
	if !after.Deleted {
		if record, err = json.Marshal(after.Record); err != nil {
			return accounts.Provisioned{}, fmt.Errorf("encode team: %w", err)
		}
	}
	p.exec(putTeamSQL, p.group.account.id, after.ID, after.Version, record)
	p.Put(stream.Item{Kind: stream.TeamChanged, Key: after.ID})
	p.teams[c.ID] = after
	action := accounts.TeamChanged
	if after.Deleted {
		action = accounts.TeamDeleted
	}
	return accounts.Provisioned{Team: after}, p.audit(action, after.ID, map[string]any{"version": after.Version})
}

func scanTeam(r sqldb.Row) (accounts.Team, error) {
	var team accounts.Team
	var record []byte
	if err := r.Scan(&team.ID, &team.Version, &record); err != nil {
		return team, err
	}
	if team.Deleted = len(record) == 0; team.Deleted {
		return team, nil
	}
	if err := json.Unmarshal(record, &team.Record); err != nil {
		return team, fmt.Errorf("record of team %s: %w", team.ID, err)
	}
	return team, nil
}

// Team implements accounts.ProvisionStore.
func (s *Store) Team(ctx context.Context, account tenant.ID, team string) (*accounts.Team, error) {
	found, ok, err := sqldb.One(ctx, s.db, scanTeam, saidTeamsSQL, account, []string{team})
	if err != nil {
		return nil, fmt.Errorf("read team: %w", err)
	}
	if !ok {
		return nil, nil
	}
	return &found, nil
}

const teamsSQL = `
	SELECT team, version, record FROM teams
	WHERE account = $1 AND team > $2 AND length(record) > 0 ORDER BY team LIMIT $3`

// Teams implements accounts.ProvisionStore.
func (s *Store) Teams(ctx context.Context, account tenant.ID, after string, limit int) ([]accounts.Team, error) {
	all, err := sqldb.All(ctx, s.db, scanTeam, teamsSQL, account, after, limit)
	if err != nil {
		return nil, fmt.Errorf("read teams: %w", err)
	}
	return all, nil
}

const provisionedUsersSQL = `
	SELECT ` + userColumns + ` FROM users u
	WHERE u.account = $1 AND u.external > $2 AND u.external <> '' ORDER BY u.external LIMIT $3`

// ProvisionedUsers implements accounts.ProvisionStore.
func (s *Store) ProvisionedUsers(ctx context.Context, account tenant.ID, after string, limit int) ([]accounts.User, error) {
	all, err := sqldb.All(ctx, s.db, func(r sqldb.Row) (accounts.User, error) { return scanUser(r) },
		provisionedUsersSQL, account, after, limit)
	if err != nil {
		return nil, fmt.Errorf("read users: %w", err)
	}
	return all, nil
}
