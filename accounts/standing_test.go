package accounts_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
)

// mustAdministrator makes an administrator of acme and gives them as a caller.
func (f *fixture) mustAdministrator(name string) tenant.Caller {
	f.t.Helper()
	user, err := f.CreateUser(f.t.Context(), server, accounts.NewUser{Name: name, Role: tenant.Administrator, Password: "hash"})
	must(f.t, err)
	return f.mustAccept(f.mustStart(user, accounts.SignIn{}).AccessToken)
}

func mustBe(t testing.TB, err error, status int, code string) {
	t.Helper()
	if got := refusal.As(err); got == nil || got.Code != code || got.Status != status {
		t.Fatalf("got %v, want %d %s", err, status, code)
	}
}

func TestStanding(t *testing.T) {
	t.Parallel()
	each(t, func(f *fixture) {
		ctx := f.t.Context()
		admin, bia := f.mustAdministrator("admin"), f.mustUser("bia")
		for _, standing := range []accounts.Standing{accounts.Locked, accounts.Suspended} {
			for _, on := range []bool{false, true, true, false} {
				must(f.t, f.SetStanding(ctx, admin, bia, standing, on))
				f.reopen()
				got, err := f.Standing(ctx, admin, bia, standing)
				must(f.t, err)
				user, err := f.User(ctx, "acme", bia)
				must(f.t, err)
				if got != on || user.Stands(standing) != on {
					f.t.Errorf("%s: got %v, want %v", standing, got, on)
				}
			}
		}
	})
}

func TestWhoMayChangeAStanding(t *testing.T) {
	t.Parallel()
	each(t, func(f *fixture) {
		ctx := f.t.Context()
		admin, second, bia := f.mustAdministrator("admin"), f.mustAdministrator("second"), f.mustUser("bia")
		gone := f.mustUser("gone")
		must(f.t, f.Deactivate(ctx, server, gone))
		agent := f.mustAccept(f.mustStart(bia, accounts.SignIn{}).AccessToken)
		must(f.t, f.CreateAccount(ctx, accounts.Account{ID: "other", ServerName: "other.test"}))
		eve, err := f.CreateUser(ctx, tenant.Caller{Account: "other"}, accounts.NewUser{Name: "eve"})
		must(f.t, err)
		for _, c := range []struct {
			caller tenant.Caller
			target id.UserID
			status int
			code   string
		}{
			{agent, admin.User, http.StatusForbidden, "M_FORBIDDEN"},
			// Who may not ask does not learn who exists.
			{agent, "@nobody:acme.test", http.StatusForbidden, "M_FORBIDDEN"},
			{agent, "nobody", http.StatusForbidden, "M_FORBIDDEN"},
			{admin, second.User, http.StatusForbidden, "M_FORBIDDEN"},
			{admin, admin.User, http.StatusForbidden, "M_FORBIDDEN"},
			{admin, "@nobody:acme.test", http.StatusNotFound, "M_NOT_FOUND"},
			{admin, gone, http.StatusNotFound, "M_NOT_FOUND"},
			{admin, eve, http.StatusBadRequest, "M_INVALID_PARAM"},
			{admin, "@nobody:other.test", http.StatusBadRequest, "M_INVALID_PARAM"},
			{admin, "bia", http.StatusBadRequest, "M_INVALID_PARAM"},
		} {
			mustBe(f.t, f.SetStanding(ctx, c.caller, c.target, accounts.Locked, true), c.status, c.code)
			_, err := f.Standing(ctx, c.caller, c.target, accounts.Locked)
			if c.target == admin.User && c.caller.User == admin.User {
				must(f.t, err) // one may ask for oneself
			} else {
				mustBe(f.t, err, c.status, c.code)
			}
		}
		// What the caller was when they asked is not what counts.
		stale := agent
		stale.Role = tenant.Administrator
		mustBe(f.t, f.SetStanding(ctx, stale, gone, accounts.Locked, true), http.StatusForbidden, "M_FORBIDDEN")
	})
}

// A locked user's sessions are good for nothing and yet not gone.
func TestLockedSessions(t *testing.T) {
	t.Parallel()
	each(t, func(f *fixture) {
		ctx := f.t.Context()
		admin, bia := f.mustAdministrator("admin"), f.mustUser("bia")
		in := f.mustStart(bia, accounts.SignIn{Device: "PHONE", Refresh: true})
		caller := f.mustAccept(in.AccessToken)
		loginToken, err := f.MintLoginToken(ctx, "acme", bia)
		must(f.t, err)
		must(f.t, f.SetStanding(ctx, admin, bia, accounts.Locked, true))

		for _, current := range []bool{true, false} {
			got, err := f.Authenticate(ctx, in.AccessToken, current)
			must(f.t, err)
			if got.Lock != tenant.LockedUser || got.Suspended {
				f.t.Errorf("got %+v, want a locked caller", got)
			}
		}
		mustBe(f.t, f.Check(ctx, caller), http.StatusUnauthorized, "M_USER_LOCKED")
		// An act is judged again, whatever let its caller in.
		mustBe(f.t, f.RenameDevice(ctx, caller, "PHONE", "x"), http.StatusUnauthorized, "M_USER_LOCKED")
		_, err = f.Refresh(ctx, in.RefreshToken)
		mustBe(f.t, err, http.StatusUnauthorized, "M_USER_LOCKED")
		_, err = f.Start(ctx, "acme", bia, "hash", accounts.SignIn{})
		mustBe(f.t, err, http.StatusUnauthorized, "M_USER_LOCKED")
		_, err = f.StartByToken(ctx, loginToken, accounts.SignIn{})
		mustBe(f.t, err, http.StatusUnauthorized, "M_USER_LOCKED")

		must(f.t, f.SetStanding(ctx, admin, bia, accounts.Locked, false))
		must(f.t, f.Check(ctx, caller))
		must(f.t, f.RenameDevice(ctx, caller, "PHONE", "x"))
		_, err = f.StartByToken(ctx, loginToken, accounts.SignIn{})
		must(f.t, err)
		again, err := f.Refresh(ctx, in.RefreshToken)
		must(f.t, err)
		f.mustAccept(again.AccessToken)
	})
}

// What another node has unlocked is not refused from memory.
func TestUnlockedByAnotherNode(t *testing.T) {
	t.Parallel()
	each(t, func(f *fixture) {
		ctx := f.t.Context()
		admin, bia := f.mustAdministrator("admin"), f.mustUser("bia")
		token := f.mustStart(bia, accounts.SignIn{}).AccessToken
		must(f.t, f.SetStanding(ctx, admin, bia, accounts.Locked, true))
		here := f.Service
		if caller, err := here.Authenticate(ctx, token, false); err != nil || caller.Lock == "" {
			f.t.Fatalf("got %+v, %v, want a locked caller", caller, err)
		}
		f.reopen()
		must(f.t, f.SetStanding(ctx, admin, bia, accounts.Locked, false))
		if caller, err := here.Authenticate(ctx, token, false); err != nil || caller.Lock != "" {
			f.t.Errorf("got %+v, %v, want a caller who is not locked", caller, err)
		}
	})
}

func TestALockedUserCanSignOut(t *testing.T) {
	t.Parallel()
	each(t, func(f *fixture) {
		ctx := f.t.Context()
		admin, bia := f.mustAdministrator("admin"), f.mustUser("bia")
		token := f.mustStart(bia, accounts.SignIn{}).AccessToken
		must(f.t, f.SetStanding(ctx, admin, bia, accounts.Locked, true))
		caller, err := f.Authenticate(ctx, token, false)
		must(f.t, err)
		must(f.t, f.End(ctx, caller))
		f.mustEnd(token, false)
	})
}

func TestOpenID(t *testing.T) {
	t.Parallel()
	each(t, func(f *fixture) {
		ctx := f.t.Context()
		admin, bia := f.mustAdministrator("admin"), f.mustUser("bia")
		caller := f.mustAccept(f.mustStart(bia, accounts.SignIn{}).AccessToken)
		token, err := f.MintOpenID(ctx, caller)
		must(f.t, err)
		if !strings.HasPrefix(token, "ic_oi_acme_") {
			f.t.Errorf("got a token of another form: %.11s…", token)
		}
		if user, err := f.OpenIDUser(ctx, token); err != nil || user != bia {
			f.t.Errorf("got %s, %v, want %s", user, err, bia)
		}
		// It is good for nothing else, and nothing else for it.
		f.mustEnd(token, false)
		for _, wrong := range []string{f.mustStart(bia, accounts.SignIn{}).AccessToken, "", "x", strings.Replace(token, "acme", "other", 1)} {
			_, err := f.OpenIDUser(ctx, wrong)
			mustRefuse(f.t, err, accounts.ErrOpenID)
		}
		must(f.t, f.SetStanding(ctx, admin, bia, accounts.Locked, true))
		_, err = f.OpenIDUser(ctx, token)
		mustRefuse(f.t, err, accounts.ErrOpenID)
		must(f.t, f.SetStanding(ctx, admin, bia, accounts.Locked, false))
		f.pass(time.Hour)
		_, err = f.OpenIDUser(ctx, token)
		mustRefuse(f.t, err, accounts.ErrOpenID)
	})
}

func TestOpenIDTokensAreBounded(t *testing.T) {
	t.Parallel()
	each(t, func(f *fixture) {
		caller := f.mustAccept(f.mustStart(f.mustUser("bia"), accounts.SignIn{}).AccessToken)
		var tokens []string
		for range 101 {
			f.pass(time.Millisecond)
			token, err := f.MintOpenID(f.t.Context(), caller)
			must(f.t, err)
			tokens = append(tokens, token)
		}
		_, err := f.OpenIDUser(f.t.Context(), tokens[0])
		mustRefuse(f.t, err, accounts.ErrOpenID)
		_, err = f.OpenIDUser(f.t.Context(), tokens[1])
		must(f.t, err)
		f.pass(2 * time.Hour)
		_, err = f.MintOpenID(f.t.Context(), caller)
		must(f.t, err)
		if left := f.count(`SELECT COUNT(*) FROM openid_tokens`); left != 1 {
			f.t.Errorf("got %d tokens, want one: the others have expired", left)
		}
	})
}

func TestWhois(t *testing.T) {
	t.Parallel()
	each(t, func(f *fixture) {
		ctx := f.t.Context()
		admin, bia := f.mustAdministrator("admin"), f.mustUser("bia")
		in := accounts.SignIn{Device: "PHONE", IP: "192.0.2.1", UserAgent: strings.Repeat("é", 200)}
		caller := f.mustAccept(f.mustStart(bia, in).AccessToken)
		want := []accounts.Device{{
			User: bia, ID: "PHONE", LastSeenIP: "192.0.2.1", LastSeen: f.clock.Load(), UserAgent: strings.Repeat("é", 127),
		}}
		for _, asking := range []tenant.Caller{admin, caller} {
			got, err := f.Whois(ctx, asking, bia)
			must(f.t, err)
			if diff := cmp.Diff(got, want); diff != "" {
				f.t.Errorf("devices (-got +want):\n%s", diff)
			}
		}
		for _, stranger := range []id.UserID{admin.User, "@nobody:acme.test", "@eve:other.test", "nobody"} {
			_, err := f.Whois(ctx, caller, stranger)
			mustRefuse(f.t, err, accounts.ErrNotAdministrator)
		}
		_, err := f.Whois(ctx, admin, "@nobody:acme.test")
		mustRefuse(f.t, err, accounts.ErrNoUser)
		f.pass(time.Minute)
		must(f.t, f.Seen(ctx, caller, "192.0.2.2", "Browser/2"))
		must(f.t, f.Flush(ctx))
		f.reopen()
		got, err := f.Whois(ctx, admin, bia)
		must(f.t, err)
		if got[0].UserAgent != "Browser/2" || got[0].LastSeenIP != "192.0.2.2" {
			f.t.Errorf("got %+v, want the browser that was seen last", got)
		}
	})
}
