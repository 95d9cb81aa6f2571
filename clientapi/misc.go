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
	limits := api.User(s.mediaConfig)
	api.Handle(http.MethodGet, "/_matrix/client/v1/media/config", limits)
	api.Handle(http.MethodGet, "/_matrix/media/v3/config", limits)
	api.Handle(http.MethodGet, "/_matrix/media/r0/config", limits)
}

// nothing handles GET /_matrix/client/v3/voip/turnServer (no relay for calls) and
// GET /_matrix/client/v3/thirdparty/protocols (no bridges).
func nothing(*httpapi.Request) (any, error) { return nil, nil }

// mediaConfig handles GET /_matrix/client/v1/media/config.
func (s *Server) mediaConfig(*httpapi.Request) (any, error) {
	return map[string]int64{"m.upload.size": s.uploadBytes}, nil
}
