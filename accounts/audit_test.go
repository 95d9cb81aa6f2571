package accounts_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/tenant"
)

// actions gives what of a query's answer matters: action, actor and target.
func (f *fixture) actions(query accounts.AuditQuery) (all []string) {
	f.t.Helper()
	for {
		page, next, err := f.Audit(f.t.Context(), "acme", query)
		must(f.t, err)
		for _, e := range page {
			all = append(all, string(e.Action)+" "+e.Actor+" "+e.Target)
		}
		if next == "" {
			return all
		}
		query.Before = next
	}
}

func TestAudit(t *testing.T) {
	t.Parallel()
	each(t, func(f *fixture) {
		ctx := f.t.Context()
		admin := f.mustAdministrator("admin")
		bia := f.mustUser("bia")
		f.pass(time.Second)
		f.mustStart(bia, accounts.SignIn{Device: "PHONE", IP: "192.0.2.1"})
		f.pass(time.Second)
		must(f.t, f.SetStanding(ctx, admin, bia, accounts.Locked, true))
		f.pass(time.Second)
		operator := tenant.Caller{Account: "acme", Machine: "hr", Address: "192.0.2.7"}
		must(f.t, f.SetPassword(ctx, operator, bia, "hash2", true))
		f.pass(time.Second)
		must(f.t, f.ChangeAccount(ctx, operator, func(s *accounts.Settings) error {
			s.Login.SSO = &accounts.SSOLogin{URL: "https://secret.example"}
			return nil
		}))
		// What is refused, and what changes nothing, is not there.
		mustRefuse(f.t, f.SetStanding(ctx, admin, admin.User, accounts.Locked, true), accounts.ErrModerateSelf)
		must(f.t, f.SetStanding(ctx, admin, bia, accounts.Locked, true))

		want := []string{
			"account.changed machine:hr ",
			"devices.ended machine:hr @bia:acme.test",
			"password.changed machine:hr @bia:acme.test",
			"standing.changed @admin:acme.test @bia:acme.test",
			"login.granted @bia:acme.test @bia:acme.test",
		}
		for _, limit := range []int{1, 2, 100} {
			got := f.actions(accounts.AuditQuery{Limit: limit, Since: f.clock.Load() - 3500})
			// The two entries of one act have no order of their own.
			if diff := cmp.Diff(sorted(got), sorted(want)); diff != "" {
				f.t.Errorf("pages of %d (-got +want):\n%s", limit, diff)
			}
		}
		for name, query := range map[string]accounts.AuditQuery{
			"action": {Action: accounts.StandingChanged},
			"actor":  {Actor: string(admin.User), Target: string(bia)},
			"time":   {Since: f.clock.Load() - 2000, Until: f.clock.Load() - 1000},
		} {
			if got := f.actions(query); len(got) != 1 || got[0] != want[3] {
				f.t.Errorf("by %s: got %v, want %q", name, got, want[3])
			}
		}
		page, _, err := f.Audit(ctx, "acme", accounts.AuditQuery{Limit: 1})
		must(f.t, err)
		if page[0].Address != "192.0.2.7" || page[0].Time != f.clock.Load() {
			f.t.Errorf("got %+v, want the address and the time", page[0])
		}
		if diff := cmp.Diff(page[0].Details, map[string]any{"fields": []any{"login"}}); diff != "" {
			f.t.Errorf("details (-got +want):\n%s", diff)
		}
		if page, _, err := f.Audit(ctx, "other", accounts.AuditQuery{}); err != nil || len(page) != 0 {
			f.t.Errorf("another account has %v, %v", page, err)
		}
		if _, _, err := f.Audit(ctx, "acme", accounts.AuditQuery{Before: "x"}); err == nil {
			f.t.Error("a place that is none was taken")
		}
	})
}

// A machine token is told of in every account it is good for.
func TestMachineTokensAreAudited(t *testing.T) {
	t.Parallel()
	each(t, func(f *fixture) {
		ctx := f.t.Context()
		must(f.t, f.CreateAccount(ctx, accounts.Account{ID: "other", ServerName: "other.test"}))
		for name, scope := range map[string]tenant.ID{"one": "acme", "all": tenant.All, "else": "other"} {
			_, err := f.CreateMachineToken(ctx, name, scope)
			must(f.t, err)
		}
		must(f.t, f.RevokeMachineToken(ctx, "all"))
		want := []string{"token.created machine:command-line ", "token.created machine:command-line ", "token.revoked machine:command-line "}
		if diff := cmp.Diff(sorted(f.actions(accounts.AuditQuery{})), want); diff != "" {
			f.t.Errorf("entries (-got +want):\n%s", diff)
		}
	})
}

func TestRecordRefusals(t *testing.T) {
	t.Parallel()
	each(t, func(f *fixture) {
		must(f.t, f.Record(f.t.Context(), "acme", accounts.AuditEntry{
			Action: accounts.LoginRefused, Actor: "server", User: id.UserID("@bia:acme.test"), Target: "@bia:acme.test",
			Details: map[string]any{"errcode": "M_FORBIDDEN"},
		}))
		page, _, err := f.Audit(f.t.Context(), "acme", accounts.AuditQuery{})
		must(f.t, err)
		if len(page) != 1 || page[0].User != "@bia:acme.test" || page[0].Details["errcode"] != "M_FORBIDDEN" {
			f.t.Errorf("got %+v", page)
		}
	})
}

func sorted(words []string) []string { return slices.Sorted(slices.Values(words)) }
