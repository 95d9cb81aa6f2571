package clientapi

import (
	"net/http"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/clientapi/httpapi"
	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/rooms"
)

func (s *Server) routesUpgrade(api *httpapi.API) {
	api.Client(http.MethodPost, "/rooms/{roomID}/upgrade", api.Act(s.upgradeRoom, httpapi.WholeAccount(), httpapi.Limit(httpapi.Creation)))
}

// upgradeRoom handles POST /_matrix/client/v3/rooms/{roomID}/upgrade.
func (s *Server) upgradeRoom(r *httpapi.Request) (any, error) {
	var body struct {
		Version  id.RoomVersion `json:"new_version"`
		Creators []id.UserID    `json:"additional_creators"`
	}
	if err := r.Decode(&body); err != nil {
		return nil, err
	}
	if body.Version == "" {
		return nil, refusal.Missing("The request must name a room version in new_version.")
	}
	room, err := s.rooms.Upgrade(r.Context(), r.Caller, rooms.Upgrade{Room: roomOf(r), Version: body.Version, Creators: body.Creators})
	if err != nil {
		return nil, err
	}
	return map[string]id.RoomID{"replacement_room": room}, nil
}
