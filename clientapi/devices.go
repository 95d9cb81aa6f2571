package clientapi

import (
	"encoding/json"
	"net/http"

	"maunium.net/go/mautrix"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/clientapi/httpapi"
	"github.com/conversalabs/internalchat/clientapi/refusal"
)

// deviceRoutes registers section "Device management" of the client-server
// specification.
func (s *Server) deviceRoutes(api *httpapi.API) {
	api.Client(http.MethodGet, "/devices", api.User(s.devices))
	api.Client(http.MethodGet, "/devices/{device}", api.User(s.device))
	api.Client(http.MethodPut, "/devices/{device}", api.User(s.renameDevice))
	api.Client(http.MethodDelete, "/devices/{device}", api.User(s.deleteDevice))
	api.Client(http.MethodPost, "/delete_devices", api.User(s.deleteDevices))
}

func answerDevice(d accounts.Device) mautrix.RespDeviceInfo {
	return mautrix.RespDeviceInfo{DeviceID: d.ID, DisplayName: d.DisplayName, LastSeenIP: d.LastSeenIP, LastSeenTS: d.LastSeen}
}

// devices handles GET /_matrix/client/v3/devices.
func (s *Server) devices(r *httpapi.Request) (any, error) {
	all, err := s.accounts.Devices(r.Context(), r.Account, r.Caller.User)
	if err != nil {
		return nil, err
	}
	answer := mautrix.RespDevicesInfo{Devices: make([]mautrix.RespDeviceInfo, len(all))}
	for i, d := range all {
		answer.Devices[i] = answerDevice(d)
	}
	return answer, nil
}

// device handles GET /_matrix/client/v3/devices/{device}.
func (s *Server) device(r *httpapi.Request) (any, error) {
	d, err := s.accounts.Device(r.Context(), r.Account, r.Caller.User, id.DeviceID(r.Var("device")))
	if err != nil {
		return nil, err
	}
	return answerDevice(d), nil
}

// renameDevice handles PUT /_matrix/client/v3/devices/{device}. Without a name it
// changes nothing, but tells whether there is such a device.
func (s *Server) renameDevice(r *httpapi.Request) (any, error) {
	var body struct {
		Name *string `json:"display_name"`
	}
	if err := r.Decode(&body); err != nil {
		return nil, err
	}
	named := id.DeviceID(r.Var("device"))
	if r.Caller.Service != "" {
		return s.createDevice(r, named, body.Name)
	}
	if body.Name == nil {
		_, err := s.accounts.Device(r.Context(), r.Account, r.Caller.User, named)
		return nil, err
	}
	return nil, s.accounts.RenameDevice(r.Context(), r.Caller, named, *body.Name)
}

// createDevice is PUT /_matrix/client/v3/devices/{device} of an application service,
// which makes the device that is not there.
func (s *Server) createDevice(r *httpapi.Request, device id.DeviceID, name *string) (any, error) {
	var named string
	if name != nil {
		named = *name
	}
	made, err := s.accounts.CreateDevice(r.Context(), r.Caller, device, named)
	if err != nil || !made {
		return nil, err
	}
	return httpapi.Reply{Status: http.StatusCreated, Body: struct{}{}}, nil
}

// deleteDevice handles DELETE /_matrix/client/v3/devices/{device}.
func (s *Server) deleteDevice(r *httpapi.Request) (any, error) {
	var body struct {
		Auth json.RawMessage `json:"auth"`
	}
	if err := r.DecodeOptional(&body); err != nil {
		return nil, err
	}
	if err := s.confirmUnlessService(r, body.Auth); err != nil {
		return nil, err
	}
	return nil, s.accounts.EndDevices(r.Context(), r.Caller, id.DeviceID(r.Var("device")))
}

// deleteDevices handles POST /_matrix/client/v3/delete_devices.
func (s *Server) deleteDevices(r *httpapi.Request) (any, error) {
	var body struct {
		Devices []id.DeviceID   `json:"devices"`
		Auth    json.RawMessage `json:"auth"`
	}
	if err := r.Decode(&body); err != nil {
		return nil, err
	}
	if body.Devices == nil {
		return nil, refusal.Missing("Please say which devices: the request has no \"devices\".")
	}
	if err := s.confirmUnlessService(r, body.Auth); err != nil {
		return nil, err
	}
	return nil, s.accounts.EndDevices(r.Context(), r.Caller, body.Devices...)
}
