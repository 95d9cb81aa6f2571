package main_test

import (
	"net/http"
	"testing"
)

var registerChecks = map[string]func(*testing.T, *homeserver){
	"Registration": func(t *testing.T, hs *homeserver) {
		someone := hs.nobody()
		someone.mustBeRefused(t, http.StatusUnauthorized, "", http.MethodPost, "/register", `{}`)
		name := hs.fresh("user/of")
		made := someone.must(t, http.MethodPost, "/register",
			`{"auth":{"type":"m.login.dummy"},"username":%q,"password":"sUp3rs3kr1t","device_id":"PHONE"}`, name)
		if got, want := made.Get("user_id").Str, "@"+name+":hs1"; got != want {
			t.Errorf("got the user %s, want %s", got, want)
		}
		if got := made.Get("device_id").Str; got != "PHONE" {
			t.Errorf("got the device %s, want PHONE", got)
		}
		someone.mustBeRefused(t, http.StatusBadRequest, "M_USER_IN_USE", http.MethodGet, "/register/available?"+query("username", name), "")
		someone.must(t, http.MethodGet, "/register/available?"+query("username", hs.fresh("free")), "")
		for _, bad := range []string{"a,b", "a b", `a'b`, "ä", "a:b"} {
			someone.mustBeRefused(t, http.StatusBadRequest, "M_INVALID_USERNAME", http.MethodPost, "/register",
				`{"auth":{"type":"m.login.dummy"},"username":%q,"password":"sUp3rs3kr1t"}`, bad)
		}
	},
	"RequestEncodingFails": func(t *testing.T, hs *homeserver) {
		hs.nobody().mustBeRefused(t, http.StatusBadRequest, "M_NOT_JSON", http.MethodPost, "/register", "{ \"test\":\"a\x81\" }")
	},
}
