package accounts_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/stream"
)

// said is what ConversaLabs says of an agent.
func said(external string, version int64, changes ...func(*accounts.UserChange)) accounts.Provision {
	c := &accounts.UserChange{External: external, Version: version, Record: accounts.Record{
		DisplayName: "Ana", Role: tenant.Agent, InternalChat: true, Active: true,
	}}
	for _, change := range changes {
		change(c)
	}
	return accounts.Provision{User: c}
}

func inactive(c *accounts.UserChange) { c.Record.Active = false }

func (f *fixture) mustProvision(changes ...accounts.Provision) []accounts.Provisioned {
	f.t.Helper()
	done, err := f.Provision(f.t.Context(), server, changes...)
	must(f.t, err)
	if len(done) != len(changes) {
		f.t.Fatalf("got %d answers to %d changes", len(done), len(changes))
	}
	return done
}

// entries gives the kinds of what the stream has above a position.
func (f *fixture) entries(after stream.Position) (kinds []stream.Kind) {
	f.t.Helper()
	must(f.t, f.store.View(f.t.Context(), "acme", func(v rooms.View) error {
		changes, complete := v.Changes(after)
		if !complete {
			f.t.Fatal("the tail is too short")
		}
		kinds = nil
		for _, c := range changes {
			kinds = append(kinds, c.Item.Kind)
		}
		return nil
	}))
	return kinds
}

func (f *fixture) at() (head stream.Position) {
	f.t.Helper()
	must(f.t, f.store.View(f.t.Context(), "acme", func(v rooms.View) error {
		head = v.Head()
		return nil
	}))
	return head
}

// One change is one act: the row, the profile, the account data and a word to
// whoever follows. What is known already writes nothing.
func TestProvisionUser(t *testing.T) {
	t.Parallel()
	each(t, func(f *fixture) {
		full := func(c *accounts.UserChange) {
			c.Record.AvatarURL, c.Record.Timezone = "mxc://acme.test/a", "UTC"
			c.Record.NotificationPreferences = json.RawMessage(`{"a":1}`)
		}
		head := f.at()
		got := f.mustProvision(said("42", 1, full))[0]
		if got.Err != nil || got.User.ID != "@u42:acme.test" || got.User.Record.Localpart != "u42" {
			f.t.Fatalf("got %+v", got)
		}
		want := []stream.Kind{
			stream.UserChanged, stream.Profile, stream.Profile, stream.Profile, stream.Profile, stream.Profile, stream.AccountData,
		}
		if diff := cmp.Diff(f.entries(head), want); diff != "" {
			f.t.Errorf("the stream has (-got +want):\n%s", diff)
		}
		f.reopen()
		known, err := f.UserSaid(f.t.Context(), "acme", "42")
		must(f.t, err)
		if diff := cmp.Diff(known, got.User); diff != "" {
			f.t.Errorf("the database has (-got +want):\n%s", diff)
		}
		head = f.at()
		f.mustProvision(said("42", 1))
		if now := f.at(); now != head {
			f.t.Errorf("the same version moved the head from %d to %d", head, now)
		}
		f.mustProvision(said("42", 2, full, func(c *accounts.UserChange) { c.Record.Email = "ana@acme.test" }))
		if diff := cmp.Diff(f.entries(head), []stream.Kind{stream.UserChanged}); diff != "" {
			f.t.Errorf("a change that nobody is shown (-got +want):\n%s", diff)
		}
		_, err = f.UserSaid(f.t.Context(), "acme", "")
		mustRefuse(f.t, err, accounts.ErrNoUser)
	})
}

// Who was made otherwise is nobody that ConversaLabs knows, and stays untouched.
func TestProvisionBesideOthers(t *testing.T) {
	t.Parallel()
	each(t, func(f *fixture) {
		f.mustUser("u42")
		mustRefuse(f.t, f.mustProvision(said("42", 1))[0].Err, accounts.ErrUserInUse)
		renamed := func(c *accounts.UserChange) { c.Record.Localpart = "Ana" }
		if got := f.mustProvision(said("42", 1, renamed))[0]; got.Err != nil || got.User.ID != "@ana:acme.test" {
			f.t.Errorf("got %+v", got)
		}
		listed, err := f.ProvisionedUsers(f.t.Context(), "acme", "", 10)
		must(f.t, err)
		if len(listed) != 1 || listed[0].External != "42" {
			f.t.Errorf("got %+v, want 42 alone", listed)
		}
		_, err = f.Provision(f.t.Context(), tenant.Caller{Account: "nobody"}, said("42", 1))
		if !refusal.Is(err, "M_UNKNOWN_TOKEN") {
			f.t.Errorf("an account that does not exist: got %v", err)
		}
	})
}

// The end of a user's access is one act with everything they had.
func TestProvisionInactive(t *testing.T) {
	t.Parallel()
	each(t, func(f *fixture) {
		ctx := f.t.Context()
		user := f.mustProvision(said("42", 1))[0].User.ID
		must(f.t, f.SetPassword(ctx, server, user, "hash", false))
		in := f.mustStart(user, accounts.SignIn{Device: "PHONE", Refresh: true})
		loginToken, err := f.MintLoginToken(ctx, "acme", user)
		must(f.t, err)
		f.mustAccept(in.AccessToken)
		here := f.Service
		f.reopen() // another node
		f.mustProvision(said("42", 2, inactive))
		if _, err := here.Authenticate(ctx, in.AccessToken, true); !refusal.Is(err, "M_UNKNOWN_TOKEN") {
			f.t.Errorf("on another node: got %v, want M_UNKNOWN_TOKEN", err)
		}
		f.mustEnd(in.AccessToken, false)
		_, err = f.Refresh(ctx, in.RefreshToken)
		mustRefuseToken(f.t, err, false)
		_, err = f.StartByToken(ctx, loginToken, accounts.SignIn{})
		mustRefuse(f.t, err, accounts.ErrLoginToken)
		_, err = f.Start(ctx, "acme", user, "hash", accounts.SignIn{})
		mustBe(f.t, err, http.StatusForbidden, "M_USER_DEACTIVATED")
		if got := refusal.As(err).Reason; got != "user_inactive" {
			f.t.Errorf("got the reason %q, want user_inactive", got)
		}
		devices, err := f.Devices(ctx, "acme", user)
		must(f.t, err)
		if len(devices) != 0 {
			f.t.Errorf("got %v left", devices)
		}
		f.mustProvision(said("42", 3))
		f.mustStart(user, accounts.SignIn{})
		f.mustEnd(in.AccessToken, false)
	})
}

// More changes than one act takes are done in few.
func TestProvisionMany(t *testing.T) {
	t.Parallel()
	each(t, func(f *fixture) {
		var all []accounts.Provision
		for i := range 600 {
			all = append(all, said("x"+string(rune('a'+i/26))+string(rune('a'+i%26)), 1))
		}
		before := f.groups()
		f.mustProvision(all...)
		if acts := f.groups() - before; acts != 3 {
			f.t.Errorf("got %d acts for 600 users, want 3", acts)
		}
		before = f.groups()
		for i, done := range f.mustProvision(all...) {
			if done.Err != nil || done.User.External != all[i].User.External {
				f.t.Fatalf("got %+v", done)
			}
		}
		if acts := f.groups() - before; acts != 0 {
			f.t.Errorf("got %d acts for what is known", acts)
		}
	})
}

// groups counts what was committed to the account's stream.
func (f *fixture) groups() (count int) {
	f.t.Helper()
	err := f.db.Query(f.t.Context(), `SELECT COUNT(*) FROM groups WHERE account = $1`, []any{"acme"}, func(r sqldb.Row) error {
		return r.Scan(&count)
	})
	must(f.t, err)
	return count
}
