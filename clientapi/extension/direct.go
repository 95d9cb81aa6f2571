package extension

import (
	"net/http"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/clientapi/httpapi"
)

func (s *Server) directRoutes(api *httpapi.API) {
	api.Handle(http.MethodPut, prefix+"/dm/{userID}", api.Act(s.openDirect, httpapi.Limit(httpapi.Creation)))
}

// openDirect handles PUT …/dm/{userID} → {room_id}: the room for direct messages with
// somebody, made if there is none. Doing it again changes nothing.
func (s *Server) openDirect(r *httpapi.Request) (any, error) {
	room, err := s.rooms.OpenDirect(r.Context(), r.Caller, id.UserID(r.Var("userID")))
	if err != nil {
		return nil, err
	}
	return map[string]id.RoomID{"room_id": room}, nil
}
