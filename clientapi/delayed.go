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

// delayedVersion is where delayed events (MSC4140) were before the MSC was
// accepted. It had two generations of paths and of names, and clients of both are
// about: answers below this path carry both names, and those below the final paths
// the final names alone.
const delayedVersion = "unstable/org.matrix.msc4140"

// older tells whether the client came by a path of before the MSC was accepted.
func older(r *httpapi.Request) bool {
	return strings.HasPrefix(r.URL.Path, "/_matrix/client/unstable/")
}

// delayParameter is the delay in milliseconds of the older generation, beside
// the paths that send at once.
const delayParameter = "org.matrix.msc4140.delay"

func (s *Server) delayedRoutes(api *httpapi.API) {
	messages := httpapi.Limit(httpapi.Messages)
	const one = "/delayed_events/{delayID}"
	api.Versions(http.MethodPut, "/rooms/{roomID}/delayed_event/{type}/{transaction}",
		api.Act(s.scheduleEvent, messages), "v3", delayedVersion)
	api.Versions(http.MethodGet, one, api.User(s.delayedEvent), "v1", delayedVersion)
	api.Versions(http.MethodPost, one+"/{action}", api.Act(s.actOnDelayedByPath, messages), "v1", delayedVersion)
	api.Versions(http.MethodPost, one, api.Act(s.actOnDelayed, messages), delayedVersion)
	api.Versions(http.MethodGet, "/delayed_events", api.User(s.scheduledEvents), delayedVersion)
	api.Versions(http.MethodGet, "/delayed_events", api.User(s.delayedEvents), delayedListVersion)
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
	// What is meant stands in a key of its own.
	return answer, s.delayTooLarge(err, "M_UNKNOWN")
}

// delayTooLarge writes the refusal of a delay that is too large as it was before
// the MSC was accepted.
func (s *Server) delayTooLarge(err error, code string) error {
	if !refusal.Is(err, "M_DELAY_TOO_LARGE") {
		return err
	}
	_, longest := s.rooms.DelayLimits()
	refused := refusal.As(err).With("org.matrix.msc4140.errcode", "M_MAX_DELAY_EXCEEDED").
		With("org.matrix.msc4140.max_delay", longest.Milliseconds())
	refused.Code = code
	return refused
}

// scheduleEvent handles PUT /_matrix/client/v3/rooms/{roomID}/delayed_event/{type}/{transaction}.
func (s *Server) scheduleEvent(r *httpapi.Request) (any, error) {
	message, err := messageOf(r, r.Var("type"))
	if err != nil {
		return nil, err
	}
	var body struct {
		DelayMS  *int64          `json:"delay_ms"`
		Delay    *int64          `json:"delay"` // its older name
		StateKey *string         `json:"state_key"`
		Content  json.RawMessage `json:"content"`
	}
	if err := r.Decode(&body); err != nil {
		return nil, err
	}
	if body.DelayMS == nil && older(r) {
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
	answer, err := s.schedule(r, rooms.Later{
		Room: message.Room, Type: message.Type, StateKey: body.StateKey, Content: body.Content,
		Delay: *body.DelayMS, Path: message.Path, Transaction: message.Transaction,
	})
	if older(r) {
		err = s.delayTooLarge(err, "ORG.MATRIX.MSC4140_DELAY_TOO_LARGE")
	}
	return answer, err
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
	DelayedSinceTS int64           `json:"delayed_since_ts"`
	*olderNames
	Finalised *finalised `json:"finalised,omitempty"`
}

// olderNames are what clients of the older generation read.
type olderNames struct {
	Delay        int64 `json:"delay"`
	RunningSince int64 `json:"running_since"`
}

// finalised is what became of a delayed event. With neither an event ID nor an
// error it was cancelled.
type finalised struct {
	FinalisedTS int64           `json:"finalised_ts"`
	EventID     id.EventID      `json:"event_id,omitempty"`
	Error       json.RawMessage `json:"error,omitempty"`
}

func answerOf(r *httpapi.Request, d rooms.Delayed) delayedAnswer {
	a := delayedAnswer{
		DelayID: d.ID, RoomID: d.Room, Type: d.Type, StateKey: d.StateKey, Content: d.Content,
		DelayMS: d.Delay, DelayedSinceTS: d.Since,
	}
	if older(r) {
		a.olderNames = &olderNames{Delay: d.Delay, RunningSince: d.Since}
	}
	if d.Finalised != 0 {
		a.Finalised = &finalised{FinalisedTS: d.Finalised, EventID: d.EventID, Error: d.Error}
	}
	return a
}

// delayedEvent handles GET /_matrix/client/v1/delayed_events/{delayID}.
func (s *Server) delayedEvent(r *httpapi.Request) (any, error) {
	d, err := s.rooms.DelayedEvent(r.Context(), r.Caller, r.Var("delayID"))
	if err != nil {
		return nil, err
	}
	return answerOf(r, *d), nil
}

// actOnDelayed handles POST /_matrix/client/unstable/org.matrix.msc4140/delayed_events/{delayID}.
// The final paths have the action in the path alone.
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

// actOnDelayedByPath handles POST /_matrix/client/v1/delayed_events/{delayID}/{action}.
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
