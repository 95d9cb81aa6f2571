package clientapi

import (
	"encoding/json"
	"net/http"

	"maunium.net/go/mautrix"

	"github.com/conversalabs/internalchat/accounts/login"
	"github.com/conversalabs/internalchat/clientapi/httpapi"
	"github.com/conversalabs/internalchat/clientapi/refusal"
)

// registerRoutes registers section "Account registration" of the client-server
// specification.
func (s *Server) registerRoutes(api *httpapi.API) {
	api.Client(http.MethodPost, "/register", api.Open(s.register))
	api.Client(http.MethodGet, "/register/available", api.Open(s.registerAvailable))
}

var errGuests = refusal.New(http.StatusForbidden, "M_GUEST_ACCESS_FORBIDDEN", "This server has no guests.")

// register handles POST /_matrix/client/v3/register.
func (s *Server) register(r *httpapi.Request) (any, error) {
	kind, err := r.Choice("kind", "user", "guest")
	if err != nil {
		return nil, err
	}
	if kind == "guest" {
		return nil, errGuests
	}
	var body struct {
		device
		Type         mautrix.AuthType `json:"type"`
		Name         string           `json:"username"`
		Password     string           `json:"password"`
		InhibitLogin bool             `json:"inhibit_login"`
		Auth         json.RawMessage  `json:"auth"`
	}
	if err := r.Decode(&body); err != nil {
		return nil, err
	}
	if body.Type == mautrix.AuthTypeAppservice {
		in, err := s.login.RegisterByService(r.Context(), r.Token(), login.Registration{
			Name: body.Name, SignIn: body.signIn(r), OnlyUser: body.InhibitLogin,
		})
		if err != nil {
			return nil, err
		}
		return answerSignedIn(in), nil
	}
	auth, err := parseAuth(body.Auth)
	if err != nil {
		return nil, err
	}
	in, err := s.login.Register(r.Context(), login.Registration{
		Account: r.Account, Name: body.Name, Password: body.Password, Auth: auth,
		SignIn: body.signIn(r), OnlyUser: body.InhibitLogin,
	})
	if err != nil {
		return nil, err
	}
	return answerSignedIn(in), nil
}

// registerAvailable handles GET /_matrix/client/v3/register/available.
func (s *Server) registerAvailable(r *httpapi.Request) (any, error) {
	name := r.Query("username")
	if name == "" {
		return nil, refusal.Missing("Please give a user name: the request has no \"username\".")
	}
	if err := s.login.Available(r.Context(), r.Account, name); err != nil {
		return nil, err
	}
	return map[string]bool{"available": true}, nil
}
