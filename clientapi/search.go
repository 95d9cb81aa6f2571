package clientapi

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/conversalabs/internalchat/clientapi/httpapi"
	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/rooms/search"
)

func (s *Server) routesSearch(api *httpapi.API) {
	api.Client(http.MethodPost, "/search", api.User(s.searchEvents, httpapi.Limit(httpapi.Search)))
}

const defaultSearchContext = 5 // events on each side

type searchBody struct {
	Categories *struct {
		RoomEvents *roomEventsSearch `json:"room_events"`
	} `json:"search_categories"`
}

type roomEventsSearch struct {
	Term    *string         `json:"search_term"`
	Keys    []string        `json:"keys"`
	Filter  json.RawMessage `json:"filter"`
	OrderBy *string         `json:"order_by"`
	Context *struct {
		Before   *int `json:"before_limit"`
		After    *int `json:"after_limit"`
		Profiles bool `json:"include_profile"`
	} `json:"event_context"`
	State     bool `json:"include_state"`
	Groupings struct {
		GroupBy []struct {
			Key string `json:"key"`
		} `json:"group_by"`
	} `json:"groupings"`
}

// searchEvents handles POST /_matrix/client/v3/search.
func (s *Server) searchEvents(r *httpapi.Request) (any, error) {
	var body searchBody
	if err := r.Decode(&body); err != nil {
		return nil, err
	}
	if body.Categories == nil {
		return nil, refusal.Missing("The request needs \"search_categories\".")
	}
	if body.Categories.RoomEvents == nil {
		return httpapi.Raw(`{"search_categories":{}}`), nil
	}
	q, err := body.Categories.RoomEvents.request()
	if err != nil {
		return nil, err
	}
	q.From = r.Query("next_batch")
	found, err := s.search.Search(r.Context(), r.Caller, q)
	if err != nil {
		return nil, err
	}
	return httpapi.Raw(`{"search_categories":{"room_events":` + string(searchAnswer(found)) + `}}`), nil
}

// request checks what was asked for.
func (b *roomEventsSearch) request() (q search.Request, err error) {
	switch {
	case b.Term == nil:
		return q, refusal.Missing("The request needs a \"search_term\".")
	case len(*b.Term) > maxSearchTerm:
		return q, refusal.Invalid("A search term may have at most %d bytes.", maxSearchTerm)
	}
	q = search.Request{Term: *b.Term, State: b.State}
	for _, key := range b.Keys {
		if err := oneOf("keys", key, "content.body", "content.name", "content.topic"); err != nil {
			return q, err
		}
		q.Keys = append(q.Keys, key)
	}
	if b.OrderBy != nil {
		if err := oneOf("order_by", *b.OrderBy, "rank", "recent"); err != nil {
			return q, err
		}
		q.Recent = *b.OrderBy == "recent"
	}
	for _, group := range b.Groupings.GroupBy {
		if err := oneOf("group_by", group.Key, "room_id", "sender"); err != nil {
			return q, err
		}
		q.GroupBy = append(q.GroupBy, group.Key)
	}
	if len(b.Filter) > 0 && string(b.Filter) != "null" {
		if q.Filter, err = rooms.ParseRoomEventFilter(b.Filter); err != nil {
			return q, err
		}
	}
	q.Context, err = b.context()
	return q, err
}

func (b *roomEventsSearch) context() (*search.Context, error) {
	if b.Context == nil {
		return nil, nil
	}
	c := &search.Context{Before: defaultSearchContext, After: defaultSearchContext, Profiles: b.Context.Profiles}
	if b.Context.Before != nil {
		c.Before = *b.Context.Before
	}
	if b.Context.After != nil {
		c.After = *b.Context.After
	}
	if c.Before < 0 || c.After < 0 {
		return nil, refusal.Invalid("The limit of a search must not be negative.")
	}
	return c, nil
}

// oneOf refuses a value that is not among those that a key may have.
func oneOf(key, value string, all ...string) error {
	if slices.Contains(all, value) {
		return nil
	}
	return refusal.Invalid("The parameter %s must be one of: %s.", key, strings.Join(all, ", "))
}
