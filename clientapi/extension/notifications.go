package extension

import (
	"net/http"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/clientapi/httpapi"
	"github.com/conversalabs/internalchat/rooms/push"
)

func (s *Server) notificationRoutes(api *httpapi.API) {
	const notifications = prefix + "/rooms/{roomID}/notifications"
	api.Handle(http.MethodGet, notifications, api.User(s.notifications))
	api.Handle(http.MethodPut, notifications, api.Act(s.setNotifications))
}

// notifications handles GET …/rooms/{roomID}/notifications → {level, muted,
// muted_until, mentions_break_mute}: what the caller, who is in the room, has chosen to
// be told of it. level is everything, mentions, nothing, or default, which is as the
// account has it; muted_until is in ms, or null where the mute lasts or there is none.
// Who is not in the room is answered M_FORBIDDEN.
func (s *Server) notifications(r *httpapi.Request) (any, error) {
	return s.levels.Of(r.Context(), r.Caller, id.RoomID(r.Var("roomID")))
}

// setNotifications handles PUT …/rooms/{roomID}/notifications {level?, muted?,
// muted_until?, mentions_break_mute?}, and answers what GET does. What is not given
// stays as it is, but a mute that is given without an end has none. muted_until (ms)
// must lie ahead, and needs a mute.
func (s *Server) setNotifications(r *httpapi.Request) (any, error) {
	var choice push.Choice
	if err := r.Decode(&choice); err != nil {
		return nil, err
	}
	return s.levels.Choose(r.Context(), r.Caller, id.RoomID(r.Var("roomID")), choice)
}
