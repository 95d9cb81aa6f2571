package extension

import (
	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/accounts/cards"
	"github.com/conversalabs/internalchat/clientapi/httpapi"
	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/rooms/bell"
	"github.com/conversalabs/internalchat/rooms/push"
)

// prefix is what all paths begin with.
const prefix = "/_matrix/client/unstable/br.com.conversalabs/v1"

// Options are what a Server is made with. All are required.
type Options struct {
	Accounts *accounts.Service
	Rooms    *rooms.Service
	Unread   *push.Unread
	Levels   *push.Levels
	Cards    *cards.Resolver
	Data     *accounts.Data
	Bell     *bell.Service
	// HooksURL is what the addresses of incoming webhooks begin with: their secret
	// follows.
	HooksURL string
}

// Server holds what the handlers call.
type Server struct {
	accounts *accounts.Service
	rooms    *rooms.Service
	unread   *push.Unread
	levels   *push.Levels
	cards    *cards.Resolver
	data     *accounts.Data
	bell     *bell.Service
	hooksURL string
}

// New makes a Server.
func New(o Options) *Server {
	return &Server{
		accounts: o.Accounts,
		rooms:    o.Rooms,
		unread:   o.Unread,
		levels:   o.Levels,
		cards:    o.Cards,
		data:     o.Data,
		bell:     o.Bell,
		hooksURL: o.HooksURL,
	}
}

// Routes registers all routes.
func (s *Server) Routes(api *httpapi.API) {
	s.documentRoutes(api)
	s.meRoutes(api)
	s.directRoutes(api)
	s.botRoutes(api)
	s.auditRoutes(api)
	s.reportRoutes(api)
	s.webhookRoutes(api)
	s.notificationRoutes(api)
	s.cardRoutes(api)
	s.bellRoutes(api)
	s.noteRoutes(api)
	s.preferenceRoutes(api)
	s.sidebarRoutes(api)
	s.seenRoutes(api)
	s.memberRoutes(api)
	s.adminRoomRoutes(api)
	s.onboardingRoutes(api)
	s.appearanceRoutes(api)
	s.emojiRoutes(api)
}
