package accounts_test

import (
	"errors"
	"math"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/storage/sqldb"
)

// mustExec writes behind the back of the account's writer.
func (f *fixture) mustExec(sql string, args ...any) {
	f.t.Helper()
	b := &sqldb.Batch{}
	b.Add(sql, args...)
	must(f.t, f.db.Commit(f.t.Context(), b))
}

func (f *fixture) count(sql string, args ...any) int {
	f.t.Helper()
	n, _, err := sqldb.One(f.t.Context(), f.db, sqldb.Value[int], sql, args...)
	must(f.t, err)
	return n
}

func TestSessionCarriesTheCaller(t *testing.T) {
	t.Parallel()
	each(t, func(f *fixture) {
		ana := f.mustUser("ana")
		in := f.mustStart(ana, accounts.SignIn{Device: "PHONE"})
		if !regexp.MustCompile(`^ic_at_acme_[A-Za-z0-9_-]{43}$`).MatchString(in.AccessToken) {
			f.t.Errorf("got token %s", in.AccessToken)
		}
		want := tenant.Caller{
			Account: "acme", Server: "acme.test", User: ana, Device: "PHONE", Role: tenant.Agent,
			Session: accounts.Hash(in.AccessToken),
		}
		if diff := cmp.Diff(f.mustAccept(in.AccessToken), want); diff != "" {
			f.t.Errorf("caller (-got +want):\n%s", diff)
		}
		if made := f.mustStart(ana, accounts.SignIn{}).Device; len(made) != 10 {
			f.t.Errorf("got made-up device %s, want 10 letters", made)
		}
		f.reopen()
		f.mustAccept(in.AccessToken)
	})
}

func TestSecretsAreStoredAsHashesOnly(t *testing.T) {
	t.Parallel()
	each(t, func(f *fixture) {
		ana := f.mustUser("ana")
		in := f.mustStart(ana, accounts.SignIn{Device: "PHONE", Refresh: true})
		token, err := f.MintLoginToken(f.t.Context(), "acme", ana)
		must(f.t, err)
		for secret, sql := range map[string]string{
			in.AccessToken:  `SELECT COUNT(*) FROM sessions WHERE token = $1`,
			in.RefreshToken: `SELECT COUNT(*) FROM refresh_tokens WHERE token = $1`,
			token:           `SELECT COUNT(*) FROM login_tokens WHERE token = $1`,
		} {
			if clear, hashed := f.count(sql, secret), f.count(sql, accounts.Hash(secret)); clear != 0 || hashed != 1 {
				f.t.Errorf("%s: got %d in clear and %d hashed, want 0 and 1", sql, clear, hashed)
			}
		}
	})
}

func TestTokensThatWereNeverGiven(t *testing.T) {
	t.Parallel()
	each(t, func(f *fixture) {
		in := f.mustStart(f.mustUser("ana"), accounts.SignIn{Refresh: true})
		for _, token := range []string{
			"", "x", "ic_at_", "ic_at_acme_", strings.Repeat("x", 60), in.RefreshToken,
			strings.Replace(in.AccessToken, "acme", "none", 1), in.AccessToken[:len(in.AccessToken)-1] + "!",
			"ic_at_acme_" + strings.Repeat("A", 43), "ic_at_../x_" + strings.Repeat("A", 43),
		} {
			f.mustEnd(token, false)
			_, err := f.Refresh(f.t.Context(), strings.Replace(token, "_rt_", "_at_", 1))
			mustRefuseToken(f.t, err, false)
		}
	})
}

func TestRefreshRotates(t *testing.T) {
	t.Parallel()
	each(t, func(f *fixture) {
		ctx := f.t.Context()
		first := f.mustStart(f.mustUser("ana"), accounts.SignIn{Device: "PHONE", Refresh: true})
		f.pass(time.Hour - time.Millisecond)
		f.mustAccept(first.AccessToken)
		f.pass(time.Millisecond)
		f.mustEnd(first.AccessToken, true)

		// The answer is lost; the client asks again with what it has.
		lost, err := f.Refresh(ctx, first.RefreshToken)
		must(f.t, err)
		second, err := f.Refresh(ctx, first.RefreshToken)
		must(f.t, err)
		f.mustEnd(lost.AccessToken, false)
		_, err = f.Refresh(ctx, lost.RefreshToken)
		mustRefuseToken(f.t, err, false)

		if caller := f.mustAccept(second.AccessToken); caller.Device != "PHONE" {
			f.t.Errorf("got device %s, want PHONE", caller.Device)
		}
		f.mustEnd(first.AccessToken, false) // gone, no longer only expired
		third, err := f.Refresh(ctx, second.RefreshToken)
		must(f.t, err)
		f.mustAccept(second.AccessToken) // until the third is used
		f.mustAccept(third.AccessToken)
		f.mustEnd(second.AccessToken, false)
	})
}

// The old refresh token also ends when the new one is used before the new access
// token is.
func TestRefreshTokenEndsAtItsSuccessorsUse(t *testing.T) {
	t.Parallel()
	each(t, func(f *fixture) {
		ctx := f.t.Context()
		first := f.mustStart(f.mustUser("ana"), accounts.SignIn{Device: "PHONE", Refresh: true})
		second, err := f.Refresh(ctx, first.RefreshToken)
		must(f.t, err)
		f.mustAccept(first.AccessToken)
		third, err := f.Refresh(ctx, second.RefreshToken)
		must(f.t, err)
		f.mustEnd(first.AccessToken, false)
		f.mustAccept(third.AccessToken)
	})
}

func TestReuseOfASpentRefreshTokenEndsTheFamily(t *testing.T) {
	t.Parallel()
	each(t, func(f *fixture) {
		ctx := f.t.Context()
		ana := f.mustUser("ana")
		first := f.mustStart(ana, accounts.SignIn{Device: "PHONE", Refresh: true})
		other := f.mustStart(ana, accounts.SignIn{Device: "LAPTOP"})
		second, err := f.Refresh(ctx, first.RefreshToken)
		must(f.t, err)
		f.mustAccept(second.AccessToken)

		_, err = f.Refresh(ctx, first.RefreshToken)
		mustRefuseToken(f.t, err, true)
		f.mustEnd(second.AccessToken, false)
		_, err = f.Refresh(ctx, second.RefreshToken)
		mustRefuseToken(f.t, err, false)
		f.mustAccept(other.AccessToken)
		// The device is still there, to sign in on again.
		_, err = f.Device(ctx, "acme", ana, "PHONE")
		must(f.t, err)
	})
}

func TestAnEndedSessionCannotAct(t *testing.T) {
	t.Parallel()
	each(t, func(f *fixture) {
		caller := f.mustAccept(f.mustStart(f.mustUser("ana"), accounts.SignIn{Device: "PHONE"}).AccessToken)
		must(f.t, f.Check(f.t.Context(), caller))
		must(f.t, f.End(f.t.Context(), caller))
		mustRefuseToken(f.t, f.Check(f.t.Context(), caller), false)
		mustRefuseToken(f.t, f.RenameDevice(f.t.Context(), caller, "PHONE", "late"), false)
		mustRefuseToken(f.t, f.End(f.t.Context(), caller), false)
	})
}

func TestLoginTokensAreUsedOnce(t *testing.T) {
	t.Parallel()
	each(t, func(f *fixture) {
		ctx := f.t.Context()
		ana := f.mustUser("ana")
		token, err := f.MintLoginToken(ctx, "acme", ana)
		must(f.t, err)
		f.pass(2*time.Minute - time.Millisecond)
		in, err := f.StartByToken(ctx, token, accounts.SignIn{})
		must(f.t, err)
		if caller := f.mustAccept(in.AccessToken); caller.User != ana {
			f.t.Errorf("got %s signed in, want %s", caller.User, ana)
		}
		_, err = f.StartByToken(ctx, token, accounts.SignIn{})
		mustRefuse(f.t, err, accounts.ErrLoginToken)

		for name, spoil := range map[string]func(){
			"expired":         func() { f.pass(2 * time.Minute) },
			"signing out":     func() { must(f.t, f.EndAll(ctx, server, ana)) },
			"password change": func() { must(f.t, f.SetPassword(ctx, server, ana, "hash", false)) },
		} {
			token, err := f.MintLoginToken(ctx, "acme", ana)
			must(f.t, err)
			spoil()
			if _, err = f.StartByToken(ctx, token, accounts.SignIn{}); err == nil {
				f.t.Errorf("%s: the token is still good", name)
			}
		}
		_, err = f.StartByToken(ctx, "ic_lt_none_"+strings.Repeat("A", 43), accounts.SignIn{})
		mustRefuse(f.t, err, accounts.ErrLoginToken)
	})
}

// A login token begins a session or proves who somebody is, not both: also when both
// have read it before either has used it up.
func TestALoginTokenIsGoodForOneThing(t *testing.T) {
	t.Parallel()
	each(t, func(f *fixture) {
		ctx, ana := f.t.Context(), f.mustUser("ana")
		uses := []func(token string) error{
			func(token string) error {
				_, err := f.StartByToken(ctx, token, accounts.SignIn{Device: "PHONE"})
				return err
			},
			func(token string) error { _, err := f.TakeLoginToken(ctx, "acme", token); return err },
		}
		for i, use := range uses {
			token, err := f.MintLoginToken(ctx, "acme", ana)
			must(f.t, err)
			must(f.t, use(token))
			// As who has read it before still sees it.
			f.mustExec(`INSERT INTO login_tokens (account, token, user_id, expires) VALUES ('acme', $1, $2, $3)`,
				accounts.Hash(token), ana, int64(math.MaxInt64))
			if err := uses[1-i](token); err == nil {
				f.t.Errorf("%d: the token is good for both", i)
			}
		}
		for range 10 {
			token, err := f.MintLoginToken(ctx, "acme", ana)
			must(f.t, err)
			var good atomic.Int64
			var all sync.WaitGroup
			for _, use := range uses {
				all.Go(func() {
					switch err := use(token); {
					case err == nil:
						good.Add(1)
					case !errors.Is(err, accounts.ErrLoginToken):
						f.t.Errorf("got %v, want %v", err, accounts.ErrLoginToken)
					}
				})
			}
			all.Wait()
			if good.Load() != 1 {
				f.t.Errorf("the token was good %d times", good.Load())
			}
		}
	})
}
