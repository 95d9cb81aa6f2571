package provisioning_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/tenant"
)

func accountJSON(version int, changes ...string) string {
	return with(`{"name":"Acme","enabled":true}`, append(changes, "version", itoa(version))...)
}

const wholeAccount = `{"name":"Acme Ltda","enabled":true,"disabled_roles":["custom"],"locale":"pt-BR",` +
	`"timezone":"America/Sao_Paulo","room_policy":"matrix","presence":false,"space":false,` +
	`"who_can_create":{"public":"administrators","private":"agents","announcement":"administrators"},"notification_level":"mentions",` +
	`"login":{"password":false,"jwt":{"issuer":"conversalabs","keys":[` +
	`{"kid":"k1","alg":"HS256","secret":"SECRET-1-0123456789012345678901234567"},` +
	`{"kid":"k2","alg":"EdDSA","jwk":{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}}],"jwks_url":"https://id.example/jwks"},` +
	`"sso":{"name":"Acme","url":"https://id.example/chat"},` +
	`"oidc":{"name":"Acme","issuer":"https://id.example","client_id":"chat","client_secret":"SECRET-2","scopes":["email"],"user_claim":"uid"},"clients":["https://chat.example"]},` +
	`"cards":{"resolver_url":"https://app.example/cards","secret":"SECRET-3"},` +
	`"notifications":{"webhook_url":"https://app.example/hook","secret":"SECRET-4"},` +
	`"limits":{"upload_bytes":1000,"user_media_bytes":2000,"media_bytes":3000},"url_previews":true,"version":2}`

func (h *house) settings() accounts.Settings {
	h.t.Helper()
	a, err := h.accounts.Account(h.t.Context(), "acme")
	if err != nil {
		h.t.Fatal(err)
	}
	return a.Settings
}

func TestAccount(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		got := h.must(http.MethodPut, "", wholeAccount)
		want := gjson.Parse(`{"account_id":"acme","name":"Acme Ltda","server_name":"acme.chat.test","enabled":true,"disabled_roles":["custom"],"locale":"pt-BR",` +
			`"timezone":"America/Sao_Paulo","room_policy":"matrix","presence":false,"space":false,` +
			`"who_can_create":{"public":"administrators","private":"agents","announcement":"administrators"},"notification_level":"mentions",` +
			`"login":{"password":false,"jwt":{"issuer":"conversalabs","keys":[` +
			`{"kid":"k1","alg":"HS256","secret_set":true},` +
			`{"kid":"k2","alg":"EdDSA","jwk":{"crv":"Ed25519","kty":"OKP","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},"secret_set":false}],"jwks_url":"https://id.example/jwks"},` +
			`"sso":{"name":"Acme","url":"https://id.example/chat"},` +
			`"oidc":{"name":"Acme","issuer":"https://id.example","client_id":"chat","client_secret_set":true,"scopes":["email"],"user_claim":"uid"},"clients":["https://chat.example"]},` +
			`"cards":{"resolver_url":"https://app.example/cards","kind":"conversalabs","secret_set":true},` +
			`"notifications":{"webhook_url":"https://app.example/hook","secret_set":true},` +
			`"limits":{"upload_bytes":1000,"user_media_bytes":2000,"media_bytes":3000},"url_previews":true,"version":2}`)
		if got.Raw != want.Raw {
			t.Errorf("got %s\nwant %s", got.Raw, want.Raw)
		}
		if got := h.must(http.MethodGet, "", ""); got.Raw != want.Raw {
			t.Errorf("got %s\nwant %s", got.Raw, want.Raw)
		}
		// What is answered may be said again: the secrets stay.
		h.must(http.MethodPut, "", with(want.Raw, "version", "3"))
		s := h.settings()
		if want := (accounts.Limits{UploadBytes: 1000, UserMediaBytes: 2000, MediaBytes: 3000}); s.Limits != want || !s.URLPreviews {
			t.Errorf("got %+v, %t", s.Limits, s.URLPreviews)
		}
		for place, secret := range map[string]string{
			"1": s.Login.JWT.Keys[0].Secret, "2": s.Login.OIDC.ClientSecret, "3": s.Cards.Secret, "4": s.Notifications.Secret,
		} {
			if !strings.HasPrefix(secret, "SECRET-"+place) {
				t.Errorf("the secret %s became %q", place, secret)
			}
		}
		// A new secret replaces; what is not there any more takes its secret along.
		h.must(http.MethodPut, "", accountJSON(4, "cards", `{"resolver_url":"https://app.example/cards","secret":"NEW"}`))
		if s := h.settings(); s.Cards.Secret != "NEW" || s.Notifications != nil || s.Login.JWT != nil || s.Login.NoPassword {
			t.Errorf("got %+v", s)
		}
		h.must(http.MethodPut, "", accountJSON(5, "notifications", `{"webhook_url":"https://app.example/hook"}`))
		if s := h.settings(); s.Notifications.Secret != "" || s.Cards != nil {
			t.Errorf("got %+v", s)
		}
		// What signs is not handed on as an access token.
		const resolver = `"resolver_url":"https://app.example/cards"`
		h.must(http.MethodPut, "", accountJSON(6, "cards", `{`+resolver+`,"secret":"SECRET-6"}`))
		h.must(http.MethodPut, "", accountJSON(7, "cards", `{`+resolver+`,"kind":"chatwoot"}`))
		if s := h.settings(); s.Cards.Secret != "" || s.Cards.Kind != accounts.ChatwootResolver {
			t.Errorf("got %+v", s.Cards)
		}
		if strings.Contains(h.log.String(), "SECRET") {
			t.Errorf("a secret is in the log: %s", h.log)
		}
	})
}

// What other ways of administration set stays.
func TestAccountMadeOtherwise(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		err := h.accounts.CreateAccount(t.Context(), accounts.Account{
			ID: "beta", ServerName: "beta.test", Settings: accounts.Settings{OpenRegistration: true, Name: "Beta"},
		})
		if err != nil {
			t.Fatal(err)
		}
		const beta = "/_conversalabs/v1/accounts/beta"
		if code, answer := h.send(h.all, http.MethodGet, beta, ""); code != http.StatusOK || gjson.Get(answer, "version").Int() != 0 {
			t.Errorf("got %d %s, want version 0", code, answer)
		}
		if code, answer := h.send(h.all, http.MethodPut, beta, accountJSON(1)); code != http.StatusOK {
			t.Errorf("got %d %s", code, answer)
		}
		a, err := h.accounts.Account(t.Context(), "beta")
		if err != nil || a.Settings.Name != "Acme" || !a.Settings.OpenRegistration || a.ServerName != "beta.test" {
			t.Errorf("got %+v, %v", a, err)
		}
	})
}

func TestAccountRefusals(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		const bad, missing, invalid = "M_BAD_JSON", "M_MISSING_PARAM", "M_INVALID_PARAM"
		head := h.head()
		for _, c := range []struct{ body, code, words string }{
			{accountJSON(2, "quotas", `{}`), bad, "quotas"},
			{accountJSON(2, "limits", `{"upload_bytes":-1}`), invalid, "limits.upload_bytes"},
			{accountJSON(2, "limits", `{"rooms":1}`), bad, "rooms"},
			{accountJSON(2, "login.passwort", `true`), bad, "passwort"},
			{accountJSON(2, "name", ""), missing, "name"},
			{accountJSON(2, "enabled", ""), missing, "enabled"},
			{accountJSON(2, "account_id", `"beta"`), invalid, "account_id"},
			{accountJSON(2, "server_name", `"other.test"`), invalid, "server name"},
			{accountJSON(2, "disabled_roles", `["chief"]`), invalid, "disabled_roles"},
			{accountJSON(2, "locale", `"x y"`), invalid, "locale"},
			{accountJSON(2, "timezone", `"Nowhere"`), invalid, "timezone"},
			{accountJSON(2, "room_policy", `"open"`), invalid, "room_policy"},
			{accountJSON(2, "who_can_create", `{"public":"all"}`), invalid, "who_can_create"},
			{accountJSON(2, "notification_level", `"nothing"`), invalid, "notification_level"},
			{accountJSON(2, "cards", `{}`), missing, "cards.resolver_url"},
			{accountJSON(2, "cards", `{"resolver_url":"ftp://x"}`), invalid, "cards.resolver_url"},
			{accountJSON(2, "cards", `{"resolver_url":"https://x","kind":"other"}`), invalid, "cards.kind"},
			{accountJSON(2, "notifications", `{"webhook_url":"https://user:pass@x"}`), invalid, "notifications.webhook_url"},
			{accountJSON(2, "login.sso", `{}`), missing, "login.sso.url"},
			{accountJSON(2, "login.oidc", `{"issuer":"https://x"}`), missing, "client_id"},
			{accountJSON(2, "login.jwt", `{}`), missing, "login.jwt.keys"},
			{accountJSON(2, "login.jwt.keys", `[{"alg":"none"}]`), invalid, "alg"},
			{accountJSON(2, "login.jwt.keys", `[{"alg":"HS256"}]`), invalid, "secret"},
			{accountJSON(2, "login.jwt.keys", `[{"alg":"HS256","secret":"short"}]`), invalid, "32"},
			{accountJSON(2, "login.jwt.keys", `[{"alg":"RS256","jwk":{"kty":"EC"}}]`), invalid, "key"},
			{accountJSON(2, "login.jwt.keys", `[{"alg":"EdDSA","jwk":{"kty":"OKP","d":"private"}}]`), invalid, "key"},
		} {
			h.mustRefuse(http.MethodPut, "", c.body, http.StatusBadRequest, c.code, c.words)
		}
		if got := h.head(); got != head {
			t.Errorf("refused requests moved the head from %d to %d", head, got)
		}
		put := func(account, body string, status int) {
			t.Helper()
			code, answer := h.send(h.all, http.MethodPut, "/_conversalabs/v1/accounts/"+account, body)
			if code != status {
				t.Errorf("%s: got %d %s, want %d", account, code, answer, status)
			}
		}
		put("beta", accountJSON(1, "server_name", `"acme.chat.test"`), http.StatusConflict)
		put("beta", accountJSON(1, "server_name", `"not a name"`), http.StatusBadRequest)
		if a, err := h.accounts.Account(t.Context(), "beta"); a != nil || err != nil {
			t.Errorf("got %+v, %v, want nothing left behind", a, err)
		}
		put("beta", accountJSON(1, "server_name", `"chat.beta.example"`), http.StatusOK)
		put("Beta", accountJSON(1), http.StatusNotFound)
	})
}

// TestSwitch switches the module off and on again: sessions go on.
func TestSwitch(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.must(http.MethodPut, "/users/42", userJSON(1))
		h.must(http.MethodPut, "/users/7", userJSON(1, "role", `"administrator"`))
		agent := h.mustLogIn("42").Get("access_token").Str
		administrator := h.mustLogIn("7").Get("access_token").Str
		locked := func(token string, lock tenant.Lock) {
			t.Helper()
			h.mustWhoami(token, http.StatusUnauthorized, "M_USER_LOCKED", string(lock))
		}
		h.must(http.MethodPut, "", accountJSON(2, "enabled", "false"))
		locked(agent, tenant.LockedAccount)
		locked(administrator, tenant.LockedAccount)
		refused := h.mustRefuse(http.MethodPost, "/users/42/login_token", "", http.StatusForbidden, "M_FORBIDDEN", "locked")
		if got := refused.Get(`br\.com\.conversalabs\.reason`).Str; got != string(tenant.LockedAccount) {
			t.Errorf("got the reason %q", got)
		}
		h.must(http.MethodPut, "", accountJSON(3, "disabled_roles", `["agent"]`))
		locked(agent, tenant.LockedRole)
		h.mustWhoami(administrator, http.StatusOK, "", "")
		h.must(http.MethodPut, "", accountJSON(4))
		h.mustWhoami(agent, http.StatusOK, "", "")
		h.must(http.MethodPut, "/users/42", userJSON(2, "internal_chat", "false"))
		locked(agent, tenant.LockedRole)
		h.must(http.MethodPut, "/users/42", userJSON(3))
		h.mustWhoami(agent, http.StatusOK, "", "")
	})
}
