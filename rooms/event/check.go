package event

import (
	"slices"
	"strings"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/clientapi/refusal"
)

// authorisedVia is the key of a join that names who let the user in.
const authorisedVia = "join_authorised_via_users_server"

// knownKeys are the content keys that the library reads. Go matches them without
// regard to case (and takes ſ for s), so a look-alike beside the real key would
// overrule it there and be nothing everywhere else.
var knownKeys = map[string][]string{
	typeMember: {
		"avatar_url", "displayname", "is_direct", authorisedVia, "membership", "mxid_mapping", "reason",
		"third_party_invite",
	},
	typePowerLevels: {
		"ban", "events", "events_default", "invite", "kick", "notifications", "redact", "state_default",
		"users", "users_default",
	},
	typeCreate: {
		"additional_creators", "creator", "m.federate", "predecessor", "room_version", "type",
	},
	typeJoinRules: {"allow", "join_rule"},
}

// check makes the refusals that the library's rules lack: it alone would let a
// member take over a room. [Canonical] has refused doubled keys already.
func (r *rules) check(e, target *Event, state State) error {
	if err := r.checkForm(e, state); err != nil {
		return err
	}
	switch e.Type {
	case typeMember:
		return checkLeave(e, state)
	case typePowerLevels:
		return r.checkDefaultLevel(e, state)
	case typeRedaction:
		return r.checkRedaction(e, target, state)
	}
	return nil
}

// checkForm refuses what would have no meaning in the room, whoever sends it.
func (r *rules) checkForm(e *Event, state State) error {
	if err := checkKeys(e); err != nil {
		return err
	}
	switch e.Type {
	case typeAliases, typeThirdPartyInvite:
		return refusal.Forbidden("Events of type %s are not used here.", e.Type)
	case typeCreate:
		return r.checkCreate(e, state)
	case typeMember:
		return checkMember(e)
	case typePowerLevels:
		return r.checkLevels(e, state)
	case typeJoinRules:
		if _, ok := text(lookup(e.Content, "join_rule")); !ok {
			return refusal.BadJSON("The join rule of a room must be text.")
		}
	case typeRedaction:
		if e.Redacts == "" {
			return refusal.Invalid("A redaction must name the event that it redacts.")
		}
	}
	return nil
}

// checkKeys refuses keys that only look like known ones.
func checkKeys(e *Event) error {
	all := knownKeys[e.Type]
	if all == nil {
		return nil
	}
	for key := range members(e.Content) {
		for _, known := range all {
			if string(key) != known && strings.EqualFold(string(key), known) {
				return refusal.BadJSON("The key %s must be written %s.", string(key), known)
			}
		}
	}
	return nil
}

// checkCreate refuses a second create event, and content of the wrong type,
// which would leave the room unusable.
func (r *rules) checkCreate(e *Event, state State) error {
	if state.Event(typeCreate, "") != nil || e.Depth != 1 {
		return refusal.BadJSON("This room exists already.")
	}
	if e.StateKey == nil || *e.StateKey != "" {
		return refusal.BadJSON("The event that creates a room has an empty state key.")
	}
	version, _ := text(lookup(e.Content, "room_version"))
	if id.RoomVersion(version) != r.version {
		return refusal.BadJSON("The event that creates a room must name version %s.", string(r.version))
	}
	if creator, _ := text(lookup(e.Content, "creator")); r.createHasCreator && creator != string(e.Sender) {
		return refusal.BadJSON("The event that creates a room must name its creator.")
	}
	for key, value := range members(e.Content) {
		if !validCreateKey(string(key), value) {
			return refusal.BadJSON("The key %s has the wrong type.", string(key))
		}
	}
	for element := range elements(lookup(e.Content, "additional_creators")) {
		if user, _ := text(element); r.creatorsRule && !ValidUserID(id.UserID(user)) {
			return refusal.Invalid("Additional creators must be user IDs.")
		}
	}
	return nil
}

func validCreateKey(key string, value []byte) bool {
	switch key {
	case "creator", "room_version", "type":
		_, ok := text(value)
		return ok
	case "m.federate":
		return string(value) == "true" || string(value) == "false"
	case "predecessor":
		for k, v := range members(value) {
			if _, ok := text(v); !ok && (strings.EqualFold(string(k), "room_id") || strings.EqualFold(string(k), "event_id")) {
				return false
			}
		}
		return isObject(value)
	case "additional_creators":
		for element := range elements(value) {
			if _, ok := text(element); !ok {
				return false
			}
		}
		return isArray(value)
	}
	return true
}

// checkMember refuses memberships that have no meaning.
func checkMember(e *Event) error {
	if e.StateKey == nil || !ValidUserID(id.UserID(*e.StateKey)) {
		return refusal.Invalid("The state key of a membership must be a user ID.")
	}
	next, _ := text(lookup(e.Content, "membership"))
	if !slices.Contains([]string{"join", "invite", "knock", "leave", "ban"}, next) {
		return refusal.BadJSON("A membership must be join, invite, knock, leave or ban.")
	}
	if lookup(e.Content, "third_party_invite") != nil {
		return refusal.Forbidden("People can only be invited by their user ID.")
	}
	if via := lookup(e.Content, authorisedVia); via != nil {
		if user, _ := text(via); !ValidUserID(id.UserID(user)) {
			return refusal.BadJSON("The key %s must be a user ID.", authorisedVia)
		}
	}
	return nil
}

// checkLeave refuses leaving for those who are not there.
func checkLeave(e *Event, state State) error {
	if next, _ := text(lookup(e.Content, "membership")); next != "leave" {
		return nil
	}
	user := id.UserID(*e.StateKey)
	if user == e.Sender {
		switch membership(state, user) {
		case "join", "invite", "knock":
			return nil
		case "ban":
			return refusal.Forbidden("You are banned from this room.")
		}
		return refusal.Forbidden("You are not in this room.")
	}
	// Who is not in the room does not learn who is.
	if membership(state, e.Sender) != "join" {
		return refusal.Forbidden("You are not in this room.")
	}
	return checkThere(state, user)
}

// checkThere refuses to remove who is not there.
func checkThere(state State, user id.UserID) error {
	switch membership(state, user) {
	case "join", "invite", "knock", "ban":
		return nil
	}
	return refusal.Forbidden("%s is not in this room.", string(user))
}

// checkLevels refuses power levels of the wrong type.
func (r *rules) checkLevels(e *Event, state State) error {
	next, err := r.parseLevels(e.Content)
	if err != nil {
		return err
	}
	if create := state.Event(typeCreate, ""); r.creatorsRule && create != nil {
		for user := range creators(create) {
			if _, listed := next.users[user]; listed {
				return refusal.BadJSON("%s created this room and cannot have a power level.", string(user))
			}
		}
	}
	return nil
}

// checkDefaultLevel refuses a users_default that the sender may not give or take:
// the library does not look at it.
func (r *rules) checkDefaultLevel(e *Event, state State) error {
	if state.Event(typePowerLevels, "") == nil {
		return nil // the first ones are the creator's, who may set anything
	}
	next, err := r.parseLevels(e.Content)
	if err != nil {
		return err
	}
	levels := powerLevels(r, state)
	if next.usersDefault == levels.usersDefault {
		return nil
	}
	have, need := levels.User(e.Sender), max(next.usersDefault, levels.usersDefault)
	if have < need {
		return refusal.Forbidden("Changing the default power level needs power level %d, and yours is %d.", need, have)
	}
	return nil
}

// checkRedaction refuses to redact other people's events without the level for
// it. The library leaves that to whoever reads the room.
func (r *rules) checkRedaction(e, target *Event, state State) error {
	if membership(state, e.Sender) != "join" {
		return refusal.Forbidden("You are not in this room.")
	}
	if target != nil && target.ID == e.Redacts && target.Room == e.Room {
		if err := checkTarget(target); err != nil {
			return err
		}
		if target.Sender == e.Sender {
			return nil
		}
	}
	levels := powerLevels(r, state)
	if have := levels.User(e.Sender); have < levels.redact {
		return refusal.Forbidden("Removing other people's messages needs power level %d, and yours is %d.",
			levels.redact, have)
	}
	return nil
}

// checkTarget refuses to redact what a room cannot be without.
func checkTarget(target *Event) error {
	if target != nil && target.Type == typeCreate {
		return refusal.Forbidden("The event that created the room cannot be removed.")
	}
	return nil
}
