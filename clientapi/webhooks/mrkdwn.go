package webhooks

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// rich is a message being written, as text and as HTML that says the same. Nothing
// but its methods writes HTML, and what they are given is text.
type rich struct{ text, html strings.Builder }

// say writes text as it is.
func (r *rich) say(text string) {
	r.text.WriteString(text)
	r.html.WriteString(paragraphs(text))
}

// within writes what inner writes, in an element.
func (r *rich) within(element string, inner func()) {
	r.html.WriteString("<" + element + ">")
	inner()
	r.html.WriteString("</" + element + ">")
}

// link writes a link; without a label the address is what is read.
func (r *rich) link(address, label string) {
	label = strings.TrimSpace(label)
	if label == "" {
		label = strings.TrimPrefix(address, "mailto:")
		r.text.WriteString(label)
	} else {
		r.text.WriteString(label)
		if label != address {
			r.text.WriteString(" (" + strings.TrimPrefix(address, "mailto:") + ")")
		}
	}
	r.html.WriteString(`<a href="` + escape(address) + `">` + escape(label) + "</a>")
}

// unescape takes back the three characters that Slack escapes in its texts.
var unescape = strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&")

const fence = "```"

// mrkdwn writes a text in Slack's markup ("Formatting text for app surfaces" in
// Slack's documentation): code in fences, quotes, and what stands in a line.
func (r *rich) mrkdwn(text string) {
	for text != "" {
		before, rest, opened := strings.Cut(text, fence)
		code, after, closed := strings.Cut(rest, fence)
		if !opened || !closed {
			r.lines(text)
			return
		}
		r.lines(strings.TrimSuffix(before, "\n"))
		r.preformatted(unescape.Replace(strings.Trim(code, "\n")))
		text = strings.TrimPrefix(after, "\n")
	}
}

// preformatted writes a block of code.
func (r *rich) preformatted(code string) {
	r.newLine()
	r.text.WriteString(code + "\n")
	r.html.WriteString("<pre><code>" + escape(code) + "</code></pre>")
}

// newLine begins a line of the text, unless one has just begun.
func (r *rich) newLine() {
	if text := r.text.String(); text != "" && !strings.HasSuffix(text, "\n") {
		r.text.WriteByte('\n')
	}
}

// lines writes lines without code in fences. Those of a quote stand in one element.
func (r *rich) lines(text string) {
	quoting, broken := false, true
	for line := range strings.SplitSeq(text, "\n") {
		quoted, isQuote := strings.CutPrefix(line, "&gt;")
		if !isQuote {
			quoted, isQuote = strings.CutPrefix(line, ">")
		}
		if !broken {
			r.text.WriteByte('\n')
		}
		switch {
		case isQuote && !quoting:
			r.html.WriteString("<blockquote>")
		case !isQuote && quoting:
			r.html.WriteString("</blockquote>")
		case !broken:
			r.html.WriteString("<br>")
		}
		if quoting, broken = isQuote, false; isQuote {
			r.text.WriteString("> ")
			line = strings.TrimPrefix(quoted, " ")
		}
		r.inline(line, "*_~")
	}
	if quoting {
		r.html.WriteString("</blockquote>")
	}
}

// elements are what Slack's marks are in HTML.
var elements = map[byte]string{'*': "strong", '_': "em", '~': "del", '`': "code"}

// inline writes part of a line, in which those marks of style have a meaning that
// are not in force already; so it calls itself three times at most.
func (r *rich) inline(line, marks string) {
	plain := 0 // where what has no meaning of its own begins
	flush := func(end int) {
		r.say(unescape.Replace(line[plain:end]))
	}
	var unclosed [256]bool // marks that no place further on closes
	for i := 0; i < len(line); {
		mark := line[i]
		end := -1
		switch {
		case unclosed[mark]:
		case mark == '<':
			end = closing(line, i, '>')
		case mark == '`':
			end = closing(line, i, '`')
		case strings.IndexByte(marks, mark) >= 0:
			if !opens(line, i) {
				i++
				continue
			}
			end = closingStyle(line, i, mark)
		default:
			i++
			continue
		}
		if end < 0 {
			unclosed[mark] = true
			i++
			continue
		}
		flush(i)
		inner := line[i+1 : end]
		switch mark {
		case '<':
			r.reference(inner)
		case '`':
			r.within("code", func() { r.say(unescape.Replace(inner)) })
		default:
			r.within(elements[mark], func() { r.inline(inner, strings.ReplaceAll(marks, string(mark), "")) })
		}
		i = end + 1
		plain = i
	}
	flush(len(line))
}

// closing gives where something that opens at i and is not empty closes, or -1.
func closing(line string, i int, mark byte) int {
	for i++; i < len(line) && line[i] == mark; i++ {
		continue // nothing would stand between them
	}
	end := strings.IndexByte(line[i:], mark)
	if end < 0 {
		return -1
	}
	return i + end
}

// opens tells whether a mark of style begins something: no word goes on across it,
// and something follows it.
func opens(line string, i int) bool {
	before, _ := utf8.DecodeLastRuneInString(line[:i])
	after, size := utf8.DecodeRuneInString(line[i+1:])
	return (i == 0 || !wordy(before)) && size > 0 && !unicode.IsSpace(after)
}

// closingStyle gives where a style that opens at i ends, or -1.
func closingStyle(line string, i int, mark byte) int {
	for end := i + 2; end < len(line); end++ {
		if line[end] != mark {
			continue
		}
		before, _ := utf8.DecodeLastRuneInString(line[:end])
		after, size := utf8.DecodeRuneInString(line[end+1:])
		if !unicode.IsSpace(before) && (size == 0 || !wordy(after)) {
			return end
		}
	}
	return -1
}

func wordy(c rune) bool { return unicode.IsLetter(c) || unicode.IsDigit(c) }

// reference writes what stands in angle brackets: a link, or somebody or something
// of Slack's, of which nothing but its label is known here.
func (r *rich) reference(inner string) {
	address, label, _ := strings.Cut(inner, "|")
	address, label = unescape.Replace(address), unescape.Replace(label)
	switch {
	case strings.HasPrefix(address, "@"), strings.HasPrefix(address, "#"):
		if label != "" {
			address = address[:1] + strings.TrimPrefix(label, address[:1])
		}
		r.say(address)
	case strings.HasPrefix(address, "!"):
		if label == "" {
			label, _, _ = strings.Cut("@"+address[1:], "^")
		}
		r.say(label)
	case strings.Contains(address, ":"):
		r.link(address, label)
	default:
		r.say("<" + unescape.Replace(inner) + ">")
	}
}
