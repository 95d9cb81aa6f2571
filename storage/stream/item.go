package stream

import "maunium.net/go/mautrix/id"

// Kind says what an entry of the stream is.
type Kind uint8

// The kinds of items. Numbers are stored: never reuse one.
const (
	AccountData  Kind = iota + 1 // User's, Room or "" for global; Key is the type
	Receipt                      // User read in Room; Key is type "|" thread; {"event_id","ts","thread_id"?}
	Presence                     // User's; {"presence","status_msg"?,"last_active_ts"?}
	Profile                      // User's; Key is the field, Content its JSON value
	DeviceList                   // User's devices or keys changed
	DeviceKeys                   // User's; Key is the device; the signed device keys
	CrossSigning                 // User's; Key is master, self_signing or user_signing
	Pusher                       // User's; Key is app_id "|" pushkey
	Forgotten                    // User forgot Room; Content empty again: remembers
	ToDevice                     // User has messages; Key is the device (stored apart)
	OneTimeKeys                  // User's; Key is the device: counts changed
	Dehydrated                   // User's dehydrated device; {"device_id","device_data"}
	Following                    // Room's members are those of a team; Content its ID
	AccountSpace                 // Content is the room of the account's space
)

// The kinds that are appended, never overwritten: caches and followers act on
// them.
const (
	UserChanged      Kind = iota + 64 // User: created, role, password, deactivated
	SessionChanged                    // User; Key is the device: sessions or device began, ended, changed
	SettingsChanged                   // the account's settings; Key is LevelChanged if push rules change with them
	DirectoryChanged                  // Room: published or not, aliases
	ServicesChanged                   // Key is an application service that was added or removed
	TeamChanged                       // Key is a team: made, changed, deleted; or Room follows it from here on
)

// LevelChanged is the key of a change of settings by which the default level of
// notifications is another one.
const LevelChanged = "level"

// Appended tells whether entries of this kind are kept one by one.
func (k Kind) Appended() bool { return k >= UserChanged }

// Item is an entry of the stream other than an event: one value under a key
// that, unless [Kind.Appended], overwrites the one before. Empty content means
// removed.
type Item struct {
	Position Position
	Kind     Kind
	User     id.UserID
	Room     id.RoomID
	Key      string
	Content  []byte // JSON
}

// ItemQuery asks for items above a position: those of a user, of a room, or, with
// neither, the whole account's. Kinds is required. Key, if set, must be equal, Keys
// hold it.
type ItemQuery struct {
	Kinds []Kind
	User  id.UserID
	Rooms []id.RoomID
	// Global asks for what is in no room.
	Global bool
	Key    string
	Keys   []string
	After  Position
}
