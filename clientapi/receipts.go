package clientapi

import (
	"encoding/json"
	"net/http"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/clientapi/httpapi"
	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/rooms"
)

func (s *Server) routesReceipts(api *httpapi.API) {
	api.Client(http.MethodPost, "/rooms/{room}/receipt/{type}/{event}", api.Act(s.sendReceipt))
	api.Client(http.MethodPost, "/rooms/{room}/read_markers", api.Act(s.setReadMarkers))
}

var (
	errThreadID    = refusal.Invalid("The thread_id of a receipt must be \"main\" or the ID of an event.")
	errThreadFully = refusal.Invalid("The marker m.fully_read is for the whole room and takes no thread_id.")
)

// sendReceipt handles POST
// /_matrix/client/v3/rooms/{roomId}/receipt/{receiptType}/{eventId}.
func (s *Server) sendReceipt(r *httpapi.Request) (any, error) {
	var body struct {
		Thread json.RawMessage `json:"thread_id"`
	}
	if err := r.DecodeOptional(&body); err != nil {
		return nil, err
	}
	reading := rooms.Reading{Room: id.RoomID(r.Var("room"))}
	if body.Thread != nil {
		if json.Unmarshal(body.Thread, &reading.Thread) != nil || reading.Thread == "" {
			return nil, errThreadID
		}
	}
	at := id.EventID(r.Var("event"))
	switch kind := r.Var("type"); kind {
	case rooms.ReceiptRead:
		reading.Read = at
	case rooms.ReceiptPrivate:
		reading.Private = at
	case rooms.FullyRead:
		if reading.Thread != "" {
			return nil, errThreadFully
		}
		reading.FullyRead = at
	default:
		return nil, refusal.Invalid("There is no type of receipt called %q.", kind)
	}
	return nil, s.rooms.MarkRead(r.Context(), r.Caller, reading)
}

// setReadMarkers handles POST /_matrix/client/v3/rooms/{roomId}/read_markers.
func (s *Server) setReadMarkers(r *httpapi.Request) (any, error) {
	var body struct {
		FullyRead id.EventID `json:"m.fully_read"`
		Read      id.EventID `json:"m.read"`
		Private   id.EventID `json:"m.read.private"`
	}
	if err := r.Decode(&body); err != nil {
		return nil, err
	}
	return nil, s.rooms.MarkRead(r.Context(), r.Caller, rooms.Reading{
		Room: id.RoomID(r.Var("room")), Read: body.Read, Private: body.Private, FullyRead: body.FullyRead,
	})
}
