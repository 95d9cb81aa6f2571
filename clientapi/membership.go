package clientapi

import (
	"context"
	"encoding/json"
	"net/http"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/httpapi"
	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/rooms/event"
)

func (s *Server) membershipRoutes(api *httpapi.API) {
	joins := httpapi.Limit(httpapi.Joins)
	api.Client(http.MethodPost, "/rooms/{roomID}/join", api.Act(s.joinRoom, joins))
	api.Client(http.MethodPost, "/join/{roomIDOrAlias}", api.Act(s.joinByIDOrAlias, joins))
	api.Client(http.MethodPost, "/knock/{roomIDOrAlias}", api.Act(s.knock, joins))
	api.Client(http.MethodPost, "/rooms/{roomID}/leave", api.Act(s.leaveRoom))
	api.Client(http.MethodPost, "/rooms/{roomID}/forget", api.Act(s.forgetRoom))
	api.Client(http.MethodPost, "/rooms/{roomID}/invite", api.Act(s.invite, httpapi.Limit(httpapi.Messages)))
	for path, move := range map[string]func(context.Context, tenant.Caller, rooms.Move) error{
		"/rooms/{roomID}/kick":  s.rooms.Kick,
		"/rooms/{roomID}/ban":   s.rooms.Ban,
		"/rooms/{roomID}/unban": s.rooms.Unban,
	} {
		api.Client(http.MethodPost, path, api.Act(func(r *httpapi.Request) (any, error) { return moveOther(r, move) }))
	}
}

// joinRoom handles POST /_matrix/client/v3/rooms/{roomID}/join.
func (s *Server) joinRoom(r *httpapi.Request) (any, error) {
	return s.enter(r, roomOf(r), s.rooms.Join)
}

// joinByIDOrAlias handles POST /_matrix/client/v3/join/{roomIDOrAlias}.
func (s *Server) joinByIDOrAlias(r *httpapi.Request) (any, error) {
	room, err := s.roomOrAlias(r)
	if err != nil {
		return nil, err
	}
	return s.enter(r, room, s.rooms.Join)
}

// knock handles POST /_matrix/client/v3/knock/{roomIDOrAlias}.
func (s *Server) knock(r *httpapi.Request) (any, error) {
	room, err := s.roomOrAlias(r)
	if err != nil {
		return nil, err
	}
	return s.enter(r, room, s.rooms.Knock)
}

// roomOrAlias gives the room that a path names by its ID or by an alias.
func (s *Server) roomOrAlias(r *httpapi.Request) (id.RoomID, error) {
	switch name := r.Var("roomIDOrAlias"); name[0] {
	case '!':
		return id.RoomID(name), nil
	case '#':
		return s.rooms.Resolve(r.Context(), r.Caller, id.RoomAlias(name))
	}
	return "", refusal.Invalid("A room is named by its ID (!…) or its address (#…).")
}

// enter moves the caller into a room. What else stands in the body becomes part
// of their member event.
func (s *Server) enter(r *httpapi.Request, room id.RoomID, move func(context.Context, tenant.Caller, rooms.Move) error) (any, error) {
	var content map[string]json.RawMessage
	if err := r.DecodeOptional(&content); err != nil {
		return nil, err
	}
	var body struct {
		Reason string `json:"reason"`
	}
	if err := r.DecodeOptional(&body); err != nil {
		return nil, err
	}
	delete(content, "third_party_signed")
	if err := move(r.Context(), r.Caller, rooms.Move{Room: room, Reason: body.Reason, Content: content}); err != nil {
		return nil, err
	}
	return map[string]id.RoomID{"room_id": room}, nil
}

// leaveRoom handles POST /_matrix/client/v3/rooms/{roomID}/leave.
func (s *Server) leaveRoom(r *httpapi.Request) (any, error) {
	var body struct {
		Reason string `json:"reason"`
	}
	if err := r.DecodeOptional(&body); err != nil {
		return nil, err
	}
	return nil, s.rooms.Leave(r.Context(), r.Caller, rooms.Move{Room: roomOf(r), Reason: body.Reason})
}

// forgetRoom handles POST /_matrix/client/v3/rooms/{roomID}/forget.
func (s *Server) forgetRoom(r *httpapi.Request) (any, error) {
	return nil, s.rooms.Forget(r.Context(), r.Caller, roomOf(r))
}

// invite handles POST /_matrix/client/v3/rooms/{roomID}/invite.
func (s *Server) invite(r *httpapi.Request) (any, error) {
	var body struct {
		Medium  string `json:"medium"`
		Address string `json:"address"`
	}
	if err := r.Decode(&body); err != nil {
		return nil, err
	}
	if body.Medium != "" || body.Address != "" {
		return nil, refusal.Forbidden("People can only be invited by their user ID.")
	}
	return moveOther(r, s.rooms.Invite)
}

// moveOther changes the membership of the user whom the body names.
func moveOther(r *httpapi.Request, move func(context.Context, tenant.Caller, rooms.Move) error) (any, error) {
	var body struct {
		User   id.UserID `json:"user_id"`
		Reason string    `json:"reason"`
	}
	if err := r.Decode(&body); err != nil {
		return nil, err
	}
	if body.User == "" {
		return nil, refusal.Missing("The request must name a user in user_id.")
	}
	if !event.ValidUserID(body.User) {
		return nil, refusal.Invalid("%s is not a user ID.", string(body.User))
	}
	return nil, move(r.Context(), r.Caller, rooms.Move{Room: roomOf(r), User: body.User, Reason: body.Reason})
}
