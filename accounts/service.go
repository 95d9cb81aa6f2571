package accounts

import (
	"context"
	"fmt"
	"io"
	"net"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/conversalabs/internalchat/accounts/tenant"
)

// Options are what a Service is made with. Store, Now and Random are required.
type Options struct {
	Store  Store
	Now    func() time.Time
	Random io.Reader // crypto/rand
	// AccessTokenLife is how long an access token that can be refreshed is good
	// for: an hour if 0. Others do not expire.
	AccessTokenLife time.Duration
	// MaxDevices is how many devices a user may have: 100 if 0.
	MaxDevices int
	// MachineToken is the machine token of the configuration, or empty.
	MachineToken string
}

// Service is what accounts does for those who ask over HTTP or on the command
// line.
type Service struct {
	store      Store
	now        func() time.Time
	random     io.Reader
	life       time.Duration
	maxDevices int
	machine    string // SHA-256 of the configuration's machine token, hex; "" for none
	seen       sightings

	// What never changes once it exists. What does not exist is never kept.
	servers  sync.Map // tenant.ID → server name
	accounts sync.Map // server name → tenant.ID
}

// New makes a Service. Call [Service.Flush] before the Store closes.
func New(o Options) *Service {
	s := &Service{
		store: o.Store, now: o.Now, random: o.Random,
		life: o.AccessTokenLife, maxDevices: o.MaxDevices,
	}
	if s.life == 0 {
		s.life = time.Hour
	}
	if s.maxDevices == 0 {
		s.maxDevices = 100
	}
	if o.MachineToken != "" {
		s.machine = Hash(o.MachineToken)
	}
	s.seen.flushed = s.now()
	return s
}

func (s *Service) timestamp() int64 { return s.now().UnixMilli() }

var serverNamePattern = regexp.MustCompile(`^[a-z0-9.-]{1,200}(:[0-9]{1,5})?$|^\[[0-9a-f:.]{2,45}\](:[0-9]{1,5})?$`)

// CreateAccount makes an account. Its time of creation is set here.
func (s *Service) CreateAccount(ctx context.Context, account Account) error {
	if !account.ID.Valid() {
		return ErrAccountID
	}
	if !serverNamePattern.MatchString(account.ServerName) {
		return ErrServerName
	}
	if account.Settings.RoomPolicy == "" {
		account.Settings.RoomPolicy = TeamPolicy
	}
	account.Created = s.timestamp()
	return s.store.CreateAccount(ctx, account)
}

// Account gives an account with its present settings, or nil.
func (s *Service) Account(ctx context.Context, account tenant.ID) (*Account, error) {
	return s.store.Account(ctx, account)
}

// Accounts lists all accounts, by ID.
func (s *Service) Accounts(ctx context.Context) ([]Account, error) { return s.store.Accounts(ctx) }

// ChangeAccount changes an account's settings. change may run several times.
func (s *Service) ChangeAccount(ctx context.Context, caller tenant.Caller, change func(*Settings) error) error {
	return s.store.ChangeAccount(ctx, caller, change)
}

// AccountByServerName gives the account of a Matrix server name, and whether
// there is one.
func (s *Service) AccountByServerName(ctx context.Context, name string) (tenant.ID, bool, error) {
	if known, ok := s.accounts.Load(name); ok {
		return known.(tenant.ID), true, nil
	}
	if !serverNamePattern.MatchString(name) {
		return "", false, nil
	}
	account, err := s.store.AccountByServerName(ctx, name)
	if err != nil || account == "" {
		return "", false, err
	}
	s.accounts.Store(name, account)
	return account, true, nil
}

// ServerName gives an account's Matrix server name, which never changes, or ""
// when there is no such account.
func (s *Service) ServerName(ctx context.Context, account tenant.ID) (string, error) {
	if known, ok := s.servers.Load(account); ok {
		return known.(string), nil
	}
	found, err := s.store.Account(ctx, account)
	if err != nil || found == nil {
		return "", err
	}
	s.servers.Store(account, found.ServerName)
	return found.ServerName, nil
}

// Host gives the account that a Host header names, with its port or without, or
// the default account; and the account's server name.
func (s *Service) Host(ctx context.Context, host string) (tenant.ID, string, error) {
	host = strings.ToLower(host)
	names := []string{host}
	if bare, _, err := net.SplitHostPort(host); err == nil {
		names = append(names, bare)
	}
	for _, name := range names {
		account, found, err := s.AccountByServerName(ctx, name)
		if err != nil {
			return "", "", fmt.Errorf("find account of host: %w", err)
		}
		if found {
			return account, name, nil
		}
	}
	name, err := s.ServerName(ctx, tenant.Default)
	if err != nil {
		return "", "", fmt.Errorf("find default account: %w", err)
	}
	return tenant.Default, name, nil
}

// Current brings an account to a head that was read after the call.
func (s *Service) Current(ctx context.Context, account tenant.ID) error {
	return s.store.Current(ctx, account)
}
