package rooms

import (
	"context"
	"encoding/json"
	"slices"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/storage/stream"
)

// Two people have one room for direct messages, whoever opens it and how often. Who
// leaves it is out of it until either writes or opens it again.

// DirectTx is the part of [Tx] that knows the rooms of direct messages. Only in a lone
// act.
type DirectTx interface {
	// Direct gives the room of two users, whichever comes first, or "".
	Direct(one, other id.UserID) (id.RoomID, error)
	// KeepDirect makes a room that of two users.
	KeepDirect(one, other id.UserID, room id.RoomID)
}

// OpenDirect gives the room for direct messages with somebody, which is made if there
// is none. Whoever of the two has left it is in it again. Accounts whose rooms have no
// kinds have none: 403.
func (s *Service) OpenDirect(ctx context.Context, caller tenant.Caller, peer id.UserID) (id.RoomID, error) {
	policy, err := s.policies.RoomPolicy(ctx, caller.Account)
	if err != nil {
		return "", err
	}
	if !policy.Kinds {
		return "", errNoKind
	}
	room, _, err := s.Create(ctx, caller, Creation{IsDirect: true, Invite: []id.UserID{peer}})
	return room, err
}

var errNoKind = refusal.Forbidden("This account has no channels and direct messages of the team.")

// direct makes the room of two people, or brings both back into theirs.
func (m *making) direct(tx Tx, born birth) (id.RoomID, error) {
	if err := checkColleague(tx, m.peer); err != nil {
		return "", err
	}
	room, err := tx.Direct(m.caller.User, m.peer)
	if err != nil {
		return "", err
	}
	if room != "" {
		m.writing, err = m.service.open(tx, room)
		if err != nil {
			return "", err
		}
		for _, user := range []id.UserID{m.caller.User, m.peer} {
			if err := m.service.rejoin(m.writing, user); err != nil {
				return "", err
			}
		}
		if err := m.setChannel(m.served(), func(c *Channel) { c.Archived = false }); err != nil {
			return "", err
		}
		return room, m.remember()
	}
	if err := m.build(tx, born, []func() error{
		m.joinDirect, m.rules, m.addPeer, m.levelsOfPeers, m.channel,
	}); err != nil {
		return "", err
	}
	tx.KeepDirect(m.caller.User, m.peer, m.room.ID)
	return m.room.ID, m.remember()
}

// joinDirect is join, as a direct message.
func (m *making) joinDirect() error {
	content := object{}.with("membership", "join").with("is_direct", true)
	if err := putProfile(m.tx, m.caller.User, content); err != nil {
		return err
	}
	_, err := m.append(memberPart(m.caller.User, m.caller.User, content))
	return err
}

func (m *making) addPeer() error {
	return m.service.admit(m.writing, admission{why: m.served()}, Move{User: m.peer, Content: object{}.with("is_direct", true)})
}

func (m *making) levelsOfPeers() error {
	levels := m.template.with(map[id.UserID]int64{m.caller.User: m.template.creator, m.peer: m.template.creator})
	content, err := json.Marshal(levels)
	if err != nil {
		return err
	}
	return m.set("m.room.power_levels", "", content)
}

// remember lists the room among the direct messages of both.
func (m *making) remember() error {
	for user, peer := range map[id.UserID]id.UserID{m.caller.User: m.peer, m.peer: m.caller.User} {
		content, err := m.tx.Item(stream.AccountData, user, "", directType)
		if err != nil {
			return err
		}
		after := WithDirect(content, map[id.UserID]id.RoomID{peer: m.room.ID})
		if after != nil {
			m.tx.Put(stream.Item{Kind: stream.AccountData, User: user, Key: directType, Content: after})
		}
	}
	return nil
}

// WithDirect gives the content of m.direct with the rooms for direct messages with
// people among them, or nil when it has them all.
func WithDirect(content []byte, rooms map[id.UserID]id.RoomID) []byte {
	direct := map[string]json.RawMessage{}
	if len(content) > 0 && json.Unmarshal(content, &direct) != nil { // the user's own, of any shape
		direct = map[string]json.RawMessage{}
	}
	changed := false
	for peer, room := range rooms {
		var listed []id.RoomID
		if json.Unmarshal(direct[string(peer)], &listed) == nil && slices.Contains(listed, room) {
			continue
		}
		object(direct).with(string(peer), append([]id.RoomID{room}, listed...))
		changed = true
	}
	if !changed {
		return nil
	}
	return object(direct).bytes()
}

// party tells whether a user is one of the two of a direct message who is not in it.
func (w *writing) party(user id.UserID) bool {
	if w.room.Kind() != Direct || w.room.Joined(user) {
		return false
	}
	_, named := w.room.PowerLevels().Level(user)
	return named
}

// peerOf gives the other one of a direct message.
func (r *Room) peerOf(user id.UserID) id.UserID {
	for other := range r.PowerLevels().Named() {
		if other != user {
			return other
		}
	}
	return ""
}

// rejoin lets one of the two of a direct message in again, if they left.
func (s *Service) rejoin(w *writing, user id.UserID) error {
	if !w.party(user) {
		return nil
	}
	why := service{server: user.Homeserver()}
	return s.admit(w, admission{why: why}, Move{User: user, Content: object{}.with("is_direct", true)})
}

// reach sees to it that the other one of a direct message reads what is said there:
// who has left is let in again, which needs a lone act.
func (s *Service) reach(w *writing, sender id.UserID) error {
	if w.room.Kind() != Direct || !w.room.Joined(sender) {
		return nil
	}
	peer := w.room.peerOf(sender)
	if peer == "" { // its power levels were redacted
		return nil
	}
	active, err := w.tx.UserActive(peer)
	switch {
	case err != nil:
		return err
	case !active:
		return errPeerGone
	case w.room.Joined(peer):
		return nil
	}
	return s.rejoin(w, peer)
}
