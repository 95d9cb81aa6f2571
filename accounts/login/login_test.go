package login_test

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alexedwards/argon2id"
	"github.com/google/go-cmp/cmp"
	"github.com/sirupsen/logrus"
	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/login"
	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/httpapi"
	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/storage"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/sqldb/sqltest"
)

const (
	ana      = id.UserID("@ana:acme.test")
	password = "correct horse"
)

// fixture is a login over a real store, with the user ana of the account acme.
type fixture struct {
	*login.Service
	t        *testing.T
	db       *sqldb.DB
	accounts *accounts.Service
	caller   tenant.Caller // ana
}

// cheap is what hashing costs in tests.
var cheap = &argon2id.Params{Memory: 64, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 32}

func newFixture(t *testing.T, change ...func(*login.Options)) *fixture {
	t.Helper()
	return newFixtureOn(t, sqltest.SQLite(t), change...)
}

func newFixtureOn(t *testing.T, db *sqldb.DB, change ...func(*login.Options)) *fixture {
	t.Helper()
	f := &fixture{t: t, db: db}
	f.Service, f.accounts = openNode(t, db, change...)
	for account, name := range map[tenant.ID]string{"acme": "acme.test", "other": "other.test"} {
		f.must(f.accounts.CreateAccount(t.Context(), accounts.Account{ID: account, ServerName: name}))
	}
	hash, err := f.Hash(t.Context(), password)
	f.must(err)
	_, err = f.accounts.CreateUser(t.Context(), tenant.Caller{Account: "acme"}, accounts.NewUser{Name: "ana", Password: hash})
	f.must(err)
	f.caller = tenant.Caller{Account: "acme", Server: "acme.test", User: ana}
	return f
}

// openNode starts a login on a database that may be in use by others.
func openNode(t *testing.T, db *sqldb.DB, change ...func(*login.Options)) (*login.Service, *accounts.Service) {
	t.Helper()
	log := logrus.New()
	log.SetOutput(io.Discard)
	store := storage.Open(storage.Options{DB: db, Log: log, Now: now})
	t.Cleanup(store.Close)
	all := accounts.New(accounts.Options{Store: store, Now: now, Random: rand.Reader})
	o := login.Options{Accounts: all, Now: now, Random: rand.Reader, Hashing: cheap}
	for _, c := range change {
		c(&o)
	}
	return login.New(o), all
}

func now() time.Time { return time.UnixMilli(1_700_000_000_000) }

func rates(o *login.Options) { o.Rates = httpapi.NewLimiter(nil, now) }

func (f *fixture) must(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

// try signs in at acme's address.
func (f *fixture) try(user, password, ip string) error {
	_, err := f.Login(f.t.Context(), login.Request{
		Account: "acme", Server: "acme.test", Type: mautrix.AuthTypePassword,
		Identifier: &login.Identifier{Type: mautrix.IdentifierTypeUser, User: user}, Password: password,
		SignIn: accounts.SignIn{Device: "PHONE", IP: ip},
	})
	return err
}

func mustRefuse(t testing.TB, err error, status int, code string) {
	t.Helper()
	if r := refusal.As(err); r == nil || r.Status != status || r.Code != code {
		t.Fatalf("got %v, want %d %s", err, status, code)
	}
}

func TestPasswordLogin(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for _, user := range []string{"ana", "Ana", "@ana:acme.test", "@ANA:acme.test"} {
		if err := f.try(user, password, ""); err != nil {
			t.Errorf("%s: %v", user, err)
		}
	}
	for user, wrong := range map[string]string{
		"ana": "wrong horse", "nobody": password, "@ana:other.test": password, "@ana:nowhere.test": password, "a:b:c": password,
	} {
		if err := f.try(user, wrong, ""); !errors.Is(err, accounts.ErrLogin) {
			t.Errorf("%s: got %v, want %v", user, err, accounts.ErrLogin)
		}
	}
}

// The domain of a whole user ID names the account, whatever the Host.
func TestUserIDNamesTheAccount(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	in, err := f.Login(t.Context(), login.Request{
		Account: "other", Server: "other.test", Type: mautrix.AuthTypePassword, User: string(ana), Password: password,
	})
	f.must(err)
	if in.User != ana || !strings.HasPrefix(in.AccessToken, "ic_at_acme_") {
		t.Errorf("got %s with %s, want a token of acme", in.User, in.AccessToken)
	}
}

func TestUserWithoutPasswordCannotUseOne(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	_, err := f.accounts.CreateUser(t.Context(), tenant.Caller{Account: "acme"}, accounts.NewUser{Name: "bia"})
	f.must(err)
	mustRefuse(t, f.try("bia", password, ""), http.StatusForbidden, "M_FORBIDDEN")
}

// Only who knows the password learns that the user has been deactivated.
func TestDeactivatedUser(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.must(f.accounts.Deactivate(t.Context(), tenant.Caller{Account: "acme"}, ana))
	mustRefuse(t, f.try("ana", password, ""), http.StatusForbidden, "M_USER_DEACTIVATED")
	mustRefuse(t, f.try("ana", "wrong horse", ""), http.StatusForbidden, "M_FORBIDDEN")
}

func TestMalformedLogins(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for _, c := range []struct {
		request login.Request
		code    string
	}{
		{login.Request{}, "M_MISSING_PARAM"},
		{login.Request{Type: "m.login.unknown"}, "M_UNKNOWN"},
		{login.Request{Type: mautrix.AuthTypePassword, Password: password}, "M_MISSING_PARAM"},
		{login.Request{Type: mautrix.AuthTypePassword, User: "ana"}, "M_MISSING_PARAM"},
		{login.Request{Type: mautrix.AuthTypePassword, Password: password, Identifier: &login.Identifier{Type: "m.id.thirdparty"}}, "M_INVALID_PARAM"},
		{login.Request{Type: mautrix.AuthTypeToken}, "M_MISSING_PARAM"},
	} {
		_, err := f.Login(t.Context(), c.request)
		mustRefuse(t, err, http.StatusBadRequest, c.code)
	}
}

func TestTokenLogin(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	token, err := f.accounts.MintLoginToken(t.Context(), "acme", ana)
	f.must(err)
	in, err := f.Login(t.Context(), login.Request{Account: "other", Type: mautrix.AuthTypeToken, Token: token})
	f.must(err)
	if in.User != ana {
		t.Errorf("got %s, want %s", in.User, ana)
	}
	_, err = f.Login(t.Context(), login.Request{Type: mautrix.AuthTypeToken, Token: token})
	mustRefuse(t, err, http.StatusForbidden, "M_FORBIDDEN")
}

func TestPasswordLengths(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for length, good := range map[int]bool{7: false, 8: true, 512: true, 513: false} {
		_, err := f.Hash(t.Context(), strings.Repeat("x", length))
		if good && err != nil {
			t.Errorf("%d bytes: %v", length, err)
		}
		if !good {
			mustRefuse(t, err, http.StatusBadRequest, "M_WEAK_PASSWORD")
		}
	}
}

func TestFailedLoginsAreCounted(t *testing.T) {
	t.Parallel()
	f := newFixture(t, rates)
	for range 3 {
		mustRefuse(t, f.try("ana", "wrong horse", "192.0.2.1"), http.StatusForbidden, "M_FORBIDDEN")
	}
	// Even the right password from elsewhere has to wait, else guessing goes on.
	mustRefuse(t, f.try("ana", password, "192.0.2.2"), http.StatusTooManyRequests, "M_LIMIT_EXCEEDED")
	// Who does not exist is treated alike.
	for range 3 {
		mustRefuse(t, f.try("nobody", password, "192.0.2.1"), http.StatusForbidden, "M_FORBIDDEN")
	}
	mustRefuse(t, f.try("nobody", password, "192.0.2.1"), http.StatusTooManyRequests, "M_LIMIT_EXCEEDED")
}

func TestLoginsOfAUserAreLimited(t *testing.T) {
	t.Parallel()
	f := newFixture(t, rates)
	for range 10 {
		f.must(f.try("ana", password, "192.0.2.1"))
	}
	mustRefuse(t, f.try("ana", password, "192.0.2.1"), http.StatusTooManyRequests, "M_LIMIT_EXCEEDED")
	// Nor does it tell whether the password was right.
	mustRefuse(t, f.try("ana", "wrong horse", "192.0.2.1"), http.StatusTooManyRequests, "M_LIMIT_EXCEEDED")
}

func TestPasswordsFromAnAddressAreLimited(t *testing.T) {
	t.Parallel()
	f := newFixture(t, rates)
	for i := range 30 {
		mustRefuse(t, f.try(strings.Repeat("x", i+1), password, "192.0.2.1"), http.StatusForbidden, "M_FORBIDDEN")
	}
	mustRefuse(t, f.try("ana", password, "192.0.2.1"), http.StatusTooManyRequests, "M_LIMIT_EXCEEDED")
	f.must(f.try("ana", password, "192.0.2.2"))
}

// Guesses that arrive together must not all pass before the first has failed.
func TestGuessesAtOnce(t *testing.T) {
	t.Parallel()
	f := newFixture(t, rates)
	var mu sync.Mutex
	tried := 0
	var all sync.WaitGroup
	for range 25 {
		all.Go(func() {
			if refusal.Is(f.try("ana", "wrong horse", "192.0.2.1"), "M_FORBIDDEN") {
				mu.Lock()
				defer mu.Unlock()
				tried++
			}
		})
	}
	all.Wait()
	if most := 3 + f.Turns(); tried > most {
		t.Errorf("%d guesses were tried, want at most %d", tried, most)
	}
}

func TestHashingWaitsForItsTurn(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	defer f.TakeTurns()()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := f.Hash(ctx, password); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
}

// The audit tells who was turned away, and never what was typed where no user is.
func TestRefusedLoginsAreAudited(t *testing.T) {
	t.Parallel()
	f := newFixture(t, rates)
	for _, user := range []string{"ana", "hunter2", "@eve:nowhere.test"} {
		mustRefuse(t, f.try(user, "wrong horse", "192.0.2.1"), http.StatusForbidden, "M_FORBIDDEN")
	}
	_, err := f.Login(t.Context(), login.Request{Account: "acme", Type: mautrix.AuthTypeToken, Token: "ic_lt_acme_x"})
	mustRefuse(t, err, http.StatusForbidden, "M_FORBIDDEN")
	_, err = f.Login(t.Context(), login.Request{Account: "acme"})
	mustRefuse(t, err, http.StatusBadRequest, "M_MISSING_PARAM")
	page, _, err := f.accounts.Audit(t.Context(), "acme", accounts.AuditQuery{Action: accounts.LoginRefused})
	f.must(err)
	var targets []string
	for _, e := range page {
		targets = append(targets, e.Target+" "+e.Address)
		if e.Details["errcode"] != "M_FORBIDDEN" {
			t.Errorf("got %+v", e)
		}
	}
	slices.Sort(targets)
	if diff := cmp.Diff(targets, []string{" ", " 192.0.2.1", "@ana:acme.test 192.0.2.1"}); diff != "" {
		t.Errorf("entries (-got +want):\n%s", diff)
	}
}

// Whatever is told of in the audit is counted, so that nobody fills it as fast as they ask.
func TestAllThatIsAuditedIsLimited(t *testing.T) {
	t.Parallel()
	f := newJWTFixture(t, sqltest.SQLite(t), rates)
	f.change("acme", func(l *accounts.LoginSettings) { l.NoPassword = true })
	f.must(f.accounts.Deactivate(t.Context(), tenant.Caller{Account: "acme"}, ana))
	for address, try := range map[string]func() error{
		"192.0.2.1": func() error { return f.come(makers()[3].mustSign(t, good(nil))) },
		"192.0.2.2": func() error { return f.try("ana", password, "192.0.2.2") },
	} {
		for range 40 {
			if err := try(); refusal.As(err) == nil {
				t.Fatalf("%s: got %v, want a refusal", address, err)
			}
		}
		mustRefuse(t, try(), http.StatusTooManyRequests, "M_LIMIT_EXCEEDED")
	}
	told, _, err := f.accounts.Audit(t.Context(), "acme", accounts.AuditQuery{Action: accounts.LoginRefused, Limit: 100})
	f.must(err)
	if len(told) != 60 {
		t.Errorf("got %d entries, want 30 of each address", len(told))
	}
}
