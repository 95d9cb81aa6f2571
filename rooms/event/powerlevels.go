package event

import (
	"iter"
	"maps"
	"strconv"
	"strings"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/clientapi/refusal"
)

// CreatorPower is the power level of the creators of a room of version 12: one
// above the highest level that can be written down.
const CreatorPower int64 = maxInteger + 1

// defaultLevel is the level of ban, kick, redact, state events and
// notifications where a room says nothing else.
const defaultLevel = 50

// PowerLevels is a room's power levels, parsed. It is never changed.
type PowerLevels struct {
	creators                                  map[id.UserID]bool // whose power has no limit (version 12)
	users                                     map[id.UserID]int64
	events, notifications                     map[string]int64
	usersDefault, eventsDefault, stateDefault int64
	invite, kick, ban, redact                 int64
	// server is the only server name whose users may send, or "" when all may
	// (m.federate).
	server string
}

// ParsePowerLevels reads a room's power levels from its create event and its
// m.room.power_levels event. Without the latter (nil) the creator has 100;
// without a create event nobody has any power.
func ParsePowerLevels(v id.RoomVersion, create, levels *Event) *PowerLevels {
	r := versions[v]
	if r == nil {
		return defaultPowerLevels()
	}
	p := defaultPowerLevels()
	if levels != nil {
		if parsed, err := r.parseLevels(levels.Content); err == nil {
			p = parsed
		}
	} else if create != nil {
		p.users = map[id.UserID]int64{create.Sender: 100}
	}
	if create == nil {
		return p
	}
	if r.creatorsRule {
		p.creators = creators(create)
	}
	if string(lookup(create.Content, "m.federate")) == "false" {
		p.server = create.Sender.Homeserver()
	}
	return p
}

func defaultPowerLevels() *PowerLevels {
	return &PowerLevels{
		stateDefault: defaultLevel,
		kick:         defaultLevel,
		ban:          defaultLevel,
		redact:       defaultLevel,
	}
}

// creators lists who made a room of version 12.
func creators(create *Event) map[id.UserID]bool {
	all := map[id.UserID]bool{create.Sender: true}
	for element := range elements(lookup(create.Content, "additional_creators")) {
		if user, ok := text(element); ok {
			all[id.UserID(user)] = true
		}
	}
	return all
}

// User is the power level of a user; [CreatorPower] for creators in version 12.
func (p *PowerLevels) User(user id.UserID) int64 {
	if p.creators[user] {
		return CreatorPower
	}
	if level, ok := p.users[user]; ok {
		return level
	}
	return p.usersDefault
}

// Creators lists whose power has no limit (version 12), in no order.
func (p *PowerLevels) Creators() []id.UserID {
	all := make([]id.UserID, 0, len(p.creators))
	for user := range p.creators {
		all = append(all, user)
	}
	return all
}

// Level gives the level that is said of a user, and whether one is.
func (p *PowerLevels) Level(user id.UserID) (level int64, said bool) {
	level, said = p.users[user]
	return level, said
}

// Named gives the users whose level is said, with it, in no order.
func (p *PowerLevels) Named() iter.Seq2[id.UserID, int64] { return maps.All(p.users) }

// Event is the level that sending an event of this type needs.
func (p *PowerLevels) Event(eventType string, isState bool) int64 {
	if eventType == typeThirdPartyInvite {
		return p.invite
	}
	if level, ok := p.events[eventType]; ok {
		return level
	}
	if isState {
		return p.stateDefault
	}
	return p.eventsDefault
}

// EventsDefault is the level of events that are no state and not named.
func (p *PowerLevels) EventsDefault() int64 { return p.eventsDefault }

// StateDefault is the level of state events that are not named.
func (p *PowerLevels) StateDefault() int64 { return p.stateDefault }

// Invite is the level that inviting needs.
func (p *PowerLevels) Invite() int64 { return p.invite }

// Kick is the level that removing somebody needs.
func (p *PowerLevels) Kick() int64 { return p.kick }

// Ban is the level that banning and unbanning need.
func (p *PowerLevels) Ban() int64 { return p.ban }

// Redact is the level that redacting other people's events needs.
func (p *PowerLevels) Redact() int64 { return p.redact }

// UsersDefault is the level of a user who is not named.
func (p *PowerLevels) UsersDefault() int64 { return p.usersDefault }

// Notification is the level that a kind of notification, such as "room" for
// @room, needs.
func (p *PowerLevels) Notification(key string) int64 {
	if level, ok := p.notifications[key]; ok {
		return level
	}
	return defaultLevel
}

// parseLevels reads the content of m.room.power_levels. It refuses whatever is
// of the wrong type, nulls included, with 400 M_BAD_JSON.
func (r *rules) parseLevels(content []byte) (*PowerLevels, error) {
	p := defaultPowerLevels()
	for key, value := range members(content) {
		var err error
		switch string(key) {
		case "ban":
			p.ban, err = r.level(key, value)
		case "events_default":
			p.eventsDefault, err = r.level(key, value)
		case "invite":
			p.invite, err = r.level(key, value)
		case "kick":
			p.kick, err = r.level(key, value)
		case "redact":
			p.redact, err = r.level(key, value)
		case "state_default":
			p.stateDefault, err = r.level(key, value)
		case "users_default":
			p.usersDefault, err = r.level(key, value)
		case "events":
			p.events, err = levelMap[string](r, key, value)
		case "notifications":
			p.notifications, err = levelMap[string](r, key, value)
		case "users":
			p.users, err = r.userLevels(value)
		}
		if err != nil {
			return nil, err
		}
	}
	return p, nil
}

func (r *rules) userLevels(value []byte) (map[id.UserID]int64, error) {
	users, err := levelMap[id.UserID](r, []byte("users"), value)
	for user := range users {
		if !ValidUserID(user) {
			return nil, refusal.BadJSON("%s is not a user ID, so it cannot have a power level.", user)
		}
	}
	return users, err
}

func levelMap[K ~string](r *rules, key, value []byte) (map[K]int64, error) {
	if !isObject(value) {
		return nil, refusal.BadJSON("The power levels under %s must be an object.", string(key))
	}
	levels := make(map[K]int64)
	for k, v := range members(value) {
		level, err := r.level(k, v)
		if err != nil {
			return nil, err
		}
		levels[K(unquoteKey(k))] = level
	}
	return levels, nil
}

// level reads one power level. Room versions below 10 accept digits in a string.
func (r *rules) level(key, value []byte) (int64, error) {
	digits := string(value)
	if s, ok := text(value); ok && r.textLevels {
		digits = strings.TrimSpace(s)
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || n > maxInteger || n < -maxInteger {
		return 0, refusal.BadJSON("The power level %s must be a whole number.", string(key))
	}
	return n, nil
}
