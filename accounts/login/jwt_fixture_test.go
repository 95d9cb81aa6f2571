package login_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"maps"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/login"
	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/sqldb/sqltest"
)

// secret is long enough for HS256.
const secret = "0123456789abcdef0123456789abcdef"

// maker makes tokens by one key.
type maker struct {
	id        string
	algorithm jose.SignatureAlgorithm
	key       any // secret or private key
}

// makers are of every algorithm, made once: RSA takes its time.
var makers = sync.OnceValue(func() []maker {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return []maker{
		{"hs", jose.HS256, []byte(secret)},
		{"rs", jose.RS256, rsaKey},
		{"es", jose.ES256, newECDSA(elliptic.P256())},
		{"ed", jose.EdDSA, newEdDSA()},
	}
})

func newECDSA(c elliptic.Curve) *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(c, rand.Reader)
	if err != nil {
		panic(err)
	}
	return key
}

func newEdDSA() ed25519.PrivateKey {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		panic(err)
	}
	return key
}

// public is the maker's key as others may see it.
func (m maker) public() jose.JSONWebKey {
	jwk := jose.JSONWebKey{Key: m.key, KeyID: m.id, Algorithm: string(m.algorithm), Use: "sig"}
	return jwk.Public()
}

// setting is the maker's key in the settings of an account.
func (m maker) setting(t testing.TB) accounts.JWTKey {
	t.Helper()
	if m.algorithm == jose.HS256 {
		return accounts.JWTKey{ID: m.id, Algorithm: "HS256", Secret: secret}
	}
	jwk, err := json.Marshal(m.public())
	if err != nil {
		t.Fatal(err)
	}
	return accounts.JWTKey{ID: m.id, Algorithm: string(m.algorithm), JWK: jwk}
}

type claims map[string]any

var tokenIDs atomic.Int64

// good are the claims of a token for Ana, with others put in or, if nil, taken out.
func good(others claims) claims {
	c := claims{
		"iss": "conversalabs", "aud": "acme.test", "sub": "42", "jti": "j" + time.Unix(tokenIDs.Add(1), 0).String(),
		"iat": now().Unix(), "nbf": now().Unix(), "exp": now().Add(time.Minute).Unix(),
	}
	maps.Copy(c, others)
	maps.DeleteFunc(c, func(_ string, v any) bool { return v == nil })
	return c
}

func (m maker) mustSign(t testing.TB, c claims) string {
	t.Helper()
	options := &jose.SignerOptions{}
	if m.id != "" {
		options = options.WithHeader("kid", m.id)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: m.algorithm, Key: m.key}, options)
	if err != nil {
		t.Fatal(err)
	}
	token, err := jwt.Signed(signer).Claims(map[string]any(c)).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// change changes how people of an account sign in.
func (f *fixture) change(account tenant.ID, change func(*accounts.LoginSettings)) {
	f.t.Helper()
	f.must(f.accounts.ChangeAccount(f.t.Context(), tenant.Caller{Account: account}, func(s *accounts.Settings) error {
		change(&s.Login)
		return nil
	}))
}

// newJWTFixture lets makers in, and provisions Ana as "42".
func newJWTFixture(t *testing.T, db *sqldb.DB, change ...func(*login.Options)) *fixture {
	t.Helper()
	f := newFixtureOn(t, db, change...)
	f.change("acme", func(s *accounts.LoginSettings) {
		s.JWT = &accounts.JWTLogin{Issuer: "conversalabs"}
		for _, m := range makers() {
			s.JWT.Keys = append(s.JWT.Keys, m.setting(t))
		}
	})
	f.provision(string(ana), "42")
	return f
}

// provision gives a user of acme an ID of ConversaLabs'.
func (f *fixture) provision(user, external string) {
	f.t.Helper()
	b := &sqldb.Batch{}
	b.Add(`UPDATE users SET external = $2 WHERE account = 'acme' AND user_id = $1`, user, external)
	f.must(f.db.Commit(f.t.Context(), b))
}

// come signs in with a token at acme's address.
func (f *fixture) come(token string) error {
	_, err := comeTo(f.t.Context(), f.Service, token)
	return err
}

func comeTo(ctx context.Context, s *login.Service, token string) (*accounts.SignedIn, error) {
	return s.Login(ctx, login.Request{
		Account: "acme", Server: "acme.test", Type: login.JWTType, Token: token, SignIn: accounts.SignIn{Device: "PHONE", IP: "192.0.2.1"},
	})
}

func eachJWT(t *testing.T, test func(*fixture)) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) { test(newJWTFixture(t, db)) })
}
