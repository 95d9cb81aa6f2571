package clientapi

import (
	"net/http"

	"github.com/conversalabs/internalchat/clientapi/httpapi"
	"github.com/conversalabs/internalchat/rooms/push"
)

func (s *Server) routesNotifications(api *httpapi.API) {
	api.Client(http.MethodGet, "/notifications", api.User(s.notifications))
}

const (
	defaultNotifications = 20
	maxNotifications     = 100
)

// notifications handles GET /_matrix/client/v3/notifications.
func (s *Server) notifications(r *httpapi.Request) (any, error) {
	limit, err := r.Int("limit", defaultNotifications, maxNotifications)
	if err != nil {
		return nil, err
	}
	page, err := s.unread.Notifications(r.Context(), r.Caller, push.Wanted{
		From: r.Query("from"), Limit: max(limit, 1), Highlights: r.Query("only") == "highlight", Now: s.now().UnixMilli(),
	})
	if err != nil {
		return nil, err
	}
	var a answer
	if page.Next != "" {
		a.addText("next_token", page.Next)
	}
	a.add("notifications", page.Chunk)
	return a.raw(), nil
}
