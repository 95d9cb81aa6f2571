package login_test

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/login"
	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/storage/sqldb/sqltest"
)

func TestJWTLogin(t *testing.T) {
	t.Parallel()
	eachJWT(t, func(f *fixture) {
		for _, m := range makers() {
			in, err := comeTo(f.t.Context(), f.Service, m.mustSign(f.t, good(nil)))
			if err != nil || in.User != ana || in.Device != "PHONE" {
				f.t.Errorf("%s: got %+v, %v", m.id, in, err)
			}
			unnamed := m
			unnamed.id = ""
			f.must(f.come(unnamed.mustSign(f.t, good(claims{"aud": []string{"else.test", "acme.test"}, "nbf": nil, "iat": nil}))))
		}
		f.must(f.come(makers()[0].mustSign(f.t, good(claims{"exp": now().Add(5 * time.Minute).Unix(), "iat": now().Add(29 * time.Second).Unix()}))))
	})
}

// Whatever is wrong with a token, the refusal is the same.
func TestJWTRefusals(t *testing.T) {
	t.Parallel()
	eachJWT(t, func(f *fixture) {
		hs, rs, es, ed := makers()[0], makers()[1], makers()[2], makers()[3]
		f.change("other", func(s *accounts.LoginSettings) {
			s.JWT = &accounts.JWTLogin{Keys: []accounts.JWTKey{{ID: "theirs", Algorithm: "HS256", Secret: strings.Repeat("x", 32)}}}
		})
		tokens := map[string]string{}
		for name, c := range map[string]claims{
			"expired":               {"exp": now().Unix()},
			"expires too far ahead": {"exp": now().Add(5*time.Minute + time.Second).Unix()},
			"never expires":         {"exp": nil},
			"another audience":      {"aud": "other.test"},
			"no audience":           {"aud": nil},
			"another issuer":        {"iss": "somebody"},
			"no issuer":             {"iss": nil},
			"no ID":                 {"jti": nil},
			"an empty ID":           {"jti": ""},
			"a long ID":             {"jti": strings.Repeat("x", 256)},
			"not yet":               {"nbf": now().Add(31 * time.Second).Unix()},
			"made later":            {"iat": now().Add(31 * time.Second).Unix()},
			"an unknown user":       {"sub": "43"},
			"nobody":                {"sub": nil},
			"a Matrix name":         {"sub": string(ana)},
			"too long":              {"more": strings.Repeat("x", 8<<10)},
			"a number as user":      {"sub": 42},
		} {
			tokens[name] = ed.mustSign(f.t, good(c))
		}
		with := func(m maker, id string, key any, algorithm jose.SignatureAlgorithm) string {
			m.id, m.key, m.algorithm = id, key, algorithm
			return m.mustSign(f.t, good(nil))
		}
		publicRSA, err := x509.MarshalPKIXPublicKey(&rs.key.(*rsa.PrivateKey).PublicKey)
		f.must(err)
		tokens["a public key as secret"] = with(hs, "rs", publicRSA, jose.HS256)
		tokens["a public JWK as secret"] = with(hs, "ed", []byte(rs.setting(f.t).JWK), jose.HS256)
		tokens["another algorithm of the key"] = with(rs, "rs", rs.key, jose.RS512)
		tokens["PSS by an RS256 key"] = with(rs, "rs", rs.key, jose.PS256)
		tokens["HS512 by the secret"] = with(hs, "hs", append([]byte(secret), secret...), jose.HS512)
		tokens["a key of another name"] = with(es, "hs", es.key, jose.ES256)
		tokens["an unknown key"] = with(ed, "new", newEdDSA(), jose.EdDSA)
		tokens["a stranger's key of a known name"] = with(ed, "ed", newEdDSA(), jose.EdDSA)
		tokens["another account's key"] = with(hs, "theirs", []byte(strings.Repeat("x", 32)), jose.HS256)
		tokens["another account's key, unnamed"] = with(hs, "", []byte(strings.Repeat("x", 32)), jose.HS256)
		part := strings.Split(ed.mustSign(f.t, good(nil)), ".")
		encode := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
		tokens["no algorithm"] = encode(`{"alg":"none"}`) + "." + part[1] + "."
		tokens["no algorithm, signed"] = encode(`{"alg":"none","kid":"ed"}`) + "." + part[1] + "." + part[2]
		tokens["other claims"] = part[0] + "." + strings.Split(ed.mustSign(f.t, good(nil)), ".")[1] + "." + part[2]
		tokens["no signature"] = part[0] + "." + part[1] + "."
		tokens["a piece"] = part[0] + "." + part[1]
		tokens["a word"] = "word"
		for name, token := range tokens {
			if err := f.come(token); !errors.Is(err, login.ErrAssertion) {
				f.t.Errorf("%s: got %v, want %v", name, err, login.ErrAssertion)
			}
		}
		devices, err := f.accounts.Devices(f.t.Context(), "acme", ana)
		if err != nil || len(devices) != 0 {
			f.t.Errorf("got devices %v, %v, want none", devices, err)
		}
		mustRefuse(f.t, f.come(""), http.StatusBadRequest, "M_MISSING_PARAM")
		f.change("acme", func(s *accounts.LoginSettings) { s.JWT = nil })
		mustRefuse(f.t, f.come(ed.mustSign(f.t, good(nil))), http.StatusBadRequest, "M_UNKNOWN")
	})
}

// A token lets in once, whatever else it is used for.
func TestJWTIsGoodOnce(t *testing.T) {
	t.Parallel()
	eachJWT(t, func(f *fixture) {
		m := makers()[3]
		token := m.mustSign(f.t, good(nil))
		f.must(f.come(token))
		if err := f.come(token); !errors.Is(err, login.ErrAssertion) {
			f.t.Errorf("again: got %v", err)
		}
		auth := &login.Auth{Type: login.JWTType, Token: token}
		mustRefuse(f.t, f.Confirm(f.t.Context(), f.caller, request, "", auth), http.StatusUnauthorized, "M_FORBIDDEN")
		// Its ID is what is used up: another token of the same ID is the same.
		first := good(nil)
		auth.Token = m.mustSign(f.t, first)
		f.must(f.Confirm(f.t.Context(), f.caller, request, "", auth))
		first["more"] = true
		if err := f.come(m.mustSign(f.t, first)); !errors.Is(err, login.ErrAssertion) {
			f.t.Errorf("after a confirmation: got %v", err)
		}
	})
}

// Of many who bring the same token to two nodes at once, one is let in.
func TestJWTOnTwoNodes(t *testing.T) {
	t.Parallel()
	eachJWT(t, func(f *fixture) {
		two, _ := openNode(f.t, f.db)
		token := makers()[3].mustSign(f.t, good(nil))
		var in, out atomic.Int64
		var all sync.WaitGroup
		for i := range 8 {
			all.Go(func() {
				_, err := comeTo(f.t.Context(), []*login.Service{f.Service, two}[i%2], token)
				switch {
				case err == nil:
					in.Add(1)
				case errors.Is(err, login.ErrAssertion):
					out.Add(1)
				default:
					f.t.Errorf("got %v", err)
				}
			})
		}
		all.Wait()
		if in.Load() != 1 || out.Load() != 7 {
			f.t.Errorf("got %d in and %d refused, want 1 and 7", in.Load(), out.Load())
		}
	})
}

func TestJWTOfWhoMayNotSignIn(t *testing.T) {
	t.Parallel()
	eachJWT(t, func(f *fixture) {
		m := makers()[3]
		f.must(f.accounts.ChangeAccount(f.t.Context(), f.caller, func(s *accounts.Settings) error {
			s.Disabled = true
			return nil
		}))
		err := f.come(m.mustSign(f.t, good(nil)))
		mustRefuse(f.t, err, http.StatusUnauthorized, "M_USER_LOCKED")
		if reason := refusal.As(err).Reason; reason != string(tenant.LockedAccount) {
			f.t.Errorf("got reason %q, want %q", reason, tenant.LockedAccount)
		}
		f.must(f.accounts.Deactivate(f.t.Context(), tenant.Caller{Account: "acme"}, ana))
		mustRefuse(f.t, f.come(m.mustSign(f.t, good(nil))), http.StatusForbidden, "M_USER_DEACTIVATED")
	})
}

func TestFailedTokensAreLimited(t *testing.T) {
	t.Parallel()
	f := newJWTFixture(t, sqltest.SQLite(t), rates)
	for range 30 {
		if err := f.come("word"); !errors.Is(err, login.ErrAssertion) {
			t.Fatal(err)
		}
	}
	mustRefuse(t, f.come(makers()[3].mustSign(t, good(nil))), http.StatusTooManyRequests, "M_LIMIT_EXCEEDED")
}

// A key that cannot be read is passed over, and the others go on.
func TestBrokenKeyIsPassedOver(t *testing.T) {
	t.Parallel()
	var reported atomic.Int64
	f := newJWTFixture(t, sqltest.SQLite(t), func(o *login.Options) { o.Report = func(tenant.ID, error) { reported.Add(1) } })
	f.change("acme", func(l *accounts.LoginSettings) {
		l.JWT.Keys = append([]accounts.JWTKey{{ID: "broken", Algorithm: "EdDSA"}}, l.JWT.Keys...)
	})
	f.must(f.come(makers()[3].mustSign(t, good(nil))))
	if reported.Load() == 0 {
		t.Error("nobody is told of the broken key")
	}
}

func TestPasswordsMayBeSwitchedOff(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.change("acme", func(l *accounts.LoginSettings) { l.NoPassword = true })
	for _, given := range []string{password, "wrong horse"} {
		if err := f.try("ana", given, ""); !errors.Is(err, login.ErrNoPasswords) {
			t.Errorf("got %v, want %v", err, login.ErrNoPasswords)
		}
	}
	auth := &login.Auth{Type: "m.login.password", Password: password}
	mustRefuse(t, f.Confirm(t.Context(), f.caller, request, "", auth), http.StatusForbidden, "M_FORBIDDEN")
	if flows, err := f.Flows(t.Context(), "acme"); err != nil || len(flows) != 1 || flows[0].Type != "m.login.token" {
		t.Errorf("got %v, %v, want the login token alone", flows, err)
	}
	if err := f.try("@ana:other.test", password, ""); !errors.Is(err, accounts.ErrLogin) {
		t.Errorf("another account: got %v, want %v", err, accounts.ErrLogin)
	}
}
