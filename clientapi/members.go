package clientapi

import (
	"net/http"

	"github.com/conversalabs/internalchat/clientapi/httpapi"
	"github.com/conversalabs/internalchat/rooms"
)

func (s *Server) memberRoutes(api *httpapi.API) {
	api.Client(http.MethodGet, "/rooms/{roomID}/members", api.User(s.members))
	api.Client(http.MethodGet, "/rooms/{roomID}/joined_members", api.User(s.joinedMembers))
}

// members handles GET /_matrix/client/v3/rooms/{roomID}/members.
func (s *Server) members(r *httpapi.Request) (any, error) {
	q := rooms.MembersRequest{Room: roomOf(r), At: r.Query("at")}
	for name, membership := range map[string]*string{"membership": &q.Membership, "not_membership": &q.Not} {
		var err error
		if *membership, err = r.Choice(name, "", "join", "invite", "knock", "leave", "ban"); err != nil {
			return nil, err
		}
	}
	members, err := s.rooms.Members(r.Context(), r.Caller, q)
	if err != nil {
		return nil, err
	}
	var a answer
	a.add("chunk", members)
	return a.raw(), nil
}

// joinedMembers handles GET /_matrix/client/v3/rooms/{roomID}/joined_members.
func (s *Server) joinedMembers(r *httpapi.Request) (any, error) {
	joined, err := s.rooms.JoinedMembers(r.Context(), r.Caller, roomOf(r))
	if err != nil {
		return nil, err
	}
	var a answer
	a.add("joined", joined)
	return a.raw(), nil
}
