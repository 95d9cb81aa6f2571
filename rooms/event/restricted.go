package event

import (
	"iter"

	"maunium.net/go/mautrix/id"
)

// Restricted lists the rooms whose members may join under these join rules (the
// m.room.join_rules event, or nil). ok is false unless the room version and the
// rules are those of a restricted room. Entries that mean nothing are left out.
func Restricted(v id.RoomVersion, joinRules *Event) (rooms []id.RoomID, ok bool) {
	r := versions[v]
	if r == nil || !r.restricted || joinRules == nil {
		return nil, false
	}
	if rule, _ := text(lookup(joinRules.Content, "join_rule")); (rule != "restricted" && rule != "knock_restricted") || !KnowsJoinRule(v, rule) {
		return nil, false
	}
	for entry := range elements(lookup(joinRules.Content, "allow")) {
		kind, _ := text(lookup(entry, "type"))
		room, _ := text(lookup(entry, "room_id"))
		if kind == "m.room_membership" && ValidRoomID(id.RoomID(room)) {
			rooms = append(rooms, id.RoomID(room))
		}
	}
	return rooms, true
}

// Inviter finds the first of the candidates who is joined and may invite: the
// one to name as join_authorised_via_users_server in a restricted join. It is
// "" when there is none.
func Inviter(state State, candidates iter.Seq[id.UserID]) id.UserID {
	levels := state.PowerLevels()
	for user := range candidates {
		if levels.User(user) >= levels.invite && membership(state, user) == "join" {
			return user
		}
	}
	return ""
}
