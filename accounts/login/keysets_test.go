package login_test

import (
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/login"
	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/config/outbound"
	"github.com/conversalabs/internalchat/storage/sqldb/sqltest"
)

// keyServer publishes keys as a file, as many do.
type keyServer struct {
	*httptest.Server
	t    testing.TB
	file string
}

func newKeyServer(t testing.TB) *keyServer {
	folder := t.TempDir()
	s := &keyServer{t: t, file: filepath.Join(folder, "jwks.json"), Server: httptest.NewServer(http.FileServer(http.Dir(folder)))}
	t.Cleanup(s.Close)
	return s
}

func (s *keyServer) publish(keys ...jose.JSONWebKey) {
	s.t.Helper()
	text, err := json.Marshal(jose.JSONWebKeySet{Keys: keys})
	if err == nil {
		err = os.WriteFile(s.file, text, 0o600)
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

// loopback lets calls reach this machine.
func loopback(o *login.Options) {
	o.Client = outbound.New(outbound.Options{Networks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
}

func TestPublishedKeys(t *testing.T) {
	t.Parallel()
	var passed atomic.Int64 // seconds; tokens are always new
	var reported atomic.Int64
	f := newJWTFixture(t, sqltest.SQLite(t), loopback, func(o *login.Options) {
		o.Now = func() time.Time { return now().Add(time.Duration(passed.Load()) * time.Second) }
		o.Report = func(tenant.ID, error) { reported.Add(1) }
	})
	s := newKeyServer(t)
	f.change("acme", func(l *accounts.LoginSettings) {
		l.JWT.Keys, l.JWT.JWKSURL = nil, s.URL+"/jwks.json"
	})
	come := func(m maker) error {
		at := now().Add(time.Duration(passed.Load()) * time.Second)
		return f.come(m.mustSign(t, good(claims{"exp": at.Add(time.Minute).Unix()})))
	}
	mustIn := func(when string, m maker) {
		t.Helper()
		if err := come(m); err != nil {
			t.Errorf("%s: %s: %v", when, m.id, err)
		}
	}
	mustOut := func(when string, m maker) {
		t.Helper()
		if err := come(m); !errors.Is(err, login.ErrAssertion) {
			t.Errorf("%s: %s: got %v, want it refused", when, m.id, err)
		}
	}
	first, second := maker{"first", jose.EdDSA, newEdDSA()}, maker{"second", jose.ES256, newECDSA(elliptic.P256())}
	mustOut("nothing published", first)
	if reported.Load() == 0 {
		t.Error("nobody is told that the keys cannot be fetched")
	}
	passed.Add(30)
	s.publish(first.public())
	mustIn("published", first)
	mustOut("unknown", second)

	// A new key is fetched before the set is old, but not at every word of anybody.
	s.publish(first.public(), second.public())
	mustOut("too soon", second)
	passed.Add(30)
	mustIn("rotated", second)
	mustIn("rotated", first)

	// A key that was taken back is good until the set is fetched again.
	s.publish(second.public())
	mustIn("not yet asked", first)
	passed.Add(600)
	mustOut("taken back", first)
	mustIn("still there", second)

	// What cannot be fetched again holds for an hour.
	if err := os.Remove(s.file); err != nil {
		t.Fatal(err)
	}
	passed.Add(3599)
	mustIn("held", second)
	passed.Add(30)
	mustOut("held too long", second)
}

// Of what is published, public keys for signatures count, each by its own
// algorithm.
func TestPublishedKeysOfOtherKinds(t *testing.T) {
	t.Parallel()
	f := newJWTFixture(t, sqltest.SQLite(t), loopback)
	s := newKeyServer(t)
	f.change("acme", func(l *accounts.LoginSettings) { l.JWT.Keys, l.JWT.JWKSURL = nil, s.URL+"/jwks.json" })
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	f.must(err)
	wide := maker{"wide", jose.ES384, newECDSA(elliptic.P384())}
	plain := maker{"plain", jose.EdDSA, newEdDSA()}
	sealing := maker{"sealing", jose.EdDSA, newEdDSA()}
	sealingKey := sealing.public()
	sealingKey.Use = "enc"
	private := maker{"private", jose.EdDSA, newEdDSA()}
	s.publish(
		jose.JSONWebKey{Key: []byte(secret), KeyID: "hs", Algorithm: "HS256"}, maker{"weak", jose.RS256, weak}.public(), wide.public(),
		sealingKey, jose.JSONWebKey{Key: private.key, KeyID: "private"}, jose.JSONWebKey{Key: plain.public().Key, KeyID: "plain"},
	)
	f.must(f.come(plain.mustSign(t, good(nil))))
	for _, m := range []maker{makers()[0], {"weak", jose.RS256, weak}, wide, sealing, private} {
		if err := f.come(m.mustSign(t, good(nil))); !errors.Is(err, login.ErrAssertion) {
			t.Errorf("%s: got %v, want it refused", m.id, err)
		}
	}
}

// An account cannot make the server call the network it stands in.
func TestKeysAreNotFetchedFromWithin(t *testing.T) {
	t.Parallel()
	reported := make(chan error, 1)
	f := newJWTFixture(t, sqltest.SQLite(t), func(o *login.Options) {
		o.Report = func(_ tenant.ID, err error) { reported <- err }
	})
	s := newKeyServer(t)
	s.publish(makers()[3].public())
	f.change("acme", func(l *accounts.LoginSettings) { l.JWT.Keys, l.JWT.JWKSURL = nil, s.URL+"/jwks.json" })
	mustRefuse(t, f.come(makers()[3].mustSign(t, good(nil))), http.StatusForbidden, "M_FORBIDDEN")
	if err := <-reported; !outbound.Refused(err) {
		t.Errorf("got %v, want a refused address", err)
	}
}

func TestCheckKey(t *testing.T) {
	t.Parallel()
	for _, m := range makers() {
		if err := login.CheckKey(m.setting(t)); err != nil {
			t.Errorf("%s: %v", m.id, err)
		}
	}
	rs, ed := makers()[1].setting(t), makers()[3].setting(t)
	private, err := json.Marshal(jose.JSONWebKey{Key: makers()[3].key})
	if err != nil {
		t.Fatal(err)
	}
	for name, key := range map[string]accounts.JWTKey{
		"empty":              {},
		"no algorithm":       {Secret: secret},
		"none":               {Algorithm: "none"},
		"another algorithm":  {Algorithm: "RS256", JWK: ed.JWK},
		"a short secret":     {Algorithm: "HS256", Secret: secret[1:]},
		"a secret and a key": {Algorithm: "HS256", Secret: secret, JWK: rs.JWK},
		"a key and a secret": {Algorithm: "RS256", Secret: secret, JWK: rs.JWK},
		"a private key":      {Algorithm: "EdDSA", JWK: private},
		"no key":             {Algorithm: "EdDSA"},
		"another thing":      {Algorithm: "EdDSA", JWK: json.RawMessage(`{"kty":"oct","k":"AAAA"}`)},
	} {
		if err := login.CheckKey(key); !errors.Is(err, login.ErrJWTKey) {
			t.Errorf("%s: got %v, want %v", name, err, login.ErrJWTKey)
		}
	}
}
