package rooms

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/clientapi/refusal"
	"github.com/conversalabs/internalchat/rooms/event"
)

// HierarchyRequest asks for a part of the tree of a space (section "Spaces").
type HierarchyRequest struct {
	Room      id.RoomID
	Suggested bool // only children that are suggested
	Limit     int  // rooms; 0: as many as one answer may have
	Depth     int  // levels below the space; -1: as many as there may be
	From      string
}

// Hierarchy is a part of the tree of a space, depth first.
type Hierarchy struct {
	Rooms []SpaceRoom `json:"rooms"`
	Next  string      `json:"next_batch,omitempty"`
}

// SpaceRoom is a room of a space's tree.
type SpaceRoom struct {
	Summary
	// Children are the m.space.child events of a space, stripped.
	Children []json.RawMessage `json:"children_state"`
}

const (
	maxHierarchyPage  = 100    // rooms in one answer
	maxHierarchyDepth = 50     // levels
	maxHierarchy      = 10_000 // rooms of one tree
)

// Hierarchy gives a page of the tree of a space: the rooms that the caller is
// shown. Below a room that they are not, they are shown nothing. A space that is
// not shown is 403 M_FORBIDDEN, as one that does not exist.
func (s *Service) Hierarchy(ctx context.Context, caller tenant.Caller, q HierarchyRequest) (*Hierarchy, error) {
	if !event.ValidRoomID(q.Room) {
		return nil, errNotHere()
	}
	q.Limit = min(cmp.Or(q.Limit, maxHierarchyPage), maxHierarchyPage)
	if q.Depth < 0 || q.Depth > maxHierarchyDepth {
		q.Depth = maxHierarchyDepth
	}
	first, err := q.first()
	if err != nil {
		return nil, err
	}
	var page *Hierarchy
	err = s.store.View(ctx, caller.Account, func(v View) error {
		memberships, err := v.Memberships(caller.User)
		if err != nil {
			return err
		}
		w := &walk{
			view: v, memberships: memberships, HierarchyRequest: q, first: first,
			seen: map[id.RoomID]bool{q.Room: true}, page: &Hierarchy{Rooms: []SpaceRoom{}},
		}
		root, err := v.Room(q.Room)
		if err != nil {
			return err
		}
		if root == nil || !root.shownTo(memberships) {
			return errNotHere()
		}
		page = w.page
		return w.visit(root, 0)
	})
	return page, err
}

// first reads the token: how many rooms of the tree came before. Its other parts
// must be what is asked for now, or the rest would be of another tree.
func (q *HierarchyRequest) first() (int, error) {
	if q.From == "" {
		return 0, nil
	}
	before, _, _ := strings.Cut(q.From, ".")
	first, err := strconv.Atoi(before)
	if err != nil || first < 0 || q.From != q.token(first) {
		return 0, refusal.Invalid("This is not a token of this space. max_depth and suggested_only must stay as they were.")
	}
	return first, nil
}

func (q *HierarchyRequest) token(n int) string {
	return fmt.Sprintf("%d.%d.%t", n, q.Depth, q.Suggested)
}

// walk goes through a space's tree.
type walk struct {
	HierarchyRequest
	view        View
	memberships map[id.RoomID]Spans
	first       int // rooms that another page had
	count       int
	seen        map[id.RoomID]bool
	page        *Hierarchy
}

// full tells that the page is, or that enough has been looked at.
func (w *walk) full() bool { return w.page.Next != "" || w.count >= maxHierarchy }

// visit takes a room that is shown, and what is below it.
func (w *walk) visit(r *Room, depth int) error {
	if len(w.page.Rooms) == w.Limit {
		w.page.Next = w.token(w.count)
		return nil
	}
	children := r.children(w.Suggested)
	if w.count++; w.count > w.first {
		shown := SpaceRoom{Summary: summaryOf(r), Children: make([]json.RawMessage, len(children))}
		for i, e := range children {
			shown.Children[i] = strippedChild(e)
		}
		w.page.Rooms = append(w.page.Rooms, shown)
	}
	if depth == w.Depth {
		return nil
	}
	below, err := w.view.Rooms(roomsOf(children))
	if err != nil {
		return err
	}
	for _, child := range below {
		if w.full() {
			return nil
		}
		if w.seen[child.ID] || !child.shownTo(w.memberships) {
			continue
		}
		w.seen[child.ID] = true
		if err := w.visit(child, depth+1); err != nil {
			return err
		}
	}
	return nil
}

func roomsOf(children []*event.Event) []id.RoomID {
	all := make([]id.RoomID, 0, len(children))
	for _, e := range children {
		if room := id.RoomID(*e.StateKey); event.ValidRoomID(room) {
			all = append(all, room)
		}
	}
	return all
}

// children gives what a space links to, in the order in which it is shown. A room
// that is no space has none.
func (r *Room) children(suggested bool) []*event.Event {
	create := r.Event("m.room.create", "")
	if create == nil || gjson.GetBytes(create.Content, "type").String() != "m.space" {
		return nil
	}
	type child struct {
		*event.Event
		order   string
		ordered bool
	}
	var all []child
	for key, e := range r.state { // a view's room is no fork
		if key.eventType != "m.space.child" {
			continue
		}
		if via := gjson.GetBytes(e.Content, "via"); !via.IsArray() || len(via.Array()) == 0 {
			continue
		}
		if suggested && gjson.GetBytes(e.Content, "suggested").Type != gjson.True {
			continue
		}
		order, ordered := childOrder(e.Content)
		all = append(all, child{e, order, ordered})
	}
	slices.SortFunc(all, func(x, y child) int {
		switch {
		case x.ordered && !y.ordered:
			return -1
		case y.ordered && !x.ordered:
			return 1
		}
		return cmp.Or(
			cmp.Compare(x.order, y.order), cmp.Compare(x.Timestamp, y.Timestamp), cmp.Compare(*x.StateKey, *y.StateKey),
		)
	})
	events := make([]*event.Event, len(all))
	for i, c := range all {
		events[i] = c.Event
	}
	return events
}

// maxOrder is how long the order of a space's child may be, in characters.
const maxOrder = 50

// childOrder gives a child's order, if it has one that counts: at most 50
// characters, all of them printable ASCII.
func childOrder(content []byte) (string, bool) {
	order := gjson.GetBytes(content, "order")
	if order.Type != gjson.String || len(order.Str) > maxOrder {
		return "", false
	}
	for i := range len(order.Str) {
		if order.Str[i] < 0x20 || order.Str[i] > 0x7E {
			return "", false
		}
	}
	return order.Str, true
}

// strippedChild writes an m.space.child event as stripped state, and when it was
// set.
func strippedChild(e *event.Event) json.RawMessage {
	stripped := AppendStripped(nil, e)
	stripped = append(stripped[:len(stripped)-1], `,"origin_server_ts":`...)
	return append(strconv.AppendInt(stripped, e.Timestamp, 10), '}')
}
