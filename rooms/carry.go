package rooms

import (
	"encoding/json"

	"github.com/tidwall/gjson"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/storage/stream"
)

// The account data that following a room to its successor has to do with.
const (
	pushRulesType = "m.push_rules"
	directType    = "m.direct"
	fullyReadType = "m.fully_read"
)

// predecessor gives the room that a room replaces, "" when it replaces none.
// Both must say so: anybody may name any room as the one before their own.
func predecessor(tx Tx, room *Room) (id.RoomID, error) {
	create := room.Event("m.room.create", "")
	if create == nil {
		return "", nil
	}
	named := id.RoomID(gjson.GetBytes(create.Content, "predecessor.room_id").String())
	if named == "" || named == room.ID {
		return "", nil
	}
	old, err := tx.Room(named)
	if old == nil || err != nil {
		return "", err
	}
	tombstone := old.Event("m.room.tombstone", "")
	if tombstone == nil || gjson.GetBytes(tombstone.Content, "replacement_room").String() != string(room.ID) {
		return "", nil
	}
	return named, nil
}

// firstJoin tells whether the user has never been in the room.
func firstJoin(w *writing, user id.UserID) (bool, error) {
	memberships, err := w.tx.Memberships(user)
	return !memberships[w.room.ID].Ever(), err
}

// carryOver gives who has just joined the successor of a room that they were in
// what they had set up there: push rules, tags and other account data, and its
// place among their direct chats (section "Room upgrades"). Only in a lone act.
func (s *Service) carryOver(w *writing, user id.UserID) error {
	old, err := predecessor(w.tx, w.room)
	if old == "" || err != nil {
		return err
	}
	memberships, err := w.tx.Memberships(user)
	if err != nil || !memberships[old].Ever() {
		return err
	}
	if err := carryData(w.tx, user, old, w.room.ID); err != nil {
		return err
	}
	if err := carryDirect(w.tx, user, old, w.room.ID); err != nil {
		return err
	}
	return s.carryRules(w.tx, user, old, w.room.ID)
}

// carryData takes room account data along, but how far was read: that is an
// event of the old room. What is there already stays.
func carryData(tx Tx, user id.UserID, from, to id.RoomID) error {
	data, err := tx.Items(stream.ItemQuery{Kinds: []stream.Kind{stream.AccountData}, User: user, Rooms: []id.RoomID{from, to}})
	if err != nil {
		return err
	}
	have := map[string]bool{fullyReadType: true}
	for _, item := range data {
		if item.Room == to {
			have[item.Key] = true
		}
	}
	for _, item := range data {
		if item.Room == from && len(item.Content) > 0 && !have[item.Key] {
			tx.Put(stream.Item{Kind: stream.AccountData, User: user, Room: to, Key: item.Key, Content: item.Content})
		}
	}
	return nil
}

// carryDirect adds the new room wherever m.direct lists the old one.
func carryDirect(tx Tx, user id.UserID, from, to id.RoomID) error {
	content, err := tx.Item(stream.AccountData, user, "", directType)
	if err != nil {
		return err
	}
	var direct map[string][]id.RoomID
	if len(content) == 0 || json.Unmarshal(content, &direct) != nil { // the user's own, of any shape
		return nil
	}
	changed := false
	for peer, listed := range direct {
		was, is := false, false
		for _, room := range listed {
			was, is = was || room == from, is || room == to
		}
		if was && !is {
			direct[peer] = append(listed, to)
			changed = true
		}
	}
	if !changed {
		return nil
	}
	after, err := json.Marshal(direct)
	if err != nil {
		return err
	}
	tx.Put(stream.Item{Kind: stream.AccountData, User: user, Key: directType, Content: after})
	return nil
}

func (s *Service) carryRules(tx Tx, user id.UserID, from, to id.RoomID) error {
	if s.rules == nil {
		return nil
	}
	stored, err := tx.Item(stream.AccountData, user, "", pushRulesType)
	if err != nil || len(stored) == 0 {
		return err
	}
	after, err := s.rules(user, stored, from, to)
	if err != nil || after == nil {
		return err
	}
	tx.Put(stream.Item{Kind: stream.AccountData, User: user, Key: pushRulesType, Content: after})
	return nil
}
