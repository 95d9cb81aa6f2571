package longpoll

import (
	"context"
	"fmt"

	"github.com/tidwall/gjson"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/storage/stream"
)

// extensions are what there is to say besides rooms, and not in the changes.
type extensions struct {
	receipts map[id.RoomID][]stream.Item
	data     map[id.RoomID][]stream.Item // account data of rooms
	typing   []rooms.TypingIn
	moves    []stream.Move
	read     map[id.RoomID]bool // rooms that the reader has read more of
	batch    stream.Token       // up to where the messages to the device are given
}

// news tells whether an extension has something to say.
func (s *sliding) news() bool {
	return len(s.found.receipts)+len(s.found.data)+len(s.found.typing)+len(s.c.accountData)+
		len(s.c.messages)+len(s.c.changed)+len(s.c.left) > 0 || s.c.countsNew
}

// takeEntries sorts out what of the tail concerns the reader besides rooms.
func (s *sliding) takeEntries(g *gathering, entries []rooms.Change) {
	for _, entry := range entries {
		e := entry.Event
		if e == nil {
			if entry.Item.Kind == stream.Receipt && entry.Item.User == s.caller.User {
				s.found.read[entry.Item.Room] = true
			}
			g.takeItem(entry.Item)
		} else if e.Type == "m.room.member" && e.StateKey != nil && len(g.memberships[e.Room]) > 0 {
			s.found.moves = append(s.found.moves, stream.Move{Room: e.Room, User: id.UserID(*e.StateKey)})
		}
	}
}

// takeTyping finds who types in the window's rooms, if that has changed.
func (s *sliding) takeTyping(g *gathering) {
	if !s.req.Extensions.Typing.Enabled {
		return
	}
	typing, digest := s.Rooms.Typing().Now(s.caller.Account, func(room id.RoomID) bool {
		return s.covers(&s.req.Extensions.Typing, room) && g.memberships[room].Current() == "join"
	})
	s.c.to.Typing = digest
	if s.from != nil && s.from.Typing == digest || s.from == nil && digest == 0 {
		return
	}
	for _, in := range typing {
		if s.from != nil || len(in.Users) > 0 {
			s.found.typing = append(s.found.typing, in)
		}
	}
}

// readExtensions reads what memory does not have of what the extensions tell.
func (s *sliding) readExtensions(ctx context.Context) error {
	if err := s.readData(ctx); err != nil {
		return err
	}
	if s.req.Extensions.ToDevice.Enabled {
		if err := s.readMessages(ctx); err != nil {
			return err
		}
	}
	if !s.req.Extensions.E2EE.Enabled {
		return nil
	}
	if err := s.readKeyCounts(ctx, s.caller, s.c); err != nil {
		return err
	}
	return s.readMoves(ctx)
}

// readData reads account data, receipts and whose devices changed.
func (s *sliding) readData(ctx context.Context) error {
	items := s.c.items
	for _, query := range s.dataQueries() {
		more, err := s.roomStore.Items(ctx, s.caller.Account, query)
		if err != nil {
			return fmt.Errorf("read items: %w", err)
		}
		items = append(items, more...)
	}
	for _, item := range newest(items) {
		s.takeData(item)
	}
	if !s.req.Extensions.AccountData.Enabled {
		return nil
	}
	return s.readPushRules(ctx, s.c)
}

// dataQueries asks for what changed since the request's pos, where memory does
// not reach back, and in rooms that are told from further back.
func (s *sliding) dataQueries() []stream.ItemQuery {
	wanted, c := &s.req.Extensions, s.c
	var queries []stream.ItemQuery
	receiptsIn := func(of []id.RoomID, after stream.Position) {
		if of = s.covered(&wanted.Receipts, of); len(of) > 0 {
			queries = append(queries, stream.ItemQuery{Kinds: []stream.Kind{stream.Receipt}, Rooms: of, After: after})
		}
	}
	dataIn := func(of []id.RoomID, after stream.Position) {
		if of = s.covered(&wanted.AccountData, of); len(of) > 0 {
			queries = append(queries, stream.ItemQuery{Kinds: []stream.Kind{stream.AccountData}, User: s.caller.User, Rooms: of, After: after})
		}
	}
	inRooms := func(of []id.RoomID, after stream.Position) {
		receiptsIn(of, after)
		dataIn(of, after)
	}
	var first []id.RoomID
	for _, room := range c.rooms {
		if room.section == joinedRoom && room.slid.first {
			first = append(first, room.id)
		}
	}
	inRooms(first, 0)
	inRooms(s.stale, s.staleSince)
	receiptsIn(s.lacking[lacksReceipts], 0)
	dataIn(s.lacking[lacksData], 0)
	if c.tail {
		return queries
	}
	if wanted.AccountData.Enabled {
		queries = append(queries, stream.ItemQuery{Kinds: []stream.Kind{stream.AccountData}, User: s.caller.User, Global: true, After: c.since})
	}
	if c.initial {
		return queries
	}
	inRooms(keys(s.window.byRoom), c.since) // all of the window's: only what is in the tail is brief
	if wanted.E2EE.Enabled {
		queries = append(queries, stream.ItemQuery{Kinds: []stream.Kind{stream.DeviceList}, After: c.since})
	}
	return queries
}

// covered gives those of the rooms that an extension is to tell of.
func (s *sliding) covered(e *Extension, of []id.RoomID) []id.RoomID {
	var all []id.RoomID
	for _, room := range of {
		if s.covers(e, room) {
			all = append(all, room)
		}
	}
	return all
}

// takeData puts an item where the answer has it.
func (s *sliding) takeData(item stream.Item) {
	wanted := &s.req.Extensions
	switch item.Kind {
	case stream.DeviceList:
		s.c.deviceUsers[item.User] = true
	case stream.AccountData:
		room := s.c.byID[item.Room]
		whole := s.c.initial || room != nil && room.slid.first
		if !wanted.AccountData.Enabled || whole && len(item.Content) == 0 {
			return
		}
		if item.Room == "" {
			s.c.accountData = append(s.c.accountData, item)
		} else if s.covers(&wanted.AccountData, item.Room) {
			s.found.data[item.Room] = append(s.found.data[item.Room], item)
		}
	case stream.Receipt:
		if wanted.Receipts.Enabled && len(item.Content) > 0 && mayRead(item, s.caller.User) && s.showsReceipt(item) {
			s.found.receipts[item.Room] = append(s.found.receipts[item.Room], item)
		}
	}
}

// showsReceipt tells whether a receipt belongs into the answer: of a room that is
// told for the first time the reader's own, and those of the events that are shown.
func (s *sliding) showsReceipt(item stream.Item) bool {
	room := s.c.byID[item.Room]
	if at := s.window.byRoom[item.Room]; at != nil && at.entry.current != "join" {
		return false
	}
	if !s.covers(&s.req.Extensions.Receipts, item.Room) || room != nil && room.section != joinedRoom {
		return false
	}
	if room == nil || !room.slid.first || item.User == s.caller.User {
		return true
	}
	read := id.EventID(gjson.GetBytes(item.Content, "event_id").String())
	for _, e := range room.timeline {
		if e.ID == read {
			return true
		}
	}
	return false
}

// readMessages deletes the messages that the device has said it has, and reads the
// next ones.
func (s *sliding) readMessages(ctx context.Context) error {
	wanted := &s.req.Extensions.ToDevice
	var after stream.Position
	if wanted.Since != "" {
		token, err := stream.ParseToken(wanted.Since)
		if err != nil {
			return err
		}
		if token.Epoch == s.c.to.Epoch && token.Position <= s.c.to.Position {
			after = token.Position
		}
		if err := s.acknowledge(ctx, after); err != nil {
			return err
		}
	}
	s.found.batch = stream.Token{Epoch: s.c.to.Epoch, Position: s.c.to.Position}
	if s.c.tail && !s.c.toDevice && after >= s.c.since {
		return nil
	}
	most := maxMessages
	if wanted.Limit != nil {
		most = min(*wanted.Limit, most)
	}
	var err error
	s.c.messages, s.found.batch.Position, err = s.messages(ctx, after, s.c.to.Position, most)
	return err
}
