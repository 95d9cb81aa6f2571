package httpapi

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/conversalabs/internalchat/clientapi/refusal"
)

// parameters parses the query once; malformed pairs are left out here and
// refused by checkQuery.
func (r *Request) parameters() url.Values {
	if r.query == nil {
		r.query = r.URL.Query()
	}
	return r.query
}

func (r *Request) checkQuery() error {
	if r.URL.RawQuery == "" {
		return nil
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return errBadQuery
	}
	for name, values := range query {
		if !clean(name) || slices.ContainsFunc(values, func(v string) bool { return !clean(v) }) {
			return errBadQuery
		}
	}
	r.query = query
	return nil
}

// Query gives the first value of a query parameter, or empty: UTF-8 without NUL.
func (r *Request) Query(name string) string {
	if r.URL.RawQuery == "" {
		return ""
	}
	return r.parameters().Get(name)
}

// QueryAll gives all values of a query parameter that may be repeated.
func (r *Request) QueryAll(name string) []string {
	if r.URL.RawQuery == "" {
		return nil
	}
	return r.parameters()[name]
}

// Int gives a whole number from the query: fallback when the parameter is
// absent or empty, at most max. Anything but digits is M_INVALID_PARAM.
func (r *Request) Int(name string, fallback, max int) (int, error) {
	n, err := r.number(name, int64(fallback), int64(max))
	return int(n), err
}

// Milliseconds gives a duration that the query states in milliseconds: fallback
// when the parameter is absent or empty, at most max. Anything but digits is
// M_INVALID_PARAM.
func (r *Request) Milliseconds(name string, fallback, max time.Duration) (time.Duration, error) {
	n, err := r.number(name, fallback.Milliseconds(), max.Milliseconds())
	return time.Duration(n) * time.Millisecond, err
}

func (r *Request) number(name string, fallback, max int64) (int64, error) {
	v := r.Query(name)
	if v == "" {
		return fallback, nil
	}
	if strings.Trim(v, "0123456789") != "" {
		return 0, refusal.Invalid("The parameter %s must be a whole number that is not negative.", name)
	}
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil { // digits only, so it is beyond 64 bits
		return max, nil
	}
	return min(n, max), nil
}

// Bool gives a truth value from the query: false when the parameter is absent
// or empty. Anything but "true" and "false" is M_INVALID_PARAM.
func (r *Request) Bool(name string) (bool, error) {
	switch r.Query(name) {
	case "true":
		return true, nil
	case "", "false":
		return false, nil
	}
	return false, refusal.Invalid("The parameter %s must be \"true\" or \"false\".", name)
}

// Choice gives a parameter that may have few values: fallback when it is absent
// or empty. Anything else is M_INVALID_PARAM.
func (r *Request) Choice(name, fallback string, others ...string) (string, error) {
	v := r.Query(name)
	if v == "" || v == fallback {
		return fallback, nil
	}
	if slices.Contains(others, v) {
		return v, nil
	}
	return "", refusal.Invalid("The parameter %s must be one of: %s.", name, strings.TrimPrefix(strings.Join(append([]string{fallback}, others...), ", "), ", "))
}
