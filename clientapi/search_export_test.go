package clientapi

import (
	"github.com/conversalabs/internalchat/clientapi/httpapi"
	"github.com/conversalabs/internalchat/rooms/search"
)

// SearchRoutes registers the routes of search on a Server that has nothing else.
func SearchRoutes(api *httpapi.API, service *search.Service) {
	(&Server{search: service}).routesSearch(api)
}
