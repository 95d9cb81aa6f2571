package appservice

import (
	"context"
	"slices"

	"github.com/tidwall/gjson"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/rooms/event"
	"github.com/conversalabs/internalchat/storage/stream"
)

// maxKnownRooms bounds the memory of an interest.
const maxKnownRooms = 10_000

// interest tells what concerns a service, at one position after the other.
type interest struct {
	Target
	stream Stream
	// at is the position that members is valid at.
	at stream.Position
	// members are the service's own users who are joined to rooms.
	members map[id.RoomID]map[id.UserID]bool
}

// moveTo makes the interest valid at a position, behind which it goes on.
func (i *interest) moveTo(at stream.Position) {
	if i.at != at || len(i.members) > maxKnownRooms {
		i.members = map[id.RoomID]map[id.UserID]bool{}
	}
	i.at = at
}

// event tells whether an event concerns the service (section "Registration"): it is by
// or about one of its users, or in a room that concerns it. Events come in order.
func (i *interest) event(ctx context.Context, e *event.Event) (bool, error) {
	i.at = e.Position
	direct := i.Service.Owns(e.Sender)
	if e.Type == "m.room.member" && e.StateKey != nil {
		user := id.UserID(*e.StateKey)
		if i.Service.Owns(user) {
			direct = true
			if known := i.members[e.Room]; known != nil {
				delete(known, user)
				if gjson.GetBytes(e.Content, "membership").Str == "join" {
					known[user] = true
				}
			}
		}
	}
	if direct {
		return true, nil
	}
	return i.room(ctx, e.Room)
}

// room tells whether all of a room concerns the service: by its ID, its members, or
// its addresses, of which only those of now are known.
func (i *interest) room(ctx context.Context, room id.RoomID) (bool, error) {
	if i.Service.Rooms.Match(string(room)) {
		return true, nil
	}
	known := i.members[room]
	if known == nil {
		joined, err := i.stream.JoinedAt(ctx, i.Account, room, i.at)
		if err != nil {
			return false, err
		}
		known = map[id.UserID]bool{}
		for _, user := range joined {
			if i.Service.Owns(user) {
				known[user] = true
			}
		}
		i.members[room] = known
	}
	if len(known) > 0 {
		return true, nil
	}
	if len(i.Service.Aliases) == 0 {
		return false, nil
	}
	aliases, err := i.stream.Aliases(ctx, i.Account, room)
	return slices.ContainsFunc(aliases, func(alias id.RoomAlias) bool { return i.Service.Aliases.Match(string(alias)) }), err
}

// user tells whether a user concerns the service: one of its own, or somebody in a
// room that concerns it.
func (i *interest) user(ctx context.Context, user id.UserID) (bool, error) {
	if i.Service.Owns(user) {
		return true, nil
	}
	joined, err := i.stream.RoomsAt(ctx, i.Account, user, i.at)
	if err != nil {
		return false, err
	}
	for _, room := range joined {
		if concerns, err := i.room(ctx, room); err != nil || concerns {
			return concerns, err
		}
	}
	return false, nil
}
