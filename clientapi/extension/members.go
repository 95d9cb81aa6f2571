package extension

import (
	"net/http"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/clientapi/httpapi"
	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/rooms/event"
)

var errUserID = refusal.Invalid("The request must name a user by their user ID.")

// memberRoutes are those by which owners and admins of a channel manage it, and those by
// which administrators of the account do, who need not be in it.
func (s *Server) memberRoutes(api *httpapi.API) {
	changes := httpapi.Limit(httpapi.Messages)
	for path, as := range map[string]rooms.Capacity{"/rooms": rooms.AsMember, "/admin/rooms": rooms.AsAdministrator} {
		room := prefix + path + "/{roomID}"
		read, act := api.User, api.Act
		if as == rooms.AsAdministrator {
			read, act = api.Administrator, api.Administrator
		}
		api.Handle(http.MethodGet, room+"/members", read(s.members(as)))
		api.Handle(http.MethodPut, room+"/members/{userID}", act(s.setMember(as), changes))
		api.Handle(http.MethodDelete, room+"/members/{userID}", act(s.removeMember(as), changes))
		api.Handle(http.MethodPut, room+"/owner", act(s.setOwner(as), changes))
		api.Handle(http.MethodPost, room+"/archive", act(s.archive(true), changes))
		api.Handle(http.MethodPost, room+"/unarchive", act(s.archive(false), changes))
	}
}

// members handles GET …/rooms/{roomID}/members and GET …/admin/rooms/{roomID}/members →
// {members: [{user_id, role, displayname?, avatar_url?, joined_ts, bot?}], total,
// next_batch?}: owners first, then admins, posters and members, of each who is there
// longest. A role is owner, admin, poster or member. from and limit (100 unless said, at
// most 1,000) page.
func (s *Server) members(as rooms.Capacity) httpapi.Handler {
	return func(r *httpapi.Request) (any, error) {
		limit, err := r.Int("limit", 100, 1000)
		if err != nil {
			return nil, err
		}
		return s.rooms.Roster(r.Context(), r.Caller, as, roomOf(r), r.Query("from"), limit)
	}
}

func roomOf(r *httpapi.Request) id.RoomID { return id.RoomID(r.Var("roomID")) }

func userOf(r *httpapi.Request) (id.UserID, error) {
	user := id.UserID(r.Var("userID"))
	if !event.ValidUserID(user) {
		return "", errUserID
	}
	return user, nil
}

// setMember handles PUT …/rooms/{roomID}/members/{userID} and PUT
// …/admin/rooms/{roomID}/members/{userID} {role?} → {}: who is not in the channel is
// added at once, as a member unless a role is named; of who is, the role changes. A role
// is owner, admin, member or, in announcement channels, poster.
func (s *Server) setMember(as rooms.Capacity) httpapi.Handler {
	return func(r *httpapi.Request) (any, error) {
		user, err := userOf(r)
		if err != nil {
			return nil, err
		}
		var body struct {
			Role rooms.Role `json:"role"`
		}
		if err := r.DecodeOptional(&body); err != nil {
			return nil, err
		}
		return nil, s.rooms.SetMember(r.Context(), r.Caller, as, roomOf(r), user, body.Role)
	}
}

// removeMember handles DELETE …/rooms/{roomID}/members/{userID} and DELETE
// …/admin/rooms/{roomID}/members/{userID} {reason?} → {}.
func (s *Server) removeMember(as rooms.Capacity) httpapi.Handler {
	return func(r *httpapi.Request) (any, error) {
		user, err := userOf(r)
		if err != nil {
			return nil, err
		}
		var body struct {
			Reason string `json:"reason"`
		}
		if err := r.DecodeOptional(&body); err != nil {
			return nil, err
		}
		return nil, s.rooms.RemoveMember(r.Context(), r.Caller, as, rooms.Move{Room: roomOf(r), User: user, Reason: body.Reason})
	}
}

// setOwner handles PUT …/rooms/{roomID}/owner {user_id} → {}: an owner hands the channel
// on to another member and becomes an admin; and PUT …/admin/rooms/{roomID}/owner, by
// which the user named, added if need be, is its one owner, and who owned it before is
// an admin.
func (s *Server) setOwner(as rooms.Capacity) httpapi.Handler {
	return func(r *httpapi.Request) (any, error) {
		var body struct {
			User id.UserID `json:"user_id"`
		}
		if err := r.Decode(&body); err != nil {
			return nil, err
		}
		if !event.ValidUserID(body.User) {
			return nil, errUserID
		}
		return nil, s.rooms.SetOwner(r.Context(), r.Caller, as, roomOf(r), body.User)
	}
}

// archive handles POST …/rooms/{roomID}/archive and …/unarchive, and the same below
// …/admin/rooms/{roomID} → {}. An archived channel can be read and is in no directory.
func (s *Server) archive(archived bool) httpapi.Handler {
	return func(r *httpapi.Request) (any, error) {
		return nil, s.rooms.Archive(r.Context(), r.Caller, roomOf(r), archived)
	}
}
