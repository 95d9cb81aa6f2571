package clientapi

import (
	"net/http"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/clientapi/httpapi"
	"github.com/conversalabs/internalchat/clientapi/refusal"
)

func (s *Server) routesReports(api *httpapi.API) {
	limit := httpapi.Limit(httpapi.Messages)
	api.Client(http.MethodPost, "/rooms/{roomID}/report", api.Act(s.reportRoom, limit))
	api.Client(http.MethodPost, "/rooms/{roomID}/report/{eventID}", api.User(s.reportEvent, limit))
	api.Client(http.MethodPost, "/users/{userID}/report", api.Act(s.reportUser, limit))
}

// reasonOf gives the reason in the body of a report.
func reasonOf(r *httpapi.Request, required bool) (string, error) {
	var body struct {
		Reason *string `json:"reason"`
	}
	if err := r.Decode(&body); err != nil {
		return "", err
	}
	switch {
	case body.Reason != nil:
		return *body.Reason, nil
	case required:
		return "", refusal.Missing("A report must say why in reason, which may be empty.")
	}
	return "", nil
}

// reportRoom handles POST /_matrix/client/v3/rooms/{roomID}/report.
func (s *Server) reportRoom(r *httpapi.Request) (any, error) {
	reason, err := reasonOf(r, true)
	if err != nil {
		return nil, err
	}
	return nil, s.rooms.ReportRoom(r.Context(), r.Caller, roomOf(r), reason)
}

// reportEvent handles POST /_matrix/client/v3/rooms/{roomID}/report/{eventID}.
func (s *Server) reportEvent(r *httpapi.Request) (any, error) {
	reason, err := reasonOf(r, false)
	if err != nil {
		return nil, err
	}
	return nil, s.rooms.ReportEvent(r.Context(), r.Caller, roomOf(r), id.EventID(r.Var("eventID")), reason)
}

// reportUser handles POST /_matrix/client/v3/users/{userID}/report.
func (s *Server) reportUser(r *httpapi.Request) (any, error) {
	reason, err := reasonOf(r, true)
	if err != nil {
		return nil, err
	}
	return nil, s.rooms.ReportUser(r.Context(), r.Caller, id.UserID(r.Var("userID")), reason)
}
