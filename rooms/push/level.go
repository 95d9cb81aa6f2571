package push

import (
	"encoding/json"
	"slices"
	"strings"

	jsonv2 "github.com/go-json-experiment/json"
	"maunium.net/go/mautrix/id"
)

// Level is how much of a room a member is told of.
type Level string

// The levels. In push rules they have the forms that Element writes and reads:
// everything is a room rule that notifies with a sound, mentions a room rule without
// actions, nothing an override rule without actions whose only condition is the
// room, default no rule of the user's own.
const (
	Everything Level = "everything"
	Mentions   Level = "mentions"
	Nothing    Level = "nothing"
	AsAccount  Level = "default" // as the account's settings and the predefined rules have it
)

// Notifications are what a member has chosen for a room: a level and, apart from it,
// whether the room is muted. It is the content of the room account data
// br.com.conversalabs.notifications; a room without it is as it is there by default.
type Notifications struct {
	Level Level `json:"level"`
	Muted bool  `json:"muted"`
	// Until is when the mute ends by itself, in ms; nil: it does not.
	Until *int64 `json:"muted_until"`
	// BreakMute has messages that mention the member notify and highlight even where
	// the room is muted, or its level is nothing.
	BreakMute bool `json:"mentions_break_mute"`
}

// silent tells whether the room is to make no sound, mentions apart.
func (n Notifications) silent() bool { return n.Muted || n.Level == Nothing }

// until is when the mute ends, in ms; 0: it does not.
func (n Notifications) until() int64 {
	if n.Until == nil {
		return 0
	}
	return *n.Until
}

func (n Notifications) unmuted() Notifications {
	n.Muted, n.Until = false, nil
	return n
}

// same tells whether two are the same, wherever their numbers stand.
func (n Notifications) same(m Notifications) bool {
	return n.Level == m.Level && n.Muted == m.Muted && n.until() == m.until() && n.BreakMute == m.BreakMute
}

// readNotifications reads what is kept of a room. Nothing, and what is none of ours, is
// that nothing was chosen.
func readNotifications(content []byte) Notifications {
	var n Notifications
	if jsonv2.Unmarshal(content, &n) != nil || n.Level == "" {
		return Notifications{Level: AsAccount}
	}
	return n
}

// heard is what push rules alone say of a room.
type heard struct {
	silenced bool  // by an override rule
	level    Level // by the room rule: everything, mentions or default
}

// under reads the rules together with what is kept of the room. Where they differ the
// rules are right, for they are what clients change, and what decides: a mute whose
// rule is gone has ended, and a silence that is no mute is the level nothing.
func (h heard) under(kept Notifications) Notifications {
	n := Notifications{Level: h.level, BreakMute: kept.BreakMute}
	switch {
	case !h.silenced:
	case !kept.Muted:
		n.Level = Nothing
	default:
		n.Muted, n.Until = true, kept.Until
		if kept.Level == Nothing {
			n.Level = Nothing
		}
	}
	return n
}

// ofRoom is what the rules say of one room.
func (r Ruleset) ofRoom(room id.RoomID) heard {
	if h, found := r.ofRooms()[room]; found {
		return h
	}
	return heard{level: AsAccount}
}

// ofRooms is what the rules say of all rooms that have rules of their own.
func (r Ruleset) ofRooms() map[id.RoomID]heard {
	all := map[id.RoomID]heard{}
	for _, k := range r.kept.Room {
		if !k.on() {
			continue
		}
		level := Mentions
		if outcome(Room, k.own(Room)).Notify {
			level = Everything
		}
		all[id.RoomID(k.ID)] = heard{level: level}
	}
	for _, k := range r.kept.Override {
		if room := k.silences(); room != "" {
			h, found := all[room]
			if !found {
				h.level = AsAccount
			}
			h.silenced = true
			all[room] = h
		}
	}
	return all
}

func (k keptRule) on() bool { return k.Enabled == nil || *k.Enabled }

// silences gives the room all of whose events an override rule keeps quiet, "" if it
// is not such a rule: what Element takes for a mute, whatever the rule's ID.
func (k keptRule) silences() id.RoomID {
	if !k.on() || isPredefinedID(k.ID) || len(k.Actions) > 0 && string(k.Actions) != "[]" && string(k.Actions) != `["dont_notify"]` {
		return ""
	}
	var conditions []wireCondition
	if jsonv2.Unmarshal(k.Conditions, &conditions) != nil || len(conditions) != 1 {
		return ""
	}
	c := conditions[0]
	if c.Kind != "event_match" || c.Key == nil || *c.Key != "room_id" || c.Pattern == nil || !strings.HasPrefix(*c.Pattern, "!") {
		return ""
	}
	return id.RoomID(*c.Pattern)
}

var (
	loudly  = json.RawMessage(`["notify",{"set_tweak":"sound","value":"default"}]`)
	quietly = json.RawMessage(`[]`)
	// asMention are the actions of .m.rule.is_user_mention.
	asMention = json.RawMessage(`["notify",{"set_tweak":"sound","value":"default"},{"set_tweak":"highlight"}]`)
)

// mentionsPrefix begins the IDs of the rules by which mentions break a mute; the
// room's ID follows.
const mentionsPrefix = "br.com.conversalabs.mentions."

// hearing gives the rules by which a room is as chosen, changing as few as it can. A
// mute leaves the room rule where it is, under the rule that silences. It refuses what
// goes beyond the limits.
func (r Ruleset) hearing(room id.RoomID, n Notifications) (Ruleset, error) {
	now, level := r.ofRoom(room), n.Level
	if level == Nothing {
		level = AsAccount
	}
	var err error
	switch {
	case now.level == level:
	case level == Everything:
		r, err = r.lay(Room, string(room), says{Actions: loudly})
	case level == Mentions:
		r, err = r.lay(Room, string(room), says{Actions: quietly})
	default:
		r, err = r.without(Room, func(k keptRule) bool { return k.ID == string(room) })
	}
	if err != nil {
		return r, err
	}
	switch {
	case now.silenced == n.silent():
	case n.silent():
		r, err = r.lay(Override, string(room), says{quietly, []demand{isIn(room)}})
	default:
		r, err = r.without(Override, func(k keptRule) bool { return k.silences() == room })
	}
	if err != nil {
		return r, err
	}
	return r.breaking(room, n.silent() && n.BreakMute)
}

// breaking gives the rules with the one by which mentions break the silence of a room,
// in front of all others of the user's, or without it.
func (r Ruleset) breaking(room id.RoomID, wanted bool) (Ruleset, error) {
	ruleID := mentionsPrefix + string(room)
	own := slices.DeleteFunc(slices.Clone(r.kept.Override), func(k keptRule) bool { return isPredefinedID(k.ID) })
	at := indexOf(own, ruleID)
	silence := slices.IndexFunc(own, func(k keptRule) bool { return k.silences() == room })
	if wanted && at >= 0 && own[at].on() && at < silence || !wanted && at < 0 {
		return r, nil
	}
	r, err := r.without(Override, func(k keptRule) bool { return k.ID == ruleID })
	if err != nil || !wanted {
		return r, err
	}
	return r.lay(Override, ruleID, says{asMention, []demand{
		isIn(room), {Kind: "event_property_contains", Key: mentionsKey + ".user_ids", Value: string(r.user)},
	}})
}

// says is the body of a rule.
type says struct {
	Actions    json.RawMessage `json:"actions"`
	Conditions []demand        `json:"conditions,omitzero"`
}

// demand is a condition.
type demand struct {
	Kind    string `json:"kind"`
	Key     string `json:"key"`
	Pattern string `json:"pattern,omitzero"`
	Value   string `json:"value,omitzero"`
}

// isIn demands that an event is of a room.
func isIn(room id.RoomID) demand {
	return demand{Kind: "event_match", Key: "room_id", Pattern: string(room)}
}

// lay is [Ruleset.Put] of a rule that is on.
func (r Ruleset) lay(kind Kind, ruleID string, body says) (Ruleset, error) {
	r, err := r.Put(kind, ruleID, mustMarshal(body), "", "")
	if err != nil {
		return r, err
	}
	if k := (*r.kept.of(kind))[indexOf(*r.kept.of(kind), ruleID)]; k.on() {
		return r, nil
	}
	return r.SetEnabled(kind, ruleID, true)
}

// without gives the rules without some.
func (r Ruleset) without(kind Kind, which func(keptRule) bool) (Ruleset, error) {
	return r.with(kind, slices.DeleteFunc(slices.Clone(*r.kept.of(kind)), which))
}

// Announce gives stored push rules with the one that an announcement begins with: all
// of it is told, with a sound. It is nil when the user has chosen otherwise before, or
// may not have more rules.
func Announce(user id.UserID, stored []byte, room id.RoomID) ([]byte, error) {
	r, err := Parse(user, stored)
	if err != nil {
		return nil, err
	}
	if r.ofRoom(room) != (heard{level: AsAccount}) || indexOf(r.kept.Room, string(room)) >= 0 || r.ownRules() >= MaxRules {
		return nil, nil
	}
	if r, err = r.hearing(room, Notifications{Level: Everything}); err != nil {
		return nil, err
	}
	return r.Stored(), nil
}
