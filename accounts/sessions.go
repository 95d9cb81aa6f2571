package accounts

import (
	"context"
	"time"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
)

// maxDeviceID is how long a device ID may be, in bytes.
const maxDeviceID = 255

// LoginTokenLife is how long a login token may be used.
const LoginTokenLife = 2 * time.Minute

// Start signs a user in whose password was checked against passwordHash: if it
// is no longer theirs by the time the session begins, that is [ErrLogin].
func (s *Service) Start(ctx context.Context, account tenant.ID, user id.UserID, passwordHash string, in SignIn) (*SignedIn, error) {
	session, signedIn, err := s.newSession(account, user, in)
	if err != nil {
		return nil, err
	}
	session.Password = passwordHash
	if err := s.store.StartSession(ctx, account, session); err != nil {
		return nil, err
	}
	return signedIn, nil
}

// MintLoginToken makes a token with which the user can sign in once, within two
// minutes (m.login.token).
func (s *Service) MintLoginToken(ctx context.Context, account tenant.ID, user id.UserID) (string, error) {
	return s.MintLoginTokenFor(ctx, account, user, nil)
}

// MintLoginTokenFor is [Service.MintLoginToken] in exchange for a token of another
// system, unless that is nil: [ErrLogin] when it was used before.
func (s *Service) MintLoginTokenFor(ctx context.Context, account tenant.ID, user id.UserID, once *Once) (string, error) {
	token, err := s.mint(loginToken, account)
	if err != nil {
		return "", err
	}
	expires := s.now().Add(LoginTokenLife).UnixMilli()
	return token, s.store.KeepLoginToken(ctx, account, LoginToken{Token: Hash(token), User: user, Expires: expires}, once)
}

// StartByToken signs in the user of a login token, and uses it up.
func (s *Service) StartByToken(ctx context.Context, token string, in SignIn) (*SignedIn, error) {
	account, ok := accountOf(token, loginToken)
	if !ok {
		return nil, ErrLoginToken
	}
	// An account that does not exist has no tokens either.
	kept, err := s.store.LoginToken(ctx, account, Hash(token))
	if err != nil {
		return nil, err
	}
	if kept == nil || s.timestamp() >= kept.Expires {
		return nil, ErrLoginToken
	}
	session, signedIn, err := s.newSession(account, kept.User, in)
	if err != nil {
		return nil, err
	}
	session.LoginToken = kept.Token
	if err := s.store.StartSession(ctx, account, session); err != nil {
		return nil, err
	}
	return signedIn, nil
}

// newSession makes the secrets of a session to be begun.
func (s *Service) newSession(account tenant.ID, user id.UserID, in SignIn) (NewSession, *SignedIn, error) {
	if len(in.Device) > maxDeviceID {
		return NewSession{}, nil, ErrDeviceID
	}
	if len(in.DisplayName) > maxDisplayName {
		return NewSession{}, nil, ErrDisplayName
	}
	if in.Device == "" {
		device, err := s.letters("ABCDEFGHIJKLMNOPQRSTUVWXYZ", 10)
		if err != nil {
			return NewSession{}, nil, err
		}
		in.Device = id.DeviceID(device)
	}
	signedIn := &SignedIn{User: user, Device: in.Device}
	session := NewSession{
		User: user, Device: in.Device, DisplayName: in.DisplayName, IP: in.IP, UserAgent: cutAgent(in.UserAgent),
		Now: s.timestamp(), MaxDevices: s.maxDevices,
	}
	var err error
	if signedIn.AccessToken, err = s.mint(accessToken, account); err != nil {
		return NewSession{}, nil, err
	}
	session.Token = Hash(signedIn.AccessToken)
	if !in.Refresh {
		return session, signedIn, nil
	}
	if signedIn.RefreshToken, err = s.mint(refreshToken, account); err != nil {
		return NewSession{}, nil, err
	}
	session.Refresh = Hash(signedIn.RefreshToken)
	session.Expires = s.now().Add(s.life).UnixMilli()
	signedIn.ExpiresIn = s.life.Milliseconds()
	return session, signedIn, nil
}

// Refresh gives a new access token and a new refresh token for a refresh token,
// which stays good until one of the two is used: then it ends, and using it
// again is taken for theft and ends all sessions of the device.
func (s *Service) Refresh(ctx context.Context, token string) (*SignedIn, error) {
	account, ok := accountOf(token, refreshToken)
	if !ok {
		return nil, refusal.UnknownToken(false)
	}
	return s.refresh(ctx, account, token, "")
}

// RefreshGranted is [Service.Refresh] for an OAuth client, which knows only the tokens
// of its own grants in this account.
func (s *Service) RefreshGranted(ctx context.Context, account tenant.ID, token, client string) (*SignedIn, error) {
	if of, ok := accountOf(token, refreshToken); !ok || of != account {
		return nil, refusal.UnknownToken(false)
	}
	return s.refresh(ctx, account, token, client)
}

func (s *Service) refresh(ctx context.Context, account tenant.ID, token, client string) (*SignedIn, error) {
	access, err := s.mint(accessToken, account)
	if err != nil {
		return nil, err
	}
	next, err := s.mint(refreshToken, account)
	if err != nil {
		return nil, err
	}
	session, err := s.store.Refresh(ctx, account, Rotation{
		Refresh: Hash(token), Token: Hash(access), NewRefresh: Hash(next), Client: client,
		Expires: s.now().Add(s.life).UnixMilli(), Now: s.timestamp(),
	})
	if err != nil {
		return nil, err
	}
	return &SignedIn{
		User: session.User, Device: session.Device,
		AccessToken: access, RefreshToken: next, ExpiresIn: s.life.Milliseconds(),
	}, nil
}

// End signs the caller out of the device they ask from.
func (s *Service) End(ctx context.Context, caller tenant.Caller) error {
	return s.EndDevices(ctx, caller, caller.Device)
}

// EndAll signs a user out everywhere. Login tokens, and what was granted to OAuth
// clients but not fetched yet, are good no longer.
func (s *Service) EndAll(ctx context.Context, caller tenant.Caller, user id.UserID) error {
	return s.store.EndAll(ctx, caller, user)
}

// EndDevices removes some of the caller's devices; those they do not have are
// passed over.
func (s *Service) EndDevices(ctx context.Context, caller tenant.Caller, devices ...id.DeviceID) error {
	chosen := make(map[id.DeviceID]bool, len(devices))
	for _, device := range devices {
		chosen[device] = true
	}
	return s.store.EndDevices(ctx, caller, caller.User, func(device id.DeviceID) bool { return chosen[device] })
}

// RenameDevice gives one of the caller's devices a display name.
func (s *Service) RenameDevice(ctx context.Context, caller tenant.Caller, device id.DeviceID, name string) error {
	if len(name) > maxDisplayName {
		return ErrDisplayName
	}
	return s.store.RenameDevice(ctx, caller, device, name)
}

// Devices lists a user's devices, by ID.
func (s *Service) Devices(ctx context.Context, account tenant.ID, user id.UserID) ([]Device, error) {
	devices, err := s.store.Devices(ctx, account, user)
	if err != nil {
		return nil, err
	}
	for i := range devices {
		s.seen.bringIn(account, &devices[i])
	}
	return devices, nil
}

// Device gives one of a user's devices, or [ErrNoDevice].
func (s *Service) Device(ctx context.Context, account tenant.ID, user id.UserID, device id.DeviceID) (Device, error) {
	devices, err := s.Devices(ctx, account, user)
	if err != nil {
		return Device{}, err
	}
	for _, d := range devices {
		if d.ID == device {
			return d, nil
		}
	}
	return Device{}, ErrNoDevice
}
