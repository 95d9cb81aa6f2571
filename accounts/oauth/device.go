package oauth

import (
	"context"
	"net/url"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"

	"github.com/conversalabs/internalchat/accounts"
)

// DeviceAuthorization keeps what a device asks for that has no browser of its own, and
// gives it the code that its user enters in one (client-server API, "Device
// authorisation grant"; RFC 8628).
func (s server) DeviceAuthorization(ctx context.Context, r *op.ClientRequest[oidc.DeviceAuthorizationRequest]) (*op.Response, error) {
	if !op.ValidateGrantType(r.Client, oidc.GrantTypeDeviceCode) {
		return nil, oidc.ErrUnauthorizedClient().WithDescription("This client has not registered for the grant type %s.", oidc.GrantTypeDeviceCode)
	}
	device, ok := deviceOf(r.Data.Scopes)
	if !ok {
		return nil, errScope()
	}
	secret, err := s.service.secret()
	if err != nil {
		return nil, fault(ctx, err)
	}
	shown, err := op.NewUserCode([]rune(op.CharSetBase20), 8, 4)
	if err != nil {
		return nil, fault(ctx, err)
	}
	asked := asking(ctx)
	err = s.service.keepGrant(ctx, asked.Account, Grant{
		ID: accounts.Hash(shown), Client: r.Client.GetID(), Code: accounts.Hash(secret),
		Asked: Request{Device: device, Scopes: granted(r.Data.Scopes)},
	})
	if err != nil {
		return nil, fault(ctx, err)
	}
	link := asked.Base + LinkPath
	return op.NewResponse(oidc.DeviceAuthorizationResponse{
		DeviceCode: secret, UserCode: shown, VerificationURI: link,
		VerificationURIComplete: link + "?" + url.Values{"user_code": {shown}}.Encode(),
		ExpiresIn:               int(AskedLife.Seconds()), Interval: int(Pace.Seconds()),
	}), nil
}

// DeviceToken gives a device its session, once its user has granted it (RFC 8628,
// section 3.5). Who asks too often is slowed down for good.
func (s server) DeviceToken(ctx context.Context, r *op.ClientRequest[oidc.DeviceAccessTokenRequest]) (*op.Response, error) {
	grant, err := s.grant(ctx, r.Data.DeviceCode, r.Client)
	if err != nil {
		return nil, err
	}
	switch {
	case grant.Asked.Redirect != "" || grant.Stage == Used:
		return nil, errGrant()
	case s.service.over(grant):
		return nil, oidc.ErrExpiredDeviceCode()
	case grant.Stage == Denied:
		return nil, oidc.ErrAccessDenied().WithDescription("The user does not want this.")
	}
	now := s.service.now().UnixMilli()
	early := grant.Polled != 0 && now < grant.Polled+grant.Pace
	if early {
		grant.Pace += (5 * time.Second).Milliseconds()
	}
	if grant.Stage == Granted && !early {
		return s.begin(ctx, grant, r.Client)
	}
	if err := s.service.store.PaceGrant(ctx, asking(ctx).Account, grant.ID, now, grant.Pace); err != nil {
		return nil, fault(ctx, err)
	}
	if early {
		return nil, oidc.ErrSlowDown()
	}
	return nil, oidc.ErrAuthorizationPending()
}
