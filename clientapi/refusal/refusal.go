package refusal

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
)

// Refusal is one refused request: the HTTP status, Matrix's error code, the
// sentence and its arguments, and what else belongs into the answer.
type Refusal struct {
	Status  int
	Code    string
	Message string // English sentence, a fmt format; the key of its translations
	Args    []any
	// Reason is the product's machine-readable reason
	// (br.com.conversalabs.reason), or empty.
	Reason string
	// Extra holds further keys of the answer (soft_logout, flows, room_id, …).
	Extra map[string]any
}

// Error gives the English sentence.
func (r *Refusal) Error() string {
	return fmt.Sprintf("%s: %s", r.Code, fmt.Sprintf(r.Message, r.Args...))
}

// Because returns a copy that carries a product reason.
func (r *Refusal) Because(reason string) *Refusal {
	c := *r
	c.Reason = reason
	return &c
}

// With returns a copy that carries one more key of the answer.
func (r *Refusal) With(key string, value any) *Refusal {
	c := *r
	c.Extra = maps.Clone(r.Extra)
	if c.Extra == nil {
		c.Extra = map[string]any{}
	}
	c.Extra[key] = value
	return &c
}

// As finds a refusal in an error chain, or gives nil.
func As(err error) *Refusal {
	if r, ok := errors.AsType[*Refusal](err); ok {
		return r
	}
	return nil
}

// Is tells whether err is a refusal with this error code.
func Is(err error, code string) bool {
	r := As(err)
	return r != nil && r.Code == code
}

// New makes a refusal of any status and code.
func New(status int, code, message string, args ...any) *Refusal {
	return &Refusal{Status: status, Code: code, Message: message, Args: args}
}

// Forbidden is 403 M_FORBIDDEN.
func Forbidden(message string, args ...any) *Refusal {
	return New(http.StatusForbidden, "M_FORBIDDEN", message, args...)
}

// NotFound is 404 M_NOT_FOUND.
func NotFound(message string, args ...any) *Refusal {
	return New(http.StatusNotFound, "M_NOT_FOUND", message, args...)
}

// BadJSON is 400 M_BAD_JSON: valid JSON of the wrong shape.
func BadJSON(message string, args ...any) *Refusal {
	return New(http.StatusBadRequest, "M_BAD_JSON", message, args...)
}

// NotJSON is 400 M_NOT_JSON.
func NotJSON(message string, args ...any) *Refusal {
	return New(http.StatusBadRequest, "M_NOT_JSON", message, args...)
}

// Invalid is 400 M_INVALID_PARAM.
func Invalid(message string, args ...any) *Refusal {
	return New(http.StatusBadRequest, "M_INVALID_PARAM", message, args...)
}

// Missing is 400 M_MISSING_PARAM.
func Missing(message string, args ...any) *Refusal {
	return New(http.StatusBadRequest, "M_MISSING_PARAM", message, args...)
}

// TooLarge is 413 M_TOO_LARGE.
func TooLarge(message string, args ...any) *Refusal {
	return New(http.StatusRequestEntityTooLarge, "M_TOO_LARGE", message, args...)
}

// UserLocked is 401 M_USER_LOCKED: the session stays, and can be used again once
// the user is let in again (section "Account locking").
func UserLocked(reason string) *Refusal {
	return New(http.StatusUnauthorized, "M_USER_LOCKED", "You are locked out at the moment. An administrator of the account can tell you more.").
		With("soft_logout", true).Because(reason)
}

// UnknownToken is 401 M_UNKNOWN_TOKEN. With soft set the client may log in
// again on the same device and keep its keys (soft logout).
func UnknownToken(soft bool) *Refusal {
	return New(http.StatusUnauthorized, "M_UNKNOWN_TOKEN", "Your session has ended. Please sign in again.").
		With("soft_logout", soft)
}
