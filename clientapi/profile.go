package clientapi

import (
	"encoding/json"
	"net/http"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/clientapi/httpapi"
	"github.com/conversalabs/internalchat/clientapi/refusal"
)

func (s *Server) profileRoutes(api *httpapi.API) {
	const whole, field = "/profile/{userID}", "/profile/{userID}/{field}"
	versions := []string{"v3", "r0", "unstable/uk.tcpip.msc4133"}
	api.Versions(http.MethodGet, whole, api.UserUnless(s.rooms.OpenReads, s.profile), versions...)
	api.Versions(http.MethodGet, field, api.UserUnless(s.rooms.OpenReads, s.profileField), versions...)
	api.Versions(http.MethodPut, field, api.Act(s.setProfileField), versions...)
	api.Versions(http.MethodDelete, field, api.Act(s.removeProfileField), versions...)
}

// profile handles GET /_matrix/client/v3/profile/{userID}.
func (s *Server) profile(r *httpapi.Request) (any, error) {
	return s.profileOf(r, id.UserID(r.Var("userID")))
}

// profileOf gives a user's profile; an unknown user is 404 M_NOT_FOUND.
func (s *Server) profileOf(r *httpapi.Request, user id.UserID) (map[string]json.RawMessage, error) {
	known, err := s.accounts.User(r.Context(), r.Account, user)
	if err != nil {
		return nil, err
	}
	if known == nil && s.rooms.MakeUser(r.Context(), r.Account, user) {
		if known, err = s.accounts.User(r.Context(), r.Account, user); err != nil {
			return nil, err
		}
	}
	if known == nil {
		return nil, refusal.NotFound("There is no such user.")
	}
	return s.rooms.Profile(r.Context(), r.Account, user)
}

// profileField handles GET /_matrix/client/v3/profile/{userID}/{field}.
func (s *Server) profileField(r *httpapi.Request) (any, error) {
	profile, err := s.profileOf(r, id.UserID(r.Var("userID")))
	if err != nil {
		return nil, err
	}
	field := r.Var("field")
	value, set := profile[field]
	if !set {
		return nil, refusal.NotFound("This profile has no %s.", field)
	}
	return map[string]json.RawMessage{field: value}, nil
}

// setProfileField handles PUT /_matrix/client/v3/profile/{userID}/{field}.
func (s *Server) setProfileField(r *httpapi.Request) (any, error) {
	field, err := ownField(r)
	if err != nil {
		return nil, err
	}
	var body map[string]json.RawMessage
	if err := r.Decode(&body); err != nil {
		return nil, err
	}
	value, given := body[field]
	if !given {
		return nil, refusal.Missing("The request must give a value for %s.", field)
	}
	return nil, s.rooms.SetProfile(r.Context(), r.Caller, field, value)
}

// removeProfileField handles DELETE /_matrix/client/v3/profile/{userID}/{field}.
func (s *Server) removeProfileField(r *httpapi.Request) (any, error) {
	field, err := ownField(r)
	if err != nil {
		return nil, err
	}
	return nil, s.rooms.SetProfile(r.Context(), r.Caller, field, nil)
}

// ownField gives the field that a path names, of the caller's own profile.
func ownField(r *httpapi.Request) (string, error) {
	if id.UserID(r.Var("userID")) != r.Caller.User {
		return "", refusal.Forbidden("You can only change your own profile.")
	}
	return r.Var("field"), nil
}
