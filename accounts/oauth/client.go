package oauth

import (
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// party is a client as the library sees it. Nothing here is of OpenID Connect: there
// are no ID tokens.
type party struct{ *Client }

func (p party) GetID() string                    { return p.ID }
func (p party) RedirectURIs() []string           { return p.Metadata.RedirectURIs }
func (p party) PostLogoutRedirectURIs() []string { return nil }
func (p party) AuthMethod() oidc.AuthMethod      { return oidc.AuthMethodNone }
func (p party) LoginURL(string) string           { return "" }

func (p party) ApplicationType() op.ApplicationType {
	if p.Metadata.ApplicationType == native {
		return op.ApplicationTypeNative
	}
	return op.ApplicationTypeUserAgent // as web is for clients with secrets
}

func (p party) ResponseTypes() (all []oidc.ResponseType) {
	for _, t := range p.Metadata.ResponseTypes {
		all = append(all, oidc.ResponseType(t))
	}
	return all
}

func (p party) GrantTypes() (all []oidc.GrantType) {
	for _, t := range p.Metadata.GrantTypes {
		all = append(all, oidc.GrantType(t))
	}
	return all
}

func (p party) IsScopeAllowed(scope string) bool                             { return known(scope) }
func (p party) AccessTokenType() op.AccessTokenType                          { return op.AccessTokenTypeBearer }
func (p party) IDTokenLifetime() time.Duration                               { return 0 }
func (p party) DevMode() bool                                                { return false }
func (p party) RestrictAdditionalIdTokenScopes() func([]string) []string     { return same } //nolint:staticcheck // the library's name
func (p party) RestrictAdditionalAccessTokenScopes() func([]string) []string { return same }
func (p party) IDTokenUserinfoClaimsAssertion() bool                         { return false }
func (p party) ClockSkew() time.Duration                                     { return 0 }

func same(scopes []string) []string { return scopes }
