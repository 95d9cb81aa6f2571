package rooms

import (
	"encoding/json"
	"strconv"
	"strings"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/rooms/event"
)

const (
	// upgradeLevel is what replacing a room of version 12 needs at first: whoever
	// does becomes a creator, above everybody.
	upgradeLevel = 150
	// closedLevel is what sending and inviting need at least in a room that has
	// been replaced.
	closedLevel = 50
)

// levels gives the new room the old one's power levels. They come last: with them
// the caller may have too little power to set up the rest.
func (u *upgrading) levels() error {
	content, err := readLevels(u.old.room)
	if err != nil {
		return err
	}
	users := map[id.UserID]int64{}
	if err := json.Unmarshal(content["users"], &users); err != nil {
		return err
	}
	old, next := u.old.room.PowerLevels(), u.new.room.PowerLevels()
	if event.CreatorsAbove(u.Version) {
		for user := range users {
			if next.User(user) == event.CreatorPower {
				delete(users, user)
			}
		}
		if err := guardTombstone(content, u.old.room); err != nil {
			return err
		}
	} else {
		// Whose power was above all levels must have one now.
		for _, user := range old.Creators() {
			users[user] = max(AdminLevel, highest(content))
		}
	}
	content.with("users", users)
	key := ""
	_, err = u.new.append(part{sender: u.caller.User, kind: "m.room.power_levels", stateKey: &key, content: content.bytes()})
	return err
}

// guardTombstone sees to it that replacing a room of version 12 needs more than
// changing it does.
func guardTombstone(content object, old *Room) error {
	events := map[string]int64{}
	if content["events"] != nil {
		if err := json.Unmarshal(content["events"], &events); err != nil {
			return err
		}
	}
	levels := old.PowerLevels()
	least := levels.StateDefault() + 1
	if !event.CreatorsAbove(old.Version) {
		least = max(least, upgradeLevel)
	}
	if set, ok := events["m.room.tombstone"]; !ok {
		events["m.room.tombstone"] = max(least, upgradeLevel)
	} else if set < least {
		events["m.room.tombstone"] = least
	}
	content.with("events", events)
	return nil
}

// highest gives the highest level that anything needs.
func highest(content object) int64 {
	top := int64(0)
	for key, value := range content {
		var level int64
		var some map[string]int64
		switch {
		case key == "users":
		case json.Unmarshal(value, &level) == nil:
			top = max(top, level)
		case json.Unmarshal(value, &some) == nil:
			for _, level := range some {
				top = max(top, level)
			}
		}
	}
	return top
}

// levelKeys are the keys of m.room.power_levels that are levels, and those that
// are objects of levels.
var (
	levelKeys    = []string{"ban", "events_default", "invite", "kick", "redact", "state_default", "users_default"}
	levelMapKeys = []string{"events", "notifications", "users"}
)

// readLevels gives the content of a room's m.room.power_levels with whole numbers
// in place of the texts that old room versions accept. Its users are always an object.
func readLevels(room *Room) (object, error) {
	content := object{}
	e := room.Event("m.room.power_levels", "")
	if e == nil {
		users := map[id.UserID]int64{}
		if create := room.Event("m.room.create", ""); create != nil {
			users[create.Sender] = AdminLevel
		}
		return content.with("users", users), nil
	}
	if err := json.Unmarshal(e.Content, &content); err != nil {
		return nil, err
	}
	for _, key := range levelKeys {
		if content[key] != nil {
			content[key] = wholeLevel(content[key])
		}
	}
	for _, key := range levelMapKeys {
		some := object{}
		if content[key] != nil && json.Unmarshal(content[key], &some) == nil {
			for name, level := range some {
				some[name] = wholeLevel(level)
			}
			content[key] = some.bytes()
		}
	}
	if users := content["users"]; users == nil || string(users) == "null" {
		content["users"] = json.RawMessage("{}")
	}
	return content, nil
}

// wholeLevel gives a level as a whole number.
func wholeLevel(level json.RawMessage) json.RawMessage {
	var text string
	if json.Unmarshal(level, &text) != nil {
		return level
	}
	n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	if err != nil {
		return level
	}
	return json.RawMessage(strconv.FormatInt(n, 10))
}

// restrict makes sending to the old room, and inviting into it, need more than
// an ordinary member has, if the caller may change that.
func (u *upgrading) restrict() error {
	if u.old.room.Kind() != "" {
		return u.old.archive(u.served())
	}
	content, err := readLevels(u.old.room)
	if err != nil {
		return err
	}
	levels := u.old.room.PowerLevels()
	closed := max(closedLevel, levels.UsersDefault()+1)
	changed := false
	for key, now := range map[string]int64{"events_default": levels.EventsDefault(), "invite": levels.Invite()} {
		if now < closed {
			content.with(key, closed)
			changed = true
		}
	}
	if !changed {
		return nil
	}
	return u.ifAllowed("m.room.power_levels", content.bytes())
}
