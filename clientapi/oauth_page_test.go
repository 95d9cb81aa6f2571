package clientapi_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/oauth2"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/oauth"
	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/storage/sqldb/sqltest"
)

func (s *oauthServer) begin() string {
	return s.client.AuthCodeURL("the state", oauth2.S256ChallengeOption(oauth2.GenerateVerifier()))
}

func TestOAuthPage(t *testing.T) {
	t.Parallel()
	s := newOAuthServer(t, sqltest.SQLite(t))
	b := newBrowser(t)
	page := b.mustSee(s.begin(), http.StatusOK, `name="password"`)
	if !strings.Contains(page, "Kitchen &lt;b&gt;Chat") || !strings.Contains(page, "(chat.client.test)") || strings.Contains(page, "<script") {
		t.Errorf("got %s, want the client's name, escaped, and its host", page)
	}
	for typed, want := range map[string]string{"ana wrong": "user name or the password is wrong", "nobody x": "user name or the password is wrong", " ": "give a user name", "ana ": "give a password"} {
		user, password, _ := strings.Cut(typed, " ")
		if said := s.press(b, page, "sign-in", "user", user, "password", password); !strings.Contains(said.text, want) || !strings.Contains(said.text, `role="alert"`) {
			t.Errorf("%q: got %s, want %q", typed, said.text, want)
		}
	}
	refused, _, err := s.accounts.Audit(t.Context(), tenant.Default, accounts.AuditQuery{Action: accounts.LoginRefused})
	if err != nil || len(refused) != 2 {
		t.Errorf("got %+v %v, want those who were turned away in the audit", refused, err)
	}
	// Nobody decides before they have signed in.
	if said := s.press(b, page, "allow"); said.StatusCode != http.StatusForbidden {
		t.Errorf("got %d %s, want a refusal", said.StatusCode, said.text)
	}
	page = s.press(b, page, "sign-in", "user", "ana", "password", testPassword).text
	// The page of a decision leads to the client, and nowhere else.
	action := actionPattern.FindStringSubmatch(page)[1]
	response, _ := b.open(s.URL + action)
	if policy := response.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "form-action 'self' https://chat.client.test;") ||
		!strings.Contains(policy, "frame-ancestors 'none'") || response.Header.Get("X-Frame-Options") != "DENY" {
		t.Errorf("got the policy %s", policy)
	}
	for name, do := range map[string]func() answer{
		"no seal":         func() answer { return b.post(s.URL+action, url.Values{"do": {"allow"}}) },
		"a wrong seal":    func() answer { return s.press(b, page, "allow", "seal", "x") },
		"another browser": func() answer { return s.press(newBrowser(t), page, "allow") },
		"no button":       func() answer { return s.press(b, page, "") },
		"another's own seal": func() answer {
			return s.press(b, page, "allow", "seal", sealPattern.FindStringSubmatch(newBrowser(t).mustSee(s.begin(), http.StatusOK, ""))[1])
		},
	} {
		if said := do(); said.StatusCode != http.StatusForbidden {
			t.Errorf("%s: got %d %s, want 403", name, said.StatusCode, said.text)
		}
	}
	newBrowser(t).mustSee(s.URL+action, http.StatusForbidden, "began in another browser")
	denied := s.press(b, page, "deny")
	to, err := url.Parse(denied.Header.Get("Location"))
	if err != nil || to.Host != "chat.client.test" || to.Query().Get("error") != "access_denied" || to.Query().Get("state") != "the state" {
		t.Errorf("got %d %s, want the client's address", denied.StatusCode, to)
	}
	// What is decided is decided.
	if said := s.press(b, page, "allow"); said.StatusCode != http.StatusForbidden {
		t.Errorf("got %d %s, want a refusal", said.StatusCode, said.text)
	}
	page = s.mustSignIn(b, s.begin())
	s.clock.Add(oauth.AskedLife.Milliseconds())
	if said := s.press(b, page, "allow"); said.StatusCode != http.StatusForbidden {
		t.Errorf("got %d %s, want a refusal", said.StatusCode, said.text)
	}
}

func TestOAuthPageInLanguages(t *testing.T) {
	t.Parallel()
	s := newOAuthServer(t, sqltest.SQLite(t))
	for language, want := range map[string]string{"pt-BR": "Senha", "es-AR": "Contraseña", "fr": "Password"} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.begin(), http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Accept-Language", language)
		response, err := newBrowser(t).Do(r)
		if err != nil {
			t.Fatal(err)
		}
		if page := readAll(t, response); !strings.Contains(page, want) {
			t.Errorf("%s: got %s, want %s", language, page, want)
		}
	}
}

// People who sign in on a page elsewhere come back with a login token, which is good
// in their own browser only, and once.
func TestOAuthBySSO(t *testing.T) {
	t.Parallel()
	eachSSO(t, func(sso *ssoServer) {
		s := &oauthServer{testServer: sso.mustNode(""), ana: sso.ana}
		sso.change(func(l *accounts.LoginSettings) { l.NoPassword, l.OIDC = true, nil })
		s.metadata = s.nobodyYet().must(get, "/_matrix/client/v1/auth_metadata", "")
		s.client = s.mustClient(webClient)
		verifier := oauth2.GenerateVerifier()
		b := newBrowser(sso.t)
		page := b.mustSee(s.client.AuthCodeURL("", oauth2.S256ChallengeOption(verifier)), http.StatusOK, "your organisation")
		if strings.Contains(page, `name="password"`) {
			sso.t.Error("the page asks for a password, which the account does not take")
		}
		at := b.mustLeave(s.URL + strings.ReplaceAll(linkPattern.FindStringSubmatch(page)[1], "&amp;", "&"))
		back := at.Query().Get("redirect_uri") + "?" + url.Values{"state": {at.Query().Get("state")}, "token": {sso.token("42")}}.Encode()
		_, page = b.open(back)
		if !strings.Contains(page, "@ana:hs1") {
			sso.t.Fatalf("got %s, want the page where Ana decides", page)
		}
		to, err := url.Parse(s.press(b, page, "allow").Header.Get("Location"))
		if err != nil {
			sso.t.Fatal(err)
		}
		token, err := s.client.Exchange(sso.t.Context(), to.Query().Get("code"), oauth2.VerifierOption(verifier))
		if err != nil {
			sso.t.Fatal(err)
		}
		s.mustBeIn(token.AccessToken, phone)

		proof, err := s.accounts.MintLoginToken(sso.t.Context(), tenant.Default, "@ana:hs1")
		if err != nil {
			sso.t.Fatal(err)
		}
		page = b.mustSee(s.begin(), http.StatusOK, "")
		here := s.URL + strings.ReplaceAll(actionPattern.FindStringSubmatch(page)[1], "&amp;", "&")
		newBrowser(sso.t).mustSee(with(here, "loginToken", proof), http.StatusForbidden, "another browser")
		b.mustSee(with(here, "loginToken", proof), http.StatusOK, "@ana:hs1")
		b.mustSee(with(here, "loginToken", proof), http.StatusForbidden, "used before")
		b.mustSee(with(here, "loginToken", strings.Replace(proof, "_default_", "_other_", 1)), http.StatusForbidden, "used before")
	})
}

// A password that was changed while a client waited lets nobody in.
func TestOAuthAfterThePasswordChanged(t *testing.T) {
	eachOAuth(t, func(s *oauthServer) {
		verifier := oauth2.GenerateVerifier()
		_, got := s.mustAllow(s.client, verifier)
		if err := s.accounts.SetPassword(s.t.Context(), tenant.Caller{Account: tenant.Default}, "@ana:hs1", "another hash", false); err != nil {
			s.t.Fatal(err)
		}
		_, err := s.client.Exchange(s.t.Context(), got.Get("code"), oauth2.VerifierOption(verifier))
		mustFail(s.t, err, "invalid_grant")
	})
}

// Where the answer does not go to the client's own host, its name proves nothing.
func TestOAuthPageOfNamesNobodyHasChecked(t *testing.T) {
	t.Parallel()
	s := newOAuthServer(t, sqltest.SQLite(t))
	app := s.mustClient(appClient)
	local := *app
	local.RedirectURL = "http://127.0.0.1:4711/back"
	const said = "nobody has checked it"
	proof := oauth2.S256ChallengeOption(oauth2.GenerateVerifier())
	for address, unproven := range map[string]bool{
		s.begin(): false, app.AuthCodeURL("", proof): false, local.AuthCodeURL("", proof): true,
	} {
		page := newBrowser(t).mustSee(address, http.StatusOK, "")
		if strings.Contains(page, said) != unproven {
			t.Errorf("%s: got %s, want it said: %t", address, page, unproven)
		}
	}
	if page := s.mustDevice().mustLink(newBrowser(t)); !strings.Contains(page, said) {
		t.Errorf("device: got %s, want %q", page, said)
	}
}

// A page elsewhere cannot enter a code in somebody's browser.
func TestOAuthLinkFromElsewhere(t *testing.T) {
	t.Parallel()
	s := newOAuthServer(t, sqltest.SQLite(t))
	form := url.Values{"user_code": {s.mustDevice().waits.UserCode}}.Encode()
	for from, want := range map[string]int{
		"cross-site": http.StatusForbidden, "same-site": http.StatusForbidden, "none": http.StatusForbidden,
		"same-origin": http.StatusSeeOther, "": http.StatusSeeOther,
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+oauth.LinkPath, strings.NewReader(form))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if from != "" {
			r.Header.Set("Sec-Fetch-Site", from)
		}
		response, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		if page := readAll(t, response); response.StatusCode != want {
			t.Errorf("%q: got %d %s, want %d", from, response.StatusCode, page, want)
		}
	}
}
