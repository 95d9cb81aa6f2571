package clientapi

import (
	"encoding/json"
	"net/http"

	"github.com/conversalabs/internalchat/clientapi/httpapi"
	"github.com/conversalabs/internalchat/clientapi/refusal"
)

// appServiceRoutes registers section "Client-Server API Extensions" of the
// Application Service API.
func (s *Server) appServiceRoutes(api *httpapi.API) {
	api.Versions(http.MethodPost, "/appservice/{appserviceId}/ping", api.User(s.pingAppService), "v1", "unstable/fi.mau.msc2659")
}

var errNotThisService = refusal.Forbidden("This as_token is not that of the application service to be pinged.")

// pingAppService handles POST /_matrix/client/v1/appservice/{appserviceId}/ping.
func (s *Server) pingAppService(r *httpapi.Request) (any, error) {
	service, err := s.accounts.AppServiceOf(r.Context(), r.Caller)
	if err != nil {
		return nil, err
	}
	if service.ID != r.Var("appserviceId") {
		return nil, errNotThisService
	}
	var body struct {
		Transaction string `json:"transaction_id,omitempty"`
	}
	if err := r.DecodeOptional(&body); err != nil {
		return nil, err
	}
	took, err := s.services.Ping(r.Context(), service, body.Transaction)
	if err != nil {
		return nil, err
	}
	return map[string]int64{"duration_ms": took.Milliseconds()}, nil
}

// confirmUnlessService asks for a confirmation, which an application service that
// manages its users' devices and keys need not give (MSC4190).
func (s *Server) confirmUnlessService(r *httpapi.Request, auth json.RawMessage) error {
	if r.Caller.Service != "" {
		return nil
	}
	return s.interactive.Confirm(r, auth)
}
