package clientapi

import (
	"net/http"

	"github.com/conversalabs/internalchat/clientapi/httpapi"
)

// routesMisc registers what clients ask at their start of things that this server
// has little or nothing of.
func (s *Server) routesMisc(api *httpapi.API) {
	api.Client(http.MethodGet, "/voip/turnServer", api.User(nothing))
	api.Client(http.MethodGet, "/thirdparty/protocols", api.User(nothing))
}

// nothing handles GET /_matrix/client/v3/voip/turnServer (no relay for calls) and
// GET /_matrix/client/v3/thirdparty/protocols (no bridges).
func nothing(*httpapi.Request) (any, error) { return nil, nil }
