package webhooks

import (
	"encoding/json"
	"net/http"
)

// Content makes a message of a body, and tells whether it has Slack's shape.
func Content(header http.Header, body string) (content json.RawMessage, slack bool, err error) {
	p, err := read(header, []byte(body))
	if err != nil {
		return nil, false, err
	}
	content, err = p.content()
	return content, p.slack, err
}

// Sanitize is what HTML goes through.
var Sanitize = sanitize
