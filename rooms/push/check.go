package push

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/conversalabs/internalchat/clientapi/refusal"
)

func checkRuleID(kind Kind, ruleID string) error {
	switch {
	case ruleID == "":
		return refusal.Invalid("A push rule needs an ID.")
	case isPredefinedID(ruleID):
		return refusal.Invalid("Push rule IDs that start with a dot belong to the server. Choose another ID.")
	case len(ruleID) > maxRuleID:
		return refusal.Invalid("A push rule ID may have at most %d bytes.", maxRuleID)
	case strings.ContainsAny(ruleID, `/\`):
		return refusal.Invalid("A push rule ID may not contain a slash or a backslash.")
	case !utf8.ValidString(ruleID) || strings.ContainsFunc(ruleID, unicode.IsControl):
		return refusal.Invalid("A push rule ID may not contain control characters or invalid UTF-8.")
	case kind == Room && !strings.HasPrefix(ruleID, "!"):
		return refusal.Invalid("The ID of a room rule must be the ID of the room, which starts with an exclamation mark.")
	case kind == Sender && !strings.HasPrefix(ruleID, "@"):
		return refusal.Invalid("The ID of a sender rule must be the ID of the user, which starts with an at sign.")
	}
	return nil
}

// readRule reads the body of a PUT. Unknown keys are left out.
func readRule(kind Kind, ruleID string, body json.RawMessage) (keptRule, error) {
	var read struct {
		Actions    json.RawMessage `json:"actions"`
		Conditions json.RawMessage `json:"conditions"`
		Pattern    *string         `json:"pattern"`
	}
	if err := unmarshal(body, &read, "A push rule is a JSON object with actions, and conditions or a pattern."); err != nil {
		return keptRule{}, err
	}
	rule := keptRule{ID: ruleID}
	var err error
	if rule.Actions, err = readActions(read.Actions); err != nil {
		return keptRule{}, err
	}
	switch {
	case kind == Content:
		if read.Pattern == nil || *read.Pattern == "" {
			return keptRule{}, refusal.Missing("A content rule needs a pattern.")
		}
		rule.Pattern = *read.Pattern
		err = checkPattern(rule.Pattern)
	case kind.hasConditions():
		rule.Conditions, err = readConditions(read.Conditions)
	}
	return rule, err
}

// readActions checks a list of actions and gives it without the historical
// ones, which mean nothing.
func readActions(raw json.RawMessage) (json.RawMessage, error) {
	if raw == nil {
		return nil, refusal.Missing("A push rule needs a list of actions; it may be empty.")
	}
	var actions []json.RawMessage
	if err := unmarshal(raw, &actions, "The actions of a push rule are a list."); err != nil {
		return nil, err
	}
	if len(actions) > MaxActions || actions == nil {
		return nil, refusal.BadJSON("The actions of a push rule are a list of at most %d.", MaxActions)
	}
	kept := make([]json.RawMessage, 0, len(actions))
	for _, action := range actions {
		historical, err := checkAction(action)
		if err != nil {
			return nil, err
		}
		if !historical {
			kept = append(kept, action)
		}
	}
	return compact(mustMarshal(kept)), nil
}

// checkAction tells whether an action is a historical one.
func checkAction(raw json.RawMessage) (historical bool, err error) {
	var name string
	if jsonv2.Unmarshal(raw, &name) == nil {
		switch name {
		case "notify":
			return false, nil
		case "dont_notify", "coalesce":
			return true, nil
		}
		return false, refusal.Invalid("There is no push action called %q.", name)
	}
	var tweak struct {
		Name  *string         `json:"set_tweak"`
		Value json.RawMessage `json:"value"`
	}
	if jsonv2.Unmarshal(raw, &tweak) != nil || tweak.Name == nil {
		return false, refusal.BadJSON("A push action is a text or an object with set_tweak.")
	}
	switch kind := jsontext.Value(tweak.Value).Kind(); {
	case len(*tweak.Name) > maxKey || len(tweak.Value) > maxKey:
		return false, refusal.Invalid("The name and the value of a tweak may have at most %d bytes.", maxKey)
	case *tweak.Name == "sound" && kind != '"':
		return false, refusal.BadJSON("The tweak sound needs a text as its value.")
	case *tweak.Name == "highlight" && tweak.Value != nil && kind != 't' && kind != 'f':
		return false, refusal.BadJSON("The tweak highlight needs true or false as its value, or none.")
	case kind == '{' || kind == '[':
		return false, refusal.BadJSON("The value of a tweak must be a single value, not a list or an object.")
	}
	return false, nil
}

func readConditions(raw json.RawMessage) (json.RawMessage, error) {
	if raw == nil || string(raw) == "null" {
		return json.RawMessage("[]"), nil
	}
	var conditions []json.RawMessage
	if err := unmarshal(raw, &conditions, "The conditions of a push rule are a list of objects."); err != nil {
		return nil, err
	}
	if len(conditions) > MaxConditions || conditions == nil {
		return nil, refusal.BadJSON("The conditions of a push rule are a list of at most %d.", MaxConditions)
	}
	for _, condition := range conditions {
		if err := checkCondition(condition); err != nil {
			return nil, err
		}
	}
	return compact(raw), nil
}

// wireCondition is a condition as clients write it.
type wireCondition struct {
	Kind    string          `json:"kind"`
	Key     *string         `json:"key"`
	Pattern *string         `json:"pattern"`
	Value   json.RawMessage `json:"value"`
	Is      *string         `json:"is"`
}

// checkCondition checks the shape of the known conditions. Unknown ones are
// taken as they are, for they never match.
func checkCondition(raw json.RawMessage) error {
	var named struct {
		Kind *string `json:"kind"`
	}
	if jsonv2.Unmarshal(raw, &named) != nil || named.Kind == nil {
		return refusal.BadJSON("A condition is an object with a kind.")
	}
	need := conditionNeeds[*named.Kind]
	if need == (needs{}) {
		return nil
	}
	var c wireCondition
	if err := unmarshal(raw, &c, "A key, pattern or count of a condition must be a text."); err != nil {
		return err
	}
	switch {
	case need.key && c.Key == nil:
		return refusal.Missing("A condition of kind %s needs a key.", c.Kind)
	case need.key && len(*c.Key) > maxKey:
		return refusal.Invalid("The key of a condition may have at most %d bytes.", maxKey)
	case need.pattern && c.Pattern == nil:
		return refusal.Missing("A condition of kind %s needs a pattern.", c.Kind)
	case need.pattern:
		return checkPattern(*c.Pattern)
	case need.value && c.Value == nil:
		return refusal.Missing("A condition of kind %s needs a value.", c.Kind)
	case need.value && len(c.Value) > maxKey:
		return refusal.Invalid("The value of a condition may have at most %d bytes.", maxKey)
	case need.value && !isScalar(c.Value):
		return refusal.BadJSON("The value of a condition must be a text, an integer, true, false or null.")
	case need.is && c.Is == nil:
		return refusal.Missing("A condition of kind %s needs a member count, in the key is.", c.Kind)
	case need.is && !isCount(*c.Is):
		return refusal.Invalid("The member count %q is not a number, or a number after ==, <, >, <= or >=.", *c.Is)
	}
	return nil
}

// needs says which fields a condition must have.
type needs struct{ key, pattern, value, is bool }

var conditionNeeds = map[string]needs{
	"event_match":                    {key: true, pattern: true},
	"event_property_is":              {key: true, value: true},
	"event_property_contains":        {key: true, value: true},
	"room_member_count":              {is: true},
	"sender_notification_permission": {key: true},
}

func checkPattern(pattern string) error {
	if len(pattern) > MaxPattern {
		return refusal.Invalid("A pattern may have at most %d bytes.", MaxPattern)
	}
	if strings.Count(pattern, "*")+strings.Count(pattern, "?") > MaxWildcards {
		return refusal.Invalid("A pattern may have at most %d of the wildcards * and ?.", MaxWildcards)
	}
	return nil
}

func isScalar(raw json.RawMessage) bool {
	_, ok := readScalar(raw)
	return ok
}

func isCount(text string) bool {
	_, _, ok := readCount(text)
	return ok
}

// readCount splits "<=10" into "<=" and 10. Without a sign it is "==".
func readCount(text string) (sign string, count int, ok bool) {
	digits := strings.TrimLeft(text, "<=>")
	sign = text[:len(text)-len(digits)]
	switch sign {
	case "":
		sign = "=="
	case "==", "<", ">", "<=", ">=":
	default:
		return "", 0, false
	}
	n, err := strconv.ParseUint(digits, 10, 31)
	return sign, int(n), err == nil
}

// unmarshal reads JSON and refuses with the sentence what has another shape.
func unmarshal(raw json.RawMessage, into any, sentence string) error {
	err := jsonv2.Unmarshal(raw, into)
	var syntactic *jsontext.SyntacticError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &syntactic):
		return refusal.NotJSON("The push rule is not valid JSON.")
	default:
		return refusal.BadJSON(sentence)
	}
}

// compact gives valid JSON without blanks.
func compact(raw json.RawMessage) json.RawMessage {
	value := jsontext.Value(raw).Clone()
	if value.Compact() != nil {
		return raw
	}
	return json.RawMessage(value)
}
