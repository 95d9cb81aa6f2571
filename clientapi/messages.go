package clientapi

import (
	"net/http"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/clientapi/httpapi"
	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/rooms"
)

func (s *Server) messageRoutes(api *httpapi.API) {
	api.Client(http.MethodGet, "/rooms/{roomID}/messages", api.User(s.messages))
	api.Client(http.MethodGet, "/rooms/{roomID}/context/{eventID}", api.User(s.eventContext))
	api.Client(http.MethodGet, "/rooms/{roomID}/event/{eventID}", api.User(s.event))
}

const (
	defaultPage = 10
	maxPage     = 1000
)

// messages handles GET /_matrix/client/v3/rooms/{roomID}/messages.
func (s *Server) messages(r *httpapi.Request) (any, error) {
	q := rooms.PageRequest{Room: roomOf(r), From: r.Query("from"), To: r.Query("to")}
	if r.Query("dir") == "" {
		return nil, errNoDirection()
	}
	var err error
	if q.Direction, err = directionOf(r); err != nil {
		return nil, err
	}
	if q.Filter, q.Limit, err = filterOf(r); err != nil {
		return nil, err
	}
	page, err := s.rooms.Messages(r.Context(), r.Caller, q)
	if err != nil {
		return nil, err
	}
	var a answer
	a.add("chunk", page.Chunk)
	if page.End != "" {
		a.addText("end", page.End)
	}
	a.addText("start", page.Start)
	if page.State != nil {
		a.add("state", page.State)
	}
	return a.raw(), nil
}

func errNoDirection() error {
	return refusal.Missing("The request must say in dir which way to read: b (back) or f (forth).")
}

// filterOf gives the query's RoomEventFilter, nil when there is none, and its
// limit.
func filterOf(r *httpapi.Request) (*rooms.RoomEventFilter, int, error) {
	fallback := defaultPage
	var filter *rooms.RoomEventFilter
	if text := r.Query("filter"); text != "" {
		object, err := httpapi.Object([]byte(text))
		if err != nil {
			return nil, 0, err
		}
		if filter, err = rooms.ParseRoomEventFilter(object); err != nil {
			return nil, 0, err
		}
		fallback = filter.Limit(defaultPage, maxPage)
	}
	limit, err := r.Int("limit", fallback, maxPage)
	return filter, limit, err
}

// eventContext handles GET /_matrix/client/v3/rooms/{roomID}/context/{eventID}.
func (s *Server) eventContext(r *httpapi.Request) (any, error) {
	q := rooms.Surroundings{Room: roomOf(r), Event: id.EventID(r.Var("eventID"))}
	var err error
	if q.Filter, q.Limit, err = filterOf(r); err != nil {
		return nil, err
	}
	found, err := s.rooms.Context(r.Context(), r.Caller, q)
	if err != nil {
		return nil, err
	}
	var a answer
	a.addText("end", found.End)
	a.add("event", found.Event)
	a.add("events_after", found.After)
	a.add("events_before", found.Before)
	a.addText("start", found.Start)
	a.add("state", found.State)
	return a.raw(), nil
}

// event handles GET /_matrix/client/v3/rooms/{roomID}/event/{eventID}.
func (s *Server) event(r *httpapi.Request) (any, error) {
	e, err := s.rooms.Event(r.Context(), r.Caller, roomOf(r), id.EventID(r.Var("eventID")))
	return httpapi.Raw(e), err
}

// answer is a JSON object joined from values that are JSON already. Keys must
// need no escapes.
type answer []byte

func (a *answer) add(key string, value []byte) {
	if *a == nil {
		*a = append(make([]byte, 0, len(value)+256), '{')
	} else {
		*a = append(*a, ',')
	}
	*a = append(*a, '"')
	*a = append(*a, key...)
	*a = append(*a, '"', ':')
	*a = append(*a, value...)
}

func (a *answer) addText(key, text string) { a.add(key, rooms.AppendText(nil, text)) }

// raw ends the object, which must have a key.
func (a *answer) raw() httpapi.Raw { return append(httpapi.Raw(*a), '}') }
