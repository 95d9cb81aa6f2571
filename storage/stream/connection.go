package stream

import "maunium.net/go/mautrix/id"

// Connection names one connection of a device's sliding sync.
type Connection struct {
	User   id.UserID
	Device id.DeviceID
	Name   string // conn_id, or ""
}

// Sent is what had been sent on a [Connection] after one of its answers. Serial
// names it: no two of a connection have the same.
type Sent struct {
	Serial int64 // 0: there is none
	State  []byte
}

// Move says that a user's m.room.member event in a room is a new one.
type Move struct {
	Room id.RoomID
	User id.UserID
}
