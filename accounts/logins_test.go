package accounts_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
)

func TestOnceIsOnce(t *testing.T) {
	t.Parallel()
	each(t, func(f *fixture) {
		ana := f.mustUser("ana")
		once := func(name string) accounts.Once {
			return accounts.Once{Token: name, Until: f.clock.Load() + 1000}
		}
		start := func(name string) error {
			_, err := f.StartOnce(f.t.Context(), "acme", ana, once(name), accounts.SignIn{})
			return err
		}
		mint := func(name string) error {
			used := once(name)
			_, err := f.MintLoginTokenFor(f.t.Context(), "acme", ana, &used)
			return err
		}
		spend := func(name string) error { return f.Spend(f.t.Context(), "acme", once(name)) }
		ways := map[string]func(string) error{"start": start, "mint": mint, "spend": spend}
		for first, use := range ways {
			if err := use(first); err != nil {
				f.t.Fatalf("%s: %v", first, err)
			}
			for name, again := range ways {
				if err := again(first); !errors.Is(err, accounts.ErrLogin) {
					f.t.Errorf("%s after %s: got %v, want %v", name, first, err, accounts.ErrLogin)
				}
			}
		}
		if err := f.Spend(f.t.Context(), "other", once("start")); err != nil {
			f.t.Errorf("in another account: %v", err)
		}
		// What would be good no longer is forgotten.
		f.pass(time.Second)
		for name, use := range ways {
			if err := use(name); err != nil {
				f.t.Errorf("%s after its time: %v", name, err)
			}
		}
	})
}

func TestJourney(t *testing.T) {
	t.Parallel()
	each(t, func(f *fixture) {
		sent := accounts.Journey{Provider: "oidc", Return: "https://a.test/", Callback: "https://b.test/", Nonce: "n", Verifier: "v"}
		depart := func() (string, string) {
			state, browser, err := f.Depart(f.t.Context(), "acme", sent)
			if err != nil {
				f.t.Fatal(err)
			}
			return state, browser
		}
		arrive := func(state, browser string) *accounts.Journey {
			f.t.Helper()
			account, journey, err := f.Arrive(f.t.Context(), state, browser)
			if err != nil || journey != nil && account != "acme" {
				f.t.Fatalf("got account %q, %v", account, err)
			}
			return journey
		}
		state, browser := depart()
		otherState, otherBrowser := depart()
		for _, wrong := range [][2]string{
			{state, ""},
			{state, otherBrowser},
			{otherState, browser},
			{"", browser},
			{"ic_st_acme_x", browser},
			{browser, state},
		} {
			if got := arrive(wrong[0], wrong[1]); got != nil {
				f.t.Errorf("%v: got %+v, want nothing", wrong, got)
			}
		}
		got := arrive(state, browser)
		if got == nil || got.Nonce != "n" || got.Verifier != "v" || got.Return != sent.Return || got.Callback != sent.Callback {
			f.t.Errorf("got %+v, want what departed", got)
		}
		if got := arrive(state, browser); got != nil {
			f.t.Errorf("again: got %+v, want nothing", got)
		}
		f.pass(accounts.JourneyLife)
		if got := arrive(otherState, otherBrowser); got != nil {
			f.t.Errorf("too late: got %+v, want nothing", got)
		}
	})
}

func TestConfirmation(t *testing.T) {
	t.Parallel()
	each(t, func(f *fixture) {
		const request = "DELETE /devices/PHONE"
		ana := tenant.Caller{Account: "acme", User: "@ana:acme.test", Device: "PHONE"}
		ask := func() (session, hash string) {
			session, err := f.AskConfirmation(f.t.Context(), ana, request)
			if err != nil {
				f.t.Fatal(err)
			}
			return session, accounts.Hash(session)
		}
		take := func(caller tenant.Caller, request, session string) bool {
			f.t.Helper()
			taken, err := f.TakeConfirmation(f.t.Context(), caller, request, session)
			if err != nil {
				f.t.Fatal(err)
			}
			return taken
		}
		prove := func(account tenant.ID, hash string, user id.UserID) bool {
			f.t.Helper()
			proved, err := f.Prove(f.t.Context(), account, hash, user)
			if err != nil {
				f.t.Fatal(err)
			}
			return proved
		}
		session, hash := ask()
		if take(ana, request, session) {
			f.t.Error("confirmed without a proof")
		}
		if prove("acme", hash, "@bia:acme.test") || prove("other", hash, ana.User) || take(ana, request, session) {
			f.t.Error("confirmed by a proof of somebody else")
		}
		if !prove("acme", hash, ana.User) {
			f.t.Error("not confirmed by the user")
		}
		for _, wrong := range []tenant.Caller{
			{Account: "acme", User: ana.User, Device: "LAPTOP"},
			{Account: "acme", User: "@bia:acme.test", Device: "PHONE"},
			{Account: "other", User: ana.User, Device: "PHONE"},
		} {
			if take(wrong, request, session) {
				f.t.Errorf("confirmed for %+v", wrong)
			}
		}
		if take(ana, "POST /delete_devices", session) || take(ana, request, "ic_co_acme_x") {
			f.t.Error("confirmed another request")
		}
		// Of many who come with it at once, one has it.
		var taken atomic.Int64
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				if ok, err := f.TakeConfirmation(f.t.Context(), ana, request, session); err != nil {
					f.t.Error(err)
				} else if ok {
					taken.Add(1)
				}
			})
		}
		all.Wait()
		if taken.Load() != 1 {
			f.t.Errorf("confirmed %d times, want once", taken.Load())
		}
		late, lateHash := ask()
		prove("acme", lateHash, ana.User)
		f.pass(accounts.JourneyLife)
		if take(ana, request, late) || prove("acme", lateHash, ana.User) {
			f.t.Error("confirmed too late")
		}
	})
}

// A login token is good for two minutes, and once, on whatever node.
func TestLoginTokenIsGoodOnceAndShortly(t *testing.T) {
	t.Parallel()
	each(t, func(f *fixture) {
		ana := f.mustUser("ana")
		mint := func() string {
			token, err := f.MintLoginToken(f.t.Context(), "acme", ana)
			if err != nil {
				f.t.Fatal(err)
			}
			return token
		}
		late := mint()
		f.pass(2 * time.Minute)
		if _, err := f.StartByToken(f.t.Context(), late, accounts.SignIn{}); !errors.Is(err, accounts.ErrLoginToken) {
			f.t.Errorf("after two minutes: got %v", err)
		}
		token := mint()
		f.pass(2*time.Minute - time.Millisecond)
		one := f.Service
		f.reopen()
		var in atomic.Int64
		var all sync.WaitGroup
		for i := range 6 {
			all.Go(func() {
				if _, err := []*accounts.Service{one, f.Service}[i%2].StartByToken(f.t.Context(), token, accounts.SignIn{}); err == nil {
					in.Add(1)
				} else if !errors.Is(err, accounts.ErrLoginToken) {
					f.t.Error(err)
				}
			})
		}
		all.Wait()
		if in.Load() != 1 {
			f.t.Errorf("%d signed in by one token, want 1", in.Load())
		}
	})
}

// Who has been locked out or deactivated gets nothing for a refresh token.
func TestRefreshEndsWithTheRole(t *testing.T) {
	t.Parallel()
	each(t, func(f *fixture) {
		ana := f.mustUser("ana")
		in := f.mustStart(ana, accounts.SignIn{Refresh: true})
		lock := func(on bool) {
			err := f.ChangeAccount(f.t.Context(), server, func(s *accounts.Settings) error {
				s.DisabledRoles = nil
				if on {
					s.DisabledRoles = []tenant.Role{tenant.Agent}
				}
				return nil
			})
			if err != nil {
				f.t.Fatal(err)
			}
		}
		refresh := func(token string) (*accounts.SignedIn, error) { return f.Refresh(f.t.Context(), token) }
		lock(true)
		_, err := refresh(in.RefreshToken)
		mustRefuse(f.t, err, refusal.UserLocked(string(tenant.LockedRole)))
		lock(false)
		next, err := refresh(in.RefreshToken)
		if err != nil {
			f.t.Fatalf("after the lock: %v", err)
		}
		if err := f.Deactivate(f.t.Context(), server, ana); err != nil {
			f.t.Fatal(err)
		}
		_, err = refresh(next.RefreshToken)
		mustRefuseToken(f.t, err, false)
	})
}
