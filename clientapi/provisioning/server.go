package provisioning

import (
	_ "embed" // the document
	"net/http"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/clientapi/httpapi"
)

// Server holds what the handlers call.
type Server struct {
	accounts   *accounts.Service
	presences  *accounts.Presences
	baseDomain string
	roomPolicy accounts.RoomPolicy
}

// Options are what a Server is made with.
type Options struct {
	Accounts  *accounts.Service
	Presences *accounts.Presences
	// BaseDomain makes the server names of accounts that are made without one,
	// <account>.<base domain>. Empty: each must bring its own.
	BaseDomain string
	// RoomPolicy is that of accounts that name none: team if empty.
	RoomPolicy accounts.RoomPolicy
}

// New makes a Server.
func New(o Options) *Server {
	s := &Server{accounts: o.Accounts, presences: o.Presences, baseDomain: o.BaseDomain, roomPolicy: o.RoomPolicy}
	if s.roomPolicy == "" {
		s.roomPolicy = accounts.TeamPolicy
	}
	return s
}

const (
	root = "/_conversalabs/v1"

	largeBody = 8 << 20 // bytes, of a bulk or a team
)

// Routes registers all routes.
func (s *Server) Routes(api *httpapi.API) {
	const account = root + "/accounts/{account}"
	api.Handle(http.MethodGet, root+"/openapi.json", api.Open(document))
	machine := func(method, path string, h httpapi.Handler, o ...httpapi.Option) {
		api.Handle(method, account+path, api.Machine(s.of(h), o...))
	}
	api.Handle(http.MethodPut, account, api.Machine(s.putAccount)) // which need not exist
	machine(http.MethodGet, "", s.getAccount)
	machine(http.MethodGet, "/users", s.listUsers)
	machine(http.MethodGet, "/users/{user}", s.getUser)
	machine(http.MethodPut, "/users/{user}", s.putUser)
	machine(http.MethodDelete, "/users/{user}", s.deleteUser)
	machine(http.MethodPut, "/users/{user}/availability", s.putAvailability)
	machine(http.MethodPost, "/users/{user}/login_token", s.postLoginToken)
	machine(http.MethodGet, "/teams", s.listTeams)
	machine(http.MethodGet, "/teams/{team}", s.getTeam)
	machine(http.MethodPut, "/teams/{team}", s.putTeam, httpapi.Body(largeBody))
	machine(http.MethodDelete, "/teams/{team}", s.deleteTeam)
	machine(http.MethodPost, "/bulk", s.postBulk, httpapi.Body(largeBody))
	machine(http.MethodGet, "/drift", s.getDrift)
}

// of demands that the account exists: what does not is answered like one that the
// token is not good for.
func (s *Server) of(h httpapi.Handler) httpapi.Handler {
	return func(r *httpapi.Request) (any, error) {
		name, err := s.accounts.ServerName(r.Context(), r.Account)
		if err != nil {
			return nil, err
		}
		if name == "" {
			return nil, httpapi.ErrNoAccount
		}
		r.Server = name
		return h(r)
	}
}

//go:embed openapi.json
var openAPI []byte

// document handles GET /_conversalabs/v1/openapi.json.
func document(*httpapi.Request) (any, error) { return httpapi.Raw(openAPI), nil }
