package main_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/tidwall/gjson"
)

var versionChecks = checks{
	"UnknownEndpoints": func(t *testing.T, hs *homeserver) {
		user := hs.mustRegister(t, "user")
		for _, unknown := range []string{
			"unknown", "client/unknown", "client/v1/unknown", "client/v3/room/unknown", "federation/unknown",
			"federation/v1/unknown", "key/unknown", "key/v2/unknown", "media/unknown", "media/v3/unknown",
		} {
			user.mustBeRefused(t, http.StatusNotFound, "M_UNRECOGNIZED", http.MethodGet, "/_matrix/"+unknown, "")
		}
		for _, wrong := range []string{"client/v3/login", "federation/v1/version", "key/v2/query", "media/v3/config"} {
			user.mustBeRefused(t, http.StatusMethodNotAllowed, "M_UNRECOGNIZED", http.MethodPut, "/_matrix/"+wrong, "")
		}
	},
	"ServerCapabilities": func(t *testing.T, hs *homeserver) {
		hs.nobody().mustBeRefused(t, http.StatusUnauthorized, "M_MISSING_TOKEN", http.MethodGet, "/capabilities", "")
		able := hs.mustRegister(t, "user").must(t, http.MethodGet, "/capabilities", "")
		versions := able.Get(`capabilities.m\.room_versions`)
		preferred := versions.Get("default").Str
		mustBe(t, "the default version is "+preferred, versions.Get("available."+preferred).Str, "stable")
		mustBe(t, "passwords are changed", able.Get(`capabilities.m\.change_password.enabled`).Raw, "true")
	},
	"VersionStructure": func(t *testing.T, hs *homeserver) {
		told := hs.nobody().must(t, http.MethodGet, "/_matrix/client/versions", "")
		versions := told.Get("versions")
		if !versions.IsArray() || len(versions.Array()) == 0 || !told.Get("unstable_features").IsObject() {
			t.Errorf("got %s, want versions and unstable features", told.Raw)
		}
		for _, version := range versions.Array() {
			mustBe(t, version.Raw+" is", version.Type, gjson.String)
		}
		for feature, on := range told.Get("unstable_features").Map() {
			mustBe(t, feature+" is on or off", on.IsBool(), true)
		}
	},
	"Json": func(t *testing.T, hs *homeserver) {
		user := hs.mustRegister(t, "user")
		// The key is misspelt in the public suite, too: the room has the default version.
		room := user.mustCreate(t, `{"room_opts":{"room_version":"6"}}`)
		for _, bad := range []string{"9007199254740992", "-9007199254740992", "1.1"} {
			user.mustBeRefused(t, http.StatusBadRequest, "M_BAD_JSON", http.MethodPut, inRoom(room)+"/send/dummy/"+hs.fresh("txn"), `{"body":%s}`, bad)
			user.mustBeRefused(t, http.StatusBadRequest, "M_BAD_JSON", http.MethodPut, inState(room, "dummy", ""), `{"body":[{"in":%s}]}`, bad)
		}
		for _, bad := range []string{"Infinity", "-Infinity", "NaN"} {
			path := inRoom(room) + "/send/dummy/" + hs.fresh("txn")
			user.mustBeRefused(t, http.StatusBadRequest, "", http.MethodPut, path, `{"body":%s}`, bad)
		}
		user.mustSend(t, room, "dummy", `{"body":9007199254740991,"least":-9007199254740991}`)
	},
	"Event": func(t *testing.T, hs *homeserver) {
		user := hs.mustRegister(t, "user")
		room := user.mustCreate(t, `{}`)
		large := strings.Repeat("and they dont stop coming ", 2700)
		user.mustBeRefused(t, http.StatusRequestEntityTooLarge, "M_TOO_LARGE", http.MethodPut, inRoom(room)+"/send/m.room.message/1",
			`{"msgtype":"m.text","body":%q}`, large)
		user.mustBeRefused(t, http.StatusRequestEntityTooLarge, "M_TOO_LARGE", http.MethodPut, inRoom(room)+"/state/marvel.universe.fate",
			`{"body":%q}`, large)
	},
}
