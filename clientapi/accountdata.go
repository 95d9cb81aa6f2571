package clientapi

import (
	"net/http"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/clientapi/httpapi"
	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/rooms/event"
	"github.com/conversalabs/internalchat/rooms/push"
)

// largeBody is how large a request may be that carries account data, in bytes.
// What a single type may have is less for most.
const largeBody = 1<<20 + 1<<10

func (s *Server) routesAccountData(api *httpapi.API) {
	for path, of := range map[string]func(dataHandler) httpapi.Handler{
		"/user/{user}/account_data/{type}":              global,
		"/user/{user}/rooms/{room}/account_data/{type}": inRoom,
	} {
		api.Client(http.MethodGet, path, api.User(of(s.accountData)))
		api.Client(http.MethodPut, path, api.Act(of(s.setAccountData), httpapi.Body(largeBody)))
		api.Versions(http.MethodDelete, path, api.Act(of(s.deleteAccountData)), "unstable/org.matrix.msc3391")
	}
}

// dataHandler answers a request about the caller's own data in a room, or, where
// room is "", outside of rooms.
type dataHandler func(r *httpapi.Request, room id.RoomID) (any, error)

var (
	errNotOwn = refusal.Forbidden("You can only see and change what is your own.")
	errRoomID = refusal.Invalid("This is not a room ID.")
)

// global is for paths with {user}, who must be the caller.
func global(h dataHandler) httpapi.Handler {
	return func(r *httpapi.Request) (any, error) {
		if err := own(r); err != nil {
			return nil, err
		}
		return h(r, "")
	}
}

// inRoom is for paths with {user}, who must be the caller, and {room}.
func inRoom(h dataHandler) httpapi.Handler {
	return func(r *httpapi.Request) (any, error) {
		if err := own(r); err != nil {
			return nil, err
		}
		room := id.RoomID(r.Var("room"))
		if !event.ValidRoomID(room) {
			return nil, errRoomID
		}
		return h(r, room)
	}
}

// own refuses a path that names another user than the caller.
func own(r *httpapi.Request) error {
	if id.UserID(r.Var("user")) != r.Caller.User {
		return errNotOwn
	}
	return nil
}

// accountData handles GET /_matrix/client/v3/user/{userId}/account_data/{type} and
// the same of a room.
func (s *Server) accountData(r *httpapi.Request, room id.RoomID) (any, error) {
	kind := r.Var("type")
	if kind == accounts.PushRulesType && room == "" {
		return s.pushRules(r)
	}
	return s.data.AccountData(r.Context(), r.Account, r.Caller.User, room, kind)
}

// setAccountData handles PUT /_matrix/client/v3/user/{userId}/account_data/{type}
// and the same of a room. What is chosen for a room's notifications is more than data:
// the push rules change with it, and what the body does not name stays as it is.
func (s *Server) setAccountData(r *httpapi.Request, room id.RoomID) (any, error) {
	if isNotifications(r, room) {
		var choice push.Choice
		if err := r.Decode(&choice); err != nil {
			return nil, err
		}
		_, err := s.levels.Choose(r.Context(), r.Caller, room, choice)
		return nil, err
	}
	content, err := r.Object()
	if err != nil {
		return nil, err
	}
	return nil, s.data.SetAccountData(r.Context(), r.Caller, room, r.Var("type"), content)
}

// deleteAccountData handles DELETE of the same paths (MSC3391).
func (s *Server) deleteAccountData(r *httpapi.Request, room id.RoomID) (any, error) {
	if isNotifications(r, room) {
		return nil, s.levels.Forget(r.Context(), r.Caller, room)
	}
	return nil, s.data.DeleteAccountData(r.Context(), r.Caller, room, r.Var("type"))
}

// isNotifications tells whether a request is about what is chosen for a room's
// notifications.
func isNotifications(r *httpapi.Request, room id.RoomID) bool {
	return room != "" && r.Var("type") == rooms.NotificationsType
}
