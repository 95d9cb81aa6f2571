package media

import (
	"regexp"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
)

// ID names a piece of media in its account: the last part of mxc://server/ID.
type ID string

var idPattern = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// Valid tells whether the ID has the shape of one (section "Content repository").
func (i ID) Valid() bool { return idPattern.MatchString(string(i)) }

// Record is one piece of media.
type Record struct {
	Account  tenant.ID
	ID       ID
	Uploader id.UserID
	Created  int64 // ms
	// Expires is until when (ms) the content of a record that waits for it has to
	// come. It is 0 once it is there.
	Expires int64
	// Content is nil while the record waits.
	Content *Content
}

// URI is the address of the media: mxc://server/ID.
func (r *Record) URI() id.ContentURI {
	return id.ContentURI{Homeserver: r.Uploader.Homeserver(), FileID: string(r.ID)}
}

// Content is what was uploaded.
type Content struct {
	Type     string // as the uploader has called it (a Content-Type), or empty
	Detected string // what the bytes look like: a media type without parameters
	Name     string // of the file, or empty
	Blob     Blob
}

// Blob is what lies in a store of blobs. Equal contents of one account are one blob;
// accounts share none.
type Blob struct {
	Key    Key
	SHA256 string // hex
	Size   int64  // bytes
}

// Key names a blob in its store. It is never used twice: hash, "-", random letters.
type Key string

var keyPattern = regexp.MustCompile(`^[0-9a-f]{64}-[A-Z2-7]{16,32}$`)

// Valid tells whether the key has the shape of one, which is that of a file name, too.
func (k Key) Valid() bool { return keyPattern.MatchString(string(k)) }

// Kind is what refers to media.
type Kind string

// The kinds of links.
const (
	// EventLink is an event (also a state event, as a room's avatar): Room and
	// Reference, its event ID.
	EventLink Kind = "event"
	// RoomLink is a room as it shows itself to who is not in it: Room.
	RoomLink Kind = "room"
	// ProfileLink is a profile: Reference is its user.
	ProfileLink Kind = "profile"
	// AccountDataLink is somebody's account data: Reference is [OwnReference] of its
	// type, Room the room or empty.
	AccountDataLink Kind = "account_data"
	// DelayedLink is an event that is yet to be sent: Room, and Reference, which is
	// [OwnReference] of its delay ID.
	DelayedLink Kind = "delayed"
	// PreviewLink is a preview of a page elsewhere, which the whole account may
	// read: Reference is the hash of its address.
	PreviewLink Kind = "preview"
)

// OwnReference is the reference of what is its owner's alone.
func OwnReference(owner id.UserID, name string) string { return string(owner) + " " + name }

// Link says that something refers to media. With the account, all of it is the key.
type Link struct {
	Media     ID
	Kind      Kind
	Room      id.RoomID // or empty
	Reference string
}
