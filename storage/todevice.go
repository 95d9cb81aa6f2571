package storage

import (
	"context"
	"fmt"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/storage/sqldb"
	"github.com/conversalabs/internalchat/storage/stream"
)

const toDeviceSQL = `
	SELECT position, json FROM to_device
	WHERE account = $1 AND user_id = $2 AND device = $3 AND position > $4 AND position <= $5
	ORDER BY position LIMIT $6`

// ToDevice gives at most limit of a device's messages with after < position ≤
// upTo, oldest first. Content is the whole event as the client reads it.
func (s *Store) ToDevice(
	ctx context.Context, account tenant.ID, user id.UserID, device id.DeviceID, after, upTo stream.Position, limit int,
) ([]stream.Item, error) {
	messages, err := sqldb.All(ctx, s.db, func(r sqldb.Row) (stream.Item, error) {
		item := stream.Item{Kind: stream.ToDevice, User: user, Key: string(device)}
		err := r.Scan(&item.Position, &item.Content)
		return item, err
	}, toDeviceSQL, account, user, device, after, upTo, limit)
	if err != nil {
		return nil, fmt.Errorf("read to-device messages: %w", err)
	}
	return messages, nil
}

const deleteToDeviceSQL = `DELETE FROM to_device WHERE account = $1 AND user_id = $2 AND device = $3 AND position <= $4`

// DeleteToDevice deletes a device's messages up to a position: the device has
// said that it has them. It claims no position, since nobody else reads them.
func (s *Store) DeleteToDevice(ctx context.Context, account tenant.ID, user id.UserID, device id.DeviceID, upTo stream.Position) error {
	b := &sqldb.Batch{}
	b.Add(deleteToDeviceSQL, account, user, device, upTo)
	if err := s.db.Commit(ctx, b); err != nil {
		return fmt.Errorf("delete to-device messages: %w", err)
	}
	return nil
}
