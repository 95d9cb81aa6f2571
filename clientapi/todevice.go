package clientapi

import (
	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/clientapi/httpapi"
	"github.com/conversalabs/internalchat/clientapi/refusal"
)

// sendToDevice handles PUT /_matrix/client/v3/sendToDevice/{eventType}/{txnId}.
func (s *Server) sendToDevice(r *httpapi.Request) (any, error) {
	var body struct {
		Messages accounts.Messages `json:"messages"`
	}
	if err := r.Decode(&body); err != nil {
		return nil, err
	}
	if body.Messages == nil {
		return nil, refusal.BadJSON("The request needs \"messages\": what is sent to which devices.")
	}
	kind := r.Var("type")
	return nil, s.keys.SendToDevice(r.Context(), r.Caller, accounts.ToDevice{
		Path: "/sendToDevice/" + kind, Transaction: r.Var("transaction"), Type: kind, Messages: body.Messages,
	})
}
