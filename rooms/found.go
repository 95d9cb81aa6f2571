package rooms

import (
	"encoding/base64"
	"fmt"
	"io"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/rooms/event"
)

// birth is what a room to be made gets before its act, equal in every run of it:
// in version 12 the time is part of what the ID is made of.
type birth struct {
	room id.RoomID // with 144 random bits
	at   int64     // ms
}

func (s *Service) birth(server string) (birth, error) {
	var b [18]byte
	if _, err := io.ReadFull(s.random, b[:]); err != nil {
		return birth{}, fmt.Errorf("make room ID: %w", err)
	}
	return birth{id.RoomID("!" + base64.RawURLEncoding.EncodeToString(b[:]) + ":" + server), s.timestamp()}, nil
}

// found makes a room of a user's with its m.room.create. In version 12 the ID is
// that event's, whatever born says.
func (s *Service) found(tx Tx, version id.RoomVersion, born birth, creator id.UserID, content object) (*writing, error) {
	content.with("room_version", version)
	delete(content, "creator")
	if event.NamesCreator(version) {
		content.with("creator", creator)
	}
	if event.CreatorsAbove(version) {
		born.room = ""
	}
	empty := ""
	draft := event.Draft{
		Room: born.room, Sender: creator, Type: "m.room.create", StateKey: &empty, Content: content.bytes(), Timestamp: born.at,
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
