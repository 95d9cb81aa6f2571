package accounts

import (
	"context"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/storage/stream"
)

// maxClaims is how many keys one request may claim.
const maxClaims = 10_000

// Claim takes one key of each device that is named, a one-time key if there is
// one left, else the fallback key. No one-time key is ever given twice. Devices
// without either are missing in the result.
func (k *Keys) Claim(ctx context.Context, caller tenant.Caller, wanted map[id.UserID]map[id.DeviceID]id.KeyAlgorithm) ([]ClaimedKey, error) {
	var claims []KeyClaim
	for user, devices := range wanted {
		for device, algorithm := range devices {
			claims = append(claims, KeyClaim{User: user, Device: device, Algorithm: algorithm})
		}
	}
	if len(claims) > maxClaims {
		return nil, refusal.TooLarge("At most %d keys can be claimed at once.", maxClaims)
	}
	if len(claims) == 0 {
		return nil, nil
	}
	var claimed []ClaimedKey
	err := k.store.ActOnKeys(ctx, KeyAct{Caller: caller, Do: func(tx KeyTx) (err error) {
		if claimed, err = tx.Claim(claims); err != nil {
			return err
		}
		for _, c := range claimed {
			if c.Changed {
				tx.Put(stream.Item{Kind: stream.OneTimeKeys, User: c.User, Key: string(c.Device), Content: present})
			}
		}
		return nil
	}})
	if err != nil {
		return nil, err
	}
	return claimed, nil
}
