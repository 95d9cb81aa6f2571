package login

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"errors"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
)

const (
	// longestAhead is how far ahead a token may expire.
	longestAhead = 5 * time.Minute
	// drift is how far the clocks of nodes and of who makes tokens may be apart.
	drift = 30 * time.Second
	// maxToken is how large a token may be, in bytes.
	maxToken = 8 << 10
	// maxTokenID is how long the ID of a token may be, in bytes.
	maxTokenID = 255
)

// algorithms are those by which tokens may be signed.
var algorithms = []jose.SignatureAlgorithm{jose.HS256, jose.RS256, jose.ES256, jose.EdDSA}

// ErrAssertion is said of every token of another system that is not good: which of
// its parts is wrong nobody learns.
var ErrAssertion = refusal.Forbidden("This sign-in is not valid, or it was used before. Please sign in again.")

// assertion is what a good token says: who comes, once.
type assertion struct {
	user *accounts.User
	once accounts.Once
}

// assert checks a JSON Web Token of the account's, except whether it was used
// before, and gives its user, who need not be [admissible]. Everything that is wrong
// with it is [ErrAssertion].
func (s *Service) assert(ctx context.Context, account tenant.ID, settings *accounts.JWTLogin, token string) (*assertion, error) {
	if settings == nil || len(token) > maxToken {
		return nil, ErrAssertion
	}
	server, err := s.accounts.ServerName(ctx, account)
	if err != nil {
		return nil, err
	}
	parsed, err := jwt.ParseSigned(token, algorithms)
	if err != nil || len(parsed.Headers) != 1 {
		return nil, ErrAssertion
	}
	claims := s.verified(ctx, account, settings, parsed)
	if claims == nil || !s.timely(claims) || settings.Issuer != "" && claims.Issuer != settings.Issuer ||
		!claims.Audience.Contains(server) || claims.Subject == "" || claims.ID == "" || len(claims.ID) > maxTokenID {
		return nil, ErrAssertion
	}
	user, err := s.external(ctx, account, claims.Subject)
	if err != nil {
		return nil, err
	}
	// Nodes whose clocks are behind would take the token for a while yet.
	until := claims.Expiry.Time().Add(2 * drift).UnixMilli()
	return &assertion{user, accounts.Once{Token: accounts.Hash(claims.ID), Until: until}}, nil
}

// external gives the user whom ConversaLabs calls so.
func (s *Service) external(ctx context.Context, account tenant.ID, name string) (*accounts.User, error) {
	user, err := s.accounts.UserByExternal(ctx, account, name)
	switch {
	case err != nil:
		return nil, fmt.Errorf("find user: %w", err)
	case user == nil:
		return nil, ErrAssertion
	}
	return user, nil
}

// admissible tells whether a user who proved who they are may sign in.
func admissible(user *accounts.User) error {
	switch {
	case user.Deactivated:
		return accounts.ErrDeactivated
	case user.Lock != "":
		return refusal.UserLocked(string(user.Lock))
	}
	return nil
}

// timely tells whether a token is good now.
func (s *Service) timely(c *jwt.Claims) bool {
	now := s.now()
	if c.Expiry == nil || !now.Before(c.Expiry.Time()) || c.Expiry.Time().After(now.Add(longestAhead)) {
		return false
	}
	for _, begins := range []*jwt.NumericDate{c.NotBefore, c.IssuedAt} {
		if begins != nil && begins.Time().After(now.Add(drift)) {
			return false
		}
	}
	return true
}

// verified gives the claims of a token that one of the account's keys has signed, or
// nil.
func (s *Service) verified(ctx context.Context, account tenant.ID, settings *accounts.JWTLogin, token *jwt.JSONWebToken) *jwt.Claims {
	if claims := claimsBy(s.configured(account, settings), token); claims != nil {
		return claims
	}
	if settings.JWKSURL == "" {
		return nil
	}
	keys, err := s.keySets.keys(ctx, account, settings.JWKSURL, token.Headers[0].KeyID)
	if err != nil {
		s.report(account, fmt.Errorf("fetch the keys of sign-ins: %w", err))
	}
	return claimsBy(keys, token)
}

func claimsBy(keys []key, token *jwt.JSONWebToken) *jwt.Claims {
	head := token.Headers[0]
	for _, k := range keys {
		// A public key must never be taken for the secret of another algorithm.
		if string(k.algorithm) != head.Algorithm || head.KeyID != "" && k.id != "" && k.id != head.KeyID {
			continue
		}
		claims := &jwt.Claims{}
		if token.Claims(k.value, claims) == nil {
			return claims
		}
	}
	return nil
}

// key is a key that tokens are checked with, for one algorithm.
type key struct {
	id        string
	algorithm jose.SignatureAlgorithm
	value     any // secret or public key
}

// minSecret is how long a secret must be, in bytes (RFC 7518, section 3.2).
const minSecret = 32

// ErrJWTKey is said of a key that cannot check tokens.
var ErrJWTKey = refusal.Invalid("A key for sign-ins needs an \"alg\" (HS256, RS256, ES256 or EdDSA) and what belongs to it: a \"secret\" of 32 bytes or more, or a public \"jwk\".")

// configured gives the keys in an account's settings. One that is wrong is passed
// over, and reported.
func (s *Service) configured(account tenant.ID, settings *accounts.JWTLogin) (keys []key) {
	for _, given := range settings.Keys {
		k, err := readKey(given)
		if err != nil {
			s.report(account, fmt.Errorf("key %q of sign-ins: %w", given.ID, err))
			continue
		}
		keys = append(keys, k)
	}
	return keys
}

// CheckKey tells whether a key can check tokens: nil, or [ErrJWTKey].
func CheckKey(given accounts.JWTKey) error {
	_, err := readKey(given)
	return err
}

func readKey(given accounts.JWTKey) (key, error) {
	if given.Algorithm == string(jose.HS256) {
		if len(given.Secret) < minSecret || given.JWK != nil {
			return key{}, ErrJWTKey
		}
		return key{given.ID, jose.HS256, []byte(given.Secret)}, nil
	}
	var jwk jose.JSONWebKey
	if given.Secret != "" || jwk.UnmarshalJSON(given.JWK) != nil {
		return key{}, ErrJWTKey
	}
	k, err := publicKey(jwk)
	if err != nil || string(k.algorithm) != given.Algorithm {
		return key{}, ErrJWTKey
	}
	if given.ID != "" {
		k.id = given.ID
	}
	return k, nil
}

var errKey = errors.New("a JWK is not a public key for RS256, ES256 or EdDSA signatures")

// publicKey reads a JWK, whose kind says for which algorithm it is.
func publicKey(jwk jose.JSONWebKey) (key, error) {
	k := key{id: jwk.KeyID, value: jwk.Key}
	switch public := jwk.Key.(type) {
	case *rsa.PublicKey:
		if public.N.BitLen() < 2048 {
			return key{}, errKey
		}
		k.algorithm = jose.RS256
	case *ecdsa.PublicKey:
		if public.Curve != elliptic.P256() {
			return key{}, errKey
		}
		k.algorithm = jose.ES256
	case ed25519.PublicKey:
		k.algorithm = jose.EdDSA
	default: // secrets and private keys too
		return key{}, errKey
	}
	if jwk.Use != "" && jwk.Use != "sig" || jwk.Algorithm != "" && jwk.Algorithm != string(k.algorithm) {
		return key{}, errKey
	}
	return k, nil
}
