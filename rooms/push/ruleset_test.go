package push_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/rooms/push"
)

var update = flag.Bool("update", false, "write the golden files")

const ana id.UserID = "@ana:example.com"

func mustPut(t testing.TB, r push.Ruleset, kind push.Kind, ruleID, body string) push.Ruleset {
	t.Helper()
	changed, err := r.Put(kind, ruleID, json.RawMessage(body), "", "")
	if err != nil {
		t.Fatalf("put %s %s: %v", kind, ruleID, err)
	}
	return changed
}

// must takes the result of a change that may not be refused.
func must(t testing.TB) func(push.Ruleset, error) push.Ruleset {
	return func(r push.Ruleset, err error) push.Ruleset {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
}

func mustRule(t testing.TB, r push.Ruleset, kind push.Kind, ruleID string) push.Rule {
	t.Helper()
	rule, err := r.Rule(kind, ruleID)
	if err != nil {
		t.Fatalf("rule %s %s: %v", kind, ruleID, err)
	}
	return rule
}

func mustRefuse(t testing.TB, err error, status int, code string) {
	t.Helper()
	got := refusal.As(err)
	if got == nil {
		t.Fatalf("got %v, want a refusal %d %s", err, status, code)
	}
	if got.Status != status || got.Code != code {
		t.Fatalf("got %d %s (%v), want %d %s", got.Status, got.Code, got, status, code)
	}
	if strings.Contains(got.Error(), "%!") {
		t.Fatalf("the sentence's arguments are wrong: %v", got)
	}
}

// ids gives the IDs of a kind's rules, in their order.
func ids(t testing.TB, r push.Ruleset, kind push.Kind) []string {
	t.Helper()
	var all map[string][]push.Rule
	if err := json.Unmarshal(r.Global(), &all); err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, rule := range all[string(kind)] {
		ids = append(ids, rule.ID)
	}
	return ids
}

func TestDefaultJSON(t *testing.T) {
	const golden = "testdata/default.json"
	var got bytes.Buffer
	if err := json.Indent(&got, push.Default(ana).JSON(), "", "  "); err != nil {
		t.Fatal(err)
	}
	got.WriteByte('\n')
	if *update {
		if err := os.WriteFile(golden, got.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(got.String(), string(want)); diff != "" {
		t.Errorf("default ruleset (-got +want):\n%s", diff)
	}
}

// Clients tell rules apart by which keys they have.
func TestRuleKeys(t *testing.T) {
	r := mustPut(t, push.Default(ana), push.Content, "cake", `{"pattern":"cake","actions":[],"conditions":[]}`)
	r = mustPut(t, r, push.Room, "!r:example.com", `{"actions":["notify"],"pattern":"x"}`)
	r = mustPut(t, r, push.Override, "few", `{"actions":[],"pattern":"x","conditions":[{"kind":"room_member_count","is":"<=10"}]}`)
	r = mustPut(t, r, push.Underride, "all", `{"actions":["notify"],"more":1}`)
	for _, c := range []struct {
		kind push.Kind
		id   string
		want string
	}{
		{push.Content, "cake", `{"rule_id":"cake","default":false,"enabled":true,"actions":[],"pattern":"cake"}`},
		{push.Room, "!r:example.com", `{"rule_id":"!r:example.com","default":false,"enabled":true,"actions":["notify"]}`},
		{push.Override, "few", `{"rule_id":"few","default":false,"enabled":true,"actions":[],"conditions":[{"kind":"room_member_count","is":"<=10"}]}`},
		{push.Underride, "all", `{"rule_id":"all","default":false,"enabled":true,"actions":["notify"],"conditions":[]}`},
	} {
		rule := mustRule(t, r, c.kind, c.id)
		var got bytes.Buffer
		encoder := json.NewEncoder(&got)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(rule); err != nil {
			t.Fatal(err)
		}
		if strings.TrimSpace(got.String()) != c.want {
			t.Errorf("got %s, want %s", got.String(), c.want)
		}
		if !bytes.Contains(r.JSON(), []byte(c.want)) {
			t.Errorf("the whole ruleset lacks %s", c.want)
		}
	}
}

func TestStored(t *testing.T) {
	r := push.Default(ana)
	if got, want := string(r.Stored()), `{"global":{"override":[],"content":[],"room":[],"sender":[],"underride":[]}}`; got != want {
		t.Errorf("nothing decided: got %s, want %s", got, want)
	}
	before := string(r.Stored())
	changed := must(t)(r.SetEnabled(push.Override, ".m.rule.master", true))
	changed = must(t)(changed.SetActions(push.Underride, ".m.rule.message", json.RawMessage(`["dont_notify"]`)))
	changed = mustPut(t, changed, push.Content, "tea", `{"pattern":"tea", "actions":["notify"]}`)
	changed = must(t)(changed.SetEnabled(push.Content, "tea", false))
	if got := string(r.Stored()); got != before {
		t.Errorf("a change altered the old value: %s", got)
	}
	want := `{"global":{"override":[{"rule_id":".m.rule.master","enabled":true}],` +
		`"content":[{"rule_id":"tea","enabled":false,"actions":["notify"],"pattern":"tea"}],` +
		`"room":[],"sender":[],"underride":[{"rule_id":".m.rule.message","actions":[]}]}}`
	if got := string(changed.Stored()); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	again, err := push.Parse(ana, changed.Stored())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(again.JSON()), string(changed.JSON())); diff != "" {
		t.Errorf("after Parse (-got +want):\n%s", diff)
	}
	if empty, err := push.Parse(ana, nil); err != nil || !bytes.Equal(empty.JSON(), r.JSON()) {
		t.Errorf("Parse of nothing: %v, %s", err, empty.JSON())
	}
	if _, err := push.Parse(ana, []byte(`{"global":{"override":{}}}`)); err == nil {
		t.Error("Parse took a ruleset of the wrong shape")
	}
}

// A rule of a later version, or one that is gone, must not get lost or shown.
func TestUnknownPredefined(t *testing.T) {
	stored := `{"global":{"override":[{"rule_id":".m.rule.of_tomorrow","enabled":false}],"content":[],"room":[],"sender":[],"underride":[]}}`
	r, err := push.Parse(ana, []byte(stored))
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(r.JSON(), []byte("of_tomorrow")) {
		t.Error("it is shown")
	}
	if got := string(r.Stored()); got != stored {
		t.Errorf("got %s, want %s", got, stored)
	}
	_, err = r.SetEnabled(push.Override, ".m.rule.of_tomorrow", true)
	mustRefuse(t, err, 404, "M_NOT_FOUND")
}

func TestOrder(t *testing.T) {
	const body = `{"pattern":"x","actions":[]}`
	r := mustPut(t, push.Default(ana), push.Content, "a", body)
	r = mustPut(t, r, push.Content, "b", body)
	r = mustPut(t, r, push.Content, "c", body)
	r = must(t)(r.SetEnabled(push.Content, "b", false))
	stored := string(r.Stored())
	for _, c := range []struct{ id, before, after, want string }{
		{"d", "", "", "d c b a"},
		{"d", "b", "", "c d b a"},
		{"d", "", "b", "c b d a"},
		{"d", "a", "c", "c b d a"}, // before wins
		{"b", "", "", "c b a"},
		{"b", "c", "", "b c a"},
		{"b", "", "a", "c a b"},
		{"a", "c", "", "a c b"},
	} {
		changed, err := r.Put(push.Content, c.id, json.RawMessage(body), c.before, c.after)
		if err != nil {
			t.Fatalf("%+v: %v", c, err)
		}
		if got, want := strings.Join(ids(t, changed, push.Content), " "), c.want+" .m.rule.contains_user_name"; got != want {
			t.Errorf("%+v: got %s, want %s", c, got, want)
		}
		if mustRule(t, changed, push.Content, "b").Enabled {
			t.Errorf("%+v: a changed rule did not stay disabled", c)
		}
	}
	mustPut(t, r, push.Content, "a", `{"pattern":"other","actions":[]}`)
	if got := string(r.Stored()); got != stored {
		t.Errorf("a change altered the old value: got %s, want %s", got, stored)
	}
	for _, anchor := range []string{"nobody", ".m.rule.contains_user_name", "a"} {
		_, err := r.Put(push.Content, "a", json.RawMessage(body), anchor, "")
		mustRefuse(t, err, 400, "M_UNKNOWN")
		_, err = r.Put(push.Content, "a", json.RawMessage(body), "", anchor)
		mustRefuse(t, err, 400, "M_UNKNOWN")
	}
	r = must(t)(r.SetEnabled(push.Content, ".m.rule.contains_user_name", false))
	_, err := r.Put(push.Content, "a", json.RawMessage(body), ".m.rule.contains_user_name", "")
	mustRefuse(t, err, 400, "M_UNKNOWN")

	// The master rule stays above the user's own, all others below.
	r = mustPut(t, r, push.Override, "mine", `{"actions":[]}`)
	if got := ids(t, r, push.Override)[:3]; strings.Join(got, " ") != ".m.rule.master mine .m.rule.suppress_notices" {
		t.Errorf("override rules begin with %v", got)
	}
}

func TestDelete(t *testing.T) {
	r := mustPut(t, push.Default(ana), push.Sender, "@bob:example.com", `{"actions":[]}`)
	gone := must(t)(r.Delete(push.Sender, "@bob:example.com"))
	if diff := cmp.Diff(string(gone.Stored()), string(push.Default(ana).Stored())); diff != "" {
		t.Errorf("(-got +want):\n%s", diff)
	}
	mustRule(t, r, push.Sender, "@bob:example.com")
	_, err := gone.Delete(push.Sender, "@bob:example.com")
	mustRefuse(t, err, 404, "M_NOT_FOUND")
	_, err = r.Delete(push.Override, ".m.rule.master")
	mustRefuse(t, err, 400, "M_INVALID_PARAM")
	_, err = r.Delete(push.Override, ".m.rule.nothing")
	mustRefuse(t, err, 404, "M_NOT_FOUND")
}

func TestUnknownKind(t *testing.T) {
	r := push.Default(ana)
	_, err := r.Rule("device", "x")
	mustRefuse(t, err, 404, "M_NOT_FOUND")
	_, err = r.Put("device", "x", json.RawMessage(`{"actions":[]}`), "", "")
	mustRefuse(t, err, 404, "M_NOT_FOUND")
	_, err = r.Delete("device", "x")
	mustRefuse(t, err, 404, "M_NOT_FOUND")
	_, err = r.SetEnabled("device", "x", true)
	mustRefuse(t, err, 404, "M_NOT_FOUND")
	_, err = r.SetActions("device", "x", json.RawMessage(`[]`))
	mustRefuse(t, err, 404, "M_NOT_FOUND")
}

func TestLimits(t *testing.T) {
	r := push.Default(ana)
	for i := range push.MaxRules {
		r = mustPut(t, r, push.Sender, fmt.Sprintf("@u%d:example.com", i), `{"actions":[]}`)
	}
	_, err := r.Put(push.Override, "one more", json.RawMessage(`{"actions":[]}`), "", "")
	mustRefuse(t, err, 400, "M_INVALID_PARAM")
	must(t)(r.SetEnabled(push.Override, ".m.rule.master", true))
	mustPut(t, r, push.Sender, "@u0:example.com", `{"actions":["notify"]}`)
	mustPut(t, must(t)(r.Delete(push.Sender, "@u0:example.com")), push.Override, "one more", `{"actions":[]}`)

	r = push.Default(ana)
	big := `{"actions":[],"conditions":[{"kind":"x","x":"` + strings.Repeat("x", push.MaxStored/4) + `"}]}`
	for i := range 3 {
		r = mustPut(t, r, push.Override, fmt.Sprint(i), big)
	}
	_, err = r.Put(push.Override, "3", json.RawMessage(big), "", "")
	mustRefuse(t, err, 413, "M_TOO_LARGE")
}
