package accounts

import (
	"context"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
)

// maxUserID is how long a user ID may be, in bytes, with @, colon and server
// name (appendices, "User identifiers").
const maxUserID = 255

// maxDisplayName is how long display names of users and devices may be, in bytes.
const maxDisplayName = 256

var localpartPattern = regexp.MustCompile(`^[a-z0-9._=/+-]+$`)

// reserved are the localparts of users that the server itself speaks as.
var reserved = []string{tenant.ServiceName, "_server"}

// userID makes the ID of a user to be made.
func userID(name, server string) (id.UserID, error) {
	name = foldName(name)
	if !localpartPattern.MatchString(name) {
		return "", ErrUserName
	}
	user := id.NewUserID(name, server)
	if len(user) > maxUserID {
		return "", ErrUserNameLong
	}
	if slices.Contains(reserved, name) {
		return "", ErrUserInUse
	}
	return user, nil
}

// foldName lowers ASCII letters alone: folding others could make two names one.
func foldName(name string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, name)
}

// ParseUser reads what people type as their user name, a localpart or a whole
// user ID, upper case folded. account and server are what a localpart alone
// belongs to; a whole ID names its own. The result may be a user who does not
// exist, and the account "" when there is none of that server name.
func (s *Service) ParseUser(ctx context.Context, account tenant.ID, server, name string) (tenant.ID, id.UserID, error) {
	name, whole := strings.CutPrefix(name, "@")
	localpart, domain, hasDomain := strings.Cut(name, ":")
	if whole && hasDomain {
		named, found, err := s.AccountByServerName(ctx, domain)
		if err != nil {
			return "", "", fmt.Errorf("find account of user: %w", err)
		}
		if !found {
			named = ""
		}
		account, server, name = named, domain, localpart
	}
	return account, id.NewUserID(foldName(name), server), nil
}

// Available tells whether a user of this name could be made: nil, or why not.
func (s *Service) Available(ctx context.Context, account tenant.ID, name string) error {
	server, err := s.ServerName(ctx, account)
	if err != nil {
		return err
	}
	wanted, err := userID(name, server)
	if err != nil {
		return err
	}
	existing, err := s.store.User(ctx, account, wanted)
	if err != nil {
		return err
	}
	if existing != nil {
		return ErrUserInUse
	}
	services, err := s.store.AppServices(ctx, account)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(services, func(a *AppService) bool { return a.Users.Reserve(string(wanted)) }) {
		return ErrExclusive
	}
	return nil
}

// CreateUser makes a user.
func (s *Service) CreateUser(ctx context.Context, caller tenant.Caller, user NewUser) (id.UserID, error) {
	made, err := s.newUser(ctx, caller.Account, user)
	if err != nil {
		return "", err
	}
	return made.ID, s.store.CreateUser(ctx, caller, made, user.DisplayName, nil)
}

// Register makes a user and signs them in, as one act.
func (s *Service) Register(ctx context.Context, account tenant.ID, user NewUser, in SignIn) (*SignedIn, error) {
	made, err := s.newUser(ctx, account, user)
	if err != nil {
		return nil, err
	}
	session, signedIn, err := s.newSession(account, made.ID, in)
	if err != nil {
		return nil, err
	}
	if err := s.store.CreateUser(ctx, tenant.Caller{Account: account}, made, user.DisplayName, &session); err != nil {
		return nil, err
	}
	return signedIn, nil
}

// RegisterByService makes a user whom an application service owns and, unless only the
// user is wanted, signs them in. What it does not own is [ErrOutside].
func (s *Service) RegisterByService(ctx context.Context, caller tenant.Caller, service *AppService, user NewUser, in SignIn, onlyUser bool) (*SignedIn, error) {
	made, err := s.newUser(ctx, caller.Account, user)
	if err != nil {
		return nil, err
	}
	if !service.Owns(made.ID) {
		return nil, ErrOutside
	}
	caller.User = "" // the service itself acts
	if onlyUser {
		return &SignedIn{User: made.ID}, s.store.CreateUser(ctx, caller, made, user.DisplayName, nil)
	}
	session, signedIn, err := s.newSession(caller.Account, made.ID, in)
	if err != nil {
		return nil, err
	}
	if err := s.store.CreateUser(ctx, caller, made, user.DisplayName, &session); err != nil {
		return nil, err
	}
	return signedIn, nil
}

func (s *Service) newUser(ctx context.Context, account tenant.ID, user NewUser) (User, error) {
	server, err := s.ServerName(ctx, account)
	if err != nil {
		return User{}, err
	}
	if user.Name == "" {
		if user.Name, err = s.letters("abcdefghijklmnopqrstuvwxyz", 12); err != nil {
			return User{}, err
		}
	}
	if len(user.DisplayName) > maxDisplayName {
		return User{}, ErrDisplayName
	}
	if user.Role == "" {
		user.Role = tenant.Agent
	}
	wanted, err := userID(user.Name, server)
	return User{ID: wanted, Role: user.Role, Password: user.Password, Created: s.timestamp()}, err
}

// letters makes a random word of n letters.
func (s *Service) letters(alphabet string, n int) (string, error) {
	word := make([]byte, n)
	for i := range word {
		for {
			var b [1]byte
			if _, err := io.ReadFull(s.random, b[:]); err != nil {
				return "", fmt.Errorf("read randomness: %w", err)
			}
			// A byte beyond the last whole alphabet would favour its first letters.
			if int(b[0]) < 256/len(alphabet)*len(alphabet) {
				word[i] = alphabet[int(b[0])%len(alphabet)]
				break
			}
		}
	}
	return string(word), nil
}

// User gives a user, or nil.
func (s *Service) User(ctx context.Context, account tenant.ID, user id.UserID) (*User, error) {
	return s.store.User(ctx, account, user)
}

// UserByExternal gives the user whom ConversaLabs calls so, or nil.
func (s *Service) UserByExternal(ctx context.Context, account tenant.ID, external string) (*User, error) {
	return s.store.UserByExternal(ctx, account, external)
}

// Users lists all users of an account, deactivated ones too, by ID.
func (s *Service) Users(ctx context.Context, account tenant.ID) ([]User, error) {
	return s.store.Users(ctx, account)
}

// SetPassword gives a user another password, by its hash. With endOthers all
// other devices of the user end in the same act.
func (s *Service) SetPassword(ctx context.Context, caller tenant.Caller, user id.UserID, hash string, endOthers bool) error {
	return s.store.SetPassword(ctx, caller, user, hash, endOthers)
}

// Deactivate ends a user's access for good: all sessions and devices in one act.
// What else follows from it, that they leave their rooms, is done by who follows
// the stream.
func (s *Service) Deactivate(ctx context.Context, caller tenant.Caller, user id.UserID) error {
	return s.store.Deactivate(ctx, caller, user)
}
