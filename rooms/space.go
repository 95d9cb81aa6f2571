package rooms

import (
	"encoding/json"

	"github.com/tidwall/gjson"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/storage/stream"
)

// An account may have a space of its own, by which clients show it as one company:
// everybody is in it, and its public channels and announcements are. Nobody made it and
// nobody owns it: the server keeps it as it is to be (see [Service.Entail]).

var errAccountSpace = refusal.Forbidden("Everybody of the team is in this space, and nobody can leave it.").Because("mandatory")

// accountSpace tells whether the room is the account's space: the server made it.
func (r *Room) accountSpace() bool {
	create := r.Event("m.room.create", "")
	return create != nil && create.Sender.Localpart() == tenant.ServiceName
}

// ruleSpace is rule for the account's space; all other rooms of no kind have none.
func (w *writing) ruleSpace(p part) error {
	if p.kind != "m.room.member" || !w.room.accountSpace() || gjson.GetBytes(p.content, "membership").Str == "join" {
		return nil
	}
	active, err := w.tx.UserActive(id.UserID(*p.stateKey))
	if err != nil || !active {
		return err
	}
	return errAccountSpace
}

// space opens the account's space for a lone act; nil where there is none.
func (s *Service) space(tx Tx) (*writing, error) {
	room, err := spaceID(tx.Item(stream.AccountSpace, "", "", ""))
	if err != nil || room == "" {
		return nil, err
	}
	return s.open(tx, room)
}

// spaceID reads the item that names the account's space.
func spaceID(content []byte, err error) (room id.RoomID, _ error) {
	if len(content) == 0 || err != nil {
		return "", err
	}
	return room, json.Unmarshal(content, &room)
}

// makeSpace makes the account's space.
func (s *Service) makeSpace(tx Tx, policy Policy, born birth) (*writing, error) {
	creator := tenant.ServiceUser(policy.Server)
	w, err := s.found(tx, policy.Default, born, creator, object{}.with("type", "m.space").with("m.federate", false))
	if err != nil {
		return nil, err
	}
	levels := Levels{
		Users: map[id.UserID]int64{}, Events: map[string]int64{}, Notifications: map[string]int64{"room": nobodyLevel},
		EventsDefault: nobodyLevel, StateDefault: nobodyLevel, Invite: nobodyLevel, Kick: nobodyLevel, Ban: nobodyLevel, Redact: nobodyLevel,
	}
	for _, p := range []struct {
		kind    string
		content any
	}{
		{"m.room.power_levels", levels},
		{"m.room.join_rules", map[string]string{"join_rule": "public"}},
		{"m.room.history_visibility", map[string]string{"history_visibility": "shared"}},
		{"m.room.guest_access", map[string]string{"guest_access": "forbidden"}},
		{"m.room.name", map[string]string{"name": policy.Space}},
	} {
		content, err := json.Marshal(p.content)
		if err != nil {
			return nil, err
		}
		if err := w.serveState(service{server: policy.Server}, p.kind, content); err != nil {
			return nil, err
		}
	}
	content, err := json.Marshal(w.room.ID)
	if err != nil {
		return nil, err
	}
	tx.Put(stream.Item{Kind: stream.AccountSpace, Content: content})
	return w, nil
}

// listed tells whether the room is among those that the account's space shows.
func (r *Room) listed() bool {
	kind := r.Kind()
	return (kind == Public || kind == Announcement) && !r.Channel().Archived && r.Event("m.room.tombstone", "") == nil
}

// shows tells whether a space shows a room.
func (r *Room) shows(room id.RoomID) bool {
	child := r.Event("m.space.child", string(room))
	return child != nil && gjson.GetBytes(child.Content, "via.0").Exists()
}

// showChild makes a space show a room or not.
func (w *writing) showChild(why service, room id.RoomID, shown bool) error {
	if w.room.shows(room) == shown {
		return nil
	}
	content := object{}
	if shown {
		content.with("via", []string{why.server}).with("suggested", true)
	}
	key := string(room)
	_, err := w.serve(why, part{kind: "m.space.child", stateKey: &key, content: content.bytes()})
	return err
}
