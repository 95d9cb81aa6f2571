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

func TestAuthMetadata(t *testing.T) {
	t.Parallel()
	s := newOAuthServer(t, sqltest.SQLite(t))
	unstable := s.nobodyYet().must(get, "/_matrix/client/unstable/org.matrix.msc2965/auth_metadata", "")
	if unstable.Raw != s.metadata.Raw || s.metadata.Get("issuer").Str != s.URL+"/" {
		t.Errorf("got %s, and by the older name %s", s.metadata.Raw, unstable.Raw)
	}
	for key, want := range map[string]string{
		"response_types_supported": "code", "response_modes_supported": "query fragment", "code_challenge_methods_supported": "S256",
		"grant_types_supported": "authorization_code refresh_token urn:ietf:params:oauth:grant-type:device_code",
	} {
		var got []string
		for _, v := range s.metadata.Get(key).Array() {
			got = append(got, v.Str)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: got %v, want %s", key, got, want)
		}
	}
	const path = "/_matrix/client/v1/auth_metadata"
	// It is off: switched off, at an address without https, and where nobody can sign in.
	newTestServer(t).nobodyYet().mustRefuse(get, path, "", http.StatusNotFound, "M_UNRECOGNIZED")
	plain := s.mustNode("http://chat.test").nobodyYet()
	plain.mustRefuse(get, path, "", http.StatusNotFound, "M_UNRECOGNIZED")
	plain.mustRefuse(post, oauth.RegisterPath, webClient, http.StatusNotFound, "M_UNRECOGNIZED")
	if issuer := s.mustNode("https://chat.test").nobodyYet().must(get, path, "").Get("issuer").Str; issuer != "https://chat.test/" {
		t.Errorf("got the issuer %s", issuer)
	}
	err := s.accounts.ChangeAccount(t.Context(), tenant.Caller{Account: tenant.Default}, func(all *accounts.Settings) error {
		all.Login.NoPassword = true
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	s.nobodyYet().mustRefuse(get, path, "", http.StatusNotFound, "M_UNRECOGNIZED")
}

func TestOAuthRegistration(t *testing.T) {
	t.Parallel()
	s := newOAuthServer(t, sqltest.SQLite(t))
	if again := s.mustClient(webClient); again.ClientID != s.client.ClientID {
		t.Errorf("got %s for the same client, which is %s", again.ClientID, s.client.ClientID)
	}
	for name, row := range map[string]struct{ old, to, want string }{
		"no page":               {`"client_uri":"https://chat.client.test/",`, ``, "invalid_client_metadata"},
		"page without https":    {`"https://chat.client.test/",`, `"http://chat.client.test/",`, "invalid_client_metadata"},
		"page of a user":        {`"https://chat.client.test/",`, `"https://a@chat.client.test/",`, "invalid_client_metadata"},
		"secret":                {`"none"`, `"client_secret_basic"`, "invalid_client_metadata"},
		"application type":      {`"web"`, `"robot"`, "invalid_client_metadata"},
		"long name":             {`Kitchen`, strings.Repeat("a", 300), "invalid_client_metadata"},
		"no grant":              {`"authorization_code","refresh_token","urn:ietf:params:oauth:grant-type:device_code"`, `"password","refresh_token"`, "invalid_client_metadata"},
		"no code":               {`["code"]`, `["token"]`, "invalid_client_metadata"},
		"no redirect":           {`["https://chat.client.test/back?a=1"]`, `[]`, "invalid_redirect_uri"},
		"redirect to a sibling": {`https://chat.client.test/back`, `https://evil.test/back`, "invalid_redirect_uri"},
		"redirect to a suffix":  {`https://chat.client.test/back`, `https://evilchat.client.test/back`, "invalid_redirect_uri"},
		"redirect of a user":    {`https://chat.client.test/back`, `https://x@chat.client.test/back`, "invalid_redirect_uri"},
		"redirect to a part":    {`back?a=1`, `back#part`, "invalid_redirect_uri"},
		"redirect with a slash": {`https://chat.client.test/back`, `https://evil.test\\.chat.client.test/back`, "invalid_redirect_uri"},
		"redirect with a mark":  {`https://chat.client.test/back`, `https://a;b.chat.client.test/back`, "invalid_redirect_uri"},
		"redirect of an app":    {`https://chat.client.test/back`, `test.client.chat:/back`, "invalid_redirect_uri"},
		"redirect to a machine": {`https://chat.client.test/back`, `http://localhost/back`, "invalid_redirect_uri"},
	} {
		if !strings.Contains(webClient, row.old) {
			t.Fatalf("%s: there is nothing to replace", name)
		}
		status, got := s.register(strings.Replace(webClient, row.old, row.to, 1))
		if status != http.StatusBadRequest || got.Get("error").Str != row.want || got.Get("error_description").Str == "" {
			t.Errorf("%s: got %d %s, want %s", name, status, got.Raw, row.want)
		}
	}
	for _, address := range []string{
		"http://evil.test/back", "test.other:/back", "test.clientx:/back", "test.client.app://host/back", "test.client.app:back", "javascript:alert(1)", "https://evil.test/", "x",
	} {
		status, got := s.register(strings.Replace(appClient, "test.client.app:/back", address, 1))
		if status != http.StatusBadRequest || got.Get("error").Str != "invalid_redirect_uri" {
			t.Errorf("%s: got %d %s, want a refusal", address, status, got.Raw)
		}
	}
	// What is not known is left out, and what is absent is said.
	_, got := s.register(`{"client_uri":"https://client.test","redirect_uris":["https://a.client.test/"],"grant_types":["authorization_code","x"],"x":1}`)
	if got.Get("grant_types").Raw != `["authorization_code","refresh_token"]` || got.Get("application_type").Str != "web" || got.Get("token_endpoint_auth_method").Str != "none" {
		t.Errorf("got %s", got.Raw)
	}
}

// What is wrong with a request goes back to the client only at an address of its own.
func TestOAuthRequestsThatAreRefused(t *testing.T) {
	t.Parallel()
	s := newOAuthServer(t, sqltest.SQLite(t))
	good := oauth2.S256ChallengeOption(oauth2.GenerateVerifier())
	b := newBrowser(t)
	for name, row := range map[string]struct{ key, value, want string }{
		"no client":        {"client_id", "", ""},
		"unknown client":   {"client_id", "nobody", ""},
		"no redirect":      {"redirect_uri", "", ""},
		"other redirect":   {"redirect_uri", "https://evil.test/back", ""},
		"longer redirect":  {"redirect_uri", redirect + "&b=2", ""},
		"redirect below":   {"redirect_uri", "https://chat.client.test/back/x?a=1", ""},
		"no challenge":     {"code_challenge", "", "invalid_request"},
		"short challenge":  {"code_challenge", "abc", "invalid_request"},
		"plain challenge":  {"code_challenge_method", "plain", "invalid_request"},
		"no method":        {"code_challenge_method", "", "invalid_request"},
		"response mode":    {"response_mode", "form_post", "invalid_request"},
		"response type":    {"response_type", "token", "unauthorized_client"},
		"no scope":         {"scope", "", "invalid_scope"},
		"no device":        {"scope", apiScope, "invalid_scope"},
		"no API":           {"scope", phoneOnly, "invalid_scope"},
		"two devices":      {"scope", apiScope + " " + phoneOnly + " " + phoneOnly + "2", "invalid_scope"},
		"device with mark": {"scope", apiScope + " urn:matrix:client:device:a/b", "invalid_scope"},
		"without asking":   {"prompt", "none", "login_required"},
		"request object":   {"request", "x", "request_not_supported"},
	} {
		asked, err := url.Parse(s.client.AuthCodeURL("kept", good))
		if err != nil {
			t.Fatal(err)
		}
		query := asked.Query()
		query.Set(row.key, row.value)
		asked.RawQuery = query.Encode()
		if row.want == "" {
			b.mustSee(asked.String(), http.StatusBadRequest, "Please tell its makers")
			continue
		}
		to := b.mustLeave(asked.String())
		if got := to.Query(); to.Host != "chat.client.test" || got.Get("error") != row.want || got.Get("state") != "kept" || got.Get("code") != "" {
			t.Errorf("%s: got %s, want %s", name, to, row.want)
		}
	}
	b.mustSee(s.client.AuthCodeURL("once", good)+"&state=again", http.StatusBadRequest, "Please tell its makers")

	for name, row := range map[string]struct {
		form   url.Values
		status int
		want   string
	}{
		"no grant type":  {url.Values{"client_id": {s.client.ClientID}}, http.StatusBadRequest, "invalid_request"},
		"password":       {url.Values{"client_id": {s.client.ClientID}, "grant_type": {"password"}}, http.StatusBadRequest, "unsupported_grant_type"},
		"unknown client": {url.Values{"client_id": {"nobody"}, "grant_type": {"refresh_token"}, "refresh_token": {"x"}}, http.StatusUnauthorized, "invalid_client"},
		"no client":      {url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"x"}}, http.StatusBadRequest, "invalid_request"},
		"no code":        {url.Values{"client_id": {s.client.ClientID}, "grant_type": {"authorization_code"}}, http.StatusBadRequest, "invalid_request"},
		"field twice":    {url.Values{"client_id": {s.client.ClientID, "x"}, "grant_type": {"refresh_token"}}, http.StatusBadRequest, "invalid_request"},
		"bad refresh":    {url.Values{"client_id": {s.client.ClientID}, "grant_type": {"refresh_token"}, "refresh_token": {"x"}}, http.StatusBadRequest, "invalid_grant"},
		"bad device":     {url.Values{"client_id": {s.client.ClientID}, "grant_type": {"urn:ietf:params:oauth:grant-type:device_code"}, "device_code": {"x"}}, http.StatusBadRequest, "invalid_grant"},
	} {
		got := b.post(s.endpoint("token"), row.form)
		if got.StatusCode != row.status || got.json.Get("error").Str != row.want || got.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: got %d %s, want %d %s", name, got.StatusCode, got.text, row.status, row.want)
		}
	}
}
