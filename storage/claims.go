package storage

import (
	"fmt"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/storage/sqldb"
)

const (
	oldestKeySQL = `
		SELECT algorithm, key_id, json FROM one_time_keys
		WHERE account = $1 AND user_id = $2 AND device = $3 AND algorithm = $4
		ORDER BY position, ordinal LIMIT 1`

	fallbackKeySQL = `
		SELECT key_id, json, used FROM fallback_keys
		WHERE account = $1 AND user_id = $2 AND device = $3 AND algorithm = $4`

	dropOneTimeKeySQL = `
		DELETE FROM one_time_keys
		WHERE account = $1 AND user_id = $2 AND device = $3 AND algorithm = $4 AND key_id = $5`

	useFallbackKeySQL = `
		UPDATE fallback_keys SET used = TRUE
		WHERE account = $1 AND user_id = $2 AND device = $3 AND algorithm = $4`
)

// Claim implements accounts.KeyTx. That no key is given twice rests on the act
// being lone: what it has read is the state that its claim of the head confirms.
func (t *tx) Claim(wanted []accounts.KeyClaim) ([]accounts.ClaimedKey, error) {
	q, err := t.querier()
	if err != nil {
		return nil, err
	}
	claimed, rest, err := t.claimOneTime(q, wanted)
	if err != nil {
		return nil, fmt.Errorf("claim one-time keys: %w", err)
	}
	fallback, err := t.claimFallback(q, rest)
	if err != nil {
		return nil, fmt.Errorf("claim fallback keys: %w", err)
	}
	return append(claimed, fallback...), nil
}

// claimOneTime takes one-time keys, and tells what there was none for.
func (t *tx) claimOneTime(q sqldb.Querier, wanted []accounts.KeyClaim) (claimed []accounts.ClaimedKey, rest []accounts.KeyClaim, err error) {
	found := make([]bool, len(wanted))
	err = q.QueryMany(t.ctx, oldestKeySQL, t.claimArgs(wanted), func(i int, r sqldb.Row) error {
		key, err := scanOneTimeKey(r)
		found[i] = true
		claimed = append(claimed, accounts.ClaimedKey{KeyClaim: wanted[i], OneTimeKey: key, Changed: true})
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	for i, claim := range wanted {
		if !found[i] {
			rest = append(rest, claim)
		}
	}
	for _, c := range claimed {
		_, name := c.ID.Parse()
		t.exec(dropOneTimeKeySQL, t.group.account.id, c.User, c.Device, c.Algorithm, name)
	}
	return claimed, rest, nil
}

func (t *tx) claimFallback(q sqldb.Querier, wanted []accounts.KeyClaim) ([]accounts.ClaimedKey, error) {
	var claimed []accounts.ClaimedKey
	err := q.QueryMany(t.ctx, fallbackKeySQL, t.claimArgs(wanted), func(i int, r sqldb.Row) error {
		c := accounts.ClaimedKey{KeyClaim: wanted[i]}
		var name string
		var used bool
		err := r.Scan(&name, &c.JSON, &used)
		c.ID, c.Changed = id.NewKeyID(c.Algorithm, name), !used
		claimed = append(claimed, c)
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, c := range claimed {
		if c.Changed {
			t.exec(useFallbackKeySQL, t.group.account.id, c.User, c.Device, c.Algorithm)
		}
	}
	return claimed, nil
}

func (t *tx) claimArgs(wanted []accounts.KeyClaim) [][]any {
	args := make([][]any, len(wanted))
	for i, w := range wanted {
		args[i] = []any{t.group.account.id, w.User, w.Device, w.Algorithm}
	}
	return args
}
