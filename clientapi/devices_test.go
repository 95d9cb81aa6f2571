package clientapi_test

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/tenant"
)

func (p *person) deviceIDs() (devices []string) {
	p.s.t.Helper()
	for _, d := range p.must(get, "/devices", "").Get("devices").Array() {
		devices = append(devices, d.Get("device_id").Str)
	}
	return devices
}

// confirmed adds the person's confirmation to a body's members.
func confirmed(user, password, members string) string {
	if members != "" {
		members += ","
	}
	return `{` + members + `"auth":{"type":"m.login.password","identifier":{"type":"m.id.user","user":"` + user + `"},"password":"` + password + `"}}`
}

// mustAskPassword demands the 401 that asks for the password.
func (p *person) mustAskPassword(method, path, body, code string) {
	p.s.t.Helper()
	asked := p.mustRefuse(method, path, body, http.StatusUnauthorized, code)
	if asked.Get("flows").Raw != `[{"stages":["m.login.password"]}]` || asked.Get("session").Str == "" || !asked.Get("params").IsObject() {
		p.s.t.Errorf("%s %s: got %s, want the password asked for", method, path, asked.Raw)
	}
}

func TestDevices(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	ana := s.mustRegister("ana").mustLogIn(`"device_id":"PHONE","initial_device_display_name":"Phone"`)
	ana.mustLogIn(`"device_id":"A b"`)
	got := ana.must(get, "/devices/PHONE", "")
	if got.Get("device_id").Str != "PHONE" || got.Get("display_name").Str != "Phone" || got.Get("last_seen_ip").Str != "127.0.0.1" || got.Get("last_seen_ts").Int() != s.clock.Load() {
		t.Errorf("got %s", got.Raw)
	}
	if got := ana.must(get, "/devices/A%20b", "").Get("device_id").Str; got != "A b" {
		t.Errorf("got %q", got)
	}
	if got := ana.must(get, "/devices", "").Get(`devices.#(device_id="PHONE").display_name`).Str; got != "Phone" {
		t.Errorf("got %q in the list", got)
	}
	ana.must(put, "/devices/PHONE", `{"display_name":"new"}`)
	ana.must(put, "/devices/PHONE", `{}`)
	if got := ana.must(get, "/devices/PHONE", "").Get("display_name").Str; got != "new" {
		t.Errorf("got %q after the change", got)
	}
	bia := s.mustRegister("bia")
	for _, path := range []string{"/devices/unknown", "/devices/PHONE"} {
		bia.mustRefuse(get, path, "", http.StatusNotFound, "M_NOT_FOUND")
		bia.mustRefuse(put, path, `{"display_name":"x"}`, http.StatusNotFound, "M_NOT_FOUND")
		bia.mustRefuse(put, path, `{}`, http.StatusNotFound, "M_NOT_FOUND")
	}
	ana.mustRefuse(put, "/devices/PHONE", `{"display_name":1}`, http.StatusBadRequest, "M_BAD_JSON")
}

func TestDeleteDevice(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	ana := s.mustRegister("ana")
	bia := s.mustRegister("bia")
	phone := ana.mustLogIn(`"device_id":"PHONE"`)
	ana.mustAskPassword(remove, "/devices/PHONE", "", "")
	ana.mustAskPassword(remove, "/devices/PHONE", `{}`, "")
	ana.mustAskPassword(remove, "/devices/PHONE", `{"auth":{"session":"x"}}`, "")
	ana.mustAskPassword(remove, "/devices/PHONE", confirmed(ana.user, "wrong password", ""), "M_FORBIDDEN")
	ana.mustRefuse(remove, "/devices/PHONE", confirmed(bia.user, testPassword, ""), http.StatusForbidden, "M_FORBIDDEN")
	ana.mustRefuse(remove, "/devices/PHONE", `{"auth":5}`, http.StatusBadRequest, "M_BAD_JSON")
	phone.must(get, "/account/whoami", "")

	ana.must(remove, "/devices/PHONE", confirmed(ana.user, testPassword, ""))
	phone.mustEnd()
	ana.mustRefuse(get, "/devices/PHONE", "", http.StatusNotFound, "M_NOT_FOUND")
	ana.must(remove, "/devices/PHONE", confirmed("ana", testPassword, "")) // removed before
	// Somebody else's device of the same name is not meant.
	biasPhone := bia.mustLogIn(`"device_id":"PHONE"`)
	ana.must(remove, "/devices/PHONE", confirmed("ana", testPassword, ""))
	biasPhone.must(get, "/account/whoami", "")
}

func TestDeleteDevices(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	ana := s.mustRegister("ana")
	var gone []*person
	for _, device := range []string{"ONE", "TWO"} {
		gone = append(gone, ana.mustLogIn(`"device_id":"`+device+`"`))
	}
	body := `"devices":["ONE","TWO","NONE"]`
	ana.mustAskPassword(post, "/delete_devices", `{`+body+`}`, "")
	ana.must(post, "/delete_devices", confirmed(ana.user, testPassword, body))
	for _, p := range gone {
		p.mustEnd()
	}
	if got := ana.deviceIDs(); !cmp.Equal(got, []string{ana.device}) {
		t.Errorf("got devices %v, want %s alone", got, ana.device)
	}
	ana.mustRefuse(post, "/delete_devices", confirmed(ana.user, testPassword, ""), http.StatusBadRequest, "M_MISSING_PARAM")
}

func TestChangePassword(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	ana := s.mustRegister("ana")
	other := ana.mustLogIn("")
	ana.mustAskPassword(post, "/account/password", `{"new_password":"my new password"}`, "")
	ana.mustAskPassword(post, "/account/password", `{}`, "")
	ana.mustRefuse(post, "/account/password", `{"new_password":"short"}`, http.StatusBadRequest, "M_WEAK_PASSWORD")
	ana.mustRefuse(post, "/account/password", confirmed(ana.user, testPassword, ""), http.StatusBadRequest, "M_MISSING_PARAM")
	s.nobodyYet().mustRefuse(post, "/account/password", `{}`, http.StatusUnauthorized, "M_MISSING_TOKEN")
	other.must(get, "/account/whoami", "")

	ana.must(post, "/account/password", confirmed(ana.user, testPassword, `"new_password":"my new password"`))
	s.nobodyYet().mustRefuse(post, "/login", loginBody(ana.user, testPassword, ""), http.StatusForbidden, "M_FORBIDDEN")
	s.nobodyYet().must(post, "/login", loginBody(ana.user, "my new password", `"device_id":"LATER"`))
	ana.must(get, "/account/whoami", "")
	other.mustEnd()

	kept := s.person(s.nobodyYet().must(post, "/login", loginBody(ana.user, "my new password", "")))
	ana.must(post, "/account/password", confirmed(ana.user, "my new password", `"new_password":"my newest password","logout_devices":false`))
	kept.must(get, "/account/whoami", "")
}

func TestDeactivate(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	ana := s.mustRegister("ana")
	other := ana.mustLogIn("")
	ana.mustAskPassword(post, "/account/deactivate", `{}`, "")
	ana.mustAskPassword(post, "/account/deactivate", confirmed(ana.user, "wrong password", ""), "M_FORBIDDEN")
	if got := ana.must(post, "/account/deactivate", confirmed(ana.user, testPassword, `"erase":false`)).Raw; got != `{"id_server_unbind_result":"success"}` {
		t.Errorf("got %s", got)
	}
	ana.mustEnd()
	other.mustEnd()
	s.nobodyYet().mustRefuse(post, "/login", loginBody(ana.user, testPassword, ""), http.StatusForbidden, "M_USER_DEACTIVATED")
	s.nobodyYet().mustRefuse(get, "/register/available?username=ana", "", http.StatusBadRequest, "M_USER_IN_USE")
}

// A token of another account sees and ends nothing here.
func TestForeignTokens(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	ana := s.mustRegister("ana").mustLogIn(`"device_id":"PHONE"`)
	in, err := s.accounts.Register(t.Context(), "other", accounts.NewUser{Name: "ana"}, accounts.SignIn{Device: "LAPTOP"})
	if err != nil {
		t.Fatal(err)
	}
	eve := &person{s: s, user: string(in.User), token: in.AccessToken}
	if got := eve.must(get, "/account/whoami", "").Get("user_id").Str; id.UserID(got) != "@ana:other.test" {
		t.Errorf("got %s, want the user of the token's account", got)
	}
	eve.mustRefuse(get, "/devices/PHONE", "", http.StatusNotFound, "M_NOT_FOUND")
	if err := s.accounts.EndAll(t.Context(), tenant.Caller{Account: "other"}, id.UserID(ana.user)); err != nil {
		t.Fatal(err)
	}
	ana.must(get, "/account/whoami", "")
}
