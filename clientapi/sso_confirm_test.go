package clientapi_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/oauth2-proxy/mockoidc"
	"github.com/tidwall/gjson"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/storage/sqldb/sqltest"
)

// mustAskToDelete demands the 401 that asks to confirm a device's deletion.
func (p *person) mustAskToDelete(device, auth string, flows ...string) gjson.Result {
	p.s.t.Helper()
	body := "{}"
	if auth != "" {
		body = `{"auth":` + auth + `}`
	}
	asked := p.mustRefuse("DELETE", "/devices/"+device, body, http.StatusUnauthorized, "")
	var got []string
	for _, flow := range asked.Get("flows").Array() {
		got = append(got, flow.Get("stages.0").Str)
	}
	if len(flows) > 0 && !slices.Equal(got, flows) {
		p.s.t.Errorf("got flows %v, want %v", got, flows)
	}
	return asked
}

func TestConfirmBySSO(t *testing.T) {
	t.Parallel()
	eachSSO(t, func(s *ssoServer) {
		s.ana.mustLogIn(`"device_id":"PHONE"`)
		s.ana.mustLogIn(`"device_id":"LAPTOP"`)
		asked := s.ana.mustAskToDelete("PHONE", "", "m.login.password", "m.login.sso", "org.matrix.login.jwt")
		session := asked.Get("session").Str
		proof := `{"session":"` + session + `"}`
		if again := s.ana.mustAskToDelete("PHONE", proof).Get("session").Str; again != session {
			s.t.Errorf("got session %s, want %s", again, session)
		}
		fallback := s.URL + "/_matrix/client/v3/auth/m.login.sso/fallback/web?session=" + url.QueryEscape(session)
		b := newBrowser(s.t)
		page := b.mustSee(fallback, http.StatusOK, "Is it you?")
		to := links(page)
		if len(to) != 2 {
			s.t.Fatalf("got %s", page)
		}
		at := b.mustLeave(s.URL + to[0])
		if at.Query().Get("action") != "confirm" {
			s.t.Errorf("got %s, want the action confirm", at)
		}
		// Somebody else's proof is none.
		bia := s.mustRegister("bia")
		s.provision(bia, "43")
		b.mustSee(with(s.back(at), "token", s.token("43")), http.StatusForbidden, "the user who asks")
		s.ana.mustAskToDelete("PHONE", proof)

		done := b.mustSee(with(s.back(b.mustLeave(s.URL+to[0])), "token", s.token("42")), http.StatusOK, `window.onAuthDone()`)
		if !strings.Contains(done, `window.opener.postMessage("authDone","*")`) {
			s.t.Errorf("got %s", done)
		}
		// It is good for this request of this device, and once.
		s.ana.mustAskToDelete("LAPTOP", proof)
		bia.mustRefuse("DELETE", "/devices/PHONE", `{"auth":`+proof+`}`, http.StatusUnauthorized, "")
		s.ana.mustLogIn("").mustAskToDelete("PHONE", proof)
		s.ana.must("DELETE", "/devices/PHONE", `{"auth":{"type":"m.login.sso","session":"`+session+`"}}`)
		if slices.Contains(s.ana.deviceIDs(), "PHONE") {
			s.t.Error("the device is still there")
		}
		s.ana.mustAskToDelete("PHONE", proof)

		// And the same by OpenID Connect.
		session = s.ana.mustAskToDelete("LAPTOP", "").Get("session").Str
		s.provider.QueueUser(&mockoidc.MockUser{PreferredUsername: "42"})
		page = b.mustSee(s.URL+"/_matrix/client/r0/auth/m.login.sso/fallback/web?session="+url.QueryEscape(session), http.StatusOK, "Is it you?")
		b.mustSee(s.URL+links(page)[1], http.StatusOK, "onAuthDone")
		s.ana.must("DELETE", "/devices/LAPTOP", `{"auth":{"session":"`+session+`"}}`)
	})
}

func TestConfirmByToken(t *testing.T) {
	t.Parallel()
	s := newSSOServer(t, sqltest.SQLite(t))
	s.ana.mustLogIn(`"device_id":"PHONE"`)
	bia := s.mustRegister("bia")
	s.provision(bia, "43")
	auth := func(token string) string { return `{"auth":{"type":"org.matrix.login.jwt","token":"` + token + `"}}` }
	s.ana.mustRefuse("DELETE", "/devices/PHONE", auth(s.token("43")), http.StatusForbidden, "M_FORBIDDEN")
	s.ana.mustRefuse("DELETE", "/devices/PHONE", auth("word"), http.StatusUnauthorized, "M_FORBIDDEN")
	token := s.token("42")
	s.ana.must("DELETE", "/devices/PHONE", auth(token))
	s.ana.mustRefuse("DELETE", "/devices/PHONE", auth(token), http.StatusUnauthorized, "M_FORBIDDEN")
	s.ana.must("DELETE", "/devices/PHONE", confirmed(s.ana.user, testPassword, ""))
}

// What can be confirmed follows the account and the user.
func TestStagesOfUsers(t *testing.T) {
	t.Parallel()
	s := newSSOServer(t, sqltest.SQLite(t))
	bia := s.mustRegister("bia") // whom ConversaLabs does not know
	bia.mustAskToDelete("PHONE", "", "m.login.password")
	s.change(func(l *accounts.LoginSettings) { l.NoPassword = true })
	bia.mustRefuse("DELETE", "/devices/PHONE", "{}", http.StatusForbidden, "M_FORBIDDEN")
	s.ana.mustAskToDelete("PHONE", "", "m.login.sso", "org.matrix.login.jwt")
	s.ana.mustRefuse("DELETE", "/devices/PHONE", confirmed(s.ana.user, testPassword, ""), http.StatusUnauthorized, "M_UNRECOGNIZED")
	s.ana.mustRefuse(post, "/account/password", `{"new_password":"another one"}`, http.StatusForbidden, "M_FORBIDDEN")
	s.nobodyYet().mustRefuse(post, "/login", loginBody("ana", testPassword, ""), http.StatusForbidden, "M_FORBIDDEN")
	if got := s.nobodyYet().must(get, "/login", "").Get("flows.#.type").Raw; strings.Contains(got, "password") {
		t.Errorf("got flows %s", got)
	}
	s.change(func(l *accounts.LoginSettings) { l.SSO, l.OIDC = nil, nil })
	s.ana.mustAskToDelete("PHONE", "", "org.matrix.login.jwt")
}

func TestFallbackRefusals(t *testing.T) {
	t.Parallel()
	s := newSSOServer(t, sqltest.SQLite(t))
	b := newBrowser(t)
	session := s.ana.mustAskToDelete("PHONE", "").Get("session").Str
	fallback := func(stage, session string) string {
		return s.URL + "/_matrix/client/v3/auth/" + stage + "/fallback/web?session=" + url.QueryEscape(session)
	}
	b.mustSee(fallback("m.login.password", session), http.StatusNotFound, "no such way")
	to := links(b.mustSee(fallback("m.login.sso", session), http.StatusOK, "Is it you?"))
	b.mustSee(s.URL+strings.Replace(to[0], "idp=conversalabs", "idp=nobody", 1), http.StatusNotFound, "no such way")
	b.mustSee(fallback("m.login.sso", "word"), http.StatusForbidden, "too long")
	b.mustSee(fallback("m.login.sso", ""), http.StatusForbidden, "too long")
	s.clock.Add(accounts.JourneyLife.Milliseconds())
	b.mustSee(fallback("m.login.sso", session), http.StatusForbidden, "too long")
}

// Nobody is sent to confirm anything but from the page that explains it, in the browser
// that has shown it.
func TestFallbackIsSealed(t *testing.T) {
	t.Parallel()
	s := newSSOServer(t, sqltest.SQLite(t))
	session := s.ana.mustAskToDelete("PHONE", "").Get("session").Str
	fallback := s.URL + "/_matrix/client/v3/auth/m.login.sso/fallback/web?session=" + url.QueryEscape(session)
	b, other := newBrowser(t), newBrowser(t)
	shown, page := b.open(fallback)
	cookies := shown.Cookies()
	if len(cookies) != 1 || !cookies[0].HttpOnly || cookies[0].SameSite != http.SameSiteStrictMode || strings.Contains(page, cookies[0].Value) {
		t.Errorf("got cookies %v", cookies)
	}
	sealed := s.URL + links(page)[0]
	const explained = "Is it you?"
	newBrowser(t).mustSee(sealed, http.StatusOK, explained)
	newBrowser(t).mustSee(fallback+"&idp=conversalabs", http.StatusOK, explained)
	other.mustSee(fallback, http.StatusOK, explained)
	other.mustSee(sealed, http.StatusOK, explained)
	s.back(b.mustLeave(sealed))
	b.mustSee(fallback+"&idp=conversalabs", http.StatusOK, explained)
}
