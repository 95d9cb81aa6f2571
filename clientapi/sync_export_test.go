package clientapi

import (
	"time"

	"github.com/conversalabs/internalchat/clientapi/httpapi"
	"github.com/conversalabs/internalchat/clientapi/longpoll"
	"github.com/conversalabs/internalchat/rooms/push"
)

// NotificationRoutes registers /notifications on a Server that has nothing else.
func NotificationRoutes(api *httpapi.API, unread *push.Unread, now func() time.Time) {
	(&Server{unread: unread, now: now}).routesNotifications(api)
}

// SyncRoutes registers the routes of both syncs and of filters on a Server that
// has nothing else.
func SyncRoutes(api *httpapi.API, sync *longpoll.Service) {
	s := &Server{sync: sync}
	s.routesSync(api)
	s.routesSliding(api)
}
