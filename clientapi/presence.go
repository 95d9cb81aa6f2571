package clientapi

import (
	"net/http"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/clientapi/httpapi"
)

func (s *Server) routesPresence(api *httpapi.API) {
	api.Client(http.MethodGet, "/presence/{user}/status", api.User(s.presence))
	api.Client(http.MethodPut, "/presence/{user}/status", api.Act(s.setPresence, httpapi.Limit(httpapi.Presence)))
}

// presence handles GET /_matrix/client/v3/presence/{userId}/status.
func (s *Server) presence(r *httpapi.Request) (any, error) {
	return s.presences.Presence(r.Context(), r.Account, id.UserID(r.Var("user")))
}

// setPresence handles PUT /_matrix/client/v3/presence/{userId}/status.
func (s *Server) setPresence(r *httpapi.Request) (any, error) {
	if err := own(r); err != nil {
		return nil, err
	}
	var body struct {
		Presence string  `json:"presence"`
		Status   *string `json:"status_msg"`
	}
	if err := r.Decode(&body); err != nil {
		return nil, err
	}
	return nil, s.presences.SetPresence(r.Context(), r.Caller, body.Presence, body.Status)
}
