package config

import (
	"fmt"
	"io"
	"net/url"
)

// Secret is a value that must not be shown: printing, logging and encoding it
// give a placeholder. Comparing it with "" tells whether it is set.
type Secret string

const hidden = "[hidden]"

// Reveal gives the value itself.
func (s Secret) Reveal() string { return string(s) }

// String gives a placeholder, or nothing for an empty secret.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return hidden
}

// Format gives the placeholder for every verb of fmt.
func (s Secret) Format(state fmt.State, _ rune) { _, _ = io.WriteString(state, s.String()) }

// MarshalText gives the placeholder for JSON, YAML and loggers.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Location gives of a database URL what may be shown: scheme, host and
// database name, without user, password and parameters.
func (s Secret) Location() string {
	u, err := url.Parse(string(s))
	if err != nil || u.Scheme == "" {
		return s.String()
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}
