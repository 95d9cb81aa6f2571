package accounts

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
)

// What is refused of provisioning.
var (
	// ErrOutdated is said of a version that is older than what is kept.
	ErrOutdated = refusal.New(http.StatusConflict, "M_INVALID_PARAM", "A newer version of this is known already. Nothing was changed.").Because("version_outdated")
	// ErrNoTeam is said of a team that does not exist or no longer does.
	ErrNoTeam          = refusal.NotFound("This team does not exist.")
	errLocalpartFixed  = refusal.Invalid("The localpart of a user cannot be changed: it is part of the user ID.")
	errServerNameFixed = refusal.Invalid("The server name of an account cannot be changed: user IDs and room addresses contain it.")
)

// Provision is one thing that ConversaLabs says: of a user or of a team, never of
// both.
type Provision struct {
	User *UserChange
	Team *TeamChange
}

// Provisioned is what came of a [Provision].
type Provisioned struct {
	User *User // as they are now, the lock left empty; nil: there is none
	Team *Team // as it is now, or nil
	// Err is the refusal, if it is refused. Nothing has changed then.
	Err error
}

// Team is a team of the account, as ConversaLabs says.
type Team struct {
	ID      string
	Version int64
	Record  TeamRecord
	Deleted bool // but its version is remembered
}

// TeamRecord is what ConversaLabs says of a team. It is kept as JSON.
type TeamRecord struct {
	Name    string   `json:"name"`
	Members []string `json:"members"` // by ConversaLabs' IDs of users
}

// Has tells whether a user, by ConversaLabs' ID, is in the team.
func (r TeamRecord) Has(external string) bool { return slices.Contains(r.Members, external) }

// TeamChange is what ConversaLabs says of a team, or, with Delete, that it is gone.
type TeamChange struct {
	ID      string
	Version int64 // 0: of a deletion, whatever the version
	Record  TeamRecord
	Delete  bool
}

// ProvisionStore keeps what other systems say.
type ProvisionStore interface {
	// Provision does all changes as one act, each as [UserChange.On] and
	// [TeamChange.On] judge it at the head. One that is refused changes nothing.
	// The caller's Server is the account's server name, now the time (ms). The errors
	// that it gives are about all of them.
	Provision(ctx context.Context, caller tenant.Caller, changes []Provision, now int64) ([]Provisioned, error)
	// ProvisionedUsers lists up to limit users whom ConversaLabs knows, by its IDs,
	// those above after.
	ProvisionedUsers(ctx context.Context, account tenant.ID, after string, limit int) ([]User, error)
	// Team gives a team as the database has it, or nil.
	Team(ctx context.Context, account tenant.ID, team string) (*Team, error)
	// Teams lists up to limit teams that are not deleted, by ID, those above after.
	Teams(ctx context.Context, account tenant.ID, after string, limit int) ([]Team, error)
}

// maxProvisions is how many changes one act makes at most: it is what others wait
// for.
const maxProvisions = 250

// Provision does what ConversaLabs says, in order, in as few acts as its number
// permits. Each change succeeds or is refused for itself. An account that does not
// exist is an error.
func (s *Service) Provision(ctx context.Context, caller tenant.Caller, changes ...Provision) ([]Provisioned, error) {
	var err error
	if caller.Server, err = s.ServerName(ctx, caller.Account); err != nil {
		return nil, err
	}
	var all []Provisioned
	for some := range slices.Chunk(changes, maxProvisions) {
		done, err := s.store.Provision(ctx, caller, some, s.timestamp())
		if err != nil {
			return nil, err
		}
		all = append(all, done...)
	}
	return all, nil
}

// UserSaid gives the user whom ConversaLabs calls so, or [ErrNoUser].
func (s *Service) UserSaid(ctx context.Context, account tenant.ID, external string) (*User, error) {
	user, err := s.store.UserByExternal(ctx, account, external)
	if err == nil && user == nil {
		err = ErrNoUser
	}
	return user, err
}

// ProvisionedUsers lists users whom ConversaLabs knows, by its IDs.
func (s *Service) ProvisionedUsers(ctx context.Context, account tenant.ID, after string, limit int) ([]User, error) {
	return s.store.ProvisionedUsers(ctx, account, after, limit)
}

// Team gives a team, or [ErrNoTeam].
func (s *Service) Team(ctx context.Context, account tenant.ID, team string) (*Team, error) {
	found, err := s.store.Team(ctx, account, team)
	if err == nil && (found == nil || found.Deleted) {
		err = ErrNoTeam
	}
	return found, err
}

// Teams lists teams by their IDs.
func (s *Service) Teams(ctx context.Context, account tenant.ID, after string, limit int) ([]Team, error) {
	return s.store.Teams(ctx, account, after, limit)
}

// On judges the change of a team that is present so at the head, nil if it never
// was. It gives the team as it is then: present itself when nothing changes.
func (c *TeamChange) On(present *Team) (*Team, error) {
	switch {
	case c.Delete && (present == nil || present.Deleted && c.Version <= present.Version):
		return nil, ErrNoTeam
	case present == nil, c.Version == 0:
	case c.Version < present.Version:
		return nil, ErrOutdated
	case c.Version == present.Version:
		return present, nil
	}
	after := &Team{ID: c.ID, Version: c.Version, Record: c.Record, Deleted: c.Delete}
	if c.Version == 0 {
		after.Version = present.Version
	}
	return after, nil
}

// AccountChange is what ConversaLabs says of an account.
type AccountChange struct {
	Version int64
	// ServerName is the wanted one, or "": the one it has, or Default.
	ServerName string
	// Default is the server name of an account that is made without one, or "":
	// there must be one.
	Default string
	// Say writes what is said into the settings. It may run several times, and
	// returns why it refuses, if it does.
	Say func(*Settings) error
}

// errSame ends an act that has nothing to do.
var errSame = errors.New("this version is known")

// ProvisionAccount makes an account or changes it, and gives it as it is then. With
// [ErrOutdated] too.
func (s *Service) ProvisionAccount(ctx context.Context, caller tenant.Caller, c AccountChange) (*Account, error) {
	account := caller.Account
	present, err := s.store.Account(ctx, account)
	if err != nil {
		return nil, err
	}
	if present == nil {
		err := s.provisionNew(ctx, caller, c)
		if !errors.Is(err, ErrAccountInUse) {
			return s.provisioned(ctx, account, err)
		}
		// It has been made meanwhile.
		if present, err = s.store.Account(ctx, account); err != nil || present == nil {
			return nil, cmp.Or(err, error(ErrAccountInUse))
		}
	}
	if c.ServerName != "" && c.ServerName != present.ServerName {
		return nil, errServerNameFixed
	}
	err = s.store.ChangeAccount(ctx, caller, func(settings *Settings) error {
		switch {
		case c.Version < settings.Version:
			return ErrOutdated
		case c.Version == settings.Version:
			return errSame
		}
		settings.Version = c.Version
		return c.Say(settings)
	})
	if errors.Is(err, errSame) {
		err = nil
	}
	return s.provisioned(ctx, account, err)
}

// provisionNew makes an account.
func (s *Service) provisionNew(ctx context.Context, caller tenant.Caller, c AccountChange) error {
	made := Account{ID: caller.Account, ServerName: cmp.Or(c.ServerName, c.Default)}
	if made.ServerName == "" {
		return refusal.Missing("Please give the account a server_name: the server has no base domain to make one of.")
	}
	made.Settings.Version = c.Version
	if err := c.Say(&made.Settings); err != nil {
		return err
	}
	if err := s.CreateAccount(ctx, made); err != nil {
		return err
	}
	return s.store.Record(ctx, caller.Account, AuditEntry{Action: AccountCreated, Actor: caller.Actor(), Address: caller.Address})
}

// provisioned gives the account after a change that ended with err.
func (s *Service) provisioned(ctx context.Context, account tenant.ID, err error) (*Account, error) {
	if err != nil && !errors.Is(err, ErrOutdated) {
		return nil, err
	}
	present, reading := s.store.Account(ctx, account)
	if reading != nil {
		return nil, fmt.Errorf("read the account again: %w", reading)
	}
	return present, err
}

// LoginTokenFor makes a login token for a user whom ConversaLabs names, if they may
// sign in now.
func (s *Service) LoginTokenFor(ctx context.Context, caller tenant.Caller, external string) (string, error) {
	user, err := s.UserSaid(ctx, caller.Account, external)
	if err != nil {
		return "", err
	}
	switch {
	case user.Deactivated:
		return "", ErrDeactivated
	case user.Lock != "":
		return "", refusal.Forbidden("This user is locked out at the moment.").Because(string(user.Lock))
	}
	token, err := s.MintLoginToken(ctx, caller.Account, user.ID)
	if err != nil {
		return "", err
	}
	return token, s.store.Record(ctx, caller.Account, AuditEntry{
		Action: TokenCreated, Actor: caller.Actor(), Target: string(user.ID), Address: caller.Address,
		Details: map[string]any{"kind": "login"},
	})
}
