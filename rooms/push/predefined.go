package push

import (
	"bytes"
	_ "embed" // predefined.json
	"encoding/json"
	"strings"
	"sync"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"maunium.net/go/mautrix/id"
)

// Where predefined.json has these, a ruleset has its user's ID and localpart.
const (
	userPlaceholder      = "{{user}}"
	localpartPlaceholder = "{{localpart}}"
)

// masterRule stands above the user's own rules, unlike every other predefined rule.
const masterRule = ".m.rule.master"

// messageRule is the one by which messages notify where no other rule is asked.
const messageRule = ".m.rule.message"

// The older mention rules apply only to events without m.mentions.
var legacyMention = map[string]bool{
	".m.rule.contains_display_name": true,
	".m.rule.contains_user_name":    true,
	".m.rule.roomnotif":             true,
}

//go:embed predefined.json
var predefinedJSON []byte

// template is the predefined set with its placeholders, in compact JSON.
var template = sync.OnceValue(func() *lists[Rule] {
	set := new(lists[Rule])
	raw := jsontext.Value(bytes.Clone(predefinedJSON))
	if err := raw.Compact(); err != nil {
		panic("predefined.json: " + err.Error())
	}
	if err := jsonv2.Unmarshal(raw, set); err != nil {
		panic("predefined.json: " + err.Error())
	}
	return set
})

// predefined gives the user's predefined rules of a kind. Their actions are
// shared and must not be written to.
func predefined(user id.UserID, kind Kind) []Rule {
	rules := make([]Rule, 0, 16)
	for _, rule := range *template().of(kind) {
		rules = append(rules, personal(rule, user))
	}
	return rules
}

func isPersonal(rule Rule) bool {
	return strings.Contains(rule.Pattern, localpartPlaceholder) ||
		bytes.Contains(rule.Conditions, []byte(userPlaceholder))
}

func personal(rule Rule, user id.UserID) Rule {
	if !isPersonal(rule) {
		return rule
	}
	rule.Pattern = strings.ReplaceAll(rule.Pattern, localpartPlaceholder, user.Localpart())
	if rule.Conditions != nil {
		// AppendQuote's error tells of invalid UTF-8, which it has replaced.
		quoted, _ := jsontext.AppendQuote(nil, string(user))
		quoted = quoted[1 : len(quoted)-1]
		rule.Conditions = json.RawMessage(bytes.ReplaceAll(rule.Conditions, []byte(userPlaceholder), quoted))
	}
	return rule
}
