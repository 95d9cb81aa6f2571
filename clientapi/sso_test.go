package clientapi_test

import (
	"crypto/rand"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/login"
	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi"
	"github.com/conversalabs/internalchat/clientapi/httpapi"
	"github.com/conversalabs/internalchat/storage/sqldb/sqltest"
)

func TestSSO(t *testing.T) {
	t.Parallel()
	eachSSO(t, func(s *ssoServer) {
		b := newBrowser(s.t)
		back := s.depart(b, client)
		to := b.mustLeave(with(back, "token", s.token("42")))
		if to.Scheme != "https" || to.Host != "chat.acme.test" || to.Fragment != "/home" {
			s.t.Errorf("got %s, want the client's address", to)
		}
		s.mustBeAna(to.Query().Get("loginToken"))
		b.mustSee(with(back, "token", s.token("42")), http.StatusForbidden, "began in another browser")

		token := s.token("42")
		to = b.mustLeave(with(s.depart(b, "acme.desktop://login?a=1&loginToken=old"), "token", token))
		if to.Scheme != "acme.desktop" || to.Query().Get("a") != "1" || len(to.Query()["loginToken"]) != 1 {
			s.t.Errorf("got %s, want the app's address", to)
		}
		s.mustBeAna(to.Query().Get("loginToken"))
		// The account's token is good once, here and everywhere.
		b.mustSee(with(s.depart(b, client), "token", token), http.StatusForbidden, "was used before")
		s.nobodyYet().mustRefuse(post, "/login", `{"type":"org.matrix.login.jwt","token":"`+token+`"}`, http.StatusForbidden, "M_FORBIDDEN")
	})
}

func TestSSORefusals(t *testing.T) {
	t.Parallel()
	s := newSSOServer(t, sqltest.SQLite(t))
	b := newBrowser(t)
	for _, token := range []string{"word", s.token("43")} {
		b.mustSee(with(s.depart(b, client), "token", token), http.StatusForbidden, "not valid")
	}
	b.mustSee(s.depart(b, client), http.StatusForbidden, "cancelled")
	// Another browser, and one without a cookie, come back for nothing.
	back := s.depart(b, client)
	newBrowser(t).mustSee(with(back, "token", s.token("42")), http.StatusForbidden, "another browser")
	stranger := newBrowser(t)
	s.depart(stranger, client)
	stranger.mustSee(with(back, "token", s.token("42")), http.StatusForbidden, "another browser")
	b.mustLeave(with(back, "token", s.token("42")))
	late := s.depart(b, client)
	s.clock.Add(accounts.JourneyLife.Milliseconds())
	b.mustSee(with(late, "token", s.token("42")), http.StatusForbidden, "too long")
	b.mustSee(s.URL+callbackPath, http.StatusForbidden, "too long")

	for _, address := range []string{
		"", "/relative", "javascript:alert(1)", "JavaScript:alert(1)", " javascript:alert(1)", "data:text/html,x", "vbscript:x", "file:///etc/passwd",
		"blob:https://chat.acme.test/x", "https:", "https:///x", "//chat.acme.test", "https://chat.acme.test@evil.test/", `https://evil.test\@chat.acme.test/`,
		"https://chat.аcme.test/", "https://chat.%D0%B0cme.test/", "https://chat.acme.test%2F.evil.test/", "https://chat.acme.test。evil.test/",
		"https://[fe80::1%25a]/",
	} {
		b.mustSee(s.redirectURL("conversalabs", address), http.StatusBadRequest, "redirectUrl")
	}
	b.mustSee(s.redirectURL("nobody", client), http.StatusNotFound, "no such way")
	b.mustSee(s.redirectURL("conversalabs", client)+"&action=dance", http.StatusBadRequest, "action")
	for _, action := range []string{"login", "register"} {
		if at := b.mustLeave(s.redirectURL("conversalabs", client) + "&action=" + action); at.Query().Get("action") != action {
			t.Errorf("got %s, want the action %s", at, action)
		}
	}

	if err := s.accounts.Deactivate(t.Context(), tenant.Caller{Account: tenant.Default}, "@ana:hs1"); err != nil {
		t.Fatal(err)
	}
	b.mustSee(with(s.depart(b, client), "token", s.token("42")), http.StatusForbidden, "deactivated")
	s.change(func(l *accounts.LoginSettings) { l.SSO, l.OIDC = nil, nil })
	b.mustSee(s.redirectURL("", client), http.StatusNotFound, "no such way")
}

var linkPattern = regexp.MustCompile(`<a href="([^"]*)">`)

// links lists where a page leads.
func links(page string) (all []string) {
	unescape := strings.NewReplacer("&amp;", "&", "&#43;", "+", "&#34;", `"`)
	for _, found := range linkPattern.FindAllStringSubmatch(page, -1) {
		all = append(all, unescape.Replace(found[1]))
	}
	return all
}

// Whose client nobody knows is asked before it is let in.
func TestSSOAsksAboutUnknownClients(t *testing.T) {
	t.Parallel()
	s := newSSOServer(t, sqltest.SQLite(t))
	b := newBrowser(t)
	for _, address := range []string{
		"https://evil.test/?a=%22%3E%3Cscript%3Ealert(1)%3C/script%3E", "https://chat.acme.test.evil.test/", "http://chat.acme.test/", "https://chat.acme.test:8443/",
		"evil.app://x/", "https://xn--chat-acme-0ve.test/", "https://[2001:db8::1]:8443/", "https://192.0.2.1/",
	} {
		page := b.mustSee(with(s.depart(b, address), "token", s.token("42")), http.StatusOK, s.ana.user)
		to := links(page)
		wanted, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		origin := strings.TrimSuffix(wanted.Scheme+"://"+wanted.Host, "://x")
		if !strings.Contains(page, origin) || len(to) != 1 || strings.Contains(page, "<script>") {
			t.Fatalf("%s: got %s", address, page)
		}
		u, err := url.Parse(to[0])
		if err != nil || u.Host != wanted.Host || u.Scheme != wanted.Scheme || u.Query().Get("a") != wanted.Query().Get("a") {
			t.Fatalf("%s: leads to %s", address, to[0])
		}
		s.mustBeAna(u.Query().Get("loginToken"))
	}
	// A client beside the server is known.
	answer, _ := b.open(with(s.depart(b, s.URL+"/app/"), "token", s.token("42")))
	if answer.Request.URL.Path != "/app/" {
		t.Errorf("got %s", answer.Request.URL)
	}
}

func TestSSOCookie(t *testing.T) {
	t.Parallel()
	s := newSSOServer(t, sqltest.SQLite(t))
	answer, _ := newBrowser(t).open(s.redirectURL("conversalabs", client))
	cookies := answer.Cookies()
	if len(cookies) != 1 || !cookies[0].HttpOnly || cookies[0].SameSite != http.SameSiteLaxMode || cookies[0].Secure ||
		cookies[0].MaxAge != 600 || strings.Contains(answer.Header.Get("Location"), cookies[0].Value) {
		t.Errorf("got cookies %v", cookies)
	}
}

// The way back is by the account's own host, or else by the public address, and
// never by a name that anybody has made up.
func TestSSOCallbackAddress(t *testing.T) {
	t.Parallel()
	s := newSSOServer(t, sqltest.SQLite(t))
	now := func() time.Time { return time.UnixMilli(s.clock.Load()) }
	api := httpapi.New(httpapi.Options{Auth: s.accounts, Now: now, Random: rand.Reader, Log: logrus.New()})
	logins := login.New(login.Options{Accounts: s.accounts, Now: now, Random: rand.Reader})
	clientapi.New(clientapi.Options{Accounts: s.accounts, Login: logins, Now: now, PublicURL: "https://chat.acme.test"}).Routes(api)
	for host, want := range map[string]string{
		"chat.acme.test": "https://chat.acme.test", "hs1": "https://hs1", "HS1:8448": "https://hs1:8448", "evil.test": "https://chat.acme.test",
	} {
		r := httptest.NewRequestWithContext(t.Context(), get, "/_matrix/client/v3/login/sso/redirect/conversalabs?redirectUrl=https://x.test", http.NoBody)
		r.Host = host
		w := httptest.NewRecorder()
		api.ServeHTTP(w, r)
		to, err := url.Parse(w.Header().Get("Location"))
		if err != nil || to.Query().Get("redirect_uri") != want+callbackPath {
			t.Errorf("%s: got %d %s, want %s", host, w.Code, to, want)
		}
		cookies := w.Result().Cookies()
		if len(cookies) != 1 || !cookies[0].Secure || !strings.HasPrefix(cookies[0].Name, "__Host-") || cookies[0].Path != "/" || cookies[0].Domain != "" {
			t.Errorf("%s: got cookies %v", host, cookies)
		}
	}
}

// Where there are several pages, people choose.
func TestSSOChoice(t *testing.T) {
	t.Parallel()
	s := newSSOServer(t, sqltest.SQLite(t))
	b := newBrowser(t)
	page := b.mustSee(s.redirectURL("", client), http.StatusOK, "How do you want to sign in?")
	to := links(page)
	if len(to) != 2 || !strings.Contains(page, ">ConversaLabs<") || !strings.Contains(page, ">Acme<") {
		t.Fatalf("got %s", page)
	}
	s.back(b.mustLeave(s.URL + to[0]))
	s.change(func(l *accounts.LoginSettings) { l.OIDC = nil })
	s.back(b.mustLeave(s.redirectURL("", client)))
	want := `{"flows":[{"type":"m.login.password"},{"type":"m.login.token","get_login_token":true},{"type":"org.matrix.login.jwt"},` +
		`{"type":"m.login.sso","identity_providers":[{"id":"conversalabs","name":"ConversaLabs"}]}]}`
	if got := s.nobodyYet().must(get, "/login", "").Raw; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// Pages speak the browser's language.
func TestPagesAreTranslated(t *testing.T) {
	t.Parallel()
	s := newSSOServer(t, sqltest.SQLite(t))
	for accept, want := range map[string]string{"pt-BR": "Como você quer entrar?", "es": "¿Cómo quiere iniciar sesión?", "fr": "How do you want"} {
		r, err := http.NewRequestWithContext(t.Context(), get, s.redirectURL("", client), http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Accept-Language", accept)
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		page, err := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		if err != nil || !strings.Contains(string(page), want) {
			t.Errorf("%s: got %s, %v", accept, page, err)
		}
	}
}
