package extension

import (
	"net/http"

	"github.com/conversalabs/internalchat/clientapi/httpapi"
	"github.com/conversalabs/internalchat/rooms"
)

// adminRoomRoutes are those by which administrators of the account manage its channels
// themselves. None of them tells what is written in one.
func (s *Server) adminRoomRoutes(api *httpapi.API) {
	const room = prefix + "/admin/rooms/{roomID}"
	changes := httpapi.Limit(httpapi.Messages)
	api.Handle(http.MethodGet, prefix+"/admin/rooms", api.Administrator(s.adminRooms))
	api.Handle(http.MethodGet, room, api.Administrator(s.adminRoom))
	api.Handle(http.MethodPut, room+"/kind", api.Administrator(s.setKind, changes))
	api.Handle(http.MethodPut, room+"/settings", api.Administrator(s.changeRoom, changes))
	api.Handle(http.MethodDelete, room, api.Administrator(s.deleteRoom, changes))
}

// adminRooms handles GET …/admin/rooms → {rooms: […], total, next_batch?}: the channels
// of the account by name, each as [Server.adminRoom] gives it, archived ones too. kind
// (public, private, announcement) and q (a part of name, topic or address) choose; from
// and limit (100 unless said, at most 1,000) page. Direct messages are never listed.
func (s *Server) adminRooms(r *httpapi.Request) (any, error) {
	limit, err := r.Int("limit", 100, 1000)
	if err != nil {
		return nil, err
	}
	return s.rooms.ManagedRooms(r.Context(), r.Account, rooms.ManagedQuery{
		Kind: rooms.Kind(r.Query("kind")), Search: r.Query("q"), From: r.Query("from"), Limit: limit,
	})
}

// adminRoom handles GET …/admin/rooms/{roomID} → {room_id, kind, name?, topic?,
// avatar_url?, canonical_alias?, joined_members, owners, mandatory, archived,
// created_by?, created_ts, last_activity_ts}, times in ms. What is no channel, a direct
// message too, is 404 M_NOT_FOUND, here and below.
func (s *Server) adminRoom(r *httpapi.Request) (any, error) {
	return s.rooms.ManagedRoom(r.Context(), r.Account, roomOf(r))
}

// setKind handles PUT …/admin/rooms/{roomID}/kind {kind} → {}: public, private or
// announcement.
func (s *Server) setKind(r *httpapi.Request) (any, error) {
	var body struct {
		Kind rooms.Kind `json:"kind"`
	}
	if err := r.Decode(&body); err != nil {
		return nil, err
	}
	return nil, s.rooms.SetKind(r.Context(), r.Caller, roomOf(r), body.Kind)
}

// changeRoom handles PUT …/admin/rooms/{roomID}/settings {name?, topic?, avatar_url?,
// mandatory?} → {}. What is left out stays; an empty topic or avatar_url is removed.
func (s *Server) changeRoom(r *httpapi.Request) (any, error) {
	var body rooms.RoomSettings
	if err := r.Decode(&body); err != nil {
		return nil, err
	}
	return nil, s.rooms.ChangeRoom(r.Context(), r.Caller, roomOf(r), body)
}

// deleteRoom handles DELETE …/admin/rooms/{roomID} {confirmation_token?, reason?}.
// Without a token it changes nothing → {confirmation_token, expires_ts, room, aliases,
// webhooks}: what would be lost, with the room as [Server.adminRoom] gives it. With that
// token, within ten minutes and by the same session, the channel is out of use at once →
// {}, and whoever is in it is taken out in the next moments.
func (s *Server) deleteRoom(r *httpapi.Request) (any, error) {
	var body struct {
		Token  string `json:"confirmation_token"`
		Reason string `json:"reason"`
	}
	if err := r.DecodeOptional(&body); err != nil {
		return nil, err
	}
	if body.Token == "" {
		return s.rooms.AskDeletion(r.Context(), r.Caller, roomOf(r))
	}
	return nil, s.rooms.Delete(r.Context(), r.Caller, roomOf(r), body.Token, body.Reason)
}
