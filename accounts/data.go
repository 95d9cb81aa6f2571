package accounts

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/storage/stream"
)

// Data is what users keep on the server for themselves (account data, tags, pushers), and what they show of themselves (the directory of users).
type Data struct {
	store  DataStore
	now    func() time.Time
	limits DataLimits
	sooner chan struct{} // of one: a note wants to be remembered
}

// DataLimits bound what one user may keep.
type DataLimits struct {
	Bytes      int // of one type of account data: 64 KiB if 0
	LargeBytes int // of m.direct: 1 MiB if 0
	Types      int // of account data, and as many in each room: 1,000 if 0
	Tags       int // on a room: 100 if 0
	Pushers    int // 20 if 0
}

func (l DataLimits) withDefaults() DataLimits {
	for value, standard := range map[*int]int{
		&l.Bytes: 64 << 10, &l.LargeBytes: 1 << 20, &l.Types: 1000, &l.Tags: 100, &l.Pushers: 20,
	} {
		if *value == 0 {
			*value = standard
		}
	}
	return l
}

// NewData makes the service.
func NewData(store DataStore, now func() time.Time, limits DataLimits) *Data {
	return &Data{store: store, now: now, limits: limits.withDefaults(), sooner: make(chan struct{}, 1)}
}

// DataStore keeps what [Data] serves: items of the stream, each under its kind,
// owner, room ("" for none) and key.
type DataStore interface {
	NoteStore
	// Item gives the content under a key, nil when there is none.
	Item(ctx context.Context, account tenant.ID, kind stream.Kind, user id.UserID, room id.RoomID, key string) ([]byte, error)
	// Items gives the items that a query names, lowest position first. Empty
	// content means removed.
	Items(ctx context.Context, account tenant.ID, query stream.ItemQuery) ([]stream.Item, error)
	// DataTypes counts the types of account data that a user has in a room, or,
	// where room is "", outside of rooms.
	DataTypes(ctx context.Context, account tenant.ID, user id.UserID, room id.RoomID) (int, error)
	// PutData puts an item of the caller's in place of the one under its key. A
	// room that the caller never had to do with is M_FORBIDDEN.
	PutData(ctx context.Context, caller tenant.Caller, item stream.Item) error
	// ChangeData is PutData where the new content depends on the one at the head,
	// nil when there is none. change may run several times and returns why it
	// refuses, if it does; what it gives is put unless it is the same.
	ChangeData(ctx context.Context, caller tenant.Caller, at stream.Item, change func([]byte) ([]byte, error)) error
	// PutPusher puts a pusher of the caller's. With alone set it removes those of
	// other users under the same key. A user may have most pushers; one more is
	// [ErrTooManyPushers].
	PutPusher(ctx context.Context, caller tenant.Caller, pusher stream.Item, alone bool, most int) error
	// User gives a user as the database has them, or nil.
	User(ctx context.Context, account tenant.ID, user id.UserID) (*User, error)
	// DirectoryUsers lists the users of an account who are not deactivated, by ID,
	// with their public profiles.
	DirectoryUsers(ctx context.Context, account tenant.ID) ([]DirectoryUser, error)
}

// The types of account data that the server itself has to do with.
const (
	PushRulesType = "m.push_rules"
	FullyReadType = "m.fully_read"
	TagType       = "m.tag"
	directType    = "m.direct"
)

// maxDataType is how long a type of account data may be, in bytes.
const maxDataType = 255

var (
	errNoData      = refusal.NotFound("There is no account data of this type.")
	errDataType    = refusal.Invalid("A type of account data may have at most 255 bytes.")
	errDirect      = refusal.BadJSON("m.direct must be an object that has a list of room IDs under each user ID.")
	errDataObject  = refusal.BadJSON("Account data must be a JSON object.")
	errServersData = refusal.New(http.StatusMethodNotAllowed, "M_BAD_JSON", "This type of account data is set by the server and cannot be written directly.")
	// ErrTooManyPushers is said to whom has as many pushers as a user may have.
	ErrTooManyPushers = refusal.Forbidden("You have too many pushers. Please turn notifications off on a device that you no longer use.")
)

// AccountData gives the content of a type of a user's account data, global where
// room is "". M_NOT_FOUND when there is none.
func (d *Data) AccountData(ctx context.Context, account tenant.ID, user id.UserID, room id.RoomID, kind string) (json.RawMessage, error) {
	content, err := d.store.Item(ctx, account, stream.AccountData, user, room, kind)
	if err != nil {
		return nil, err
	}
	if content == nil {
		return nil, errNoData
	}
	return content, nil
}

// SetAccountData replaces a type of the caller's account data with an object,
// which is kept as it is written, but for notes (see [Data.SetNote]).
func (d *Data) SetAccountData(ctx context.Context, caller tenant.Caller, room id.RoomID, kind string, content json.RawMessage) error {
	if kind == NoteType && room != "" {
		return d.SetNote(ctx, caller, room, content)
	}
	if err := d.checkAccountData(room, kind, content); err != nil {
		return err
	}
	item := stream.Item{Kind: stream.AccountData, User: caller.User, Room: room, Key: kind, Content: content}
	if err := d.checkTypes(ctx, caller, item); err != nil {
		return err
	}
	return d.store.PutData(ctx, caller, item)
}

// DeleteAccountData removes a type of the caller's account data, if it is there
// (MSC3391). Clients read of it as an empty object.
func (d *Data) DeleteAccountData(ctx context.Context, caller tenant.Caller, room id.RoomID, kind string) error {
	if err := checkDataType(kind); err != nil {
		return err
	}
	if kind == NoteType && room != "" {
		return d.DeleteNote(ctx, caller, room)
	}
	at := stream.Item{Kind: stream.AccountData, User: caller.User, Room: room, Key: kind}
	return d.store.ChangeData(ctx, caller, at, func([]byte) ([]byte, error) { return nil, nil })
}

// checkAccountData checks what a client wants to write.
func (d *Data) checkAccountData(room id.RoomID, kind string, content json.RawMessage) error {
	if err := checkDataType(kind); err != nil {
		return err
	}
	if len(content) == 0 || content[0] != '{' {
		return errDataObject
	}
	most := d.limits.Bytes
	if kind == directType && room == "" {
		most = d.limits.LargeBytes
	}
	if len(content) > most {
		return refusal.TooLarge("Account data of this type may have at most %d bytes.", most)
	}
	switch {
	case kind == TagType && room != "":
		_, err := d.readTags(content)
		return err
	case kind == directType && room == "":
		return checkDirect(content)
	case kind == NotificationPreferencesType && room == "":
		_, err := ReadNotificationPreferences(content)
		return err
	case kind == PreferencesType && room == "":
		_, err := ReadPreferences(content)
		return err
	}
	return nil
}

// checkDirect refuses an m.direct that no client could read: it lists the rooms
// of each user.
func checkDirect(content json.RawMessage) error {
	var direct map[id.UserID][]id.RoomID
	if json.Unmarshal(content, &direct) != nil {
		return errDirect
	}
	for user, rooms := range direct {
		if !strings.HasPrefix(string(user), "@") {
			return errDirect
		}
		for _, room := range rooms {
			if !strings.HasPrefix(string(room), "!") {
				return errDirect
			}
		}
	}
	return nil
}

func checkDataType(kind string) error {
	switch {
	case kind == PushRulesType, kind == FullyReadType, kind == BellType:
		return errServersData
	case len(kind) > maxDataType:
		return errDataType
	}
	return nil
}

// checkTypes refuses one type too many. It looks before the act, so that writing
// needs no look-up at the head: two requests at once may exceed the limit by one.
func (d *Data) checkTypes(ctx context.Context, caller tenant.Caller, item stream.Item) error {
	present, err := d.store.Item(ctx, caller.Account, item.Kind, item.User, item.Room, item.Key)
	if err != nil || present != nil {
		return err
	}
	types, err := d.store.DataTypes(ctx, caller.Account, item.User, item.Room)
	if err != nil {
		return err
	}
	if types >= d.limits.Types {
		return refusal.Forbidden("You have %d types of account data here already, which is the most allowed.", d.limits.Types)
	}
	return nil
}
