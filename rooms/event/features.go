package event

import (
	"slices"

	"maunium.net/go/mautrix/id"
)

// NamesCreator tells whether m.room.create names its creator in its content.
func NamesCreator(v id.RoomVersion) bool { return versions[v] != nil && versions[v].createHasCreator }

// CreatorsAbove tells whether creators stand above all power levels, and are
// not listed among them.
func CreatorsAbove(v id.RoomVersion) bool { return versions[v] != nil && versions[v].creatorsRule }

// KnowsJoinRule tells whether a join rule means something in rooms of a version.
func KnowsJoinRule(v id.RoomVersion, rule string) bool {
	return versions[v] != nil && slices.Contains(versions[v].joinRules, rule)
}
