package rooms

import (
	"maps"

	"maunium.net/go/mautrix/id"
)

// template is what rooms of a kind are made by and held to.
type template struct {
	joinRule  string
	published bool // stands in the directory
	mandatory bool
	levels    Levels
	// creator is the power level of who makes the room.
	creator int64
	// poster tells whether the ladder has [PosterLevel].
	poster bool
}

// reserved are the state events that nobody may send in rooms of a kind: the server
// says what kind of room it is, or nobody needs them.
var reserved = []string{
	"m.room.join_rules", "m.room.guest_access", "m.room.encryption", "m.room.server_acl", "m.room.third_party_invite",
	"m.room.retention", "m.room.policy", "m.space.parent", "m.space.child",
	"org.matrix.msc3401.call", "org.matrix.msc3401.call.member", channelType,
}

// eventLevels are the levels of events: those given, over those that are alike in all
// channels.
func eventLevels(own map[string]int64) map[string]int64 {
	all := map[string]int64{
		"m.room.name": AdminLevel, "m.room.topic": AdminLevel, "m.room.avatar": AdminLevel,
		"m.room.canonical_alias": AdminLevel, "m.room.pinned_events": AdminLevel, "m.room.power_levels": AdminLevel,
		"m.room.tombstone": OwnerLevel, "m.room.history_visibility": OwnerLevel,
		"m.reaction": MemberLevel, "m.room.redaction": MemberLevel,
	}
	for _, kind := range reserved {
		all[kind] = nobodyLevel
	}
	maps.Copy(all, own)
	return all
}

func channelLevels() Levels {
	return Levels{
		StateDefault: AdminLevel, Invite: AdminLevel, Kick: AdminLevel, Ban: AdminLevel, Redact: AdminLevel,
		Notifications: map[string]int64{"room": AdminLevel},
		Events: eventLevels(map[string]int64{
			"m.room.image_pack": AdminLevel, "im.vector.modular.widgets": AdminLevel, "m.widget": AdminLevel,
			"m.sticker": MemberLevel, "m.poll.start": MemberLevel, "m.poll.response": MemberLevel, "m.poll.end": MemberLevel,
			"org.matrix.msc3381.poll.start": MemberLevel, "org.matrix.msc3381.poll.response": MemberLevel,
			"org.matrix.msc3381.poll.end": MemberLevel,
		}),
	}
}

// templates are the kinds as values.
var templates = map[Kind]*template{
	Public:  {joinRule: "public", published: true, creator: OwnerLevel, levels: channelLevels()},
	Private: {joinRule: "invite", creator: OwnerLevel, levels: channelLevels()},
	Announcement: {
		joinRule: "public", published: true, mandatory: true, creator: OwnerLevel, poster: true,
		levels: Levels{
			EventsDefault: PosterLevel, StateDefault: AdminLevel,
			Invite: AdminLevel, Kick: AdminLevel, Ban: AdminLevel, Redact: AdminLevel,
			Notifications: map[string]int64{"room": PosterLevel},
			Events: eventLevels(map[string]int64{
				"m.room.message": PosterLevel, "m.sticker": PosterLevel, "m.room.encrypted": nobodyLevel,
				"m.poll.start": PosterLevel, "m.poll.response": MemberLevel, "m.poll.end": PosterLevel,
				"org.matrix.msc3381.poll.start": PosterLevel, "org.matrix.msc3381.poll.response": MemberLevel,
				"org.matrix.msc3381.poll.end": PosterLevel,
				"br.com.conversalabs.ack":     MemberLevel, "m.room.pinned_events": PosterLevel,
				"im.vector.modular.widgets": nobodyLevel, "m.widget": nobodyLevel,
			}),
		},
	},
	Direct: {
		joinRule: "invite", creator: AdminLevel,
		levels: Levels{
			StateDefault: nobodyLevel, Invite: nobodyLevel, Kick: nobodyLevel, Ban: nobodyLevel, Redact: nobodyLevel,
			Notifications: map[string]int64{"room": nobodyLevel},
			Events: eventLevels(map[string]int64{
				"m.room.name": nobodyLevel, "m.room.topic": nobodyLevel, "m.room.avatar": nobodyLevel,
				"m.room.canonical_alias": nobodyLevel, "m.room.power_levels": nobodyLevel,
				"m.room.tombstone": nobodyLevel, "m.room.history_visibility": nobodyLevel,
				"m.room.pinned_events": MemberLevel, "m.sticker": MemberLevel,
				"im.vector.modular.widgets": AdminLevel, "m.widget": AdminLevel,
			}),
		},
	},
}

// with gives the template's levels with the levels of people.
func (t *template) with(users map[id.UserID]int64) Levels {
	levels := t.levels
	levels.Users = users
	return levels
}

// onLadder tells whether a power level is one that somebody in such a room can have.
func (t *template) onLadder(level int64) bool {
	return level == MemberLevel || level == AdminLevel || level == OwnerLevel || level == PosterLevel && t.poster
}
