package rooms

import (
	"encoding/json"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/rooms/event"
)

// IgnoredUsersType is the account data that says whom its owner ignores
// (section "Ignoring users").
const IgnoredUsersType = "m.ignored_user_list"

// IgnoredUsers reads the content of m.ignored_user_list, or nothing. It is the
// user's own and of any shape: what makes no sense ignores nobody.
func IgnoredUsers(content []byte) map[id.UserID]bool {
	var list struct {
		Users map[id.UserID]json.RawMessage `json:"ignored_users"`
	}
	if len(content) == 0 || json.Unmarshal(content, &list) != nil || len(list.Users) == 0 {
		return nil
	}
	ignored := make(map[id.UserID]bool, len(list.Users))
	for user := range list.Users {
		ignored[user] = true
	}
	return ignored
}

// Ignores tells whether who ignores these users is not shown an event: one that
// they sent and that is no state.
func Ignores(ignored map[id.UserID]bool, e *event.Event) bool {
	return e.StateKey == nil && ignored[e.Sender]
}
