package storage_test

import (
	"testing"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/sqldb/sqltest"
	"github.com/conversalabs/internalchat/storage/stream"
)

// TestActsAskForStanding lets a user who is locked or suspended act on one node
// right after another has said so, by their session and in their name without
// one. What the act would have done must not be there.
func TestActsAskForStanding(t *testing.T) {
	t.Parallel()
	sqltest.Each(t, func(t *testing.T, db *sqldb.DB) {
		one, two := keyStores(t, db)
		boss := tenant.Caller{Account: keyAccount, User: "@boss:acme.example"}
		administrator := accounts.User{ID: boss.User, Role: tenant.Administrator}
		if err := one.CreateUser(t.Context(), tenant.Caller{Account: keyAccount}, administrator, "", nil); err != nil {
			t.Fatal(err)
		}
		signedIn, absent := phone, phone
		signedIn.Session = "t1"
		for _, c := range []struct {
			standing  accounts.Standing
			caller    tenant.Caller
			suspended bool // the act may be done by who is suspended
			refused   string
		}{
			{accounts.Locked, signedIn, false, "M_USER_LOCKED"},
			{accounts.Locked, signedIn, true, "M_USER_LOCKED"},
			{accounts.Locked, absent, false, "M_USER_LOCKED"},
			{accounts.Locked, absent, true, ""},
			{accounts.Suspended, signedIn, false, "M_USER_SUSPENDED"},
			{accounts.Suspended, signedIn, true, ""},
			{accounts.Suspended, absent, false, "M_USER_SUSPENDED"},
			{accounts.Suspended, absent, true, ""},
		} {
			if err := one.SetStanding(t.Context(), boss, keyUser, c.standing, true); err != nil {
				t.Fatal(err)
			}
			before := head(t, two)
			_, err := two.Act(t.Context(), rooms.Act{
				Caller: c.caller, Suspended: c.suspended,
				Do: func(tx rooms.Tx) (id.EventID, error) {
					tx.Put(stream.Item{Kind: stream.Profile, User: keyUser, Key: "x", Content: []byte("1")})
					return "", nil
				},
			})
			if c.refused == "" && err != nil || c.refused != "" && !refusal.Is(err, c.refused) {
				t.Errorf("%s, %+v: got %v, want %q", c.standing, c, err, c.refused)
			}
			if moved := head(t, two) != before; moved != (c.refused == "") {
				t.Errorf("%s, %+v: the head moved: %v", c.standing, c, moved)
			}
			if err := one.SetStanding(t.Context(), boss, keyUser, c.standing, false); err != nil {
				t.Fatal(err)
			}
		}
	})
}
