package clientapi

import (
	"net/http"
	"time"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/clientapi/httpapi"
	"github.com/conversalabs/internalchat/clientapi/refusal"
)

func (s *Server) routesTyping(api *httpapi.API) {
	api.Client(http.MethodPut, "/rooms/{room}/typing/{user}", api.User(s.setTyping))
}

const (
	// typingTimeout holds for who types and names no time, in ms.
	typingTimeout = 30_000
	// maxTypingTimeout is what longer times become, in ms; rooms may cut them
	// further.
	maxTypingTimeout = 3_600_000
)

// setTyping handles PUT /_matrix/client/v3/rooms/{roomId}/typing/{userId}.
func (s *Server) setTyping(r *httpapi.Request) (any, error) {
	if err := own(r); err != nil {
		return nil, err
	}
	if r.Caller.Suspended {
		return nil, accounts.ErrSuspended
	}
	var body struct {
		Typing  *bool  `json:"typing"`
		Timeout *int64 `json:"timeout"`
	}
	if err := r.Decode(&body); err != nil {
		return nil, err
	}
	timeout := int64(typingTimeout)
	switch {
	case body.Typing == nil:
		return nil, refusal.Missing("The request needs \"typing\": whether you are typing.")
	case !*body.Typing:
		timeout = 0
	case body.Timeout != nil && *body.Timeout < 0:
		return nil, refusal.Invalid("The timeout of typing must not be negative.")
	case body.Timeout != nil:
		timeout = min(*body.Timeout, maxTypingTimeout)
	}
	return nil, s.rooms.SetTyping(r.Context(), r.Caller, id.RoomID(r.Var("room")), time.Duration(timeout)*time.Millisecond)
}
