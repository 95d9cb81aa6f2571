package event

import "maunium.net/go/mautrix/id"

// DefaultVersion is the room version of a new room that asks for none.
const DefaultVersion id.RoomVersion = "11"

// Supported tells whether rooms of this version can be made and used.
func Supported(v id.RoomVersion) bool {
	_, ok := versions[v]
	return ok
}

// Versions lists the supported room versions, oldest first.
func Versions() []id.RoomVersion {
	return []id.RoomVersion{"2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12"}
}

var versions = map[id.RoomVersion]struct{}{}
