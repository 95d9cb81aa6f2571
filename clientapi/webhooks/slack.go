package webhooks

import (
	"encoding/json"
	"strings"

	"github.com/tidwall/gjson"
)

// fromSlack reads the shape of Slack's incoming webhooks. What is not known here, or
// not as it should be, is passed over, as Slack's own clients pass over blocks that
// are newer than they are.
func fromSlack(object json.RawMessage) *post {
	body := gjson.ParseBytes(object)
	p := &post{slack: true, name: short(strings.TrimSpace(body.Get("username").Str))}
	for _, key := range []string{"icon_url", "icon"} {
		if icon := body.Get(key).Str; isMXC(icon) {
			p.icon = icon // others cannot be shown
		}
	}
	w := &slackWriter{}
	w.blocks(body.Get("blocks"))
	if w.text.Len() == 0 {
		// Beside blocks, text is only for those who cannot show them.
		w.markup(body.Get("text").Str, body.Get("mrkdwn").Raw != "false")
	}
	each(body.Get("attachments"), w.attachment)
	p.text, p.html = strings.TrimSpace(w.text.String()), w.html.String()
	return p
}

// short cuts a name that is too long, by whole characters.
func short(name string) string {
	if len(name) > maxName {
		name = strings.ToValidUTF8(name[:maxName], "")
	}
	return name
}

// each visits the elements of an array; what is none has none.
func each(list gjson.Result, visit func(gjson.Result)) {
	if !list.IsArray() {
		return
	}
	list.ForEach(func(_, element gjson.Result) bool {
		visit(element)
		return true
	})
}

// slackWriter writes the parts of Slack's messages, each a paragraph.
type slackWriter struct{ rich }

// part writes what inner writes as a part of its own, if that is anything.
func (w *slackWriter) part(element string, inner func(*slackWriter)) {
	of := &slackWriter{}
	inner(of)
	if strings.TrimSpace(of.text.String()) == "" {
		return
	}
	w.newLine()
	w.text.WriteString(of.text.String())
	w.html.WriteString("<" + element + ">" + of.html.String() + "</" + element + ">")
}

// markup writes a text as a part.
func (w *slackWriter) markup(text string, mrkdwn bool) {
	w.part("div", func(w *slackWriter) {
		if mrkdwn {
			w.mrkdwn(text)
		} else {
			w.say(unescape.Replace(text))
		}
	})
}

// object writes a text object, {type, text}, as a part.
func (w *slackWriter) object(object gjson.Result) {
	w.markup(object.Get("text").Str, object.Get("type").Str == "mrkdwn")
}

func (w *slackWriter) blocks(list gjson.Result) { each(list, w.block) }

func (w *slackWriter) block(block gjson.Result) {
	switch block.Get("type").Str {
	case "header":
		w.part("h3", func(w *slackWriter) { w.say(block.Get("text.text").Str) })
	case "section":
		w.object(block.Get("text"))
		each(block.Get("fields"), w.object)
		w.element(block.Get("accessory"))
	case "context":
		each(block.Get("elements"), w.element)
	case "actions":
		w.part("div", func(w *slackWriter) { each(block.Get("elements"), w.button) })
	case "divider":
		w.newLine()
		if w.text.Len() > 0 {
			w.text.WriteString("———\n")
		}
		w.html.WriteString("<hr>")
	case "image":
		w.element(block)
	case "rich_text":
		each(block.Get("elements"), w.richText)
	case "markdown":
		w.part("div", func(w *slackWriter) { w.say(block.Get("text").Str) })
	}
}

// element writes an element of a section or context: a text, a picture or a button.
func (w *slackWriter) element(element gjson.Result) {
	switch element.Get("type").Str {
	case "plain_text", "mrkdwn":
		w.object(element)
	case "image":
		label := element.Get("title.text").Str
		if label == "" {
			label = element.Get("alt_text").Str
		}
		w.picture(element.Get("image_url").Str, label)
	default:
		w.part("div", func(w *slackWriter) { w.button(element) })
	}
}

// picture writes a link to a picture that is not here.
func (w *slackWriter) picture(address, label string) {
	w.part("div", func(w *slackWriter) { w.linkOr(address, label) })
}

// linkOr writes a link, or the label alone where there is no address.
func (w *slackWriter) linkOr(address, label string) {
	if address == "" {
		w.say(label)
		return
	}
	w.link(address, label)
}

// button writes the label of something to press or to choose from, with the address
// that it leads to, if it does. Nothing can be pressed here.
func (w *slackWriter) button(button gjson.Result) {
	label := button.Get("text.text").Str
	if label == "" {
		label = button.Get("placeholder.text").Str
	}
	if label == "" {
		return
	}
	if w.text.Len() > 0 {
		w.say(" ")
	}
	w.linkOr(button.Get("url").Str, "["+label+"]")
}

// attachment writes one of the older attachments. Its fallback is for when there is
// nothing else.
func (w *slackWriter) attachment(attachment gjson.Result) {
	get := func(key string) string { return attachment.Get(key).Str }
	marked := func(key string) bool {
		in := attachment.Get("mrkdwn_in")
		found := !in.Exists()
		each(in, func(name gjson.Result) { found = found || name.Str == key })
		return found
	}
	before := w.text.Len()
	w.markup(get("pretext"), marked("pretext"))
	w.part("blockquote", func(w *slackWriter) {
		w.part("div", func(w *slackWriter) { w.linkOr(get("author_link"), get("author_name")) })
		if title := get("title"); title != "" {
			w.part("div", func(w *slackWriter) {
				w.within("strong", func() { w.linkOr(get("title_link"), unescape.Replace(title)) })
			})
		}
		w.markup(get("text"), marked("text"))
		each(attachment.Get("fields"), w.field)
		w.blocks(attachment.Get("blocks"))
		if image := get("image_url"); image != "" {
			w.picture(image, "")
		}
		w.part("div", func(w *slackWriter) { each(attachment.Get("actions"), w.oldButton) })
		w.part("div", func(w *slackWriter) { w.within("em", func() { w.say(unescape.Replace(get("footer"))) }) })
	})
	if w.text.Len() == before {
		w.markup(get("fallback"), false)
	}
}

// field writes a field of an attachment, {title, value}.
func (w *slackWriter) field(field gjson.Result) {
	title, value := field.Get("title").Str, field.Get("value").String()
	w.part("div", func(w *slackWriter) {
		if title != "" {
			w.within("strong", func() { w.say(unescape.Replace(title) + ":") })
			w.say(" ")
		}
		w.mrkdwn(value)
	})
}

// oldButton writes an action of an attachment, whose text is a string.
func (w *slackWriter) oldButton(action gjson.Result) {
	if label := action.Get("text").Str; label != "" {
		if w.text.Len() > 0 {
			w.say(" ")
		}
		w.linkOr(action.Get("url").Str, "["+label+"]")
	}
}
