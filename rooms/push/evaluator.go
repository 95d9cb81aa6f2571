package push

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"sync"

	jsonv2 "github.com/go-json-experiment/json"
	"maunium.net/go/mautrix/id"
)

// Context is what rules ask about the room and the reader at the event.
type Context struct {
	MemberCount int    // joined members of the room
	DisplayName string // the reader's in this room; empty matches nothing
	SenderPower int64  // the sender's power level
	// NotificationLevel gives the level that "notifications" of the room's power
	// levels asks for a key such as "room" (its default included). nil means 50.
	NotificationLevel func(key string) int64
}

// defaultNotificationLevel is the specification's for m.room.power_levels.
const defaultNotificationLevel = 50

func (c *Context) required(key string) int64 {
	if c.NotificationLevel == nil {
		return defaultNotificationLevel
	}
	return c.NotificationLevel(key)
}

// Result is what the most important matching rule says. Without a match it is
// the zero Result.
type Result struct {
	Notify    bool
	Highlight bool            // only together with Notify
	Sound     string          // empty: silent
	Actions   json.RawMessage // of the rule; must not be written to
	Kind      Kind            // of the rule
	Rule      string          // its ID; empty when no rule matched
}

// Predefined tells whether it is a rule of the specification that says so, and not one
// of the user's own.
func (r Result) Predefined() bool { return isPredefinedID(r.Rule) }

// rule is one compiled, enabled rule.
type rule struct {
	conditions []condition
	legacy     bool // not for events with m.mentions
	result     Result
}

// Evaluator is a compiled [Ruleset]. It is immutable.
type Evaluator struct {
	paths     []path
	override  []*rule
	content   []*rule
	room      map[id.RoomID]*rule
	sender    map[id.UserID]*rule
	underride []*rule
}

// ruleName names a rule among all kinds.
type ruleName struct {
	kind Kind
	id   string
}

// base is what the evaluators of all users share: the compiled predefined
// rules that do not depend on the user, and the slots of all.
type base struct {
	slots map[string]int
	paths []path
	rules map[ruleName]*rule
}

const (
	mentionsKey  = `content.m\.mentions`
	mentionsSlot = 0
)

var shared = sync.OnceValue(func() *base {
	c := compiler{slots: map[string]int{}}
	c.slot(mentionsKey) // takes mentionsSlot
	b := base{rules: map[ruleName]*rule{}}
	for _, kind := range kinds {
		for _, r := range *template().of(kind) {
			compiled, ok := c.rule(kind, r)
			if !ok {
				panic("predefined rule " + r.ID + " does not compile")
			}
			if !isPersonal(r) {
				b.rules[ruleName{kind, r.ID}] = compiled
			}
		}
	}
	b.slots, b.paths = c.slots, c.paths
	return &b
})

// Compile prepares a ruleset for evaluation. Rules that are disabled, or that
// can never match, are left out.
func Compile(r Ruleset) *Evaluator {
	b := shared()
	c := compiler{shared: b.slots, slots: map[string]int{}, paths: slices.Clip(b.paths)}
	e := &Evaluator{
		override:  c.rules(b, Override, r.list(Override)),
		content:   c.rules(b, Content, r.list(Content)),
		underride: c.rules(b, Underride, r.list(Underride)),
	}
	if rules := c.rules(b, Room, r.list(Room)); len(rules) > 0 {
		e.room = make(map[id.RoomID]*rule, len(rules))
		for _, one := range rules {
			e.room[id.RoomID(one.result.Rule)] = one
		}
	}
	if rules := c.rules(b, Sender, r.list(Sender)); len(rules) > 0 {
		e.sender = make(map[id.UserID]*rule, len(rules))
		for _, one := range rules {
			e.sender[id.UserID(one.result.Rule)] = one
		}
	}
	e.paths = c.paths
	return e
}

// rules compiles the enabled rules of a kind, taking what can be shared.
func (c *compiler) rules(b *base, kind Kind, list []Rule) []*rule {
	compiled := make([]*rule, 0, len(list))
	for _, r := range list {
		if !r.Enabled {
			continue
		}
		if common := b.rules[ruleName{kind, r.ID}]; r.Default && common != nil {
			if !bytes.Equal(common.result.Actions, r.Actions) {
				common = &rule{common.conditions, common.legacy, outcome(kind, r)}
			}
			compiled = append(compiled, common)
		} else if one, ok := c.rule(kind, r); ok {
			compiled = append(compiled, one)
		}
	}
	return compiled
}

// rule compiles one rule; false when it can never match.
func (c *compiler) rule(kind Kind, r Rule) (*rule, bool) {
	compiled := &rule{
		legacy: legacyMention[r.ID],
		result: outcome(kind, r),
	}
	switch {
	case kind == Content:
		if r.Pattern == "" || checkPattern(r.Pattern) != nil {
			return nil, false
		}
		compiled.conditions = []condition{c.match(bodyKey, r.Pattern)}
	case kind.hasConditions():
		var ok bool
		if compiled.conditions, ok = c.conditions(r.Conditions); !ok {
			return nil, false
		}
	}
	return compiled, true
}

// outcome reads a rule's actions. What is not an action is passed over.
func outcome(kind Kind, r Rule) Result {
	result := Result{Actions: r.Actions, Kind: kind, Rule: r.ID}
	var actions []json.RawMessage
	_ = jsonv2.Unmarshal(r.Actions, &actions) // unreadable actions do nothing
	for _, action := range actions {
		var tweak struct {
			Name  string          `json:"set_tweak"`
			Value json.RawMessage `json:"value"`
		}
		switch {
		case string(action) == `"notify"`:
			result.Notify = true
		case jsonv2.Unmarshal(action, &tweak) != nil:
		case tweak.Name == "highlight":
			result.Highlight = string(tweak.Value) != "false"
		case tweak.Name == "sound":
			if value, _ := readScalar(tweak.Value); value.kind == text {
				result.Sound = strings.Clone(value.text)
			}
		}
	}
	if !result.Notify {
		result.Highlight, result.Sound = false, ""
	}
	return result
}

// Evaluate tells what the event means to the user: the result of the most
// important enabled rule that matches. That a user's own events notify nobody
// but others is for the caller to see to. Evaluate keeps nothing of the event.
func (e *Evaluator) Evaluate(event Event, context Context) Result {
	v := newView(event, context, e.paths)
	defer v.done()
	matched := first(e.override, v)
	if matched == nil {
		matched = first(e.content, v)
	}
	if matched == nil {
		matched = e.room[event.Room]
	}
	if matched == nil {
		matched = e.sender[event.Sender]
	}
	if matched == nil {
		matched = first(e.underride, v)
	}
	if matched == nil {
		return Result{}
	}
	return matched.result
}

// first gives the first rule that matches, or nil.
func first(rules []*rule, v *view) *rule {
	for _, r := range rules {
		if r.matches(v) {
			return r
		}
	}
	return nil
}

func (r *rule) matches(v *view) bool {
	if r.legacy && v.exists(mentionsSlot) {
		return false
	}
	for i := range r.conditions {
		if !r.conditions[i].holds(v) {
			return false
		}
	}
	return true
}
