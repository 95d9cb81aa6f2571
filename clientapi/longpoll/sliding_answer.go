package longpoll

import (
	"encoding/json"
	"strconv"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/rooms"
	"github.com/conversalabs/internalchat/rooms/event"
	"github.com/conversalabs/internalchat/storage/stream"
)

// answer writes what there is to tell; serial names what has been sent by then.
func (s *sliding) answer(serial int64) json.RawMessage {
	w := &slidingWriter{
		writer:  &writer{reading: s.reading, now: s.Now().UnixMilli(), epoch: s.c.to.Epoch},
		sliding: s,
	}
	pos := s.c.to
	pos.Sent = serial
	w.out = append(w.out, `{"pos":`...)
	w.text(pos.String())
	w.key("lists")
	w.out = append(w.out, '{')
	lists := keys(s.window.counts)
	w.list(len(lists), func(i int) {
		w.text(lists[i])
		w.out = append(w.out, `:{"count":`...)
		w.number(s.window.counts[lists[i]])
		w.out = append(w.out, '}')
	})
	w.out = append(w.out, '}')
	w.key("rooms")
	w.out = append(w.out, '{')
	w.list(len(s.c.rooms), func(i int) {
		w.text(string(s.c.rooms[i].id))
		w.out = append(w.out, ':')
		w.slidRoom(s.c.rooms[i])
	})
	w.out = append(w.out, '}')
	w.key("extensions")
	w.extensions()
	return append(w.out, '}')
}

// slidingWriter writes the answer of a sliding sync.
type slidingWriter struct {
	*writer
	sliding *sliding
}

func (w *slidingWriter) number(n int) { w.out = strconv.AppendInt(w.out, int64(n), 10) }

// named gives one of the names that something has in the two forms of the answer.
func (w *slidingWriter) named(unstable, stable string) string {
	if w.sliding.req.Stable {
		return stable
	}
	return unstable
}

// slidRoom writes one room.
func (w *slidingWriter) slidRoom(r *room) {
	w.out = append(w.out, `{"bump_stamp":`...)
	w.number(int(r.slid.entry.bump))
	if w.sliding.req.Stable {
		w.key("membership")
		w.text(r.spans.Current())
		if lists := r.slid.wants.Lists; lists != nil {
			w.key("lists")
			w.out = append(w.out, '[')
			w.list(len(lists), func(i int) { w.text(lists[i]) })
			w.out = append(w.out, ']')
		}
	}
	if r.stripped != nil && w.sliding.req.Stable {
		w.stripped(r) // and nothing else: the reader is not in the room
		return
	}
	if r.slid.first || r.stripped != nil {
		w.out = append(w.out, `,"initial":true`...)
	}
	if direct := r.slid.now.Direct; direct && r.slid.first || r.slid.apart {
		w.key("is_dm")
		w.out = strconv.AppendBool(w.out, direct)
	}
	if r.stripped != nil {
		w.stripped(r)
		return
	}
	w.identity(r)
	w.timeline(r)
	if r.section == joinedRoom {
		w.key("notification_count")
		w.number(r.unread.Notify)
		w.key("highlight_count")
		w.number(r.unread.Highlight)
	}
	w.out = append(w.out, '}')
}

// stripped writes what the invited and the knocking see of a room, its last part.
func (w *slidingWriter) stripped(r *room) {
	w.key(w.named("invite_state", "stripped_state"))
	w.out = append(w.out, '[')
	w.list(len(r.stripped), func(i int) { w.out = rooms.AppendStripped(w.out, r.stripped[i]) })
	w.out = append(w.out, ']', '}')
}

// identity writes what a room is called and who is in it, as far as that is news.
func (w *slidingWriter) identity(r *room) {
	name, avatar := r.slid.name, r.slid.avatar
	for _, e := range r.current {
		switch {
		case r.section == joinedRoom || *e.StateKey != "":
		case e.Type == "m.room.name":
			name = e
		case e.Type == "m.room.avatar":
			avatar = e
		}
	}
	w.fact(r, "name", name, "name")
	w.fact(r, "avatar", avatar, "url")
	if r.summary == nil {
		return
	}
	w.key("joined_count")
	w.number(r.summary.joined)
	w.key("invited_count")
	w.number(r.summary.invited)
	if r.summary.named || len(r.summary.heroes) == 0 {
		return
	}
	w.key("heroes")
	w.out = append(w.out, '[')
	w.list(len(r.summary.heroes), func(i int) { w.hero(r.summary.heroes[i]) })
	w.out = append(w.out, ']')
}

// fact writes a text out of a state event that is news: null where it was taken
// away.
func (w *slidingWriter) fact(r *room, name string, e *event.Event, key string) {
	if e == nil || !r.whole() && e.Position <= r.lower {
		return
	}
	text := textOf(e, key)
	if text == "" && r.whole() {
		return
	}
	w.key(name)
	if text == "" {
		w.out = append(w.out, "null"...)
		return
	}
	w.text(text)
}

func (w *slidingWriter) hero(e *event.Event) {
	w.out = append(w.out, `{"user_id":`...)
	w.text(*e.StateKey)
	for _, key := range []string{"displayname", "avatar_url"} {
		if text := textOf(e, key); text != "" {
			w.key(key)
			w.text(text)
		}
	}
	w.out = append(w.out, '}')
}

// timeline writes a room's state and timeline.
func (w *slidingWriter) timeline(r *room) {
	if len(r.state) > 0 {
		w.key("required_state")
		w.out = append(w.out, '[')
		w.list(len(r.state), func(i int) { w.event(r, r.state[i], nil, nil) })
		w.out = append(w.out, ']')
	}
	w.key(w.named("timeline", "timeline_events"))
	w.out = append(w.out, '[')
	live := 0
	w.list(len(r.timeline), func(i int) {
		e := r.timeline[i]
		if w.sliding.from != nil && e.Position > w.sliding.c.since {
			live++
		}
		w.event(r, e, r.replaced[e], r.relations[e.ID])
	})
	w.out = append(w.out, ']')
	w.key("num_live")
	w.number(live)
	// Clients put events from before those that they have in front of them only
	// where limited tells them that there may be such, even when there are no more.
	expanded := r.expanded()
	w.key("limited")
	w.out = strconv.AppendBool(w.out, r.limited || expanded)
	w.key("prev_batch")
	w.text(stream.Token{Epoch: w.epoch, Position: r.start}.String())
	if expanded {
		w.key(w.named("unstable_expanded_timeline", "expanded_timeline"))
		w.out = append(w.out, "true"...)
	}
}

// expanded tells whether the timeline has events from before those that had been
// told, since more are wanted now.
func (r *room) expanded() bool {
	return r.slid.wider && !r.slid.first && len(r.timeline) > 0 && r.timeline[0].Position <= r.slid.since
}

// extensions writes those that have something to say, and those that always say
// how things stand.
func (w *slidingWriter) extensions() {
	found, c, wanted := w.sliding.found, w.sliding.c, &w.sliding.req.Extensions
	w.out = append(w.out, '{')
	first := true
	section := func(name string, wanted bool, write func()) {
		if !wanted {
			return
		}
		if !first {
			w.out = append(w.out, ',')
		}
		first = false
		w.text(name)
		w.out = append(w.out, ':')
		write()
	}
	section("to_device", wanted.ToDevice.Enabled, func() {
		w.out = append(w.out, `{"next_batch":`...)
		w.text(found.batch.String())
		w.key("events")
		w.out = append(w.out, '[')
		w.list(len(c.messages), func(i int) { w.out = append(w.out, c.messages[i].Content...) })
		w.out = append(w.out, ']', '}')
	})
	section("e2ee", wanted.E2EE.Enabled, w.e2ee)
	section("account_data", len(c.accountData)+len(found.data) > 0, func() {
		w.out = append(w.out, `{"global":`...)
		w.dataList(c.accountData)
		w.key("rooms")
		eachRoom(w, found.data, w.dataList)
		w.out = append(w.out, '}')
	})
	section("receipts", len(found.receipts) > 0, func() {
		w.out = append(w.out, `{"rooms":`...)
		eachRoom(w, found.receipts, w.receiptsOf)
		w.out = append(w.out, '}')
	})
	section("typing", len(found.typing) > 0, func() {
		w.out = append(w.out, `{"rooms":{`...)
		w.list(len(found.typing), func(i int) {
			w.text(string(found.typing[i].Room))
			w.out = append(w.out, `:{"type":"m.typing","content":{"user_ids":`...)
			w.texts(found.typing[i].Users)
			w.out = append(w.out, '}', '}')
		})
		w.out = append(w.out, '}', '}')
	})
	w.out = append(w.out, '}')
}

func (w *slidingWriter) e2ee() {
	c := w.sliding.c
	w.out = append(w.out, `{"device_lists":{"changed":`...)
	w.texts(c.changed)
	w.key("left")
	w.texts(c.left)
	w.out = append(w.out, '}')
	if c.counts != nil {
		w.keyCounts(c)
	}
	w.out = append(w.out, '}')
}

// dataList writes account data as a list.
func (w *slidingWriter) dataList(items []stream.Item) {
	begin := len(w.out)
	w.accountData(items) // {"events":[…]}
	list := w.out[begin+len(`{"events":`) : len(w.out)-1]
	w.out = append(w.out[:begin], list...)
}

// receiptsOf writes the one m.receipt that a room may have. Where a user has read
// one event both in the room and in a thread, the first of the two stands.
func (w *slidingWriter) receiptsOf(items []stream.Item) {
	groups := append(groupReceipts(items), receiptGroup{})
	w.receipts(groups[0])
}

// eachRoom writes an object of rooms.
func eachRoom(w *slidingWriter, of map[id.RoomID][]stream.Item, write func([]stream.Item)) {
	all := keys(of)
	w.out = append(w.out, '{')
	w.list(len(all), func(i int) {
		w.text(string(all[i]))
		w.out = append(w.out, ':')
		write(of[all[i]])
	})
	w.out = append(w.out, '}')
}
