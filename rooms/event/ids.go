package event

import "maunium.net/go/mautrix/id"

// ValidUserID tells whether this is a user ID of at most 255 bytes.
func ValidUserID(user id.UserID) bool { panic("not yet") }

// ValidRoomID tells whether this is a room ID, with or without a domain.
func ValidRoomID(room id.RoomID) bool { panic("not yet") }

// ValidEventID tells whether this is an event ID of any room version.
func ValidEventID(event id.EventID) bool { panic("not yet") }

// ValidRoomAlias tells whether this is a room alias of at most 255 bytes.
func ValidRoomAlias(alias id.RoomAlias) bool { panic("not yet") }
