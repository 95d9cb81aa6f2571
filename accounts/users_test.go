package accounts_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/storage/stream"
)

func TestPasswordChangeEndsOthers(t *testing.T) {
	t.Parallel()
	each(t, func(f *fixture) {
		ctx := f.t.Context()
		ana := f.mustUser("ana")
		mine, other := f.mustStart(ana, accounts.SignIn{}), f.mustStart(ana, accounts.SignIn{})
		caller := f.mustAccept(mine.AccessToken)
		must(f.t, f.SetPassword(ctx, caller, ana, "second", false))
		f.mustAccept(other.AccessToken)
		must(f.t, f.SetPassword(ctx, caller, ana, "third", true))
		f.mustEnd(other.AccessToken, false)
		f.mustAccept(mine.AccessToken)
		// Whoever checked an older password is too late.
		_, err := f.Start(ctx, "acme", ana, "second", accounts.SignIn{})
		mustRefuse(f.t, err, accounts.ErrLogin)
		must(f.t, f.SetPassword(ctx, server, ana, "fourth", true))
		f.mustEnd(mine.AccessToken, false)
		mustRefuse(f.t, f.SetPassword(ctx, server, "@none:acme.test", "x", true), accounts.ErrNoUser)
	})
}

func TestDeactivation(t *testing.T) {
	t.Parallel()
	each(t, func(f *fixture) {
		ctx := f.t.Context()
		ana := f.mustUser("ana")
		in := f.mustStart(ana, accounts.SignIn{Refresh: true})
		f.mustAccept(in.AccessToken)
		token, err := f.MintLoginToken(ctx, "acme", ana)
		must(f.t, err)
		must(f.t, f.Deactivate(ctx, server, ana))
		f.mustEnd(in.AccessToken, false)
		_, err = f.Refresh(ctx, in.RefreshToken)
		mustRefuseToken(f.t, err, false)
		_, err = f.Start(ctx, "acme", ana, "hash", accounts.SignIn{})
		mustRefuse(f.t, err, accounts.ErrDeactivated)
		_, err = f.StartByToken(ctx, token, accounts.SignIn{})
		mustRefuse(f.t, err, accounts.ErrLoginToken)
		mustRefuse(f.t, f.Available(ctx, "acme", "ana"), accounts.ErrUserInUse)
		must(f.t, f.Deactivate(ctx, server, ana))
		mustRefuse(f.t, f.Deactivate(ctx, server, "@none:acme.test"), accounts.ErrNoUser)
		users, err := f.Users(ctx, "acme")
		must(f.t, err)
		want := []accounts.User{{ID: ana, Role: tenant.Agent, Password: "hash", Deactivated: true, Created: f.clock.Load()}}
		if diff := cmp.Diff(users, want); diff != "" {
			f.t.Errorf("users (-got +want):\n%s", diff)
		}
	})
}

func TestRegisterMakesUserAndSessionInOne(t *testing.T) {
	t.Parallel()
	each(t, func(f *fixture) {
		ctx := f.t.Context()
		in, err := f.Register(ctx, "acme", accounts.NewUser{Name: "Ana", DisplayName: "Ana Lúcia"}, accounts.SignIn{Device: "PHONE"})
		must(f.t, err)
		if caller := f.mustAccept(in.AccessToken); caller.User != "@ana:acme.test" || caller.Device != "PHONE" {
			f.t.Errorf("got %v", caller)
		}
		content, err := f.store.Item(ctx, "acme", stream.Profile, in.User, "", "displayname")
		must(f.t, err)
		var name string
		if must(f.t, json.Unmarshal(content, &name)); name != "Ana Lúcia" {
			f.t.Errorf("got display name %q", name)
		}
		_, err = f.Register(ctx, "acme", accounts.NewUser{Name: "ana"}, accounts.SignIn{})
		mustRefuse(f.t, err, accounts.ErrUserInUse)
	})
}

// One account's IDs and secrets are nothing in another.
func TestAccountsAreApart(t *testing.T) {
	t.Parallel()
	each(t, func(f *fixture) {
		ctx := f.t.Context()
		must(f.t, f.CreateAccount(ctx, accounts.Account{ID: "other", ServerName: "other.test"}))
		ana := f.mustUser("ana")
		in := f.mustStart(ana, accounts.SignIn{Device: "PHONE"})
		f.mustEnd(strings.Replace(in.AccessToken, "_acme_", "_other_", 1), false)
		other := tenant.Caller{Account: "other"}
		mustRefuse(f.t, f.Deactivate(ctx, other, ana), accounts.ErrNoUser)
		must(f.t, f.EndAll(ctx, other, ana))
		f.mustAccept(in.AccessToken)
		if user, err := f.User(ctx, "other", ana); user != nil || err != nil {
			f.t.Errorf("got %v, %v, want nobody", user, err)
		}
	})
}
