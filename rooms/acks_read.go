package rooms

import (
	"cmp"
	"context"
	"slices"

	"github.com/tidwall/gjson"
	"maunium.net/go/mautrix/id"

	"github.com/conversalabs/internalchat/accounts/tenant"
	"github.com/conversalabs/internalchat/rooms/event"
)

// PeoplePage asks for a part of a list of people, by their IDs.
type PeoplePage struct {
	From  id.UserID // the last one of the page before, "" for the first page
	Limit int       // at least 1
}

// cut gives those of the people who are on the page, and where the next one begins: ""
// where there is none.
func cut[P any](people []P, of func(P) id.UserID, page PeoplePage) ([]P, id.UserID) {
	first, found := slices.BinarySearchFunc(people, page.From, func(p P, from id.UserID) int { return cmp.Compare(of(p), from) })
	if found {
		first++
	}
	people = people[first:]
	if len(people) <= page.Limit {
		return people, ""
	}
	return people[:page.Limit], of(people[page.Limit-1])
}

// AckStatus is how one person stands to a message that asks to be acknowledged.
type AckStatus struct {
	User        id.UserID
	DisplayName string // "" for none
	Time        int64  // ms, of their acknowledgement; 0: it is outstanding
}

// AckOverview is how a message that asks to be acknowledged stands.
type AckOverview struct {
	AckAsked
	Own                       int64 // ms, when the caller has acknowledged; 0: they have not
	Acknowledged, Outstanding int
	// Detailed tells that the caller may see who has: the owner and the admins of the
	// room, and who sent the message. People and Next are empty for others.
	Detailed bool
	// Administers tells that the caller is owner or admin.
	Administers bool
	People      []AckStatus
	Next        id.UserID
}

// Acknowledgements gives who has acknowledged a message and of whom that is outstanding:
// of all people in the room but its sender. Who has left the room counts if they had.
// Only who is in the room may ask (M_FORBIDDEN); a message that the caller may not see
// is M_NOT_FOUND, one that does not ask M_INVALID_PARAM.
func (s *Service) Acknowledgements(ctx context.Context, caller tenant.Caller, room id.RoomID, eventID id.EventID, page PeoplePage) (*AckOverview, error) {
	e, people, levels, err := s.audience(ctx, caller, room, eventID)
	if err != nil {
		return nil, err
	}
	asked := askedBy(e)
	if asked == nil {
		return nil, errNotAsked
	}
	given, err := s.store.Acknowledgements(ctx, caller.Account, eventID)
	if err != nil {
		return nil, err
	}
	o := &AckOverview{AckAsked: *asked, Administers: levels.User(caller.User) >= AdminLevel}
	o.Detailed = o.Administers || e.Sender == caller.User
	all := make([]AckStatus, 0, len(people)+len(given))
	times := make(map[id.UserID]int64, len(given))
	for _, a := range given {
		times[a.User] = a.Time
	}
	for _, p := range people {
		all = append(all, AckStatus{User: p.user, DisplayName: p.name, Time: times[p.user]})
		delete(times, p.user)
	}
	for _, a := range given {
		if _, left := times[a.User]; left {
			all = append(all, AckStatus{User: a.User, Time: a.Time})
		}
	}
	for _, one := range all {
		if one.Time > 0 {
			o.Acknowledged++
		} else {
			o.Outstanding++
		}
		if one.User == caller.User {
			o.Own = one.Time
		}
	}
	if o.Detailed {
		slices.SortFunc(all, func(x, y AckStatus) int { return cmp.Compare(x.User, y.User) })
		o.People, o.Next = cut(all, func(one AckStatus) id.UserID { return one.User }, page)
	}
	return o, nil
}

// ExportAcknowledgements gives all of [Service.Acknowledgements], to the owner and the
// admins of the room alone.
func (s *Service) ExportAcknowledgements(ctx context.Context, caller tenant.Caller, room id.RoomID, eventID id.EventID) ([]AckStatus, error) {
	o, err := s.Acknowledgements(ctx, caller, room, eventID, PeoplePage{Limit: maxExported})
	if err != nil {
		return nil, err
	}
	if !o.Administers {
		return nil, errAcksHidden
	}
	return o.People, nil
}

// maxExported is more than how many people are in any room, or have been.
const maxExported = 1 << 20

// reader is a person in a room.
type reader struct {
	user id.UserID
	name string
}

// audience gives an event of a room that the caller is in, the people there but its
// sender, by their IDs, and the power levels.
func (s *Service) audience(ctx context.Context, caller tenant.Caller, room id.RoomID, eventID id.EventID) (*event.Event, []reader, *event.PowerLevels, error) {
	e, err := s.store.EventByID(ctx, caller.Account, eventID)
	if err != nil {
		return nil, nil, nil, err
	}
	var members []*event.Event
	var levels *event.PowerLevels
	l, err := s.member(ctx, caller, room, func(_ View, r *Room) error {
		members, levels = r.memberEvents(), r.PowerLevels()
		return nil
	})
	if err != nil {
		return nil, nil, nil, err
	}
	if e == nil || e.Room != room || !l.Event(e) {
		return nil, nil, nil, errNoEvent()
	}
	// Outside the view, which others wait for.
	people := make([]reader, 0, len(members))
	users := make([]id.UserID, 0, len(members))
	for _, m := range members {
		content := gjson.GetManyBytes(m.Content, "membership", "displayname")
		if user := id.UserID(*m.StateKey); content[0].Str == "join" && user != e.Sender {
			people = append(people, reader{user, content[1].Str})
			users = append(users, user)
		}
	}
	var standings []Standing
	err = s.store.Glance(ctx, caller.Account, func(v View) (err error) {
		standings, err = v.Standings(users)
		return err
	})
	if err != nil {
		return nil, nil, nil, err
	}
	kept := people[:0]
	for i, p := range people {
		if standings[i].Person {
			kept = append(kept, p)
		}
	}
	slices.SortFunc(kept, func(x, y reader) int { return cmp.Compare(x.user, y.user) })
	return e, kept, levels, nil
}
