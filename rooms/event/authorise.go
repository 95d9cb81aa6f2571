package event

import (
	"fmt"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/clientapi/refusal"
)

// Authorise says whether e, which [Build] made on this state, may be appended
// to its room: nil, or a refusal: 403 M_FORBIDDEN with what is missing, or 400
// for content that would have no meaning. target is the event that a redaction
// names, if the room has it. State may be nil for a create event.
//
// A join into a restricted room is allowed when its content names a joined user
// who may invite (join_authorised_via_users_server). Whether the joining user
// fulfils the room's conditions (see [Restricted]) is for the caller to know,
// who must not take that key from a client.
func Authorise(v id.RoomVersion, e, target *Event, state State) error {
	r := versions[v]
	if r == nil {
		return fmt.Errorf("authorise %s: room version %q is not supported", e.ID, v)
	}
	if state == nil {
		state = noState{}
	}
	if err := r.check(e, target, state); err != nil {
		return err
	}
	if r.fast(e) {
		return checkMessage(e, state, powerLevels(r, state))
	}
	ok, err := r.allowed(e, state)
	if err != nil {
		return fmt.Errorf("authorise: %w", err)
	}
	if !ok {
		return r.explain(e, state)
	}
	return nil
}

// AuthoriseServer is [Authorise] for what the server itself says, in the name of a
// user who is in no room (the service user) and has no power: neither is asked
// for. What has no meaning is refused all the same, and so are memberships that
// are not the server's to give: everybody joins and knocks for themselves, and
// who is banned is not invited.
func AuthoriseServer(v id.RoomVersion, e, target *Event, state State) error {
	r := versions[v]
	if r == nil {
		return fmt.Errorf("authorise %s: room version %q is not supported", e.ID, v)
	}
	if create := state.Event(typeCreate, ""); e.Type == typeCreate || create == nil || create.Room != e.Room {
		return refusal.Forbidden("This event belongs to another room.")
	}
	if err := r.checkForm(e, state); err != nil {
		return err
	}
	if e.Type == typeRedaction {
		return checkTarget(target)
	}
	if e.Type != typeMember {
		return nil
	}
	user := id.UserID(*e.StateKey)
	next, _ := text(lookup(e.Content, "membership"))
	now := membership(state, user)
	switch {
	case user == e.Sender, next == "join", next == "knock":
		return refusal.Forbidden("People can only join for themselves.")
	case next == "leave":
		return checkThere(state, user)
	case next == "invite" && now == "join":
		return refusal.Forbidden("%s is already in this room.", string(user))
	case next == "invite" && now == "ban":
		return refusal.Forbidden("%s is banned from this room.", string(user))
	}
	return nil
}

// fast tells whether the library authorises e by its common checks alone, which
// checkMessage repeats on power levels that are parsed already.
func (r *rules) fast(e *Event) bool {
	if e.StateKey != nil {
		return false
	}
	switch e.Type {
	case typeAliases, typeCreate, typeMember, typePowerLevels, typeThirdPartyInvite:
		return false
	case typeRedaction:
		return r.hashID != nil // version 2 compares server names too
	}
	return true
}

// checkMessage authorises an event that is no state: its sender must be in the
// room and have the level that its type needs.
func checkMessage(e *Event, state State, levels *PowerLevels) error {
	create := state.Event(typeCreate, "")
	switch {
	case create == nil || create.Room != e.Room:
		return refusal.Forbidden("This event belongs to another room.")
	case levels.server != "" && e.Sender.Homeserver() != levels.server:
		return refusal.Forbidden("This room is not open to users of other servers.")
	case membership(state, e.Sender) != "join":
		return refusal.Forbidden("You are not in this room.")
	}
	have, need := levels.User(e.Sender), levels.Event(e.Type, e.StateKey != nil)
	if have < need {
		return refusal.Forbidden("Sending %s here needs power level %d, and yours is %d.", e.Type, need, have)
	}
	return nil
}

// membership is a user's membership in this state; "leave" for who never was there.
func membership(state State, user id.UserID) string {
	member := state.Event(typeMember, string(user))
	if member == nil {
		return "leave"
	}
	value, _ := text(lookup(member.Content, "membership"))
	return value
}

// powerLevels gives the power levels of a state, also of one that keeps none.
func powerLevels(r *rules, state State) *PowerLevels {
	if levels := state.PowerLevels(); levels != nil {
		return levels
	}
	return ParsePowerLevels(r.version, state.Event(typeCreate, ""), state.Event(typePowerLevels, ""))
}

// noState is the state before a room's create event.
type noState struct{}

func (noState) Event(string, string) *Event { return nil }

func (noState) PowerLevels() *PowerLevels { return nil }
