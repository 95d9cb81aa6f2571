package clientapi

import (
	"net/http"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/clientapi/httpapi"
	"github.com/conversalabs/internalchat/clientapi/refusal"
)

func (s *Server) routesUserDirectory(api *httpapi.API) {
	api.Client(http.MethodPost, "/user_directory/search", api.User(s.searchUsers, httpapi.Limit(httpapi.Search)))
}

const (
	foundUsers    = 10 // for who asks for no number
	maxFoundUsers = 100
	maxSearchTerm = 1024 // bytes
)

// directoryUser is a user as the directory shows them.
type directoryUser struct {
	ID          id.UserID `json:"user_id"`
	DisplayName string    `json:"display_name,omitempty"`
	AvatarURL   string    `json:"avatar_url,omitempty"`
}

// searchUsers handles POST /_matrix/client/v3/user_directory/search.
func (s *Server) searchUsers(r *httpapi.Request) (any, error) {
	var body struct {
		Term  *string `json:"search_term"`
		Limit *int    `json:"limit"`
	}
	if err := r.Decode(&body); err != nil {
		return nil, err
	}
	limit := foundUsers
	if body.Limit != nil {
		limit = min(*body.Limit, maxFoundUsers)
	}
	switch {
	case body.Term == nil:
		return nil, refusal.Missing("The request needs a \"search_term\".")
	case len(*body.Term) > maxSearchTerm:
		return nil, refusal.Invalid("A search term may have at most %d bytes.", maxSearchTerm)
	case limit < 0:
		return nil, refusal.Invalid("The limit of a search must not be negative.")
	}
	found, limited, err := s.data.SearchUsers(r.Context(), r.Account, *body.Term, limit)
	if err != nil {
		return nil, err
	}
	results := make([]directoryUser, 0, len(found))
	for _, user := range found {
		results = append(results, directoryUser{user.ID, user.DisplayName, user.AvatarURL})
	}
	return map[string]any{"results": results, "limited": limited}, nil
}
