package push_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/conversalabs/internalchat/rooms/push"
)

func TestRuleIDs(t *testing.T) {
	for _, c := range []struct {
		kind push.Kind
		id   string
		code string
	}{
		{push.Override, "nocake", ""},
		{push.Override, "!room:example.com", ""},
		{push.Override, "água e sal", ""},
		{push.Override, strings.Repeat("x", 255), ""},
		{push.Override, strings.Repeat("x", 256), "M_INVALID_PARAM"},
		{push.Override, "", "M_INVALID_PARAM"},
		{push.Override, ".mine", "M_INVALID_PARAM"},
		{push.Override, ".m.rule.master", "M_INVALID_PARAM"},
		{push.Override, "a/b", "M_INVALID_PARAM"},
		{push.Override, `a\b`, "M_INVALID_PARAM"},
		{push.Override, "a\x00b", "M_INVALID_PARAM"},
		{push.Override, "a\xffb", "M_INVALID_PARAM"},
		{push.Room, "!r:example.com", ""},
		{push.Room, "!31hneApxJ_1o-63DmFrpeqnkFfWppnzWso1JvH3ogLM", ""},
		{push.Room, "#r:example.com", "M_INVALID_PARAM"},
		{push.Sender, "@u:example.com", ""},
		{push.Sender, "u", "M_INVALID_PARAM"},
	} {
		_, err := push.Default(ana).Put(c.kind, c.id, json.RawMessage(`{"actions":[]}`), "", "")
		switch {
		case c.code != "":
			mustRefuse(t, err, 400, c.code)
		case err != nil:
			t.Errorf("%s %q: %v", c.kind, c.id, err)
		}
	}
}

func TestBodies(t *testing.T) {
	match := func(pattern string) string {
		return `{"actions":[],"conditions":[{"kind":"event_match","key":"content.body","pattern":"` + pattern + `"}]}`
	}
	condition := func(rest string) string { return `{"actions":[],"conditions":[{` + rest + `}]}` }
	for _, c := range []struct {
		kind push.Kind
		body string
		code string // empty: taken
	}{
		{push.Override, ``, "M_NOT_JSON"},
		{push.Override, `{"actions":[]`, "M_NOT_JSON"},
		{push.Override, `[]`, "M_BAD_JSON"},
		{push.Override, `{}`, "M_MISSING_PARAM"},
		{push.Override, `{"Actions":[]}`, "M_MISSING_PARAM"},
		{push.Override, `{"actions":"notify"}`, "M_BAD_JSON"},
		{push.Override, `{"actions":null}`, "M_BAD_JSON"},
		{push.Override, `{"actions":["notify","dont_notify","coalesce",{"set_tweak":"sound","value":"x"},{"set_tweak":"highlight"},{"set_tweak":"flash","value":3}]}`, ""},
		{push.Override, `{"actions":["shout"]}`, "M_INVALID_PARAM"},
		{push.Override, `{"actions":[1]}`, "M_BAD_JSON"},
		{push.Override, `{"actions":[{"value":1}]}`, "M_BAD_JSON"},
		{push.Override, `{"actions":[{"set_tweak":1}]}`, "M_BAD_JSON"},
		{push.Override, `{"actions":[{"set_tweak":"sound"}]}`, "M_BAD_JSON"},
		{push.Override, `{"actions":[{"set_tweak":"highlight","value":"yes"}]}`, "M_BAD_JSON"},
		{push.Override, `{"actions":[{"set_tweak":"flash","value":{}}]}`, "M_BAD_JSON"},
		{push.Override, `{"actions":[{"set_tweak":"flash","value":"` + strings.Repeat("x", 300) + `"}]}`, "M_INVALID_PARAM"},
		{push.Override, `{"actions":["notify"` + strings.Repeat(`,"notify"`, 16) + `]}`, "M_BAD_JSON"},
		{push.Override, `{"actions":[],"conditions":null}`, ""},
		{push.Override, `{"actions":[],"conditions":{}}`, "M_BAD_JSON"},
		{push.Override, `{"actions":[],"conditions":["x"]}`, "M_BAD_JSON"},
		{push.Override, `{"actions":[],"conditions":[{}` + strings.Repeat(`,{}`, 10) + `]}`, "M_BAD_JSON"},
		{push.Override, condition(``), "M_BAD_JSON"},
		{push.Override, condition(`"kind":1`), "M_BAD_JSON"},
		{push.Override, condition(`"kind":"com.example.unknown","key":[{}]`), ""},
		{push.Override, match("cake*lie"), ""},
		{push.Override, match(strings.Repeat("*?", 4)), ""},
		{push.Override, match(strings.Repeat("*?", 4) + "*"), "M_INVALID_PARAM"},
		{push.Override, match(strings.Repeat("x", 256)), ""},
		{push.Override, match(strings.Repeat("x", 257)), "M_INVALID_PARAM"},
		{push.Override, condition(`"kind":"event_match","key":"type"`), "M_MISSING_PARAM"},
		{push.Override, condition(`"kind":"event_match","pattern":"x"`), "M_MISSING_PARAM"},
		{push.Override, condition(`"kind":"event_match","key":"type","pattern":1`), "M_BAD_JSON"},
		{push.Override, condition(`"kind":"event_match","pattern":"x","key":"` + strings.Repeat("x", 257) + `"`), "M_INVALID_PARAM"},
		{push.Override, condition(`"kind":"event_property_is","key":"type","value":"x"`), ""},
		{push.Override, condition(`"kind":"event_property_is","key":"type","value":null`), ""},
		{push.Override, condition(`"kind":"event_property_is","key":"type","value":9007199254740991`), ""},
		{push.Override, condition(`"kind":"event_property_is","key":"type","value":9007199254740992`), "M_BAD_JSON"},
		{push.Override, condition(`"kind":"event_property_is","key":"type","value":1.5`), "M_BAD_JSON"},
		{push.Override, condition(`"kind":"event_property_is","key":"type","value":[]`), "M_BAD_JSON"},
		{push.Override, condition(`"kind":"event_property_is","key":"type"`), "M_MISSING_PARAM"},
		{push.Override, condition(`"kind":"event_property_contains","key":"type","value":{}`), "M_BAD_JSON"},
		{push.Override, condition(`"kind":"event_property_contains","value":"x"`), "M_MISSING_PARAM"},
		{push.Override, condition(`"kind":"contains_display_name"`), ""},
		{push.Override, condition(`"kind":"room_member_count","is":">=2"`), ""},
		{push.Override, condition(`"kind":"room_member_count","is":"=2"`), "M_INVALID_PARAM"},
		{push.Override, condition(`"kind":"room_member_count","is":"two"`), "M_INVALID_PARAM"},
		{push.Override, condition(`"kind":"room_member_count","is":"-2"`), "M_INVALID_PARAM"},
		{push.Override, condition(`"kind":"room_member_count","is":2`), "M_BAD_JSON"},
		{push.Override, condition(`"kind":"room_member_count"`), "M_MISSING_PARAM"},
		{push.Override, condition(`"kind":"sender_notification_permission","key":"room"`), ""},
		{push.Override, condition(`"kind":"sender_notification_permission"`), "M_MISSING_PARAM"},
		{push.Content, `{"actions":[],"pattern":"cake"}`, ""},
		{push.Content, `{"actions":[]}`, "M_MISSING_PARAM"},
		{push.Content, `{"actions":[],"pattern":""}`, "M_MISSING_PARAM"},
		{push.Content, `{"actions":[],"pattern":5}`, "M_BAD_JSON"},
		{push.Content, `{"actions":[],"pattern":"` + strings.Repeat("?", 9) + `"}`, "M_INVALID_PARAM"},
	} {
		_, err := push.Default(ana).Put(c.kind, "id", json.RawMessage(c.body), "", "")
		switch {
		case c.code != "":
			t.Log(c.body)
			mustRefuse(t, err, 400, c.code)
		case err != nil:
			t.Errorf("%s: %v", c.body, err)
		}
	}
}

func TestHistoricalActions(t *testing.T) {
	r := mustPut(t, push.Default(ana), push.Override, "x", `{"actions":["dont_notify", {"set_tweak": "sound", "value":"a"}, "coalesce"]}`)
	if got, want := string(mustRule(t, r, push.Override, "x").Actions), `[{"set_tweak":"sound","value":"a"}]`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	r = must(t)(r.SetActions(push.Override, "x", json.RawMessage(`["notify"]`)))
	if got, want := string(mustRule(t, r, push.Override, "x").Actions), `["notify"]`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	_, err := r.SetActions(push.Override, "x", nil)
	mustRefuse(t, err, 400, "M_MISSING_PARAM")
	_, err = r.SetActions(push.Override, "y", json.RawMessage(`["notify"]`))
	mustRefuse(t, err, 404, "M_NOT_FOUND")
}
