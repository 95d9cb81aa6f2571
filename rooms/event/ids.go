package event

import (
	"strings"
	"unicode/utf8"

	"github.com/matrix-org/gomatrixserverlib/spec"
	"maunium.net/go/mautrix/id"
)

// ValidUserID tells whether this is a user ID: @localpart:server, at most 255
// bytes, with the printable ASCII characters that old user IDs may have too.
func ValidUserID(user id.UserID) bool {
	local, ok := localpart(string(user), '@')
	if !ok {
		return false
	}
	for i := range len(local) {
		if local[i] < 0x21 || local[i] > 0x7E {
			return false
		}
	}
	return true
}

// ValidRoomID tells whether this is a room ID: !anything:server, or in rooms of
// version 12 ! and a hash.
func ValidRoomID(room id.RoomID) bool {
	return validHashedRoomID(room) || validServerRoomID(room)
}

func validServerRoomID(room id.RoomID) bool {
	_, ok := localpart(string(room), '!')
	return ok
}

func validHashedRoomID(room id.RoomID) bool {
	if len(room) != 44 || room[0] != '!' {
		return false
	}
	for i := 1; i < len(room); i++ {
		switch b := room[i]; {
		case b >= 'A' && b <= 'Z', b >= 'a' && b <= 'z', b >= '0' && b <= '9', b == '-', b == '_':
		default:
			return false
		}
	}
	return true
}

// ValidEventID tells whether this is an event ID of any room version.
func ValidEventID(event id.EventID) bool {
	return len(event) > 1 && len(event) <= MaxIDBytes && event[0] == '$' && printable(string(event))
}

// ValidRoomAlias tells whether this is a room alias: #name:server, at most 255
// bytes.
func ValidRoomAlias(alias id.RoomAlias) bool {
	_, ok := localpart(string(alias), '#')
	return ok
}

// localpart gives what stands between the sigil and the first colon of an ID
// that ends with a server name.
func localpart(whole string, sigil byte) (string, bool) {
	if len(whole) < 2 || len(whole) > MaxIDBytes || whole[0] != sigil || !printable(whole) {
		return "", false
	}
	local, server, found := strings.Cut(whole[1:], ":")
	if !found || local == "" {
		return "", false
	}
	_, _, valid := spec.ParseAndValidateServerName(spec.ServerName(server))
	return local, valid
}

// printable tells whether s is UTF-8 without control characters.
func printable(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] == 0x7F {
			return false
		}
	}
	return utf8.ValidString(s)
}

// storable tells whether s is UTF-8 without NUL, which PostgreSQL cannot hold.
func storable(s string) bool {
	return strings.IndexByte(s, 0) < 0 && utf8.ValidString(s)
}
