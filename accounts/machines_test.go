package accounts_test

import (
	"crypto/rand"
	"strings"
	"testing"
	"time"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/tenant"
)

func TestMachineTokens(t *testing.T) {
	t.Parallel()
	each(t, func(f *fixture) {
		ctx := f.t.Context()
		one, err := f.CreateMachineToken(ctx, "acme-only", "acme")
		must(f.t, err)
		all, err := f.CreateMachineToken(ctx, "everything", tenant.All)
		must(f.t, err)
		if !strings.HasPrefix(one, "ic_mt_acme_") || !strings.HasPrefix(all, "ic_mt_*_") {
			f.t.Errorf("got %s and %s, want the scope in clear in them", one, all)
		}
		for secret, want := range map[string]tenant.Machine{
			one: {Name: "acme-only", Scope: "acme"}, all: {Name: "everything", Scope: tenant.All},
		} {
			got, err := f.Machine(ctx, secret)
			must(f.t, err)
			if got != want {
				f.t.Errorf("got %+v, want %+v", got, want)
			}
		}
		for _, c := range []struct {
			name  string
			scope tenant.ID
			err   error
		}{
			{"everything", "acme", accounts.ErrMachineNameInUse},
			{"", "acme", accounts.ErrMachineName},
			{"two words", "acme", accounts.ErrMachineName},
			{"configuration", "acme", accounts.ErrMachineName},
			{"new", "No", accounts.ErrAccountID},
			{"new", "", accounts.ErrAccountID},
		} {
			if _, err := f.CreateMachineToken(ctx, c.name, c.scope); err == nil || err.Error() != c.err.Error() {
				f.t.Errorf("%q for %q: got %v, want %v", c.name, c.scope, err, c.err)
			}
		}
		list, err := f.MachineTokens(ctx)
		must(f.t, err)
		if len(list) != 2 || list[0].Name != "acme-only" || list[1].Scope != tenant.All || list[0].Created != f.clock.Load() {
			f.t.Errorf("got %+v", list)
		}
		must(f.t, f.RevokeMachineToken(ctx, "acme-only"))
		_, err = f.Machine(ctx, one)
		mustRefuseToken(f.t, err, false)
		mustRefuse(f.t, f.RevokeMachineToken(ctx, "acme-only"), accounts.ErrNoMachineToken)
		_, err = f.Machine(ctx, "")
		mustRefuseToken(f.t, err, false)
	})
}

// The token of the configuration is one too, whatever it looks like.
func TestConfiguredMachineToken(t *testing.T) {
	t.Parallel()
	each(t, func(f *fixture) {
		s := accounts.New(accounts.Options{Store: f.store, Now: time.Now, Random: rand.Reader, MachineToken: "0123456789abcdef"})
		got, err := s.Machine(f.t.Context(), "0123456789abcdef")
		must(f.t, err)
		if got.Scope != tenant.All {
			f.t.Errorf("got %+v, want all accounts", got)
		}
		_, err = s.Machine(f.t.Context(), "0123456789abcdeg")
		mustRefuseToken(f.t, err, false)
		_, err = f.Machine(f.t.Context(), "0123456789abcdef")
		mustRefuseToken(f.t, err, false)
	})
}
