package clientapi

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/clientapi/httpapi"
	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/rooms"
)

// delayedVersion is where delayed events (MSC4140) are, until a version of the
// specification has them. The MSC has had two generations of paths and of names,
// and clients of both are about; answers carry both names.
const delayedVersion = "unstable/org.matrix.msc4140"

// delayParameter is the delay in milliseconds of the older generation, beside
// the paths that send at once.
const delayParameter = "org.matrix.msc4140.delay"

func (s *Server) delayedRoutes(api *httpapi.API) {
	messages := httpapi.Limit(httpapi.Messages)
	for _, route := range []struct {
		method, path string
		route        *httpapi.Route
	}{
		{http.MethodPut, "/rooms/{roomID}/delayed_event/{type}/{transaction}", api.Act(s.scheduleEvent, messages)},
		{http.MethodGet, "/delayed_events", api.User(s.delayedEvents)},
		{http.MethodGet, "/delayed_events/{delayID}", api.User(s.delayedEvent)},
		{http.MethodPost, "/delayed_events/{delayID}", api.Act(s.actOnDelayed, messages)},
		{http.MethodPost, "/delayed_events/{delayID}/{action}", api.Act(s.actOnDelayedByPath, messages)},
	} {
		api.Versions(route.method, route.path, route.route, delayedVersion)
	}
}

// scheduleByQuery handles PUT /_matrix/client/v3/rooms/{roomID}/send/{type}/{transaction}
// and PUT /_matrix/client/v3/rooms/{roomID}/state/{type}/{key} with a delay in
// the query. later lacks it.
func (s *Server) scheduleByQuery(r *httpapi.Request, later rooms.Later) (any, error) {
	delay, err := strconv.ParseInt(r.Query(delayParameter), 10, 64)
	if err != nil {
		return nil, refusal.Invalid("The parameter %s must be a whole number that is not negative.", delayParameter)
	}
	later.Delay = delay
	answer, err := s.schedule(r, later)
	if refused := refusal.As(err); refused != nil && refused.Extra["org.matrix.msc4140.errcode"] != nil {
		older := *refused
		older.Code = "M_UNKNOWN" // what is meant stands in that key
		return nil, &older
	}
	return answer, err
}

// scheduleEvent handles PUT /_matrix/client/unstable/org.matrix.msc4140/rooms/{roomID}/delayed_event/{type}/{transaction}.
func (s *Server) scheduleEvent(r *httpapi.Request) (any, error) {
	message, err := messageOf(r, r.Var("type"))
	if err != nil {
		return nil, err
	}
	var body struct {
		DelayMS  *int64          `json:"delay_ms"`
		Delay    *int64          `json:"delay"` // its name until the summer of 2026
		StateKey *string         `json:"state_key"`
		Content  json.RawMessage `json:"content"`
	}
	if err := r.Decode(&body); err != nil {
		return nil, err
	}
	if body.DelayMS == nil {
		body.DelayMS = body.Delay
	}
	if body.DelayMS == nil {
		return nil, refusal.Missing("The request must say in delay_ms for how many milliseconds the event waits.")
	}
	if body.Content == nil {
		return nil, refusal.Missing("The request must have the content of the event in content.")
	}
	if body.Content[0] != '{' {
		return nil, refusal.BadJSON("The content of an event must be a JSON object.")
	}
	return s.schedule(r, rooms.Later{
		Room: message.Room, Type: message.Type, StateKey: body.StateKey, Content: body.Content,
		Delay: *body.DelayMS, Path: message.Path, Transaction: message.Transaction,
	})
}

func (s *Server) schedule(r *httpapi.Request, later rooms.Later) (any, error) {
	delayID, err := s.rooms.Schedule(r.Context(), r.Caller, later)
	if err != nil {
		return nil, err
	}
	return map[string]string{"delay_id": delayID}, nil
}

// delayedAnswer is a delayed event as its owner reads it.
type delayedAnswer struct {
	DelayID        string          `json:"delay_id"`
	RoomID         id.RoomID       `json:"room_id"`
	Type           string          `json:"type"`
	StateKey       *string         `json:"state_key,omitempty"`
	Content        json.RawMessage `json:"content"`
	DelayMS        int64           `json:"delay_ms"`
	Delay          int64           `json:"delay"`
	DelayedSinceTS int64           `json:"delayed_since_ts"`
	RunningSince   int64           `json:"running_since"`
	Finalised      *finalised      `json:"finalised,omitempty"`
}

// finalised is what became of a delayed event. With neither an event ID nor an
// error it was cancelled.
type finalised struct {
	FinalisedTS int64           `json:"finalised_ts"`
	EventID     id.EventID      `json:"event_id,omitempty"`
	Error       json.RawMessage `json:"error,omitempty"`
}

func answerOf(d rooms.Delayed) delayedAnswer {
	a := delayedAnswer{
		DelayID: d.ID, RoomID: d.Room, Type: d.Type, StateKey: d.StateKey, Content: d.Content,
		DelayMS: d.Delay, Delay: d.Delay, DelayedSinceTS: d.Since, RunningSince: d.Since,
	}
	if d.Finalised != 0 {
		a.Finalised = &finalised{FinalisedTS: d.Finalised, EventID: d.EventID, Error: d.Error}
	}
	return a
}

// delayedPage is how many delayed events one answer has at most.
const delayedPage = 100

// delayedEvents handles GET /_matrix/client/unstable/org.matrix.msc4140/delayed_events.
// Without a status it gives what is scheduled: clients of the older generation
// take everything in the list for that.
func (s *Server) delayedEvents(r *httpapi.Request) (any, error) {
	status, err := r.Choice("status", "scheduled", "finalised")
	if err != nil {
		return nil, err
	}
	query := rooms.DelayedQuery{
		Finalised: status == "finalised", Room: id.RoomID(r.Query("room_id")), Type: r.Query("type"), Limit: delayedPage + 1,
	}
	if from := r.Query("from"); from != "" {
		due, delayID, _ := strings.Cut(from, "_")
		if query.AfterDue, err = strconv.ParseInt(due, 10, 64); err != nil {
			return nil, refusal.Invalid("The parameter %s is not a token of this list.", "from")
		}
		query.AfterID = delayID
	}
	found, err := s.rooms.DelayedEvents(r.Context(), r.Caller, query)
	if err != nil {
		return nil, err
	}
	answer := map[string]any{}
	if len(found) > delayedPage {
		found = found[:delayedPage]
		last := found[delayedPage-1]
		answer["next_batch"] = strconv.FormatInt(last.Due(), 10) + "_" + last.ID
	}
	list := make([]delayedAnswer, len(found))
	for i, d := range found {
		list[i] = answerOf(d)
	}
	answer["delayed_events"] = list
	return answer, nil
}

// delayedEvent handles GET /_matrix/client/unstable/org.matrix.msc4140/delayed_events/{delayID}.
func (s *Server) delayedEvent(r *httpapi.Request) (any, error) {
	d, err := s.rooms.DelayedEvent(r.Context(), r.Caller, r.Var("delayID"))
	if err != nil {
		return nil, err
	}
	return answerOf(*d), nil
}

// actOnDelayed handles POST /_matrix/client/unstable/org.matrix.msc4140/delayed_events/{delayID}.
func (s *Server) actOnDelayed(r *httpapi.Request) (any, error) {
	var body struct {
		Action string `json:"action"`
	}
	if err := r.Decode(&body); err != nil {
		return nil, err
	}
	if body.Action == "" {
		return nil, refusal.Missing("The request must name in action what to do: send, cancel or restart.")
	}
	return nil, s.doDelayed(r, body.Action)
}

// actOnDelayedByPath handles POST /_matrix/client/unstable/org.matrix.msc4140/delayed_events/{delayID}/{action}.
func (s *Server) actOnDelayedByPath(r *httpapi.Request) (any, error) {
	return nil, s.doDelayed(r, r.Var("action"))
}

func (s *Server) doDelayed(r *httpapi.Request, action string) error {
	do := map[string]func(*httpapi.Request) error{
		"send":    func(r *httpapi.Request) error { return s.rooms.SendDelayed(r.Context(), r.Caller, r.Var("delayID")) },
		"cancel":  func(r *httpapi.Request) error { return s.rooms.CancelDelayed(r.Context(), r.Caller, r.Var("delayID")) },
		"restart": func(r *httpapi.Request) error { return s.rooms.RestartDelayed(r.Context(), r.Caller, r.Var("delayID")) },
	}[action]
	if do == nil {
		return refusal.Invalid("%s cannot be done to a scheduled event. It can be sent, cancelled or restarted (send, cancel, restart).", action)
	}
	return do(r)
}
