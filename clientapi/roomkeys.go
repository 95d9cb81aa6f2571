package clientapi

import (
	"encoding/json"
	"net/http"
	"strconv"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/clientapi/httpapi"
	"github.com/conversalabs/internalchat/clientapi/refusal"
)

func (s *Server) backupRoutes(api *httpapi.API) {
	large := httpapi.Body(s.keysBytes)
	api.Client(http.MethodPost, "/room_keys/version", api.Act(s.createBackup, large))
	api.Client(http.MethodGet, "/room_keys/version", api.User(s.newestBackup))
	api.Client(http.MethodGet, "/room_keys/version/{version}", api.User(s.backup))
	api.Client(http.MethodPut, "/room_keys/version/{version}", api.User(s.updateBackup, large))
	api.Client(http.MethodDelete, "/room_keys/version/{version}", api.User(s.deleteBackup))
	for _, path := range []string{"/room_keys/keys", "/room_keys/keys/{room}", "/room_keys/keys/{room}/{session}"} {
		api.Client(http.MethodDelete, path, api.User(backedUp(path, s.dropBackedUpKeys)))
		api.Client(http.MethodGet, path, api.User(backedUp(path, s.backedUpKeys)))
		api.Client(http.MethodPut, path, api.User(backedUp(path, s.backUpKeys), large))
	}
}

// place is what of a backup a request is about: all of it, a room, or a session.
type place struct {
	version accounts.BackupVersion
	room    id.RoomID
	session id.SessionID
}

// backedUp reads the place from the path and the query.
func backedUp(path string, h func(*httpapi.Request, place) (any, error)) httpapi.Handler {
	return func(r *httpapi.Request) (any, error) {
		text := r.Query("version")
		if text == "" {
			return nil, refusal.Missing("The parameter %s is missing.", "version")
		}
		version, err := accounts.ParseBackupVersion(text)
		if err != nil {
			return nil, err
		}
		at := place{version: version}
		switch path {
		case "/room_keys/keys/{room}/{session}":
			at.session = id.SessionID(r.Var("session"))
			fallthrough
		case "/room_keys/keys/{room}":
			at.room = id.RoomID(r.Var("room"))
		}
		return h(r, at)
	}
}

// backupBody describes a backup.
type backupBody struct {
	Algorithm string          `json:"algorithm"`
	AuthData  json.RawMessage `json:"auth_data"`
	Version   string          `json:"version"`
}

// createBackup handles POST /_matrix/client/v3/room_keys/version.
func (s *Server) createBackup(r *httpapi.Request) (any, error) {
	var body backupBody
	if err := r.Decode(&body); err != nil {
		return nil, err
	}
	version, err := s.keys.CreateBackup(r.Context(), r.Caller, body.Algorithm, body.AuthData)
	if err != nil {
		return nil, err
	}
	return map[string]string{"version": version.String()}, nil
}

// newestBackup handles GET /_matrix/client/v3/room_keys/version.
func (s *Server) newestBackup(r *httpapi.Request) (any, error) { return s.describeBackup(r, 0) }

// backup handles GET /_matrix/client/v3/room_keys/version/{version}.
func (s *Server) backup(r *httpapi.Request) (any, error) {
	version, err := accounts.ParseBackupVersion(r.Var("version"))
	if err != nil {
		return nil, err
	}
	return s.describeBackup(r, version)
}

func (s *Server) describeBackup(r *httpapi.Request, version accounts.BackupVersion) (any, error) {
	backup, err := s.keys.Backup(r.Context(), r.Caller, version)
	if err != nil {
		return nil, err
	}
	return map[string]any{
		"algorithm": backup.Algorithm, "auth_data": backup.AuthData, "version": backup.Version.String(),
		"count": backup.Count, "etag": strconv.FormatInt(backup.ETag, 10),
	}, nil
}

// updateBackup handles PUT /_matrix/client/v3/room_keys/version/{version}.
func (s *Server) updateBackup(r *httpapi.Request) (any, error) {
	var body backupBody
	if err := r.Decode(&body); err != nil {
		return nil, err
	}
	version, err := accounts.ParseBackupVersion(r.Var("version"))
	if err != nil {
		return nil, err
	}
	if body.Version != "" && body.Version != version.String() {
		return nil, refusal.Invalid("The version in the request is not the one in its address.")
	}
	return nil, s.keys.UpdateBackup(r.Context(), r.Caller, version, body.Algorithm, body.AuthData)
}

// deleteBackup handles DELETE /_matrix/client/v3/room_keys/version/{version}.
func (s *Server) deleteBackup(r *httpapi.Request) (any, error) {
	version, err := accounts.ParseBackupVersion(r.Var("version"))
	if err != nil {
		return nil, err
	}
	return nil, s.keys.DeleteBackup(r.Context(), r.Caller, version)
}

// sessions are backed up keys by their sessions.
type sessions struct {
	Sessions map[id.SessionID]json.RawMessage `json:"sessions"`
}

func newSessions() sessions { return sessions{map[id.SessionID]json.RawMessage{}} }

// backedUpKeys handles GET /_matrix/client/v3/room_keys/keys, of all rooms, of
// one, or of one session.
func (s *Server) backedUpKeys(r *httpapi.Request, at place) (any, error) {
	keys, err := s.keys.BackedUpKeys(r.Context(), r.Caller, at.version, at.room, at.session)
	if err != nil {
		return nil, err
	}
	if at.session != "" {
		return json.RawMessage(keys[0].JSON), nil
	}
	byRoom := map[id.RoomID]sessions{}
	for _, key := range keys {
		if byRoom[key.Room].Sessions == nil {
			byRoom[key.Room] = newSessions()
		}
		byRoom[key.Room].Sessions[key.Session] = key.JSON
	}
	if at.room == "" {
		return map[string]any{"rooms": byRoom}, nil
	}
	if len(keys) == 0 {
		return newSessions(), nil
	}
	return byRoom[at.room], nil
}

// backUpKeys handles PUT /_matrix/client/v3/room_keys/keys, of many rooms, of
// one, or of one session.
func (s *Server) backUpKeys(r *httpapi.Request, at place) (any, error) {
	keys, err := keysToBackUp(r, at)
	if err != nil {
		return nil, err
	}
	backup, err := s.keys.BackUp(r.Context(), r.Caller, at.version, keys)
	return contents(backup), err
}

func keysToBackUp(r *httpapi.Request, at place) ([]accounts.BackedUpKey, error) {
	if at.session != "" {
		body, err := r.Object()
		return []accounts.BackedUpKey{{Room: at.room, Session: at.session, JSON: body}}, err
	}
	byRoom := map[id.RoomID]sessions{}
	if at.room != "" {
		var body sessions
		if err := r.Decode(&body); err != nil {
			return nil, err
		}
		byRoom[at.room] = body
	} else {
		var body struct {
			Rooms map[id.RoomID]sessions `json:"rooms"`
		}
		if err := r.Decode(&body); err != nil {
			return nil, err
		}
		byRoom = body.Rooms
	}
	if byRoom == nil || at.room != "" && byRoom[at.room].Sessions == nil {
		return nil, refusal.BadJSON("The request has no keys to back up.")
	}
	var keys []accounts.BackedUpKey
	for room, body := range byRoom {
		for session, key := range body.Sessions {
			keys = append(keys, accounts.BackedUpKey{Room: room, Session: session, JSON: key})
		}
	}
	return keys, nil
}

// dropBackedUpKeys handles DELETE /_matrix/client/v3/room_keys/keys, of all
// rooms, of one, or of one session.
func (s *Server) dropBackedUpKeys(r *httpapi.Request, at place) (any, error) {
	backup, err := s.keys.DropBackedUp(r.Context(), r.Caller, at.version, at.room, at.session)
	return contents(backup), err
}

// contents tells what is in a backup.
func contents(backup *accounts.Backup) any {
	if backup == nil {
		return nil
	}
	return map[string]any{"count": backup.Count, "etag": strconv.FormatInt(backup.ETag, 10)}
}
