package bell

import (
	"slices"

	"github.com/tidwall/gjson"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/rooms/event"
	"github.com/conversalabs/internalchat/rooms/push"
)

// The data that decides what rings for a user.
const (
	rulesType = "m.push_rules"
	// levelType is a room's level and whether it is muted: {"level", "muted",
	// "muted_until"?, "mentions_break_mute"}.
	levelType = "br.com.conversalabs.notifications"
)

// scene is an event in its room as it is now.
type scene struct {
	event    *event.Event
	kind     rooms.BellKind // what it is to every member, "" for nothing
	mentions map[id.UserID]bool
	everyone bool        // all members are mentioned
	readers  []id.UserID // to whom it may be something, by ID
	context  push.Context
}

// sceneOf finds whom an event may concern: those whom it mentions, or everybody where
// the room is a direct chat or an announcement.
func (s *step) sceneOf(e *event.Event) (*scene, error) {
	var sc *scene
	err := s.store.Glance(s.ctx, s.account, func(v rooms.View) error {
		sc = &scene{event: e, mentions: map[id.UserID]bool{}}
		room, err := v.Room(e.Room)
		if err != nil || room == nil {
			return err
		}
		sc.kind = kindOf(room)
		levels := room.PowerLevels()
		sc.context = push.Context{
			MemberCount: room.JoinedCount(), SenderPower: levels.User(e.Sender), NotificationLevel: levels.Notification,
		}
		sc.mention(levels)
		take := func(user id.UserID) {
			if user != e.Sender && room.Joined(user) {
				sc.readers = append(sc.readers, user)
			}
		}
		if sc.kind != "" || sc.everyone {
			for user := range room.Members() {
				take(user)
			}
		} else {
			for user := range sc.mentions {
				take(user)
			}
		}
		slices.Sort(sc.readers)
		return nil
	})
	return sc, err
}

// kindOf gives what every message of a room is to its members. What kind of room it
// is, its state says, never the number of its members.
func kindOf(room *rooms.Room) rooms.BellKind {
	switch room.Kind() {
	case rooms.Direct:
		return rooms.BellDirectMessage
	case rooms.Announcement:
		return rooms.BellAnnouncement
	}
	return ""
}

// mention reads whom the event mentions (section "User and room mentions").
func (sc *scene) mention(levels *event.PowerLevels) {
	mentions := gjson.GetBytes(sc.event.Content, `m\.mentions`)
	if !mentions.IsObject() {
		return
	}
	for _, user := range mentions.Get("user_ids").Array() {
		if user.Type == gjson.String {
			sc.mentions[id.UserID(user.Str)] = true
		}
	}
	sc.everyone = mentions.Get("room").Type == gjson.True && sc.context.SenderPower >= levels.Notification("room")
}

// kindFor gives what the event is to a reader: a mention before all else.
func (sc *scene) kindFor(user id.UserID) rooms.BellKind {
	if sc.everyone || sc.mentions[user] {
		return rooms.BellMention
	}
	return sc.kind
}

// threadOf gives the root of the thread that an event is in.
func threadOf(e *event.Event) string {
	relation := gjson.GetBytes(e.Content, `m\.relates_to`)
	if root := relation.Get("event_id").Str; relation.Get("rel_type").Str == "m.thread" && root != "" {
		return root
	}
	return rooms.MainThread
}

// judge gives the entries that ring for some of an event's readers.
func (s *step) judge(sc *scene, readers []id.UserID) ([]rooms.BellEntry, error) {
	decided, err := s.decisions(sc.event.Room, readers)
	if err != nil {
		return nil, err
	}
	var entries []rooms.BellEntry
	err = s.store.Glance(s.ctx, s.account, func(v rooms.View) error {
		entries = nil
		room, err := v.Room(sc.event.Room)
		if err != nil || room == nil {
			return err
		}
		for _, user := range readers {
			there, err := witnesses(v, room, user, sc.event)
			if err != nil {
				return err
			}
			if !there || !decided[user].wants(sc, user, displayName(room, user), s.now().UnixMilli()) {
				continue
			}
			entries = append(entries, rooms.BellEntry{
				User: user, Kind: sc.kindFor(user), Room: room.ID, Event: sc.event.ID, Thread: threadOf(sc.event),
				At: sc.event.Position, Time: sc.event.Timestamp,
			})
		}
		return nil
	})
	return entries, err
}

// witnesses tells whether a user can hear a bell, is in the room since before an
// event, and may see it.
func witnesses(v rooms.View, room *rooms.Room, user id.UserID, e *event.Event) (bool, error) {
	rings, err := v.UserRings(user)
	if err != nil || !rings || !room.Joined(user) {
		return false, err
	}
	// Mostly the last thing said of a member is the join, and the rest of the user's
	// memberships need not be loaded.
	spans := rooms.Spans{}.WithEvent(room.Member(user))
	if spans.Since() > e.Position {
		memberships, err := v.Memberships(user)
		if err != nil {
			return false, err
		}
		spans = memberships[room.ID]
	}
	return spans.Since() < e.Position && rooms.VisibilityOf(room, spans, false).Event(e), nil
}

func displayName(room *rooms.Room, user id.UserID) string {
	return gjson.GetBytes(room.Member(user).Content, "displayname").Str
}

// decision is what a user has decided, as far as the bell asks.
type decision struct {
	rules       *push.Evaluator
	preferences accounts.NotificationPreferences
	ignored     map[id.UserID]bool
	level       gjson.Result // of levelType
}

// decisions reads what some users have decided, for a room.
func (s *step) decisions(room id.RoomID, users []id.UserID) (map[id.UserID]*decision, error) {
	items, err := s.store.DataOf(s.ctx, s.account, users, room,
		[]string{rulesType, levelType, rooms.IgnoredUsersType, accounts.NotificationPreferencesType})
	if err != nil {
		return nil, err
	}
	decided := make(map[id.UserID]*decision, len(users))
	stored := map[id.UserID][]byte{}
	for _, user := range users {
		decided[user] = &decision{}
		decided[user].preferences, _ = accounts.ReadNotificationPreferences(nil) // the defaults
	}
	for _, item := range items {
		d := decided[item.User]
		switch {
		case item.Key == levelType && item.Room != "":
			d.level = gjson.ParseBytes(item.Content)
		case item.Room != "":
		case item.Key == rulesType:
			stored[item.User] = item.Content
		case item.Key == rooms.IgnoredUsersType:
			d.ignored = rooms.IgnoredUsers(item.Content)
		case item.Key == accounts.NotificationPreferencesType:
			if p, err := accounts.ReadNotificationPreferences(item.Content); err == nil {
				d.preferences = p
			}
		}
	}
	for user, d := range decided {
		rules, err := push.Parse(user, stored[user])
		if err != nil { // one user's rules must not keep all others' bells still
			rules = push.Default(user)
		}
		d.rules = push.Compile(rules)
	}
	return decided, nil
}

// wants tells whether the bell is to ring: whether the room is loud, then whether the
// type of thing is wanted. now is in ms.
func (d *decision) wants(sc *scene, user id.UserID, name string, now int64) bool {
	if rooms.Ignores(d.ignored, sc.event) {
		return false
	}
	kind := sc.kindFor(user)
	if !d.loud(sc, kind, name, now) {
		return false
	}
	switch kind {
	case rooms.BellMention:
		return d.preferences.Mention.Bell
	case rooms.BellDirectMessage:
		return d.preferences.DirectMessage.Bell
	default:
		return d.preferences.Announcement.Bell
	}
}

// loud tells whether push rules and the room's level let an event through. A mention
// breaks them where its reader has said so, but for the rules of the specification:
// those are about the event, or all of its user's notifications.
func (d *decision) loud(sc *scene, kind rooms.BellKind, name string, now int64) bool {
	context, e := sc.context, sc.event
	context.DisplayName = name
	result := d.rules.Evaluate(push.Event{Type: e.Type, Sender: e.Sender, Room: e.Room, Content: e.Content}, context)
	if !result.Notify && result.Predefined() {
		return false
	}
	until := d.level.Get("muted_until").Int()
	muted := d.level.Get("muted").Bool() && (until == 0 || until > now) || d.level.Get("level").Str == "nothing"
	if !result.Notify || muted {
		return kind == rooms.BellMention && d.level.Get("mentions_break_mute").Bool()
	}
	return kind == rooms.BellMention || d.level.Get("level").Str != "mentions"
}
