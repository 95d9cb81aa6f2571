package rooms

import (
	"context"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/storage/stream"
)

// BellKind says why the bell has rung.
type BellKind string

// The kinds of bell entries. They are stored, and told to clients.
const (
	BellMention       BellKind = "mention"
	BellDirectMessage BellKind = "direct_message"
	BellAnnouncement  BellKind = "announcement"
	BellReminder      BellKind = "reminder"    // of a personal note
	BellAcknowledge   BellKind = "acknowledge" // an announcement waits for it
)

// BellEntry is one thing that a user is to be told of.
type BellEntry struct {
	User id.UserID
	Kind BellKind
	// Reference is what it is about: of one user, kind and reference there is one
	// entry, however often it rings. "" stands for the event's ID.
	Reference string
	Room      id.RoomID
	Event     id.EventID // "" of what is about no event
	// Thread is the thread that the event is in: its root, or [MainThread]. A receipt
	// in a thread reads the entries of that thread alone.
	Thread string
	// At is the event's position, 0 of what is about no event. How far the room was
	// read, and since when somebody is in it, is judged by it.
	At   stream.Position
	Time int64 // ms, of the event or the reminder

	Position stream.Position // of the entry, which names it among the user's; set by [BellTx]
	Read     bool
}

// BellQuery asks for entries of one user, newest first.
type BellQuery struct {
	User   id.UserID
	Unread bool            // those alone
	Before stream.Position // 0: from the newest on
	Limit  int
}

// BellGone chooses entries that are to disappear: all about an event, or all about
// what was in a room below a position.
type BellGone struct {
	Event  id.EventID
	Room   id.RoomID
	Before stream.Position
}

// Takes tells whether an entry is one of these.
func (g BellGone) Takes(e BellEntry) bool {
	return g.Event != "" && e.Event == g.Event || g.Room != "" && e.Room == g.Room && e.At < g.Before
}

// BellStore is the part of [Store] that keeps the bells.
type BellStore interface {
	// Bell gives what a query asks for.
	Bell(ctx context.Context, account tenant.ID, query BellQuery) ([]BellEntry, error)
}

// BellTx is the part of [Tx] that rings, for lone acts. What each does is also told
// to the user's clients, by the account data br.com.conversalabs.bell {"unread",
// "latest"?}: that wakes their polls. Each reads the bell as it is before the act, so
// that an act does one of them, once for each user.
type BellTx interface {
	// Ring adds entries, but for those that are there already, read or not. That the
	// users are in the room and are to be told is for the act to see to. Of a user's
	// unread entries the newest 1,000 stay unread; what was read stays for 90 days.
	Ring(entries ...BellEntry) error
	// ReadBell marks those of a user's unread entries as read that are covered.
	ReadBell(user id.UserID, covers func(BellEntry) bool) error
	// Unring removes the entries of some users that are gone.
	Unring(users []id.UserID, gone BellGone) error
	// MoveReminder has a reminder of a note ring for another room.
	MoveReminder(user id.UserID, from, to id.RoomID)
}
