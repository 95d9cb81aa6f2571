package accounts

import (
	"bytes"
	"cmp"
	"encoding/json"
	"reflect"
	"strings"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
)

// Removal is how a user is removed.
type Removal string

// The removals. Empty is none.
const (
	RemoveAccess Removal = "deactivate" // sessions end; who they were stays known
	Erase        Removal = "erase"      // what is known of the person goes, too
)

// UserChange is what ConversaLabs says of one of its users, or how it removes them.
type UserChange struct {
	External string // ConversaLabs' ID of the user
	Version  int64  // 0: of a removal, whatever the version
	Record   Record // whole; nothing of a removal
	Remove   Removal
}

// ID gives the ID that the user has if they are made by this, which may be none
// that is permitted. server is the account's server name.
func (c *UserChange) ID(server string) id.UserID {
	return id.NewUserID(foldName(c.localpart()), server)
}

func (c *UserChange) localpart() string { return cmp.Or(c.Record.Localpart, "u"+c.External) }

// On judges the change of a user who is present so at the head, nil if there is
// none. It gives the user as they are then: present itself when nothing changes.
// server is the account's server name, now the time (ms).
func (c *UserChange) On(present *User, server string, now int64) (*User, error) {
	switch {
	case present == nil && c.Remove != "":
		return nil, ErrNoUser
	case present == nil:
		return c.make(server, now)
	case c.Version != 0 && c.Version < present.Version:
		return nil, ErrOutdated
	case c.Version == present.Version:
		return present, nil
	}
	after := *present
	after.Version = cmp.Or(c.Version, present.Version)
	record := c.record(present)
	localpart := foldName(cmp.Or(record.Localpart, present.ID.Localpart()))
	if localpart != present.ID.Localpart() {
		return nil, errLocalpartFixed
	}
	record.Localpart = localpart
	after.Record, after.Role, after.Deactivated = &record, record.Role, !record.Active
	if c.Remove == Erase {
		after.Password = ""
	}
	if reflect.DeepEqual(&after, present) {
		return present, nil
	}
	return &after, nil
}

// make gives a user who is new.
func (c *UserChange) make(server string, now int64) (*User, error) {
	user, err := userID(c.localpart(), server)
	if err != nil {
		return nil, err
	}
	record := c.Record
	record.Localpart = user.Localpart()
	return &User{
		ID: user, Role: record.Role, Deactivated: !record.Active, Created: now,
		External: c.External, Version: c.Version, Record: &record,
	}, nil
}

// record gives what is to be kept of a user.
func (c *UserChange) record(present *User) Record {
	switch c.Remove {
	case RemoveAccess:
		record := *present.Record
		record.Active = false
		return record
	case Erase:
		return Record{
			Role: present.Record.Role, Permissions: present.Record.Permissions,
			InternalChat: present.Record.InternalChat, Teams: present.Record.Teams, Erased: true,
		}
	}
	return c.Record
}

// powers are what a user may do in the account, as far as their role says.
func powers(u *User) tenant.Permissions {
	switch u.Role {
	case tenant.Administrator:
		return ^tenant.Permissions(0)
	case tenant.Custom:
		return u.Permissions()
	}
	return tenant.UsePermission | tenant.CreatePrivatePermission
}

// Narrowed tells whether a user may do less than before, once they are let in. Who
// is not let in at all is locked, and cannot refresh meanwhile.
func Narrowed(before, after *User) bool {
	return powers(before)&^powers(after)&^tenant.UsePermission != 0
}

// SaidProfile gives the fields of a user's profile that a change of theirs sets, as
// JSON; nil removes. present is the user before, or nil. Who the user is,
// ConversaLabs decides; what the user may choose, too (picture, time zone), is set
// only when ConversaLabs has changed it.
func SaidProfile(present, after *User) map[string][]byte {
	before := Record{}
	if present != nil {
		before = *present.Record
	}
	said := map[string][]byte{
		"displayname":                 quoted(after.Record.DisplayName),
		"br.com.conversalabs.user_id": quoted(after.External),
		"br.com.conversalabs.role":    quoted(string(after.Role)),
	}
	if before.Timezone != after.Record.Timezone {
		said["m.tz"] = quoted(after.Record.Timezone)
	}
	if before.AvatarURL != after.Record.AvatarURL {
		// Clients can show what is stored here alone.
		shown := after.Record.AvatarURL
		if !strings.HasPrefix(shown, "mxc://") {
			shown = ""
		}
		said["avatar_url"] = quoted(shown)
	}
	return said
}

// quoted gives a text as JSON, nil for none.
func quoted(text string) []byte {
	if text == "" {
		return nil
	}
	encoded, err := json.Marshal(text)
	if err != nil {
		return nil // no text fails
	}
	return encoded
}

// SaidNotificationPreferences gives the notification preferences that a change of a user sets,
// and whether it does: what the user has changed since stays, unless ConversaLabs
// has another word on it.
func SaidNotificationPreferences(present, after *User) (json.RawMessage, bool) {
	var before json.RawMessage
	if present != nil {
		before = present.Record.NotificationPreferences
	}
	said := after.Record.NotificationPreferences
	if bytes.Equal(before, said) {
		return nil, false
	}
	if len(said) == 0 {
		return json.RawMessage("{}"), true
	}
	return said, true
}
