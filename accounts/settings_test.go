package accounts_test

import (
	"net/http"
	"testing"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
)

func TestLocks(t *testing.T) {
	t.Parallel()
	custom := func(internalChat bool, permissions ...string) accounts.User {
		return accounts.User{Role: tenant.Custom, Record: &accounts.Record{InternalChat: internalChat, Permissions: permissions}}
	}
	agent := accounts.User{Role: tenant.Agent}
	for name, c := range map[string]struct {
		settings accounts.Settings
		user     accounts.User
		want     tenant.Lock
	}{
		"open":                 {accounts.Settings{}, agent, ""},
		"off for all":          {accounts.Settings{Disabled: true}, agent, tenant.LockedAccount},
		"off for all, even so": {accounts.Settings{Disabled: true}, accounts.User{Locked: true}, tenant.LockedAccount},
		"off for the role":     {accounts.Settings{DisabledRoles: []tenant.Role{tenant.Agent}}, agent, tenant.LockedRole},
		"off for another role": {accounts.Settings{DisabledRoles: []tenant.Role{tenant.Bot}}, agent, ""},
		"off for the user":     {accounts.Settings{}, custom(false, "internal_chat_use"), tenant.LockedRole},
		"no permission":        {accounts.Settings{}, custom(true, "inbox_manage"), tenant.LockedRole},
		"permission":           {accounts.Settings{}, custom(true, "internal_chat_use"), ""},
		"locked":               {accounts.Settings{}, accounts.User{Role: tenant.Agent, Locked: true}, tenant.LockedUser},
	} {
		if got := c.settings.LockOf(&c.user); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}

// The module is off at once, on every node, for whoever has a session; nothing is
// lost, and the same sessions go on when it is on again.
func TestModuleSwitch(t *testing.T) {
	t.Parallel()
	each(t, func(f *fixture) {
		ctx := f.t.Context()
		bia := f.mustUser("bia")
		in := f.mustStart(bia, accounts.SignIn{Device: "PHONE", Refresh: true})
		caller := f.mustAccept(in.AccessToken)
		here := f.Service
		f.reopen() // another node
		set := func(change func(*accounts.Settings)) {
			must(f.t, f.ChangeAccount(ctx, server, func(s *accounts.Settings) error {
				change(s)
				return nil
			}))
		}
		for _, c := range []struct {
			off, on func(*accounts.Settings)
			lock    tenant.Lock
		}{
			{
				func(s *accounts.Settings) { s.Disabled = true },
				func(s *accounts.Settings) { s.Disabled = false }, tenant.LockedAccount,
			},
			{
				func(s *accounts.Settings) { s.DisabledRoles = []tenant.Role{tenant.Agent} },
				func(s *accounts.Settings) { s.DisabledRoles = nil }, tenant.LockedRole,
			},
		} {
			set(c.off)
			got, err := here.Authenticate(ctx, in.AccessToken, true)
			must(f.t, err)
			if got.Lock != c.lock {
				f.t.Errorf("got the lock %q, want %q", got.Lock, c.lock)
			}
			for what, err := range map[string]error{
				"poll": here.Check(ctx, caller), "act": here.RenameDevice(ctx, caller, "PHONE", "x"),
			} {
				mustBe(f.t, err, http.StatusUnauthorized, "M_USER_LOCKED")
				if refusal.As(err).Reason != string(c.lock) {
					f.t.Errorf("%s: got the reason %q, want %q", what, refusal.As(err).Reason, c.lock)
				}
			}
			_, err = f.Start(ctx, "acme", bia, "hash", accounts.SignIn{})
			mustBe(f.t, err, http.StatusUnauthorized, "M_USER_LOCKED")
			set(c.on)
			set(func(s *accounts.Settings) { s.Locale = "es" })
			if got := f.mustAccept(in.AccessToken); got.Locale != "es" {
				f.t.Errorf("got the locale %q, want the account's", got.Locale)
			}
			must(f.t, here.RenameDevice(ctx, caller, "PHONE", "x"))
		}
	})
}
