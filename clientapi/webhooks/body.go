package webhooks

import (
	"bytes"
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/tidwall/gjson"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/clientapi/httpapi"
	"github.com/conversalabs/internalchat/clientapi/refusal"
)

// What is refused of bodies.
var (
	errContentType = refusal.New(http.StatusUnsupportedMediaType, "M_UNKNOWN",
		"A webhook takes JSON (application/json), or a form with the field payload (application/x-www-form-urlencoded).")
	errForm     = refusal.Missing("A form for a webhook must have JSON in the field payload.")
	errEmpty    = refusal.Missing("This message is empty: give text, html or markdown, or blocks or attachments with something to read.")
	errMarkup   = refusal.Invalid("Give html or markdown, not both.")
	errIcon     = refusal.Invalid("The icon of a message must be an mxc:// address of at most 255 bytes.")
	errUsername = refusal.Invalid("The username of a message can have at most 256 bytes.")
	errKey      = refusal.Invalid("An idempotency key has 1 to 255 bytes of UTF-8 text.")
)

const (
	maxName = 256
	maxIcon = 255
	maxKey  = 255
)

// post is what a body says.
type post struct {
	text  string
	html  string // as it came; "" for none
	name  string // of who posts, if not the webhook's
	icon  string // mxc URI
	key   string // of idempotence, or empty
	slack bool   // the body has Slack's shape
}

// read makes a post of a body, by its content: see docs/webhooks.md.
func read(header http.Header, body []byte) (*post, error) {
	object, form, err := payload(header.Get("Content-Type"), body)
	if err != nil {
		return nil, err
	}
	object, err = httpapi.Object(object)
	if err != nil {
		return nil, err
	}
	var p *post
	if form || slackShaped(object) {
		p = fromSlack(object)
	} else if p, err = plain(object); err != nil {
		return nil, err
	}
	keys := header.Values("Idempotency-Key")
	if len(keys) > 0 {
		p.key = keys[0]
	}
	if len(keys) > 0 && p.key == "" || len(p.key) > maxKey || !utf8.ValidString(p.key) {
		return nil, errKey
	}
	return p, nil
}

// payload gives the JSON of a body, and whether it came in a form. JSON that is
// called a form, as curl does by itself, is taken for what it is.
func payload(contentType string, body []byte) (object []byte, form bool, err error) {
	kind := "application/json"
	if contentType != "" {
		if kind, _, err = mime.ParseMediaType(contentType); err != nil {
			return nil, false, errContentType
		}
	}
	switch {
	case kind == "application/json":
		return body, false, nil
	case kind != "application/x-www-form-urlencoded":
		return nil, false, errContentType
	case bytes.HasPrefix(bytes.TrimSpace(body), []byte("{")):
		return body, false, nil
	}
	fields, err := url.ParseQuery(string(body))
	if err != nil || !fields.Has("payload") {
		return nil, false, errForm
	}
	return []byte(fields.Get("payload")), true, nil
}

// plain reads the product's own shape.
func plain(object json.RawMessage) (*post, error) {
	var body struct {
		Text     string  `json:"text"`
		HTML     string  `json:"html"`
		Markdown string  `json:"markdown"`
		Username string  `json:"username"`
		Icon     string  `json:"icon"`
		Key      *string `json:"idempotency_key"`
	}
	if err := httpapi.Unmarshal(object, &body); err != nil {
		return nil, err
	}
	p := &post{text: body.Text, html: body.HTML, name: strings.TrimSpace(body.Username), icon: body.Icon}
	switch {
	case body.HTML != "" && body.Markdown != "":
		return nil, errMarkup
	case body.Markdown != "":
		p.html = fromMarkdown(body.Markdown)
		if p.text == "" {
			p.text = body.Markdown
		}
	}
	if body.Key != nil {
		if p.key = *body.Key; p.key == "" {
			return nil, errKey
		}
	}
	if len(p.name) > maxName {
		return nil, errUsername
	}
	if p.icon != "" && !isMXC(p.icon) {
		return nil, errIcon
	}
	return p, nil
}

func isMXC(icon string) bool {
	uri, err := id.ParseContentURI(icon)
	return err == nil && uri.IsValid() && len(icon) <= maxIcon
}

// slackKeys are those by which Slack's shape is told from the product's own.
var slackKeys = []string{
	"attachments", "blocks", "channel", "icon_emoji", "icon_url", "mrkdwn", "link_names", "parse",
	"unfurl_links", "unfurl_media", "response_type", "thread_ts",
}

// plainKeys are those that only the product's own shape has.
var plainKeys = []string{"html", "markdown", "icon", "idempotency_key"}

// slackMarkup is what stands in angle brackets in Slack's texts and nowhere else.
var slackMarkup = regexp.MustCompile(`<(https?://|mailto:|@[UW]|#C|!)[^<>\s][^<>]*>`)

// slackShaped tells whether a body has Slack's shape: a key that only Slack has, or
// a text with Slack's markup and no key that only the product has.
func slackShaped(object json.RawMessage) bool {
	has := func(keys []string) bool {
		for _, key := range keys {
			if gjson.GetBytes(object, key).Exists() {
				return true
			}
		}
		return false
	}
	return has(slackKeys) || !has(plainKeys) && slackMarkup.MatchString(gjson.GetBytes(object, "text").Str)
}

// content makes the content of the message: m.text, because push rules let nobody
// hear of an m.notice.
func (p *post) content() (json.RawMessage, error) {
	html := sanitize(p.html)
	text := p.text
	if strings.TrimSpace(text) == "" {
		text = textOf(html)
	}
	if strings.TrimSpace(text) == "" {
		return nil, errEmpty
	}
	content := map[string]any{
		"msgtype":                 "m.text",
		"br.com.conversalabs.bot": true,
		"m.mentions":              struct{}{}, // that are meant, so that no text is taken for one
	}
	if p.name != "" || p.icon != "" {
		content["com.beeper.per_message_profile"] = p.profile()
	}
	if p.name != "" {
		// What clients show who do not know the profile, and take away who do (MSC4144).
		if html == "" {
			html = paragraphs(text)
		}
		html = "<strong data-mx-profile-fallback>" + escape(p.name) + ": </strong>" + html
		text = p.name + ": " + text
	}
	content["body"] = text
	if html != "" {
		content["format"], content["formatted_body"] = "org.matrix.custom.html", html
	}
	encoded, err := json.Marshal(content)
	if err != nil {
		return nil, fmt.Errorf("encode the message of a webhook: %w", err)
	}
	return encoded, nil
}

// profile is MSC4144's profile of one message. Messages of one name are of one
// person to clients.
func (p *post) profile() map[string]any {
	profile := map[string]any{"id": p.name}
	if p.icon != "" {
		profile["avatar_url"] = p.icon
	}
	if p.name == "" {
		profile["id"] = p.icon
		return profile
	}
	profile["displayname"], profile["has_fallback"] = p.name, true
	return profile
}
