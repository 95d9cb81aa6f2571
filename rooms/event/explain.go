package event

import (
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/clientapi/refusal"
)

// explain finds the sentence for what the library has refused. It decides
// nothing: where it finds no reason, the refusal stands without one.
func (r *rules) explain(e *Event, state State) error {
	levels := powerLevels(r, state)
	var reason error
	if e.Type == typeMember && e.StateKey != nil {
		reason = explainMember(e, state, levels)
	} else if reason = checkMessage(e, state, levels); reason == nil {
		switch {
		case e.Type == typePowerLevels:
			reason = refusal.Forbidden("You can only change power levels below your own, and not to above your own.")
		case e.StateKey != nil && len(*e.StateKey) > 0 && (*e.StateKey)[0] == '@':
			reason = refusal.Forbidden("Only %s can change this setting.", *e.StateKey)
		}
	}
	if reason == nil {
		reason = refusal.Forbidden("The rules of this room do not allow this.")
	}
	return reason
}

func explainMember(e *Event, state State, levels *PowerLevels) error {
	user := id.UserID(*e.StateKey)
	next, _ := text(lookup(e.Content, "membership"))
	if user == e.Sender {
		return explainSelf(next, membership(state, user))
	}
	if membership(state, e.Sender) != "join" {
		return refusal.Forbidden("You are not in this room.")
	}
	mine := levels.User(e.Sender)
	switch was := membership(state, user); {
	case next == "invite" && mine < levels.invite:
		return refusal.Forbidden("Inviting people here needs power level %d, and yours is %d.", levels.invite, mine)
	case next == "invite" && was == "join":
		return refusal.Forbidden("%s is already in this room.", string(user))
	case next == "invite" && was == "ban":
		return refusal.Forbidden("%s is banned from this room.", string(user))
	case mine < levels.ban && (next == "ban" || next == "leave" && was == "ban"):
		return refusal.Forbidden("Banning people here needs power level %d, and yours is %d.", levels.ban, mine)
	case next == "leave" && mine < levels.kick:
		return refusal.Forbidden("Removing people here needs power level %d, and yours is %d.", levels.kick, mine)
	case next == "leave", next == "ban":
		return refusal.Forbidden("You can only remove people whose power level is below yours.")
	}
	return refusal.Forbidden("People can only join for themselves.")
}

func explainSelf(next, was string) error {
	switch {
	case was == "ban":
		return refusal.Forbidden("You are banned from this room.")
	case next == "join":
		return refusal.Forbidden("You need an invitation to join this room.")
	case next == "knock" && (was == "join" || was == "invite"):
		return refusal.Forbidden("You are in this room, or invited, already.")
	case next == "knock":
		return refusal.Forbidden("This room takes no requests to join.")
	}
	return refusal.Forbidden("You cannot do this to yourself.")
}
