package rooms

import (
	"context"

	"github.com/tidwall/gjson"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
)

// NotificationsType is the room account data that has what a member is told of the
// room: {"level", "muted", "muted_until", "mentions_break_mute"}. Package push owns it.
const NotificationsType = "br.com.conversalabs.notifications"

// Mute is a user's mute of a room that ends by itself.
type Mute struct {
	Account tenant.ID
	User    id.UserID
	Room    id.RoomID
	Ends    int64 // ms
}

// MuteStore is the part of [Store] that knows when mutes end.
type MuteStore interface {
	// NextMutes gives those mutes of all accounts that end first, in order.
	NextMutes(ctx context.Context, limit int) ([]Mute, error)
}

// MuteTx is the part of [Tx] that keeps when mutes end.
type MuteTx interface {
	// MuteEnds gives when (ms) a user's mute of a room ends at this head, 0 when it does
	// not. Only in a lone act.
	MuteEnds(user id.UserID, room id.RoomID) (int64, error)
	// EndMute keeps when (ms) a user's mute of a room ends, in place of what was kept;
	// 0 forgets it.
	EndMute(user id.UserID, room id.RoomID, at int64)
}

// carryMute has a mute that was carried over end in the new room too.
func carryMute(tx Tx, user id.UserID, room id.RoomID, content []byte) {
	if ends := gjson.GetBytes(content, "muted_until").Int(); ends > 0 && gjson.GetBytes(content, "muted").Bool() {
		tx.EndMute(user, room, ends)
	}
}
