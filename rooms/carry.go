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
	noteType      = "br.com.conversalabs.note"
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

// settle gives who has just joined a room for the first time what belongs to that:
// what they had set up in the room before it or, where there was none, the push rules
// that its members begin with. At most once for a user in one act, which is lone.
func (s *Service) settle(w *writing, user id.UserID) error {
	old, err := leftFor(w, user)
	switch {
	case err != nil:
		return err
	case old != "":
		return s.carry(w.tx, user, old, w.room.ID)
	}
	return s.beginRules(w, user)
}

// beginRules gives a member of an announcement the push rules that one begins with
// there. Only in a lone act that changes no other push rules of theirs.
func (s *Service) beginRules(w *writing, user id.UserID) error {
	if s.begin == nil || w.room.Kind() != Announcement {
		return nil
	}
	return changeRules(w.tx, user, func(stored []byte) ([]byte, error) { return s.begin(user, stored, w.room.ID) })
}

// leftFor gives the room that this one replaces, if the user was in it, else "".
func leftFor(w *writing, user id.UserID) (id.RoomID, error) {
	old, err := predecessor(w.tx, w.room)
	if old == "" || err != nil {
		return "", err
	}
	memberships, err := w.tx.Memberships(user)
	if err != nil || !memberships[old].Ever() {
		return "", err
	}
	return old, nil
}

// carryOver gives who has joined the successor of a room that they were in what they
// had set up there. Only in a lone act.
func (s *Service) carryOver(w *writing, user id.UserID) error {
	old, err := leftFor(w, user)
	if old == "" || err != nil {
		return err
	}
	return s.carry(w.tx, user, old, w.room.ID)
}

// carry takes what a user has set up in a room along to another: push rules, tags and
// other account data, and its place among their direct chats (section "Room upgrades").
func (s *Service) carry(tx Tx, user id.UserID, from, to id.RoomID) error {
	if err := carryData(tx, user, from, to); err != nil {
		return err
	}
	if err := carryDirect(tx, user, from, to); err != nil {
		return err
	}
	if s.rules == nil {
		return nil
	}
	return changeRules(tx, user, func(stored []byte) ([]byte, error) {
		if len(stored) == 0 {
			return nil, nil
		}
		return s.rules(user, stored, from, to)
	})
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
			if item.Key == NotificationsType {
				carryMute(tx, user, to, item.Content)
			}
			if item.Key == noteType {
				tx.MoveReminder(user, from, to)
			}
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

// changeRules puts what change makes of a user's stored push rules, if anything.
func changeRules(tx Tx, user id.UserID, change func(stored []byte) ([]byte, error)) error {
	stored, err := tx.Item(stream.AccountData, user, "", pushRulesType)
	if err != nil {
		return err
	}
	after, err := change(stored)
	if err != nil || after == nil {
		return err
	}
	tx.Put(stream.Item{Kind: stream.AccountData, User: user, Key: pushRulesType, Content: after})
	return nil
}
