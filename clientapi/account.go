package clientapi

import (
	"encoding/json"
	"net/http"

	"maunium.net/go/mautrix"

	"github.com/conversalabs/internalchat/accounts/login"
	"github.com/conversalabs/internalchat/clientapi/httpapi"
)

// accountRoutes registers sections "Current account information" and "Account
// management" of the client-server specification.
func (s *Server) accountRoutes(api *httpapi.API) {
	api.Client(http.MethodGet, "/account/whoami", api.User(s.whoami, httpapi.AnyRoom()))
	api.Client(http.MethodPost, "/account/password", api.User(s.changePassword))
	api.Client(http.MethodPost, "/account/deactivate", api.User(s.deactivate))
}

// whoami handles GET /_matrix/client/v3/account/whoami.
func (s *Server) whoami(r *httpapi.Request) (any, error) {
	return struct {
		mautrix.RespWhoami
		IsGuest bool `json:"is_guest"`
	}{mautrix.RespWhoami{UserID: r.Caller.User, DeviceID: r.Caller.Device}, false}, nil
}

// changePassword handles POST /_matrix/client/v3/account/password.
func (s *Server) changePassword(r *httpapi.Request) (any, error) {
	var body struct {
		Password  string          `json:"new_password"`
		EndOthers *bool           `json:"logout_devices"`
		Auth      json.RawMessage `json:"auth"`
	}
	if err := r.Decode(&body); err != nil {
		return nil, err
	}
	if allowed, err := s.login.Passwords(r.Context(), r.Account); err != nil {
		return nil, err
	} else if !allowed {
		return nil, login.ErrNoPasswords
	}
	if body.Password != "" {
		// Before the user types the old one for nothing. Clients may ask for the
		// flows before they have a new password, too.
		if err := s.login.CheckNew(body.Password); err != nil {
			return nil, err
		}
	}
	if err := s.interactive.Confirm(r, body.Auth); err != nil {
		return nil, err
	}
	hash, err := s.login.Hash(r.Context(), body.Password)
	if err != nil {
		return nil, err
	}
	endOthers := body.EndOthers == nil || *body.EndOthers
	return nil, s.accounts.SetPassword(r.Context(), r.Caller, r.Caller.User, hash, endOthers)
}

// deactivate handles POST /_matrix/client/v3/account/deactivate.
func (s *Server) deactivate(r *httpapi.Request) (any, error) {
	var body struct {
		Auth json.RawMessage `json:"auth"`
	}
	if err := r.DecodeOptional(&body); err != nil {
		return nil, err
	}
	if err := s.interactive.Confirm(r, body.Auth); err != nil {
		return nil, err
	}
	if err := s.accounts.Deactivate(r.Context(), r.Caller, r.Caller.User); err != nil {
		return nil, err
	}
	// There is no identity server that would know the user, so nothing is left there.
	return map[string]string{"id_server_unbind_result": "success"}, nil
}
