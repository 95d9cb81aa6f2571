package accounts

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	jsonv2 "github.com/go-json-experiment/json"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/storage/stream"
)

// PublishedKeys are the keys of users that one of them, or another user of the
// account, may see.
type PublishedKeys struct {
	// Devices has every user of the account who was asked for.
	Devices     map[id.UserID]map[id.DeviceID]json.RawMessage
	Master      map[id.UserID]json.RawMessage
	SelfSigning map[id.UserID]json.RawMessage
	UserSigning map[id.UserID]json.RawMessage // the viewer's own alone
}

// Query gives what users have published: of all their devices, or of those
// named. Unknown users and devices are missing.
func (k *Keys) Query(ctx context.Context, viewer tenant.Caller, wanted map[id.UserID][]id.DeviceID) (*PublishedKeys, error) {
	users := slices.Collect(maps.Keys(wanted))
	names, err := k.store.DeviceNames(ctx, viewer.Account, users)
	if err != nil {
		return nil, fmt.Errorf("read devices: %w", err)
	}
	items, err := k.store.KeyItems(ctx, viewer.Account, viewer.User, users)
	if err != nil {
		return nil, fmt.Errorf("read keys: %w", err)
	}
	found := &PublishedKeys{
		Devices:     map[id.UserID]map[id.DeviceID]json.RawMessage{},
		Master:      map[id.UserID]json.RawMessage{},
		SelfSigning: map[id.UserID]json.RawMessage{},
		UserSigning: map[id.UserID]json.RawMessage{},
	}
	for user := range names {
		found.Devices[user] = map[id.DeviceID]json.RawMessage{}
	}
	signed := map[id.UserID][]byte{} // by the viewer
	for _, item := range items {
		if len(item.Content) == 0 {
			continue
		}
		if user, ok := signedUser(item); ok {
			if item.User == viewer.User {
				signed[user] = item.Content
			}
			continue
		}
		if err := found.add(viewer.User, item, wanted, names[item.User]); err != nil {
			return nil, err
		}
	}
	return found, found.sign(viewer.User, signed)
}

// add takes one stored key into the answer, if it belongs there.
func (p *PublishedKeys) add(viewer id.UserID, item stream.Item, wanted map[id.UserID][]id.DeviceID, names map[id.DeviceID]string) error {
	devices, asked := wanted[item.User]
	if !asked {
		return nil
	}
	if item.Kind == stream.CrossSigning {
		switch {
		case item.Key == masterKey:
			p.Master[item.User] = item.Content
		case item.Key == selfSigningKey:
			p.SelfSigning[item.User] = item.Content
		case item.Key == userSigningKey && item.User == viewer:
			p.UserSigning[item.User] = item.Content
		}
		return nil
	}
	device := id.DeviceID(item.Key)
	name, exists := names[device]
	if !exists || len(devices) > 0 && !slices.Contains(devices, device) {
		return nil
	}
	object, err := members(item.Content)
	if err != nil {
		return err
	}
	unsigned := map[string]string{}
	if name != "" {
		unsigned["device_display_name"] = name
	}
	if object["unsigned"], err = jsonv2.Marshal(unsigned); err != nil {
		return fmt.Errorf("write device name: %w", err)
	}
	content, err := jsonv2.Marshal(object, jsonv2.Deterministic(true))
	if err != nil {
		return fmt.Errorf("write device keys: %w", err)
	}
	p.Devices[item.User][device] = content
	return nil
}

// sign adds the viewer's signatures to other people's master keys. Nobody else
// is shown them.
func (p *PublishedKeys) sign(viewer id.UserID, signed map[id.UserID][]byte) error {
	for user, content := range signed {
		master, found := p.Master[user]
		if !found {
			continue
		}
		object, err := parseSigned(master)
		if err != nil {
			return err
		}
		var by viewerSignatures
		if err := jsonv2.Unmarshal(content, &by); err != nil {
			return fmt.Errorf("read stored signatures: %w", err)
		}
		if _, current := object.Keys[by.Key]; !current {
			continue // of a master key that has been replaced since
		}
		all := map[id.UserID]map[id.KeyID]string{viewer: by.Signatures}
		if own := object.own(); own != nil {
			all[user] = own
		}
		if p.Master[user], err = object.signedBy(all); err != nil {
			return err
		}
	}
	return nil
}
