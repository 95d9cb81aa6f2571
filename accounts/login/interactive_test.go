package login_test

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
	"maunium.net/go/mautrix"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/login"
	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
)

// request is what is to be confirmed.
const request = "DELETE /devices/PHONE"

// mustAsk demands the 401 that lists one stage, and gives its session.
func mustAsk(t testing.TB, err error, code string, stage mautrix.AuthType) string {
	t.Helper()
	mustRefuse(t, err, http.StatusUnauthorized, code)
	extra := refusal.As(err).Extra
	want := []mautrix.UIAFlow{{Stages: []mautrix.AuthType{stage}}}
	if diff := cmp.Diff(extra["flows"], any(want)); diff != "" {
		t.Errorf("flows (-got +want):\n%s", diff)
	}
	session, _ := extra["session"].(string)
	if session == "" || extra["params"] == nil {
		t.Errorf("got %v, want a session and params", extra)
	}
	return session
}

func identify(user string) *login.Identifier {
	return &login.Identifier{Type: mautrix.IdentifierTypeUser, User: user}
}

func TestConfirm(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	confirm := func(auth *login.Auth) error { return f.Confirm(t.Context(), f.caller, request, "", auth) }

	session := mustAsk(t, confirm(nil), "", mautrix.AuthTypePassword)
	for _, auth := range []login.Auth{
		{Session: session, Identifier: identify("ana")},
		{Identifier: identify("@ana:acme.test")},
		{User: "ana"},
		{},
	} {
		auth.Type, auth.Password = mautrix.AuthTypePassword, password
		f.must(confirm(&auth))
	}
	wrong := &login.Auth{Type: mautrix.AuthTypePassword, Session: session, Identifier: identify("ana"), Password: "wrong horse"}
	if kept := mustAsk(t, confirm(wrong), "M_FORBIDDEN", mautrix.AuthTypePassword); kept != session {
		t.Errorf("got session %s, want %s", kept, session)
	}
	mustAsk(t, confirm(&login.Auth{Session: session}), "", mautrix.AuthTypePassword)
	mustAsk(t, confirm(&login.Auth{Type: mautrix.AuthTypeDummy}), "M_UNRECOGNIZED", mautrix.AuthTypePassword)
}

// The password of somebody else confirms nothing, however right it is.
func TestConfirmAsAnother(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	hash, err := f.Hash(t.Context(), "bia's password")
	f.must(err)
	for _, account := range []tenant.ID{"acme", "other"} {
		_, err = f.accounts.CreateUser(t.Context(), tenant.Caller{Account: account}, accounts.NewUser{Name: "bia", Password: hash})
		f.must(err)
	}
	for _, user := range []string{"bia", "@bia:acme.test", "@bia:other.test", "@ana:other.test"} {
		auth := &login.Auth{Type: mautrix.AuthTypePassword, Identifier: identify(user), Password: "bia's password"}
		mustRefuse(t, f.Confirm(t.Context(), f.caller, request, "", auth), http.StatusForbidden, "M_FORBIDDEN")
	}
}

func TestConfirmationsAreLimited(t *testing.T) {
	t.Parallel()
	f := newFixture(t, rates)
	for range 3 {
		auth := &login.Auth{Type: mautrix.AuthTypePassword, Password: "wrong horse"}
		mustAsk(t, f.Confirm(t.Context(), f.caller, request, "192.0.2.1", auth), "M_FORBIDDEN", mautrix.AuthTypePassword)
	}
	auth := &login.Auth{Type: mautrix.AuthTypePassword, Password: password}
	mustRefuse(t, f.Confirm(t.Context(), f.caller, request, "192.0.2.1", auth), http.StatusTooManyRequests, "M_LIMIT_EXCEEDED")
}

func TestRegistrationIsClosedUnlessOpened(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	r := login.Registration{Account: "acme", Name: "bia", Password: password, Auth: &login.Auth{Type: mautrix.AuthTypeDummy}}
	_, err := f.Register(t.Context(), r)
	mustRefuse(t, err, http.StatusForbidden, "M_FORBIDDEN")
	f.must(f.accounts.ChangeAccount(t.Context(), f.caller, func(s *accounts.Settings) error {
		s.OpenRegistration = true
		return nil
	}))
	_, err = f.Register(t.Context(), r)
	f.must(err)
	r.Account = "other"
	_, err = f.Register(t.Context(), r)
	mustRefuse(t, err, http.StatusForbidden, "M_FORBIDDEN")
}

func TestRegister(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(o *login.Options) { o.OpenRegistration = true })
	register := func(name, password string, auth *login.Auth) error {
		_, err := f.Register(t.Context(), login.Registration{Account: "acme", Name: name, Password: password, Auth: auth})
		return err
	}
	dummy := &login.Auth{Type: mautrix.AuthTypeDummy}
	mustAsk(t, register("", "", nil), "", mautrix.AuthTypeDummy)
	session := mustAsk(t, register("bia", password, nil), "", mautrix.AuthTypeDummy)
	f.must(register("bia", password, &login.Auth{Type: mautrix.AuthTypeDummy, Session: session}))
	f.must(f.try("bia", password, ""))
	f.must(register("", password, dummy))
	// What is wrong with the name or password is told before anybody confirms.
	mustRefuse(t, register("ana", password, nil), http.StatusBadRequest, "M_USER_IN_USE")
	mustRefuse(t, register("a!", password, nil), http.StatusBadRequest, "M_INVALID_USERNAME")
	mustRefuse(t, register("cid", "short", nil), http.StatusBadRequest, "M_WEAK_PASSWORD")
	mustRefuse(t, register("cid", "", dummy), http.StatusBadRequest, "M_MISSING_PARAM")
	mustAsk(t, register("cid", password, &login.Auth{Type: mautrix.AuthTypePassword}), "M_UNRECOGNIZED", mautrix.AuthTypeDummy)
	if err := f.Available(t.Context(), "acme", "cid"); err != nil {
		t.Errorf("a refused registration took the name: %v", err)
	}
}

func TestRegisterWithoutLogin(t *testing.T) {
	t.Parallel()
	f := newFixture(t, func(o *login.Options) { o.OpenRegistration = true })
	in, err := f.Register(t.Context(), login.Registration{
		Account: "acme", Name: "bia", Password: password, Auth: &login.Auth{Type: mautrix.AuthTypeDummy}, OnlyUser: true,
	})
	f.must(err)
	if diff := cmp.Diff(*in, accounts.SignedIn{User: "@bia:acme.test"}); diff != "" {
		t.Errorf("answer (-got +want):\n%s", diff)
	}
	devices, err := f.accounts.Devices(t.Context(), "acme", "@bia:acme.test")
	f.must(err)
	if len(devices) != 0 {
		t.Errorf("got devices %v, want none", devices)
	}
	if !refusal.Is(f.Available(t.Context(), "acme", "bia"), "M_USER_IN_USE") {
		t.Error("the name is still available")
	}
}
