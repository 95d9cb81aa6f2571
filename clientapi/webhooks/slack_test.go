package webhooks_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tidwall/gjson"

	"github.com/conversalabs/internalchat/clientapi/webhooks"
)

func TestSlackBodies(t *testing.T) {
	t.Parallel()
	for body, want := range map[string][2]string{ // body and formatted_body
		`{"text":"only for old clients","blocks":[{"type":"section","text":{"type":"mrkdwn","text":"*new*"}}]}`: {
			"new", "<div><strong>new</strong></div>",
		},
		`{"text":"what is there","blocks":[{"type":"video"}]}`: {"what is there", "<div>what is there</div>"},
		`{"blocks":[{"type":"header","text":{"type":"plain_text","text":"Deploy *1*"}},{"type":"divider"},
			{"type":"section","fields":[{"type":"mrkdwn","text":"*State*\nok"},{"type":"plain_text","text":"*plain*"}]},
			{"type":"context","elements":[{"type":"image","image_url":"https://x.y/i.png","alt_text":"a cat"},{"type":"mrkdwn","text":"by <@U1|bia>"}]}]}`: {
			"Deploy *1*\n———\nState\nok\n*plain*\na cat (https://x.y/i.png)\nby @bia",
			`<h3>Deploy *1*</h3><hr><div><strong>State</strong><br>ok</div><div>*plain*</div>` +
				`<div><a href="https://x.y/i.png">a cat</a></div><div>by @bia</div>`,
		},
		`{"blocks":[{"type":"section","text":{"type":"mrkdwn","text":"Ship it?"},"accessory":{"type":"button","text":{"type":"plain_text","text":"Open"},"url":"https://x.y"}},
			{"type":"actions","elements":[{"type":"button","text":{"type":"plain_text","text":"Yes"}},{"type":"static_select","placeholder":{"type":"plain_text","text":"When"}},{"type":"datepicker"}]},
			{"type":"image","title":{"type":"plain_text","text":"Graph"},"image_url":"https://x.y/g.png","alt_text":"no"}]}`: {
			"Ship it?\n[Open] (https://x.y)\n[Yes] [When]\nGraph (https://x.y/g.png)",
			`<div>Ship it?</div><div><a href="https://x.y">[Open]</a></div><div>[Yes] [When]</div><div><a href="https://x.y/g.png">Graph</a></div>`,
		},
		`{"blocks":[{"type":"rich_text","elements":[
			{"type":"rich_text_section","elements":[{"type":"text","text":"a <b> ","style":{"bold":true,"italic":true}},{"type":"emoji","name":"wave","unicode":"1f44b"},
				{"type":"emoji","name":"ship"},{"type":"user","user_id":"U1"},{"type":"broadcast","range":"here"},{"type":"link","url":"https://x.y","text":"z","style":{"code":true}}]},
			{"type":"rich_text_list","style":"ordered","indent":1,"elements":[{"type":"rich_text_section","elements":[{"type":"text","text":"one"}]},{"type":"rich_text_section","elements":[{"type":"text","text":"two"}]}]},
			{"type":"rich_text_list","style":"bullet","elements":[{"type":"rich_text_section","elements":[{"type":"channel","channel_id":"C1"}]}]},
			{"type":"rich_text_quote","elements":[{"type":"text","text":"said\nonce","style":{"strike":true}}]},
			{"type":"rich_text_preformatted","elements":[{"type":"text","text":"x < y"}]}]}]}`: {
			"a <b> 👋:ship:@U1@herez (https://x.y)\n  1. one\n  2. two\n• #C1\n> said\n> once\nx < y",
			`<div><strong><em>a &lt;b&gt; </em></strong>👋:ship:@U1@here<code><a href="https://x.y">z</a></code></div>` +
				`<ul><ol><li>one</li><li>two</li></ol></ul><ul><li>#C1</li></ul>` +
				`<blockquote><del>said<br>once</del></blockquote><pre><code>x &lt; y</code></pre>`,
		},
		`{"attachments":[{"fallback":"not shown","color":"#ff0000","pretext":"*Alert*","author_name":"Ana","title":"Disk &amp; CPU","title_link":"https://x.y/1",
			"text":"at _90 %_","fields":[{"title":"Host","value":"db1","short":true},{"title":"Load","value":3}],"footer":"monitor","actions":[{"type":"button","text":"Ack","url":"https://x.y/a"}]}]}`: {
			"Alert\nAna\nDisk & CPU (https://x.y/1)\nat 90 %\nHost: db1\nLoad: 3\n[Ack] (https://x.y/a)\nmonitor",
			`<div><strong>Alert</strong></div><blockquote><div>Ana</div><div><strong><a href="https://x.y/1">Disk &amp; CPU</a></strong></div>` +
				`<div>at <em>90 %</em></div><div><strong>Host:</strong> db1</div><div><strong>Load:</strong> 3</div>` +
				`<div><a href="https://x.y/a">[Ack]</a></div><div><em>monitor</em></div></blockquote>`,
		},
		`{"text":"above","attachments":[{"fallback":"the *fallback*"},{"text":"*raw*","mrkdwn_in":["pretext"]},7]}`: {
			"above\nthe *fallback*\n*raw*", "<div>above</div><div>the *fallback*</div><blockquote><div>*raw*</div></blockquote>",
		},
		`{"text":"x","username":"Grafana","attachments":{"not":"a list"}}`: {
			"Grafana: x", "<strong data-mx-profile-fallback>Grafana: </strong><div>x</div>",
		},
	} {
		content, slack := mustContent(t, body)
		if !slack {
			t.Errorf("%s is not taken for Slack's", body)
		}
		got := [2]string{content.Get("body").Str, content.Get("formatted_body").Str}
		if diff := cmp.Diff(got, want); diff != "" {
			t.Errorf("%s\ngot before want: %s", body, diff)
		}
	}
}

// TestHardBodies takes no time, where one of these alone would take many seconds if
// it were read to its end again at every mark.
func TestHardBodies(t *testing.T) {
	t.Parallel()
	for _, hard := range []string{"*a ", "`a ", "``a", "<", "&lt;", "*a_b~", "> ", "*", "_*~`<"} {
		mustContent(t, `{"mrkdwn":true,"text":`+quote(strings.Repeat(hard, 60_000/len(hard)))+`}`)
	}
	for _, hard := range []string{">", "[", "*a ", "_a**b", "![](", "<a>", "`", "- ", "1) ", "|", "http://a.b "} {
		if _, _, err := webhooks.Content(asJSON, `{"markdown":`+quote(strings.Repeat(hard, 60_000/len(hard))+"a")+`}`); err != nil {
			t.Errorf("%q: %v", hard, err)
		}
	}
}

// Lines with nothing in them, each of which would be work for every list that is open,
// mean no more than one, however they end; and too many lists in each other are text.
func TestListsInLists(t *testing.T) {
	t.Parallel()
	formatted := func(depth int, ending string, gap int) string {
		var text strings.Builder
		for i := range depth {
			text.WriteString(strings.Repeat("  ", i) + "- a" + ending)
		}
		text.WriteString(strings.Repeat(ending, gap) + "end")
		body, err := json.Marshal(map[string]string{"markdown": text.String()})
		if err != nil {
			t.Fatal(err)
		}
		content, _, err := webhooks.Content(asJSON, string(body))
		if err != nil {
			t.Fatal(err)
		}
		return gjson.GetBytes(content, "formatted_body").Str
	}
	for _, ending := range []string{"\n", "\r\n", "\r"} {
		for depth, lists := range map[int]bool{1: true, 19: true, 60: false} {
			want := formatted(depth, "\n", 1)
			if got := formatted(depth, ending, 30_000); got != want || strings.Contains(got, "<ul>") != lists {
				t.Errorf("%d lists, %q: got %.200q, want %.200q, lists: %t", depth, ending, got, want, lists)
			}
		}
	}
}

// FuzzSlack demands of every body that the message made of it is bounded by it, and
// its HTML is what the sanitizer leaves.
func FuzzSlack(f *testing.F) {
	for _, body := range []string{
		`{"blocks":[{"type":"section","text":{"type":"mrkdwn","text":"*a* <https://x.y|z> &gt;"}}]}`,
		`{"blocks":[{"type":"rich_text","elements":[{"type":"rich_text_list","indent":99,"elements":[{"elements":[{"type":"text","text":"<b>"}]}]}]}]}`,
		`{"attachments":[{"title":"<script>","title_link":"javascript:x","fields":[{"value":"` + "```x```" + `"}]}],"username":"u"}`,
		`{"mrkdwn":true,"text":"> a\n*b _c ~d~_* ` + "`e`" + ` <!date^1|f>"}`,
		`{"blocks":[{"type":"actions","elements":[{"text":{"text":"x"}}]},{"type":"markdown","text":"**a**"},{"type":"image","image_url":"mxc://a/b"}]}`,
	} {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		content, _, err := webhooks.Content(asJSON, body)
		if err != nil {
			return
		}
		if most := 200*len(body) + 1000; len(content) > most {
			t.Errorf("%d bytes were made of %d", len(content), len(body))
		}
		formatted := gjson.GetBytes(content, "formatted_body").Str
		if _, after, prefixed := strings.Cut(formatted, ": </strong>"); strings.HasPrefix(formatted, "<strong data-mx-profile-fallback>") && prefixed {
			formatted = after
		}
		if again := webhooks.Sanitize(formatted); again != strings.TrimSpace(formatted) {
			t.Errorf("got %q, of which the sanitizer makes %q", formatted, again)
		}
	})
}
