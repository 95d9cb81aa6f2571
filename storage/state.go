package storage

import (
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts"
	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/rooms/event"
	"github.com/conversalabs/internalchat/storage/stream"
)

// tailEntries is how many of an account's newest entries stay in memory at
// least.
const tailEntries = 4096

// state is an account at one head. What is in its maps is complete and valid at
// that head; what is not has not been loaded.
type state struct {
	place
	epoch int64
	hub   *stream.Hub
	tail  *stream.Tail[rooms.Change]

	rooms       map[id.RoomID]*rooms.Room // nil: known not to exist
	outlines    map[id.RoomID]rooms.Outline
	memberships map[id.UserID]map[id.RoomID]rooms.Spans
	forgotten   map[id.UserID]map[id.RoomID]bool
	ignored     map[id.UserID]map[id.UserID]bool           // replaced, never changed
	settings    *accounts.Settings                         // replaced, never changed; nil: not loaded
	services    *[]*accounts.AppService                    // replaced, never changed; nil: not loaded
	users       map[id.UserID]*accounts.User               // nil: known not to exist
	sessions    map[id.UserID]map[string]*accounts.Session // by the token's hash
	owners      map[string]id.UserID                       // token's hash → user
}

func newState(at place, epoch int64) *state {
	return &state{
		place: at, epoch: epoch, hub: stream.NewHub(),
		tail:        stream.NewTail(tailEntries, at.head, rooms.Change.Position),
		rooms:       map[id.RoomID]*rooms.Room{},
		outlines:    map[id.RoomID]rooms.Outline{},
		memberships: map[id.UserID]map[id.RoomID]rooms.Spans{},
		forgotten:   map[id.UserID]map[id.RoomID]bool{},
		ignored:     map[id.UserID]map[id.UserID]bool{},
		users:       map[id.UserID]*accounts.User{},
		sessions:    map[id.UserID]map[string]*accounts.Session{},
		owners:      map[string]id.UserID{},
	}
}

// redactedEvent is the redacted form of an event that was appended before.
type redactedEvent = *event.Event

// apply brings in committed changes, in the order of the stream.
func (s *state) apply(to place, changes []rooms.Change, redacted []redactedEvent) {
	s.place = to
	for _, c := range changes {
		if c.Event != nil {
			s.applyEvent(c.Event)
		} else {
			s.applyItem(c.Item)
		}
		if c.Item.Kind == stream.ToDevice {
			c.Item.Content = nil // read from the database, so that the tail stays small
		}
		s.tail.Append(c)
	}
	for _, e := range redacted {
		if room := s.rooms[e.Room]; room != nil {
			room.Replace(e)
		}
		s.tail.Replace(e.Position, rooms.Change{Event: e})
	}
}

func (s *state) applyEvent(e *event.Event) {
	room, loaded := s.rooms[e.Room]
	switch {
	case loaded && room == nil:
		// Made meanwhile: let it be loaded when it is needed.
		delete(s.rooms, e.Room)
	case loaded:
		room.Apply(e)
	}
	if outline, loaded := s.outlines[e.Room]; loaded {
		s.outlines[e.Room] = outline.With(e)
	}
	if e.Type != "m.room.member" || e.StateKey == nil {
		return
	}
	user := id.UserID(*e.StateKey)
	if spans, loaded := s.memberships[user]; loaded {
		spans[e.Room] = spans[e.Room].WithEvent(e)
	}
}

func (s *state) applyItem(item stream.Item) {
	switch item.Kind {
	case stream.Forgotten:
		if forgotten, loaded := s.forgotten[item.User]; loaded {
			if len(item.Content) > 0 {
				forgotten[item.Room] = true
			} else {
				delete(forgotten, item.Room)
			}
		}
	case stream.AccountData:
		if item.Room == "" && item.Key == rooms.IgnoredUsersType {
			delete(s.ignored, item.User)
		}
		if item.Room == "" && item.Key == accounts.PreferencesType {
			s.dropSessions(item.User) // they know their user's language
		}
	case stream.UserChanged:
		delete(s.users, item.User)
		s.dropSessions(item.User)
	case stream.SessionChanged:
		s.dropSessions(item.User)
	case stream.SettingsChanged:
		s.settings = nil
		// Who is locked out hangs on them.
		clear(s.users)
		clear(s.sessions)
		clear(s.owners)
	case stream.ServicesChanged:
		s.services = nil
	case stream.DirectoryChanged:
		if room := s.rooms[item.Room]; room != nil {
			room.Published = string(item.Content) == "true"
		}
	}
}

func (s *state) dropSessions(user id.UserID) {
	for token := range s.sessions[user] {
		delete(s.owners, token)
	}
	delete(s.sessions, user)
}

func (s *state) keepSession(session *accounts.Session) {
	if s.sessions[session.User] == nil {
		s.sessions[session.User] = map[string]*accounts.Session{}
	}
	s.sessions[session.User][session.Token] = session
	s.owners[session.Token] = session.User
}

// session gives a session that is in memory, or nil.
func (s *state) session(token string) *accounts.Session {
	return s.sessions[s.owners[token]][token]
}
