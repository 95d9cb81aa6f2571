package storage

import (
	"bytes"
	"context"
	"fmt"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/stream"
)

const dataTypesSQL = `
	SELECT COUNT(*) FROM items
	WHERE account = $1 AND kind = $2 AND user_id = $3 AND room = $4 AND length(content) > 0`

// DataTypes implements accounts.DataStore.
func (s *Store) DataTypes(ctx context.Context, account tenant.ID, user id.UserID, room id.RoomID) (int, error) {
	count, _, err := sqldb.One(ctx, s.db, sqldb.Value[int], dataTypesSQL, account, int64(stream.AccountData), user, room)
	if err != nil {
		return 0, fmt.Errorf("count account data: %w", err)
	}
	return count, nil
}

// PutData implements accounts.DataStore.
func (s *Store) PutData(ctx context.Context, caller tenant.Caller, item stream.Item) error {
	a, err := s.account(ctx, caller.Account)
	if err != nil {
		return refuseUnknownAccount(err)
	}
	direct := isDirects(item)
	return a.submit(&act{caller: caller, asks: evenSuspended, lone: direct, do: func(t *tx) (id.EventID, error) {
		if err := t.checkKnowsRoom(caller.User, item.Room); err != nil {
			return "", err
		}
		put := item
		if direct {
			var err error
			if put.Content, err = t.withDirects(caller.User, item.Content); err != nil {
				return "", err
			}
		}
		t.Put(put)
		return "", nil
	}})
}

// ChangeData implements accounts.DataStore.
func (s *Store) ChangeData(ctx context.Context, caller tenant.Caller, at stream.Item, change func([]byte) ([]byte, error)) error {
	return s.lone(ctx, caller, func(t *tx) error {
		if err := t.checkKnowsRoom(caller.User, at.Room); err != nil {
			return err
		}
		before, err := t.Item(at.Kind, at.User, at.Room, at.Key)
		if err != nil {
			return err
		}
		after, err := change(before)
		if err == nil && isDirects(at) {
			after, err = t.withDirects(at.User, after)
		}
		if err != nil || bytes.Equal(before, after) {
			return err
		}
		changed := at
		changed.Content = after
		t.Put(changed)
		return nil
	})
}

// errNotHere is what rooms say too: whether there is such a room, nobody learns
// here.
var errNotHere = refusal.Forbidden("You are not in this room.")

// checkKnowsRoom refuses a room that the user never had to do with: what is kept
// for made-up rooms would have no bounds.
func (t *tx) checkKnowsRoom(user id.UserID, room id.RoomID) error {
	if room == "" {
		return nil
	}
	memberships, err := t.Memberships(user)
	if err != nil {
		return err
	}
	if len(memberships[room]) == 0 {
		return errNotHere
	}
	return nil
}

// PutPusher implements accounts.DataStore.
func (s *Store) PutPusher(ctx context.Context, caller tenant.Caller, pusher stream.Item, alone bool, most int) error {
	return s.lone(ctx, caller, func(t *tx) error {
		own, err := t.pushers(stream.ItemQuery{User: pusher.User})
		if err != nil {
			return err
		}
		others := 0
		for _, item := range own {
			if item.Key != pusher.Key {
				others++
			}
		}
		if others >= most {
			return accounts.ErrTooManyPushers
		}
		t.Put(pusher)
		if !alone {
			return nil
		}
		same, err := t.pushers(stream.ItemQuery{Key: pusher.Key})
		if err != nil {
			return err
		}
		for _, item := range same {
			if item.User != pusher.User {
				t.Put(stream.Item{Kind: stream.Pusher, User: item.User, Key: item.Key})
			}
		}
		return nil
	})
}

// pushers gives the pushers that a query names, without those that are removed.
// Only in a lone act.
func (t *tx) pushers(query stream.ItemQuery) ([]stream.Item, error) {
	query.Kinds = []stream.Kind{stream.Pusher}
	items, err := t.group.account.store.Items(t.ctx, t.group.account.id, query)
	if err != nil {
		return nil, fmt.Errorf("read pushers: %w", err)
	}
	kept := items[:0]
	for _, item := range items {
		if len(item.Content) > 0 {
			kept = append(kept, item)
		}
	}
	return kept, nil
}
