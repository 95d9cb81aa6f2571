package media

import (
	"bytes"
	"slices"
	"strings"

	"github.com/tidwall/gjson"
	"golang.org/x/net/html"
	"maunium.net/go/mautrix/id"
)

// fields are where the content of an event names media, as paths of gjson. Besides
// there are the pictures in [formattedBody], and all of these in [newContent].
var fields = []string{
	"url", "file.url", // of m.image and the like, of m.sticker, of m.room.avatar
	"info.thumbnail_url", "info.thumbnail_file.url",
	"avatar_url",                              // of m.room.member
	"pack.avatar_url", "images.@values.#.url", // of packs of pictures (MSC2545)
}

const (
	formattedBody = "formatted_body"
	newContent    = `m\.new_content`
)

// namedMost is how many pieces of media one content may name.
const namedMost = 500

// scheme begins all addresses of media. What follows may be escaped in JSON that
// clients have written.
var scheme = []byte("mxc:")

// MayName tells whether a content can name media at all: no more than a look for a few
// bytes.
func MayName(content []byte) bool { return bytes.Contains(content, scheme) }

// NamedInEvent gives the media of a server that the content of an event names, each
// once, the first 500 of them.
func NamedInEvent(content []byte, server string) []ID {
	n := names{server: server}
	whole := gjson.ParseBytes(content)
	n.content(whole)
	n.content(whole.Get(newContent))
	return n.found
}

// NamedAnywhere gives the media of a server that are named by any text of a JSON
// value, each once, the first 500 of them: so clients keep them in account data, and
// profiles.
func NamedAnywhere(content []byte, server string) []ID {
	n := names{server: server}
	n.within(gjson.ParseBytes(content))
	return n.found
}

// names collects the media of a server.
type names struct {
	server string
	found  []ID
}

func (n *names) add(address string) {
	if !strings.HasPrefix(address, "mxc://") || len(n.found) == namedMost {
		return
	}
	uri, err := id.ParseContentURI(address)
	if name := ID(uri.FileID); err == nil && uri.Homeserver == n.server && name.Valid() && !slices.Contains(n.found, name) {
		n.found = append(n.found, name)
	}
}

func (n *names) content(content gjson.Result) {
	if !content.IsObject() {
		return
	}
	for _, field := range fields {
		n.within(content.Get(field))
	}
	n.pictures(content.Get(formattedBody).Str)
}

// within looks at all texts of a value.
func (n *names) within(value gjson.Result) {
	if value.Type == gjson.String {
		n.add(value.Str)
		return
	}
	if value.Type == gjson.JSON {
		value.ForEach(func(_, item gjson.Result) bool {
			n.within(item)
			return true
		})
	}
}

func (n *names) pictures(text string) {
	if !strings.Contains(text, "mxc:") {
		return
	}
	for z := html.NewTokenizer(strings.NewReader(text)); ; {
		switch z.Next() {
		case html.ErrorToken:
			return
		case html.StartTagToken, html.SelfClosingTagToken:
			tag := z.Token()
			for _, attribute := range tag.Attr {
				if tag.Data == "img" && attribute.Key == "src" {
					n.add(attribute.Val)
				}
			}
		}
	}
}
