package clientapi

import (
	"net/http"
	"strconv"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/clientapi/httpapi"
	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/rooms"
)

func (s *Server) relationRoutes(api *httpapi.API) {
	const relations = "/rooms/{roomID}/relations/{eventID}"
	get := func(path string, h httpapi.Handler, unstable ...string) {
		api.Versions(http.MethodGet, path, api.User(h), append(unstable, "v1")...)
	}
	get(relations, func(r *httpapi.Request) (any, error) { return s.relations(r, "", "") })
	get(relations+"/{relType}", func(r *httpapi.Request) (any, error) { return s.relations(r, r.Var("relType"), "") })
	get(relations+"/{relType}/{eventType}", func(r *httpapi.Request) (any, error) {
		return s.relations(r, r.Var("relType"), r.Var("eventType"))
	})
	get("/rooms/{roomID}/threads", s.threads)
	get("/rooms/{roomID}/timestamp_to_event", s.eventAt, "r0", "v3", "unstable/org.matrix.msc3030")
}

// relations handles GET /_matrix/client/v1/rooms/{roomID}/relations/{eventID} and
// its longer forms.
func (s *Server) relations(r *httpapi.Request, relType, eventType string) (any, error) {
	q := rooms.RelationsRequest{
		Room: roomOf(r), Event: id.EventID(r.Var("eventID")), RelType: relType, EventType: eventType,
		From: r.Query("from"), To: r.Query("to"),
	}
	var err error
	if q.Direction, err = directionOf(r); err != nil {
		return nil, err
	}
	if q.Recurse, err = r.Bool("recurse"); err != nil {
		return nil, err
	}
	if q.Limit, err = positive(r, defaultPage); err != nil {
		return nil, err
	}
	page, err := s.rooms.Relations(r.Context(), r.Caller, q)
	if err != nil {
		return nil, err
	}
	var a answer
	a.add("chunk", page.Chunk)
	if page.Next != "" {
		a.addText("next_batch", page.Next)
	}
	if page.Prev != "" {
		a.addText("prev_batch", page.Prev)
	}
	if r.Query("recurse") != "" {
		depth := 1
		if q.Recurse {
			depth = rooms.RecursionDepth
		}
		a.add("recursion_depth", strconv.AppendInt(nil, int64(depth), 10))
	}
	return a.raw(), nil
}

// threads handles GET /_matrix/client/v1/rooms/{roomID}/threads.
func (s *Server) threads(r *httpapi.Request) (any, error) {
	include, err := r.Choice("include", "all", "participated")
	if err != nil {
		return nil, err
	}
	q := rooms.ThreadsRequest{Room: roomOf(r), From: r.Query("from"), Participated: include == "participated"}
	if q.Limit, err = positive(r, defaultPage); err != nil {
		return nil, err
	}
	page, err := s.rooms.Threads(r.Context(), r.Caller, q)
	if err != nil {
		return nil, err
	}
	var a answer
	a.add("chunk", page.Chunk)
	if page.Next != "" {
		a.addText("next_batch", page.Next)
	}
	return a.raw(), nil
}

// eventAt handles GET /_matrix/client/v1/rooms/{roomID}/timestamp_to_event.
func (s *Server) eventAt(r *httpapi.Request) (any, error) {
	if r.Query("ts") == "" {
		return nil, refusal.Missing("The request must say in ts at which time the event is to be sought, in milliseconds.")
	}
	const farFuture = 1 << 53
	moment, err := r.Int("ts", 0, farFuture)
	if err != nil {
		return nil, err
	}
	if r.Query("dir") == "" {
		return nil, errNoDirection()
	}
	direction, err := directionOf(r)
	if err != nil {
		return nil, err
	}
	eventID, timestamp, err := s.rooms.EventAt(r.Context(), r.Caller, roomOf(r), int64(moment), direction)
	if err != nil {
		return nil, err
	}
	return map[string]any{"event_id": eventID, "origin_server_ts": timestamp}, nil
}

// directionOf gives which way a request wants to read: b unless it says f.
func directionOf(r *httpapi.Request) (rooms.Direction, error) {
	way, err := r.Choice("dir", "b", "f")
	if way == "f" {
		return rooms.Forwards, err
	}
	return rooms.Backwards, err
}

// positive gives the query's limit, which here must not be 0.
func positive(r *httpapi.Request, fallback int) (int, error) {
	limit, err := r.Int("limit", fallback, maxPage)
	if err == nil && limit == 0 {
		err = refusal.Invalid("The parameter %s must be greater than zero.", "limit")
	}
	return limit, err
}
