package main_test

import (
	"net/http"
	"testing"

	"github.com/tidwall/gjson"
)

var registerChecks = checks{
	"Registration": parts(checks{
		"in one request": func(t *testing.T, hs *homeserver) {
			name := hs.fresh("user")
			made := hs.nobody().must(t, http.MethodPost, "/register",
				`{"auth":{"type":"m.login.dummy"},"username":%q,"password":"sUp3rs3kr1t","device_id":"PHONE"}`, name)
			mustBe(t, "the user", made.Get("user_id").Str, "@"+name+":hs1")
			mustBe(t, "the device", made.Get("device_id").Str, "PHONE")
			mustBe(t, "the server", made.Get("home_server").Str, "hs1")
			in := &asker{hs: hs, token: made.Get("access_token").Str}
			mustBe(t, "who it is", in.must(t, http.MethodGet, "/account/whoami", "").Get("user_id").Str, "@"+name+":hs1")
		},
		"in two steps": func(t *testing.T, hs *homeserver) {
			name := hs.fresh("user")
			asked := hs.nobody().mustBeRefused(t, http.StatusUnauthorized, "", http.MethodPost, "/register",
				`{"username":%q,"password":"sUp3rs3kr1t"}`, name)
			mustHaveFlows(t, asked, "m.login.dummy")
			made := hs.nobody().must(t, http.MethodPost, "/register",
				`{"auth":{"type":"m.login.dummy","session":%q},"username":%q,"password":"sUp3rs3kr1t"}`, asked.Get("session").Str, name)
			mustBe(t, "the user", made.Get("user_id").Str, "@"+name+":hs1")
		},
		"nothing given": func(t *testing.T, hs *homeserver) {
			asked := hs.nobody().mustBeRefused(t, http.StatusUnauthorized, "", http.MethodPost, "/register", `{}`)
			mustHaveFlows(t, asked, "m.login.dummy")
		},
		"no name given": func(t *testing.T, hs *homeserver) {
			const body = `{"auth":{"type":"m.login.dummy"},"password":"sUp3rs3kr1t"}`
			one := hs.nobody().must(t, http.MethodPost, "/register", body).Get("user_id").Str
			two := hs.nobody().must(t, http.MethodPost, "/register", body).Get("user_id").Str
			if one == "" || one == two {
				t.Errorf("got the users %q and %q, want two", one, two)
			}
		},
		"without a session": func(t *testing.T, hs *homeserver) {
			made := hs.nobody().must(t, http.MethodPost, "/register",
				`{"auth":{"type":"m.login.dummy"},"username":%q,"password":"sUp3rs3kr1t","inhibit_login":true}`, hs.fresh("user"))
			if made.Get("user_id").Str == "" || made.Get("access_token").Exists() || made.Get("device_id").Exists() {
				t.Errorf("got %s, want a user without a session", made.Raw)
			}
		},
		"guests": func(t *testing.T, hs *homeserver) {
			hs.nobody().mustBeRefused(t, http.StatusForbidden, "M_GUEST_ACCESS_FORBIDDEN", http.MethodPost, "/register?kind=guest", `{}`)
		},
		"capitals": func(t *testing.T, hs *homeserver) {
			made := hs.nobody().must(t, http.MethodPost, "/register",
				`{"auth":{"type":"m.login.dummy"},"username":%q,"password":"sUp3rs3kr1t"}`, hs.fresh("user-UPPER"))
			mustBe(t, "the server", made.Get("home_server").Str, "hs1")
			if got := made.Get("user_id").Str; len(got) < 11 || got[:11] != "@user-upper" {
				t.Errorf("got the user %s, want a name in small letters", got)
			}
		},
		"names": func(t *testing.T, hs *homeserver) {
			for _, good := range "q3._=-/" {
				hs.mustRegister(t, "chrtest"+string(good))
			}
			for _, bad := range "!\":?\\@[]{|}£é\n', " {
				hs.nobody().mustBeRefused(t, http.StatusBadRequest, "M_INVALID_USERNAME", http.MethodPost, "/register",
					`{"auth":{"type":"m.login.dummy"},"username":%q,"password":"sUp3rs3kr1t"}`, "user-"+string(bad)+"-reject-please")
			}
		},
		"availability": func(t *testing.T, hs *homeserver) {
			taken, someone := hs.mustRegister(t, "user"), hs.nobody()
			someone.mustBeRefused(t, http.StatusBadRequest, "M_USER_IN_USE", http.MethodPost, "/register",
				`{"auth":{"type":"m.login.dummy"},"username":%q,"password":"anotherSuperSecret"}`, taken.name)
			const available = "/register/available?"
			someone.mustBeRefused(t, http.StatusBadRequest, "M_USER_IN_USE", http.MethodGet, available+query("username", taken.name), "")
			someone.mustBeRefused(t, http.StatusBadRequest, "M_INVALID_USERNAME", http.MethodGet, available+query("username", "in,valid"), "")
			free := someone.must(t, http.MethodGet, available+query("username", hs.fresh("free")), "")
			mustBe(t, "a free name", free.Raw, `{"available":true}`)
		},
	}),
	"RequestEncodingFails": func(t *testing.T, hs *homeserver) {
		hs.nobody().mustBeRefused(t, http.StatusBadRequest, "M_NOT_JSON", http.MethodPost, "/register", "{ \"test\":\"a\x81\" }")
	},
}

// mustHaveFlows demands that a refusal tells the ways of user-interactive
// authentication, this stage alone among them.
func mustHaveFlows(t testing.TB, asked gjson.Result, stage string) {
	t.Helper()
	if !asked.Get("session").Exists() || !asked.Get("params").IsObject() {
		t.Errorf("got %s, want a session and parameters", asked.Raw)
	}
	for _, flow := range asked.Get("flows").Array() {
		if stages := flow.Get("stages").Array(); len(stages) == 1 && stages[0].Str == stage {
			return
		}
	}
	t.Errorf("got %s, want the flow %s", asked.Raw, stage)
}
