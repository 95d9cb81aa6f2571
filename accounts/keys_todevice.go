package accounts

import (
	"context"
	"encoding/json"
	"fmt"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/storage/stream"
)

// Limits of one request's messages to devices.
const (
	maxMessage       = 64 << 10 // bytes of one message, as the receiver gets it
	maxMessages      = 10_000   // after "*" has become devices
	maxMessagesBytes = 16 << 20 // of all of them together
)

// everyDevice stands for all devices of a user.
const everyDevice id.DeviceID = "*"

// Messages are the contents of messages by user and device, where "*" is every
// device of the user.
type Messages map[id.UserID]map[id.DeviceID]json.RawMessage

// ToDevice is what is sent by one request.
type ToDevice struct {
	// Path and Transaction make a retry send nothing.
	Path, Transaction string
	Type              string
	Messages          Messages
}

// SendToDevice sends messages to devices of the account; to those that do not
// exist, nothing is sent.
func (k *Keys) SendToDevice(ctx context.Context, caller tenant.Caller, send ToDevice) error {
	if send.Type == "" || len(send.Type) > 255 {
		return refusal.Invalid("The type of a message must have 1 to 255 bytes.")
	}
	texts := map[id.UserID]map[id.DeviceID][]byte{}
	users := make([]id.UserID, 0, len(send.Messages))
	for user, contents := range send.Messages {
		users = append(users, user)
		texts[user] = make(map[id.DeviceID][]byte, len(contents))
		for device, content := range contents {
			text, err := messageText(caller.User, send.Type, content)
			if err != nil {
				return err
			}
			texts[user][device] = text
		}
	}
	return k.store.ActOnKeys(ctx, KeyAct{
		Caller: caller, Path: send.Path, Transaction: send.Transaction,
		Do: func(tx KeyTx) error {
			devices, err := tx.Devices(users)
			if err != nil {
				return err
			}
			return putMessages(tx, devices, texts)
		},
	})
}

// messageText makes what the receiver's /sync shows.
func messageText(sender id.UserID, eventType string, content json.RawMessage) ([]byte, error) {
	if len(content) == 0 || content[0] != '{' {
		return nil, refusal.BadJSON("The content of a message must be a JSON object.")
	}
	text, err := json.Marshal(struct {
		Content json.RawMessage `json:"content"`
		Sender  id.UserID       `json:"sender"`
		Type    string          `json:"type"`
	}{content, sender, eventType})
	if err != nil {
		return nil, fmt.Errorf("write message: %w", err)
	}
	if len(text) > maxMessage {
		return nil, refusal.TooLarge("A message to a device may have at most %d bytes.", maxMessage)
	}
	return text, nil
}

func putMessages(tx KeyTx, devices map[id.UserID][]id.DeviceID, texts map[id.UserID]map[id.DeviceID][]byte) error {
	count, size := 0, 0
	for user, existing := range devices {
		for _, device := range existing {
			for _, to := range []id.DeviceID{device, everyDevice} {
				text, wanted := texts[user][to]
				if !wanted || to == everyDevice && texts[user][device] != nil {
					continue // a device that is named gets what it is named for
				}
				count++
				size += len(text)
				tx.Put(stream.Item{Kind: stream.ToDevice, User: user, Key: string(device), Content: text})
			}
		}
	}
	if count > maxMessages || size > maxMessagesBytes {
		return refusal.TooLarge("These are too many messages for one request: at most %d, and %d bytes together.", maxMessages, maxMessagesBytes)
	}
	return nil
}
