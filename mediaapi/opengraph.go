package mediaapi

import (
	"bytes"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
	"golang.org/x/net/html/charset"
)

const (
	maxSaid       = 1 << 10 // characters of one value
	maxProperties = 50
)

// openGraph finds what a page says of itself (https://ogp.me), its title and its
// description where it does not speak OpenGraph.
func openGraph(page []byte, contentType string) map[string]string {
	said, other := map[string]string{}, map[string]string{}
	text, err := charset.NewReader(bytes.NewReader(page), contentType)
	if err != nil {
		return said
	}
	for tokens := html.NewTokenizer(text); ; {
		switch tokens.Next() {
		case html.ErrorToken:
			return completed(said, other)
		case html.StartTagToken, html.SelfClosingTagToken:
			switch token := tokens.Token(); token.DataAtom {
			case atom.Meta:
				name, content := meta(token)
				if strings.HasPrefix(name, "og:") {
					say(said, name, content)
				} else {
					say(other, name, content)
				}
			case atom.Title:
				if tokens.Next() == html.TextToken {
					say(other, "title", tokens.Token().Data)
				}
			case atom.Body:
				return completed(said, other) // its head is over
			}
		}
	}
}

// meta reads <meta property=… content=…>.
func meta(token html.Token) (name, content string) {
	for _, a := range token.Attr {
		switch a.Key {
		case "property":
			name = a.Val
		case "name":
			if name == "" {
				name = a.Val
			}
		case "content":
			content = a.Val
		}
	}
	return strings.ToLower(name), content
}

// say keeps the first value of a name.
func say(said map[string]string, name, value string) {
	value = strings.ToValidUTF8(strings.ReplaceAll(strings.TrimSpace(value), "\x00", ""), "")
	if r := []rune(value); len(r) > maxSaid {
		value = string(r[:maxSaid])
	}
	if said[name] == "" && value != "" && len(name) <= 100 && len(said) < maxProperties {
		said[name] = value
	}
}

// completed takes what OpenGraph has not from elsewhere.
func completed(said, other map[string]string) map[string]string {
	say(said, "og:title", other["title"])
	say(said, "og:description", other["description"])
	for _, name := range []string{"og:image:url", "og:image:secure_url", "twitter:image"} {
		say(said, "og:image", said[name])
		say(said, "og:image", other[name])
	}
	for name := range said {
		if strings.HasPrefix(name, "og:image:") {
			delete(said, name) // of the picture as it was; ours are said anew
		}
	}
	return said
}
