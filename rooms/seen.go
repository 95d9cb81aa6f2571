package rooms

import (
	"context"
	"encoding/json"
	"maps"

	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/rooms/event"
	"github.com/conversalabs/internalchat/storage/stream"
)

// SeenBy is who has seen an event, as far as they let others know.
type SeenBy struct {
	Seen, NotSeen int // how many
	People        []Sight
	Next          id.UserID // where the next page begins, "" where there is none
}

// Sight is one person.
type Sight struct {
	User id.UserID
	Seen bool
	Time int64 // ms, of the receipt by which they have; 0 where it has none
}

// SeenBy tells who of the people in a room, but its sender, has read an event: whose
// public receipt of the event's thread, or of the whole room, is at the event or behind
// it. Private receipts are nobody else's business: who gives no others has not seen it.
// Only who is in the room may ask (M_FORBIDDEN); an event that the caller may not see is
// M_NOT_FOUND. The cost grows with the members, and not with what has been said since.
func (s *Service) SeenBy(ctx context.Context, caller tenant.Caller, room id.RoomID, eventID id.EventID, page PeoplePage) (*SeenBy, error) {
	e, people, _, err := s.audience(ctx, caller, room, eventID)
	if err != nil {
		return nil, err
	}
	sights, err := s.sights(ctx, caller.Account, e)
	if err != nil {
		return nil, err
	}
	seen := &SeenBy{}
	all := make([]Sight, len(people))
	for i, p := range people {
		at, has := sights[p.user]
		all[i] = Sight{User: p.user, Seen: has, Time: at}
		if has {
			seen.Seen++
		}
	}
	seen.NotSeen = len(people) - seen.Seen
	seen.People, seen.Next = cut(all, func(one Sight) id.UserID { return one.User }, page)
	return seen, nil
}

// sights gives by whom an event has been read, and the time (ms) of the receipt.
func (s *Service) sights(ctx context.Context, account tenant.ID, e *event.Event) (map[id.UserID]int64, error) {
	items, err := s.receiptsBehind(ctx, account, e)
	if err != nil {
		return nil, err
	}
	receipts := make([]receipt, len(items))
	places := map[id.EventID]stream.Position{e.ID: e.Position}
	var unknown []id.EventID
	for i, item := range items {
		if json.Unmarshal(item.Content, &receipts[i]) != nil {
			continue // removed
		}
		if at := receipts[i].Event; at != "" {
			if _, known := places[at]; !known {
				places[at] = 0
				unknown = append(unknown, at)
			}
		}
	}
	if len(unknown) > 0 {
		found, err := s.store.Positions(ctx, account, e.Room, unknown)
		if err != nil {
			return nil, err
		}
		maps.Copy(places, found)
	}
	sights := map[id.UserID]int64{}
	for i, item := range items {
		if places[receipts[i].Event] < e.Position {
			continue
		}
		if at, has := sights[item.User]; !has || receipts[i].TS < at {
			sights[item.User] = receipts[i].TS
		}
	}
	return sights, nil
}

// receiptsBehind gives the public receipts that could be at an event or behind it: of
// its threads, and moved since it was sent.
func (s *Service) receiptsBehind(ctx context.Context, account tenant.ID, e *event.Event) ([]stream.Item, error) {
	find := finder{service: s, account: account, room: e.Room}
	if _, err := find.open(ctx); err != nil {
		return nil, err
	}
	m := mark{event: e}
	if err := find.threads(ctx, &m); err != nil {
		return nil, err
	}
	threads := []string{""}
	if m.main {
		threads = append(threads, MainThread)
	}
	var all []stream.Item
	for _, thread := range append(threads, m.thread...) {
		items, err := s.store.Items(ctx, account, stream.ItemQuery{
			Kinds: []stream.Kind{stream.Receipt}, Rooms: []id.RoomID{e.Room}, Key: ReceiptRead + "|" + thread, After: e.Position,
		})
		if err != nil {
			return nil, err
		}
		all = append(all, items...)
	}
	return all, nil
}
