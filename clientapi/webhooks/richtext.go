package webhooks

import (
	"strconv"
	"strings"

	"github.com/tidwall/gjson"
)

// maxIndent is how deep a list can stand in others.
const maxIndent = 8

// richText writes an element of a block rich_text: a section, list, quote, or code.
func (w *slackWriter) richText(element gjson.Result) {
	switch element.Get("type").Str {
	case "rich_text_section":
		w.part("div", func(w *slackWriter) { w.run(element) })
	case "rich_text_list":
		w.list(element)
	case "rich_text_quote":
		of := &slackWriter{}
		of.run(element)
		w.newLine()
		w.text.WriteString("> " + strings.ReplaceAll(of.text.String(), "\n", "\n> "))
		w.html.WriteString("<blockquote>" + of.html.String() + "</blockquote>")
	case "rich_text_preformatted":
		of := &slackWriter{}
		of.run(element)
		w.preformatted(of.text.String())
	}
}

// list writes a list, whose elements are sections. Slack's lists do not stand in
// each other: they say how deep they would.
func (w *slackWriter) list(list gjson.Result) {
	ordered := list.Get("style").Str == "ordered"
	indent := int(min(max(list.Get("indent").Int(), 0), maxIndent))
	kind := "ul"
	if ordered {
		kind = "ol"
	}
	n := 0
	w.html.WriteString(strings.Repeat("<ul>", indent) + "<" + kind + ">")
	each(list.Get("elements"), func(section gjson.Result) {
		n++
		w.newLine()
		w.text.WriteString(strings.Repeat("  ", indent))
		if ordered {
			w.text.WriteString(strconv.Itoa(n) + ". ")
		} else {
			w.text.WriteString("• ")
		}
		w.within("li", func() { w.run(section) })
	})
	w.html.WriteString("</" + kind + ">" + strings.Repeat("</ul>", indent))
}

// run writes the elements of a section one behind the other.
func (w *slackWriter) run(section gjson.Result) {
	each(section.Get("elements"), func(element gjson.Result) {
		w.styled(element.Get("style"), func() { w.inlineElement(element) })
	})
}

// styled writes what inner writes in a style, {bold, italic, strike, code}.
func (w *slackWriter) styled(style gjson.Result, inner func()) {
	for _, s := range [][2]string{{"code", "code"}, {"strike", "del"}, {"italic", "em"}, {"bold", "strong"}} {
		if style.Get(s[0]).Bool() {
			next := inner
			inner = func() { w.within(s[1], next) }
		}
	}
	inner()
}

// inlineElement writes an element of a section. Of who and what is Slack's, only
// its ID is known.
func (w *slackWriter) inlineElement(element gjson.Result) {
	get := func(key string) string { return element.Get(key).Str }
	switch get("type") {
	case "text":
		w.say(get("text"))
	case "link":
		w.linkOr(get("url"), get("text"))
	case "emoji":
		w.say(emoji(get("name"), get("unicode")))
	case "user":
		w.say("@" + get("user_id"))
	case "usergroup":
		w.say("@" + get("usergroup_id"))
	case "channel":
		w.say("#" + get("channel_id"))
	case "broadcast":
		w.say("@" + get("range"))
	case "color":
		w.say(get("value"))
	case "date":
		w.say(get("fallback"))
	}
}

// emoji gives an emoji by its code points in hex ("1f44b-1f3fd"), or else its name
// as people write it.
func emoji(name, codes string) string {
	var out strings.Builder
	for code := range strings.SplitSeq(codes, "-") {
		n, err := strconv.ParseUint(code, 16, 21)
		if err != nil || n == 0 {
			return ":" + name + ":"
		}
		out.WriteRune(rune(n))
	}
	return out.String()
}
