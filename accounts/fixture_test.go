package accounts_test

import (
	"crypto/rand"
	"io"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sirupsen/logrus"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/storage"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/sqldb/sqltest"
)

// fixture is a Service over a real store, with the account acme.
type fixture struct {
	*accounts.Service
	t     *testing.T
	db    *sqldb.DB
	store *storage.Store
	clock *atomic.Int64 // ms
}

// each runs a test on both databases.
func each(t *testing.T, f func(*fixture)) {
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) { f(newFixture(t, db)) })
}

func newFixture(t *testing.T, db *sqldb.DB) *fixture {
	t.Helper()
	f := &fixture{t: t, db: db, clock: &atomic.Int64{}}
	f.clock.Store(1_700_000_000_000)
	f.reopen()
	if err := f.CreateAccount(t.Context(), accounts.Account{ID: "acme", ServerName: "acme.test"}); err != nil {
		t.Fatal(err)
	}
	return f
}

// reopen starts a store and a service that remember nothing.
func (f *fixture) reopen() {
	log := logrus.New()
	log.SetOutput(io.Discard)
	now := func() time.Time { return time.UnixMilli(f.clock.Load()) }
	f.store = storage.Open(storage.Options{DB: f.db, Log: log, Now: now})
	f.t.Cleanup(f.store.Close)
	f.Service = accounts.New(accounts.Options{Store: f.store, Now: now, Random: rand.Reader, MaxDevices: 3})
}

func (f *fixture) pass(d time.Duration) { f.clock.Add(d.Milliseconds()) }

// mustUser makes a user of acme with the password hash "hash".
func (f *fixture) mustUser(name string) id.UserID {
	f.t.Helper()
	user, err := f.CreateUser(f.t.Context(), server, accounts.NewUser{Name: name, Password: "hash"})
	if err != nil {
		f.t.Fatalf("create user %s: %v", name, err)
	}
	return user
}

// mustStart signs a user of acme in.
func (f *fixture) mustStart(user id.UserID, in accounts.SignIn) *accounts.SignedIn {
	f.t.Helper()
	signedIn, err := f.Start(f.t.Context(), "acme", user, "hash", in)
	if err != nil {
		f.t.Fatalf("sign in %s: %v", user, err)
	}
	return signedIn
}

// mustAccept demands that a token is good, both at the head and from memory.
func (f *fixture) mustAccept(token string) tenant.Caller {
	f.t.Helper()
	caller, err := f.Authenticate(f.t.Context(), token, false)
	if err != nil {
		f.t.Fatalf("authenticate from memory: %v", err)
	}
	if _, err = f.Authenticate(f.t.Context(), token, true); err != nil {
		f.t.Fatalf("authenticate at the head: %v", err)
	}
	return caller
}

// mustEnd demands that a token is not good, and whether that is a soft logout.
func (f *fixture) mustEnd(token string, soft bool) {
	f.t.Helper()
	for _, current := range []bool{true, false} {
		_, err := f.Authenticate(f.t.Context(), token, current)
		mustRefuseToken(f.t, err, soft)
	}
}

func mustRefuseToken(t testing.TB, err error, soft bool) {
	t.Helper()
	if !refusal.Is(err, "M_UNKNOWN_TOKEN") || refusal.As(err).Extra["soft_logout"] != soft {
		t.Fatalf("got %v %v, want M_UNKNOWN_TOKEN, soft %v", err, refusal.As(err), soft)
	}
}

func mustRefuse(t testing.TB, err error, want *refusal.Refusal) {
	t.Helper()
	if got := refusal.As(err); got == nil || got.Code != want.Code || got.Message != want.Message {
		t.Fatalf("got %v, want %v", err, want)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

var server = tenant.Caller{Account: "acme"}
