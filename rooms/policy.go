package rooms

import (
	"encoding/json"

	"maunium.net/go/mautrix/id"
)

// Policy is the rules that an account's rooms follow, as a value. Kinds of rooms
// with rules of their own are further values, not branches in the acts.
type Policy struct {
	Name string
	// Versions are the room versions that may be asked for; Default is the one
	// taken when none is.
	Versions []id.RoomVersion
	Default  id.RoomVersion
	// Presets are what createRoom's presets stand for.
	Presets map[string]Preset
}

// Preset is what one of createRoom's presets makes of a room (section
// "Creation" of the client-server specification).
type Preset struct {
	JoinRule          string
	HistoryVisibility string
	GuestAccess       string
	// TrustInvited gives the invited the creator's power.
	TrustInvited bool
	// PowerLevels is the template that the creator is put into.
	PowerLevels json.RawMessage
}
