package main_test

import (
	"net/http"
	"slices"
	"testing"
)

var deviceChecks = checks{
	"DeviceManagement": parts(checks{
		"read and named": func(t *testing.T, hs *homeserver) {
			user := hs.mustRegister(t, "user")
			for _, device := range []string{"login_device", "login_device_2"} {
				hs.nobody().must(t, http.MethodPost, "/login", passwordLogin, user.id, user.password,
					`,"device_id":"`+device+`","initial_device_display_name":"device display"`)
			}
			one := user.must(t, http.MethodGet, "/devices/login_device", "")
			mustBe(t, "the device", one.Get("device_id").Str, "login_device")
			mustBe(t, "its name", one.Get("display_name").Str, "device display")
			want := []string{user.device, "login_device", "login_device_2"}
			got := user.devices(t)
			slices.Sort(want)
			slices.Sort(got)
			mustBe(t, "the devices", got, want)

			user.must(t, http.MethodPut, "/devices/login_device", `{"display_name":"new device display"}`)
			one = user.must(t, http.MethodGet, "/devices/login_device", "")
			mustBe(t, "the new name", one.Get("display_name").Str, "new device display")

			user.mustBeRefused(t, http.StatusNotFound, "M_NOT_FOUND", http.MethodGet, "/devices/unknown_device", "")
			user.mustBeRefused(t, http.StatusNotFound, "M_NOT_FOUND", http.MethodPut, "/devices/unknown_device", `{"display_name":"new device display"}`)
			stranger := hs.mustRegister(t, "stranger")
			stranger.mustBeRefused(t, http.StatusNotFound, "M_NOT_FOUND", http.MethodGet, "/devices/login_device", "")
		},
		"removed": func(t *testing.T, hs *homeserver) {
			user, bob := hs.mustRegister(t, "user"), hs.mustRegister(t, "bob")
			gone := user.mustLogIn(t, "")
			gone.mustSync(t)
			path := "/devices/" + gone.device
			const auth = `{"auth":{"type":"m.login.password","identifier":{"type":"m.id.user","user":%q},"password":%q}}`
			mustHaveFlows(t, user.mustBeRefused(t, http.StatusUnauthorized, "", http.MethodDelete, path, ""), "m.login.password")
			wrong := user.mustBeRefused(t, http.StatusUnauthorized, "M_FORBIDDEN", http.MethodDelete, path, auth, user.id, "super-wrong-password")
			mustHaveFlows(t, wrong, "m.login.password")
			mustBe(t, "a reason is given", wrong.Get("error").Str != "", true)
			user.mustBeRefused(t, http.StatusForbidden, "M_FORBIDDEN", http.MethodDelete, path, auth, bob.id, bob.password)
			user.must(t, http.MethodGet, path, "")
			gone.must(t, http.MethodGet, "/account/whoami", "")

			user.must(t, http.MethodDelete, path, auth, user.id, user.password)
			user.mustBeRefused(t, http.StatusNotFound, "M_NOT_FOUND", http.MethodGet, path, "")
			gone.mustBeRefused(t, http.StatusUnauthorized, "M_UNKNOWN_TOKEN", http.MethodGet, "/sync", "")
			mustBe(t, "the devices left", user.devices(t), []string{user.device})
		},
	}),
}
