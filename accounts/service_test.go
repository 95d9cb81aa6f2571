package accounts_test

import (
	"testing"

	"maunium.net/go/mautrix/id"

	"github.com/google/go-cmp/cmp"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/rooms"
)

func TestAccountsAreKeptAndFound(t *testing.T) {
	t.Parallel()
	each(t, func(f *fixture) {
		ctx := f.t.Context()
		want := accounts.Account{
			ID: "other", ServerName: "other.test:8448", Created: f.clock.Load(),
			Settings: accounts.Settings{Name: "Other", RoomPolicy: accounts.MatrixPolicy},
		}
		must(f.t, f.CreateAccount(ctx, want))
		got, err := f.Account(ctx, "other")
		must(f.t, err)
		if diff := cmp.Diff(*got, want); diff != "" {
			f.t.Errorf("account (-got +want):\n%s", diff)
		}
		all, err := f.Accounts(ctx)
		must(f.t, err)
		if len(all) != 2 || all[0].ID != "acme" || all[1].ID != "other" {
			f.t.Errorf("got accounts %v, want acme and other", all)
		}
		if none, err := f.Account(ctx, "none"); none != nil || err != nil {
			f.t.Errorf("got %v, %v, want no account", none, err)
		}
	})
}

func TestAccountsAreRefused(t *testing.T) {
	t.Parallel()
	each(t, func(f *fixture) {
		ctx := f.t.Context()
		mustRefuse(f.t, f.CreateAccount(ctx, accounts.Account{ID: "acme", ServerName: "new.test"}), accounts.ErrAccountInUse)
		mustRefuse(f.t, f.CreateAccount(ctx, accounts.Account{ID: "new", ServerName: "acme.test"}), accounts.ErrServerNameInUse)
		mustRefuse(f.t, f.CreateAccount(ctx, accounts.Account{ID: "N_w", ServerName: "new.test"}), accounts.ErrAccountID)
		mustRefuse(f.t, f.CreateAccount(ctx, accounts.Account{ID: "new", ServerName: "New test"}), accounts.ErrServerName)
		// A refusal leaves nothing behind that would be in the way.
		must(f.t, f.CreateAccount(ctx, accounts.Account{ID: "new", ServerName: "new.test"}))
	})
}

func TestHostNamesAnAccount(t *testing.T) {
	t.Parallel()
	each(t, func(f *fixture) {
		ctx := f.t.Context()
		must(f.t, f.CreateAccount(ctx, accounts.Account{ID: tenant.Default, ServerName: "localhost"}))
		if _, found, err := f.AccountByServerName(ctx, "later.test"); found || err != nil {
			f.t.Fatalf("got %v, %v, want no account", found, err)
		}
		// What was absent is looked up again.
		must(f.t, f.CreateAccount(ctx, accounts.Account{ID: "later", ServerName: "later.test"}))
		must(f.t, f.CreateAccount(ctx, accounts.Account{ID: "ported", ServerName: "acme.test:8448"}))
		for host, want := range map[string]tenant.ID{
			"acme.test": "acme", "ACME.test:8008": "acme", "acme.test:8448": "ported", "later.test": "later",
			"127.0.0.1:8008": tenant.Default, "": tenant.Default, "[::1]:80": tenant.Default, "acme.test.evil": tenant.Default,
		} {
			account, name, err := f.Host(ctx, host)
			must(f.t, err)
			server, err := f.ServerName(ctx, want)
			must(f.t, err)
			if account != want || name != server {
				f.t.Errorf("host %q: got %s, %s, want %s, %s", host, account, name, want, server)
			}
		}
	})
}

func TestSettingsChangeInOneAct(t *testing.T) {
	t.Parallel()
	each(t, func(f *fixture) {
		ctx := f.t.Context()
		must(f.t, f.ChangeAccount(ctx, server, func(s *accounts.Settings) error {
			s.OpenRegistration = true
			return nil
		}))
		mustRefuse(f.t, f.ChangeAccount(ctx, server, func(s *accounts.Settings) error {
			s.Name = "never"
			return accounts.ErrAccountID
		}), accounts.ErrAccountID)
		got, err := f.Account(ctx, "acme")
		must(f.t, err)
		want := accounts.Settings{RoomPolicy: accounts.TeamPolicy, OpenRegistration: true}
		if diff := cmp.Diff(got.Settings, want); diff != "" {
			f.t.Errorf("settings (-got +want):\n%s", diff)
		}
	})
}

// A database that is another one than before may have lost what clients saw: no
// token of theirs may be good on it.
func TestAnotherDatabaseRaisesTheEpoch(t *testing.T) {
	t.Parallel()
	each(t, func(f *fixture) {
		if got := f.epoch(); got != 1 {
			f.t.Fatalf("got epoch %d, want 1", got)
		}
		f.reopen()
		if got := f.epoch(); got != 1 {
			f.t.Fatalf("got epoch %d on the same database, want 1", got)
		}
		f.mustExec(`UPDATE accounts SET identity = 'another database' WHERE account = $1`, "acme")
		f.reopen()
		if got := f.epoch(); got != 2 {
			f.t.Fatalf("got epoch %d on another database, want 2", got)
		}
		f.reopen()
		if got := f.epoch(); got != 2 {
			f.t.Fatalf("got epoch %d the second time, want 2", got)
		}
	})
}

func (f *fixture) epoch() (epoch int64) {
	f.t.Helper()
	must(f.t, f.store.View(f.t.Context(), "acme", func(v rooms.View) error {
		epoch = v.Epoch()
		return nil
	}))
	return epoch
}

func TestUserNames(t *testing.T) {
	t.Parallel()
	each(t, func(f *fixture) {
		for name, want := range map[string]id.UserID{
			"ana": "@ana:acme.test", "ANA.Maria": "@ana.maria:acme.test", "q3._=-/+": "@q3._=-/+:acme.test", "0": "@0:acme.test",
		} {
			if got := f.mustUser(name); got != want {
				f.t.Errorf("got %s, want %s", got, want)
			}
		}
		for _, name := range []string{"a!b", `a"b`, "a:b", "a?b", "a\\b", "@ab", "a[b", "a{b", "a|b", "a£b", "é", "a\nb", "a b", "\u212a"} { // the last is the Kelvin sign, a K to Unicode
			mustRefuse(f.t, f.Available(f.t.Context(), "acme", name), accounts.ErrUserName)
			_, err := f.CreateUser(f.t.Context(), server, accounts.NewUser{Name: name})
			mustRefuse(f.t, err, accounts.ErrUserName)
		}
		for _, name := range []string{"ana", "Ana", "conversalabs", "_server"} {
			mustRefuse(f.t, f.Available(f.t.Context(), "acme", name), accounts.ErrUserInUse)
			_, err := f.CreateUser(f.t.Context(), server, accounts.NewUser{Name: name})
			mustRefuse(f.t, err, accounts.ErrUserInUse)
		}
		longest := 255 - len("@:acme.test")
		must(f.t, f.Available(f.t.Context(), "acme", word(longest)))
		mustRefuse(f.t, f.Available(f.t.Context(), "acme", word(longest+1)), accounts.ErrUserNameLong)
		if made := f.mustUser(""); len(made.Localpart()) != 12 {
			f.t.Errorf("got made-up ID %s, want one of 12 letters", made)
		}
	})
}

func TestParseUser(t *testing.T) {
	t.Parallel()
	each(t, func(f *fixture) {
		must(f.t, f.CreateAccount(f.t.Context(), accounts.Account{ID: "other", ServerName: "other.test"}))
		type found struct {
			account tenant.ID
			user    id.UserID
		}
		for name, want := range map[string]found{
			"ana": {"acme", "@ana:acme.test"}, "@Ana:acme.test": {"acme", "@ana:acme.test"}, "@ana": {"acme", "@ana:acme.test"},
			"@ana:other.test": {"other", "@ana:other.test"}, "@ana:nowhere.test": {"", "@ana:nowhere.test"},
		} {
			account, user, err := f.ParseUser(f.t.Context(), "acme", "acme.test", name)
			must(f.t, err)
			if got := (found{account, user}); got != want {
				f.t.Errorf("%s: got %v, want %v", name, got, want)
			}
		}
	})
}

func word(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = 'a'
	}
	return string(b)
}
