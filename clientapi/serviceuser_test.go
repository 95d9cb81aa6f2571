package clientapi_test

import (
	"net/http"
	"testing"
)

// Nobody can become the user in whose name the server itself acts.
func TestServiceUserIsNobodys(t *testing.T) {
	t.Parallel()
	s := newTestServer(t)
	for _, name := range []string{"conversalabs", "ConversaLabs"} {
		s.nobodyYet().mustRefuse(get, "/register/available?username="+name, "", http.StatusBadRequest, "M_USER_IN_USE")
		s.nobodyYet().mustRefuse(post, "/register",
			`{"username":"`+name+`","password":"`+testPassword+`","auth":{"type":"m.login.dummy"}}`, http.StatusBadRequest, "M_USER_IN_USE")
	}
	for _, user := range []string{"conversalabs", "@conversalabs:hs1"} {
		s.nobodyYet().mustRefuse(post, "/login", loginBody(user, testPassword, ""), http.StatusForbidden, "M_FORBIDDEN")
	}
	ana := s.mustRegister("ana")
	if got := ana.must(get, "/account/whoami?user_id=@conversalabs:hs1", "").Get("user_id").Str; got != ana.user {
		t.Errorf("got %s with the token of %s, want her", got, ana.user)
	}
}
