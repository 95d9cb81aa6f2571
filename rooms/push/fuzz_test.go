package push_test

import (
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/rooms/push"
)

// naive is the specification's matching, told as simply as possible: every
// start, every end, every choice for a star.
func naive(pattern, text string, words bool) bool {
	p, s := []rune(pattern), []rune(text)
	if !words {
		return naiveGlob(p, s)
	}
	for i := range len(s) + 1 {
		for j := i; j <= len(s); j++ {
			if naiveEdge(s, i) && naiveEdge(s, j) && naiveGlob(p, s[i:j]) {
				return true
			}
		}
	}
	return false
}

func naiveGlob(p, s []rune) bool {
	if len(p) == 0 {
		return len(s) == 0
	}
	switch {
	case p[0] == '*':
		return naiveGlob(p[1:], s) || len(s) > 0 && naiveGlob(p, s[1:])
	case len(s) == 0:
		return false
	case p[0] == '?' || strings.EqualFold(string(p[0]), string(s[0])):
		return naiveGlob(p[1:], s[1:])
	}
	return false
}

func naiveEdge(s []rune, i int) bool {
	word := func(r rune) bool {
		return r == '_' || unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.IsMark(r)
	}
	return i == 0 || i == len(s) || !word(s[i-1]) || !word(s[i])
}

func FuzzGlob(f *testing.F) {
	for _, c := range [][2]string{
		{"ex*ple", "An exciting triple-whammy"},
		{"água", "a ÁGUA!"},
		{"@ana", "oi@ana x@ana"},
		{"a?*b*", "aab ab"},
		{"?", " é "},
		{"", ""},
		{"*", "x"},
		{"a*a", "a"},
		{"ſk", "SK"},
		{"a b", "aa b a b"},
		{"**?", "日本"},
		{"a*b c", "xa ab cb c"},
	} {
		f.Add(c[0], c[1])
	}
	f.Fuzz(func(t *testing.T, pattern, text string) {
		if !utf8.ValidString(pattern) || !utf8.ValidString(text) || len(pattern) > 24 || len(text) > 48 ||
			strings.Count(pattern, "*") > 4 || strings.Count(pattern, "*")+strings.Count(pattern, "?") > push.MaxWildcards {
			t.Skip()
		}
		mustMatchAsNaive(t, pattern, text)
	})
}

// Few different characters, so that much almost matches.
func TestGlobsOfFewCharacters(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	pick := func(alphabet []rune, most int) string {
		picked := make([]rune, random.IntN(most))
		for i := range picked {
			picked[i] = alphabet[random.IntN(len(alphabet))]
		}
		return string(picked)
	}
	for range 5000 {
		mustMatchAsNaive(t, pick([]rune("abÉ *?"), 7), pick([]rune("aBé .a"), 12))
	}
}

func mustMatchAsNaive(t *testing.T, pattern, text string) {
	t.Helper()
	for key, words := range map[string]bool{"body": true, "topic": false} {
		condition, err := json.Marshal([]map[string]string{{"kind": "event_match", "key": "content." + key, "pattern": pattern}})
		if err != nil {
			t.Fatal(err)
		}
		content, err := json.Marshal(map[string]string{key: text})
		if err != nil {
			t.Fatal(err)
		}
		got := matches(t, string(condition), message(string(content)), push.Context{})
		if want := naive(pattern, text, words); got != want {
			t.Fatalf("%q on %s %q: got %v, want %v", pattern, key, text, got, want)
		}
	}
}

// Whatever a user stores and whatever an event holds: no panic, and what was
// taken is read back the same.
func FuzzRules(f *testing.F) {
	for _, kind := range []push.Kind{push.Override, push.Content, push.Room, push.Sender, push.Underride} {
		f.Add(string(kind), "!@x", `{"pattern":"a*b","actions":["notify"],"conditions":[{"kind":"event_match","key":"content.body","pattern":"*"}]}`,
			`{"body":"ab","m.mentions":{"user_ids":["@ana:example.com"],"room":true}}`, "Ana")
	}
	f.Add("override", "x", `{"actions":[{"set_tweak":"highlight"}],"conditions":[{"kind":"event_property_contains","key":"content.a\\.b.c","value":null}]}`, `{"a.b":{"c":[null,1,{}]}}`, "")
	f.Add("underride", "x", `{"actions":[],"conditions":[{"kind":"room_member_count","is":"<=2"},{"kind":"contains_display_name"}]}`, `{"body":"\ud800"}`, "\xff")
	f.Fuzz(func(t *testing.T, kind, ruleID, rule, content, name string) {
		event := push.Event{Type: "m.room.message", Sender: id.UserID(ruleID), Room: id.RoomID(ruleID), StateKey: &name, Content: []byte(content)}
		context := push.Context{MemberCount: 2, DisplayName: name}
		rules, err := push.Default(ana).Put(push.Kind(kind), ruleID, json.RawMessage(rule), "", "")
		if err == nil {
			again, err := push.Parse(ana, rules.Stored())
			if err != nil {
				t.Fatalf("what was stored is not read: %v", err)
			}
			if got, want := string(again.JSON()), string(rules.JSON()); got != want || !json.Valid([]byte(got)) {
				t.Fatalf("got  %s\nwant %s", got, want)
			}
		} else if rules, err = push.Parse(ana, []byte(rule)); err != nil {
			rules = push.Default(ana)
		}
		push.Compile(rules).Evaluate(event, context)
		rules.JSON()
	})
}
