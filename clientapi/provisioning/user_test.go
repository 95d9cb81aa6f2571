package provisioning_test

import (
	"net/http"
	"strings"
	"testing"
)

func TestUser(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		said := userJSON(3, "email", `"ana@acme.example"`, "avatar_url", `"mxc://acme.chat.test/ana"`, "locale", `"pt-BR"`,
			"timezone", `"America/Sao_Paulo"`, "teams", `["7","8"]`, "role", `"custom"`, "permissions", `["internal_chat_use","inbox_manage"]`,
			"notification_preferences", `{"mention":{"email":true,"bell":true}}`)
		want := `{"user_id":"42","matrix_user_id":"@u42:acme.chat.test","localpart":"u42","display_name":"Ana Lima",` +
			`"email":"ana@acme.example","avatar_url":"mxc://acme.chat.test/ana","role":"custom",` +
			`"permissions":["internal_chat_use","inbox_manage"],"internal_chat":true,"active":true,"locale":"pt-BR",` +
			`"timezone":"America/Sao_Paulo","send_key":"","teams":["7","8"],"notification_preferences":{"mention":{"bell":true,"email":true}},"version":3}`
		for _, got := range []string{
			h.must(http.MethodPut, "/users/42", said).Raw, h.must(http.MethodGet, "/users/42", "").Raw,
			h.must(http.MethodPut, "/users/42", said).Raw,
			h.must(http.MethodPut, "/users/42", want).Raw, // what is answered may be said
		} {
			if got != want {
				t.Errorf("got %s\nwant %s", got, want)
			}
		}
		in := h.mustLogIn("42")
		token := in.Get("access_token").Str
		_, profile := h.client(token, http.MethodGet, "/profile/@u42:acme.chat.test", "")
		for field, want := range map[string]string{
			"displayname": "Ana Lima", "avatar_url": "mxc://acme.chat.test/ana", `m\.tz`: "America/Sao_Paulo",
			`br\.com\.conversalabs\.user_id`: "42", `br\.com\.conversalabs\.role`: "custom",
		} {
			if got := profile.Get(field).Str; got != want {
				t.Errorf("profile: got %s %q, want %q", field, got, want)
			}
		}
		preferences := "/user/@u42:acme.chat.test/account_data/br.com.conversalabs.notification_preferences"
		if _, got := h.client(token, http.MethodGet, preferences, ""); got.Raw != `{"mention":{"bell":true,"email":true}}` {
			t.Errorf("got the preferences %s", got.Raw)
		}
	})
}

// What the user has chosen since stays, unless ConversaLabs changes it.
func TestWhatTheUserChose(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		const (
			preferences = "/user/@u42:acme.chat.test/account_data/br.com.conversalabs.notification_preferences"
			profile     = "/profile/@u42:acme.chat.test/"
		)
		say := func(version int, changes ...string) {
			t.Helper()
			h.must(http.MethodPut, "/users/42", userJSON(version, changes...))
		}
		say(1, "notification_preferences", `{"a":1}`, "avatar_url", `"https://example.com/ana.png"`)
		token := h.mustLogIn("42").Get("access_token").Str
		set := func(path, body string) {
			t.Helper()
			if code, answer := h.client(token, http.MethodPut, path, body); code != http.StatusOK {
				t.Fatalf("%s: got %d %s", path, code, answer.Raw)
			}
		}
		read := func(path string) string {
			t.Helper()
			_, answer := h.client(token, http.MethodGet, path, "")
			return answer.Raw
		}
		set(preferences, `{"mine":true}`)
		set(profile+"avatar_url", `{"avatar_url":"mxc://acme.chat.test/mine"}`)
		set(profile+"displayname", `{"displayname":"Boss"}`)
		say(2, "notification_preferences", `{"a":1}`, "avatar_url", `"https://example.com/ana.png"`, "locale", `"en"`)
		if got := read(preferences); got != `{"mine":true}` {
			t.Errorf("the preferences became %s", got)
		}
		if got := read(profile + "avatar_url"); got != `{"avatar_url":"mxc://acme.chat.test/mine"}` {
			t.Errorf("the picture became %s", got)
		}
		if got := read(profile + "displayname"); got != `{"displayname":"Ana Lima"}` {
			t.Errorf("the name became %s", got)
		}
		say(3, "notification_preferences", `{"a":2}`, "avatar_url", `"mxc://acme.chat.test/new"`)
		if got := read(preferences); got != `{"a":2}` {
			t.Errorf("the preferences became %s", got)
		}
		if got := read(profile + "avatar_url"); got != `{"avatar_url":"mxc://acme.chat.test/new"}` {
			t.Errorf("the picture became %s", got)
		}
		say(4)
		if got := read(preferences); got != `{}` {
			t.Errorf("the preferences became %s", got)
		}
	})
}

// What ConversaLabs says of language and send key is what the user prefers, until the
// user says otherwise, and is the language of refusals.
func TestPreferences(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		const preferences = "/user/@u42:acme.chat.test/account_data/br.com.conversalabs.preferences"
		say := func(version int, changes ...string) {
			t.Helper()
			h.must(http.MethodPut, "/users/42", userJSON(version, changes...))
		}
		say(1, "locale", `"pt-BR"`, "send_key", `"ctrl_enter"`)
		token := h.mustLogIn("42").Get("access_token").Str
		demand := func(want, sentence string) {
			t.Helper()
			if _, got := h.client(token, http.MethodGet, preferences, ""); got.Raw != want {
				t.Errorf("got the preferences %s, want %s", got.Raw, want)
			}
			code, refused := h.client(token, http.MethodPut, preferences, `{"send_key":"tab"}`)
			if code != http.StatusBadRequest || refused.Get("error").Str != sentence {
				t.Errorf("got %d %s, want 400 %q", code, refused.Raw, sentence)
			}
		}
		const portuguese, english = "A tecla de envio precisa ser enter ou ctrl_enter.", "The send key must be enter or ctrl_enter."
		demand(`{"locale":"pt-BR","send_key":"ctrl_enter"}`, portuguese)
		if code, answer := h.client(token, http.MethodPut, preferences, `{"locale":"en","x":1}`); code != http.StatusOK {
			t.Fatalf("got %d %s", code, answer.Raw)
		}
		demand(`{"locale":"en","x":1}`, english)
		say(2, "locale", `"pt-BR"`, "send_key", `"ctrl_enter"`, "email", `"new@acme.example"`)
		demand(`{"locale":"en","x":1}`, english)
		say(3, "locale", `"pt-BR"`, "send_key", `"enter"`)
		demand(`{"locale":"en","send_key":"enter","x":1}`, english)
		say(4, "send_key", `"enter"`)
		demand(`{"send_key":"enter","x":1}`, english)
		for _, bad := range []string{`{"locale":"no locale"}`, `{"locale":null}`, `{"send_key":1}`} {
			if code, answer := h.client(token, http.MethodPut, preferences, bad); code != http.StatusBadRequest || answer.Get("errcode").Str != "M_BAD_JSON" {
				t.Errorf("%s: got %d %s, want 400 M_BAD_JSON", bad, code, answer.Raw)
			}
		}
	})
}

// TestVersions plays what comes twice, late and in order.
func TestVersions(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		for _, c := range []struct {
			path          string
			say           func(version int, name string) string
			field         string
			first, second string
		}{
			{"/users/42", func(v int, name string) string { return userJSON(v, "display_name", `"`+name+`"`) }, "display_name", "Ana", "Bia"},
			{"/teams/7", func(v int, name string) string {
				return `{"name":"` + name + `","members":["42"],"version":` + itoa(v) + `}`
			}, "name", "Sales", "Care"},
			{"", func(v int, name string) string {
				return `{"name":"` + name + `","enabled":true,"version":` + itoa(v) + `}`
			}, "name", "Acme", "Acme 2"},
		} {
			h.must(http.MethodPut, c.path, c.say(5, c.first))
			head := h.head()
			if got := h.must(http.MethodPut, c.path, c.say(5, "again")); got.Get(c.field).Str != c.first {
				t.Errorf("the same version again: got %s, want %s", got.Raw, c.first)
			}
			late := h.mustRefuse(http.MethodPut, c.path, c.say(4, "late"), http.StatusConflict, "M_INVALID_PARAM", "newer version")
			if late.Get("version").Int() != 5 || late.Get("current."+c.field).Str != c.first ||
				late.Get(`br\.com\.conversalabs\.reason`).Str != "version_outdated" {
				t.Errorf("an older version: got %s", late.Raw)
			}
			if got := h.head(); got != head {
				t.Errorf("%s: what changes nothing moved the head from %d to %d", c.path, head, got)
			}
			if got := h.must(http.MethodGet, c.path, ""); got.Get(c.field).Str != c.first || got.Get("version").Int() != 5 {
				t.Errorf("got %s, want %s", got.Raw, c.first)
			}
			if got := h.must(http.MethodPut, c.path, c.say(6, c.second)); got.Get(c.field).Str != c.second || got.Get("version").Int() != 6 {
				t.Errorf("a newer version: got %s, want %s", got.Raw, c.second)
			}
		}
	})
}

func TestUserRefusals(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.must(http.MethodPut, "/users/1", userJSON(1, "localpart", `"Taken"`))
		const bad, missing, invalid = "M_BAD_JSON", "M_MISSING_PARAM", "M_INVALID_PARAM"
		head := h.head()
		for _, c := range []struct{ body, code, words string }{
			{"", "M_NOT_JSON", ""},
			{"[]", bad, "object"},
			{userJSON(1, "nick", `"x"`), bad, "nick"},
			{userJSON(1, "Active", `true`), bad, "Active"},
			{userJSON(1, "display_name", ""), missing, "display_name"},
			{userJSON(1, "display_name", "null"), missing, "display_name"},
			{userJSON(1, "display_name", `" "`), invalid, "display_name"},
			{userJSON(1, "display_name", `"`+strings.Repeat("x", 257)+`"`), invalid, "display_name"},
			{userJSON(1, "display_name", `7`), bad, "display_name"},
			{userJSON(1, "role", ""), missing, "role"},
			{userJSON(1, "role", `""`), missing, "role"},
			{userJSON(1, "role", `"bot"`), invalid, "role"},
			{userJSON(1, "internal_chat", ""), missing, "internal_chat"},
			{userJSON(1, "active", ""), missing, "active"},
			{userJSON(1, "active", `"yes"`), bad, "active"},
			{with(userJSON(1), "version", ""), missing, "version"},
			{userJSON(0), invalid, "version"},
			{userJSON(-1), invalid, "version"},
			{with(userJSON(1), "version", "1.5"), bad, "version"},
			{with(userJSON(1), "version", "9007199254740992"), invalid, "version"},
			{userJSON(1, "email", `"Ana <ana@acme.example>"`), invalid, "email"},
			{userJSON(1, "email", `"ana"`), invalid, "email"},
			{userJSON(1, "avatar_url", `"http://example.com/x"`), invalid, "avatar_url"},
			{userJSON(1, "avatar_url", `"javascript:alert(1)"`), invalid, "avatar_url"},
			{userJSON(1, "locale", `"not a locale"`), invalid, "locale"},
			{userJSON(1, "timezone", `"Local"`), invalid, "timezone"},
			{userJSON(1, "timezone", `"Mars/Olympus"`), invalid, "timezone"},
			{userJSON(1, "timezone", `"../../etc/passwd"`), invalid, "timezone"},
			{userJSON(1, "teams", `["a b"]`), invalid, "ID"},
			{userJSON(1, "permissions", `"x"`), bad, "permissions"},
			{userJSON(1, "notification_preferences", `[]`), bad, "notification_preferences"},
			{userJSON(1, "notification_preferences", `{"mention":{"bell":"loud"}}`), bad, "mention"},
			{userJSON(1, "notification_preferences", `{"quiet_hours":{"start":"22:00","end":"25:00"}}`), bad, "HH:MM"},
			{userJSON(1, "send_key", `"tab"`), invalid, "send_key"},
			{userJSON(1, "notification_preferences", `{"a":"`+strings.Repeat("x", 17<<10)+`"}`), invalid, "notification_preferences"},
			{userJSON(1, "localpart", `"no space"`), "M_INVALID_USERNAME", "user name"},
			{userJSON(1, "localpart", `"taken"`), "M_USER_IN_USE", "taken"},
			{userJSON(1, "localpart", `"conversalabs"`), "M_USER_IN_USE", "taken"},
			{userJSON(1, "user_id", `"43"`), invalid, "user_id"},
			{userJSON(1, "matrix_user_id", `"@u42:other.test"`), invalid, "matrix_user_id"},
		} {
			h.mustRefuse(http.MethodPut, "/users/42", c.body, http.StatusBadRequest, c.code, c.words)
		}
		h.mustRefuse(http.MethodPut, "/users/a%20b", userJSON(1), http.StatusBadRequest, invalid, "ID")
		h.mustRefuse(http.MethodPut, "/users/1", userJSON(2, "localpart", `"other"`), http.StatusBadRequest, invalid, "localpart")
		h.mustRefuse(http.MethodGet, "/users/42", "", http.StatusNotFound, "M_NOT_FOUND", "user")
		h.mustRefuse(http.MethodDelete, "/users/42", "", http.StatusNotFound, "M_NOT_FOUND", "user")
		h.mustRefuse(http.MethodDelete, "/users/1?mode=forget", "", http.StatusBadRequest, invalid, "mode")
		h.mustRefuse(http.MethodDelete, "/users/1?version=0", "", http.StatusBadRequest, invalid, "version")
		if got := h.head(); got != head {
			t.Errorf("refused requests moved the head from %d to %d", head, got)
		}
		if got := h.must(http.MethodPut, "/users/1", userJSON(2)).Get("localpart").Str; got != "taken" {
			t.Errorf("got the localpart %q, want the first one", got)
		}
	})
}

func TestInactive(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.must(http.MethodPut, "/users/42", userJSON(1))
		in := h.mustLogIn("42")
		unused := h.must(http.MethodPost, "/users/42/login_token", "{}").Get("login_token").Str
		if got := h.must(http.MethodPut, "/users/42", userJSON(2, "active", "false")).Get("active").Bool(); got {
			t.Error("the user is still active")
		}
		h.mustWhoami(in.Get("access_token").Str, http.StatusUnauthorized, "M_UNKNOWN_TOKEN", "")
		refused := h.mustRefuse(http.MethodPost, "/users/42/login_token", "", http.StatusForbidden, "M_USER_DEACTIVATED", "deactivated")
		if got := refused.Get(`br\.com\.conversalabs\.reason`).Str; got != "user_inactive" {
			t.Errorf("got the reason %q, want user_inactive", got)
		}
		h.mustRefuse(http.MethodPut, "/users/42/availability", `{"availability":"online"}`, http.StatusForbidden, "M_USER_DEACTIVATED", "")
		logIn := func() (int, string) {
			code, answer := h.client("", http.MethodPost, "/login", `{"type":"m.login.token","token":"`+unused+`"}`)
			return code, answer.Get("errcode").Str
		}
		if code, errcode := logIn(); code != http.StatusForbidden {
			t.Errorf("a login token from before: got %d %s", code, errcode)
		}
		h.must(http.MethodPut, "/users/42", userJSON(3))
		h.mustWhoami(in.Get("access_token").Str, http.StatusUnauthorized, "M_UNKNOWN_TOKEN", "")
		if code, errcode := logIn(); code != http.StatusForbidden {
			t.Errorf("a login token from before: got %d %s", code, errcode)
		}
		h.mustWhoami(h.mustLogIn("42").Get("access_token").Str, http.StatusOK, "", "")
	})
}

// TestRemoval deletes users, by the same rules of versions.
func TestRemoval(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.must(http.MethodPut, "/users/42", userJSON(5, "email", `"ana@acme.example"`, "avatar_url", `"mxc://acme.chat.test/a"`,
			"timezone", `"UTC"`, "notification_preferences", `{"a":1}`, "teams", `["7"]`))
		token := h.mustLogIn("42").Get("access_token").Str
		h.must(http.MethodPut, "/users/42/availability", `{"availability":"busy"}`)
		h.client(token, http.MethodPut, "/profile/@u42:acme.chat.test/com.example.pronouns", `{"com.example.pronouns":"she"}`)

		h.mustRefuse(http.MethodDelete, "/users/42?version=4", "", http.StatusConflict, "M_INVALID_PARAM", "newer version")
		if got := h.must(http.MethodDelete, "/users/42?version=5", ""); !got.Get("active").Bool() {
			t.Errorf("the same version: got %s, want nothing changed", got.Raw)
		}
		got := h.must(http.MethodDelete, "/users/42?version=6", "")
		if got.Get("active").Bool() || got.Get("version").Int() != 6 || got.Get("display_name").Str != "Ana Lima" {
			t.Errorf("got %s, want an inactive user", got.Raw)
		}
		h.mustWhoami(token, http.StatusUnauthorized, "M_UNKNOWN_TOKEN", "")
		head := h.head()
		h.must(http.MethodDelete, "/users/42", "")
		if now := h.head(); now != head {
			t.Errorf("removing again moved the head from %d to %d", head, now)
		}
		got = h.must(http.MethodDelete, "/users/42?mode=erase", "")
		want := `{"user_id":"42","matrix_user_id":"@u42:acme.chat.test","localpart":"u42","display_name":"","email":"","avatar_url":"",` +
			`"role":"agent","permissions":[],"internal_chat":true,"active":false,"locale":"","timezone":"","send_key":"","teams":["7"],` +
			`"notification_preferences":{},"version":6}`
		if got.Raw != want || h.must(http.MethodGet, "/users/42", "").Raw != want {
			t.Errorf("got %s\nwant %s", got.Raw, want)
		}
		h.must(http.MethodPut, "/users/7", userJSON(1))
		other := h.mustLogIn("7").Get("access_token").Str
		if _, profile := h.client(other, http.MethodGet, "/profile/@u42:acme.chat.test", ""); profile.Raw != "{}" {
			t.Errorf("got the profile %s, want nothing in it", profile.Raw)
		}
		if _, presence := h.client(other, http.MethodGet, "/presence/@u42:acme.chat.test/status", ""); presence.Get("presence").Str != "offline" {
			t.Errorf("got %s, want offline", presence.Raw)
		}
		// What comes late does not bring them back; what is newer does.
		h.mustRefuse(http.MethodPut, "/users/42", userJSON(5), http.StatusConflict, "M_INVALID_PARAM", "newer version")
		if got := h.must(http.MethodPut, "/users/42", userJSON(7)); got.Get("display_name").Str != "Ana Lima" || !got.Get("active").Bool() {
			t.Errorf("got %s", got.Raw)
		}
		h.mustWhoami(h.mustLogIn("42").Get("access_token").Str, http.StatusOK, "", "")
	})
}
