package push

import (
	"encoding/json"
	"slices"
	"strings"

	"maunium.net/go/mautrix/id"
)

// Carry gives stored push rules with those of the user's own that name one room
// made for another room too: room rules, and rules with a condition on the room's
// ID. Each stands behind the one it is made of. It is nil when there are none, or
// when the user may not have more rules.
func Carry(user id.UserID, stored []byte, from, to id.RoomID) ([]byte, error) {
	r, err := Parse(user, stored)
	if err != nil {
		return nil, err
	}
	carried := false
	for _, kind := range kinds {
		list := *r.kept.of(kind)
		for i := 0; i < len(list); i++ {
			next, ok := list[i].carry(kind, from, to)
			if !ok || indexOf(list, next.ID) >= 0 || r.ownRules() >= MaxRules {
				continue
			}
			list = slices.Insert(slices.Clone(list), i+1, next)
			*r.kept.of(kind) = list
			carried = true
		}
	}
	after := r.Stored()
	if !carried || len(after) > MaxStored {
		return nil, nil
	}
	return after, nil
}

// carry gives a rule as it is for another room.
func (k keptRule) carry(kind Kind, from, to id.RoomID) (keptRule, bool) {
	if isPredefinedID(k.ID) {
		return k, false
	}
	switch {
	case kind == Room:
		if k.ID != string(from) {
			return k, false
		}
	case kind.hasConditions():
		conditions, named := carryConditions(k.Conditions, from, to)
		if !named {
			return k, false
		}
		k.Conditions = conditions
	default:
		return k, false
	}
	if !strings.Contains(k.ID, string(from)) {
		k.ID += "." + string(from)
	}
	k.ID = strings.ReplaceAll(k.ID, string(from), string(to))
	return k, len(k.ID) <= maxRuleID
}

// carryConditions replaces a room in the conditions that demand it.
func carryConditions(conditions json.RawMessage, from, to id.RoomID) (json.RawMessage, bool) {
	var list []map[string]json.RawMessage
	if len(conditions) == 0 || json.Unmarshal(conditions, &list) != nil {
		return nil, false
	}
	named := false
	for _, condition := range list {
		if readText(condition["key"]) != "room_id" {
			continue
		}
		for _, value := range []string{"pattern", "value"} {
			if readText(condition[value]) == string(from) {
				condition[value] = mustMarshal(string(to))
				named = true
			}
		}
	}
	if !named {
		return nil, false
	}
	return mustMarshal(list), true
}

// readText gives a JSON text, or nothing.
func readText(value json.RawMessage) string {
	var text string
	if json.Unmarshal(value, &text) != nil {
		return ""
	}
	return text
}
