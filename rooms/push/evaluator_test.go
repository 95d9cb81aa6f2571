package push_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/rooms/push"
)

func message(content string) push.Event {
	return push.Event{Type: "m.room.message", Sender: "@bob:example.com", Room: "!r:example.com", Content: []byte(content)}
}

func body(text string) push.Event {
	encoded, err := json.Marshal(map[string]string{"msgtype": "m.text", "body": text})
	if err != nil {
		panic(err)
	}
	return message(string(encoded))
}

func stateEvent(eventType, stateKey, content string) push.Event {
	e := message(content)
	e.Type, e.StateKey = eventType, &stateKey
	return e
}

func typed(eventType, content string) push.Event {
	e := message(content)
	e.Type = eventType
	return e
}

// summary is a result on one line: rule, then n(otify), h(ighlight), sound.
func summary(r push.Result) string {
	if r.Rule == "" {
		return "none"
	}
	s := strings.TrimPrefix(r.Rule, ".m.rule.")
	if r.Notify {
		s += " n"
	}
	if r.Highlight {
		s += " h"
	}
	if r.Sound != "" {
		s += " " + r.Sound
	}
	return s
}

func TestPredefined(t *testing.T) {
	group := push.Context{MemberCount: 10, DisplayName: "Ana Água", SenderPower: 0}
	pair := group
	pair.MemberCount = 2
	owner := group
	owner.SenderPower = 50
	levels := owner
	levels.NotificationLevel = func(key string) int64 { return map[string]int64{"room": 60}[key] }
	for _, c := range []struct {
		name    string
		event   push.Event
		context push.Context
		want    string
	}{
		{"message", body("oi"), group, "message n"},
		{"message of two", body("oi"), pair, "room_one_to_one n default"},
		{"notice", message(`{"msgtype":"m.notice","body":"Ana Água"}`), pair, "suppress_notices"},
		{"encrypted", typed("m.room.encrypted", `{}`), group, "encrypted n"},
		{"encrypted of two", typed("m.room.encrypted", `{}`), pair, "encrypted_room_one_to_one n default"},
		{"call", typed("m.call.invite", `{}`), pair, "call n ring"},
		{"my invitation", stateEvent("m.room.member", string(ana), `{"membership":"invite"}`), group, "invite_for_me n default"},
		{"another's", stateEvent("m.room.member", "@eva:example.com", `{"membership":"invite"}`), group, "member_event"},
		{"my join", stateEvent("m.room.member", string(ana), `{"membership":"join"}`), group, "member_event"},
		{"mention", message(`{"body":"oi","m.mentions":{"user_ids":["@eva:example.com","@ana:example.com"]}}`), group, "is_user_mention n h default"},
		{"mention of another", message(`{"body":"@ana Ana Água","m.mentions":{"user_ids":["@ana:example.co","@eva:example.com"]}}`), group, "message n"},
		{"mentions not a list", message(`{"body":"oi","m.mentions":{"user_ids":"@ana:example.com"}}`), group, "message n"},
		{"dotted keys", message(`{"body":"oi","m":{"mentions":{"user_ids":["@ana:example.com"]}}}`), group, "message n"},
		{"name", body("quem viu a ana água?"), group, "contains_display_name n h default"},
		{"name within a word", body("ana águas"), group, "contains_user_name n h default"},
		{"localpart", body("oi @ANA!"), group, "contains_user_name n h default"},
		{"localpart within a word", body("banana"), group, "message n"},
		{"name, but mentions nobody", message(`{"body":"ana ana água @room","m.mentions":{}}`), owner, "message n"},
		{"mentions null", message(`{"body":"ana ana água @room","m.mentions":null}`), owner, "message n"},
		{"room", message(`{"body":"oi","m.mentions":{"room":true}}`), owner, "is_room_mention n h"},
		{"room by a member", message(`{"body":"oi","m.mentions":{"room":true}}`), group, "message n"},
		{"room, other level", message(`{"body":"oi","m.mentions":{"room":true}}`), levels, "message n"},
		{"room not true", message(`{"body":"oi","m.mentions":{"room":"true"}}`), owner, "message n"},
		{"@room", body("oi @room"), owner, "roomnotif n h"},
		{"@room by a member", body("oi @room"), group, "message n"},
		{"@rooms", body("oi @rooms"), owner, "message n"},
		{"tombstone", stateEvent("m.room.tombstone", "", `{}`), group, "tombstone n h"},
		{"tombstone, not state", typed("m.room.tombstone", `{}`), group, "none"},
		{"reaction", typed("m.reaction", `{"m.relates_to":{"key":"x"}}`), pair, "reaction"},
		{"server_acl", stateEvent("m.room.server_acl", "", `{}`), pair, "room.server_acl"},
		{"edit", message(`{"body":"* oi","m.mentions":{},"m.relates_to":{"rel_type":"m.replace"}}`), pair, "suppress_edits"},
		{"edit that mentions", message(`{"body":"* oi","m.mentions":{"user_ids":["@ana:example.com"]},"m.relates_to":{"rel_type":"m.replace"}}`), pair, "is_user_mention n h default"},
		{"poll", typed("m.poll.start", `{}`), group, "poll_start n"},
		{"poll of two", typed("m.poll.start", `{}`), pair, "poll_start_one_to_one n default"},
		{"poll's end", typed("m.poll.end", `{}`), group, "poll_end n"},
		{"poll's end of two", typed("m.poll.end", `{}`), pair, "poll_end_one_to_one n default"},
		{"vote", typed("m.poll.response", `{}`), pair, "poll_response"},
		{"old poll", typed("org.matrix.msc3381.poll.start", `{}`), group, ".org.matrix.msc3930.rule.poll_start n"},
		{"old poll of two", typed("org.matrix.msc3381.poll.end", `{}`), pair, ".org.matrix.msc3930.rule.poll_end_one_to_one n default"},
		{"old vote", typed("org.matrix.msc3381.poll.response", `{}`), pair, ".org.matrix.msc3930.rule.poll_response"},
		{"topic", stateEvent("m.room.topic", "", `{"topic":"x"}`), pair, "none"},
		{"no content", typed("m.room.message", ``), group, "message n"},
	} {
		evaluator := push.Compile(push.Default(ana))
		if got := summary(evaluator.Evaluate(c.event, c.context)); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}

// matches tells whether an override rule with these conditions matches.
func matches(t testing.TB, conditions string, event push.Event, context push.Context) bool {
	t.Helper()
	r := mustPut(t, push.Default(ana), push.Override, "tried", `{"actions":[],"conditions":`+conditions+`}`)
	return push.Compile(r).Evaluate(event, context).Rule == "tried"
}

func TestEventMatch(t *testing.T) {
	topic := func(value string) push.Event { return stateEvent("m.room.topic", "", `{"topic":`+value+`}`) }
	for _, c := range []struct {
		key, pattern string
		event        push.Event
		want         bool
	}{
		// The specification's examples.
		{"content.topic", "lunc?*", topic(`"Lunch plans"`), true},
		{"content.topic", "lunc?*", topic(`"LUNCH"`), true},
		{"content.topic", "lunc?*", topic(`" lunch"`), false},
		{"content.topic", "lunc?*", topic(`"lunc"`), false},
		{"content.topic", "lunc?*", topic(`null`), false},
		{"content.body", "ex*ple", body("An example event."), true},
		{"content.body", "ex*ple", body("exple"), true},
		{"content.body", "ex*ple", body("An exciting triple-whammy"), true},
		{"content.body", "ex*ple", body("An exciting triplet"), false},
		{"content.body", "ex*ple", body("An unexciting triple"), false},
		{"content.body", "cake*lie", body("The cake is a lie!"), true},
		// Whole values, but words in the body.
		{"content.topic", "lunch", topic(`"lunch plans"`), false},
		{"content.body", "lunch", body("our lunch plans"), true},
		{`content.m\.body`, "lunch", message(`{"m.body":"our lunch"}`), false},
		{"content.x.body", "lunch", message(`{"x":{"body":"our lunch"}}`), false},
		// Words of any script.
		{"content.body", "água", body("Bebam ÁGUA."), true},
		{"content.body", "água", body("aguá"), false},
		{"content.body", "agua", body("agu\u0301a agua\u0301"), false},
		{"content.body", "gua", body("água"), false},
		{"content.body", "pão", body("pãozinho"), false},
		{"content.body", "@ana", body("oi @ana!"), true},
		{"content.body", "@ana", body("oi @anabela"), false},
		{"content.body", "c++", body("escrito em C++."), true},
		{"content.body", "日本", body("(日本)"), true},
		{"content.body", "日本", body("日本語"), false},
		{"content.body", "🍕", body("x🍕x"), true},
		{"content.body", "a_b", body("a_b"), true},
		{"content.body", "a", body("a_b"), false},
		{"content.body", "straße", body("STRAẞE"), true},
		{"content.body", "kelvin", body("\u212Aelvin"), true},
		// Wildcards count characters, not bytes.
		{"content.topic", "?gua", topic(`"água"`), true},
		{"content.topic", "??gua", topic(`"água"`), false},
		{"content.topic", "*?", topic(`"á"`), true},
		{"content.topic", "*?", topic(`""`), false},
		{"content.topic", "*", topic(`""`), true},
		{"content.topic", "", topic(`""`), true},
		{"content.topic", "a*b?c*d", topic(`"axxbbxcd"`), true},
		{"content.topic", "a*ab", topic(`"ab"`), false},
		{"content.topic", `a\*`, topic(`"a*"`), false},
		{"content.topic", "[a-z].+", topic(`"[A-Z].+"`), true},
		// What is no text never matches.
		{"content.topic", "*", topic(`1`), false},
		{"content.topic", "*", topic(`{}`), false},
		{"content.topic", "*", topic(`["x"]`), false},
		{"content.nothing", "*", topic(`"x"`), false},
		{"content", "*", topic(`"x"`), false},
		// The other keys of an event.
		{"type", "M.ROOM.*", topic(`"x"`), true},
		{"sender", "@bob:*", topic(`"x"`), true},
		{"room_id", "!r:example.com", topic(`"x"`), true},
		{"state_key", "", topic(`"x"`), true},
		{"state_key", "", body("x"), false},
		{"type.x", "*", topic(`"x"`), false},
		{"event_id", "*", topic(`"x"`), false},
		{"", "*", topic(`"x"`), false},
		// Dots and backslashes in keys.
		{`content.m\.topic`, "x", message(`{"m.topic":"x"}`), true},
		{`content.m.topic`, "x", message(`{"m.topic":"x"}`), false},
		{`content.m.topic`, "x", message(`{"m":{"topic":"x"}}`), true},
		{`content.a\\b`, "x", message(`{"a\\b":"x"}`), true},
		{`content.a\\.b`, "x", message(`{"a\\":{"b":"x"}}`), true},
		{`content.a\b`, "x", message(`{"a\\b":"x"}`), true},
		{`content.a\`, "x", message(`{"a\\":"x"}`), true},
		{`content.a..b`, "x", message(`{"a":{"":{"b":"x"}}}`), true},
		{`content.list.0`, "x", message(`{"list":["x"]}`), false},
		{`content.#`, "x", message(`{"#":"x"}`), true},
		{`content.@this`, "x", message(`{"@this":"x"}`), true},
		{`content.é`, "x", message(`{"\u00e9":"\u0078"}`), true},
	} {
		condition, err := json.Marshal([]map[string]string{{"kind": "event_match", "key": c.key, "pattern": c.pattern}})
		if err != nil {
			t.Fatal(err)
		}
		if got := matches(t, string(condition), c.event, push.Context{}); got != c.want {
			t.Errorf("%s of %s: got %v, want %v", condition, c.event.Content, got, c.want)
		}
	}
}

func TestExactValues(t *testing.T) {
	create := message(`{"m.federate":true,"room_version":"1","n":1,"f":1.0,"big":9007199254740992,"nil":null,"o":{},` +
		`"alt_aliases":["#somewhere:example.org","#myroom:example.com",1,true,null,[2],{"x":3}]}`)
	for _, c := range []struct {
		kind, key, value string
		want             bool
	}{
		{"is", `content.m\\.federate`, `true`, true},
		{"is", `content.m\\.federate`, `"true"`, false},
		{"is", `content.m\\.federate`, `1`, false},
		{"is", `content.room_version`, `"1"`, true},
		{"is", `content.room_version`, `1`, false},
		{"is", `content.n`, `1`, true},
		{"is", `content.n`, `true`, false},
		{"is", `content.f`, `1`, false},
		{"is", `content.nil`, `null`, true},
		{"is", `content.nil`, `0`, false},
		{"is", `content.nothing`, `null`, false},
		{"is", `content.o`, `null`, false},
		{"is", `content.alt_aliases`, `null`, false},
		{"is", `type`, `"m.room.message"`, true},
		{"is", `type`, `"M.room.message"`, false},
		{"contains", `content.alt_aliases`, `"#myroom:example.com"`, true},
		{"contains", `content.alt_aliases`, `":example.com"`, false},
		{"contains", `content.alt_aliases`, `"#MYROOM:example.com"`, false},
		{"contains", `content.alt_aliases`, `1`, true},
		{"contains", `content.alt_aliases`, `2`, false},
		{"contains", `content.alt_aliases`, `true`, true},
		{"contains", `content.alt_aliases`, `false`, false},
		{"contains", `content.alt_aliases`, `null`, true},
		{"contains", `content.room_version`, `"1"`, false},
		{"contains", `content.nothing`, `null`, false},
	} {
		condition := fmt.Sprintf(`[{"kind":"event_property_%s","key":"%s","value":%s}]`, c.kind, c.key, c.value)
		if got := matches(t, condition, create, push.Context{}); got != c.want {
			t.Errorf("%s: got %v, want %v", condition, got, c.want)
		}
	}
}

func TestMemberCount(t *testing.T) {
	for is, want := range map[string]string{
		"2": "2", "==2": "2", "<2": "1", ">2": "3", "<=2": "12", ">=2": "23", "007": "",
	} {
		got := ""
		for n := 1; n <= 3; n++ {
			if matches(t, `[{"kind":"room_member_count","is":"`+is+`"}]`, body("x"), push.Context{MemberCount: n}) {
				got += fmt.Sprint(n)
			}
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", is, got, want)
		}
	}
}

func TestUnknownConditionNeverMatches(t *testing.T) {
	if matches(t, `[{"kind":"org.example.always"}]`, body("x"), push.Context{}) {
		t.Error("an unknown condition matched")
	}
	if !matches(t, `[]`, body("x"), push.Context{}) {
		t.Error("a rule without conditions did not match")
	}
	// What nobody could have put is passed over, not obeyed and not a crash.
	stored := `{"global":{"override":[{"rule_id":"a","actions":["notify"],"conditions":{"x":1}},` +
		`{"rule_id":"b","actions":["notify"],"conditions":[{"kind":"event_match"}]},` +
		`{"rule_id":"c","actions":{"x":1},"conditions":[{"kind":"room_member_count","is":"many"}]}],` +
		`"content":[{"rule_id":"d"}],"underride":[{"rule_id":"e","actions":7}]}}`
	r, err := push.Parse(ana, []byte(stored))
	if err != nil {
		t.Fatal(err)
	}
	if got := summary(push.Compile(r).Evaluate(body("x"), push.Context{})); got != "e" {
		t.Errorf("got %s, want e", got)
	}
}

func TestKindsInOrder(t *testing.T) {
	r := push.Default(ana)
	event := body("hora do chá")
	evaluate := func() string { return summary(push.Compile(r).Evaluate(event, push.Context{MemberCount: 9})) }
	expect := func(want string) {
		t.Helper()
		if got := evaluate(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	expect("message n")
	r = mustPut(t, r, push.Underride, "under", `{"actions":[]}`)
	expect("under")
	r = mustPut(t, r, push.Sender, "@bob:example.com", `{"actions":["notify",{"set_tweak":"sound","value":"s"}]}`)
	expect("@bob:example.com n s")
	r = mustPut(t, r, push.Room, "!r:example.com", `{"actions":["notify",{"set_tweak":"highlight","value":false}]}`)
	expect("!r:example.com n")
	r = mustPut(t, r, push.Room, "!other:example.com", `{"actions":[]}`)
	expect("!r:example.com n")
	r = mustPut(t, r, push.Content, "tea", `{"pattern":"chá","actions":["notify",{"set_tweak":"highlight","value":true}]}`)
	expect("tea n h")
	r = mustPut(t, r, push.Content, "time", `{"pattern":"hora","actions":[{"set_tweak":"highlight"},{"set_tweak":"sound","value":"s"}]}`)
	expect("time")
	r = mustPut(t, r, push.Override, "over", `{"actions":["notify"]}`)
	expect("over n")
	r = must(t)(r.SetEnabled(push.Override, ".m.rule.master", true))
	expect("master")
	r = must(t)(r.SetEnabled(push.Override, ".m.rule.master", false))
	r = must(t)(r.SetEnabled(push.Override, "over", false))
	r = must(t)(r.SetEnabled(push.Content, "time", false))
	expect("tea n h")
	r = must(t)(r.SetEnabled(push.Content, "tea", false))
	r = must(t)(r.SetEnabled(push.Room, "!r:example.com", false))
	r = must(t)(r.SetEnabled(push.Sender, "@bob:example.com", false))
	r = must(t)(r.SetEnabled(push.Underride, "under", false))
	expect("message n")
	r = must(t)(r.SetActions(push.Underride, ".m.rule.message", json.RawMessage(`[]`)))
	expect("message")
	if got := push.Compile(r).Evaluate(event, push.Context{MemberCount: 9}); string(got.Actions) != "[]" || got.Kind != push.Underride {
		t.Errorf("got %s of %s", got.Actions, got.Kind)
	}
	if got := summary(push.Compile(push.Default("@eva:example.com")).Evaluate(event, push.Context{MemberCount: 9})); got != "message n" {
		t.Errorf("one user's decision reached another: %s", got)
	}
}

// A user's ID is text in a rule, whatever it holds.
func TestStrangeUserID(t *testing.T) {
	user := id.UserID(`@a"b\:example.com`)
	event := message(`{"body":"x","m.mentions":{"user_ids":["@a\"b\\:example.com"]}}`)
	if got := summary(push.Compile(push.Default(user)).Evaluate(event, push.Context{})); got != "is_user_mention n h default" {
		t.Errorf("got %s", got)
	}
}

func TestManyProperties(t *testing.T) {
	r := push.Default(ana)
	for i := range 100 {
		r = mustPut(t, r, push.Override, fmt.Sprint(i), fmt.Sprintf(
			`{"actions":[],"conditions":[{"kind":"event_match","key":"content.k%d","pattern":"x"}]}`, i))
	}
	if got := push.Compile(r).Evaluate(message(`{"k42":"x","k41":"y"}`), push.Context{}).Rule; got != "42" {
		t.Errorf("got %q, want 42", got)
	}
}

func BenchmarkEvaluate(b *testing.B) {
	evaluator := push.Compile(push.Default(ana))
	event := message(`{"body":"Bom dia, pessoal! O relatório de ontem já está na pasta.","m.mentions":{},"msgtype":"m.text"}`)
	legacy := message(`{"body":"Bom dia, pessoal! O relatório de ontem já está na pasta.","msgtype":"m.text"}`)
	context := push.Context{MemberCount: 12, DisplayName: "Ana Lima", NotificationLevel: func(string) int64 { return 50 }}
	for name, e := range map[string]push.Event{"plain": event, "without mentions": legacy} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if !evaluator.Evaluate(e, context).Notify {
					b.Fatal("a message does not notify")
				}
			}
		})
	}
}

func BenchmarkCompile(b *testing.B) {
	r := push.Default(ana)
	b.ReportAllocs()
	for b.Loop() {
		push.Compile(r)
	}
}

// Hostile rules on a hostile message (half a minute's work, if all were tried)
// come to an end early; what they cost is that later words are not found.
func TestHostileRules(t *testing.T) {
	rule := `"actions":[],"conditions":[` +
		strings.Repeat(`{"kind":"event_match","key":"content.body","pattern":"*????a*"},`, push.MaxConditions-1) +
		`{"kind":"event_match","key":"content.body","pattern":"???????b"}]}`
	hostile := body(strings.Repeat("a", 60000) + "b ana")
	for rules, want := range map[int]string{1: "contains_user_name n h default", push.MaxRules: "message n"} {
		var stored strings.Builder
		for i := range rules {
			fmt.Fprintf(&stored, `%s{"rule_id":"%d",%s`, strings.Repeat(",", min(i, 1)), i, rule)
		}
		r, err := push.Parse(ana, []byte(`{"global":{"override":[`+stored.String()+`]}}`))
		if err != nil {
			t.Fatal(err)
		}
		evaluator := push.Compile(r)
		if got := summary(evaluator.Evaluate(hostile, push.Context{})); got != want {
			t.Errorf("%d rules: got %s, want %s", rules, got, want)
		}
		if got := summary(evaluator.Evaluate(body("ana"), push.Context{})); got != "contains_user_name n h default" {
			t.Errorf("the next message, %d rules: got %s", rules, got)
		}
	}
}

// Bodies and patterns that almost match everywhere.
func BenchmarkHostilePattern(b *testing.B) {
	for name, pattern := range map[string]string{
		"letters":  strings.Repeat("a", 120) + "?" + strings.Repeat("a", 120) + "b",
		"stars":    strings.Repeat(strings.Repeat("a", 30)+"*", 7) + "b",
		"question": "????????b",
	} {
		b.Run(name, func(b *testing.B) {
			r := mustPut(b, push.Default(ana), push.Content, "x", `{"pattern":"`+pattern+`","actions":[]}`)
			evaluator, event := push.Compile(r), body(strings.Repeat("a", 60000)+" b-"+strings.Repeat("a ", 1000)+"bb")
			for b.Loop() {
				evaluator.Evaluate(event, push.Context{})
			}
		})
	}
}
