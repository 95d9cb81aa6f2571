package clientapi

import (
	"net/http"

	"github.com/conversalabs/internalchat/clientapi/httpapi"
	"github.com/conversalabs/internalchat/rooms"
)

func (s *Server) stateRoutes(api *httpapi.API) {
	api.Client(http.MethodGet, "/rooms/{roomID}/state", api.User(s.state))
	get := api.User(func(r *httpapi.Request) (any, error) { return s.stateEvent(r, r.Var("key")) })
	put := api.Act(func(r *httpapi.Request) (any, error) { return s.setState(r, r.Var("key")) }, httpapi.Limit(httpapi.Messages))
	api.Client(http.MethodGet, "/rooms/{roomID}/state/{type}/{key}", get)
	api.Client(http.MethodPut, "/rooms/{roomID}/state/{type}/{key}", put)
	get = api.User(func(r *httpapi.Request) (any, error) { return s.stateEvent(r, "") })
	put = api.Act(func(r *httpapi.Request) (any, error) { return s.setState(r, "") }, httpapi.Limit(httpapi.Messages))
	for _, path := range []string{"/rooms/{roomID}/state/{type}", "/rooms/{roomID}/state/{type}/"} {
		api.Client(http.MethodGet, path, get)
		api.Client(http.MethodPut, path, put)
	}
}

// state handles GET /_matrix/client/v3/rooms/{roomID}/state.
func (s *Server) state(r *httpapi.Request) (any, error) {
	state, err := s.rooms.State(r.Context(), r.Caller, roomOf(r))
	return httpapi.Raw(state), err
}

// stateEvent handles GET /_matrix/client/v3/rooms/{roomID}/state/{type}/{key}.
func (s *Server) stateEvent(r *httpapi.Request, key string) (any, error) {
	format, err := r.Choice("format", "content", "event")
	if err != nil {
		return nil, err
	}
	e, err := s.rooms.StateEvent(r.Context(), r.Caller, roomOf(r), r.Var("type"), key, format == "event")
	return httpapi.Raw(e), err
}

// setState handles PUT /_matrix/client/v3/rooms/{roomID}/state/{type}/{key}.
func (s *Server) setState(r *httpapi.Request, key string) (any, error) {
	content, err := r.Object()
	if err != nil {
		return nil, err
	}
	if r.QueryAll(delayParameter) != nil {
		return s.scheduleByQuery(r, rooms.Later{Room: roomOf(r), Type: r.Var("type"), StateKey: &key, Content: content})
	}
	time, err := r.Timestamp()
	if err != nil {
		return nil, err
	}
	return eventID(s.rooms.SetState(r.Context(), r.Caller, rooms.StateChange{
		Room: roomOf(r), Type: r.Var("type"), StateKey: key, Content: content, Time: time,
	}))
}
