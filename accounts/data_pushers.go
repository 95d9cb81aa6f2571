package accounts

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/storage/stream"
)

// Pusher is where a user's notifications are sent to.
type Pusher struct {
	Pushkey           string          `json:"pushkey"`
	Kind              string          `json:"kind"`
	AppID             string          `json:"app_id"`
	AppDisplayName    string          `json:"app_display_name"`
	DeviceDisplayName string          `json:"device_display_name"`
	ProfileTag        string          `json:"profile_tag,omitempty"`
	Lang              string          `json:"lang"`
	Data              json.RawMessage `json:"data"`
	// Device is where the pusher was set: it ends with that device. Clients are
	// not shown it.
	Device id.DeviceID `json:"device_id,omitempty"`
}

// Limits of one pusher, in bytes. The first two are the specification's.
const (
	maxAppID      = 64
	maxPushkey    = 512
	maxPusherText = 1024
	maxPusherData = 16 << 10
)

// gatewayPath is where every push gateway listens.
const gatewayPath = "/_matrix/push/v1/notify"

// Pushers gives a user's pushers, in the order in which they were set.
func (d *Data) Pushers(ctx context.Context, account tenant.ID, user id.UserID) ([]Pusher, error) {
	items, err := d.store.Items(ctx, account, stream.ItemQuery{Kinds: []stream.Kind{stream.Pusher}, User: user})
	if err != nil {
		return nil, err
	}
	pushers := make([]Pusher, 0, len(items))
	for _, item := range items {
		if len(item.Content) == 0 {
			continue
		}
		var p Pusher
		if err := json.Unmarshal(item.Content, &p); err != nil {
			return nil, fmt.Errorf("read pusher: %w", err)
		}
		pushers = append(pushers, p)
	}
	return pushers, nil
}

// SetPusher adds a pusher of the caller's device, or replaces the one with the
// same app ID and pushkey. Unless appended is set, other users' pushers with the
// same two end: the device has changed hands.
func (d *Data) SetPusher(ctx context.Context, caller tenant.Caller, p Pusher, appended bool) error {
	if err := p.check(); err != nil {
		return err
	}
	p.Device = caller.Device
	content, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("encode pusher: %w", err)
	}
	item := stream.Item{Kind: stream.Pusher, User: caller.User, Key: pusherKey(p.AppID, p.Pushkey), Content: content}
	return d.store.PutPusher(ctx, caller, item, !appended, d.limits.Pushers)
}

// DeletePusher removes a pusher of the caller's, if it is there.
func (d *Data) DeletePusher(ctx context.Context, caller tenant.Caller, appID, pushkey string) error {
	if err := checkPusherKey(appID, pushkey); err != nil {
		return err
	}
	at := stream.Item{Kind: stream.Pusher, User: caller.User, Key: pusherKey(appID, pushkey)}
	return d.store.ChangeData(ctx, caller, at, func([]byte) ([]byte, error) { return nil, nil })
}

func pusherKey(appID, pushkey string) string { return appID + "|" + pushkey }

func checkPusherKey(appID, pushkey string) error {
	switch {
	case appID == "" || pushkey == "":
		return refusal.Missing("A pusher needs an app_id and a pushkey.")
	case len(appID) > maxAppID || strings.Contains(appID, "|"):
		return refusal.Invalid("An app_id may have at most 64 bytes, and no vertical bar.")
	case len(pushkey) > maxPushkey:
		return refusal.Invalid("A pushkey may have at most 512 bytes.")
	}
	return nil
}

// check refuses pushers that the server could not or must not serve.
func (p *Pusher) check() error {
	if err := checkPusherKey(p.AppID, p.Pushkey); err != nil {
		return err
	}
	switch p.Kind {
	case "http":
	case "email":
		return refusal.Invalid("This server sends no notifications by e-mail.")
	default:
		return refusal.Invalid("There is no kind of pusher called %q: the server knows \"http\".", p.Kind)
	}
	texts := []string{p.AppDisplayName, p.DeviceDisplayName, p.Lang}
	if slices.Contains(texts, "") || len(p.Data) == 0 {
		return refusal.Missing("A pusher needs app_display_name, device_display_name, lang and data.")
	}
	if slices.ContainsFunc(append(texts, p.ProfileTag), func(s string) bool { return len(s) > maxPusherText }) {
		return refusal.Invalid("The names of a pusher may have at most 1,024 bytes each.")
	}
	if len(p.Data) > maxPusherData {
		return refusal.TooLarge("The data of a pusher may have at most %d bytes.", maxPusherData)
	}
	return checkGateway(p.Data)
}

func checkGateway(data json.RawMessage) error {
	var read struct {
		URL string `json:"url"`
	}
	if json.Unmarshal(data, &read) != nil {
		return refusal.BadJSON("The data of a pusher must be an object with the url of a push gateway.")
	}
	if read.URL == "" {
		return refusal.Missing("The data of a pusher needs the url of a push gateway.")
	}
	gateway, err := url.Parse(read.URL)
	if err != nil || gateway.Scheme != "https" || gateway.Host == "" || gateway.Path != gatewayPath || gateway.User != nil {
		return refusal.Invalid("The url of a push gateway must begin with https:// and end with %s.", gatewayPath)
	}
	return nil
}
