package clientapi_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/tidwall/gjson"
	"golang.org/x/oauth2"

	"github.com/conversalabs/internalchat/accounts/oauth"
	"github.com/conversalabs/internalchat/storage/sqldb/sqltest"
)

// device is one without a browser, which waits to be let in.
type device struct {
	s      *oauthServer
	waits  *oauth2.DeviceAuthResponse
	client *oauth2.Config
}

func (s *oauthServer) mustDevice() *device {
	s.t.Helper()
	waits, err := s.client.DeviceAuth(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	return &device{s, waits, s.client}
}

// ask asks once whether the device is let in.
func (d *device) ask() answer {
	return newBrowser(d.s.t).post(d.client.Endpoint.TokenURL, url.Values{
		"grant_type":  {"urn:ietf:params:oauth:grant-type:device_code"},
		"device_code": {d.waits.DeviceCode}, "client_id": {d.client.ClientID},
	})
}

func (d *device) mustHear(code string) {
	d.s.t.Helper()
	if got := d.ask(); got.StatusCode != http.StatusBadRequest || got.json.Get("error").Str != code {
		d.s.t.Fatalf("got %d %s, want %s", got.StatusCode, got.text, code)
	}
}

// pass lets the time of some questions pass.
func (d *device) pass(questions int64) { d.s.clock.Add(questions * oauth.Pace.Milliseconds()) }

// mustLink enters the device's code in a browser and signs Ana in.
func (d *device) mustLink(b *browser) string {
	d.s.t.Helper()
	page := b.mustSee(d.waits.VerificationURIComplete, http.StatusOK, d.waits.UserCode)
	page = d.s.press(b, page, "", "user_code", strings.ToLower(strings.ReplaceAll(d.waits.UserCode, "-", " "))).text
	page = d.s.press(b, page, "sign-in", "user", "ana", "password", testPassword).text
	if !strings.Contains(page, d.waits.UserCode) || !strings.Contains(page, "@ana:hs1") {
		d.s.t.Fatalf("got %s, want the page where Ana decides", page)
	}
	return page
}

func TestOAuthDevice(t *testing.T) {
	eachOAuth(t, func(s *oauthServer) {
		d := s.mustDevice()
		if d.waits.Interval != 5 || d.waits.VerificationURI != s.URL+oauth.LinkPath {
			s.t.Errorf("got %+v", d.waits)
		}
		d.mustHear("authorization_pending")
		d.mustHear("slow_down")
		// Slowed down, it may ask half as often.
		d.pass(1)
		d.mustHear("slow_down")
		d.pass(3)
		d.mustHear("authorization_pending")
		b := newBrowser(s.t)
		if thanks := s.press(b, d.mustLink(b), "allow"); !strings.Contains(thanks.text, "Thank you") {
			s.t.Errorf("got %s", thanks.text)
		}
		d.pass(3)
		got := d.ask()
		if got.StatusCode != http.StatusOK || got.json.Get("refresh_token").Str == "" {
			s.t.Fatalf("got %d %s, want tokens", got.StatusCode, got.text)
		}
		s.mustBeIn(got.json.Get("access_token").Str, phone)
		d.pass(3)
		d.mustHear("invalid_grant")
		s.mustBeIn(got.json.Get("access_token").Str, phone)
	})
}

func TestOAuthDeviceIsNotLetIn(t *testing.T) {
	eachOAuth(t, func(s *oauthServer) {
		denied, expired, foreign := s.mustDevice(), s.mustDevice(), s.mustDevice()
		b := newBrowser(s.t)
		s.press(b, denied.mustLink(b), "deny")
		denied.mustHear("access_denied")
		foreign.client = s.mustClient(strings.Replace(webClient, "Kitchen", "Cellar", 1))
		foreign.mustHear("invalid_grant")

		// Who enters the code last decides, and nobody else.
		page := expired.mustLink(b)
		expired.mustLink(newBrowser(s.t))
		if late := s.press(b, page, "allow"); late.StatusCode != http.StatusForbidden {
			s.t.Errorf("got %d %s, want a refusal", late.StatusCode, late.text)
		}
		s.clock.Add(oauth.AskedLife.Milliseconds())
		expired.mustHear("expired_token")
		for _, code := range []string{expired.waits.UserCode, "BCDF-GHJK", "", "x"} {
			if got := b.post(s.URL+oauth.LinkPath, url.Values{"user_code": {code}}); got.StatusCode != http.StatusNotFound {
				s.t.Errorf("%q: got %d %s, want 404", code, got.StatusCode, got.text)
			}
		}
		app := s.mustClient(appClient)
		_, err := app.DeviceAuth(s.t.Context())
		mustFail(s.t, err, "unauthorized_client")
		wrong := *s.client
		wrong.Scopes = []string{apiScope}
		_, err = wrong.DeviceAuth(s.t.Context())
		mustFail(s.t, err, "invalid_scope")
	})
}

// A client, a code and a device of one account are nothing in another one.
func TestOAuthOfAnotherAccount(t *testing.T) {
	t.Parallel()
	s := newOAuthServer(t, sqltest.SQLite(t))
	verifier := oauth2.GenerateVerifier()
	_, got := s.mustAllow(s.client, verifier)
	d := s.mustDevice()
	node := s.mustNode("https://chat.test") // so that the other account's address is good for OAuth
	ask := func(host, path string, form url.Values) (int, string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, node.URL+path, strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		r.Host = host
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		return response.StatusCode, gjson.Get(readAll(t, response), "error").Str
	}
	code := url.Values{
		"grant_type": {"authorization_code"}, "client_id": {s.client.ClientID}, "code": {got.Get("code")},
		"redirect_uri": {redirect}, "code_verifier": {verifier},
	}
	if status, said := ask("other.test", oauth.TokenPath, code); status != http.StatusUnauthorized || said != "invalid_client" {
		t.Errorf("got %d %s, want an unknown client", status, said)
	}
	device := url.Values{"client_id": {s.client.ClientID}, "scope": {apiScope + " " + phoneOnly}}
	if status, said := ask("other.test", oauth.DevicesPath, device); status != http.StatusUnauthorized || said != "invalid_client" {
		t.Errorf("got %d %s, want an unknown client", status, said)
	}
	if status, _ := ask("other.test", oauth.LinkPath, url.Values{"user_code": {d.waits.UserCode}}); status != http.StatusNotFound {
		t.Errorf("got %d, want an unknown code", status)
	}
	if status, said := ask("hs1", oauth.TokenPath, code); status != http.StatusOK {
		t.Errorf("got %d %s, want tokens", status, said)
	}
}

// What is over is forgotten after a while, but never a client with a device signed in.
func TestOAuthForgets(t *testing.T) {
	eachOAuth(t, func(s *oauthServer) {
		token := s.mustGrant(s.client)
		idle := s.mustClient(appClient)
		d := s.mustDevice()
		day := 24 * time.Hour.Milliseconds()
		s.clock.Add(day)
		d.mustHear("expired_token")
		s.mustDevice()
		d.mustHear("invalid_grant")
		s.clock.Add(100 * day)
		s.mustClient(strings.Replace(appClient, "App", "Other", 1))
		_, err := s.refresh(idle, "x")
		mustFail(s.t, err, "invalid_client")
		if token, err = s.refresh(s.client, token.RefreshToken); err != nil {
			s.t.Fatal(err)
		}
		s.mustBeIn(token.AccessToken, phone)
	})
}
