package push_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/conversalabs/internalchat/rooms/push"
)

func TestCarry(t *testing.T) {
	const from, to = "!old:hs", "!new:hs"
	rules := func(kind, list string) string {
		all := map[string]json.RawMessage{}
		for _, k := range []string{"override", "content", "room", "sender", "underride"} {
			all[k] = json.RawMessage("[]")
		}
		all[kind] = json.RawMessage(list)
		text, err := json.Marshal(map[string]any{"global": all})
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	matches := func(room string) string {
		return `"conditions":[{"kind":"event_match","key":"room_id","pattern":"` + room + `"}]`
	}
	for name, c := range map[string]struct{ kind, before, after string }{
		"room rule": {
			"room", `[{"rule_id":"!old:hs","enabled":false,"actions":["notify"]},{"rule_id":"!x:hs","actions":[]}]`,
			`[{"rule_id":"!old:hs","enabled":false,"actions":["notify"]},{"rule_id":"!new:hs","enabled":false,"actions":["notify"]},{"rule_id":"!x:hs","actions":[]}]`,
		},
		"override": {
			"override", `[{"rule_id":"!old:hs","actions":[],` + matches(from) + `}]`,
			`[{"rule_id":"!old:hs","actions":[],` + matches(from) + `},{"rule_id":"!new:hs","actions":[],` + matches(to) + `}]`,
		},
		"override by another name": {
			"override", `[{"rule_id":"quiet","actions":[],` + matches(from) + `}]`,
			`[{"rule_id":"quiet","actions":[],` + matches(from) + `},{"rule_id":"quiet.!new:hs","actions":[],` + matches(to) + `}]`,
		},
		"exact value": {
			"underride", `[{"rule_id":"u !old:hs","conditions":[{"kind":"event_property_is","key":"room_id","value":"!old:hs"}]}]`,
			`[{"rule_id":"u !old:hs","conditions":[{"kind":"event_property_is","key":"room_id","value":"!old:hs"}]},` +
				`{"rule_id":"u !new:hs","conditions":[{"kind":"event_property_is","key":"room_id","value":"!new:hs"}]}]`,
		},
		"there already":       {"room", `[{"rule_id":"!old:hs"},{"rule_id":"!new:hs"}]`, ""},
		"other room":          {"room", `[{"rule_id":"!x:hs"}]`, ""},
		"other condition":     {"override", `[{"rule_id":"!old:hs","conditions":[{"kind":"event_match","key":"sender","pattern":"!old:hs"}]}]`, ""},
		"pattern, no room":    {"override", `[{"rule_id":"x",` + matches("!old*") + `}]`, ""},
		"predefined":          {"override", `[{"rule_id":".m.rule.master","enabled":true,` + matches(from) + `}]`, ""},
		"content":             {"content", `[{"rule_id":"!old:hs","pattern":"!old:hs"}]`, ""},
		"conditions, no list": {"override", `[{"rule_id":"!old:hs","conditions":{"key":"room_id"}}]`, ""},
		"an ID too long":      {"override", `[{"rule_id":"` + strings.Repeat("x", 250) + `",` + matches(from) + `}]`, ""},
		"none":                {"room", `[]`, ""},
	} {
		got, err := push.Carry("@ana:hs", []byte(rules(c.kind, c.before)), from, to)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if c.after == "" {
			if got != nil {
				t.Errorf("%s: got %s, want nothing", name, got)
			}
			continue
		}
		var g, w any
		if err := json.Unmarshal(got, &g); err != nil {
			t.Errorf("%s: %v in %s", name, err, got)
		}
		if err := json.Unmarshal([]byte(rules(c.kind, c.after)), &w); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(g, w); diff != "" {
			t.Errorf("%s (-got +want):\n%s", name, diff)
		}
	}
	if _, err := push.Carry("@ana:hs", []byte(`[]`), from, to); err == nil {
		t.Error("what are no push rules: got no error")
	}
}
