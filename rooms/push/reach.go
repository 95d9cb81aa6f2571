package push

import (
	"slices"
	"strings"

	"maunium.net/go/mautrix/id"
)

// likeCounts tells whether rules that ask for the number of members take two
// numbers for the same.
func (e *Evaluator) likeCounts(x, y int) bool {
	if x == y {
		return true
	}
	for _, rules := range [][]*rule{e.override, e.underride} {
		for _, r := range rules {
			for i := range r.conditions {
				c := &r.conditions[i]
				if c.operation == countsMembers && c.counts(x) != c.counts(y) {
					return false
				}
			}
		}
	}
	return true
}

// notifiesOf tells whether an event of the room may notify without mentioning
// the user: false where the room is muted, or set to mentions alone.
func (e *Evaluator) notifiesOf(room id.RoomID) bool {
	for _, r := range e.override {
		switch {
		case isPredefinedID(r.result.Rule) && len(r.conditions) > 0, e.isMention(r):
		case r.result.Notify:
			return true
		case e.isAbout(r, room):
			return false
		}
	}
	for _, r := range e.content {
		if !isPredefinedID(r.result.Rule) && r.result.Notify {
			return true
		}
	}
	if r := e.room[room]; r != nil {
		return r.result.Notify
	}
	return true
}

// highlightsOwn tells whether rules of the user's own highlight: keywords.
func (e *Evaluator) highlightsOwn() bool {
	for _, rules := range [][]*rule{e.override, e.content, e.underride} {
		for _, r := range rules {
			if !isPredefinedID(r.result.Rule) && r.result.Highlight && !e.isMention(r) {
				return true
			}
		}
	}
	for _, r := range e.room {
		if r.result.Highlight {
			return true
		}
	}
	for _, r := range e.sender {
		if r.result.Highlight {
			return true
		}
	}
	return false
}

// isMention tells whether the rule is for messages that mention the user, which the
// index has.
func (e *Evaluator) isMention(r *rule) bool {
	return strings.HasPrefix(r.result.Rule, mentionsPrefix) && slices.ContainsFunc(r.conditions, func(c condition) bool {
		return c.operation == containsValue && slices.Equal(e.paths[c.slot], path{"content", "m.mentions", "user_ids"})
	})
}

// isAbout tells whether the rule's conditions are true of every event of the
// room: it has none, or only that it is this room.
func (e *Evaluator) isAbout(r *rule, room id.RoomID) bool {
	for i := range r.conditions {
		c := &r.conditions[i]
		if c.operation != matchesGlob || !slices.Equal(e.paths[c.slot], path{"room_id"}) || !c.glob.match(fold(string(room))) {
			return false
		}
	}
	return true
}
