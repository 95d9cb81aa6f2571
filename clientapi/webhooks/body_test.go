package webhooks_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tidwall/gjson"

	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/clientapi/webhooks"
)

var asJSON = http.Header{"Content-Type": {"application/json; charset=utf-8"}}

func mustContent(t testing.TB, body string) (content gjson.Result, slack bool) {
	t.Helper()
	raw, slack, err := webhooks.Content(asJSON, body)
	if err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	content = gjson.ParseBytes(raw)
	if content.Get("msgtype").Str != "m.text" || content.Get("m\\.mentions").Raw != "{}" || !content.Get(`br\.com\.conversalabs\.bot`).Bool() {
		t.Errorf("%s: got %s, want an m.text of a bot that mentions nobody", body, content.Raw)
	}
	if html := content.Get("formatted_body").Exists(); html != (content.Get("format").Str == "org.matrix.custom.html") {
		t.Errorf("%s: got %s, want a format with a formatted_body, and only then", body, content.Raw)
	}
	return content, slack
}

func TestPlainBodies(t *testing.T) {
	t.Parallel()
	const fallback = `<strong data-mx-profile-fallback>CI: </strong>`
	for body, want := range map[string][2]string{ // body and formatted_body
		`{"text":"deployed <b> & *so*"}`:                             {"deployed <b> & *so*", ""},
		`{"text":"@room look"}`:                                      {"@room look", ""},
		`{"text":"a","html":"<b onclick=x>a</b><script>y</script>"}`: {"a", "<b>a</b>"},
		`{"html":"<p>one</p><p>two &amp; <img src=\"mxc://a/b\" alt=\"three\"></p>"}`: {
			"one\ntwo & three", `<p>one</p><p>two &amp; <img src="mxc://a/b" alt="three"></p>`,
		},
		`{"html":"<a href=\"javascript:x\">a</a><img src=\"https://x/y.png\" alt=\"b\"><span data-mx-color=\"#ff0000\" style=\"x\">c</span>"}`: {
			"abc", `a<img alt="b"><span data-mx-color="#ff0000">c</span>`,
		},
		`{"markdown":"**a**\n~~b~~ <i>c</i> https://x.y"}`: {
			"**a**\n~~b~~ <i>c</i> https://x.y",
			"<p><strong>a</strong><br>\n<del>b</del> c <a href=\"https://x.y\">https://x.y</a></p>",
		},
		`{"markdown":"# a","text":"short"}`:              {"short", "<h1>a</h1>"},
		`{"text":"done\n<b>","username":" CI "}`:         {"CI: done\n<b>", fallback + "done<br>&lt;b&gt;"},
		`{"text":"x","username":"<i>"}`:                  {"<i>: x", `<strong data-mx-profile-fallback>&lt;i&gt;: </strong>x`},
		`{"text":"x","html":"<b>x</b>","username":"CI"}`: {"CI: x", fallback + "<b>x</b>"},
		`{"text":"x","unknown":{"a":[1.5]}}`:             {"x", ""},
		"  {\"text\":\"a <tag> and a <b|c>\"}\n":         {"a <tag> and a <b|c>", ""},
	} {
		content, slack := mustContent(t, body)
		if got := [2]string{content.Get("body").Str, content.Get("formatted_body").Str}; got != want || slack {
			t.Errorf("%s: got %q (Slack: %v), want %q", body, got, slack, want)
		}
	}
}

func TestProfiles(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"text":"x"}`:                                      "",
		`{"text":"x","username":"CI"}`:                      `{"displayname":"CI","has_fallback":true,"id":"CI"}`,
		`{"text":"x","icon":"mxc://a.b/c"}`:                 `{"avatar_url":"mxc://a.b/c","id":"mxc://a.b/c"}`,
		`{"text":"x","username":"CI","icon":"mxc://a.b/c"}`: `{"avatar_url":"mxc://a.b/c","displayname":"CI","has_fallback":true,"id":"CI"}`,
		// Slack's icons are pictures elsewhere, or emoji.
		`{"text":"x","username":"CI","icon_emoji":":x:","icon_url":"https://x/y.png"}`: `{"displayname":"CI","has_fallback":true,"id":"CI"}`,
	} {
		content, _ := mustContent(t, body)
		if got := content.Get(`com\.beeper\.per_message_profile`).Raw; got != want {
			t.Errorf("%s: got %s, want %s", body, got, want)
		}
	}
}

func TestBodiesAreRefused(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 257)
	for _, c := range []struct {
		kind, body string
		status     int
		code       string
	}{
		{"application/json", `{}`, 400, "M_MISSING_PARAM"},
		{"application/json", `{"text":" \n"}`, 400, "M_MISSING_PARAM"},
		{"application/json", `{"html":"<script>x</script><hr>"}`, 400, "M_MISSING_PARAM"},
		{"application/json", `{"blocks":[{"type":"divider"},{"type":"new"}]}`, 400, "M_MISSING_PARAM"},
		{"application/json", ``, 400, "M_NOT_JSON"},
		{"application/json", `text=hello`, 400, "M_NOT_JSON"},
		{"application/json", `{"text":"x"} {}`, 400, "M_NOT_JSON"},
		{"application/json", "{\"text\":\"\xff\"}", 400, "M_NOT_JSON"},
		{"application/json", `["x"]`, 400, "M_BAD_JSON"},
		{"application/json", `{"text":1}`, 400, "M_BAD_JSON"},
		{"application/json", `{"text":"a\u0000b"}`, 400, "M_BAD_JSON"},
		{"application/json", `{"html":"a","markdown":"b"}`, 400, "M_INVALID_PARAM"},
		{"application/json", `{"text":"a","icon":"https://x/y.png"}`, 400, "M_INVALID_PARAM"},
		{"application/json", `{"text":"a","username":"` + long + `"}`, 400, "M_INVALID_PARAM"},
		{"application/json", `{"text":"a","idempotency_key":"` + long + `"}`, 400, "M_INVALID_PARAM"},
		{"application/json", `{"text":"a","idempotency_key":""}`, 400, "M_INVALID_PARAM"},
		{"text/plain", `{"text":"a"}`, 415, "M_UNKNOWN"},
		{"multipart/form-data; boundary=x", `{"text":"a"}`, 415, "M_UNKNOWN"},
		{"a/b/c", `{"text":"a"}`, 415, "M_UNKNOWN"},
		{"application/x-www-form-urlencoded", `text=hello`, 400, "M_MISSING_PARAM"},
		{"application/x-www-form-urlencoded", `payload=%zz`, 400, "M_MISSING_PARAM"},
		{"application/x-www-form-urlencoded", `payload=hello`, 400, "M_NOT_JSON"},
	} {
		_, _, err := webhooks.Content(http.Header{"Content-Type": {c.kind}}, c.body)
		if got := refusal.As(err); got == nil || got.Status != c.status || got.Code != c.code {
			t.Errorf("%s %s: got %v, want %d %s", c.kind, c.body, err, c.status, c.code)
		}
	}
	for _, key := range []string{"", long, "\xff"} {
		header := http.Header{"Content-Type": {"application/json"}, "Idempotency-Key": {key}}
		if _, _, err := webhooks.Content(header, `{"text":"a"}`); !refusal.Is(err, "M_INVALID_PARAM") {
			t.Errorf("the key %q: got %v, want M_INVALID_PARAM", key, err)
		}
	}
}

// TestShapes tells Slack's shape from the product's own.
func TestShapes(t *testing.T) {
	t.Parallel()
	const form = "application/x-www-form-urlencoded"
	payload := url.Values{"payload": {`{"text":"a *b*"}`}}.Encode()
	for _, c := range []struct {
		kind, body string
		slack      bool
		text       string
	}{
		{"application/json", `{"text":"a *b*"}`, false, "a *b*"},
		{"", `{"text":"a *b*"}`, false, "a *b*"},
		{form, `{"text":"a *b*"}`, false, "a *b*"}, // as curl -d sends it
		{form, payload, true, "a b"},
		{"application/json", `{"text":"a *b*","mrkdwn":true}`, true, "a b"},
		{"application/json", `{"text":"a *b*","mrkdwn":false}`, true, "a *b*"},
		{"application/json", `{"text":"a *b*","channel":"#ops"}`, true, "a b"},
		{"application/json", `{"text":"*b* <https://x.y|z>"}`, true, "b z (https://x.y)"},
		{"application/json", `{"text":"*b* <!here>"}`, true, "b @here"},
		{"application/json", `{"text":"*b* <https://x.y|z>","idempotency_key":"1"}`, false, "*b* <https://x.y|z>"},
	} {
		content, slack, err := webhooks.Content(http.Header{"Content-Type": {c.kind}}, c.body)
		if text := gjson.GetBytes(content, "body").Str; err != nil || slack != c.slack || text != c.text {
			t.Errorf("%s %s: got %q (Slack: %v), %v, want %q (Slack: %v)", c.kind, c.body, text, slack, err, c.text, c.slack)
		}
	}
}

func TestMrkdwn(t *testing.T) {
	t.Parallel()
	for in, want := range map[string][2]string{
		"plain &amp; &lt;b&gt; 1*2*3 snake_case_name": {"plain & <b> 1*2*3 snake_case_name", "plain &amp; &lt;b&gt; 1*2*3 snake_case_name"},
		"*b* _i_ ~s~ `c*d*`":                          {"b i s c*d*", "<strong>b</strong> <em>i</em> <del>s</del> <code>c*d*</code>"},
		"*b _bi ~all~_*, done":                        {"b bi all, done", "<strong>b <em>bi <del>all</del></em></strong>, done"},
		"* a* *b * `` <> *":                           {"* a* *b * `` <> *", "* a* *b * `` &lt;&gt; *"},
		"<https://x.y/?a=1&amp;b=2|label>":            {"label (https://x.y/?a=1&b=2)", `<a href="https://x.y/?a=1&amp;b=2">label</a>`},
		"<https://x.y> <mailto:a@b.c|a@b.c>":          {"https://x.y a@b.c (a@b.c)", `<a href="https://x.y">https://x.y</a> <a href="mailto:a@b.c">a@b.c</a>`},
		"<javascript:alert(1)|click>":                 {"click (javascript:alert(1))", "click"},
		"<@U1> <@U2|bia> <#C1|general> <#C2>":         {"@U1 @bia #general #C2", "@U1 @bia #general #C2"},
		"<!here> <!subteam^S1|@ops> <!subteam^S2> <!date^1^{date}|today>": {
			"@here @ops @subteam today", "@here @ops @subteam today",
		},
		"a\nb\n\nc":                  {"a\nb\n\nc", "a<br>b<br><br>c"},
		"&gt; a\n> *b*\nc":           {"> a\n> b\nc", "<blockquote>a<br><strong>b</strong></blockquote>c"},
		"a\n```\nx &lt; *y*\n```\nb": {"a\nx < *y*\nb", "a<pre><code>x &lt; *y*</code></pre>b"},
		"```x":                       {"```x", "```x"},
		"*a\nb* *ação*":              {"*a\nb* ação", "*a<br>b* <strong>ação</strong>"},
	} {
		body := `{"mrkdwn":true,"text":` + quote(in) + `}`
		content, _ := mustContent(t, body)
		got := [2]string{content.Get("body").Str, content.Get("formatted_body").Str}
		want[1] = "<div>" + want[1] + "</div>"
		if diff := cmp.Diff(got, want); diff != "" {
			t.Errorf("%q, got before want: %s", in, diff)
		}
	}
}

func quote(text string) string {
	return `"` + strings.NewReplacer(`"`, `\"`, "\n", `\n`).Replace(text) + `"`
}
