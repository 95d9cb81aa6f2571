package clientapi

import (
	"net/http"
	"slices"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/clientapi/httpapi"
	"github.com/conversalabs/internalchat/rooms"
)

func (s *Server) roomRoutes(api *httpapi.API) {
	api.Client(http.MethodPost, "/createRoom", api.Act(s.createRoom, httpapi.Body(s.creationBytes), httpapi.Limit(httpapi.Creation)))
	api.Client(http.MethodGet, "/joined_rooms", api.User(s.joinedRooms, httpapi.AnyRoom()))
}

// createRoom handles POST /_matrix/client/v3/createRoom.
func (s *Server) createRoom(r *httpapi.Request) (any, error) {
	var creation rooms.Creation
	if err := r.DecodeOptional(&creation); err != nil {
		return nil, err
	}
	room, alias, err := s.rooms.Create(r.Context(), r.Caller, creation)
	if err != nil {
		return nil, err
	}
	return struct {
		Room  id.RoomID    `json:"room_id"`
		Alias id.RoomAlias `json:"room_alias,omitempty"`
	}{room, alias}, nil
}

// joinedRooms handles GET /_matrix/client/v3/joined_rooms.
func (s *Server) joinedRooms(r *httpapi.Request) (any, error) {
	joined, err := s.rooms.JoinedRooms(r.Context(), r.Caller)
	if err != nil {
		return nil, err
	}
	joined = slices.DeleteFunc(joined, func(room id.RoomID) bool { return !r.Caller.Rooms.Allow(room) })
	return map[string][]id.RoomID{"joined_rooms": joined}, nil
}

// roomOf gives the room that a path names.
func roomOf(r *httpapi.Request) id.RoomID { return id.RoomID(r.Var("roomID")) }
