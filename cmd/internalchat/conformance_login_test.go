package main_test

import (
	"net/http"
	"strings"
	"testing"
)

var loginChecks = checks{
	"ChangePassword": func(t *testing.T, hs *homeserver) {
		user := hs.mustRegister(t, "user")
		other := user.mustLogIn(t, "")
		const change = `{"auth":{"type":"m.login.password","user":%q,"password":%q},"new_password":%q%s}`
		user.mustBeRefused(t, http.StatusUnauthorized, "M_FORBIDDEN", http.MethodPost, "/account/password", change, user.id, "wrong_password", "my_new_password", "")
		user.must(t, http.MethodPost, "/account/password", change, user.id, user.password, "my_new_password", "")
		hs.nobody().mustBeRefused(t, http.StatusForbidden, "M_FORBIDDEN", http.MethodPost, "/login", passwordLogin, user.id, user.password, "")
		user.password = "my_new_password"
		kept := user.mustLogIn(t, "")
		mustBe(t, "the user", kept.id, user.id)
		user.must(t, http.MethodGet, "/account/whoami", "")
		other.mustBeRefused(t, http.StatusUnauthorized, "M_UNKNOWN_TOKEN", http.MethodGet, "/account/whoami", "")
		user.must(t, http.MethodPost, "/account/password", change, user.id, user.password, "new_optional_password", `,"logout_devices":false`)
		user.must(t, http.MethodGet, "/account/whoami", "")
		kept.must(t, http.MethodGet, "/account/whoami", "")
	},
	"DeactivateAccount": func(t *testing.T, hs *homeserver) {
		user := hs.mustRegister(t, "user")
		const deactivate = `{"auth":{"type":"m.login.password","user":%q,"password":%q}}`
		mustHaveFlows(t, user.mustBeRefused(t, http.StatusUnauthorized, "", http.MethodPost, "/account/deactivate", `{}`), "m.login.password")
		user.mustBeRefused(t, http.StatusUnauthorized, "M_FORBIDDEN", http.MethodPost, "/account/deactivate", deactivate, user.id, "wrong_password")
		user.must(t, http.MethodPost, "/account/deactivate", deactivate, user.id, user.password)
		user.mustBeRefused(t, http.StatusUnauthorized, "M_UNKNOWN_TOKEN", http.MethodGet, "/account/whoami", "")
		hs.nobody().mustBeRefused(t, http.StatusForbidden, "", http.MethodPost, "/login", passwordLogin, user.id, user.password, "")
	},
	"Login": func(t *testing.T, hs *homeserver) {
		user, nobody := hs.mustRegister(t, "user"), hs.nobody()
		flows := nobody.must(t, http.MethodGet, "/login", "{}").Get("flows").Array()
		offered := false
		for _, flow := range flows {
			offered = offered || flow.Get("type").Str == "m.login.password"
		}
		mustBe(t, "the password is a way in", offered, true)
		upper := strings.Replace(user.id, "@user", "@User", 1)
		for _, name := range []string{user.id, user.name, upper} {
			in := nobody.must(t, http.MethodPost, "/login", passwordLogin, name, user.password, "")
			mustBe(t, "the server", in.Get("home_server").Str, "hs1")
			session := &asker{hs: hs, token: in.Get("access_token").Str}
			who := session.must(t, http.MethodGet, "/account/whoami", "")
			mustBe(t, name+" is", who.Get("user_id").Str, user.id)
			mustBe(t, "the device", who.Get("device_id").Str, in.Get("device_id").Str)
		}
		mustBe(t, "the device that was asked for", user.mustLogIn(t, "test_device_id").device, "test_device_id")
		nobody.mustBeRefused(t, http.StatusForbidden, "M_FORBIDDEN", http.MethodPost, "/login", passwordLogin, "i-dont-exist", user.password, "")
		nobody.mustBeRefused(t, http.StatusForbidden, "M_FORBIDDEN", http.MethodPost, "/login", passwordLogin, user.id, "wrong_password", "")
	},
	"Logout": func(t *testing.T, hs *homeserver) {
		user := hs.mustRegister(t, "user")
		nobody, stranger := hs.nobody(), &asker{hs: hs, token: "invalidAccessToken"}
		stranger.mustBeRefused(t, http.StatusUnauthorized, "M_UNKNOWN_TOKEN", http.MethodPost, "/logout", `{}`)
		nobody.mustBeRefused(t, http.StatusUnauthorized, "M_MISSING_TOKEN", http.MethodPost, "/logout", `{}`)
		second := user.mustLogIn(t, "")
		mustBe(t, "the devices", len(second.devices(t)), 2)
		second.must(t, http.MethodPost, "/logout", "")
		second.mustBeRefused(t, http.StatusUnauthorized, "M_UNKNOWN_TOKEN", http.MethodGet, "/sync", "")
		mustBe(t, "the devices left", user.devices(t), []string{user.device})
		third := user.mustLogIn(t, "")
		third.must(t, http.MethodPost, "/logout/all", "")
		for _, ended := range []*asker{user, third} {
			ended.mustBeRefused(t, http.StatusUnauthorized, "M_UNKNOWN_TOKEN", http.MethodGet, "/sync", "")
		}
	},
	"TxnIdWithRefreshToken": func(t *testing.T, hs *homeserver) {
		user := hs.mustRegister(t, "user")
		in := hs.nobody().must(t, http.MethodPost, "/login", passwordLogin, user.id, user.password, `,"refresh_token":true`)
		session := &asker{hs: hs, id: user.id, token: in.Get("access_token").Str}
		room, old := session.mustCreate(t, `{}`), session.token
		send := inRoom(room) + "/send/m.room.message/abdefgh"
		sent := session.must(t, http.MethodPut, send, `{"msgtype":"m.text","body":"first"}`).Get("event_id").Str
		next := hs.nobody().must(t, http.MethodPost, "/refresh", `{"refresh_token":%q}`, in.Get("refresh_token").Str)
		if next.Get("refresh_token").Str == in.Get("refresh_token").Str || !next.Get("expires_in_ms").Exists() {
			t.Errorf("got %s, want a new refresh token and how long the access token lasts", next.Raw)
		}
		session.token = next.Get("access_token").Str
		if session.token == "" || session.token == old {
			t.Fatalf("got %s, want a new access token", next.Raw)
		}
		session.must(t, http.MethodGet, "/account/whoami", "")
		// The old one ends as soon as the new one has been seen.
		(&asker{hs: hs, token: old}).mustBeRefused(t, http.StatusUnauthorized, "M_UNKNOWN_TOKEN", http.MethodGet, "/account/whoami", "")
		echo := ofType(joined(session.mustSync(t), room).Get("timeline.events"), "m.room.message")
		mustBe(t, "the event", echo.Get("event_id").Str, sent)
		mustBe(t, "its transaction", echo.Get("unsigned.transaction_id").Str, "abdefgh")
		again := session.must(t, http.MethodPut, send, `{"msgtype":"m.text","body":"first"}`).Get("event_id").Str
		mustBe(t, "the event, sent again", again, sent)
	},
}

// passwordLogin is the body of /login for a user, a password and, after a comma,
// what else there is.
const passwordLogin = `{"type":"m.login.password","identifier":{"type":"m.id.user","user":%q},"password":%q%s}`

// devices are the IDs of all devices of the user.
func (a *asker) devices(t testing.TB) (ids []string) {
	t.Helper()
	for _, device := range a.must(t, http.MethodGet, "/devices", "").Get("devices").Array() {
		ids = append(ids, device.Get("device_id").Str)
	}
	return ids
}
