package clientapi

import (
	"bytes"
	"encoding/json"
	"net/http"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/clientapi/httpapi"
	"github.com/conversalabs/internalchat/clientapi/refusal"
)

func (s *Server) routesPushers(api *httpapi.API) {
	api.Client(http.MethodGet, "/pushers", api.User(s.pushers))
	api.Client(http.MethodPost, "/pushers/set", api.Act(s.setPusher))
}

// pushers handles GET /_matrix/client/v3/pushers.
func (s *Server) pushers(r *httpapi.Request) (any, error) {
	pushers, err := s.data.Pushers(r.Context(), r.Account, r.Caller.User)
	if err != nil {
		return nil, err
	}
	for i := range pushers {
		pushers[i].Device = ""
	}
	return map[string]any{"pushers": pushers}, nil
}

// setPusher handles POST /_matrix/client/v3/pushers/set.
func (s *Server) setPusher(r *httpapi.Request) (any, error) {
	var body struct {
		Kind              json.RawMessage `json:"kind"`
		AppID             string          `json:"app_id"`
		Pushkey           string          `json:"pushkey"`
		AppDisplayName    string          `json:"app_display_name"`
		DeviceDisplayName string          `json:"device_display_name"`
		ProfileTag        string          `json:"profile_tag"`
		Lang              string          `json:"lang"`
		Data              json.RawMessage `json:"data"`
		Append            bool            `json:"append"`
	}
	if err := r.Decode(&body); err != nil {
		return nil, err
	}
	if bytes.Equal(body.Kind, []byte("null")) {
		return nil, s.data.DeletePusher(r.Context(), r.Caller, body.AppID, body.Pushkey)
	}
	pusher := accounts.Pusher{
		Pushkey: body.Pushkey, AppID: body.AppID, AppDisplayName: body.AppDisplayName,
		DeviceDisplayName: body.DeviceDisplayName, ProfileTag: body.ProfileTag, Lang: body.Lang, Data: body.Data,
	}
	if len(body.Kind) == 0 {
		return nil, refusal.Missing("A pusher needs a kind, or null to delete it.")
	}
	if json.Unmarshal(body.Kind, &pusher.Kind) != nil {
		return nil, refusal.BadJSON("The kind of a pusher must be a text, or null to delete it.")
	}
	return nil, s.data.SetPusher(r.Context(), r.Caller, pusher, body.Append)
}
