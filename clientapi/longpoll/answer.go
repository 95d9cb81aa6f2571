package longpoll

import (
	"encoding/json"
	"slices"
	"strconv"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/rooms/event"
	"github.com/conversalabs/internalchat/storage/stream"
)

// prune leaves out the rooms in which nothing is left to tell.
func (r *reading) prune(c *changes) {
	c.rooms = slices.DeleteFunc(c.rooms, func(room *room) bool { return !c.initial && room.empty(r.req.FullState) })
}

func (r *room) empty(fullState bool) bool {
	if r.section == joinedRoom && fullState {
		return false
	}
	return len(r.timeline) == 0 && !r.limited && len(r.state) == 0 && r.summary == nil && len(r.stripped) == 0 &&
		len(r.receipts) == 0 && len(r.accountData) == 0 && !r.tellTyping && !r.tellUnread
}

// answer writes the changes as /sync has them.
func (r *reading) answer(c *changes) json.RawMessage {
	w := &writer{reading: r, now: r.Now().UnixMilli(), epoch: c.to.Epoch}
	w.out = append(w.out, `{"next_batch":"`...)
	w.out = append(w.out, c.to.String()...)
	w.out = append(w.out, '"')
	if len(c.accountData) > 0 {
		w.key("account_data")
		w.accountData(c.accountData)
	}
	if len(c.presence) > 0 {
		w.key("presence")
		w.presence(c.presence)
	}
	if len(c.messages) > 0 {
		w.key("to_device")
		w.events(len(c.messages), func(i int) { w.out = append(w.out, c.messages[i].Content...) })
	}
	if len(c.changed)+len(c.left) > 0 {
		w.key("device_lists")
		w.out = append(w.out, `{"changed":`...)
		w.texts(c.changed)
		w.out = append(w.out, `,"left":`...)
		w.texts(c.left)
		w.out = append(w.out, '}')
	}
	if c.counts != nil {
		w.keyCounts(c)
	}
	w.rooms(c)
	return append(w.out, '}')
}

// writer writes an answer by joining bytes.
type writer struct {
	*reading
	out   []byte
	now   int64 // ms
	epoch int64
}

// key begins one more member of an object that has one already.
func (w *writer) key(name string) {
	w.out = append(w.out, ',', '"')
	w.out = append(w.out, name...)
	w.out = append(w.out, '"', ':')
}

// events writes {"events":[…]}.
func (w *writer) events(n int, write func(i int)) {
	w.out = append(w.out, `{"events":[`...)
	w.list(n, write)
	w.out = append(w.out, ']', '}')
}

func (w *writer) list(n int, write func(i int)) {
	for i := range n {
		if i > 0 {
			w.out = append(w.out, ',')
		}
		write(i)
	}
}

func (w *writer) text(s string) { w.out = rooms.AppendText(w.out, s) }

func (w *writer) texts(users []id.UserID) {
	w.out = append(w.out, '[')
	w.list(len(users), func(i int) { w.text(string(users[i])) })
	w.out = append(w.out, ']')
}

func (w *writer) accountData(items []stream.Item) {
	w.events(len(items), func(i int) {
		w.out = append(w.out, `{"type":`...)
		w.text(items[i].Key)
		w.out = append(w.out, `,"content":`...)
		if len(items[i].Content) == 0 {
			w.out = append(w.out, '{', '}')
		}
		w.out = append(w.out, items[i].Content...)
		w.out = append(w.out, '}')
	})
}

func (w *writer) presence(all map[id.UserID][]byte) {
	users := keys(all)
	w.events(len(users), func(i int) {
		w.out = append(w.out, `{"type":"m.presence","sender":`...)
		w.text(string(users[i]))
		w.out = append(w.out, `,"content":`...)
		content := all[users[i]]
		if w.Presences != nil {
			content = w.Presences.Content(w.caller.Account, users[i], content)
		}
		w.out = append(w.out, content...)
		w.out = append(w.out, '}')
	})
}

func (w *writer) keyCounts(c *changes) {
	w.key("device_one_time_keys_count")
	w.out = append(w.out, '{')
	algorithms := keys(c.counts)
	w.list(len(algorithms), func(i int) {
		w.text(string(algorithms[i]))
		w.out = append(w.out, ':')
		w.out = strconv.AppendInt(w.out, int64(c.counts[algorithms[i]]), 10)
	})
	w.out = append(w.out, '}')
	w.key("device_unused_fallback_key_types")
	w.out = append(w.out, '[')
	w.list(len(c.fallbacks), func(i int) { w.text(string(c.fallbacks[i])) })
	w.out = append(w.out, ']')
}

// sections are the parts of "rooms", by section.
var sections = [...]string{joinedRoom: "join", invitedRoom: "invite", knockedRoom: "knock", leftRoom: "leave"}

func (w *writer) rooms(c *changes) {
	if len(c.rooms) == 0 {
		return
	}
	w.key("rooms")
	w.out = append(w.out, '{')
	first := true
	for at, name := range sections {
		in := slices.DeleteFunc(slices.Clone(c.rooms), func(room *room) bool { return room.section != section(at) })
		if len(in) == 0 {
			continue
		}
		if !first {
			w.out = append(w.out, ',')
		}
		first = false
		w.text(name)
		w.out = append(w.out, ':', '{')
		w.list(len(in), func(i int) {
			w.text(string(in[i].id))
			w.out = append(w.out, ':')
			w.room(in[i])
		})
		w.out = append(w.out, '}')
	}
	w.out = append(w.out, '}')
}

func (w *writer) room(room *room) {
	if room.stripped != nil {
		w.out = append(w.out, '{', '"')
		w.out = append(w.out, sections[room.section]...)
		w.out = append(w.out, `_state":`...)
		w.events(len(room.stripped), func(i int) { w.out = rooms.AppendStripped(w.out, room.stripped[i]) })
		w.out = append(w.out, '}')
		return
	}
	w.out = append(w.out, `{"timeline":{"events":[`...)
	w.list(len(room.timeline), func(i int) {
		e := room.timeline[i]
		w.event(room, e, room.replaced[e], room.relations[e.ID])
	})
	w.out = append(w.out, `],"limited":`...)
	w.out = strconv.AppendBool(w.out, room.limited)
	w.key("prev_batch")
	w.text(stream.Token{Epoch: w.epoch, Position: room.start}.String())
	w.out = append(w.out, '}')
	switch {
	case !w.req.UseStateAfter:
		w.key("state")
	case w.req.UnstableStateAfter:
		w.key("org.matrix.msc4222.state_after")
	default:
		w.key("state_after")
	}
	w.events(len(room.state), func(i int) { w.event(room, room.state[i], nil, nil) })
	if len(room.accountData) > 0 {
		w.key("account_data")
		w.accountData(room.accountData)
	}
	if room.section == joinedRoom {
		w.joined(room)
	}
	w.out = append(w.out, '}')
}

// event writes an event for the reader.
func (w *writer) event(room *room, e, replaced *event.Event, relations json.RawMessage) {
	start := len(w.out)
	w.out = rooms.AppendEvent(w.out, e, rooms.Reader{
		User: w.caller.User, Device: w.caller.Device, Now: w.now,
		Membership: room.spans.At(e.Position), Replaced: replaced,
		Redaction: room.redaction[e.RedactedBy], Relations: relations, OmitRoom: true,
		Federation: w.filter.Federation,
	})
	if w.filter.Fields != nil {
		w.out = w.filter.Fields.Append(w.out[:start], w.out[start:])
	}
}

// joined writes what only joined rooms have.
func (w *writer) joined(room *room) {
	receipts := groupReceipts(room.receipts)
	// A room told whole has it even empty: the public suite reads it there.
	if room.tellTyping || len(receipts) > 0 || room.whole() {
		w.key("ephemeral")
		w.out = append(w.out, `{"events":[`...)
		if room.tellTyping {
			w.out = append(w.out, `{"type":"m.typing","content":{"user_ids":`...)
			w.texts(room.typing)
			w.out = append(w.out, '}', '}')
			if len(receipts) > 0 {
				w.out = append(w.out, ',')
			}
		}
		w.list(len(receipts), func(i int) { w.receipts(receipts[i]) })
		w.out = append(w.out, ']', '}')
	}
	if room.summary != nil {
		w.key("summary")
		w.summary(room.summary)
	}
	if room.counted {
		w.unread(room.unread)
	}
}

func (w *writer) summary(s *summary) {
	w.out = append(w.out, `{"m.joined_member_count":`...)
	w.out = strconv.AppendInt(w.out, int64(s.joined), 10)
	w.key("m.invited_member_count")
	w.out = strconv.AppendInt(w.out, int64(s.invited), 10)
	if !s.named {
		w.key("m.heroes")
		w.out = append(w.out, '[')
		w.list(len(s.heroes), func(i int) { w.text(*s.heroes[i].StateKey) })
		w.out = append(w.out, ']')
	}
	w.out = append(w.out, '}')
}
