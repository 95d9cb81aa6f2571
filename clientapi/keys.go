package clientapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/clientapi/httpapi"
	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/storage/stream"
)

func (s *Server) keyRoutes(api *httpapi.API) {
	large := httpapi.Body(s.keysBytes)
	api.Client(http.MethodPost, "/keys/upload", api.User(s.uploadKeys, large))
	api.Client(http.MethodPost, "/keys/query", api.User(s.queryKeys, large))
	api.Client(http.MethodPost, "/keys/claim", api.User(s.claimKeys, large))
	api.Client(http.MethodGet, "/keys/changes", api.User(s.keyChanges))
	for path, handler := range map[string]httpapi.Handler{
		"/keys/device_signing/upload": s.uploadCrossSigning,
		"/keys/signatures/upload":     s.uploadSignatures,
	} {
		route := api.User(handler, large)
		api.Client(http.MethodPost, path, route)
		api.Versions(http.MethodPost, path, route, "unstable")
	}
	api.Client(http.MethodPut, "/sendToDevice/{type}/{transaction}", api.Act(s.sendToDevice, large))
	s.backupRoutes(api)
	s.dehydratedRoutes(api)
}

// interactive asks users to confirm who they are (user-interactive
// authentication).
type interactive interface {
	// Confirm takes the "auth" of a request, nil when there was none. It returns
	// nil once the user has confirmed, else the 401 with the flows, or a refusal.
	Confirm(r *httpapi.Request, auth json.RawMessage) error
}

// uploadKeys handles POST /_matrix/client/v3/keys/upload.
func (s *Server) uploadKeys(r *httpapi.Request) (any, error) {
	var body accounts.KeyUpload
	if err := r.Decode(&body); err != nil {
		return nil, err
	}
	if err := s.keys.Upload(r.Context(), r.Caller, body); err != nil {
		return nil, err
	}
	counts, _, err := s.keys.Counts(r.Context(), r.Account, r.Caller.User, r.Caller.Device)
	if err != nil {
		return nil, err
	}
	return map[string]any{"one_time_key_counts": counts}, nil
}

// queryKeys handles POST /_matrix/client/v3/keys/query.
func (s *Server) queryKeys(r *httpapi.Request) (any, error) {
	var body struct {
		DeviceKeys map[id.UserID][]id.DeviceID `json:"device_keys"`
	}
	if err := r.Decode(&body); err != nil {
		return nil, err
	}
	if body.DeviceKeys == nil {
		return nil, refusal.BadJSON("The request needs \"device_keys\": the users whose keys are wanted.")
	}
	found, err := s.keys.Query(r.Context(), r.Caller, body.DeviceKeys)
	if err != nil {
		return nil, err
	}
	return struct {
		DeviceKeys  map[id.UserID]map[id.DeviceID]json.RawMessage `json:"device_keys"`
		Failures    struct{}                                      `json:"failures"` // of other servers: there are none
		Master      map[id.UserID]json.RawMessage                 `json:"master_keys"`
		SelfSigning map[id.UserID]json.RawMessage                 `json:"self_signing_keys"`
		UserSigning map[id.UserID]json.RawMessage                 `json:"user_signing_keys"`
	}{found.Devices, struct{}{}, found.Master, found.SelfSigning, found.UserSigning}, nil
}

// claimKeys handles POST /_matrix/client/v3/keys/claim.
func (s *Server) claimKeys(r *httpapi.Request) (any, error) {
	var body struct {
		OneTimeKeys map[id.UserID]map[id.DeviceID]id.KeyAlgorithm `json:"one_time_keys"`
	}
	if err := r.Decode(&body); err != nil {
		return nil, err
	}
	if body.OneTimeKeys == nil {
		return nil, refusal.BadJSON("The request needs \"one_time_keys\": the devices whose keys are wanted.")
	}
	claimed, err := s.keys.Claim(r.Context(), r.Caller, body.OneTimeKeys)
	if err != nil {
		return nil, err
	}
	keys := map[id.UserID]map[id.DeviceID]map[id.KeyID]json.RawMessage{}
	for _, c := range claimed {
		if keys[c.User] == nil {
			keys[c.User] = map[id.DeviceID]map[id.KeyID]json.RawMessage{}
		}
		keys[c.User][c.Device] = map[id.KeyID]json.RawMessage{c.ID: c.JSON}
	}
	return map[string]any{"one_time_keys": keys, "failures": struct{}{}}, nil
}

// keyChanges handles GET /_matrix/client/v3/keys/changes. "to" is a hint, which
// is not needed here.
func (s *Server) keyChanges(r *httpapi.Request) (any, error) {
	if r.Query("from") == "" {
		return nil, refusal.Missing("The parameter %s is missing.", "from")
	}
	from, err := stream.ParseToken(r.Query("from"))
	if err != nil {
		return nil, err
	}
	if to := r.Query("to"); to != "" {
		if _, err := stream.ParseToken(to); err != nil {
			return nil, err
		}
	}
	changed, left, err := s.deviceLists(r, from)
	if err != nil {
		return nil, err
	}
	return map[string]any{"changed": changed, "left": left}, nil
}

func (s *Server) deviceLists(r *httpapi.Request, from stream.Token) (changed, left []id.UserID, err error) {
	store, since := s.rooms.Store(), from.Position
	err = store.View(r.Context(), r.Account, func(v rooms.View) error {
		if from.Epoch != v.Epoch() || from.Position > v.Head() {
			since = 0 // of another history: everything may have changed
		}
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	items, err := store.Items(r.Context(), r.Account, stream.ItemQuery{Kinds: []stream.Kind{stream.DeviceList}, After: since})
	if err != nil {
		return nil, nil, fmt.Errorf("read changed device lists: %w", err)
	}
	err = store.View(r.Context(), r.Account, func(v rooms.View) error {
		changed, left, err = rooms.DeviceListChanges(v, r.Caller.User, items, since)
		return err
	})
	if changed == nil {
		changed = []id.UserID{}
	}
	if left == nil {
		left = []id.UserID{}
	}
	return changed, left, err
}

// uploadCrossSigning handles POST /_matrix/client/v3/keys/device_signing/upload.
// Clients send it without keys to learn what they would have to confirm.
func (s *Server) uploadCrossSigning(r *httpapi.Request) (any, error) {
	var body struct {
		accounts.CrossSigningUpload
		Auth json.RawMessage `json:"auth"`
	}
	if err := r.DecodeOptional(&body); err != nil {
		return nil, err
	}
	if body.Empty() {
		return nil, s.confirmUnlessService(r, body.Auth)
	}
	err := s.keys.UploadCrossSigning(r.Context(), r.Caller, body.CrossSigningUpload, false)
	if !errors.Is(err, accounts.ErrConfirmation) {
		return nil, err
	}
	if err := s.confirmUnlessService(r, body.Auth); err != nil {
		return nil, err
	}
	return nil, s.keys.UploadCrossSigning(r.Context(), r.Caller, body.CrossSigningUpload, true)
}

// uploadSignatures handles POST /_matrix/client/v3/keys/signatures/upload.
func (s *Server) uploadSignatures(r *httpapi.Request) (any, error) {
	var body accounts.SignedKeys
	if err := r.Decode(&body); err != nil {
		return nil, err
	}
	failed, err := s.keys.UploadSignatures(r.Context(), r.Caller, body)
	if err != nil {
		return nil, err
	}
	failures := map[id.UserID]map[string]map[string]string{}
	for user, keys := range failed {
		failures[user] = map[string]map[string]string{}
		for key, refused := range keys {
			sentence, _ := refused.In(r.Languages())
			failures[user][key] = map[string]string{"errcode": refused.Code, "error": sentence}
		}
	}
	return map[string]any{"failures": failures}, nil
}
