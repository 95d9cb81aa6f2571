package clientapi

import (
	"net/http"
	"strconv"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/clientapi/httpapi"
	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/storage/stream"
)

// dehydratedRoutes registers the endpoints of MSC3814.
func (s *Server) dehydratedRoutes(api *httpapi.API) {
	const path, version = "/dehydrated_device", "unstable/org.matrix.msc3814.v1"
	api.Versions(http.MethodPut, path, api.User(s.dehydrate, httpapi.Body(s.keysBytes)), version)
	api.Versions(http.MethodGet, path, api.User(s.dehydrated), version)
	api.Versions(http.MethodDelete, path, api.User(s.endDehydrated), version)
	api.Versions(http.MethodPost, path+"/{device}/events", api.User(s.dehydratedEvents), version)
}

// dehydrate handles PUT /_matrix/client/unstable/org.matrix.msc3814.v1/dehydrated_device.
func (s *Server) dehydrate(r *httpapi.Request) (any, error) {
	var body accounts.Dehydration
	if err := r.Decode(&body); err != nil {
		return nil, err
	}
	if err := s.keys.Dehydrate(r.Context(), r.Caller, body); err != nil {
		return nil, err
	}
	return map[string]id.DeviceID{"device_id": body.Device}, nil
}

// dehydrated handles GET /_matrix/client/unstable/org.matrix.msc3814.v1/dehydrated_device.
func (s *Server) dehydrated(r *httpapi.Request) (any, error) {
	return s.keys.Dehydrated(r.Context(), r.Caller)
}

// endDehydrated handles DELETE /_matrix/client/unstable/org.matrix.msc3814.v1/dehydrated_device.
func (s *Server) endDehydrated(r *httpapi.Request) (any, error) {
	device, err := s.keys.EndDehydrated(r.Context(), r.Caller)
	if err != nil {
		return nil, err
	}
	return map[string]id.DeviceID{"device_id": device}, nil
}

// dehydratedEvents handles POST
// /_matrix/client/unstable/org.matrix.msc3814.v1/dehydrated_device/{device_id}/events.
func (s *Server) dehydratedEvents(r *httpapi.Request) (any, error) {
	var body struct {
		NextBatch string `json:"next_batch"`
	}
	if err := r.DecodeOptional(&body); err != nil {
		return nil, err
	}
	var after stream.Position
	if body.NextBatch != "" {
		n, err := strconv.ParseInt(body.NextBatch, 10, 64)
		if err != nil || n < 0 {
			return nil, refusal.Invalid("This is not a token that this server gave: %s.", body.NextBatch)
		}
		after = stream.Position(n)
	}
	events, next, err := s.keys.DehydratedEvents(r.Context(), r.Caller, id.DeviceID(r.Var("device")), after)
	if err != nil {
		return nil, err
	}
	return map[string]any{"events": events, "next_batch": strconv.FormatInt(int64(next), 10)}, nil
}
