package clientapi

import (
	"net/http"
	"strings"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/clientapi/httpapi"
	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/rooms"
)

func (s *Server) sendRoutes(api *httpapi.API) {
	messages := httpapi.Limit(httpapi.Messages)
	api.Client(http.MethodPut, "/rooms/{roomID}/send/{type}/{transaction}", api.Act(s.sendEvent, messages))
	api.Client(http.MethodPut, "/rooms/{roomID}/redact/{eventID}/{transaction}", api.Act(s.redactEvent, messages))
}

// sendEvent handles PUT /_matrix/client/v3/rooms/{roomID}/send/{type}/{transaction}.
func (s *Server) sendEvent(r *httpapi.Request) (any, error) {
	message, err := messageOf(r, r.Var("type"))
	if err != nil {
		return nil, err
	}
	if message.Content, err = r.Object(); err != nil {
		return nil, err
	}
	if r.QueryAll(delayParameter) != nil {
		return s.scheduleByQuery(r, rooms.Later{
			Room: message.Room, Type: message.Type, Content: message.Content,
			// Without the delay it would be another request.
			Path: message.Path + "?" + delayParameter, Transaction: message.Transaction,
		})
	}
	if message.Time, err = r.Timestamp(); err != nil {
		return nil, err
	}
	return eventID(s.rooms.Send(r.Context(), r.Caller, message))
}

// redactEvent handles PUT /_matrix/client/v3/rooms/{roomID}/redact/{eventID}/{transaction}.
func (s *Server) redactEvent(r *httpapi.Request) (any, error) {
	message, err := messageOf(r, "m.room.redaction")
	if err != nil {
		return nil, err
	}
	var body struct {
		Reason string `json:"reason"`
	}
	if err := r.DecodeOptional(&body); err != nil {
		return nil, err
	}
	message.Content = []byte("{}")
	if content, err := r.Object(); err == nil {
		message.Content = content
	}
	return eventID(s.rooms.Redact(r.Context(), r.Caller, message, id.EventID(r.Var("eventID"))))
}

// maxTransaction is how long a transaction ID may be, in bytes.
const maxTransaction = 255

// messageOf gives the message that a path names, still without content.
func messageOf(r *httpapi.Request, eventType string) (rooms.Message, error) {
	transaction := r.Var("transaction")
	if len(transaction) > maxTransaction {
		return rooms.Message{}, refusal.Invalid("A transaction ID cannot be longer than %d bytes.", maxTransaction)
	}
	path := r.URL.EscapedPath()
	return rooms.Message{
		Room: roomOf(r), Type: eventType,
		Path: path[:strings.LastIndexByte(path, '/')], Transaction: transaction,
	}, nil
}

// eventID answers with an event's ID.
func eventID(sent id.EventID, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return map[string]id.EventID{"event_id": sent}, nil
}
