package clientapi

import (
	"net/http"

	"github.com/conversalabs/internalchat/clientapi/httpapi"
	"github.com/conversalabs/internalchat/clientapi/longpoll"
)

func (s *Server) routesSliding(api *httpapi.API) {
	api.Handle(http.MethodPost, "/_matrix/client/unstable/org.matrix.simplified_msc3575/sync", api.User(s.slideUnstable, httpapi.Poll()))
	api.Handle(http.MethodPost, "/_matrix/client/v4/sync", api.User(s.slide, httpapi.Poll()))
}

// slideUnstable handles POST
// /_matrix/client/unstable/org.matrix.simplified_msc3575/sync, whose parameters
// stand in the query.
func (s *Server) slideUnstable(r *httpapi.Request) (any, error) {
	q := &longpoll.SlidingRequest{}
	if err := r.DecodeOptional(q); err != nil {
		return nil, err
	}
	q.Pos, q.Presence, q.Timeout = r.Query("pos"), r.Query("set_presence"), nil
	if r.Query("timeout") != "" {
		timeout, err := r.Milliseconds("timeout", 0, longestSync)
		if err != nil {
			return nil, err
		}
		ms := timeout.Milliseconds()
		q.Timeout = &ms
	}
	return s.sync.Sliding(r.Context(), r.Caller, q)
}

// slide handles POST /_matrix/client/v4/sync (MSC4186), whose parameters stand in
// the body.
func (s *Server) slide(r *httpapi.Request) (any, error) {
	q := &longpoll.SlidingRequest{Stable: true}
	if err := r.DecodeOptional(q); err != nil {
		return nil, err
	}
	return s.sync.Sliding(r.Context(), r.Caller, q)
}
