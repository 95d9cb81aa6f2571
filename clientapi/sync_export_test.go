package clientapi

import (
	"github.com/conversalabs/internalchat/clientapi/httpapi"
	"github.com/conversalabs/internalchat/clientapi/longpoll"
)

// SyncRoutes registers the routes of /sync and of filters on a Server that has
// nothing else.
func SyncRoutes(api *httpapi.API, sync *longpoll.Service) { (&Server{sync: sync}).routesSync(api) }
