package provisioning

import (
	"encoding/json"
	"net/mail"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // what a time zone is must not depend on the machine

	"github.com/go-json-experiment/json/jsontext"
	"golang.org/x/text/language"

	"github.com/conversalabs/internalchat/clientapi/refusal"
)

// Bounds, in bytes and entries.
const (
	maxName        = 256
	maxURL         = 1024
	maxSecret      = 1024
	maxPreferences = 16 << 10
	maxEntries     = 1000
	maxMembers     = 20_000
	maxVersion     = 1<<53 - 1
)

var (
	errID      = refusal.Invalid("The ID of a user or a team has 1 to 64 of a-z, A-Z, 0-9, ., _ and -.")
	errVersion = refusal.Invalid("A version is a whole number from 1 to 9007199254740991.")
)

var idPattern = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

func checkID(id string) error {
	if !idPattern.MatchString(id) {
		return errID
	}
	return nil
}

// checks finds the first thing that is wrong with a representation. Its methods do
// nothing once there is one.
type checks struct{ err error }

func (c *checks) that(good bool, refused *refusal.Refusal) {
	if c.err == nil && !good {
		c.err = refused
	}
}

// given demands a field that must be there.
func given[T any](c *checks, field string, value *T) (v T) {
	c.that(value != nil, refusal.Missing("The field %s is missing.", field))
	if value != nil {
		v = *value
	}
	return v
}

func (c *checks) version(version *int64) int64 {
	v := given(c, "version", version)
	c.that(v >= 1 && v <= maxVersion, errVersion)
	return v
}

// fixed demands that a field which only answers have is absent or says what is so.
func (c *checks) fixed(field, said, is string) {
	c.that(said == "" || said == is, refusal.Invalid("The field %s cannot be changed.", field))
}

func (c *checks) length(field, text string, most int) {
	c.that(len(text) <= most, refusal.Invalid("The field %s may have at most %d bytes.", field, most))
}

func (c *checks) amount(field string, amount int64) {
	c.that(amount >= 0 && amount <= maxVersion, refusal.Invalid("The field %s is a whole number from 0 to 9007199254740991.", field))
}

func (c *checks) name(field, name string) {
	c.that(strings.TrimSpace(name) != "", refusal.Invalid("The field %s must not be empty.", field))
	c.length(field, name, maxName)
}

func (c *checks) entries(field string, entries, most int) {
	c.that(entries <= most, refusal.Invalid("The field %s may have at most %d entries.", field, most))
}

func (c *checks) ids(field string, ids []string, most int) {
	c.entries(field, len(ids), most)
	for _, id := range ids {
		c.that(idPattern.MatchString(id), errID)
	}
}

// choice demands one of a few values; empty stands for the default.
func choice[T ~string](c *checks, field string, value T, of ...T) {
	if value == "" || slices.Contains(of, value) {
		return
	}
	words := make([]string, len(of))
	for i, word := range of {
		words[i] = string(word)
	}
	c.that(false, refusal.Invalid("The field %s must be one of: %s.", field, strings.Join(words, ", ")))
}

func (c *checks) locale(field, tag string) {
	c.length(field, tag, maxName)
	if tag != "" && c.err == nil {
		_, err := language.Parse(tag)
		c.that(err == nil, refusal.Invalid("The field %s must be a language tag, such as pt-BR.", field))
	}
}

func (c *checks) timezone(field, name string) {
	c.length(field, name, maxName)
	if name != "" && c.err == nil {
		_, err := time.LoadLocation(name)
		c.that(err == nil && name != "Local", refusal.Invalid("The field %s must be the name of a time zone, such as America/Sao_Paulo.", field))
	}
}

func (c *checks) email(field, address string) {
	c.length(field, address, maxName)
	if address != "" && c.err == nil {
		parsed, err := mail.ParseAddress(address)
		c.that(err == nil && parsed.Address == address, refusal.Invalid("The field %s must be an e-mail address.", field))
	}
}

// address demands a URL of one of the schemes, with a host.
func (c *checks) address(field, text string, schemes ...string) {
	c.length(field, text, maxURL)
	if text == "" || c.err != nil {
		return
	}
	u, err := url.Parse(text)
	c.that(err == nil && slices.Contains(schemes, u.Scheme) && u.Host != "" && u.User == nil,
		refusal.Invalid("The field %s must be an address that begins with one of: %s.", field, strings.Join(schemes, "://, ")+"://"))
}

// object gives a JSON object in its canonical form (RFC 8785), nil for none.
func (c *checks) object(field string, text json.RawMessage, most int) json.RawMessage {
	if len(text) == 0 || string(text) == "null" {
		return nil
	}
	c.length(field, string(text), most)
	canonical := jsontext.Value(slices.Clone(text))
	err := canonical.Canonicalize()
	c.that(err == nil && canonical.Kind() == '{', refusal.BadJSON("The field %s must be an object.", field))
	if string(canonical) == "{}" {
		return nil
	}
	return json.RawMessage(canonical)
}
