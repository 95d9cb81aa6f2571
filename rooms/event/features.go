package event

import "maunium.net/go/mautrix/id"

// NamesCreator tells whether m.room.create names its creator in its content.
func NamesCreator(v id.RoomVersion) bool { return versions[v] != nil && versions[v].createHasCreator }

// CreatorsAbove tells whether creators stand above all power levels, and are
// not listed among them.
func CreatorsAbove(v id.RoomVersion) bool { return versions[v] != nil && versions[v].creatorsRule }
