package provisioning_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tidwall/gjson"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/storage/sqldb/sqltest"
)

func (h *house) refresh(token string) (int, gjson.Result) {
	h.t.Helper()
	return h.client("", http.MethodPost, "/refresh", `{"refresh_token":"`+token+`"}`)
}

// A role ends at once in sessions, and what could be had by it does not outlive it.
func TestRoles(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		administrator := func(token string, is bool) {
			t.Helper()
			code, _ := h.send(token, http.MethodGet, "/_matrix/client/v1/admin/lock/@u7:acme.chat.test", "")
			if (code == http.StatusOK) != is {
				t.Errorf("got %d from what administrators may ask", code)
			}
		}
		h.must(http.MethodPut, "/users/7", userJSON(1))
		for i, c := range []struct {
			name          string
			before, after []string // changes of the representation
			ends          bool     // the refresh token
			is            bool     // an administrator afterwards
		}{
			{"administrator to agent", []string{"role", `"administrator"`}, nil, true, false},
			{"agent to administrator", nil, []string{"role", `"administrator"`}, false, true},
			{"manager to user", custom("internal_chat_use", "internal_chat_manage"), custom("internal_chat_use"), true, false},
			{"administrator to manager", []string{"role", `"administrator"`}, custom("internal_chat_use", "internal_chat_manage"), true, true},
			{"agent to user", nil, custom("internal_chat_use"), true, false},
			{"user to agent", custom("internal_chat_use"), nil, false, false},
			{"another name", nil, []string{"display_name", `"Bia"`}, false, false},
		} {
			user := "x" + itoa(i)
			h.must(http.MethodPut, "/users/"+user, userJSON(1, c.before...))
			in := h.mustLogIn(user)
			token := in.Get("access_token").Str
			h.must(http.MethodPut, "/users/"+user, userJSON(2, c.after...))
			administrator(token, c.is)
			code, answer := h.refresh(in.Get("refresh_token").Str)
			if ended := code == http.StatusUnauthorized && answer.Get("errcode").Str == "M_UNKNOWN_TOKEN"; ended != c.ends {
				t.Errorf("%s: got %d %s for the refresh token", c.name, code, answer.Raw)
			}
		}
	})
}

func custom(permissions ...string) []string {
	all := "[]"
	for _, p := range permissions {
		all = with(all, "-1", `"`+p+`"`)
	}
	return []string{"role", `"custom"`, "permissions", all}
}

// Who is locked out by the change cannot refresh meanwhile, and goes on afterwards.
func TestLockedRefresh(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		for user, c := range map[string]struct{ in, out []string }{
			"42": {nil, []string{"internal_chat", "false"}},
			"43": {custom("internal_chat_use"), custom("inbox_manage")},
		} {
			h.must(http.MethodPut, "/users/"+user, userJSON(1, c.in...))
			token := h.mustLogIn(user).Get("refresh_token").Str
			h.must(http.MethodPut, "/users/"+user, userJSON(2, c.out...))
			if code, answer := h.refresh(token); code != http.StatusUnauthorized || answer.Get("errcode").Str != "M_USER_LOCKED" {
				t.Errorf("got %d %s, want 401 M_USER_LOCKED", code, answer.Raw)
			}
			h.must(http.MethodPut, "/users/"+user, userJSON(3, c.in...))
			if code, answer := h.refresh(token); code != http.StatusOK {
				t.Errorf("let in again: got %d %s, want 200", code, answer.Raw)
			}
		}
	})
}

func TestAvailability(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		token := h.mustLogInAs("42")
		status := "/presence/@u42:acme.chat.test/status"
		h.client(token, http.MethodPut, status, `{"presence":"online","status_msg":"lunch"}`)
		for availability, want := range map[string]string{"online": "online", "busy": "unavailable", "offline": "offline"} {
			for range 2 {
				h.must(http.MethodPut, "/users/42/availability", `{"availability":"`+availability+`"}`)
			}
			if _, got := h.client(token, http.MethodGet, status, ""); got.Get("presence").Str != want || got.Get("status_msg").Str != "lunch" {
				t.Errorf("%s: got %s, want %s and the status", availability, got.Raw, want)
			}
		}
		// It does not end by itself; with the user's access it does.
		h.must(http.MethodPut, "/users/43", userJSON(1))
		h.must(http.MethodPut, "/users/43/availability", `{"availability":"online"}`)
		overdue, err := h.store.Overdue(t.Context(), h.clock.Load()+1e9, 10)
		if err != nil || len(overdue) > 0 {
			t.Errorf("got %v, %v to end by itself", overdue, err)
		}
		h.must(http.MethodDelete, "/users/43", "")
		if _, got := h.client(token, http.MethodGet, "/presence/@u43:acme.chat.test/status", ""); got.Get("presence").Str != "offline" {
			t.Errorf("got %s of who is gone", got.Raw)
		}
		head := h.head()
		for body, code := range map[string]string{
			`{"availability":"away"}`: "M_BAD_JSON", `{}`: "M_BAD_JSON", `{"availability":"busy","x":1}`: "M_BAD_JSON", "": "M_NOT_JSON",
		} {
			h.mustRefuse(http.MethodPut, "/users/42/availability", body, http.StatusBadRequest, code, "")
		}
		h.mustRefuse(http.MethodPut, "/users/nobody/availability", `{"availability":"busy"}`, http.StatusNotFound, "M_NOT_FOUND", "user")
		if got := h.head(); got != head {
			t.Errorf("refused requests moved the head from %d to %d", head, got)
		}
	})
}

// What machines do is in the audit, by their names, and what changes nothing is not.
func TestAudit(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.must(http.MethodPut, "", accountJSON(2, "cards", `{"resolver_url":"https://app.example","secret":"SECRET"}`))
		h.must(http.MethodPut, "/users/42", userJSON(1, "email", `"ana@acme.example"`))
		h.must(http.MethodPost, "/users/42/login_token", "")
		h.must(http.MethodPut, "/users/42", userJSON(2, "role", `"administrator"`))
		h.must(http.MethodPut, "/users/42", userJSON(2)) // known
		h.must(http.MethodPut, "/users/42", userJSON(3, "active", "false"))
		h.must(http.MethodPut, "/users/42", userJSON(4))
		h.must(http.MethodDelete, "/users/42?mode=erase", "")
		h.must(http.MethodPut, "/teams/7", `{"name":"Sales","members":[],"version":1}`)
		h.must(http.MethodDelete, "/teams/7", "")
		entries, _, err := h.accounts.Audit(t.Context(), "acme", accounts.AuditQuery{Actor: "machine:m"})
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]int{}
		for _, e := range entries {
			got[string(e.Action)+" "+e.Target]++
			if text := fmt.Sprint(e); strings.Contains(text, "SECRET") || strings.Contains(text, "acme.example") || e.Address == "" {
				t.Errorf("got %s", text)
			}
		}
		const ana = "@u42:acme.chat.test"
		want := map[string]int{
			"account.created ": 1, "account.changed ": 1, "user.created " + ana: 1, "token.created " + ana: 1, "user.changed " + ana: 3,
			"user.deactivated " + ana: 2, "user.activated " + ana: 1, "user.erased " + ana: 1, "team.changed 7": 1, "team.deleted 7": 1,
		}
		if diff := cmp.Diff(got, want); diff != "" {
			t.Errorf("the audit has (-got +want):\n%s", diff)
		}
	})
}

func TestLoginToken(t *testing.T) {
	t.Parallel()
	h := newHouse(t, sqltest.SQLite(t))
	h.must(http.MethodPut, "/users/42", userJSON(1))
	mint := func() string {
		answer := h.must(http.MethodPost, "/users/42/login_token", "")
		if answer.Get("expires_in_ms").Int() != 120_000 {
			t.Errorf("got %d ms", answer.Get("expires_in_ms").Int())
		}
		return answer.Get("login_token").Str
	}
	logIn := func(token string, want int) {
		t.Helper()
		code, answer := h.client("", http.MethodPost, "/login", `{"type":"m.login.token","token":"`+token+`"}`)
		if code != want || code == http.StatusOK && answer.Get("user_id").Str != "@u42:acme.chat.test" {
			t.Errorf("got %d %s, want %d", code, answer.Raw, want)
		}
	}
	token := mint()
	logIn(token, http.StatusOK)
	logIn(token, http.StatusForbidden)
	token = mint()
	h.clock.Add(119_999)
	logIn(token, http.StatusOK)
	token = mint()
	h.clock.Add(120_000)
	logIn(token, http.StatusForbidden)
	h.mustRefuse(http.MethodPost, "/users/nobody/login_token", "", http.StatusNotFound, "M_NOT_FOUND", "user")
	h.mustRefuse(http.MethodPost, "/users/42/login_token", `{"x":1}`, http.StatusBadRequest, "M_BAD_JSON", "x")
}
