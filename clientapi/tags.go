package clientapi

import (
	"net/http"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/clientapi/httpapi"
)

func (s *Server) routesTags(api *httpapi.API) {
	api.Client(http.MethodGet, "/user/{user}/rooms/{room}/tags", api.User(inRoom(s.tags)))
	api.Client(http.MethodPut, "/user/{user}/rooms/{room}/tags/{tag}", api.Act(inRoom(s.setTag)))
	api.Client(http.MethodDelete, "/user/{user}/rooms/{room}/tags/{tag}", api.Act(inRoom(s.deleteTag)))
}

// tags handles GET /_matrix/client/v3/user/{userId}/rooms/{roomId}/tags.
func (s *Server) tags(r *httpapi.Request, room id.RoomID) (any, error) {
	tags, err := s.data.Tags(r.Context(), r.Account, r.Caller.User, room)
	if err != nil {
		return nil, err
	}
	return map[string]any{"tags": tags}, nil
}

// setTag handles PUT /_matrix/client/v3/user/{userId}/rooms/{roomId}/tags/{tag}.
func (s *Server) setTag(r *httpapi.Request, room id.RoomID) (any, error) {
	content, err := r.Object()
	if err != nil {
		return nil, err
	}
	return nil, s.data.SetTag(r.Context(), r.Caller, room, r.Var("tag"), content)
}

// deleteTag handles DELETE
// /_matrix/client/v3/user/{userId}/rooms/{roomId}/tags/{tag}.
func (s *Server) deleteTag(r *httpapi.Request, room id.RoomID) (any, error) {
	return nil, s.data.DeleteTag(r.Context(), r.Caller, room, r.Var("tag"))
}
