package clientapi_test

import (
	"net/http"
	"testing"

	"github.com/tidwall/gjson"
)

func TestGetLoginToken(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	ana := s.mustRegister("ana")
	flows := s.nobodyYet().must(get, "/login", "").Get("flows").Raw
	if want := `[{"type":"m.login.password"},{"type":"m.login.token","get_login_token":true}]`; flows != want {
		t.Errorf("got flows %s, want %s", flows, want)
	}
	const path, proof = "/login/get_token", `{"auth":{"type":"m.login.password","identifier":{"type":"m.id.user","user":"ana"},"password":"` + testPassword + `"}}`
	// The confirmation is asked for every time.
	for range 2 {
		if code, answer := ana.askV1(post, path, `{}`); code != http.StatusUnauthorized || !answer.Get("flows").Exists() {
			t.Fatalf("got %d %s, want 401 with flows", code, answer.Raw)
		}
		code, answer := ana.askV1(post, path, proof)
		if code != http.StatusOK || answer.Get("expires_in_ms").Int() != 120_000 {
			t.Fatalf("got %d %s, want a token for two minutes", code, answer.Raw)
		}
		login := `{"type":"m.login.token","token":"` + answer.Get("login_token").Str + `"}`
		second := s.person(s.nobodyYet().must(post, "/login", login))
		if second.user != ana.user || second.device == ana.device {
			t.Errorf("got %s on %s, want ana on a new device", second.user, second.device)
		}
		s.nobodyYet().mustRefuse(post, "/login", login, http.StatusForbidden, "M_FORBIDDEN")
	}
	if code, answer := s.nobodyYet().askV1(post, path, proof); code != http.StatusUnauthorized {
		t.Errorf("without a token: got %d %s, want 401", code, answer.Raw)
	}
}

// askV1 sends a request to /_matrix/client/v1.
func (p *person) askV1(method, path, body string) (int, gjson.Result) {
	p.s.t.Helper()
	return p.ask(method, "/_matrix/client/v1"+path, body)
}

func TestThirdPartyIDsAreReadOnly(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	ana := s.mustRegister("ana")
	if got := ana.must(get, "/account/3pid", "").Raw; got != `{"threepids":[]}` {
		t.Errorf("got %s, want an empty list", got)
	}
	s.nobodyYet().mustRefuse(get, "/account/3pid", "", http.StatusUnauthorized, "M_MISSING_TOKEN")
	for _, path := range []string{"", "/add", "/bind", "/delete", "/unbind"} {
		ana.mustRefuse(post, "/account/3pid"+path, `{}`, http.StatusForbidden, "M_FORBIDDEN")
	}
	for _, path := range []string{"/account/3pid", "/account/password", "/register"} {
		for _, medium := range []string{"/email", "/msisdn"} {
			s.nobodyYet().mustRefuse(post, path+medium+"/requestToken", `{"email":"ana@acme.test"}`, http.StatusForbidden, "M_THREEPID_DENIED")
		}
	}
}

func TestRefusalsOfWhatIsNotHere(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	ana := s.mustRegister("ana")
	s.nobodyYet().mustRefuse(post, "/register?kind=guest", `{}`, http.StatusForbidden, "M_GUEST_ACCESS_FORBIDDEN")
	for _, path := range []string{"/protocol/irc", "/location", "/location/irc", "/user", "/user/irc"} {
		ana.mustRefuse(get, "/thirdparty"+path, "", http.StatusNotFound, "M_NOT_FOUND")
	}
	for _, path := range []string{"/events", "/events/$x", "/initialSync", "/rooms/!x/initialSync"} {
		ana.mustRefuse(get, path, "", http.StatusNotFound, "M_UNRECOGNIZED")
	}
	if code, answer := ana.askV1(get, "/register/m.login.registration_token/validity?token=x", ""); code != http.StatusForbidden {
		t.Errorf("got %d %s, want 403", code, answer.Raw)
	}
}

func TestOpenIDOverHTTP(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	ana, bia := s.mustRegister("ana"), s.mustRegister("bia")
	answer := ana.must(post, "/user/"+ana.user+"/openid/request_token", `{}`)
	if answer.Get("token_type").Str != "Bearer" || answer.Get("matrix_server_name").Str != "hs1" || answer.Get("expires_in").Int() != 3600 {
		t.Errorf("got %s, want a bearer token of hs1 for an hour", answer.Raw)
	}
	bia.mustRefuse(post, "/user/"+ana.user+"/openid/request_token", `{}`, http.StatusForbidden, "M_FORBIDDEN")
	const userinfo = "/_matrix/federation/v1/openid/userinfo"
	token := answer.Get("access_token").Str
	if got := s.nobodyYet().must(get, userinfo+"?access_token="+token, "").Raw; got != `{"sub":"@ana:hs1"}` {
		t.Errorf("got %s, want ana", got)
	}
	s.nobodyYet().mustRefuse(get, userinfo, "", http.StatusUnauthorized, "M_MISSING_TOKEN")
	for _, wrong := range []string{"x", ana.token} {
		s.nobodyYet().mustRefuse(get, userinfo+"?access_token="+wrong, "", http.StatusUnauthorized, "M_UNKNOWN_TOKEN")
	}
	ana.token = token
	ana.mustEnd()
}
