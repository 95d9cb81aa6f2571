package clientapi

import (
	"encoding/json"

	"github.com/conversalabs/internalchat/accounts/login"
	"github.com/conversalabs/internalchat/clientapi/httpapi"
)

// confirmation is user-interactive authentication by what login knows.
type confirmation struct{ login *login.Service }

// Confirm implements interactive.
func (c confirmation) Confirm(r *httpapi.Request, auth json.RawMessage) error {
	given, err := parseAuth(auth)
	if err != nil {
		return err
	}
	return c.login.Confirm(r.Context(), r.Caller, r.Method+" "+r.URL.Path, r.ClientIP(), given)
}

// parseAuth reads the "auth" of a request, which may be absent or null.
func parseAuth(auth json.RawMessage) (*login.Auth, error) {
	if len(auth) == 0 || string(auth) == "null" {
		return nil, nil
	}
	given := &login.Auth{}
	return given, httpapi.Unmarshal(auth, given)
}
