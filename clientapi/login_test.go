package clientapi_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/login"
	"github.com/conversalabs/internalchat/accounts/tenant"
)

func TestLoginFlows(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	got := s.nobodyYet().must(get, "/login", "").Raw
	want := `{"flows":[{"type":"m.login.password"},{"type":"m.login.token","get_login_token":true}]}`
	if got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestLogin(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	s.mustRegister("test_login_user")
	for _, user := range []string{"test_login_user", "@test_login_user:hs1", "@Test_Login_User:hs1", "TEST_LOGIN_USER"} {
		answer := s.nobodyYet().must(post, "/login", loginBody(user, testPassword, `"device_id":"test_device_id"`))
		who := s.person(answer)
		if who.user != "@test_login_user:hs1" || who.device != "test_device_id" || answer.Get("home_server").Str != "hs1" {
			t.Errorf("%s: got %s", user, answer.Raw)
		}
		want := `{"user_id":"@test_login_user:hs1","device_id":"test_device_id","is_guest":false}`
		if got := who.must(get, "/account/whoami", "").Raw; got != want {
			t.Errorf("%s: got %s, want %s", user, got, want)
		}
	}
	older := s.nobodyYet().must(post, "/login", `{"type":"m.login.password","user":"test_login_user","password":"`+testPassword+`"}`)
	if older.Get("access_token").Str == "" || older.Get("device_id").Str == "" {
		t.Errorf("got %s for the older form", older.Raw)
	}
}

func TestLoginByOlderPaths(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	s.mustRegister("ana")
	for _, path := range []string{"/_matrix/client/r0/login", "/_matrix/client/v3/login"} {
		request, err := http.NewRequestWithContext(t.Context(), post, s.URL+path, strings.NewReader(loginBody("ana", testPassword, "")))
		if err != nil {
			t.Fatal(err)
		}
		response, err := s.Client().Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != http.StatusOK {
			t.Errorf("%s: got %d, want 200", path, response.StatusCode)
		}
	}
}

func TestLoginRefusals(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	s.mustRegister("ana")
	nobody := s.nobodyYet()
	for body, want := range map[string]string{
		loginBody("ana", "wrong password", ""):               "403 M_FORBIDDEN",
		loginBody("not_ana", testPassword, ""):               "403 M_FORBIDDEN",
		loginBody("@ana:other.test", testPassword, ""):       "403 M_FORBIDDEN",
		loginBody("@ana:nowhere.test", testPassword, ""):     "403 M_FORBIDDEN",
		`{"type":"m.login.token","token":"ic_lt_default_x"}`: "403 M_FORBIDDEN",
		`{}`:                           "400 M_MISSING_PARAM",
		`{"type":"m.login.password"}`:  "400 M_MISSING_PARAM",
		`{"type":"m.login.token"}`:     "400 M_MISSING_PARAM",
		`{"type":"m.login.something"}`: "400 M_UNKNOWN",
		`{"type":5}`:                   "400 M_BAD_JSON",
		`{"type":"m.login.password","identifier":"ana","password":"x"}`: "400 M_BAD_JSON",
		loginBody("ana", testPassword, `"device_id":7`):                 "400 M_BAD_JSON",
		loginBody("ana\\u0000", testPassword, ""):                       "400 M_BAD_JSON",
		`{"type":"m.login.password",`:                                   "400 M_NOT_JSON",
		"":                                                              "400 M_NOT_JSON",
		"{\"type\":\"\xff\"}":                                           "400 M_NOT_JSON",
		loginBody("ana", testPassword, `"device_id":"`+strings.Repeat("x", 256)+`"`):                   "400 M_INVALID_PARAM",
		loginBody("ana", testPassword, `"initial_device_display_name":"`+strings.Repeat("x", 257)+`"`): "400 M_INVALID_PARAM",
	} {
		status, code, _ := strings.Cut(want, " ")
		if status == "400" {
			nobody.mustRefuse(post, "/login", body, http.StatusBadRequest, code)
		} else {
			nobody.mustRefuse(post, "/login", body, http.StatusForbidden, code)
		}
	}
}

func TestLoginToken(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	ana := s.mustRegister("ana")
	token, err := s.accounts.MintLoginToken(t.Context(), tenant.Default, id.UserID(ana.user))
	if err != nil {
		t.Fatal(err)
	}
	body := `{"type":"m.login.token","token":"` + token + `"}`
	if got := s.nobodyYet().must(post, "/login", body).Get("user_id").Str; got != ana.user {
		t.Errorf("got %s, want %s", got, ana.user)
	}
	s.nobodyYet().mustRefuse(post, "/login", body, http.StatusForbidden, "M_FORBIDDEN")
}

func TestLogout(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	phone := s.mustRegister("ana")
	laptop := phone.mustLogIn("")
	laptop.must(post, "/logout", `{}`)
	laptop.mustEnd()
	if got := phone.deviceIDs(); !cmp.Equal(got, []string{phone.device}) {
		t.Errorf("got devices %v, want %s alone", got, phone.device)
	}
	tablet := phone.mustLogIn("")
	bia := s.mustRegister("bia")
	phone.must(post, "/logout/all", "")
	phone.mustEnd()
	tablet.mustEnd()
	bia.must(get, "/account/whoami", "")

	wrong := &person{s: s, token: "wrong"}
	for _, path := range []string{"/logout", "/logout/all"} {
		s.nobodyYet().mustRefuse(post, path, "", http.StatusUnauthorized, "M_MISSING_TOKEN")
		wrong.mustRefuse(post, path, "", http.StatusUnauthorized, "M_UNKNOWN_TOKEN")
	}
}

func TestRefresh(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	ana := s.mustRegister("ana")
	first := s.nobodyYet().must(post, "/login", loginBody(ana.user, testPassword, `"refresh_token":true,"device_id":"PHONE"`))
	if first.Get("expires_in_ms").Int() != time.Hour.Milliseconds() {
		t.Errorf("got %s, want expires_in_ms of an hour", first.Raw)
	}
	s.clock.Add(time.Hour.Milliseconds())
	expired := s.person(first).mustRefuse(get, "/account/whoami", "", http.StatusUnauthorized, "M_UNKNOWN_TOKEN")
	if !expired.Get("soft_logout").Bool() {
		t.Errorf("got %s, want a soft logout", expired.Raw)
	}
	second := s.nobodyYet().must(post, "/refresh", `{"refresh_token":"`+first.Get("refresh_token").Str+`"}`)
	again := &person{s: s, token: second.Get("access_token").Str}
	if got := again.must(get, "/account/whoami", "").Get("device_id").Str; got != "PHONE" {
		t.Errorf("got device %s, want PHONE", got)
	}
	reused := s.nobodyYet().mustRefuse(post, "/refresh", `{"refresh_token":"`+first.Get("refresh_token").Str+`"}`, http.StatusUnauthorized, "M_UNKNOWN_TOKEN")
	if !reused.Get("soft_logout").Bool() {
		t.Errorf("got %s, want a soft logout", reused.Raw)
	}
	again.mustEnd()
	s.nobodyYet().mustRefuse(post, "/refresh", `{"refresh_token":"x"}`, http.StatusUnauthorized, "M_UNKNOWN_TOKEN")
	s.nobodyYet().mustRefuse(post, "/refresh", `{}`, http.StatusBadRequest, "M_MISSING_PARAM")
	// Who does not ask for a refresh token gets none, and no expiry.
	if plain := s.nobodyYet().must(post, "/login", loginBody(ana.user, testPassword, "")); plain.Get("refresh_token").Exists() || plain.Get("expires_in_ms").Exists() {
		t.Errorf("got %s, want no refresh token", plain.Raw)
	}
}

func TestRegister(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	nobody := s.nobodyYet()
	asked := nobody.mustRefuse(post, "/register", `{}`, http.StatusUnauthorized, "")
	if asked.Get("flows.0.stages.0").Str != "m.login.dummy" || asked.Get("session").Str == "" || !asked.Get("params").IsObject() {
		t.Errorf("got %s, want flows, params and a session", asked.Raw)
	}
	inOne := nobody.must(post, "/register", `{"username":"One","password":"`+testPassword+`","device_id":"PHONE","auth":{"type":"m.login.dummy"}}`)
	if who := s.person(inOne); who.user != "@one:hs1" || who.device != "PHONE" || inOne.Get("home_server").Str != "hs1" {
		t.Errorf("got %s", inOne.Raw)
	} else {
		who.must(get, "/account/whoami", "")
	}
	nobody.must(post, "/register", `{"username":"two","password":"`+testPassword+`","auth":{"type":"m.login.dummy","session":"`+asked.Get("session").Str+`"}}`)
	nobody.must(post, "/login", loginBody("two", testPassword, ""))

	quiet := nobody.must(post, "/register", `{"username":"quiet","password":"`+testPassword+`","inhibit_login":true,"auth":{"type":"m.login.dummy"}}`)
	if quiet.Get("access_token").Exists() || quiet.Get("device_id").Exists() || quiet.Get("user_id").Str != "@quiet:hs1" {
		t.Errorf("got %s, want the user alone", quiet.Raw)
	}
	if made := s.person(nobody.must(post, "/register", `{"password":"`+testPassword+`","auth":{"type":"m.login.dummy"}}`)); made.user == "" {
		t.Error("no name was made up")
	}
	refreshable := nobody.must(post, "/register", `{"password":"`+testPassword+`","refresh_token":true,"auth":{"type":"m.login.dummy"}}`)
	nobody.must(post, "/refresh", `{"refresh_token":"`+refreshable.Get("refresh_token").Str+`"}`)
}

func TestRegisterRefusals(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	s.mustRegister("ana")
	nobody := s.nobodyYet()
	for _, name := range []string{"!", `\"`, ":", "?", `\\`, "@", "[", "]", "{", "|", "}", "£", "é", `\n`, "'"} {
		body := `{"username":"user` + name + `reject","password":"` + testPassword + `","auth":{"type":"m.login.dummy"}}`
		nobody.mustRefuse(post, "/register", body, http.StatusBadRequest, "M_INVALID_USERNAME")
	}
	for _, name := range []string{"q", "3", ".", "_", "=", "-", "/"} {
		s.mustRegister("name" + name + "good")
	}
	for body, code := range map[string]string{
		`{"username":"ana","password":"` + testPassword + `"}`:                                 "M_USER_IN_USE",
		`{"username":"ana","password":"` + testPassword + `","auth":{"type":"m.login.dummy"}}`: "M_USER_IN_USE",
		`{"username":"bia","password":"short","auth":{"type":"m.login.dummy"}}`:                "M_WEAK_PASSWORD",
		`{"username":"bia","auth":{"type":"m.login.dummy"}}`:                                   "M_MISSING_PARAM",
		`{"username":["bia"]}`:                      "M_BAD_JSON",
		`{"username":"bia","auth":"m.login.dummy"}`: "M_BAD_JSON",
		"{\"test\":\"a\x81\"}":                      "M_NOT_JSON",
		`{"username":"` + strings.Repeat("x", 251) + `","password":"` + testPassword + `"}`: "M_INVALID_USERNAME",
	} {
		nobody.mustRefuse(post, "/register", body, http.StatusBadRequest, code)
	}
	nobody.mustRefuse(post, "/register?kind=guest", `{}`, http.StatusForbidden, "M_GUEST_ACCESS_FORBIDDEN")
	nobody.mustRefuse(post, "/register?kind=robot", `{}`, http.StatusBadRequest, "M_INVALID_PARAM")
}

func TestRegisterAvailable(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	s.mustRegister("ana")
	nobody := s.nobodyYet()
	if got := nobody.must(get, "/register/available?username=bia", "").Raw; got != `{"available":true}` {
		t.Errorf("got %s", got)
	}
	nobody.mustRefuse(get, "/register/available?username=ana", "", http.StatusBadRequest, "M_USER_IN_USE")
	nobody.mustRefuse(get, "/register/available?username=b%21a", "", http.StatusBadRequest, "M_INVALID_USERNAME")
	nobody.mustRefuse(get, "/register/available", "", http.StatusBadRequest, "M_MISSING_PARAM")
}

func TestRegistrationIsClosed(t *testing.T) {
	t.Parallel()
	s := newTestServer(t, func(o *login.Options) { o.OpenRegistration = false })
	nobody := s.nobodyYet()
	for _, body := range []string{`{}`, `{"username":"ana","password":"` + testPassword + `","auth":{"type":"m.login.dummy"}}`} {
		nobody.mustRefuse(post, "/register", body, http.StatusForbidden, "M_FORBIDDEN")
	}
	nobody.mustRefuse(get, "/register/available?username=ana", "", http.StatusForbidden, "M_FORBIDDEN")
}

// mautrix's own client gets through the whole of it.
func TestClientLibrary(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	client := s.nobodyYet().client()
	if _, err := client.RegisterDummy(t.Context(), &mautrix.ReqRegister[any]{Username: "ana", Password: testPassword}); err != nil {
		t.Fatalf("register: %v", err)
	}
	_, err := client.Login(t.Context(), &mautrix.ReqLogin{
		Type: mautrix.AuthTypePassword, Identifier: mautrix.UserIdentifier{Type: mautrix.IdentifierTypeUser, User: "ana"},
		Password: testPassword, DeviceID: "PHONE", InitialDeviceDisplayName: "Phone", StoreCredentials: true,
	})
	if err != nil {
		t.Fatalf("log in: %v", err)
	}
	if who, err := client.Whoami(t.Context()); err != nil || who.UserID != "@ana:hs1" || who.DeviceID != "PHONE" {
		t.Fatalf("got %v, %v", who, err)
	}
	if err := client.SetDeviceInfo(t.Context(), "PHONE", &mautrix.ReqDeviceInfo{DisplayName: "My phone"}); err != nil {
		t.Fatalf("rename: %v", err)
	}
	if device, err := client.GetDeviceInfo(t.Context(), "PHONE"); err != nil || device.DisplayName != "My phone" {
		t.Fatalf("got %v, %v", device, err)
	}
	if _, err := client.Logout(t.Context()); err != nil {
		t.Fatalf("log out: %v", err)
	}
}
