package clientapi

import (
	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/clientapi/httpapi"
	"github.com/conversalabs/internalchat/rooms"
)

// RoomRoutes registers the routes of rooms and profiles on a Server that has
// nothing else.
func RoomRoutes(api *httpapi.API, users *accounts.Service, service *rooms.Service) {
	s := &Server{accounts: users, rooms: service, creationBytes: 256 << 10}
	for _, routes := range []func(*httpapi.API){
		s.roomRoutes, s.membershipRoutes, s.sendRoutes, s.delayedRoutes, s.stateRoutes,
		s.messageRoutes, s.relationRoutes, s.memberRoutes,
		s.directoryRoutes, s.profileRoutes, s.routesUpgrade, s.routesSpaces, s.routesReports,
	} {
		routes(api)
	}
}
