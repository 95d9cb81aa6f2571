package clientapi

import (
	"cmp"
	"time"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/appservice"
	"github.com/conversalabs/internalchat/accounts/login"
	"github.com/conversalabs/internalchat/accounts/oauth"
	"github.com/conversalabs/internalchat/clientapi/httpapi"
	"github.com/conversalabs/internalchat/clientapi/longpoll"
	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/rooms/push"
	"github.com/conversalabs/internalchat/rooms/search"
)

// Server holds what the handlers call.
type Server struct {
	accounts    *accounts.Service
	login       *login.Service
	oauth       *oauth.Service // nil: off
	keys        *accounts.Keys
	interactive interactive
	services    *appservice.Client
	rooms       *rooms.Service
	sync        *longpoll.Service
	search      *search.Service
	unread      *push.Unread
	levels      *push.Levels
	now         func() time.Time

	data      *accounts.Data
	presences *accounts.Presences
	policies  rooms.Policies
	publicURL string // without a slash at its end; "": unknown

	creationBytes, keysBytes int64 // of requests
}

// Options are what a Server is made with.
type Options struct {
	Accounts  *accounts.Service
	Login     *login.Service
	OAuth     *oauth.Service // nil switches it off
	Keys      *accounts.Keys
	Data      *accounts.Data
	Presences *accounts.Presences
	Rooms     *rooms.Service
	Sync      *longpoll.Service
	Search    *search.Service
	Unread    *push.Unread
	Levels    *push.Levels
	// Services calls application services; nil: they cannot be pinged.
	Services *appservice.Client
	Policies rooms.Policies
	Now      func() time.Time
	// PublicURL is where clients reach the server, without a slash at its end, or
	// "" when that is not known.
	PublicURL string
	// CreationBytes is how large a request to createRoom may be (256 KiB if 0),
	// KeysBytes one with keys or messages between devices (4 MiB if 0).
	CreationBytes, KeysBytes int64
}

// New makes a Server.
func New(o Options) *Server {
	return &Server{
		accounts: o.Accounts, login: o.Login, oauth: o.OAuth, keys: o.Keys, data: o.Data, presences: o.Presences, rooms: o.Rooms, sync: o.Sync, search: o.Search, unread: o.Unread, levels: o.Levels,
		policies: o.Policies, services: o.Services,
		interactive: confirmation{o.Login}, now: o.Now, publicURL: o.PublicURL,
		creationBytes: cmp.Or(o.CreationBytes, 256<<10), keysBytes: cmp.Or(o.KeysBytes, 4<<20),
	}
}

// Routes registers all routes.
func (s *Server) Routes(api *httpapi.API) {
	for _, chapter := range []func(*httpapi.API){
		s.loginRoutes, s.oauthRoutes, s.ssoRoutes, s.loginPageRoutes, s.registerRoutes, s.deviceRoutes, s.accountRoutes, s.keyRoutes,
		s.roomRoutes, s.membershipRoutes, s.sendRoutes, s.delayedRoutes, s.stateRoutes,
		s.messageRoutes, s.relationRoutes, s.memberRoutes,
		s.directoryRoutes, s.profileRoutes, s.routesSync, s.routesSliding, s.routesUpgrade, s.routesSpaces, s.routesReports,
		s.routesAccountData, s.routesTags, s.routesReceipts, s.routesTyping, s.routesPresence,
		s.routesPushRules, s.routesNotifications, s.routesPushers, s.routesUserDirectory, s.routesSearch, s.routesDiscovery, s.routesMisc,
		s.moderationRoutes, s.openIDRoutes, s.thirdPartyRoutes, s.appServiceRoutes,
	} {
		chapter(api)
	}
}
