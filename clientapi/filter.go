package clientapi

import (
	"encoding/json"

	"github.com/conversalabs/internalchat/clientapi/httpapi"
	"github.com/conversalabs/internalchat/clientapi/refusal"
)

// createFilter handles POST /_matrix/client/v3/user/{userId}/filter.
func (s *Server) createFilter(r *httpapi.Request) (any, error) {
	if err := own(r); err != nil {
		return nil, err
	}
	text, err := r.Object()
	if err != nil {
		return nil, err
	}
	filter, err := s.sync.PutFilter(r.Context(), r.Caller, text)
	if err != nil {
		return nil, err
	}
	return map[string]string{"filter_id": filter}, nil
}

// filter handles GET /_matrix/client/v3/user/{userId}/filter/{filterId}.
func (s *Server) filter(r *httpapi.Request) (any, error) {
	if err := own(r); err != nil {
		return nil, err
	}
	text, err := s.sync.StoredFilter(r.Context(), r.Caller, r.Var("filter"))
	if err != nil {
		return nil, err
	}
	if text == nil {
		return nil, refusal.NotFound("You have no filter of this ID.")
	}
	return json.RawMessage(text), nil
}
