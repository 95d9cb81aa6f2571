package longpoll

import (
	"context"
	"slices"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/storage/stream"
)

// readMoves finds whose devices the reader must look at again, and whose are no
// more of the reader's business.
func (s *sliding) readMoves(ctx context.Context) error {
	if s.c.initial {
		return nil
	}
	if !s.c.tail {
		var err error
		if s.found.moves, err = s.Store.MemberMoves(ctx, s.caller.Account, s.c.since, s.c.to.Position); err != nil {
			return err
		}
	}
	if len(s.c.deviceUsers)+len(s.found.moves) == 0 {
		return nil
	}
	return s.roomStore.Glance(ctx, s.caller.Account, func(v rooms.View) error {
		s.c.changed, s.c.left = nil, nil
		memberships, err := v.Memberships(s.caller.User)
		if err != nil {
			return err
		}
		m := &movement{sliding: s, v: v, own: memberships, came: map[id.UserID]bool{}, gone: map[id.UserID]bool{}}
		for _, move := range s.found.moves {
			if err := m.take(move); err != nil {
				return err
			}
		}
		return m.settle()
	})
}

// movement is who came to share a room with the reader, and who may no longer.
type movement struct {
	*sliding
	v          rooms.View
	own        map[id.RoomID]rooms.Spans
	came, gone map[id.UserID]bool
}

// take looks at one move in a room of the reader's.
func (m *movement) take(move stream.Move) error {
	own := m.own[move.Room]
	is, was := own.Current() == "join", own.At(m.c.since) == "join"
	if move.User == m.caller.User {
		if is == was {
			return nil
		}
		state, err := m.v.Room(move.Room)
		if err != nil || state == nil {
			return err
		}
		for _, user := range joinedMembers(state) {
			if is {
				m.came[user] = true
			} else {
				m.gone[user] = true
			}
		}
		return nil
	}
	if !is {
		return nil
	}
	theirs, err := m.v.Memberships(move.User)
	if err != nil {
		return err
	}
	spans := theirs[move.Room]
	switch is, was := spans.Current() == "join", spans.At(m.c.since) == "join"; {
	case is && !was:
		m.came[move.User] = true
	case was && !is:
		m.gone[move.User] = true
	}
	return nil
}

// settle tells whose devices changed and who left, of those who share a room with
// the reader or no longer do.
func (m *movement) settle() error {
	for user := range m.c.deviceUsers {
		shared, err := m.shares(user)
		if err != nil {
			return err
		}
		if shared {
			m.came[user] = true
		}
	}
	for user := range m.gone {
		shared, err := m.shares(user)
		if err != nil {
			return err
		}
		if !shared && user != m.caller.User {
			m.c.left = append(m.c.left, user)
		}
	}
	m.c.changed = keys(m.came)
	slices.Sort(m.c.left)
	return nil
}

// shares tells whether a user is in a room of the reader's.
func (m *movement) shares(user id.UserID) (bool, error) {
	if user == m.caller.User {
		return true, nil
	}
	theirs, err := m.v.Memberships(user)
	if err != nil {
		return false, err
	}
	for room, spans := range theirs {
		if spans.Current() == "join" && m.own[room].Current() == "join" {
			return true, nil
		}
	}
	return false, nil
}
