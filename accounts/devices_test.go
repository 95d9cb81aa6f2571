package accounts_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/storage/stream"
)

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
		must(f.t, f.Seen(ctx, caller, "192.0.2.9", "Test/1"))
		if got := written(); got != begun {
			f.t.Errorf("got %d written within minutes, want %d", got, begun)
		}
		device, err := f.Device(ctx, "acme", ana, "PHONE")
		must(f.t, err)
		if device.LastSeen != f.clock.Load() || device.LastSeenIP != "192.0.2.9" {
			f.t.Errorf("got %+v, want what was seen just now", device)
		}
		f.pass(time.Minute)
		must(f.t, f.Seen(ctx, caller, "192.0.2.9", "Test/1"))
		if got := written(); got != f.clock.Load() {
			f.t.Errorf("got %d written after five minutes, want %d", got, f.clock.Load())
		}
		f.pass(time.Minute)
		must(f.t, f.Seen(ctx, caller, "192.0.2.9", "Test/1"))
		must(f.t, f.Flush(ctx))
		if got := written(); got != f.clock.Load() {
			f.t.Errorf("got %d written by flush, want %d", got, f.clock.Load())
		}
	})
}
