package clientapi

import (
	"net/http"
	"time"

	"github.com/conversalabs/internalchat/clientapi/httpapi"
	"github.com/conversalabs/internalchat/clientapi/longpoll"
)

// longestSync is what a client may ask a poll to wait at most; the configuration
// may shorten it.
const longestSync = 5 * time.Minute

func (s *Server) routesSync(api *httpapi.API) {
	api.Client(http.MethodGet, "/sync", api.User(s.syncOnce, httpapi.Poll(), httpapi.AnyRoom()))
	api.Client(http.MethodPost, "/user/{user}/filter", api.User(s.createFilter, httpapi.AnyRoom()))
	api.Client(http.MethodGet, "/user/{user}/filter/{filter}", api.User(s.filter, httpapi.AnyRoom()))
}

// syncOnce handles GET /_matrix/client/v3/sync.
func (s *Server) syncOnce(r *httpapi.Request) (any, error) {
	q := longpoll.Request{Since: r.Query("since")}
	var err error
	if q.Timeout, err = r.Milliseconds("timeout", 0, longestSync); err != nil {
		return nil, err
	}
	if q.FullState, err = r.Bool("full_state"); err != nil {
		return nil, err
	}
	if q.UseStateAfter, err = r.Bool("use_state_after"); err != nil {
		return nil, err
	}
	if !q.UseStateAfter {
		if q.UnstableStateAfter, err = r.Bool("org.matrix.msc4222.use_state_after"); err != nil {
			return nil, err
		}
		q.UseStateAfter = q.UnstableStateAfter
	}
	if q.Presence, err = r.Choice("set_presence", "online", "offline", "unavailable"); err != nil {
		return nil, err
	}
	if q.Filter, err = s.sync.Filter(r.Context(), r.Caller, r.Query("filter")); err != nil {
		return nil, err
	}
	if r.Caller.Rooms != "" {
		q.Filter, q.Presence = q.Filter.Within(r.Caller.Rooms.List()), "offline"
	}
	return s.sync.Sync(r.Context(), r.Caller, q)
}
