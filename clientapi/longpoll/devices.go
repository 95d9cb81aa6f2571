package longpoll

import (
	"context"
	"fmt"
	"slices"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/storage/stream"
)

const (
	maxMessages     = 100     // to-device messages in one answer
	maxMessageBytes = 1 << 20 // of them together, unless one alone is larger
)

// deviceKey names a device.
type deviceKey struct {
	account tenant.ID
	user    id.UserID
	device  id.DeviceID
}

// readToDevice deletes the messages that the device has said it has, and reads
// the next ones. A token whose ToDevice is its Position has given all there were;
// a lower one was a part.
func (r *reading) readToDevice(ctx context.Context, c *changes) error {
	var after stream.Position
	if !c.initial {
		after = r.from.ToDevice
		if err := r.acknowledge(ctx, after); err != nil {
			return err
		}
	}
	c.to.ToDevice = c.to.Position
	if c.tail && !c.toDevice && after >= c.since {
		return nil
	}
	var err error
	c.messages, c.to.ToDevice, err = r.messages(ctx, after, c.to.Position, maxMessages)
	return err
}

// messages gives the device's next messages above after, and up to where these
// are all there are.
func (r *reading) messages(ctx context.Context, after, upTo stream.Position, most int) ([]stream.Item, stream.Position, error) {
	messages, err := r.Store.ToDevice(ctx, r.caller.Account, r.caller.User, r.caller.Device, after, upTo, most)
	if err != nil || len(messages) == 0 {
		return nil, upTo, err
	}
	size := 0
	for i, m := range messages {
		if size += len(m.Content); size > maxMessageBytes && i > 0 {
			messages = messages[:i]
			break
		}
	}
	last := messages[len(messages)-1].Position
	r.mu.Lock()
	r.devices[r.deviceKey()] = last
	r.mu.Unlock()
	if len(messages) == most || size > maxMessageBytes {
		upTo = last
	}
	return messages, upTo, nil
}

func (r *reading) deviceKey() deviceKey {
	return deviceKey{r.caller.Account, r.caller.User, r.caller.Device}
}

// acknowledge deletes what was given up to a position. A poll must not cost a
// write, so the Service remembers what it has given to whom; of a device that it
// does not know yet there may be something to delete.
func (r *reading) acknowledge(ctx context.Context, upTo stream.Position) error {
	key := r.deviceKey()
	r.mu.Lock()
	given, known := r.devices[key]
	r.mu.Unlock()
	if upTo == 0 || known && (given == 0 || upTo < given) {
		return nil
	}
	if err := r.Store.DeleteToDevice(ctx, key.account, key.user, key.device, upTo); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.devices[key] == given {
		r.devices[key] = 0
	}
	return nil
}

// readDeviceLists finds whose devices the reader must look at again, and whose
// are no more of the reader's business.
func (r *reading) readDeviceLists(ctx context.Context, c *changes) error {
	if c.initial || r.caller.Rooms != "" { // the devices of everybody are in no room
		return nil
	}
	for _, room := range c.rooms {
		room.newcomers(c)
	}
	if len(c.deviceUsers) == 0 && len(c.gone) == 0 {
		return nil
	}
	shared, err := r.sharing(ctx, c.deviceUsers, c.gone)
	if err != nil {
		return fmt.Errorf("read who shares a room: %w", err)
	}
	for user := range c.deviceUsers {
		if user == r.caller.User || shared[user] {
			c.changed = append(c.changed, user)
		}
	}
	for user := range c.gone {
		if user != r.caller.User && !shared[user] {
			c.left = append(c.left, user)
		}
	}
	slices.Sort(c.changed)
	slices.Sort(c.left)
	return nil
}

// newcomers collects who may now share a room with the reader, or no longer.
func (r *room) newcomers(c *changes) {
	if r.section == leftRoom {
		for _, user := range r.members {
			c.gone[user] = true
		}
		return
	}
	for _, user := range r.members {
		c.deviceUsers[user] = true
	}
	for _, e := range r.known {
		if e.Type != "m.room.member" || e.StateKey == nil || e.Position <= c.since || r.isOwn(e) {
			continue
		}
		user := id.UserID(*e.StateKey)
		before := ""
		if old := r.replaced[e]; old != nil {
			before = rooms.MembershipOf(old)
		}
		switch now := rooms.MembershipOf(e); {
		case now == "join" && before != "join":
			c.deviceUsers[user] = true
		case now != "join" && before == "join":
			c.gone[user] = true
		}
	}
}

// sharing tells which of the users share a room with the reader.
func (r *reading) sharing(ctx context.Context, sets ...map[id.UserID]bool) (map[id.UserID]bool, error) {
	var shared map[id.UserID]bool
	err := r.roomStore.Glance(ctx, r.caller.Account, func(v rooms.View) error {
		shared = map[id.UserID]bool{}
		memberships, err := v.Memberships(r.caller.User)
		if err != nil {
			return err
		}
		var joined []id.RoomID
		for roomID, spans := range memberships {
			if spans.Current() == "join" {
				joined = append(joined, roomID)
			}
		}
		loaded, err := v.Rooms(joined)
		if err != nil {
			return err
		}
		for _, set := range sets {
			for user := range set {
				shared[user] = slices.ContainsFunc(loaded, func(room *rooms.Room) bool { return room.Joined(user) })
			}
		}
		return nil
	})
	return shared, err
}
