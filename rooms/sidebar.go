package rooms

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/tidwall/gjson"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/rooms/event"
	"github.com/conversalabs/internalchat/storage/stream"
)

// previewLength is how much of a message a list of rooms shows, in characters.
const previewLength = 140

// Entry is a room in the list of somebody who is in it.
type Entry struct {
	Room      id.RoomID
	Kind      Kind // "" for a room of none
	Name      string
	AvatarURL string
	Topic     string
	// Channel has what the server says of the room: icon, color, mandatory.
	Channel  Channel
	Role     Role
	MayPost  bool // messages
	Archived bool // or replaced by another room
	Peer     *Peer
	Last     *LastMessage
	// Active is when something was said last, or the room was made, in ms.
	Active int64

	room   *Room
	recent []*event.Event
	made   stream.Position // of the room
	bump   stream.Position // of what was said last
	left   *event.Event    // the member event of a peer who is not in the room
}

// Peer is the other one of a direct message.
type Peer struct {
	User        id.UserID `json:"user_id"`
	DisplayName string    `json:"displayname,omitempty"`
	AvatarURL   string    `json:"avatar_url,omitempty"`
	Active      bool      `json:"active"`
}

// LastMessage is what was said last in a room, as far as the reader may see it and does
// not ignore the sender.
type LastMessage struct {
	Event   id.EventID `json:"event_id"`
	Sender  id.UserID  `json:"sender"`
	Time    int64      `json:"ts"` // ms
	Type    string     `json:"type"`
	MsgType string     `json:"msgtype,omitempty"`
	Preview string     `json:"preview"` // at most 140 characters
}

// Sidebar lists the channels, announcements and direct messages that the caller is in,
// and for which their token is good, at one head: those where something was said last
// come first. Spaces are left out. with is told of each room in the same view; it
// may be told several times, from the first one (index 0) on.
func (s *Service) Sidebar(ctx context.Context, caller tenant.Caller, with func(v View, i int, r *Room) error) ([]Entry, error) {
	var entries []Entry
	var looks []look
	err := s.store.View(ctx, caller.Account, func(v View) (err error) {
		entries, looks, err = sidebarIn(v, caller)
		for i := range entries {
			if err == nil {
				err = with(v, i, entries[i].room)
			}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := s.fillLast(ctx, caller, entries, looks); err != nil {
		return nil, err
	}
	return entries, s.fillPeers(ctx, caller, entries)
}

// sidebarIn takes the caller's rooms out of a view.
func sidebarIn(v View, caller tenant.Caller) ([]Entry, []look, error) {
	memberships, err := v.Memberships(caller.User)
	if err != nil {
		return nil, nil, err
	}
	ignored, err := v.Ignored(caller.User)
	if err != nil {
		return nil, nil, err
	}
	wanted := slices.DeleteFunc(joinedIn(memberships), func(room id.RoomID) bool { return !caller.Rooms.Allow(room) })
	outlines, err := v.Outlines(wanted)
	if err != nil {
		return nil, nil, err
	}
	bumps := make(map[id.RoomID]stream.Position, len(wanted))
	kept := wanted[:0]
	for i, room := range wanted {
		if outlines[i].Type == "m.space" {
			continue
		}
		kept = append(kept, room)
		bumps[room] = outlines[i].Bump
	}
	found, err := v.Rooms(kept)
	if err != nil {
		return nil, nil, err
	}
	entries, looks := make([]Entry, len(found)), make([]look, len(found))
	for i, r := range found {
		entries[i] = r.entry(caller.User)
		entries[i].recent, _ = r.Recent(0)
		entries[i].bump = bumps[r.ID]
		looks[i] = look{Visibility: VisibilityOf(r, memberships[r.ID], false), ignored: ignored}
	}
	return entries, looks, standPeers(v, entries)
}

// standPeers finds out which of the peers are still there.
func standPeers(v View, entries []Entry) error {
	var peers []id.UserID
	for i := range entries {
		if p := entries[i].Peer; p != nil {
			peers = append(peers, p.User)
		}
	}
	standings, err := v.Standings(peers)
	if err != nil {
		return err
	}
	for i := range entries {
		e := &entries[i]
		if e.Peer == nil {
			continue
		}
		e.Peer.Active = standings[0].Active
		e.MayPost = e.MayPost && e.Peer.Active
		standings = standings[1:]
	}
	return nil
}

// entry gives what a member's list shows of a room.
func (r *Room) entry(user id.UserID) Entry {
	level := r.levels.User(user)
	e := Entry{
		Room: r.ID, Kind: r.Kind(), Channel: r.channel, Archived: r.retired(), room: r,
		Name: r.text("m.room.name", "name"), Topic: r.text("m.room.topic", "topic"), AvatarURL: r.text("m.room.avatar", "url"),
	}
	if create := r.Event("m.room.create", ""); create != nil {
		e.Active, e.made = create.Timestamp, create.Position
	}
	e.Role = RoleOf(level)
	e.MayPost = !e.Archived && level >= r.levels.Event("m.room.message", false)
	if e.Kind != Direct {
		if e.Role == RolePoster && e.Kind != Announcement {
			e.Role = RoleMember
		}
		return e
	}
	e.Role = RoleMember
	e.Peer = &Peer{User: r.peerOf(user)}
	if member := r.Member(e.Peer.User); member != nil && MembershipOf(member) == "join" {
		e.Peer.takes(member)
	} else {
		e.left = member
	}
	return e
}

// text gives a text of a room's state.
func (r *Room) text(eventType, field string) string {
	e := r.Event(eventType, "")
	if e == nil {
		return ""
	}
	return gjson.GetBytes(e.Content, field).Str
}

// takes takes name and picture from a member event.
func (p *Peer) takes(member *event.Event) {
	p.DisplayName = gjson.GetBytes(member.Content, "displayname").Str
	p.AvatarURL = gjson.GetBytes(member.Content, "avatar_url").Str
}

// fillPeers names the direct messages, also those whose other side has left.
func (s *Service) fillPeers(ctx context.Context, caller tenant.Caller, entries []Entry) error {
	var left []*event.Event
	for i := range entries {
		if entries[i].left != nil {
			left = append(left, entries[i].left)
		}
	}
	var before []*event.Event
	if left != nil {
		var err error
		if before, err = s.store.Replaced(ctx, caller.Account, left); err != nil {
			return err
		}
	}
	for i := range entries {
		e := &entries[i]
		if e.left != nil {
			if before[0] != nil {
				e.Peer.takes(before[0])
			}
			before = before[1:]
		}
		if e.Peer != nil {
			e.Name, e.AvatarURL = cmp.Or(e.Peer.DisplayName, string(e.Peer.User)), e.Peer.AvatarURL
		}
	}
	return nil
}

// fillLast finds what was said last in each room: among the newest events, which are in
// memory, or else where the room's outline says.
func (s *Service) fillLast(ctx context.Context, caller tenant.Caller, entries []Entry, looks []look) error {
	var asked []Slice
	var of []int
	for i := range entries {
		e := &entries[i]
		if e.take(&looks[i], e.recent); e.Last == nil && e.bump > e.made {
			asked, of = append(asked, Slice{Room: e.Room, After: e.bump - 1, UpTo: e.bump, Limit: 1, Direction: Backwards}), append(of, i)
		}
	}
	if asked == nil {
		return nil
	}
	read, err := s.store.Timelines(ctx, caller.Account, asked)
	if err != nil {
		return err
	}
	for n, events := range read {
		entries[of[n]].take(&looks[of[n]], events)
	}
	return nil
}

// take finds what was said last among events, oldest first.
func (e *Entry) take(l *look, events []*event.Event) {
	var edits []*event.Event
	for _, said := range slices.Backward(events) {
		if !bumps[said.Type] || said.StateKey != nil || said.RedactedBy != "" || !l.Event(said) || Ignores(l.ignored, said) {
			continue
		}
		e.Active = max(e.Active, said.Timestamp)
		if said.Relation.Type == event.Replacement && len(events) > 1 {
			edits = append(edits, said)
			continue
		}
		e.Last = lastMessage(said, newestEdit(said, edits))
		return
	}
}

func lastMessage(e, edit *event.Event) *LastMessage {
	content := gjson.ParseBytes(e.Content)
	if edit != nil {
		content = gjson.GetBytes(edit.Content, `m\.new_content`)
	}
	return &LastMessage{
		Event: e.ID, Sender: e.Sender, Time: e.Timestamp, Type: e.Type, MsgType: content.Get("msgtype").Str,
		Preview: preview(e.Type, content),
	}
}

// preview gives the beginning of what a message says, in one line.
func preview(eventType string, content gjson.Result) string {
	text := content.Get("body").Str
	switch eventType {
	case "m.poll.start":
		text = content.Get(`m\.poll.question.m\.text.0.body`).Str
	case "org.matrix.msc3381.poll.start":
		text = content.Get(`org\.matrix\.msc3381\.poll\.start.question.org\.matrix\.msc1767\.text`).Str
	}
	var b strings.Builder
	length := 0
	for word := range strings.FieldsSeq(text) {
		if b.Len() > 0 {
			word = " " + word
		}
		if room := previewLength - length; utf8.RuneCountInString(word) > room {
			b.WriteString(string([]rune(word[:min(len(word), 4*previewLength)])[:max(room-1, 0)]))
			b.WriteString("…")
			return b.String()
		}
		length += utf8.RuneCountInString(word)
		b.WriteString(word)
	}
	return b.String()
}
