package clientapi

import (
	"net/http"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/clientapi/httpapi"
	"github.com/conversalabs/internalchat/clientapi/refusal"
)

// unstableModeration is where the endpoints of MSC4323 were before v1.18.
const unstableModeration = "unstable/uk.timedout.msc4323"

// moderationRoutes registers section "Server administration" of the
// client-server specification.
func (s *Server) moderationRoutes(api *httpapi.API) {
	api.Client(http.MethodGet, "/admin/whois/{userID}", api.User(s.whois))
	for path, standing := range map[string]accounts.Standing{
		"/admin/lock/{userID}": accounts.Locked, "/admin/suspend/{userID}": accounts.Suspended,
	} {
		api.Versions(http.MethodGet, path, api.Administrator(s.standing(standing)), "v1", unstableModeration)
		api.Versions(http.MethodPut, path, api.Administrator(s.setStanding(standing)), "v1", unstableModeration)
	}
}

// whois handles GET /_matrix/client/v3/admin/whois/{userId}.
func (s *Server) whois(r *httpapi.Request) (any, error) {
	user := id.UserID(r.Var("userID"))
	devices, err := s.accounts.Whois(r.Context(), r.Caller, user)
	if err != nil {
		return nil, err
	}
	type connection struct {
		IP        string `json:"ip,omitempty"`
		LastSeen  int64  `json:"last_seen,omitempty"`
		UserAgent string `json:"user_agent,omitempty"`
	}
	type session struct {
		Connections []connection `json:"connections"`
	}
	type sessions struct {
		Sessions []session `json:"sessions"`
	}
	answer := map[id.DeviceID]sessions{}
	for _, d := range devices {
		answer[d.ID] = sessions{[]session{{[]connection{{d.LastSeenIP, d.LastSeen, d.UserAgent}}}}}
	}
	return map[string]any{"user_id": user, "devices": answer}, nil
}

// standing handles GET /_matrix/client/v1/admin/lock/{userId} and
// GET /_matrix/client/v1/admin/suspend/{userId}.
func (s *Server) standing(standing accounts.Standing) httpapi.Handler {
	return func(r *httpapi.Request) (any, error) {
		on, err := s.accounts.Standing(r.Context(), r.Caller, id.UserID(r.Var("userID")), standing)
		if err != nil {
			return nil, err
		}
		return map[accounts.Standing]bool{standing: on}, nil
	}
}

// setStanding handles PUT /_matrix/client/v1/admin/lock/{userId} and
// PUT /_matrix/client/v1/admin/suspend/{userId}.
func (s *Server) setStanding(standing accounts.Standing) httpapi.Handler {
	return func(r *httpapi.Request) (any, error) {
		var body struct {
			Locked    *bool `json:"locked"`
			Suspended *bool `json:"suspended"`
		}
		if err := r.Decode(&body); err != nil {
			return nil, err
		}
		on := body.Locked
		if standing == accounts.Suspended {
			on = body.Suspended
		}
		if on == nil {
			return nil, refusal.Missing("The request must give a value for %s.", string(standing))
		}
		if err := s.accounts.SetStanding(r.Context(), r.Caller, id.UserID(r.Var("userID")), standing, *on); err != nil {
			return nil, err
		}
		return map[accounts.Standing]bool{standing: *on}, nil
	}
}
