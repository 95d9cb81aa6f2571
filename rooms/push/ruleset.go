package push

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	jsonv2 "github.com/go-json-experiment/json"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/clientapi/refusal"
)

// Kind is a kind of push rule, as it stands in paths and rulesets.
type Kind string

// The kinds, in the order in which they are asked.
const (
	Override  Kind = "override"
	Content   Kind = "content"
	Room      Kind = "room"
	Sender    Kind = "sender"
	Underride Kind = "underride"
)

var kinds = [...]Kind{Override, Content, Room, Sender, Underride}

func (k Kind) known() bool { return slices.Contains(kinds[:], k) }

// hasConditions tells whether rules of this kind carry conditions of their own.
func (k Kind) hasConditions() bool { return k == Override || k == Underride }

// Rule is one push rule as clients read it. Conditions is present on override
// and underride rules only, Pattern on content rules only.
type Rule struct {
	ID         string          `json:"rule_id"`
	Default    bool            `json:"default"`
	Enabled    bool            `json:"enabled"`
	Actions    json.RawMessage `json:"actions"`
	Conditions json.RawMessage `json:"conditions,omitzero"`
	Pattern    string          `json:"pattern,omitzero"`
}

// lists holds something for each kind of rule, most important first.
type lists[T any] struct {
	Override  []T `json:"override"`
	Content   []T `json:"content"`
	Room      []T `json:"room"`
	Sender    []T `json:"sender"`
	Underride []T `json:"underride"`
}

// of gives the list of a known kind.
func (l *lists[T]) of(kind Kind) *[]T {
	switch kind {
	case Override:
		return &l.Override
	case Content:
		return &l.Content
	case Room:
		return &l.Room
	case Sender:
		return &l.Sender
	default:
		return &l.Underride
	}
}

// keptRule is what the user decided: a rule of their own, or (where the ID
// starts with a dot) what they changed in a predefined one.
type keptRule struct {
	ID         string          `json:"rule_id"`
	Enabled    *bool           `json:"enabled,omitzero"` // nil: true, or as predefined
	Actions    json.RawMessage `json:"actions,omitzero"` // nil: as predefined
	Conditions json.RawMessage `json:"conditions,omitzero"`
	Pattern    string          `json:"pattern,omitzero"`
}

func isPredefinedID(ruleID string) bool { return strings.HasPrefix(ruleID, ".") }

// global is the form both of what is stored and of what is answered.
type global[T any] struct {
	Global lists[T] `json:"global"`
}

// Ruleset is one user's push rules. It is a value: its methods that change
// something give a new Ruleset and leave the old one as it was. The zero
// Ruleset belongs to nobody; see [Default] and [Parse].
type Ruleset struct {
	user     id.UserID
	mentions bool // the account's default level
	kept     lists[keptRule]
}

// Default gives the rules of a user who has never changed any.
func Default(user id.UserID) Ruleset { return Ruleset{user: user} }

// Under gives the rules as they are in an account whose default level is mentions, or
// is everything: with mentions, .m.rule.message does nothing unless the user has
// changed its actions.
func (r Ruleset) Under(mentions bool) Ruleset {
	r.mentions = mentions
	return r
}

// Parse reads what [Ruleset.Stored] wrote for this user. Nothing (an empty
// slice) is the default ruleset. A whole ruleset, as [Ruleset.JSON] gives it,
// is read too; all its predefined rules then count as the user's decisions.
// What it holds is not checked again: a rule that makes no sense never matches.
func Parse(user id.UserID, stored []byte) (Ruleset, error) {
	if len(stored) == 0 {
		return Default(user), nil
	}
	var read global[keptRule]
	if err := jsonv2.Unmarshal(stored, &read); err != nil {
		return Ruleset{}, fmt.Errorf("parse push rules: %w", err)
	}
	return Ruleset{user: user, kept: read.Global}, nil
}

// Stored gives what is to be kept: the user's own rules and what they changed
// in the predefined ones, as {"global":{…}}. It never gives what others wrote.
func (r Ruleset) Stored() []byte { return mustMarshal(global[keptRule]{r.kept}) }

// JSON gives the answer of GET /pushrules/ and the content of the account data
// m.push_rules: {"global":{…}}.
func (r Ruleset) JSON() []byte { return mustMarshal(global[Rule]{r.all()}) }

// Global gives the answer of GET /pushrules/global/.
func (r Ruleset) Global() json.RawMessage { return mustMarshal(r.all()) }

// Rule gives one rule, or refuses with M_NOT_FOUND when there is no such kind
// or rule.
func (r Ruleset) Rule(kind Kind, ruleID string) (Rule, error) {
	if !kind.known() {
		return Rule{}, unknownKind(kind)
	}
	for _, rule := range r.list(kind) {
		if rule.ID == ruleID {
			return rule, nil
		}
	}
	return Rule{}, unknownRule()
}

func (r Ruleset) all() lists[Rule] {
	var all lists[Rule]
	for _, kind := range kinds {
		*all.of(kind) = r.list(kind)
	}
	return all
}

// list gives the rules of a known kind: the master rule, the user's own, the
// other predefined ones.
func (r Ruleset) list(kind Kind) []Rule {
	kept := *r.kept.of(kind)
	rules := make([]Rule, 0, len(kept)+len(*template().of(kind)))
	for _, k := range kept {
		if !isPredefinedID(k.ID) {
			rules = append(rules, k.own(kind))
		}
	}
	for _, rule := range predefined(r.user, kind) {
		if r.mentions && rule.ID == messageRule {
			rule.Actions = quietly
		}
		if i := indexOf(kept, rule.ID); i >= 0 {
			rule = kept[i].over(rule)
		}
		if rule.ID == masterRule {
			rules = slices.Insert(rules, 0, rule)
			continue
		}
		rules = append(rules, rule)
	}
	return rules
}

// own is the rule of the user's own that this is.
func (k keptRule) own(kind Kind) Rule {
	rule := k.over(Rule{ID: k.ID, Enabled: true, Actions: json.RawMessage("[]")})
	switch {
	case kind.hasConditions():
		rule.Conditions = k.Conditions
		if rule.Conditions == nil {
			rule.Conditions = json.RawMessage("[]")
		}
	case kind == Content:
		rule.Pattern = k.Pattern
	}
	return rule
}

// over lays the user's decisions over a rule.
func (k keptRule) over(rule Rule) Rule {
	if k.Enabled != nil {
		rule.Enabled = *k.Enabled
	}
	if k.Actions != nil {
		rule.Actions = k.Actions
	}
	return rule
}

func indexOf(kept []keptRule, ruleID string) int {
	return slices.IndexFunc(kept, func(k keptRule) bool { return k.ID == ruleID })
}

// mustMarshal encodes what this package has read or checked itself.
func mustMarshal(value any) []byte {
	encoded, err := jsonv2.Marshal(value, jsonv2.Deterministic(true))
	if err != nil {
		panic(fmt.Sprintf("encode push rules: %v", err))
	}
	return encoded
}

func unknownKind(kind Kind) error {
	return refusal.NotFound("There is no kind of push rule called %q. The kinds are override, content, room, sender and underride.", string(kind))
}

func unknownRule() error { return refusal.NotFound("The push rule was not found.") }
