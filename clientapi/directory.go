package clientapi

import (
	"net/http"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/clientapi/httpapi"
	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/rooms"
)

func (s *Server) directoryRoutes(api *httpapi.API) {
	api.Client(http.MethodGet, "/directory/room/{alias}", api.UserUnless(s.rooms.OpenReads, s.resolveAlias))
	api.Client(http.MethodPut, "/directory/room/{alias}", api.Act(s.addAlias))
	api.Client(http.MethodDelete, "/directory/room/{alias}", api.Act(s.removeAlias))
	api.Client(http.MethodGet, "/directory/list/room/{roomID}", api.UserUnless(s.rooms.OpenReads, s.published))
	api.Client(http.MethodPut, "/directory/list/room/{roomID}", api.Act(s.publish))
	api.Client(http.MethodGet, "/publicRooms", api.UserUnless(s.rooms.OpenReads, s.publicRooms))
	api.Client(http.MethodPost, "/publicRooms", api.User(s.searchPublicRooms))
	api.Client(http.MethodGet, "/rooms/{roomID}/aliases", api.User(s.roomAliases))
}

// resolveAlias handles GET /_matrix/client/v3/directory/room/{alias}.
func (s *Server) resolveAlias(r *httpapi.Request) (any, error) {
	caller := r.Caller
	caller.Account = r.Account // where nobody is signed in, too
	room, err := s.rooms.Resolve(r.Context(), caller, aliasOf(r))
	if err != nil {
		return nil, err
	}
	return struct {
		Room    id.RoomID `json:"room_id"`
		Servers []string  `json:"servers"`
	}{room, []string{r.Server}}, nil
}

// addAlias handles PUT /_matrix/client/v3/directory/room/{alias}.
func (s *Server) addAlias(r *httpapi.Request) (any, error) {
	var body struct {
		Room id.RoomID `json:"room_id"`
	}
	if err := r.Decode(&body); err != nil {
		return nil, err
	}
	if body.Room == "" {
		return nil, refusal.Missing("The request must name a room in room_id.")
	}
	return nil, s.rooms.AddAlias(r.Context(), r.Caller, aliasOf(r), body.Room)
}

// removeAlias handles DELETE /_matrix/client/v3/directory/room/{alias}.
func (s *Server) removeAlias(r *httpapi.Request) (any, error) {
	return nil, s.rooms.RemoveAlias(r.Context(), r.Caller, aliasOf(r))
}

func aliasOf(r *httpapi.Request) id.RoomAlias { return id.RoomAlias(r.Var("alias")) }

// roomAliases handles GET /_matrix/client/v3/rooms/{roomID}/aliases.
func (s *Server) roomAliases(r *httpapi.Request) (any, error) {
	aliases, err := s.rooms.RoomAliases(r.Context(), r.Caller, roomOf(r))
	if err != nil {
		return nil, err
	}
	return map[string][]id.RoomAlias{"aliases": aliases}, nil
}

// published handles GET /_matrix/client/v3/directory/list/room/{roomID}.
func (s *Server) published(r *httpapi.Request) (any, error) {
	// Without a token the caller has no account; the request has.
	caller := r.Caller
	caller.Account = r.Account
	published, err := s.rooms.Published(r.Context(), caller, roomOf(r))
	if err != nil {
		return nil, err
	}
	visibility := "private"
	if published {
		visibility = "public"
	}
	return map[string]string{"visibility": visibility}, nil
}

// publish handles PUT /_matrix/client/v3/directory/list/room/{roomID}.
func (s *Server) publish(r *httpapi.Request) (any, error) {
	body := struct {
		Visibility string `json:"visibility"`
	}{"public"}
	if err := r.DecodeOptional(&body); err != nil {
		return nil, err
	}
	if body.Visibility != "public" && body.Visibility != "private" {
		return nil, refusal.Invalid("The visibility of a room is public or private.")
	}
	return nil, s.rooms.Publish(r.Context(), r.Caller, roomOf(r), body.Visibility == "public")
}

// publicRooms handles GET /_matrix/client/v3/publicRooms.
func (s *Server) publicRooms(r *httpapi.Request) (any, error) {
	limit, err := r.Int("limit", 0, maxPage)
	if err != nil {
		return nil, err
	}
	return s.directory(r, rooms.DirectoryRequest{Limit: limit, Since: r.Query("since")})
}

// searchPublicRooms handles POST /_matrix/client/v3/publicRooms.
func (s *Server) searchPublicRooms(r *httpapi.Request) (any, error) {
	var body struct {
		Limit  int    `json:"limit"`
		Since  string `json:"since"`
		Filter struct {
			Search string    `json:"generic_search_term"`
			Types  []*string `json:"room_types"` // null: rooms without a type
		} `json:"filter"`
	}
	if err := r.DecodeOptional(&body); err != nil {
		return nil, err
	}
	q := rooms.DirectoryRequest{Limit: body.Limit, Since: body.Since, Search: body.Filter.Search}
	if body.Filter.Types != nil {
		q.Types = make([]string, len(body.Filter.Types))
		for i, wanted := range body.Filter.Types {
			if wanted != nil {
				q.Types[i] = *wanted
			}
		}
	}
	return s.directory(r, q)
}

func (s *Server) directory(r *httpapi.Request, q rooms.DirectoryRequest) (any, error) {
	if server := r.Query("server"); server != "" && server != r.Server {
		return nil, refusal.NotFound("This server does not federate.")
	}
	return s.rooms.PublicRooms(r.Context(), r.Account, q)
}
