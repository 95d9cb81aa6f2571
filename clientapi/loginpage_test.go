package clientapi_test

import (
	"crypto/sha256"
	"encoding/base64"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/tenant"
)

// The page has the ways of the account, nothing may run on it but what it brings, and
// nobody may frame it. What its script does the end-to-end tests show.
func TestLoginPage(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	open := func() (*http.Response, string) {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/_matrix/static/client/login/", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Accept-Language", "pt-BR")
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = answer.Body.Close() }()
		text, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		return answer, string(text)
	}
	set := func(login accounts.LoginSettings) {
		t.Helper()
		err := s.accounts.ChangeAccount(t.Context(), tenant.Caller{Account: tenant.Default}, func(a *accounts.Settings) error {
			a.Login = login
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	answer, page := open()
	if answer.StatusCode != http.StatusOK || !strings.Contains(page, `name="password"`) || strings.Contains(page, `id="elsewhere"`) || !strings.Contains(page, "Entrar") {
		t.Errorf("got %d %s, want a form for a password alone", answer.StatusCode, page)
	}
	policy := answer.Header.Get("Content-Security-Policy")
	script := regexp.MustCompile(`(?s)<script>(.*)</script>`).FindStringSubmatch(page)
	sum := sha256.Sum256([]byte(script[1]))
	if want := "script-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"; !strings.Contains(policy, want) ||
		!strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, "frame-ancestors 'none'") {
		t.Errorf("got the policy %s, want %s in it", policy, want)
	}
	set(accounts.LoginSettings{NoPassword: true, SSO: &accounts.SSOLogin{URL: "https://app.example.com/sign-in"}, JWT: &accounts.JWTLogin{
		Keys: []accounts.JWTKey{{Algorithm: "HS256", Secret: strings.Repeat("s", 32)}},
	}})
	if _, page := open(); strings.Contains(page, `name="password"`) || !strings.Contains(page, `id="elsewhere"`) {
		t.Errorf("got %s, want the way elsewhere alone", page)
	}
	set(accounts.LoginSettings{NoPassword: true})
	if answer, page := open(); answer.StatusCode != http.StatusNotFound || strings.Contains(page, "<script>") {
		t.Errorf("got %d %s where nobody can sign in", answer.StatusCode, page)
	}
}
