package clientapi

import (
	"time"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/login"
	"github.com/conversalabs/internalchat/clientapi/httpapi"
	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/rooms/push"
)

// DataRoutes registers the routes of the smaller chapters on a Server that has
// nothing else.
func DataRoutes(api *httpapi.API, data *accounts.Data, presences *accounts.Presences, service *rooms.Service, policies rooms.Policies, logins *login.Service, publicURL string) {
	s := &Server{data: data, presences: presences, rooms: service, levels: push.NewLevels(service.Store(), time.Now), policies: policies, login: logins, publicURL: publicURL}
	for _, routes := range []func(*httpapi.API){
		s.routesAccountData, s.routesTags, s.routesReceipts, s.routesTyping, s.routesPresence, s.routesPushRules,
		s.routesPushers, s.routesUserDirectory, s.routesDiscovery, s.routesMisc,
	} {
		routes(api)
	}
}

// UnstableFeatures gives the names in the table of unstable features.
func UnstableFeatures() (names []string) {
	for _, feature := range unstableFeatures {
		names = append(names, feature.name)
	}
	return names
}
