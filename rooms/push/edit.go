package push

import (
	"encoding/json"
	"net/http"
	"slices"

	"github.com/conversalabs/internalchat/clientapi/refusal"
)

// Limits of one user's own rules.
const (
	MaxRules      = 1000    // rules of one's own, of all kinds together
	MaxStored     = 1 << 20 // bytes of [Ruleset.Stored]
	MaxPattern    = 256     // bytes of a pattern
	MaxWildcards  = 8       // "*" and "?" in a pattern
	MaxConditions = 10      // conditions of a rule
	MaxActions    = 16      // actions of a rule
	maxRuleID     = 255     // bytes
	maxKey        = 256     // bytes of a condition's key, or of its value where that is text
)

// Put adds a rule of the user's own, or changes it (a changed rule stays
// enabled or disabled as it was). body is the request's body: actions, and
// conditions or a pattern where the kind has them. before and after are the
// query parameters, or empty: the rule becomes the next more important than
// before, else the next less important than after; with neither, a new rule
// becomes the most important of the user's own and a changed one keeps its
// place.
//
// It refuses an unknown kind (M_NOT_FOUND), a rule ID that is reserved or
// malformed, a body of the wrong shape, a before or after that is not among the
// user's own rules (M_UNKNOWN, as in the specification's example), and what
// goes beyond the limits.
func (r Ruleset) Put(kind Kind, ruleID string, body json.RawMessage, before, after string) (Ruleset, error) {
	if !kind.known() {
		return r, unknownKind(kind)
	}
	if err := checkRuleID(kind, ruleID); err != nil {
		return r, err
	}
	rule, err := readRule(kind, ruleID, body)
	if err != nil {
		return r, err
	}
	list := *r.kept.of(kind)
	old := indexOf(list, ruleID)
	switch {
	case old >= 0:
		rule.Enabled = list[old].Enabled
	case r.ownRules() >= MaxRules:
		return r, refusal.Invalid("You already have %d push rules, which is the most allowed. Delete one first.", MaxRules).
			Because("too_many_push_rules")
	}
	list, err = place(list, rule, old, before, after)
	if err != nil {
		return r, err
	}
	return r.with(kind, list)
}

// Delete removes a rule of the user's own. Predefined rules are refused: they
// can be disabled, not deleted.
func (r Ruleset) Delete(kind Kind, ruleID string) (Ruleset, error) {
	rule, err := r.Rule(kind, ruleID)
	if err != nil {
		return r, err
	}
	if rule.Default {
		return r, refusal.Invalid("This push rule belongs to the server and cannot be deleted. Disable it instead.")
	}
	list := slices.Clone(*r.kept.of(kind))
	list = slices.DeleteFunc(list, func(k keptRule) bool { return k.ID == ruleID })
	return r.with(kind, list)
}

// SetEnabled turns a rule on or off, predefined ones too.
func (r Ruleset) SetEnabled(kind Kind, ruleID string, enabled bool) (Ruleset, error) {
	return r.decide(kind, ruleID, func(k *keptRule) { k.Enabled = &enabled })
}

// SetActions replaces a rule's actions (a JSON array), of predefined rules too.
// The historical dont_notify and coalesce are accepted and dropped.
func (r Ruleset) SetActions(kind Kind, ruleID string, actions json.RawMessage) (Ruleset, error) {
	if _, err := r.Rule(kind, ruleID); err != nil {
		return r, err
	}
	checked, err := readActions(actions)
	if err != nil {
		return r, err
	}
	return r.decide(kind, ruleID, func(k *keptRule) { k.Actions = checked })
}

// decide records a decision about a rule that exists.
func (r Ruleset) decide(kind Kind, ruleID string, change func(*keptRule)) (Ruleset, error) {
	if _, err := r.Rule(kind, ruleID); err != nil {
		return r, err
	}
	list := slices.Clone(*r.kept.of(kind))
	i := indexOf(list, ruleID)
	if i < 0 { // a predefined rule, not changed before
		list = append(list, keptRule{ID: ruleID})
		i = len(list) - 1
	}
	change(&list[i])
	return r.with(kind, list)
}

// with gives the ruleset with another list, unless it would be too large.
func (r Ruleset) with(kind Kind, list []keptRule) (Ruleset, error) {
	changed := r
	*changed.kept.of(kind) = list
	if size := len(changed.Stored()); size > MaxStored && size > len(r.Stored()) {
		return r, refusal.TooLarge("Your push rules would take more than %d KiB. Delete some first.", MaxStored>>10)
	}
	return changed, nil
}

func (r Ruleset) ownRules() int {
	n := 0
	for _, kind := range kinds {
		for _, k := range *r.kept.of(kind) {
			if !isPredefinedID(k.ID) {
				n++
			}
		}
	}
	return n
}

// place gives a new list with the rule at its place; old is the index of the
// rule it replaces, or negative.
func place(list []keptRule, rule keptRule, old int, before, after string) ([]keptRule, error) {
	list = slices.Clone(list)
	if before == "" && after == "" {
		if old >= 0 {
			list[old] = rule
			return list, nil
		}
		return slices.Insert(list, 0, rule), nil
	}
	if old >= 0 {
		list = slices.Delete(list, old, old+1)
	}
	anchor, shift := before, 0
	if before == "" {
		anchor, shift = after, 1
	}
	i := indexOf(list, anchor)
	if i < 0 || isPredefinedID(anchor) {
		return nil, refusal.New(http.StatusBadRequest, "M_UNKNOWN",
			"There is no other push rule %q of yours of the same kind to place this one before or after.", anchor)
	}
	return slices.Insert(list, i+shift, rule), nil
}
