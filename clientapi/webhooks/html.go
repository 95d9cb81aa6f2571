package webhooks

import (
	"bytes"
	"regexp"
	"strings"

	"github.com/microcosm-cc/bluemonday"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/renderer/html"
	nethtml "golang.org/x/net/html"
)

// allowed keeps of HTML what the specification lets messages have (section
// "m.room.message msgtypes").
var allowed = newAllowed()

func newAllowed() *bluemonday.Policy {
	p := bluemonday.NewPolicy()
	p.AllowElements("del", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "p", "ul", "sup", "sub", "li", "b", "i", "u",
		"strong", "em", "s", "hr", "br", "table", "thead", "tbody", "tr", "th", "td", "caption", "pre", "details", "summary",
		"ol", "code", "div")
	p.AllowAttrs("start").Matching(bluemonday.Integer).OnElements("ol")
	p.AllowAttrs("class").Matching(regexp.MustCompile(`^language-[\w+.#-]+$`)).OnElements("code")
	colour := regexp.MustCompile(`^#[0-9a-fA-F]{6}$`)
	p.AllowAttrs("data-mx-color", "data-mx-bg-color").Matching(colour).OnElements("span")
	p.AllowAttrs("data-mx-spoiler").OnElements("span")
	p.AllowAttrs("data-mx-maths").OnElements("span", "div")
	p.AllowAttrs("width", "height").Matching(bluemonday.Integer).OnElements("img")
	p.AllowAttrs("alt", "title").OnElements("img")
	p.AllowAttrs("src").Matching(regexp.MustCompile(`^mxc://`)).OnElements("img")
	p.AllowAttrs("href").Matching(regexp.MustCompile(`(?i)^(https?|ftp|mailto|magnet):`)).OnElements("a")
	p.AllowURLSchemes("https", "http", "ftp", "mailto", "magnet", "mxc")
	p.RequireParseableURLs(true)
	return p
}

// sanitize keeps of HTML what messages may have.
func sanitize(text string) string { return strings.TrimSpace(allowed.Sanitize(text)) }

// markdown is CommonMark with strikethrough and bare links. A line stays a line, as
// in every chat. There are no tables: a few bytes of their heads make cells in every
// one of their rows.
var markdown = goldmark.New(
	goldmark.WithExtensions(extension.Strikethrough, extension.Linkify),
	goldmark.WithRendererOptions(html.WithHardWraps()),
)

// maxMarks is how many characters of formatting a text may have to be read as
// Markdown: what they take grows with their square.
const maxMarks = 2000

// marks counts the characters that may begin or end formatting.
func marks(text string) (n int) {
	for i := range len(text) {
		if strings.IndexByte("[]<>*_`~!+&\\", text[i]) >= 0 {
			n++
		}
	}
	return n
}

// nested finds lines that begin many lists in each other, which cost likewise.
var nested = regexp.MustCompile(`(?m)^[ \t]*(?:(?:[-+*>]|[0-9]{1,9}[.)])[ \t]+){20}`)

// deep finds lists in each other over many lines, which cost likewise.
var deep = regexp.MustCompile(`(?m)^[ \t]{40,}(?:[-+*]|[0-9]{1,9}[.)])[ \t]`)

// gaps are several lines with nothing in them, each of which costs once for every list
// that is open, and means no more than one.
var gaps = regexp.MustCompile(`\n(?:[ \t]*\n){2,}`)

// maxMarkdown is how long a text may be to be read as Markdown, in bytes: a longer one
// is no message.
const maxMarkdown = 64 << 10

// fromMarkdown makes HTML of Markdown, in which HTML has no meaning. One of too many
// marks is shown as it is.
func fromMarkdown(text string) string {
	text = gaps.ReplaceAllString(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text), "\n\n")
	if len(text) > maxMarkdown || marks(text) > maxMarks || nested.MatchString(text) || deep.MatchString(text) {
		return paragraphs(text)
	}
	var out bytes.Buffer
	if err := markdown.Convert([]byte(text), &out); err != nil {
		return paragraphs(text) // a buffer does not fail
	}
	return out.String()
}

// escape makes HTML of text that has none.
func escape(text string) string { return nethtml.EscapeString(text) }

// paragraphs is escape for texts of several lines.
func paragraphs(text string) string {
	return strings.ReplaceAll(escape(text), "\n", "<br>")
}

// blocks are the elements behind which a new line begins.
var blocks = map[string]bool{
	"br": true, "p": true, "div": true, "li": true, "tr": true, "blockquote": true, "pre": true, "hr": true, "ul": true,
	"ol": true, "table": true, "h1": true, "h2": true, "h3": true, "h4": true, "h5": true, "h6": true,
	"caption": true, "details": true, "summary": true,
}

// textOf gives what sanitized HTML has to read.
func textOf(sanitized string) string {
	var out strings.Builder
	for tokens := nethtml.NewTokenizer(strings.NewReader(sanitized)); ; {
		switch tokens.Next() {
		case nethtml.ErrorToken:
			return strings.TrimSpace(out.String())
		case nethtml.TextToken:
			out.Write(tokens.Text())
		case nethtml.StartTagToken, nethtml.SelfClosingTagToken:
			name, more := tokens.TagName()
			switch string(name) {
			case "br", "hr":
				out.WriteByte('\n')
			case "td", "th":
				out.WriteByte(' ')
			case "img":
				out.WriteString(alternative(tokens, more))
			}
		case nethtml.EndTagToken:
			if name, _ := tokens.TagName(); blocks[string(name)] {
				out.WriteByte('\n')
			}
		}
	}
}

// alternative gives what is to be read in the place of a picture.
func alternative(tokens *nethtml.Tokenizer, more bool) string {
	for more {
		var key, value []byte
		if key, value, more = tokens.TagAttr(); string(key) == "alt" {
			return string(value)
		}
	}
	return ""
}
