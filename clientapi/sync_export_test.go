package clientapi

import (
	"github.com/conversalabs/internalchat/clientapi/httpapi"
	"github.com/conversalabs/internalchat/clientapi/longpoll"
)

// SyncRoutes registers the routes of both syncs and of filters on a Server that
// has nothing else.
func SyncRoutes(api *httpapi.API, sync *longpoll.Service) {
	s := &Server{sync: sync}
	s.routesSync(api)
	s.routesSliding(api)
}
