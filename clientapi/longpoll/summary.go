package longpoll

import (
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/rooms/event"
)

// maxHeroes is how many members a room is named after.
const maxHeroes = 5

// summary is a room's summary (section "Syncing", RoomSummary).
type summary struct {
	joined, invited int
	heroes          []*event.Event // member events; nil where the room has a name
	named           bool
}

func summarise(state *rooms.Room, reader id.UserID) *summary {
	s := &summary{joined: state.JoinedCount(), invited: state.InvitedCount()}
	s.named = textOf(state.Event("m.room.name", ""), "name") != "" || textOf(state.Event("m.room.canonical_alias", ""), "alias") != ""
	if s.named {
		return s
	}
	var former []*event.Event
	for user, e := range state.Members() {
		if user == reader {
			continue
		}
		switch rooms.MembershipOf(e) {
		case "join", "invite":
			s.heroes = firstHeroes(s.heroes, e)
		case "leave", "ban":
			former = firstHeroes(former, e)
		}
	}
	if len(s.heroes) == 0 {
		s.heroes = former
	}
	return s
}

// firstHeroes adds an event to those with the lowest positions.
func firstHeroes(heroes []*event.Event, e *event.Event) []*event.Event {
	if len(heroes) == maxHeroes && e.Position > heroes[maxHeroes-1].Position {
		return heroes
	}
	heroes = append(heroes, e)
	sortByPosition(heroes)
	return heroes[:min(len(heroes), maxHeroes)]
}
