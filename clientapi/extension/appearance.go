package extension

import (
	"net/http"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/clientapi/httpapi"
	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/rooms/icon"
)

func (s *Server) appearanceRoutes(api *httpapi.API) {
	api.Handle(http.MethodGet, prefix+"/appearance/icons", api.User(s.icons))
	api.Handle(http.MethodPut, prefix+"/rooms/{roomID}/appearance", api.Act(s.setAppearance, httpapi.Limit(httpapi.Media)))
}

// icons handles GET …/appearance/icons → {icons: [name]}, in the order of the alphabet.
func (s *Server) icons(*httpapi.Request) (any, error) {
	return map[string]any{"icons": icon.Names()}, nil
}

// setAppearance handles PUT …/rooms/{roomID}/appearance, either {avatar_url}, an mxc
// URI or "" for none, or {icon, color}, one of the icons and #RRGGBB → {}. An icon is
// painted white or black, whichever contrasts more, and set as the room's m.room.avatar
// with info["br.com.conversalabs.generated"] true. For the channel's owners and admins
// and administrators of the account; direct messages are refused.
func (s *Server) setAppearance(r *httpapi.Request) (any, error) {
	var body struct {
		AvatarURL id.ContentURIString `json:"avatar_url"`
		Icon      string              `json:"icon"`
		Color     string              `json:"color"`
	}
	if err := r.Decode(&body); err != nil {
		return nil, err
	}
	return nil, s.rooms.SetAppearance(r.Context(), r.Caller, id.RoomID(r.Var("roomID")), rooms.Appearance(body))
}
