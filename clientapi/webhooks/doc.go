// Package webhooks serves incoming webhooks, POST /_conversalabs/hooks/{token}: who
// knows the address of a webhook posts into its room, with a body of the product's
// own shape or of Slack's. Its one rule: a body becomes text and sanitized HTML of
// an ordinary message that mentions nobody, and nothing else of it is passed on.
package webhooks
