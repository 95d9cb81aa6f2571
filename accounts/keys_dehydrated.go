package accounts

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/storage/stream"
)

// Limits of dehydrated devices.
const (
	maxDehydrated       = 64 << 10 // bytes of what restores one
	maxDehydratedEvents = 100      // in one answer
)

var (
	errNoDehydrated    = refusal.NotFound("You have no dehydrated device.")
	errDehydratedData  = refusal.BadJSON("The \"device_data\" of a dehydrated device must be an object.")
	errDehydratedKeys  = refusal.Missing("A dehydrated device needs its \"device_keys\".")
	errDehydratedInUse = refusal.Invalid("You have a device with this ID already.")
)

// DehydratedStore keeps the messages that wait for a dehydrated device, and what
// restores it.
type DehydratedStore interface {
	// Item gives the content under a key, nil when there is none.
	Item(ctx context.Context, account tenant.ID, kind stream.Kind, user id.UserID, room id.RoomID, key string) ([]byte, error)
	// ToDevice gives at most limit of a device's messages with after < position ≤
	// upTo, oldest first.
	ToDevice(ctx context.Context, account tenant.ID, user id.UserID, device id.DeviceID, after, upTo stream.Position, limit int) ([]stream.Item, error)
	// DeleteToDevice deletes a device's messages up to a position.
	DeleteToDevice(ctx context.Context, account tenant.ID, user id.UserID, device id.DeviceID, upTo stream.Position) error
}

// DeviceTx makes and ends devices that nobody is signed in on.
type DeviceTx interface {
	// AddDevice adds a device without a session. An ID that is one of the user's
	// cross-signing keys is [ErrDeviceReserved].
	AddDevice(user id.UserID, device id.DeviceID, name string) error
	// EndDevice removes a device with all that belongs to it.
	EndDevice(user id.UserID, device id.DeviceID) error
}

// Dehydrated is a device that receives while its user is signed in nowhere, and
// that the next device they sign in on restores (MSC3814). A user has one at
// most.
type Dehydrated struct {
	Device id.DeviceID     `json:"device_id"`
	Data   json.RawMessage `json:"device_data"` // encrypted for the user
}

// Dehydration is a new dehydrated device and its keys.
type Dehydration struct {
	Dehydrated
	KeyUpload
	DisplayName string `json:"initial_device_display_name"`
}

// Dehydrate puts a dehydrated device in the place of the one there is.
func (k *Keys) Dehydrate(ctx context.Context, caller tenant.Caller, d Dehydration) error {
	content, err := d.check()
	if err != nil {
		return err
	}
	owner := caller
	owner.Device = d.Device
	device, err := parseDeviceKeys(owner, d.DeviceKeys)
	if err != nil {
		return err
	}
	oneTime, err := parseOneTimeKeys(d.OneTimeKeys)
	if err != nil {
		return err
	}
	fallback, err := parseOneTimeKeys(d.FallbackKeys)
	if err != nil {
		return err
	}
	return k.store.ActOnKeys(ctx, KeyAct{Caller: caller, Do: func(tx KeyTx) error {
		devices, err := tx.Devices([]id.UserID{caller.User})
		if err != nil {
			return err
		}
		if slices.Contains(devices[caller.User], d.Device) {
			return errDehydratedInUse
		}
		if _, err := endDehydrated(tx, caller.User); err != nil {
			return err
		}
		if err := tx.AddDevice(caller.User, d.Device, d.DisplayName); err != nil {
			return err
		}
		tx.Put(stream.Item{Kind: stream.Dehydrated, User: caller.User, Content: content})
		if err := keepDeviceKeys(tx, device); err != nil {
			return err
		}
		return keepOneTimeKeys(tx, owner, oneTime, fallback)
	}})
}

// check refuses what no device can be made of, and gives what is kept.
func (d *Dehydration) check() ([]byte, error) {
	switch {
	case d.Device == "" || len(d.Device) > maxDeviceID:
		return nil, refusal.Invalid("The ID of a device must have 1 to %d bytes.", maxDeviceID)
	case len(d.DisplayName) > maxDisplayName:
		return nil, ErrDisplayName
	case len(d.Data) == 0 || d.Data[0] != '{':
		return nil, errDehydratedData
	case len(d.Data) > maxDehydrated:
		return nil, refusal.TooLarge("The data of a dehydrated device may have at most %d bytes.", maxDehydrated)
	case absent(d.DeviceKeys):
		return nil, errDehydratedKeys
	}
	content, err := json.Marshal(d.Dehydrated)
	if err != nil {
		return nil, fmt.Errorf("encode dehydrated device: %w", err)
	}
	return content, nil
}

// endDehydrated ends a user's dehydrated device, if there is one, and gives it.
func endDehydrated(tx KeyTx, user id.UserID) (*Dehydrated, error) {
	content, err := tx.Item(stream.Dehydrated, user, "", "")
	if err != nil || len(content) == 0 {
		return nil, err
	}
	d, err := parseDehydrated(content)
	if err != nil {
		return nil, err
	}
	return d, tx.EndDevice(user, d.Device)
}

func parseDehydrated(content []byte) (*Dehydrated, error) {
	d := &Dehydrated{}
	if err := json.Unmarshal(content, d); err != nil {
		return nil, fmt.Errorf("decode dehydrated device: %w", err)
	}
	return d, nil
}

// Dehydrated gives the caller's dehydrated device; none is 404.
func (k *Keys) Dehydrated(ctx context.Context, caller tenant.Caller) (*Dehydrated, error) {
	content, err := k.store.Item(ctx, caller.Account, stream.Dehydrated, caller.User, "", "")
	if err != nil {
		return nil, err
	}
	if len(content) == 0 {
		return nil, errNoDehydrated
	}
	return parseDehydrated(content)
}

// EndDehydrated removes the caller's dehydrated device and gives its ID; none is
// 404.
func (k *Keys) EndDehydrated(ctx context.Context, caller tenant.Caller) (device id.DeviceID, err error) {
	err = k.store.ActOnKeys(ctx, KeyAct{Caller: caller, Do: func(tx KeyTx) error {
		d, err := endDehydrated(tx, caller.User)
		if err != nil {
			return err
		}
		if d == nil {
			return errNoDehydrated
		}
		device = d.Device
		return nil
	}})
	return device, err
}

// DehydratedEvents gives the next of the messages that wait for the caller's
// dehydrated device, and where they end: given as after, they are deleted. A
// device of another ID is 404.
func (k *Keys) DehydratedEvents(ctx context.Context, caller tenant.Caller, device id.DeviceID, after stream.Position) ([]json.RawMessage, stream.Position, error) {
	d, err := k.Dehydrated(ctx, caller)
	if err != nil {
		return nil, 0, err
	}
	if d.Device != device {
		return nil, 0, errNoDehydrated
	}
	if after > 0 {
		if err := k.store.DeleteToDevice(ctx, caller.Account, caller.User, device, after); err != nil {
			return nil, 0, err
		}
	}
	messages, err := k.store.ToDevice(ctx, caller.Account, caller.User, device, after, math.MaxInt64, maxDehydratedEvents)
	if err != nil {
		return nil, 0, err
	}
	events := make([]json.RawMessage, len(messages))
	for i, message := range messages {
		events[i], after = message.Content, message.Position
	}
	return events, after, nil
}
