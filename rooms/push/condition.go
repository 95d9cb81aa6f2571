package push

import (
	"encoding/json"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/tidwall/gjson"

	"github.com/conversalabs/internalchat/rooms/event"
)

// operation is what a condition asks.
type operation byte

const (
	matchesGlob operation = iota
	isValue
	containsValue
	containsName
	countsMembers
	mayNotify
)

// condition is one compiled condition.
type condition struct {
	operation operation
	slot      int    // of the property it looks at
	glob      glob   // matchesGlob
	value     scalar // isValue, containsValue
	sign      string // countsMembers
	count     int
	key       string // mayNotify
}

// compiler gives every property that conditions look at a slot. Those of the
// predefined rules come first and are shared.
type compiler struct {
	shared map[string]int
	slots  map[string]int
	paths  []path
}

func (c *compiler) slot(key string) int {
	if slot, ok := c.shared[key]; ok {
		return slot
	}
	if slot, ok := c.slots[key]; ok {
		return slot
	}
	slot := len(c.paths)
	c.slots[key] = slot
	c.paths = append(c.paths, event.SplitPath(key))
	return slot
}

// conditions compiles a list; false when one of them can never match.
func (c *compiler) conditions(raw json.RawMessage) ([]condition, bool) {
	var list []json.RawMessage
	if jsonv2.Unmarshal(raw, &list) != nil {
		return nil, false
	}
	compiled := make([]condition, 0, len(list))
	for _, one := range list {
		cond, ok := c.condition(one)
		if !ok {
			return nil, false
		}
		compiled = append(compiled, cond)
	}
	return compiled, true
}

// condition compiles one; false for what is unknown or of the wrong shape.
func (c *compiler) condition(raw json.RawMessage) (condition, bool) {
	var w wireCondition
	if checkCondition(raw) != nil || jsonv2.Unmarshal(raw, &w) != nil {
		return condition{}, false
	}
	switch w.Kind {
	case "event_match":
		return c.match(*w.Key, *w.Pattern), true
	case "event_property_is", "event_property_contains":
		op := isValue
		if w.Kind == "event_property_contains" {
			op = containsValue
		}
		value, ok := readScalar(w.Value)
		return condition{operation: op, slot: c.slot(*w.Key), value: value}, ok
	case "contains_display_name":
		return condition{operation: containsName, slot: c.slot(bodyKey)}, true
	case "room_member_count":
		sign, count, ok := readCount(*w.Is)
		return condition{operation: countsMembers, sign: sign, count: count}, ok
	case "sender_notification_permission":
		return condition{operation: mayNotify, key: *w.Key}, true
	}
	return condition{}, false
}

const bodyKey = "content.body"

// match compiles an event_match. Only on the body are words looked for.
func (c *compiler) match(key, pattern string) condition {
	slot := c.slot(key)
	where := c.paths[slot]
	words := len(where) == 2 && where[0] == "content" && where[1] == "body"
	return condition{operation: matchesGlob, slot: slot, glob: compileGlob(pattern, words)}
}

// holds tells whether the condition is true of the event.
func (c *condition) holds(v *view) bool {
	switch c.operation {
	case matchesGlob:
		folded, ok := v.folded(c.slot)
		return ok && v.matches(&c.glob, folded)
	case isValue:
		return v.property(c.slot).scalar == c.value
	case containsValue:
		p := v.property(c.slot)
		return p.kind == array && v.afford(len(p.text)) && contains(p.text, c.value)
	case containsName:
		return v.containsName(c.slot)
	case countsMembers:
		return c.counts(v.context.MemberCount)
	case mayNotify:
		return v.context.SenderPower >= v.context.required(c.key)
	}
	return false
}

func (c *condition) counts(members int) bool {
	switch c.sign {
	case "<":
		return members < c.count
	case ">":
		return members > c.count
	case "<=":
		return members <= c.count
	case ">=":
		return members >= c.count
	}
	return members == c.count
}

// matches spends little on the search that most patterns fail, more on the rest.
func (v *view) matches(g *glob, folded string) bool {
	return v.afford(len(folded)/16) && g.mayMatch(folded) &&
		v.afford(len(folded)*g.weight) && g.match(folded)
}

// contains tells whether a JSON array has the value.
func contains(list string, value scalar) (found bool) {
	gjson.Parse(list).ForEach(func(_, item gjson.Result) bool {
		found = toScalar(item) == value
		return !found
	})
	return found
}

// containsName looks for the reader's display name, as words, in the body.
func (v *view) containsName(body int) bool {
	name := v.context.DisplayName
	folded, ok := v.folded(body)
	if name == "" || !ok || !v.afford(len(folded)) {
		return false
	}
	return segment{fold(name)}.find(folded, 0, true, true) >= 0
}
