package accounts_test

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/stream"
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

func TestSigningInAgainReplacesTheDevicesSessions(t *testing.T) {
	t.Parallel()
	each(t, func(f *fixture) {
		ana, bia := f.mustUser("ana"), f.mustUser("bia")
		first := f.mustStart(ana, accounts.SignIn{Device: "PHONE", DisplayName: "Ana's phone", Refresh: true, IP: "192.0.2.1"})
		others := f.mustStart(bia, accounts.SignIn{Device: "PHONE"})
		f.pass(time.Minute)
		second := f.mustStart(ana, accounts.SignIn{Device: "PHONE", DisplayName: "ignored", IP: "192.0.2.2"})
		f.mustEnd(first.AccessToken, false)
		_, err := f.Refresh(f.t.Context(), first.RefreshToken)
		mustRefuseToken(f.t, err, false)
		f.mustAccept(second.AccessToken)
		f.mustAccept(others.AccessToken)
		got, err := f.Devices(f.t.Context(), "acme", ana)
		must(f.t, err)
		want := []accounts.Device{{User: ana, ID: "PHONE", DisplayName: "Ana's phone", LastSeenIP: "192.0.2.2", LastSeen: f.clock.Load()}}
		if diff := cmp.Diff(got, want); diff != "" {
			f.t.Errorf("devices (-got +want):\n%s", diff)
		}
	})
}

func TestDeviceLimits(t *testing.T) {
	t.Parallel()
	each(t, func(f *fixture) { // three devices a user
		ctx := f.t.Context()
		ana := f.mustUser("ana")
		for _, device := range []id.DeviceID{"A", "B", "C", "C"} {
			f.mustStart(ana, accounts.SignIn{Device: device})
		}
		_, err := f.Start(ctx, "acme", ana, "hash", accounts.SignIn{Device: "D"})
		mustRefuse(f.t, err, accounts.ErrTooManyDevices)
		bia := f.mustUser("bia")
		f.mustStart(bia, accounts.SignIn{Device: id.DeviceID(word(255)), DisplayName: word(256)})
		_, err = f.Start(ctx, "acme", bia, "hash", accounts.SignIn{Device: id.DeviceID(word(256))})
		mustRefuse(f.t, err, accounts.ErrDeviceID)
		_, err = f.Start(ctx, "acme", bia, "hash", accounts.SignIn{DisplayName: word(257)})
		mustRefuse(f.t, err, accounts.ErrDisplayName)
	})
}

func TestDeviceMustNotBeACrossSigningKey(t *testing.T) {
	t.Parallel()
	each(t, func(f *fixture) {
		ana := f.mustUser("ana")
		f.mustPut(stream.CrossSigning, ana, "master", `{"keys":{"ed25519:PUBLICKEY":"PUBLICKEY"}}`)
		_, err := f.Start(f.t.Context(), "acme", ana, "hash", accounts.SignIn{Device: "PUBLICKEY"})
		mustRefuse(f.t, err, accounts.ErrDeviceReserved)
		f.mustStart(ana, accounts.SignIn{Device: "OTHER"})
	})
}

// mustPut plants an item.
func (f *fixture) mustPut(kind stream.Kind, user id.UserID, key, content string) {
	f.t.Helper()
	f.mustExec(`INSERT INTO items (account, kind, user_id, room, key, position, content) VALUES ('acme', $1, $2, '', $3, 1, $4)`,
		int64(kind), user, key, []byte(content))
}

func TestEndingADeviceRemovesAllOfIt(t *testing.T) {
	t.Parallel()
	each(t, func(f *fixture) {
		ctx := f.t.Context()
		ana := f.mustUser("ana")
		phone := f.mustAccept(f.mustStart(ana, accounts.SignIn{Device: "PHONE", Refresh: true}).AccessToken)
		laptop := f.mustStart(ana, accounts.SignIn{Device: "LAPTOP", Refresh: true})
		for _, device := range []string{"PHONE", "LAPTOP"} {
			f.mustPut(stream.DeviceKeys, ana, device, `{}`)
			f.mustPut(stream.Pusher, ana, "app|"+device, `{"device_id":"`+device+`"}`)
			f.mustExec(`INSERT INTO one_time_keys (account, user_id, device, algorithm, key_id, position, ordinal, json) VALUES ('acme', $1, $2, 'a', 'k', 1, 1, $3)`, ana, device, []byte(`{}`))
			f.mustExec(`INSERT INTO fallback_keys (account, user_id, device, algorithm, key_id, json, used) VALUES ('acme', $1, $2, 'a', 'k', $3, FALSE)`, ana, device, []byte(`{}`))
			f.mustExec(`INSERT INTO to_device (account, user_id, device, position, json) VALUES ('acme', $1, $2, 0, $3)`, ana, device, []byte(`{}`))
		}
		must(f.t, f.EndDevices(ctx, phone, "LAPTOP", "NONE"))
		f.mustEnd(laptop.AccessToken, false)
		for _, table := range []string{"devices", "sessions", "refresh_tokens", "one_time_keys", "fallback_keys", "to_device"} {
			sql := `SELECT COUNT(*) FROM ` + table + ` WHERE account = 'acme' AND user_id = $1 AND device = $2`
			if gone, kept := f.count(sql, ana, "LAPTOP"), f.count(sql, ana, "PHONE"); gone != 0 || kept != 1 {
				f.t.Errorf("%s: got %d rows of LAPTOP and %d of PHONE, want 0 and 1", table, gone, kept)
			}
		}
		for _, kind := range []stream.Kind{stream.DeviceKeys, stream.Pusher} {
			if got := f.keysWithContent(kind, ana); len(got) != 1 || !strings.HasSuffix(got[0], "PHONE") {
				f.t.Errorf("kind %d: got %v left, want only PHONE's", kind, got)
			}
		}
		if got := f.keysWithContent(stream.DeviceList, ana); len(got) != 1 {
			f.t.Errorf("got device list changes %v, want one", got)
		}
	})
}

// keysWithContent gives the keys of a user's items that are not removed.
func (f *fixture) keysWithContent(kind stream.Kind, user id.UserID) (keys []string) {
	f.t.Helper()
	items, err := f.store.Items(f.t.Context(), "acme", stream.ItemQuery{Kinds: []stream.Kind{kind}, User: user, After: -1})
	must(f.t, err)
	for _, item := range items {
		if len(item.Content) > 0 {
			keys = append(keys, item.Key)
		}
	}
	return keys
}

// Nobody knows a device without keys, so nobody is told that it has gone.
func TestEndingADeviceWithoutKeysTellsNobody(t *testing.T) {
	t.Parallel()
	each(t, func(f *fixture) {
		ana := f.mustUser("ana")
		must(f.t, f.End(f.t.Context(), f.mustAccept(f.mustStart(ana, accounts.SignIn{}).AccessToken)))
		if got := f.keysWithContent(stream.DeviceList, ana); len(got) != 0 {
			f.t.Errorf("got device list changes %v, want none", got)
		}
	})
}

func TestAnEndedSessionCannotAct(t *testing.T) {
	t.Parallel()
	each(t, func(f *fixture) {
		caller := f.mustAccept(f.mustStart(f.mustUser("ana"), accounts.SignIn{Device: "PHONE"}).AccessToken)
		must(f.t, f.End(f.t.Context(), caller))
		mustRefuseToken(f.t, f.RenameDevice(f.t.Context(), caller, "PHONE", "late"), false)
		mustRefuseToken(f.t, f.End(f.t.Context(), caller), false)
	})
}

func TestRenameDevice(t *testing.T) {
	t.Parallel()
	each(t, func(f *fixture) {
		ctx := f.t.Context()
		ana := f.mustUser("ana")
		caller := f.mustAccept(f.mustStart(ana, accounts.SignIn{Device: "PHONE"}).AccessToken)
		f.mustPut(stream.DeviceKeys, ana, "PHONE", `{}`)
		must(f.t, f.RenameDevice(ctx, caller, "PHONE", "My phone"))
		device, err := f.Device(ctx, "acme", ana, "PHONE")
		must(f.t, err)
		if device.DisplayName != "My phone" {
			f.t.Errorf("got name %q", device.DisplayName)
		}
		if got := f.keysWithContent(stream.DeviceList, ana); len(got) != 1 {
			f.t.Errorf("got device list changes %v, want one", got)
		}
		mustRefuse(f.t, f.RenameDevice(ctx, caller, "NONE", "x"), accounts.ErrNoDevice)
		mustRefuse(f.t, f.RenameDevice(ctx, caller, "PHONE", word(257)), accounts.ErrDisplayName)
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

func TestPasswordChangeEndsOthers(t *testing.T) {
	t.Parallel()
	each(t, func(f *fixture) {
		ctx := f.t.Context()
		ana := f.mustUser("ana")
		mine, other := f.mustStart(ana, accounts.SignIn{}), f.mustStart(ana, accounts.SignIn{})
		caller := f.mustAccept(mine.AccessToken)
		must(f.t, f.SetPassword(ctx, caller, ana, "second", false))
		f.mustAccept(other.AccessToken)
		must(f.t, f.SetPassword(ctx, caller, ana, "third", true))
		f.mustEnd(other.AccessToken, false)
		f.mustAccept(mine.AccessToken)
		// Whoever checked an older password is too late.
		_, err := f.Start(ctx, "acme", ana, "second", accounts.SignIn{})
		mustRefuse(f.t, err, accounts.ErrLogin)
		must(f.t, f.SetPassword(ctx, server, ana, "fourth", true))
		f.mustEnd(mine.AccessToken, false)
		mustRefuse(f.t, f.SetPassword(ctx, server, "@none:acme.test", "x", true), accounts.ErrNoUser)
	})
}

func TestDeactivation(t *testing.T) {
	t.Parallel()
	each(t, func(f *fixture) {
		ctx := f.t.Context()
		ana := f.mustUser("ana")
		in := f.mustStart(ana, accounts.SignIn{Refresh: true})
		f.mustAccept(in.AccessToken)
		token, err := f.MintLoginToken(ctx, "acme", ana)
		must(f.t, err)
		must(f.t, f.Deactivate(ctx, server, ana))
		f.mustEnd(in.AccessToken, false)
		_, err = f.Refresh(ctx, in.RefreshToken)
		mustRefuseToken(f.t, err, false)
		_, err = f.Start(ctx, "acme", ana, "hash", accounts.SignIn{})
		mustRefuse(f.t, err, accounts.ErrDeactivated)
		_, err = f.StartByToken(ctx, token, accounts.SignIn{})
		mustRefuse(f.t, err, accounts.ErrLoginToken)
		mustRefuse(f.t, f.Available(ctx, "acme", "ana"), accounts.ErrUserInUse)
		if diff := cmp.Diff(f.gone, []id.UserID{ana}); diff != "" {
			f.t.Errorf("departures (-got +want):\n%s", diff)
		}
		must(f.t, f.Deactivate(ctx, server, ana))
		mustRefuse(f.t, f.Deactivate(ctx, server, "@none:acme.test"), accounts.ErrNoUser)
		users, err := f.Users(ctx, "acme")
		must(f.t, err)
		want := []accounts.User{{ID: ana, Role: tenant.Agent, Password: "hash", Deactivated: true, Created: f.clock.Load()}}
		if diff := cmp.Diff(users, want); diff != "" {
			f.t.Errorf("users (-got +want):\n%s", diff)
		}
	})
}

func TestRegisterMakesUserAndSessionInOne(t *testing.T) {
	t.Parallel()
	each(t, func(f *fixture) {
		ctx := f.t.Context()
		in, err := f.Register(ctx, "acme", accounts.NewUser{Name: "Ana", DisplayName: "Ana Lúcia"}, accounts.SignIn{Device: "PHONE"})
		must(f.t, err)
		if caller := f.mustAccept(in.AccessToken); caller.User != "@ana:acme.test" || caller.Device != "PHONE" {
			f.t.Errorf("got %v", caller)
		}
		content, err := f.store.Item(ctx, "acme", stream.Profile, in.User, "", "displayname")
		must(f.t, err)
		var name string
		if must(f.t, json.Unmarshal(content, &name)); name != "Ana Lúcia" {
			f.t.Errorf("got display name %q", name)
		}
		_, err = f.Register(ctx, "acme", accounts.NewUser{Name: "ana"}, accounts.SignIn{})
		mustRefuse(f.t, err, accounts.ErrUserInUse)
	})
}

func TestSightingsAreWrittenTogether(t *testing.T) {
	t.Parallel()
	each(t, func(f *fixture) {
		ctx := f.t.Context()
		ana := f.mustUser("ana")
		caller := f.mustAccept(f.mustStart(ana, accounts.SignIn{Device: "PHONE", IP: "192.0.2.1"}).AccessToken)
		written := func() int64 {
			devices, err := f.store.Devices(ctx, "acme", ana)
			must(f.t, err)
			return devices[0].LastSeen
		}
		begun := f.clock.Load()
		f.pass(4 * time.Minute)
		must(f.t, f.Seen(ctx, caller, "192.0.2.9"))
		if got := written(); got != begun {
			f.t.Errorf("got %d written within minutes, want %d", got, begun)
		}
		device, err := f.Device(ctx, "acme", ana, "PHONE")
		must(f.t, err)
		if device.LastSeen != f.clock.Load() || device.LastSeenIP != "192.0.2.9" {
			f.t.Errorf("got %+v, want what was seen just now", device)
		}
		f.pass(time.Minute)
		must(f.t, f.Seen(ctx, caller, "192.0.2.9"))
		if got := written(); got != f.clock.Load() {
			f.t.Errorf("got %d written after five minutes, want %d", got, f.clock.Load())
		}
		f.pass(time.Minute)
		must(f.t, f.Seen(ctx, caller, "192.0.2.9"))
		must(f.t, f.Flush(ctx))
		if got := written(); got != f.clock.Load() {
			f.t.Errorf("got %d written by flush, want %d", got, f.clock.Load())
		}
	})
}

// One account's IDs and secrets are nothing in another.
func TestAccountsAreApart(t *testing.T) {
	t.Parallel()
	each(t, func(f *fixture) {
		ctx := f.t.Context()
		must(f.t, f.CreateAccount(ctx, accounts.Account{ID: "other", ServerName: "other.test"}))
		ana := f.mustUser("ana")
		in := f.mustStart(ana, accounts.SignIn{Device: "PHONE"})
		f.mustEnd(strings.Replace(in.AccessToken, "_acme_", "_other_", 1), false)
		other := tenant.Caller{Account: "other"}
		mustRefuse(f.t, f.Deactivate(ctx, other, ana), accounts.ErrNoUser)
		must(f.t, f.EndAll(ctx, other, ana))
		f.mustAccept(in.AccessToken)
		if user, err := f.User(ctx, "other", ana); user != nil || err != nil {
			f.t.Errorf("got %v, %v, want nobody", user, err)
		}
	})
}
