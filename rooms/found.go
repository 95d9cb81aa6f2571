package rooms

import (
	"encoding/base64"
	"fmt"
	"io"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/rooms/event"
)

// newRoomID makes an ID with 144 random bits.
func (s *Service) newRoomID(server string) (id.RoomID, error) {
	var b [18]byte
	if _, err := io.ReadFull(s.random, b[:]); err != nil {
		return "", fmt.Errorf("make room ID: %w", err)
	}
	return id.RoomID("!" + base64.RawURLEncoding.EncodeToString(b[:]) + ":" + server), nil
}

// found makes a room of a user's with its m.room.create. In version 12 the ID is
// that event's, whatever roomID says.
func (s *Service) found(tx Tx, version id.RoomVersion, roomID id.RoomID, creator id.UserID, content object) (*writing, error) {
	content.with("room_version", version)
	delete(content, "creator")
	if event.NamesCreator(version) {
		content.with("creator", creator)
	}
	if event.CreatorsAbove(version) {
		roomID = ""
	}
	empty := ""
	draft := event.Draft{
		Room: roomID, Sender: creator, Type: "m.room.create", StateKey: &empty, Content: content.bytes(), Timestamp: s.timestamp(),
	}
	e, err := firstEvent(tx, version, draft)
	if err != nil {
		return nil, err
	}
	room, err := tx.Create(e.Room, version)
	if err != nil {
		return nil, err
	}
	if err := event.Authorise(version, e, nil, room); err != nil {
		return nil, err
	}
	w := s.writing(tx, room)
	w.now = e.Timestamp
	return w, tx.Append(e)
}

// firstEvent builds a room's m.room.create.
func firstEvent(tx Tx, version id.RoomVersion, draft event.Draft) (*event.Event, error) {
	for {
		e, err := event.Build(version, draft, nil)
		if err != nil || !event.CreatorsAbove(version) {
			return e, err
		}
		taken, err := tx.Room(e.Room)
		if taken == nil || err != nil {
			return e, err
		}
		// Equal rooms that somebody makes in the same millisecond would be one.
		draft.Timestamp++
	}
}
