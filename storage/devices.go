package storage

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/stream"
)

const devicesSQL = `
	SELECT user_id, device, display_name, last_seen_ip, last_seen, user_agent FROM devices
	WHERE account = $1 AND user_id = $2 ORDER BY device`

func readDevices(ctx context.Context, q sqldb.Querier, account tenant.ID, user id.UserID) ([]accounts.Device, error) {
	all, err := sqldb.All(ctx, q, func(r sqldb.Row) (accounts.Device, error) {
		var d accounts.Device
		err := r.Scan(&d.User, &d.ID, &d.DisplayName, &d.LastSeenIP, &d.LastSeen, &d.UserAgent)
		return d, err
	}, devicesSQL, account, user)
	if err != nil {
		return nil, fmt.Errorf("read devices: %w", err)
	}
	return all, nil
}

// Devices implements accounts.SessionStore.
func (s *Store) Devices(ctx context.Context, account tenant.ID, user id.UserID) ([]accounts.Device, error) {
	return readDevices(ctx, s.db, account, user)
}

// EndDevices implements accounts.SessionStore.
func (s *Store) EndDevices(ctx context.Context, caller tenant.Caller, user id.UserID, pick func(id.DeviceID) bool) error {
	return s.loneBy(ctx, caller, evenLocked, func(t *tx) error { return t.endDevices(user, pick) })
}

// EndAll implements accounts.SessionStore.
func (s *Store) EndAll(ctx context.Context, caller tenant.Caller, user id.UserID) error {
	return s.loneBy(ctx, caller, evenLocked, func(t *tx) error {
		t.dropProofs(user)
		return t.endDevices(user, everyDevice)
	})
}

func everyDevice(id.DeviceID) bool { return true }

// deviceRowsSQL are what a device leaves behind in tables.
var deviceRowsSQL = []string{
	endSessionsSQL,
	endRefreshTokensSQL,
	`DELETE FROM one_time_keys WHERE account = $1 AND user_id = $2 AND device = ANY($3)`,
	`DELETE FROM fallback_keys WHERE account = $1 AND user_id = $2 AND device = ANY($3)`,
	`DELETE FROM to_device WHERE account = $1 AND user_id = $2 AND device = ANY($3)`,
	`DELETE FROM bot_tokens WHERE account = $1 AND user_id = $2 AND device = ANY($3)`,
	`DELETE FROM connections WHERE account = $1 AND user_id = $2 AND device = ANY($3)`,
	`DELETE FROM devices WHERE account = $1 AND user_id = $2 AND device = ANY($3)`,
}

// endDevices removes those of a user's devices that pick chooses.
func (t *tx) endDevices(user id.UserID, pick func(id.DeviceID) bool) error {
	q, err := t.querier()
	if err != nil {
		return err
	}
	devices, err := readDevices(t.ctx, q, t.group.account.id, user)
	if err != nil {
		return err
	}
	var gone []id.DeviceID
	for _, d := range devices {
		if pick(d.ID) {
			gone = append(gone, d.ID)
		}
	}
	if len(gone) == 0 {
		return nil
	}
	for _, sql := range deviceRowsSQL {
		t.exec(sql, t.group.account.id, user, texts(gone))
	}
	for _, device := range gone {
		t.Put(stream.Item{Kind: stream.SessionChanged, User: user, Key: string(device)})
	}
	if err := t.audit(accounts.DevicesEnded, string(user), map[string]any{"device_ids": gone}); err != nil {
		return err
	}
	return t.emptyDeviceItems(user, gone)
}

// emptyDeviceItems removes devices' keys and pushers. Others are told only of
// devices that had keys: they know of no others.
func (t *tx) emptyDeviceItems(user id.UserID, gone []id.DeviceID) error {
	items, err := t.group.account.store.Items(t.ctx, t.group.account.id, stream.ItemQuery{
		Kinds: []stream.Kind{stream.DeviceKeys, stream.OneTimeKeys, stream.Pusher, stream.Dehydrated}, User: user,
	})
	if err != nil {
		return fmt.Errorf("read devices' items: %w", err)
	}
	listChanged := false
	for _, item := range items {
		if len(item.Content) == 0 || !slices.Contains(gone, deviceOf(item)) {
			continue
		}
		listChanged = listChanged || item.Kind == stream.DeviceKeys
		t.Put(stream.Item{Kind: item.Kind, User: user, Key: item.Key})
	}
	if listChanged {
		t.putDeviceList(user)
	}
	return nil
}

func (t *tx) putDeviceList(user id.UserID) {
	t.Put(stream.Item{Kind: stream.DeviceList, User: user, Content: []byte(`{}`)})
}

// deviceOf gives the device that an item belongs to, or "".
func deviceOf(item stream.Item) id.DeviceID {
	if item.Kind != stream.Pusher && item.Kind != stream.Dehydrated {
		return id.DeviceID(item.Key)
	}
	var owned struct {
		Device id.DeviceID `json:"device_id"`
	}
	if json.Unmarshal(item.Content, &owned) != nil {
		return ""
	}
	return owned.Device
}

// AddDevice implements accounts.DeviceTx.
func (t *tx) AddDevice(user id.UserID, device id.DeviceID, name string) error {
	if err := t.checkNotReserved(user, device); err != nil {
		return err
	}
	t.exec(insertDeviceSQL, t.group.account.id, user, device, name, "", 0, "")
	t.Put(stream.Item{Kind: stream.SessionChanged, User: user, Key: string(device)})
	return nil
}

// EndDevice implements accounts.DeviceTx.
func (t *tx) EndDevice(user id.UserID, device id.DeviceID) error {
	return t.endDevices(user, func(d id.DeviceID) bool { return d == device })
}

const (
	renameDeviceSQL = `UPDATE devices SET display_name = $4 WHERE account = $1 AND user_id = $2 AND device = $3`

	seeDeviceSQL = `
		UPDATE devices SET last_seen_ip = $4, last_seen = $5, user_agent = $6
		WHERE account = $1 AND user_id = $2 AND device = $3 AND last_seen <= $5`
)

// RenameDevice implements accounts.SessionStore. The name is shown beside the
// device's keys, so that changing it changes the device list.
func (s *Store) RenameDevice(ctx context.Context, caller tenant.Caller, device id.DeviceID, name string) error {
	return s.lone(ctx, caller, func(t *tx) error {
		q, err := t.querier()
		if err != nil {
			return err
		}
		devices, err := readDevices(t.ctx, q, caller.Account, caller.User)
		if err != nil {
			return err
		}
		at := slices.IndexFunc(devices, func(d accounts.Device) bool { return d.ID == device })
		switch {
		case at < 0:
			return accounts.ErrNoDevice
		case devices[at].DisplayName == name:
			return nil
		}
		t.exec(renameDeviceSQL, caller.Account, caller.User, device, name)
		t.Put(stream.Item{Kind: stream.SessionChanged, User: caller.User, Key: string(device)})
		keys, err := t.Item(stream.DeviceKeys, caller.User, "", string(device))
		if err != nil {
			return err
		}
		if len(keys) > 0 {
			t.putDeviceList(caller.User)
		}
		return nil
	})
}

// SeeDevices implements accounts.SessionStore.
func (s *Store) SeeDevices(ctx context.Context, seen []accounts.Sighting) error {
	b := &sqldb.Batch{}
	for _, one := range seen {
		b.Add(seeDeviceSQL, one.Account, one.User, one.Device, one.IP, one.At, one.Agent)
	}
	if err := s.db.Commit(ctx, b); err != nil {
		return fmt.Errorf("note devices seen: %w", err)
	}
	return nil
}
