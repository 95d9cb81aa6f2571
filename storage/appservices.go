package storage

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/stream"
)

const appServicesSQL = `
	SELECT service, token, sender, since, created, registration FROM appservices WHERE account = $1 ORDER BY service`

// scanAppService reads a service, and behind it what more is given.
func scanAppService(r sqldb.Row, more ...any) (*accounts.AppService, error) {
	var a accounts.AppService
	var registration []byte
	into := []any{&a.ID, &a.Token, &a.Sender, &a.Since, &a.Created, &registration}
	if err := r.Scan(append(into, more...)...); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(registration, &a); err != nil {
		return nil, fmt.Errorf("registration of %s: %w", a.ID, err)
	}
	return &a, nil
}

func readAppServices(ctx context.Context, q sqldb.Querier, account tenant.ID) ([]*accounts.AppService, error) {
	all, err := sqldb.All(ctx, q, func(r sqldb.Row) (*accounts.AppService, error) { return scanAppService(r) }, appServicesSQL, account)
	if err != nil {
		return nil, fmt.Errorf("read application services: %w", err)
	}
	return all, nil
}

// AppServices implements accounts.AppServiceStore.
func (s *Store) AppServices(ctx context.Context, account tenant.ID) (all []*accounts.AppService, err error) {
	err = s.glance(ctx, account, func(v *view) (err error) {
		all, err = v.services()
		return err
	})
	return all, err
}

// KnownUser implements accounts.AppServiceStore.
func (s *Store) KnownUser(ctx context.Context, account tenant.ID, user id.UserID) (found *accounts.User, err error) {
	err = s.glance(ctx, account, func(v *view) error {
		known, loaded := v.state.users[user]
		if !loaded {
			return &missingError{users: []id.UserID{user}}
		}
		found = known
		return nil
	})
	return found, err
}

// services gives the application services of the account.
func (v *view) services() ([]*accounts.AppService, error) {
	if v.state.services == nil {
		return nil, &missingError{services: true}
	}
	return *v.state.services, nil
}

const appServiceAccountSQL = `SELECT account FROM appservice_tokens WHERE token = $1`

// AppServiceAccount implements accounts.AppServiceStore.
func (s *Store) AppServiceAccount(ctx context.Context, token string) (tenant.ID, error) {
	account, _, err := sqldb.One(ctx, s.db, sqldb.Value[tenant.ID], appServiceAccountSQL, token)
	if err != nil {
		return "", fmt.Errorf("read token of an application service: %w", err)
	}
	return account, nil
}

const (
	insertAppServiceSQL = `
		INSERT INTO appservices (account, service, token, sender, since, created, registration)
		VALUES ($1, $2, $3, $4, $5, $6, $7)`

	insertAppServiceTokenSQL = `INSERT INTO appservice_tokens (token, account) VALUES ($1, $2)`

	deleteAppServiceSQL = `DELETE FROM appservices WHERE account = $1 AND service = $2`

	deleteAppServiceTokenSQL = `DELETE FROM appservice_tokens WHERE account = $1 AND token = $2`

	deleteTransactionSQL = `DELETE FROM appservice_transactions WHERE account = $1 AND service = $2`
)

// AddAppService implements accounts.AppServiceStore.
func (s *Store) AddAppService(ctx context.Context, caller tenant.Caller, service accounts.AppService, sender accounts.User) error {
	registration, err := json.Marshal(service)
	if err != nil {
		return fmt.Errorf("encode registration: %w", err)
	}
	return s.lone(ctx, caller, func(t *tx) error {
		if err := t.checkAppService(service); err != nil {
			return err
		}
		if err := t.makeSender(sender); err != nil {
			return err
		}
		t.Put(stream.Item{Kind: stream.ServicesChanged, Key: service.ID})
		t.exec(insertAppServiceTokenSQL, service.Token, caller.Account)
		t.exec(insertAppServiceSQL, caller.Account, service.ID, service.Token, sender.ID, t.Head(), service.Created, registration)
		return t.audit(accounts.TokenCreated, string(sender.ID), map[string]any{"kind": "appservice", "name": service.ID})
	})
}

// checkAppService refuses a service that there is already.
func (t *tx) checkAppService(service accounts.AppService) error {
	all, err := t.services()
	if err != nil {
		return err
	}
	for _, other := range all {
		switch {
		case other.ID == service.ID:
			return accounts.ErrAppServiceInUse
		case other.Sender == service.Sender:
			return accounts.ErrUserInUse
		}
	}
	account, err := t.group.account.store.AppServiceAccount(t.ctx, service.Token)
	if err == nil && account != "" {
		return accounts.ErrAppServiceToken
	}
	return err
}

// makeSender makes the user that a service acts as, unless the account has that bot.
func (t *tx) makeSender(sender accounts.User) error {
	existing, err := t.user(sender.ID)
	switch {
	case err != nil:
		return err
	case existing == nil:
	case existing.Role == tenant.Bot && !existing.Deactivated:
		return nil
	default:
		return accounts.ErrUserInUse
	}
	if err := t.checkUserExclusive(sender.ID); err != nil {
		return err
	}
	t.exec(insertUserSQL, t.group.account.id, sender.ID, sender.Role, sender.Password, sender.Created)
	t.Put(stream.Item{Kind: stream.UserChanged, User: sender.ID})
	return t.audit(accounts.UserCreated, string(sender.ID), map[string]any{"role": sender.Role})
}

// RemoveAppService implements accounts.AppServiceStore.
func (s *Store) RemoveAppService(ctx context.Context, caller tenant.Caller, service string) error {
	return s.lone(ctx, caller, func(t *tx) error {
		all, err := t.services()
		if err != nil {
			return err
		}
		i := slices.IndexFunc(all, func(a *accounts.AppService) bool { return a.ID == service })
		if i < 0 {
			return accounts.ErrNoAppService
		}
		t.exec(deleteAppServiceTokenSQL, caller.Account, all[i].Token)
		t.exec(deleteAppServiceSQL, caller.Account, service)
		t.exec(deleteTransactionSQL, caller.Account, service)
		t.Put(stream.Item{Kind: stream.ServicesChanged, Key: service})
		return t.audit(accounts.TokenRevoked, string(all[i].Sender), map[string]any{"kind": "appservice", "name": service})
	})
}

// checkService refuses an act of an application service that is gone, or as a user
// who is.
func (t *tx) checkService(caller tenant.Caller) error {
	all, err := t.services()
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(all, func(a *accounts.AppService) bool { return a.ID == caller.Service }) {
		return refusal.UnknownToken(false)
	}
	if caller.User == "" {
		return nil
	}
	active, err := t.UserActive(caller.User)
	if err == nil && !active {
		return refusal.UnknownToken(false)
	}
	return err
}

// checkUserExclusive refuses a user to be made whom an application service other
// than the caller has for itself.
func (t *tx) checkUserExclusive(user id.UserID) error {
	return t.checkExclusive(func(a *accounts.AppService) bool { return a.Sender == user || a.Users.Reserve(string(user)) })
}

func (t *tx) checkExclusive(reserved func(*accounts.AppService) bool) error {
	all, err := t.services()
	if err != nil {
		return err
	}
	for _, a := range all {
		if a.ID != t.act.caller.Service && reserved(a) {
			return accounts.ErrExclusive
		}
	}
	return nil
}

// CheckAlias implements rooms.Tx.
func (t *tx) CheckAlias(alias id.RoomAlias) error {
	return t.checkExclusive(func(a *accounts.AppService) bool { return a.Aliases.Reserve(string(alias)) })
}

// CreateDevice implements accounts.AppServiceStore.
func (s *Store) CreateDevice(ctx context.Context, caller tenant.Caller, n accounts.NewSession) (made bool, err error) {
	err = s.lone(ctx, caller, func(t *tx) error {
		made = false
		if err := t.checkNotReserved(n.User, n.Device); err != nil {
			return err
		}
		q, err := t.querier()
		if err != nil {
			return err
		}
		devices, err := readDevices(t.ctx, q, caller.Account, n.User)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(devices, func(d accounts.Device) bool { return d.ID == n.Device }) {
			return nil
		}
		if len(devices) >= n.MaxDevices {
			return accounts.ErrTooManyDevices
		}
		made = true
		t.exec(insertDeviceSQL, caller.Account, n.User, n.Device, n.DisplayName, n.IP, n.Now, n.UserAgent)
		t.Put(stream.Item{Kind: stream.SessionChanged, User: n.User, Key: string(n.Device)})
		return nil
	})
	if err != nil || made || n.DisplayName == "" {
		return made, err
	}
	return false, s.RenameDevice(ctx, caller, n.Device, n.DisplayName)
}

// glance runs f on the state at the local head.
func (s *Store) glance(ctx context.Context, account tenant.ID, f func(*view) error) error {
	a, err := s.account(ctx, account)
	if err != nil {
		return refuseUnknownAccount(err)
	}
	return a.view(ctx, func(v rooms.View) error { return f(v.(*view)) })
}
