package rooms

import (
	"encoding/json"
	"maps"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/clientapi/refusal"
)

var errNoLevels = refusal.BadJSON("Power levels must be a JSON object.")

// clamp brings m.room.power_levels that somebody wants into the form of the kind.
// What the kind leaves open (what adding people, the name, reactions, @room need)
// comes on the next rung of the ladder; all else is the template's. The levels of
// people are taken as they are.
func (t *template) clamp(content json.RawMessage) (Levels, error) {
	var wanted struct {
		Users         map[id.UserID]int64 `json:"users"`
		Events        map[string]int64    `json:"events"`
		Notifications map[string]int64    `json:"notifications"`
		Invite        *int64              `json:"invite"`
	}
	if err := json.Unmarshal(content, &wanted); err != nil {
		return Levels{}, errNoLevels
	}
	if wanted.Users == nil {
		wanted.Users = map[id.UserID]int64{}
	}
	levels := t.with(wanted.Users)
	if wanted.Invite != nil {
		levels.Invite = t.rung(*wanted.Invite, MemberLevel)
	}
	levels.Events = maps.Clone(t.levels.Events)
	for kind, level := range wanted.Events {
		levels.Events[kind] = t.eventLevel(kind, level)
	}
	levels.Notifications = maps.Clone(t.levels.Notifications)
	if room, ok := wanted.Notifications["room"]; ok {
		levels.Notifications["room"] = t.rung(room, MemberLevel)
	}
	return levels, nil
}

// eventLevel gives the level that an event of a type may have where somebody wants
// this one.
func (t *template) eventLevel(kind string, wanted int64) int64 {
	set, known := t.levels.Events[kind]
	switch {
	case known && (set >= OwnerLevel || kind == "m.room.power_levels"):
		return set
	case known && set < t.levels.EventsDefault:
		return t.rung(wanted, MemberLevel)
	}
	// Who may not write announcements says nothing by other events either.
	return t.rung(wanted, t.levels.EventsDefault)
}

// rung gives the lowest rung of the ladder that is neither below a level nor below
// least; the owners' at most.
func (t *template) rung(level, least int64) int64 {
	for _, rung := range []int64{MemberLevel, PosterLevel, AdminLevel} {
		if rung >= least && rung >= level && t.onLadder(rung) {
			return rung
		}
	}
	return OwnerLevel
}

// rank gives the highest level of the ladder that is not above one.
func (t *template) rank(level int64) int64 {
	for _, rung := range []int64{OwnerLevel, AdminLevel, PosterLevel} {
		if rung <= level && t.onLadder(rung) {
			return rung
		}
	}
	return MemberLevel
}
