package provisioning

import (
	"encoding/json"
	"slices"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/clientapi/refusal"
)

// ways are the ways to sign in.
type ways struct {
	Password *bool `json:"password"` // true unless given
	JWT      *jwt  `json:"jwt"`
	SSO      *sso  `json:"sso"`
	OIDC     *oidc `json:"oidc"`
	// Clients are the origins to which a browser goes back without being asked.
	Clients []string `json:"clients"`
}

type jwt struct {
	Issuer  string `json:"issuer"`
	Keys    []key  `json:"keys"`
	JWKSURL string `json:"jwks_url"`
}

type key struct {
	ID        string          `json:"kid"`
	Algorithm string          `json:"alg"`
	JWK       json.RawMessage `json:"jwk,omitempty"`
	secret
}

type sso struct {
	Name string `json:"name"`
	URL  string `json:"url"`
}

type oidc struct {
	Name      string   `json:"name"`
	Issuer    string   `json:"issuer"`
	ClientID  string   `json:"client_id"`
	Secret    string   `json:"client_secret,omitempty"`
	Set       bool     `json:"client_secret_set"` // of answers
	Scopes    []string `json:"scopes"`
	UserClaim string   `json:"user_claim"`
}

// keyTypes are what the algorithms of keys need: a secret, or a JWK of this kty.
var keyTypes = map[string]string{"HS256": "", "RS256": "RSA", "ES256": "EC", "EdDSA": "OKP"}

const (
	maxKeys   = 20
	maxKey    = 8 << 10 // bytes of a JWK
	minSecret = 32      // bytes of a key that signs
)

func representLogin(s *accounts.LoginSettings) ways {
	password := !s.NoPassword
	shown := ways{Password: &password, Clients: list(s.Clients)}
	if s.JWT != nil {
		shown.JWT = &jwt{Issuer: s.JWT.Issuer, Keys: []key{}, JWKSURL: s.JWT.JWKSURL}
		for _, k := range s.JWT.Keys {
			shown.JWT.Keys = append(shown.JWT.Keys, key{k.ID, k.Algorithm, k.JWK, secret{Set: k.Secret != ""}})
		}
	}
	if s.SSO != nil {
		shown.SSO = &sso{s.SSO.Name, s.SSO.URL}
	}
	if o := s.OIDC; o != nil {
		shown.OIDC = &oidc{o.Name, o.Issuer, o.ClientID, "", o.ClientSecret != "", list(o.Scopes), o.UserClaim}
	}
	return shown
}

// check finds what is wrong by itself.
func (w *ways) check(c *checks) {
	c.entries("login.clients", len(w.Clients), maxKeys)
	for _, client := range w.Clients {
		c.length("login.clients", client, maxURL)
	}
	if w.JWT != nil {
		c.length("login.jwt.issuer", w.JWT.Issuer, maxURL)
		c.address("login.jwt.jwks_url", w.JWT.JWKSURL, "https", "http")
		c.entries("login.jwt.keys", len(w.JWT.Keys), maxKeys)
		c.that(len(w.JWT.Keys) > 0 || w.JWT.JWKSURL != "", refusal.Missing("The field %s is missing.", "login.jwt.keys"))
		for i := range w.JWT.Keys {
			w.JWT.Keys[i].check(c)
		}
	}
	if w.SSO != nil {
		c.length("login.sso.name", w.SSO.Name, maxName)
		c.that(w.SSO.URL != "", refusal.Missing("The field %s is missing.", "login.sso.url"))
		c.address("login.sso.url", w.SSO.URL, "https", "http")
	}
	if o := w.OIDC; o != nil {
		c.that(o.Issuer != "", refusal.Missing("The field %s is missing.", "login.oidc.issuer"))
		c.address("login.oidc.issuer", o.Issuer, "https", "http")
		c.that(o.ClientID != "", refusal.Missing("The field %s is missing.", "login.oidc.client_id"))
		c.length("login.oidc.name", o.Name, maxName)
		c.length("login.oidc.client_id", o.ClientID, maxName)
		c.length("login.oidc.user_claim", o.UserClaim, maxName)
		c.length("login.oidc.client_secret", o.Secret, maxSecret)
		c.entries("login.oidc.scopes", len(o.Scopes), maxKeys)
	}
}

func (k *key) check(c *checks) {
	kind, known := keyTypes[k.Algorithm]
	c.that(known, refusal.Invalid("The field %s must be one of: %s.", "login.jwt.keys.alg", "HS256, RS256, ES256, EdDSA"))
	c.length("login.jwt.keys.kid", k.ID, maxName)
	c.length("login.jwt.keys.secret", k.Secret, maxSecret)
	k.JWK = c.object("login.jwt.keys.jwk", k.JWK, maxKey)
	if c.err != nil {
		return
	}
	if kind == "" {
		c.that(k.Secret == "" || len(k.Secret) >= minSecret, refusal.Invalid("The secret of a key must have at least %d bytes.", minSecret))
		c.that(k.JWK == nil, errKey)
		return
	}
	var public struct {
		Kind    string `json:"kty"`
		Private any    `json:"d"`
	}
	c.that(k.Secret == "" && k.JWK != nil && json.Unmarshal(k.JWK, &public) == nil && public.Kind == kind && public.Private == nil, errKey)
}

var errKey = refusal.Invalid("A key has either a secret (HS256) or, in jwk, a public key of the kind that its alg needs.")

// settings gives the ways as they are kept: secrets that are not said again stay.
func (w *ways) settings(before *accounts.LoginSettings) (s accounts.LoginSettings, err error) {
	s.NoPassword, s.Clients = w.Password != nil && !*w.Password, w.Clients
	if w.JWT != nil {
		s.JWT = &accounts.JWTLogin{Issuer: w.JWT.Issuer, JWKSURL: w.JWT.JWKSURL}
		for _, k := range w.JWT.Keys {
			made := accounts.JWTKey{ID: k.ID, Algorithm: k.Algorithm, Secret: k.kept(secretOf(before.JWT, k)), JWK: k.JWK}
			if made.Secret == "" && made.JWK == nil {
				return s, errKey
			}
			s.JWT.Keys = append(s.JWT.Keys, made)
		}
	}
	if w.SSO != nil {
		s.SSO = &accounts.SSOLogin{Name: w.SSO.Name, URL: w.SSO.URL}
	}
	if o := w.OIDC; o != nil {
		s.OIDC = &accounts.OIDCLogin{
			Name: o.Name, Issuer: o.Issuer, ClientID: o.ClientID, ClientSecret: o.Secret, Scopes: o.Scopes, UserClaim: o.UserClaim,
		}
		// A secret is not handed to another provider.
		if o.Secret == "" && before.OIDC != nil && before.OIDC.Issuer == o.Issuer && before.OIDC.ClientID == o.ClientID {
			s.OIDC.ClientSecret = before.OIDC.ClientSecret
		}
	}
	return s, nil
}

// secretOf gives the secret that the key of this ID has so far.
func secretOf(before *accounts.JWTLogin, k key) string {
	if before == nil || keyTypes[k.Algorithm] != "" {
		return ""
	}
	i := slices.IndexFunc(before.Keys, func(b accounts.JWTKey) bool { return b.ID == k.ID && b.Algorithm == k.Algorithm })
	if i < 0 {
		return ""
	}
	return before.Keys[i].Secret
}
