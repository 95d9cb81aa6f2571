package login

import (
	"cmp"
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/config/outbound"
)

// maxAnswer is how much of a provider's answer is read, in bytes.
const maxAnswer = 1 << 20

// bounded gives a client for the library, which reads all that comes.
func bounded(c *outbound.Client) *http.Client {
	client := *c.HTTP()
	client.Transport = brief{client.Transport}
	return &client
}

// brief cuts answers off.
type brief struct{ http.RoundTripper }

func (b brief) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := b.RoundTripper.RoundTrip(r)
	if err == nil {
		answer.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(answer.Body, maxAnswer), answer.Body}
	}
	return answer, err
}

// discovered is for how long what a provider says of itself is taken without asking
// again.
const discovered = time.Hour

// providers are the OpenID Connect providers of accounts, as they described
// themselves last.
type providers struct {
	client *http.Client
	now    func() time.Time

	mu  sync.Mutex // guards all
	all map[tenant.ID]described
}

type described struct {
	issuer   string
	provider *oidc.Provider
	at       time.Time
}

// provider gives an account's provider.
func (p *providers) provider(ctx context.Context, account tenant.ID, issuer string) (*oidc.Provider, error) {
	p.mu.Lock()
	known := p.all[account]
	p.mu.Unlock()
	if known.issuer == issuer && p.now().Sub(known.at) < discovered {
		return known.provider, nil
	}
	provider, err := oidc.NewProvider(p.with(ctx), issuer)
	if err != nil {
		return nil, fmt.Errorf("discover the provider %s: %w", issuer, err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all[account] = described{issuer, provider, p.now()}
	return provider, nil
}

// with gives a context whose calls go through the guarded client.
func (p *providers) with(ctx context.Context) context.Context {
	return oidc.ClientContext(ctx, p.client)
}

func exchange(o *accounts.OIDCLogin, provider *oidc.Provider, callback string) *oauth2.Config {
	scopes := []string{oidc.ScopeOpenID}
	for _, scope := range o.Scopes {
		if !slices.Contains(scopes, scope) {
			scopes = append(scopes, scope)
		}
	}
	return &oauth2.Config{
		ClientID: o.ClientID, ClientSecret: o.ClientSecret, Endpoint: provider.Endpoint(), RedirectURL: callback, Scopes: scopes,
	}
}

// claimed gives the provisioned ID of the user who came back with a code: by the
// claim of the ID token that the account has chosen.
func (s *Service) claimed(ctx context.Context, account tenant.ID, o *accounts.OIDCLogin, journey *accounts.Journey, code string) (string, error) {
	provider, err := s.providers.provider(ctx, account, o.Issuer)
	if err != nil {
		return "", err
	}
	ctx = s.providers.with(ctx)
	token, err := exchange(o, provider, journey.Callback).Exchange(ctx, code, oauth2.VerifierOption(journey.Verifier))
	if err != nil {
		return "", fmt.Errorf("exchange code: %w", err)
	}
	raw, _ := token.Extra("id_token").(string)
	idToken, err := provider.Verifier(&oidc.Config{ClientID: o.ClientID, Now: s.now}).Verify(ctx, raw)
	if err != nil {
		return "", fmt.Errorf("verify ID token: %w", err)
	}
	if subtle.ConstantTimeCompare([]byte(idToken.Nonce), []byte(journey.Nonce)) != 1 {
		return "", errors.New("the ID token is of another sign-in: its nonce is wrong")
	}
	claims := map[string]any{}
	if err := idToken.Claims(&claims); err != nil {
		return "", fmt.Errorf("read claims: %w", err)
	}
	name := cmp.Or(o.UserClaim, "sub")
	// The ID must be a text: a number might have been rounded.
	external, _ := claims[name].(string)
	if external == "" {
		return "", fmt.Errorf("the ID token has no text in the claim %q", name)
	}
	// At many providers people enter any address themselves.
	if verified := claims["email_verified"]; name == "email" && verified != true {
		return "", errors.New("the ID token does not say that the e-mail address is verified")
	}
	return external, nil
}
