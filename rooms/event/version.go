package event

import (
	"encoding/base64"

	"github.com/matrix-org/gomatrixserverlib"
	"maunium.net/go/mautrix/id"
)

// DefaultVersion is the room version of a new room that asks for none.
const DefaultVersion id.RoomVersion = "11"

// Supported tells whether rooms of this version can be made and used.
func Supported(v id.RoomVersion) bool {
	return versions[v] != nil
}

// Versions lists the supported room versions, oldest first.
func Versions() []id.RoomVersion {
	return []id.RoomVersion{"2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12"}
}

// rules is what differs between room versions.
type rules struct {
	version id.RoomVersion
	library gomatrixserverlib.IRoomVersion
	// hashID encodes an event's reference hash into its ID; nil in version 2,
	// whose IDs are random and whose references carry the hash beside the ID.
	hashID *base64.Encoding
	// keep lists, by event type, the content keys that a redaction leaves.
	keep map[string][]string
	// keepCreate leaves the whole content of m.room.create.
	keepCreate bool
	// keepTop lists the top-level keys that a redaction leaves.
	keepTop map[string]bool
	// textLevels accepts power levels written as strings.
	textLevels bool
	// createHasCreator wants content.creator in m.room.create.
	createHasCreator bool
	// redactsInContent keeps the redacted event's ID in the content.
	redactsInContent bool
	// joinRules are those that the version knows.
	joinRules []string
	// restricted knows restricted joins.
	restricted bool
	// creatorsRule gives creators power above all levels, and names the room
	// by the hash of its create event.
	creatorsRule bool
}

var versions = allRules()

func allRules() map[id.RoomVersion]*rules {
	all := make(map[id.RoomVersion]*rules)
	for i, v := range Versions() {
		n := i + 2
		r := &rules{
			version:          v,
			library:          gomatrixserverlib.MustGetRoomVersion(gomatrixserverlib.RoomVersion(v)),
			keep:             keptContent(n),
			keepCreate:       n >= 11,
			keepTop:          keptTop(n),
			textLevels:       n < 10,
			createHasCreator: n < 11,
			redactsInContent: n >= 11,
			joinRules:        knownJoinRules(n),
			restricted:       n >= 8,
			creatorsRule:     n >= 12,
		}
		switch {
		case n >= 4:
			r.hashID = base64.RawURLEncoding
		case n == 3:
			r.hashID = base64.RawStdEncoding
		}
		all[v] = r
	}
	return all
}

func knownJoinRules(version int) []string {
	known := []string{"public", "invite", "private"}
	if version >= 7 {
		known = append(known, "knock")
	}
	if version >= 8 {
		known = append(known, "restricted")
	}
	if version >= 10 {
		known = append(known, "knock_restricted")
	}
	return known
}

func keptContent(version int) map[string][]string {
	keep := map[string][]string{
		"m.room.member":     {"membership"},
		"m.room.create":     {"creator"},
		"m.room.join_rules": {"join_rule"},
		"m.room.power_levels": {
			"ban", "events", "events_default", "kick", "redact", "state_default", "users", "users_default",
		},
		"m.room.history_visibility": {"history_visibility"},
	}
	if version < 6 {
		keep["m.room.aliases"] = []string{"aliases"}
	}
	if version >= 8 {
		keep["m.room.join_rules"] = []string{"allow", "join_rule"}
	}
	if version >= 9 {
		keep["m.room.member"] = []string{"join_authorised_via_users_server", "membership"}
	}
	if version >= 11 {
		keep["m.room.power_levels"] = append(keep["m.room.power_levels"], "invite")
		keep["m.room.redaction"] = []string{"redacts"}
	}
	return keep
}

func keptTop(version int) map[string]bool {
	keep := make(map[string]bool)
	for _, key := range []string{
		"auth_events", "content", "depth", "event_id", "hashes", "origin_server_ts", "prev_events",
		"room_id", "sender", "signatures", "state_key", "type",
	} {
		keep[key] = true
	}
	if version < 11 {
		for _, key := range []string{"membership", "origin", "prev_state"} {
			keep[key] = true
		}
	}
	return keep
}
