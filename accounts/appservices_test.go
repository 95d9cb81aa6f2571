package accounts_test

import (
	"errors"
	"testing"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/storage/sqldb"
)

const asToken = "an-as-token-of-ours"

// mustService adds a service that has all users whose names begin with irc_.
func (f *fixture) mustService(name, token string) {
	f.t.Helper()
	users, err := accounts.NewNamespace("@irc_.*", true)
	must(f.t, err)
	must(f.t, f.AddAppService(f.t.Context(), server, accounts.AppService{
		ID: name, Token: accounts.Hash(token), Sender: id.UserID("@" + name + ":acme.test"), RateLimited: true,
		Users: accounts.Namespaces{users},
	}))
}

func TestAppServiceIsFound(t *testing.T) {
	t.Parallel()
	each(t, func(f *fixture) {
		_, err := f.Authenticate(f.t.Context(), asToken, true)
		mustRefuse(f.t, err, refusal.UnknownToken(false))
		f.mustService("bridge", asToken)
		f.reopen() // and from the database
		caller, err := f.Authenticate(f.t.Context(), asToken, false)
		must(f.t, err)
		if caller.Account != "acme" || caller.Server != "acme.test" || caller.User != "@bridge:acme.test" || caller.Role != tenant.Bot || caller.Service != "bridge" {
			f.t.Errorf("got %+v", caller)
		}
		services, err := f.AppServices(f.t.Context(), "acme")
		must(f.t, err)
		if len(services) != 1 || !services[0].Users.Reserve("@irc_x:acme.test") || services[0].Since == 0 {
			f.t.Errorf("got %+v", services[0])
		}
		must(f.t, f.RemoveAppService(f.t.Context(), server, "bridge"))
		_, err = f.Authenticate(f.t.Context(), asToken, false)
		mustRefuse(f.t, err, refusal.UnknownToken(false))
		if err := f.Check(f.t.Context(), caller); !refusal.Is(err, "M_UNKNOWN_TOKEN") {
			f.t.Errorf("a poll goes on: %v", err)
		}
		_, err = f.store.CreateDevice(f.t.Context(), caller, accounts.NewSession{User: caller.User, Device: "D", MaxDevices: 1})
		mustRefuse(f.t, err, refusal.UnknownToken(false))
		f.mustService("bridge", asToken) // its sender is there already
	})
}

// Neither ID, sender nor token can be another's.
func TestAppServicesAreApart(t *testing.T) {
	t.Parallel()
	each(t, func(f *fixture) {
		must(f.t, f.CreateAccount(f.t.Context(), accounts.Account{ID: "other", ServerName: "other.test"}))
		f.mustService("bridge", asToken)
		f.mustUser("ana")
		for _, c := range []struct {
			account tenant.ID
			service accounts.AppService
			want    error
		}{
			{"acme", accounts.AppService{ID: "bridge", Token: "x", Sender: "@x:acme.test"}, accounts.ErrAppServiceInUse},
			{"acme", accounts.AppService{ID: "x", Token: "x", Sender: "@bridge:acme.test"}, accounts.ErrUserInUse},
			{"acme", accounts.AppService{ID: "x", Token: "x", Sender: "@ana:acme.test"}, accounts.ErrUserInUse},
			{"acme", accounts.AppService{ID: "x", Token: "x", Sender: "@irc_x:acme.test"}, accounts.ErrExclusive},
			{"acme", accounts.AppService{ID: "x", Token: accounts.Hash(asToken), Sender: "@x:acme.test"}, accounts.ErrAppServiceToken},
			{"other", accounts.AppService{ID: "x", Token: accounts.Hash(asToken), Sender: "@x:other.test"}, accounts.ErrAppServiceToken},
		} {
			if err := f.AddAppService(f.t.Context(), tenant.Caller{Account: c.account}, c.service); !errors.Is(err, c.want) {
				f.t.Errorf("%+v: got %v, want %v", c.service, err, c.want)
			}
		}
		mustRefuse(f.t, f.RemoveAppService(f.t.Context(), tenant.Caller{Account: "other"}, "bridge"), accounts.ErrNoAppService)
	})
}

// Nobody else makes the users of a service, whichever way they come.
func TestExclusiveUsers(t *testing.T) {
	t.Parallel()
	each(t, func(f *fixture) {
		f.mustService("bridge", asToken)
		_, err := f.CreateUser(f.t.Context(), server, accounts.NewUser{Name: "irc_x"})
		mustRefuse(f.t, err, accounts.ErrExclusive)
		_, err = f.CreateBot(f.t.Context(), server, "irc_x", "")
		mustRefuse(f.t, err, accounts.ErrExclusive)
		named := func(c *accounts.UserChange) { c.Record.Localpart = "irc_x" }
		mustRefuse(f.t, f.mustProvision(said("42", 1, named))[0].Err, accounts.ErrExclusive)
		mustRefuse(f.t, f.Available(f.t.Context(), "acme", "irc_x"), accounts.ErrExclusive)
	})
}

// A service is its users as they stand now.
func TestMasquerade(t *testing.T) {
	t.Parallel()
	each(t, func(f *fixture) {
		f.mustService("bridge", asToken)
		caller, err := f.Authenticate(f.t.Context(), asToken, true)
		must(f.t, err)
		service, err := f.AppServiceOf(f.t.Context(), caller)
		must(f.t, err)
		in, err := f.RegisterByService(f.t.Context(), caller, service, accounts.NewUser{Name: "irc_x", Role: tenant.Bot}, accounts.SignIn{Device: "D"}, false)
		must(f.t, err)
		own, err := f.Masquerade(f.t.Context(), caller, "", "")
		must(f.t, err)
		as, err := f.Masquerade(f.t.Context(), caller, in.User, "D")
		must(f.t, err)
		if !own.Unlimited || as.Unlimited || as.User != in.User || as.Device != "D" || as.Origin() != "D" || own.Origin() == "" {
			f.t.Errorf("got %+v and %+v", own, as)
		}
		must(f.t, f.Check(f.t.Context(), as))
		must(f.t, f.Deactivate(f.t.Context(), server, in.User))
		if _, err = f.Masquerade(f.t.Context(), caller, in.User, ""); !refusal.Is(err, "M_FORBIDDEN") {
			f.t.Errorf("as a user who is gone: got %v", err)
		}
		mustRefuse(f.t, f.Check(f.t.Context(), as), refusal.UnknownToken(false))
	})
}

// In another history a service goes on where both have come to.
func TestAppServiceRestarts(t *testing.T) {
	t.Parallel()
	each(t, func(f *fixture) {
		f.mustService("bridge", asToken)
		head, _, err := f.store.Place(f.t.Context(), "acme")
		must(f.t, err)
		f.mustExec(`CREATE TABLE follower_cursors (account TEXT, follower TEXT, epoch BIGINT, position BIGINT)`)
		f.mustExec(`INSERT INTO follower_cursors (account, follower, epoch, position) VALUES ('acme', 'ahead', 1, 1000), ('acme', 'behind', 1, 1)`)
		for _, c := range []struct {
			follower string
			want     int64
		}{{"new", 0}, {"ahead", int64(head.Position)}, {"behind", 1}} {
			var b sqldb.Batch
			since, err := f.store.Restart(f.t.Context(), "acme", "bridge", c.follower, &b)
			must(f.t, err)
			if int64(since) != c.want {
				f.t.Errorf("%s: got %d, want %d", c.follower, since, c.want)
			}
		}
	})
}

// What a service does in a user's name is told of as the service's, with the user.
func TestAppServiceIsTheActor(t *testing.T) {
	t.Parallel()
	each(t, func(f *fixture) {
		ctx := f.t.Context()
		admin := f.mustAdministrator("admin")
		f.mustService("bridge", asToken)
		bot, err := f.CreateBot(ctx, admin, "deploy", "")
		must(f.t, err)
		admin.Service = "bridge"
		_, _, err = f.CreateBotToken(ctx, admin, bot, "ci", nil)
		must(f.t, err)
		page, _, err := f.Audit(ctx, "acme", accounts.AuditQuery{Action: accounts.TokenCreated, Target: string(bot)})
		must(f.t, err)
		if len(page) != 1 || page[0].Actor != "appservice:bridge" || page[0].User != admin.User {
			f.t.Errorf("got %+v, want that the service did it for the administrator", page)
		}
		tokens, err := f.BotTokens(ctx, "acme", bot)
		must(f.t, err)
		if len(tokens) != 1 || tokens[0].CreatedBy != "appservice:bridge" {
			f.t.Errorf("got %+v, want them made by the service", tokens)
		}
		created, _, err := f.Audit(ctx, "acme", accounts.AuditQuery{Action: accounts.UserCreated, Target: string(bot)})
		must(f.t, err)
		if len(created) != 1 || created[0].Actor != string(admin.User) || created[0].User != "" {
			f.t.Errorf("got %+v, want the administrator alone", created)
		}
	})
}
