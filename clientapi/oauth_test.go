package clientapi_test

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/oauth"
	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/sqldb/sqltest"
)

// mustFail demands one error of OAuth.
func mustFail(t testing.TB, err error, code string) {
	t.Helper()
	if got := new(oauth2.RetrieveError); !errors.As(err, &got) || got.ErrorCode != code {
		t.Fatalf("got %v, want %s", err, code)
	}
}

// mustBeIn demands that a token is Ana's on a device.
func (s *oauthServer) mustBeIn(token, device string) {
	s.t.Helper()
	who := s.with(token).must(get, "/account/whoami", "")
	if who.Get("user_id").Str != s.ana.user || who.Get("device_id").Str != device {
		s.t.Errorf("got %s, want Ana on %s", who.Raw, device)
	}
}

func TestOAuthCode(t *testing.T) {
	eachOAuth(t, func(s *oauthServer) {
		verifier := oauth2.GenerateVerifier()
		to, got := s.mustAllow(s.client, verifier)
		if !strings.HasPrefix(to.String(), redirect+"&") || got.Get("state") != "the state" || to.Fragment != "" {
			s.t.Errorf("got %s, want the client's address with its state", to)
		}
		token, err := s.client.Exchange(s.t.Context(), got.Get("code"), oauth2.VerifierOption(verifier))
		if err != nil {
			s.t.Fatal(err)
		}
		if token.TokenType != "Bearer" || token.ExpiresIn != 3600 || !strings.HasPrefix(token.AccessToken, "ic_at_default_") ||
			token.RefreshToken == "" || token.Extra("scope") != apiScope+" "+phoneOnly {
			s.t.Errorf("got %+v", token)
		}
		s.mustBeIn(token.AccessToken, phone)
		devices := s.with(token.AccessToken).must(get, "/devices", "")
		if name := devices.Get(`devices.#(device_id=="` + phone + `").display_name`).Str; name != "Kitchen <b>Chat" {
			s.t.Errorf("got the device %s", devices.Raw)
		}
		s.with(token.AccessToken).must(post, "/logout", "{}")
		s.with(token.AccessToken).mustEnd()
		_, err = s.refresh(s.client, token.RefreshToken)
		mustFail(s.t, err, "invalid_grant")
	})
}

// The unstable scopes, the fragment, an app's own scheme, and a port that it chose.
func TestOAuthWays(t *testing.T) {
	eachOAuth(t, func(s *oauthServer) {
		app := s.mustClient(appClient)
		app.Scopes = []string{"openid", "urn:matrix:org.matrix.msc2967.client:api:*", "urn:matrix:org.matrix.msc2967.client:device:TABLETTABLET"}
		verifier := oauth2.GenerateVerifier()
		for _, address := range []string{"test.client.app:/back", "http://[::1]:12345/back"} {
			app.RedirectURL = address
			to, got := s.mustAllow(app, verifier, oauth2.SetAuthURLParam("response_mode", "fragment"))
			if !strings.HasPrefix(to.String(), address+"#") || to.RawQuery != "" || got.Get("state") != "the state" {
				s.t.Errorf("got %s, want %s with a fragment", to, address)
			}
			token, err := app.Exchange(s.t.Context(), got.Get("code"), oauth2.VerifierOption(verifier))
			if err != nil {
				s.t.Fatal(err)
			}
			s.mustBeIn(token.AccessToken, "TABLETTABLET")
			if got := token.Extra("scope"); got != strings.Join(app.Scopes[1:], " ") {
				s.t.Errorf("got the scope %v, want Matrix's alone", got)
			}
		}
	})
}

func TestOAuthCodeIsForItsClientOnce(t *testing.T) {
	eachOAuth(t, func(s *oauthServer) {
		verifier := oauth2.GenerateVerifier()
		_, got := s.mustAllow(s.client, verifier)
		exchange := func(client *oauth2.Config, verifier string) (*oauth2.Token, error) {
			return client.Exchange(s.t.Context(), got.Get("code"), oauth2.VerifierOption(verifier))
		}
		_, err := exchange(s.client, oauth2.GenerateVerifier())
		mustFail(s.t, err, "invalid_grant")
		_, err = s.client.Exchange(s.t.Context(), got.Get("code"))
		mustFail(s.t, err, "invalid_grant")
		foreign := s.mustClient(appClient)
		foreign.RedirectURL = redirect
		_, err = exchange(foreign, verifier)
		mustFail(s.t, err, "invalid_grant")
		elsewhere := *s.client
		elsewhere.RedirectURL = "https://chat.client.test/other"
		_, err = exchange(&elsewhere, verifier)
		mustFail(s.t, err, "invalid_grant")

		token, err := exchange(s.client, verifier)
		if err != nil {
			s.t.Fatal(err)
		}
		// Who does not have the verifier ends nothing.
		_, err = exchange(s.client, oauth2.GenerateVerifier())
		mustFail(s.t, err, "invalid_grant")
		s.mustBeIn(token.AccessToken, phone)
		_, err = exchange(s.client, verifier)
		mustFail(s.t, err, "invalid_grant")
		s.with(token.AccessToken).mustEnd()
		s.ana.must(get, "/account/whoami", "")
	})
}

func TestOAuthCodeExpires(t *testing.T) {
	eachOAuth(t, func(s *oauthServer) {
		verifier := oauth2.GenerateVerifier()
		_, got := s.mustAllow(s.client, verifier)
		s.clock.Add(oauth.CodeLife.Milliseconds())
		_, err := s.client.Exchange(s.t.Context(), got.Get("code"), oauth2.VerifierOption(verifier))
		mustFail(s.t, err, "invalid_grant")
	})
}

func TestOAuthOnAnotherNode(t *testing.T) {
	t.Parallel()
	s := newOAuthServer(t, sqltest.Postgres(t))
	verifier := oauth2.GenerateVerifier()
	_, got := s.mustAllow(s.client, verifier)
	other := *s
	other.testServer = s.mustNode("")
	client := *s.client
	client.Endpoint.TokenURL = strings.Replace(client.Endpoint.TokenURL, s.URL, other.URL, 1)
	token, err := client.Exchange(t.Context(), got.Get("code"), oauth2.VerifierOption(verifier))
	if err != nil {
		t.Fatal(err)
	}
	s.mustBeIn(token.AccessToken, phone)
	other.mustBeIn(token.AccessToken, phone)
	_, err = s.client.Exchange(t.Context(), got.Get("code"), oauth2.VerifierOption(verifier))
	mustFail(t, err, "invalid_grant")
	other.with(token.AccessToken).mustEnd()
}

func TestOAuthRefresh(t *testing.T) {
	eachOAuth(t, func(s *oauthServer) {
		first := s.mustGrant(s.client)
		_, err := s.refresh(s.mustClient(appClient), first.RefreshToken)
		mustFail(s.t, err, "invalid_grant")
		s.nobodyYet().mustRefuse(post, "/refresh", `{"refresh_token":"`+first.RefreshToken+`"}`, http.StatusUnauthorized, "M_UNKNOWN_TOKEN")
		s.clock.Add(time.Hour.Milliseconds())
		expired := s.with(first.AccessToken).mustRefuse(get, "/account/whoami", "", http.StatusUnauthorized, "M_UNKNOWN_TOKEN")
		if !expired.Get("soft_logout").Bool() {
			s.t.Errorf("got %s, want a soft logout", expired.Raw)
		}
		second, err := s.refresh(s.client, first.RefreshToken)
		if err != nil {
			s.t.Fatal(err)
		}
		if second.RefreshToken == first.RefreshToken || second.AccessToken == first.AccessToken {
			s.t.Error("got the same tokens again")
		}
		s.mustBeIn(second.AccessToken, phone)
		// Used again, it is taken for stolen.
		_, err = s.refresh(s.client, first.RefreshToken)
		mustFail(s.t, err, "invalid_grant")
		s.with(second.AccessToken).mustEnd()
		_, err = s.refresh(s.client, second.RefreshToken)
		mustFail(s.t, err, "invalid_grant")
		// A token of the older way to sign in is no client's.
		old := s.nobodyYet().must(post, "/login", loginBody("ana", testPassword, `"refresh_token":true`))
		_, err = s.refresh(s.client, old.Get("refresh_token").Str)
		mustFail(s.t, err, "invalid_grant")
	})
}

func TestOAuthRevocation(t *testing.T) {
	eachOAuth(t, func(s *oauthServer) {
		b := newBrowser(s.t)
		revoke := func(token string) {
			s.t.Helper()
			if got := b.post(s.endpoint("revocation"), url.Values{"token": {token}}); got.StatusCode != http.StatusOK {
				s.t.Errorf("got %d %s, want 200", got.StatusCode, got.text)
			}
		}
		revoke("nonsense")
		for _, which := range []func(*oauth2.Token) string{
			func(t *oauth2.Token) string { return t.AccessToken },
			func(t *oauth2.Token) string { return t.RefreshToken },
		} {
			token := s.mustGrant(s.client)
			s.mustBeIn(token.AccessToken, phone)
			revoke(strings.Replace(which(token), "_default_", "_other_", 1))
			s.mustBeIn(token.AccessToken, phone)
			revoke(which(token))
			s.with(token.AccessToken).mustEnd()
			_, err := s.refresh(s.client, token.RefreshToken)
			mustFail(s.t, err, "invalid_grant")
			if devices := s.ana.must(get, "/devices", ""); strings.Contains(devices.Raw, phone) {
				s.t.Errorf("got %s, want the device gone", devices.Raw)
			}
			revoke(which(token))
		}
		if got := b.post(s.endpoint("revocation"), url.Values{}); got.StatusCode != http.StatusBadRequest || got.json.Get("error").Str != "invalid_request" {
			s.t.Errorf("got %d %s, want a refusal", got.StatusCode, got.text)
		}
	})
}

// Who is locked out or gone by the time is let in nowhere, and a session that waits for
// its user is not thrown away.
func TestOAuthOfUsersWhoMayNot(t *testing.T) {
	eachOAuth(t, func(s *oauthServer) {
		caller := tenant.Caller{Account: tenant.Default, Server: "hs1", User: "@root:hs1", Role: tenant.Administrator}
		_, err := s.accounts.CreateUser(s.t.Context(), tenant.Caller{Account: tenant.Default}, accounts.NewUser{Name: "root", Role: tenant.Administrator})
		if err != nil {
			s.t.Fatal(err)
		}
		lock := func(on bool) {
			if err := s.accounts.SetStanding(s.t.Context(), caller, "@ana:hs1", accounts.Locked, on); err != nil {
				s.t.Fatal(err)
			}
		}
		verifier := oauth2.GenerateVerifier()
		token := s.mustGrant(s.client)
		_, got := s.mustAllow(s.client, verifier)
		lock(true)
		_, err = s.client.Exchange(s.t.Context(), got.Get("code"), oauth2.VerifierOption(verifier))
		mustFail(s.t, err, "access_denied")
		_, err = s.refresh(s.client, token.RefreshToken)
		mustFail(s.t, err, "access_denied")
		b := newBrowser(s.t)
		page := b.mustSee(s.client.AuthCodeURL("", oauth2.S256ChallengeOption(verifier)), http.StatusOK, `name="password"`)
		said := s.press(b, page, "sign-in", "user", "ana", "password", testPassword)
		if !strings.Contains(said.text, "locked out") || !strings.Contains(said.text, `role="alert"`) {
			s.t.Errorf("got %s, want that she is locked out", said.text)
		}
		lock(false)
		if token, err = s.refresh(s.client, token.RefreshToken); err != nil {
			s.t.Fatal(err)
		}
		s.mustBeIn(token.AccessToken, phone)

		_, got = s.mustAllow(s.client, verifier)
		if err := s.accounts.Deactivate(s.t.Context(), tenant.Caller{Account: tenant.Default}, "@ana:hs1"); err != nil {
			s.t.Fatal(err)
		}
		_, err = s.client.Exchange(s.t.Context(), got.Get("code"), oauth2.VerifierOption(verifier))
		mustFail(s.t, err, "invalid_grant")
	})
}

// What was granted and not fetched yet ends with all the rest; what was fetched is
// still known, for when somebody comes with its code again.
func TestOAuthGrantsEndWithTheSessions(t *testing.T) {
	house, ana := tenant.Caller{Account: tenant.Default, Server: "hs1"}, id.UserID("@ana:hs1")
	for name, end := range map[string]func(s *oauthServer) error{
		"logout":     func(s *oauthServer) error { return s.accounts.EndAll(s.t.Context(), house, ana) },
		"password":   func(s *oauthServer) error { return s.accounts.SetPassword(s.t.Context(), house, ana, "another", false) },
		"deactivate": func(s *oauthServer) error { return s.accounts.Deactivate(s.t.Context(), house, ana) },
		"provisioning": func(s *oauthServer) error {
			gone := accounts.Provision{User: &accounts.UserChange{External: "42", Version: 1, Record: accounts.Record{Role: tenant.Agent}}}
			_, err := s.accounts.Provision(s.t.Context(), house, gone)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			eachOAuth(t, func(s *oauthServer) {
				s.provision(s.ana, "42")
				s.mustGrant(s.client)
				verifier := oauth2.GenerateVerifier()
				_, got := s.mustAllow(s.client, verifier)
				b := &sqldb.Batch{}
				b.Add(`UPDATE oauth_grants SET password = ''`) // as if she had come from a page elsewhere
				b.Add(`UPDATE users SET record = $1 WHERE user_id = $2`, []byte("{}"), ana)
				if err := s.db.Commit(s.t.Context(), b); err != nil {
					s.t.Fatal(err)
				}
				if err := end(s); err != nil {
					s.t.Fatal(err)
				}
				_, err := s.client.Exchange(s.t.Context(), got.Get("code"), oauth2.VerifierOption(verifier))
				mustFail(s.t, err, "invalid_grant")
				left, err := sqldb.All(s.t.Context(), s.db, sqldb.Value[string], `SELECT stage FROM oauth_grants`)
				if err != nil || !slices.Equal(left, []string{"used"}) {
					s.t.Errorf("got grants %v, %v, want the used one", left, err)
				}
			})
		})
	}
}
