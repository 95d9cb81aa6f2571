package accounts_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/sqldb/sqltest"
)

var errBroken = errors.New("this account is broken")

// breaking is a store in which one account is broken, if any.
type breaking struct {
	accounts.PresenceStore
	broken tenant.ID
	crowd  bool // of which as many as are asked for are overdue
}

func (b *breaking) Settings(ctx context.Context, account tenant.ID) (accounts.Settings, error) {
	if account == b.broken {
		return accounts.Settings{}, errBroken
	}
	return b.PresenceStore.Settings(ctx, account)
}

func (b *breaking) Overdue(ctx context.Context, before int64, limit int) ([]accounts.Attendance, error) {
	if !b.crowd {
		return b.PresenceStore.Overdue(ctx, before, limit)
	}
	crowd := make([]accounts.Attendance, limit)
	for i := range crowd {
		crowd[i].Account = b.broken
	}
	return crowd, ctx.Err()
}

func (b *breaking) Depart(ctx context.Context, account tenant.ID, users []id.UserID, before int64, offline func([]byte, int64) ([]byte, error)) error {
	if account == b.broken {
		return errBroken
	}
	return b.PresenceStore.Depart(ctx, account, users, before, offline)
}

// What fails of one account keeps nobody of another from being noted as there, or
// put offline; and it is told, and tried again the next time.
func TestPresenceOfBrokenAccountHoldsUpNobody(t *testing.T) {
	t.Parallel()
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		nodes, clock := newPresenceNodes(t, db, 1)
		store := &breaking{PresenceStore: nodes[0].store}
		p := accounts.NewPresences(store, nodes[0].now, 0)
		must(t, nodes[0].store.CreateAccount(t.Context(), accounts.Account{ID: "other", ServerName: "other.test"}))
		caio := tenant.Caller{Account: "other", Server: "other.test", User: "@caio:other.test", Device: "PHONE"}
		must(t, nodes[0].store.CreateUser(t.Context(), tenant.Caller{Account: "other"}, accounts.User{ID: caio.User, Role: tenant.Agent}, "caio", nil))
		callers := []tenant.Caller{dataCaller(dataAna), caio}
		for _, caller := range callers {
			leave, err := p.Attend(t.Context(), caller, "online", always)
			must(t, err)
			leave()
		}
		mustBeOverdue := func(name string, before int64, want ...tenant.ID) {
			t.Helper()
			overdue, err := nodes[0].store.Overdue(t.Context(), before, 10)
			must(t, err)
			for i, one := range overdue {
				if len(overdue) != len(want) || one.Account != want[i] {
					t.Errorf("%s: got %+v, want one of %v", name, overdue, want)
				}
			}
			if len(overdue) == 0 && len(want) > 0 {
				t.Errorf("%s: nobody is overdue, want one of %v", name, want)
			}
		}
		mustFail := func(name string, err error) {
			t.Helper()
			if !errors.Is(err, errBroken) {
				t.Errorf("%s: got %v, want %v", name, err, errBroken)
			}
		}

		clock.Add(time.Minute.Milliseconds())
		for _, caller := range callers {
			p.Active(caller)
		}
		store.broken = "acme"
		mustFail("renew", p.Renew(t.Context()))
		mustBeOverdue("after one was noted", clock.Load()-1, "acme")
		store.broken = ""
		must(t, p.Renew(t.Context()))
		mustBeOverdue("after both were", clock.Load()-1)

		clock.Add(time.Hour.Milliseconds())
		store.broken = "acme"
		mustFail("expire", p.Expire(t.Context()))
		mustBeOverdue("after one went", clock.Load(), "acme")
		store.crowd = true
		mustFail("a page of the broken account", p.Expire(t.Context()))
		store.broken, store.crowd = "", false
		must(t, p.Expire(t.Context()))
		mustBeOverdue("after both went", clock.Load())
	})
}
